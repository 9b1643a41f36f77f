"""Downloading as the user does it: real buttons, the real child, and a hub on loopback that can misbehave."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from hub_server import HubServer
from PySide6.QtCore import Qt

from i3core.checkpoints import registry
from i3core.system import assets
from i3desk.models.download import DownloadState
from i3desk.models.downloads_panel import Downloads
from i3desk.workers.background import BackgroundJobs

REPO = "someone/small"
WEIGHTS = "model.safetensors"
SLOW = 2_000_000  # bytes a second: six seconds for the whole
CHILD_MS = 30_000  # for a child to begin and end on a busy machine


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original") / "small"
    bundled = assets.models()[assets.BUNDLED_MODEL]
    shutil.copytree(bundled, folder, ignore=shutil.ignore_patterns("recipe"))
    (folder / "README.md").write_text("A small model.")  # whose size does not follow our card
    return folder


@pytest.fixture
def server(original):
    with HubServer() as running:
        running.add(REPO, original)
        running.add("FlameF0X/i3-80m", original)
        yield running


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def open_downloads(qtbot, server, models, tmp_path):
    """Opens the downloads as a start of the program does."""
    opened, threads = [], []
    environment = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "", "NO_PROXY": "*"}

    def open_() -> Downloads:
        threads.append(BackgroundJobs())
        downloads = Downloads(models, threads[-1], environment)
        qtbot.addWidget(downloads)
        downloads.find_interrupted()
        opened.append(downloads)
        downloads.resize(800, 300)
        return downloads

    yield open_
    for downloads in opened:
        downloads.shut_down()
    for background in threads:
        with qtbot.waitSignal(background.stopped, timeout=60_000):
            background.shut_down()


@pytest.fixture
def begin(qtbot, open_downloads):
    """Types a name into the form and presses Enter; returns the page's part and the card."""

    def begin_(name: str):
        downloads = open_downloads()
        downloads.open()
        downloads.form.edit.clear()
        qtbot.keyClicks(downloads.form.edit, name)
        qtbot.keyClick(downloads.form.edit, Qt.Key.Key_Return)
        return downloads, downloads.cards[0]

    return begin_


def state_is(card, state):
    return lambda: card.download.state is state


def press(qtbot, button):
    qtbot.waitUntil(lambda: button.isVisible() and button.isEnabled())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_suggested_model_is_downloaded_completely(qtbot, open_downloads, server, models, original):
    downloads = open_downloads()
    downloads.open()
    assert [each.button.accessibleName() for each in downloads.form.offers] == ["Download i3-80M", "Download i3-200M"]
    assert "for this model only" in downloads.form.promise.text()
    assert server.requests == []
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS) as told:
        press(qtbot, downloads.form.offers[0].button)
    assert told.args == [str(models / "i3-80m")]
    assert (models / "i3-80m" / WEIGHTS).read_bytes() == (original / WEIGHTS).read_bytes()
    assert downloads.cards == []


def test_window_imports_neither_hub_nor_torch():
    source = (
        "import sys, i3desk.models.page\n"
        "print({'torch', 'huggingface_hub', 'httpx', 'httpx2', 'requests'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_paused_and_resumed_download_sends_every_byte_once(qtbot, begin, server, models, original):
    server.bytes_per_second = SLOW
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: "left" in card.numbers.text() and card.bar.value() > 100, timeout=CHILD_MS)
    assert card.numbers.text().endswith(" left")
    assert " of 19.1 MB · " in card.numbers.text()
    assert card.title.text() == f"Downloading {REPO} from the hub"
    press(qtbot, card.pause_button)
    qtbot.waitUntil(lambda: card.title.text() == f"Download of {REPO} is paused", timeout=CHILD_MS)
    assert "left" not in card.numbers.text()
    (paused,) = registry.interrupted(models)
    assert 0 < paused.done_bytes < paused.total_bytes
    server.bytes_per_second = None
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS):
        press(qtbot, card.resume_button)
    resumed_from = server.sent[-1].start
    assert resumed_from > 0
    assert server.sent[-1].count == (original / WEIGHTS).stat().st_size - resumed_from
    assert registry.downloaded(models) == {"small": models / "small"}


def test_focus_stays_on_button_that_pauses_and_resumes(qtbot, begin, server):
    server.bytes_per_second = SLOW
    _, card = begin(REPO)
    qtbot.waitUntil(lambda: card.bar.value() > 50, timeout=CHILD_MS)
    card.pause_button.setFocus()
    qtbot.keyClick(card.pause_button, Qt.Key.Key_Space)
    qtbot.waitUntil(card.resume_button.isVisible, timeout=CHILD_MS)
    assert card.window().focusWidget() is card.resume_button  # and not Cancel, which would remove everything
    qtbot.keyClick(card.resume_button, Qt.Key.Key_Space)
    qtbot.waitUntil(card.pause_button.isVisible)
    assert card.window().focusWidget() is card.pause_button


def test_cancelled_download_removes_partial_files(qtbot, begin, server, models):
    server.bytes_per_second = SLOW
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: card.bar.value() > 50, timeout=CHILD_MS)
    with qtbot.waitSignal(card.download.cancelled, timeout=CHILD_MS):
        press(qtbot, card.cancel_button)
    assert [path.name for path in models.iterdir() if not path.name.startswith(".")] == []
    assert downloads.cards == []
    assert not downloads.isVisible()


def test_interrupted_download_is_offered_at_next_start(qtbot, begin, open_downloads, server, models):
    server.bytes_per_second = SLOW
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: card.bar.value() > 100, timeout=CHILD_MS)
    downloads.shut_down()
    server.bytes_per_second = None
    again = open_downloads()
    qtbot.waitUntil(lambda: len(again.cards) == 1)
    card = again.cards[0]
    qtbot.waitUntil(lambda: " of 19.1 MB" in card.numbers.text())
    assert card.bar.value() > 100
    with qtbot.waitSignal(again.downloaded, timeout=CHILD_MS):
        press(qtbot, card.resume_button)
    assert server.sent[-1].start > 0


def test_resumed_download_keeps_its_revision(qtbot, open_downloads, server, models):
    commit = server.repos[REPO].commit
    partial = models / "small.partial"
    partial.mkdir(parents=True)
    content = {"repo": REPO, "revision": commit, "total_bytes": 1}
    (partial / registry.DOWNLOAD_FILE).write_text(json.dumps(content))
    downloads = open_downloads()
    downloads.show()
    qtbot.waitUntil(lambda: len(downloads.cards) == 1)
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS):
        press(qtbot, downloads.cards[0].resume_button)
    assert server.requests[0][1].endswith(f"/revision/{commit}")


def test_model_of_same_name_by_another_author_replaces_partial_download(qtbot, begin, server, models, original):
    server.add("another/small", original, {"README.md": b"Another model."})
    server.bytes_per_second = SLOW
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: card.bar.value() > 50, timeout=CHILD_MS)
    press(qtbot, card.pause_button)
    qtbot.waitUntil(state_is(card, DownloadState.PAUSED), timeout=CHILD_MS)
    server.bytes_per_second = None
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS):
        downloads.start_download("another/small")
        qtbot.waitUntil(lambda: "another/small" in card.title.text())
        assert card.pause_button.accessibleName() == "Pause: download of another/small"
    assert (models / "small" / "README.md").read_bytes() == b"Another model."


def test_download_does_not_start_while_its_files_are_removed(qtbot, begin, server, models):
    server.bytes_per_second = SLOW
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: card.bar.value() > 50, timeout=CHILD_MS)
    press(qtbot, card.pause_button)
    qtbot.waitUntil(state_is(card, DownloadState.PAUSED), timeout=CHILD_MS)
    with qtbot.waitSignal(card.download.cancelled, timeout=CHILD_MS):
        card.download.cancel()
        downloads.start_download(REPO)
    assert not card.download.running
    assert [path.name for path in models.iterdir() if not path.name.startswith(".")] == []


def test_cut_connection_is_resumed(qtbot, begin, server, original):
    server.cuts = [5_000_000]
    downloads, _ = begin(REPO)
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS):
        pass
    assert server.bytes_sent(WEIGHTS) < (original / WEIGHTS).stat().st_size + 1_000_000


def test_damaged_bytes_are_reported_and_downloaded_again(qtbot, begin, server):
    server.corrupt = {WEIGHTS}
    downloads, card = begin(REPO)
    qtbot.waitUntil(lambda: card.failure.isVisible(), timeout=CHILD_MS)
    assert "checksum" in card.failure.what.text()
    assert not card.failure.what.text().startswith("i3core")
    assert card.title.text() == f"{REPO} could not be downloaded"
    assert card.resume_button.text() == "Try again"
    server.corrupt = set()
    with qtbot.waitSignal(downloads.downloaded, timeout=CHILD_MS):
        press(qtbot, card.resume_button)


def test_unknown_model_and_missing_network_are_reported_with_remedy(qtbot, begin, open_downloads, server):
    downloads, card = begin("someone/nothing")
    qtbot.waitUntil(state_is(card, DownloadState.FAILED), timeout=CHILD_MS)
    qtbot.waitUntil(card.failure.isVisible)
    assert "someone/nothing" in card.failure.what.text()
    press(qtbot, card.cancel_button)
    qtbot.waitUntil(lambda: not downloads.cards)
    server.close()
    downloads, card = begin(REPO)
    qtbot.waitUntil(state_is(card, DownloadState.FAILED), timeout=CHILD_MS)
    qtbot.waitUntil(card.failure.isVisible)
    assert "reach" in card.failure.what.text()


def test_form_accepts_only_names_and_pasted_addresses(qtbot, open_downloads):
    downloads = open_downloads()
    downloads.open()
    form = downloads.form
    asked = []
    form.download_requested.disconnect()
    form.download_requested.connect(asked.append)
    for text, taken in (
        ("", False), ("a b", False), ("../x", False), ("a/b/c", False), ("--to", False),
        (" author/name ", True), ("i3-80m", True), ("https://huggingface.co/FlameF0X/i3-22m", True),
    ):  # fmt: skip
        form.edit.setText(text)
        assert form.start_button.isEnabled() is taken, text
        qtbot.keyClick(form.edit, Qt.Key.Key_Return)
    assert asked == ["author/name", "i3-80m", "FlameF0X/i3-22m"]
    with qtbot.waitSignal(downloads.closed):
        qtbot.keyClick(form.edit, Qt.Key.Key_Escape)
    assert not downloads.isVisible()
