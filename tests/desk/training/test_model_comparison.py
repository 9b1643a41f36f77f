"""Two real models side by side: the same seed, differences, errors in words, and no process left behind."""

from __future__ import annotations

import os
import shutil
import signal

import numpy as np
import psutil
import pytest
from PySide6.QtCore import Qt
from safetensors.numpy import load_file, save_file
from user import marked_words

from i3core.system import assets
from i3desk.style.theme import Theme
from i3desk.training.model_comparison import MAX_EXCHANGES, ModelComparison
from i3desk.widgets.before_after import BeforeAfter

pytestmark = pytest.mark.usefixtures("forked_children")
LOADING_MS = 60_000  # two models and torch, on a machine with other work


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """The bundled model with a head that prefers other words."""
    folder = tmp_path_factory.mktemp("models") / "pirate"
    shutil.copytree(assets.models()[assets.BUNDLED_MODEL], folder)
    (folder / "model.safetensors").chmod(0o644)
    weights = load_file(folder / "model.safetensors")
    noise = np.random.default_rng(0).normal(0, 6, weights["head.bias"].shape)
    weights["head.bias"] = (weights["head.bias"] + noise).astype(weights["head.bias"].dtype)
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture
def panel(qtbot, qapp):
    Theme(qapp, "light")
    panel = ModelComparison()
    qtbot.addWidget(panel)
    panel.resize(860, 310)
    panel.show()
    yield panel
    panel.shut_down()
    assert not panel.models.running


@pytest.fixture
def ask(qtbot, panel):
    def ask_(prompt: str, wait: bool = True) -> None:
        panel.prompt.setText(prompt)
        qtbot.keyClick(panel.prompt, Qt.Key.Key_Return)
        if wait:
            wait_for_answers(qtbot, panel)

    return ask_


def wait_for_answers(qtbot, panel) -> None:
    qtbot.waitUntil(lambda: not panel.busy, timeout=LOADING_MS)
    qtbot.waitUntil(lambda: "…" not in panel.exchanges[0].row.note.text())  # drawn a moment later


def child(panel) -> int:
    """The process that answers."""
    running = (each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE)
    return next((each.pid for each in running if "compare" in each.cmdline()), 0)


def answers(exchange) -> list[str]:
    return [exchange.row.before.toPlainText(), exchange.row.after.toPlainText()]


def test_both_answer_with_one_seed_and_what_differs_is_marked(qtbot, panel, ask, tuned):
    panel.show_models("i3-mini", str(tuned), "step 300")
    assert [name.text() for name in panel.names] == ["base: i3-mini", "pirate, step 300"]
    assert not panel.models.running  # nothing is loaded before somebody asks
    ask("how are you?", wait=False)
    assert "loading both models" in panel.exchanges[0].row.note.text()
    assert not panel.ask_button.isEnabled()
    grown: list[str] = []
    panel.models.said.connect(lambda number, model, text: grown.append(text))
    wait_for_answers(qtbot, panel)
    first = panel.exchanges[0]
    assert len(grown) > 2
    assert all(text.strip() and text != "(no words)" for text in answers(first))
    assert "".join(grown) == "".join(first.texts)
    assert marked_words(first.row.before)
    assert marked_words(first.row.after)
    assert first.row.note.text() == "seed 1 · temperature 0.7"

    ask("how are you?")
    assert answers(panel.exchanges[0]) == answers(first)
    panel.dice_button.click()
    assert panel.seed.value != 1
    ask("how are you?")
    assert [f"seed {panel.seed.value}" in each.row.note.text() for each in panel.exchanges] == [True, False, False]

    process = child(panel)
    with qtbot.waitSignal(panel.closed):
        qtbot.keyClick(panel.prompt, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not panel.models.running)
    assert not psutil.pid_exists(process)
    assert panel.notice.isHidden()


def test_a_process_that_is_killed_is_told_and_the_next_prompt_starts_another(qtbot, panel, ask, tuned):
    panel.show_models("i3-mini", str(tuned), "step 300")
    ask("how are you?", wait=False)
    qtbot.waitUntil(lambda: child(panel) > 0)
    process = child(panel)
    os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    qtbot.waitUntil(lambda: not panel.busy)
    assert "Perhaps the memory ran out" in panel.notice.what.text()
    assert answers(panel.exchanges[0]) == ["—", "—"]
    ask("who are you?", wait=False)
    assert panel.notice.isHidden()
    assert child(panel) != process


def test_a_model_that_is_gone_is_told(panel, ask, tmp_path):
    panel.show_models("i3-mini", str(tmp_path / "deleted"), "step 300")
    ask("how are you?")
    assert "deleted" in panel.notice.what.text()
    assert not panel.notice.what.text().startswith("i3core:")


def test_a_prompt_that_cannot_be_answered_is_told_and_the_models_stay(qtbot, panel, ask, tuned):
    panel.show_models("i3-mini", str(tuned), "step 300")
    ask("how are you? " * 150)
    process = child(panel)
    assert panel.notice.what.text()
    assert answers(panel.exchanges[0]) == ["—", "—"]
    ask("hello")
    assert child(panel) == process
    assert panel.notice.isHidden()
    assert all(panel.exchanges[0].texts)


def test_closing_while_the_models_load_leaves_no_process(qtbot, panel, ask, tuned):
    panel.show_models("", str(tuned), "step 300")
    ask("how are you?", wait=False)
    process = child(panel)
    panel.close_button.click()
    assert answers(panel.exchanges[0]) == ["—", "—"]
    qtbot.waitUntil(lambda: not panel.models.running)
    assert not psutil.pid_exists(process)
    panel.show_models("", str(tuned), "step 300")
    ask("how are you?", wait=False)
    process = child(panel)
    panel.shut_down()
    assert not psutil.pid_exists(process)


def test_other_models_begin_with_no_exchanges_and_only_the_last_are_kept(panel, ask, tmp_path):
    panel.show_models("i3-mini", str(tmp_path / "a"), "step 1")
    for number in range(MAX_EXCHANGES + 2):
        ask(f"prompt {number}", wait=False)
        panel.close_button.click()
    assert len(panel.exchanges) == MAX_EXCHANGES
    assert panel.exchanges[0].row.prompt.text() == f"prompt {MAX_EXCHANGES + 1}"
    panel.show_models("i3-mini", str(tmp_path / "a"), "step 2")
    assert panel.exchanges == []
    ask("   ", wait=False)
    assert panel.exchanges == []


def test_without_room_the_answers_stand_below_each_other_with_their_names(qtbot, qapp):
    Theme(qapp, "dark")
    pair = BeforeAfter("how are you?", "i am fine", "arr, i be fine", names=("before", "step 40"))
    qtbot.addWidget(pair)
    pair.resize(600, 100)
    pair.show()
    assert pair.before.y() == pair.after.y()
    pair.resize(300, 160)
    qtbot.waitUntil(lambda: pair.after.y() > pair.before.y() + pair.before.height())
    assert pair.after.accessibleName() == "step 40"
    assert marked_words(pair.after) == ["arr,", "be"]
