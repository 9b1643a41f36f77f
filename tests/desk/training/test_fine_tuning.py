"""The way from a dropped file to a model that talks like it, with the bundled model, a real trainer and four clicks."""

from __future__ import annotations

from dataclasses import replace

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from user import last_reply

from i3core.runs.reader import RunState
from i3core.system import assets
from i3desk.app import Application

QUESTION = "what do you like to eat?"
PIRATE = ("arr", "matey", "ye", "aye", "ahoy", "me ", "sea", "ship", "be ", "grub")
STARTS_MS, LEARNS_MS, SPEAKS_MS = 90_000, 200_000, 60_000


@pytest.fixture
def real_app(qtbot, qapp, paths, monkeypatch, tmp_path):
    """The program with its real model; what it starts is ended with it."""
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "cache"))
    app = Application(qapp, paths)
    with qtbot.waitSignal(app.window.first_painted):
        app.show()
    qtbot.waitUntil(lambda: app.services.model.info is not None, timeout=STARTS_MS)
    sampling = replace(app.store.preferences.sampling, seed=1, temperature=0.0, max_new_tokens=40)
    app.services.session.change_settings(replace(app.services.session.conversation.settings, sampling=sampling))
    yield app
    pids = [run.status.pid for run in app.services.runs.summaries if run.status.state.is_alive]
    app.store.change(training_on_close="go_on")
    with qtbot.waitSignal(app.window.closed, timeout=SPEAKS_MS):
        app.window.close()
    app.window.deleteLater()
    app.deleteLater()
    qapp.processEvents()
    for pid in pids:
        try:
            psutil.Process(pid).kill()
        except psutil.NoSuchProcess:
            pass


def drop(app, path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(app.window, QDragEnterEvent(QPoint(400, 300), *how))
    QApplication.sendEvent(app.window, QDropEvent(QPointF(400, 300), *how))


def ask(app, qtbot) -> str:
    """Types the question, clicks Send (one click) and waits for the reply."""
    composer = app.window.chat_page.composer
    qtbot.keyClicks(composer.edit, QUESTION)
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not app.services.session.busy, timeout=SPEAKS_MS)
    return app.services.session.conversation.last.shown_text


@pytest.mark.slow
def test_four_clicks_from_a_dropped_file_to_a_tuned_model_that_talks(real_app, qtbot):
    app, page, runs = real_app, real_app.services.train_page, real_app.services.runs
    left = Qt.MouseButton.LeftButton
    before = ask(app, qtbot)
    drop(app, assets.path("data/pirate.jsonl"))
    assert page.isVisible()
    qtbot.mouseClick(page.setup.presets.buttons["quick"], left)  # 1
    qtbot.waitUntil(page.setup.start_button.isEnabled, timeout=STARTS_MS)
    qtbot.mouseClick(page.setup.start_button, left)  # 2
    qtbot.waitUntil(lambda: runs.active is not None and runs.active.step >= 40, timeout=LEARNS_MS)
    assert len(page.curves.dashboard.history) > 30
    assert page.samples.table.log.steps[0] == 0
    qtbot.mouseClick(page.run_panel.controls.chat_button, left)  # 3
    assert app.window.chat_page.isVisible()
    qtbot.waitUntil(lambda: app.services.model.info.step is not None, timeout=LEARNS_MS)
    after = ask(app, qtbot)  # 4
    assert after != before
    assert any(word in after for word in PIRATE), after
    assert app.services.session.conversation.last.model.startswith("pirate · step ")

    app.window.show_training()
    qtbot.mouseClick(page.run_panel.controls.stop_button, left)
    qtbot.waitUntil(lambda: runs.active is None, timeout=LEARNS_MS)
    run = runs.summary(page.folder)
    assert run.status.state is RunState.INTERRUPTED
    assert run.status.saved_step == run.step


@pytest.mark.slow
def test_correction_is_learned_and_undone(real_app, qtbot):
    app, teacher = real_app, real_app.services.teacher
    before = ask(app, qtbot)
    row = last_reply(app.window.chat_page.transcript)
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
    outcome = teacher.lesson.outcome()
    assert not outcome.did_harm, outcome
    assert QUESTION not in [prompt for prompt, _, _ in outcome.near]
    assert teacher.bar.label.text().startswith("Taught. It knows 1 of 1 of your answers")
    qtbot.waitUntil(lambda: app.services.model.info.step is not None, timeout=STARTS_MS)
    app.window.chat_page.start_new()
    assert ask(app, qtbot) == "i like fried squid with lemon."
    qtbot.mouseClick(teacher.bar.undo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: app.services.model.info.step is None, timeout=STARTS_MS)
    app.window.chat_page.start_new()
    assert ask(app, qtbot) == before
    assert [entry.correction for entry in teacher.corrections.untaught] == ["i like fried squid with lemon."]
