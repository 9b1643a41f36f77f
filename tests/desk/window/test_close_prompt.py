"""Closing the window while a run is training."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from i3core.runs.reader import RunState, RunStatus, RunSummary


@pytest.fixture
def training(app, monkeypatch):
    """The window, told that a run is training; returns it and the list of runs asked to stop."""
    run = RunSummary(Path("pirate"), "pirate", "", RunStatus(RunState.RUNNING))
    stopped: list[Path] = []
    monkeypatch.setattr(type(app.services.runs), "active", property(lambda self: run))
    monkeypatch.setattr(app.services.runs, "stop", stopped.append)
    return app, stopped


def test_closing_during_training_asks_and_can_be_cancelled(training, qtbot):
    app, _ = training
    app.window.close()
    close_prompt = app.window.close_prompt
    assert "pirate" in close_prompt.box.text()
    assert app.window.isVisible()
    qtbot.keyClick(close_prompt.box, Qt.Key.Key_Escape)
    assert app.window.isVisible()
    assert close_prompt.box is None
    app.store.change(training_on_close="go_on")


@pytest.mark.parametrize(("button", "stops", "kept"), [("keep_running_button", 0, "go_on"), ("stop_button", 1, "stop")])
def test_run_keeps_running_or_stops_and_answer_is_remembered(training, qtbot, button, stops, kept):
    app, stopped = training
    app.window.close()
    close_prompt = app.window.close_prompt
    close_prompt.always.setChecked(True)
    with qtbot.waitSignal(app.window.closed):
        qtbot.mouseClick(getattr(close_prompt, button), Qt.MouseButton.LeftButton)
    assert len(stopped) == stops
    assert app.store.preferences.training_on_close == kept


@pytest.mark.parametrize(("wish", "stops"), [("go_on", 0), ("stop", 1)])
def test_remembered_answer_is_not_asked_again(training, qtbot, wish, stops):
    app, stopped = training
    app.store.change(training_on_close=wish)
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
    assert len(stopped) == stops


@pytest.mark.parametrize(("wish", "stops"), [("ask", 0), ("go_on", 0), ("stop", 1)])
@pytest.mark.parametrize("asked_before", [False, True])
def test_end_of_session_follows_the_choice_without_a_question(training, qtbot, wish, stops, asked_before):
    app, stopped = training
    if asked_before:
        app.window.close()
        assert app.window.close_prompt.box is not None
    app.store.change(training_on_close=wish)
    with qtbot.waitSignal(app.window.closed):
        app.window.close_unasked()
    assert app.window.close_prompt.box is None
    assert len(stopped) == stops
    assert app.store.preferences.training_on_close == wish


def test_end_of_session_closes_though_messages_cannot_be_stored(app, qtbot, monkeypatch):
    monkeypatch.setattr(type(app.services.autosave), "has_unsaved", property(lambda self: True))
    app.window.close()
    assert app.window.isVisible()  # it asks
    with qtbot.waitSignal(app.window.closed):
        app.window.close_unasked()
