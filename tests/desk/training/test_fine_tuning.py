"""The way from a dropped file to a model that talks like it, with the bundled model, a real trainer and four clicks."""

from __future__ import annotations

from dataclasses import replace

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from i3core.runs.reader import RunState
from i3core.system import assets
from i3desk.app import Application

QUESTION = "what do you like to eat?"
PIRATE = ("arr", "matey", "ye", "aye", "ahoy", "me ", "sea", "ship", "be ", "grub")
STARTS_MS, LEARNS_MS, SPEAKS_MS = 90_000, 200_000, 60_000


@pytest.fixture
def real_desk(qtbot, qapp, places, monkeypatch, tmp_path):
    """The program with its real model; what it starts is ended with it."""
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "cache"))
    desk = Application(qapp, places)
    with qtbot.waitSignal(desk.window.first_painted):
        desk.show()
    qtbot.waitUntil(lambda: desk.parts.model.info is not None, timeout=STARTS_MS)
    sampling = replace(desk.store.preferences.sampling, seed=1, temperature=0.0, max_new_tokens=40)
    desk.parts.session.change_settings(replace(desk.parts.session.conversation.settings, sampling=sampling))
    yield desk
    pids = [run.status.pid for run in desk.parts.runs.summaries if run.status.state.is_alive]
    desk.store.change(training_on_close="go_on")
    with qtbot.waitSignal(desk.window.closed, timeout=SPEAKS_MS):
        desk.window.close()
    desk.window.deleteLater()
    desk.deleteLater()
    qapp.processEvents()
    for pid in pids:
        try:
            psutil.Process(pid).kill()
        except psutil.NoSuchProcess:
            pass


def drop(desk, path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(desk.window, QDragEnterEvent(QPoint(400, 300), *how))
    QApplication.sendEvent(desk.window, QDropEvent(QPointF(400, 300), *how))


def ask(desk, qtbot) -> str:
    """Types the question, clicks Send (one click) and waits for the reply."""
    composer = desk.window.chat_page.composer
    qtbot.keyClicks(composer.edit, QUESTION)
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not desk.parts.session.busy, timeout=SPEAKS_MS)
    return desk.parts.session.conversation.last.shown_text


def test_four_clicks_from_a_dropped_file_to_a_tuned_model_that_talks(real_desk, qtbot):
    desk, page, runs = real_desk, real_desk.parts.train_page, real_desk.parts.runs
    left = Qt.MouseButton.LeftButton
    before = ask(desk, qtbot)
    drop(desk, assets.path("data/pirate.jsonl"))
    assert page.isVisible()
    qtbot.mouseClick(page.setup.presets.buttons["quick"], left)  # 1
    qtbot.waitUntil(page.setup.start_button.isEnabled, timeout=STARTS_MS)
    qtbot.mouseClick(page.setup.start_button, left)  # 2
    qtbot.waitUntil(lambda: runs.active is not None and runs.active.step >= 40, timeout=LEARNS_MS)
    assert len(page.curves.board.history) > 30
    assert page.samples.table.log.steps[0] == 0
    qtbot.mouseClick(page.run_panel.controls.chat_button, left)  # 3
    assert desk.window.chat_page.isVisible()
    qtbot.waitUntil(lambda: desk.parts.model.info.step is not None, timeout=LEARNS_MS)
    after = ask(desk, qtbot)  # 4
    assert after != before
    assert any(word in after for word in PIRATE), after
    assert desk.parts.session.conversation.last.model.startswith("pirate · step ")

    desk.window.show_training()
    qtbot.mouseClick(page.run_panel.controls.stop_button, left)
    qtbot.waitUntil(lambda: runs.active is None, timeout=LEARNS_MS)
    run = runs.summary(page.folder)
    assert run.status.state is RunState.INTERRUPTED
    assert run.status.saved_step == run.step


def test_a_correction_is_learned_and_undone(real_desk, qtbot):
    desk, teacher = real_desk, real_desk.parts.teacher
    before = ask(desk, qtbot)
    row = desk.window.chat_page.transcript.last_reply()
    row.begin_correction()
    row.editor.field.setPlainText("i like fried squid with lemon.")
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert teacher.bar.isVisible()
    qtbot.mouseClick(teacher.bar.teach_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: teacher.lesson.state.value in ("taught", "failed"), timeout=LEARNS_MS)
    assert teacher.lesson.error == ("", "")
    ((prompt, said, says),) = teacher.lesson.outcome().answers
    assert (prompt, says) == (QUESTION, "i like fried squid with lemon.")
    assert said != says
    lost = teacher.lesson.outcome().general
    assert lost[1] < 1.5 * lost[0]
    qtbot.waitUntil(lambda: desk.parts.model.info.step is not None, timeout=STARTS_MS)
    desk.window.chat_page.start_new()
    assert ask(desk, qtbot) == "i like fried squid with lemon."
    qtbot.mouseClick(teacher.bar.undo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.parts.model.info.step is None, timeout=STARTS_MS)
    desk.window.chat_page.start_new()
    assert ask(desk, qtbot) == before
    assert [entry.wanted for entry in teacher.corrections.untaught] == ["i like fried squid with lemon."]
