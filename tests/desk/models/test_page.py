"""The models page as its user meets it: cards of real folders, real clicks, real children for what is done to files."""

from __future__ import annotations

import json
import shutil
import time

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QInputDialog, QLineEdit

from i3core.system import assets
from i3desk.models.catalog import Catalog
from i3desk.models.page import ModelsPage
from i3desk.paths import Paths
from i3desk.style.theme import Theme
from i3desk.workers.background import BackgroundJobs

MINI = assets.models()[assets.BUNDLED_MODEL]
CHILD_MS = 60_000  # for a child that imports torch on a busy machine


def copy_model(folder, **config):
    """A real model under another name."""
    shutil.copytree(MINI, folder, ignore=shutil.ignore_patterns("recipe", "README.md"))
    content = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.fixture
def here(tmp_path):
    return Paths.under(tmp_path / "user")


@pytest.fixture
def open_page(qtbot, qapp, here):
    """Opens the page and waits until every folder is read and has its card."""
    opened = []

    def open_(width: int = 1208, height: int = 772, **options) -> ModelsPage:
        background = BackgroundJobs()
        catalog = Catalog(here, background, **options)
        page = ModelsPage(catalog, background, here, Theme(qapp, "light"))
        qtbot.addWidget(page)
        opened.append((page, background))
        page.resize(width, height)
        page.show()
        catalog.refresh()
        open_.settle(page)
        return page

    def settle(page) -> None:
        qtbot.waitUntil(
            lambda: (
                bool(page.catalog.entries)
                and not page.catalog.reading
                and set(page.cards) == {entry.folder for entry in page.catalog.entries}
                and all(page.cards[entry.folder].entry == entry for entry in page.catalog.entries)
            ),
            timeout=20_000,
        )

    open_.settle = settle
    yield open_
    for page, background in opened:
        page.shut_down()
        with qtbot.waitSignal(background.stopped, timeout=60_000):
            background.shut_down()


def press(qtbot, button):
    assert button.isVisible()
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def shown_facts(card) -> dict[str, str]:
    return {name.text(): value.text() for name, value in card.facts.pairs}


def test_card_shows_facts_of_model(qtbot, here, open_page):
    folder = copy_model(here.models_folder / "i3-80m", description="The original: stories and chat.", license="MIT")
    page = open_page()
    card = page.cards[folder]
    assert card.name.text() == "i3-80m"
    assert card.origin.text() == "downloaded"
    assert card.description.text() == "The original: stories and chat."
    assert shown_facts(card) == {
        "memory": "42.9 MB", "file": "19.6 MB", "window": "512", "parameters": "9.5 M", "licence": "MIT",
    }  # fmt: skip
    qtbot.mouseClick(page.precision_choice.buttons["int8"], Qt.MouseButton.LeftButton)
    assert shown_facts(card)["memory"] == "16.7 MB"


def test_use_requests_model_in_chosen_precision(qtbot, here, open_page):
    folder = copy_model(here.models_folder / "i3-80m")
    page = open_page()
    asked = []
    page.use_requested.connect(lambda folder, precision: asked.append((folder, precision)))
    press(qtbot, page.cards[MINI].use_button)
    with qtbot.waitSignal(page.precision_chosen) as chosen:
        press(qtbot, page.precision_choice.buttons["int8"])
    press(qtbot, page.cards[folder].use_button)
    assert asked == [(None, "float32"), (str(folder), "int8")]
    assert chosen.args == ["int8"]


def test_card_shows_loading_use_reloading_and_unloading(qtbot, here, open_page):
    folder = copy_model(here.models_folder / "i3-80m")
    page = open_page()
    card, mini = page.cards[folder], page.cards[MINI]
    page.show_loaded(None, "float32")
    assert mini.in_use.isVisible()
    page.show_loading(str(folder), "Reading the weights…")
    assert card.loading.isVisible()
    assert card.stage.text() == "Reading the weights…"
    assert not card.use_button.isEnabled()
    page.show_loaded(str(folder), "float32")
    assert not card.loading.isVisible()
    assert card.in_use.isVisible()
    assert not mini.in_use.isVisible()
    assert card.use_button.text() == "Unload"
    press(qtbot, page.precision_choice.buttons["int8"])
    assert card.use_button.text() == "Reload in int8"
    with qtbot.waitSignal(page.use_requested) as asked:
        press(qtbot, card.use_button)
    assert asked.args == [str(folder), "int8"]
    page.show_loaded(str(folder), "int8")
    assert card.in_use_text.text() == "in use · int8"
    with qtbot.waitSignal(page.unload_requested):
        press(qtbot, card.use_button)
    page.show_unloaded()
    assert card.use_button.text() == "Use"


def test_failed_load_shows_reason_and_can_be_repeated(qtbot, here, open_page):
    page = open_page()
    card = page.cards[MINI]
    page.show_loading(None, "Loading…")
    page.show_load_failed(None, "There is not enough memory.", "Choose int8.")
    assert (card.load_failure.what.text(), card.load_failure.remedy.text()) == (
        "There is not enough memory.", "Choose int8.",
    )  # fmt: skip
    with qtbot.waitSignal(page.use_requested):
        press(qtbot, card.try_again)
    page.show_loading(None, "Loading…")
    assert not card.load_failure.isVisible()


def test_deletion_asks_first_and_is_disabled_while_in_use_or_bundled(qtbot, here, open_page):
    folder = copy_model(here.models_folder / "i3-80m")
    page = open_page()
    card = page.cards[folder]
    assert not page.cards[MINI].delete_action.isVisible()
    page.show_loaded(str(folder), "float32")
    assert not card.delete_action.isEnabled()
    page.show_unloaded()
    card.delete_action.trigger()
    assert card.question.what.text() == "Delete i3-80m (19.6 MB)?"
    assert QApplication.focusWidget() is card.question.no_button
    qtbot.keyClick(card.question.no_button, Qt.Key.Key_Escape)
    assert not card.question.isVisible()
    assert folder.is_dir()
    card.delete_action.trigger()
    press(qtbot, card.question.yes_button)
    qtbot.waitUntil(lambda: folder not in page.cards)
    assert not folder.exists()


def test_card_of_missing_folder_can_be_removed_or_read_again(qtbot, open_page, tmp_path):
    gone, lost = tmp_path / "gone", tmp_path / "lost"
    page = open_page(own_folders=[str(gone), str(lost)])
    card = page.cards[gone]
    assert str(gone) in card.damage.what.text()
    assert not card.use_button.isVisible()
    press(qtbot, card.remove_button)
    qtbot.waitUntil(lambda: gone not in page.cards)
    assert page.catalog.own_folders == (str(lost),)
    copy_model(lost)
    press(qtbot, page.cards[lost].damage.buttons[0])
    qtbot.waitUntil(page.cards[lost].use_button.isVisible)
    assert not page.cards[lost].damage.isVisible()


def test_dropped_folder_gets_card_or_reason(qtbot, open_page, tmp_path):
    own = copy_model(tmp_path / "mine")
    (tmp_path / "holiday").mkdir()
    page = open_page()

    def drop(folder) -> None:
        content = QMimeData()
        content.setUrls([QUrl.fromLocalFile(str(folder))])
        arguments = (content, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
        enter = QDragEnterEvent(QPoint(9, 9), Qt.DropAction.CopyAction, *arguments)
        QApplication.sendEvent(page, enter)
        assert enter.isAccepted()
        assert page.drop_card.title.text() == "Drop it to add it"
        QApplication.sendEvent(page, QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, *arguments))

    drop(tmp_path / "holiday")
    qtbot.waitUntil(page.notice.isVisible)
    assert str(tmp_path / "holiday") in page.notice.what.text()
    drop(own)
    qtbot.waitUntil(lambda: own in page.cards and QApplication.focusWidget() is page.cards[own].use_button)
    assert not page.notice.isVisible()
    assert page.drop_card.title.text() == "Drop a model folder anywhere on the window"
    page.cards[own].remove_action.trigger()
    qtbot.waitUntil(lambda: own not in page.cards)
    assert own.is_dir()


def test_details_show_all_facts_with_folder_to_copy(qtbot, open_page):
    page = open_page()
    card = page.cards[MINI]
    before = card.height()
    press(qtbot, card.details_button)
    qtbot.waitUntil(lambda: card.height() > before + 100)
    path = card.details.rows.values["Folder"]
    assert isinstance(path, QLineEdit)
    path.selectAll()
    path.copy()
    assert QApplication.clipboard().text() == str(MINI)
    assert card.details.rows.values["Vocabulary"].text() == "1,024 chunks"
    press(qtbot, card.details_button)
    qtbot.waitUntil(lambda: card.height() == before)


@pytest.mark.slow
def test_model_is_exported_converted_back_and_verified(qtbot, here, open_page, tmp_path):
    page = open_page()
    page.export(MINI, tmp_path)
    card = page.cards[MINI]
    assert card.work.isVisible()
    qtbot.waitUntil(card.result.isVisible, timeout=CHILD_MS)
    exported = tmp_path / "i3-mini-public"
    assert (exported / "pytorch_model.bin").is_file()
    assert str(exported) in card.result.text()
    page.catalog.add_folder(exported)
    qtbot.waitUntil(lambda: exported in page.cards, timeout=CHILD_MS)
    public = page.cards[exported]
    assert public.convert_action.isVisible()
    assert not card.convert_action.isVisible()
    public.convert_action.trigger()
    converted = here.models_folder / "i3-mini-public-safetensors"
    qtbot.waitUntil(lambda: converted in page.cards, timeout=CHILD_MS)
    (exported / "pytorch_model.bin").write_bytes(b"damaged")
    public.verify()
    qtbot.waitUntil(public.task_failure.isVisible, timeout=CHILD_MS)
    assert "pytorch_model.bin" in public.task_failure.what.text()
    press(qtbot, public.task_failure.buttons[0])
    assert not public.task_failure.isVisible()


def test_two_copies_of_one_name_get_two_folders(qtbot, open_page, tmp_path):
    folders = [copy_model(tmp_path / parent / "mine") for parent in ("a", "b")]
    page = open_page(own_folders=[str(folder) for folder in folders])
    for folder in folders:
        page.export(folder, tmp_path)
    page.export(tmp_path / "gone", tmp_path)  # its card went while the dialog was open
    targets = [page.cards[folder].task.doing for folder in folders]
    assert targets == [f"Writing {tmp_path / name}…" for name in ("mine-public", "mine-public-2")]


def test_model_goes_to_a_friend_as_one_file(qtbot, here, open_page, tmp_path, monkeypatch):
    folder = copy_model(here.models_folder / "house")
    page = open_page()
    card = page.cards[folder]
    card.file_action.trigger()
    dialog = page.findChild(QFileDialog)
    assert dialog.selectedFiles()[0].endswith("house.i3model")
    dialog.fileSelected.emit(str(tmp_path / "house.i3model"))
    dialog.close()
    qtbot.waitUntil(lambda: card.result.text() == f"Saved as {tmp_path / 'house.i3model'}.", timeout=20_000)
    page.add_dropped([tmp_path / "house.i3model"])  # as the friend does
    there = here.models_folder / "house-2"
    qtbot.waitUntil(lambda: there in page.cards and page.cards[there].entry.facts is not None, timeout=20_000)
    assert (there / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    (tmp_path / "bad.i3model").write_bytes(b"no")
    page.add_dropped([tmp_path / "bad.i3model"])
    qtbot.waitUntil(lambda: page.notice.what.text() == "bad.i3model is damaged.")


def test_kept_model_is_the_users_own_and_can_be_renamed_and_noted(qtbot, here, open_page):
    run = {"folder": "/runs/pirate", "checkpoint": "best", "kept": "2026-03-05T10:00:00+00:00"}
    folder = copy_model(
        here.models_folder / "pirate", run=run, description="i3-mini, trained for 60 steps on pirate.jsonl."
    )
    page = open_page()
    card = page.cards[folder]
    assert card.origin.text() == "yours"
    assert card.description.text() == "i3-mini, trained for 60 steps on pirate.jsonl; kept 5 March 2026."
    for action, text in ((card.rename_action, "Captain <b>Ahab</b>"), (card.note_action, "for the party")):
        action.trigger()
        dialog = page.findChildren(QInputDialog)[-1]
        dialog.setTextValue(text)
        dialog.accept()
        qtbot.waitUntil(lambda text=text: text in (card.name.text(), card.note.text()), timeout=20_000)
    assert card.name.text() == "Captain <b>Ahab</b>"
    assert "name" not in json.loads((folder / "config.json").read_text())  # its own files stay as they are
    assert not page.cards[MINI].rename_action.isVisible()


def test_closed_window_leaves_no_unfinished_copy(qtbot, open_page, tmp_path):
    page = open_page()
    page.export(MINI, tmp_path)
    copy = tmp_path / "i3-mini-public"
    qtbot.waitUntil(lambda: copy.is_dir() and any(copy.iterdir()), timeout=CHILD_MS)
    assert page.cards[MINI].task.running
    page.shut_down()
    assert not copy.exists()


@pytest.mark.parametrize(("width", "columns"), [(1208, 2), (828, 2), (640, 1)])
def test_cards_fit_at_every_width(qtbot, here, open_page, width, columns):
    copy_model(here.models_folder / "i3-80m", description="The original: stories, chat and sentences. " * 4)
    page = open_page(width=width, height=572)
    assert page.grid.columns == columns
    for card in page.cards.values():
        assert card.width() <= width
        qtbot.waitUntil(lambda card=card: card.height() >= card.layout().totalHeightForWidth(card.width()))
        assert page.grid.rect().contains(card.geometry())
        for button in card.findChildren(QAbstractButton):
            if button.isVisibleTo(card):
                assert card.rect().contains(button.geometry().translated(button.parent().mapTo(card, QPoint())))


def test_every_control_has_name_and_tooltip(here, open_page, tmp_path):
    copy_model(here.models_folder / "i3-80m")
    page = open_page(own_folders=[str(tmp_path / "gone")])
    page.open_download()
    for card in page.cards.values():
        card.details_button.click()
    for control in page.findChildren(QAbstractButton):
        if control.isVisibleTo(page):
            assert control.accessibleName(), control.text()
            assert control.toolTip(), control.text()


def test_tab_key_moves_through_cards_in_order(qtbot, here, open_page):
    folder = copy_model(here.models_folder / "i3-80m")
    page = open_page()
    page.cards[MINI].use_button.setFocus()
    walked = []
    for _ in range(4):
        walked.append(QApplication.focusWidget().accessibleName())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert walked == ["Use i3-mini", "Details of i3-mini", "More actions with i3-mini", "Use i3-80m"]
    assert folder in page.cards


def test_many_models_do_not_block_window(qtbot, here, open_page):
    for number in range(24):
        (here.models_folder / f"model-{number}").mkdir(parents=True)
        (here.models_folder / f"model-{number}" / "model.safetensors").write_bytes(b"damaged")
    longest = 0.0
    update = ModelsPage._update

    def timed(page) -> None:
        nonlocal longest
        start = time.thread_time()
        update(page)
        longest = max(longest, time.thread_time() - start)

    ModelsPage._update = timed
    try:
        page = open_page()
    finally:
        ModelsPage._update = update
    assert len(page.cards) == 25
    assert longest < 0.05


@pytest.mark.parametrize("how", ["add", "export"])
def test_folder_dialog_does_not_block_window(qtbot, open_page, tmp_path, how):
    page = open_page()
    page.add_button.click() if how == "add" else page.cards[MINI].export_action.trigger()
    (dialog,) = page.findChildren(QFileDialog)
    assert dialog.isVisible()
    chosen = []
    dialog.fileSelected.disconnect()
    dialog.fileSelected.connect(chosen.append)
    dialog.setDirectory(str(tmp_path))
    dialog.findChild(QLineEdit).setText(str(tmp_path))
    dialog.accept()
    assert chosen == [str(tmp_path)]
