"""Closing the window while a run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from i3core.runs.reader import RunState, RunStatus, RunSummary


@pytest.fixture
def training(desk, monkeypatch):
    """The window, told that a run is under way; returns it and the list of runs that were asked to stop."""
    run = RunSummary(Path("pirate"), "pirate", "", RunStatus(RunState.RUNNING))
    stopped: list[Path] = []
    monkeypatch.setattr(type(desk.parts.runs), "active", property(lambda self: run))
    monkeypatch.setattr(desk.parts.runs, "stop", stopped.append)
    return desk, stopped


def test_the_user_is_asked_and_may_stay(training, qtbot):
    desk, _ = training
    desk.window.close()
    leaving = desk.window.leaving
    assert "pirate" in leaving.box.text()
    assert desk.window.isVisible()
    qtbot.keyClick(leaving.box, Qt.Key.Key_Escape)
    assert desk.window.isVisible()
    assert leaving.box is None
    desk.store.change(training_on_close="go_on")


@pytest.mark.parametrize(("button", "stops", "kept"), [("go_on_button", 0, "go_on"), ("stop_button", 1, "stop")])
def test_the_run_goes_on_or_is_stopped_and_the_answer_is_remembered(training, qtbot, button, stops, kept):
    desk, stopped = training
    desk.window.close()
    leaving = desk.window.leaving
    leaving.always.setChecked(True)
    with qtbot.waitSignal(desk.window.closed):
        qtbot.mouseClick(getattr(leaving, button), Qt.MouseButton.LeftButton)
    assert len(stopped) == stops
    assert desk.store.preferences.training_on_close == kept


@pytest.mark.parametrize(("wish", "stops"), [("go_on", 0), ("stop", 1)])
def test_a_remembered_answer_is_not_asked_for_again(training, qtbot, wish, stops):
    desk, stopped = training
    desk.store.change(training_on_close=wish)
    with qtbot.waitSignal(desk.window.closed):
        desk.window.close()
    assert len(stopped) == stops
