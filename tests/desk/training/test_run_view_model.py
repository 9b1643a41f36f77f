"""What the panel of a run shows, derived without Qt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from curve_parts import part
from paths import REPOSITORY

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.training.run_view_model import RunAction, RunViewModel

FOLDER = Path("runs/pirate")
WORKING = (RunState.RUNNING, RunState.PAUSED)


def summary(state: RunState = RunState.RUNNING, step: int = 310, saved: int | None = 200, **changes) -> RunSummary:
    facts = {
        "config": {"model": "i3-mini", "data": ["pirate.jsonl"], "epochs": 4.0}, "step": step, "total_steps": 500,
        "seconds": 133.0, "best_val_loss": 1.7134, "best_step": 250 if saved else None,
    }  # fmt: skip
    return RunSummary(FOLDER, "Pirate", "", RunStatus(state, step, saved_step=saved), **(facts | changes))


@pytest.fixture
def model() -> RunViewModel:
    return RunViewModel(FOLDER)


def shown(model: RunViewModel) -> list[str]:
    """The buttons that can be pressed."""
    state = model.controls
    buttons = (state.chat, state.compare, state.export, state.pause, state.stop, state.resume, state.new)
    return [each.text for each in buttons if each.visible and each.enabled]


def primary(model: RunViewModel) -> list[str]:
    state = model.controls
    buttons = (state.chat, state.compare, state.export, state.pause, state.stop, state.resume, state.new)
    return [each.text for each in buttons if each.visible and each.primary]


def test_view_model_needs_no_qt():
    check = "import sys, i3desk.training.run_view_model; assert not any('PySide6' in name for name in sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY, check=True, timeout=60)


AFTER = ["Chat with this model", "Compare with base", "Keep as model…"]


@pytest.mark.parametrize(
    ("state", "text", "buttons", "strong"),
    [
        (RunState.QUEUED, "waiting", ["New training"], []),
        (RunState.STARTING, "starting", ["Save and stop"], []),
        (RunState.RUNNING, "running", ["Chat with this model", "Pause", "Save and stop"], []),
        (RunState.PAUSED, "paused", ["Chat with this model", "Resume", "Save and stop"], ["Resume"]),
        (RunState.STOPPING, "stopping", [], []),
        (RunState.FINISHED, "finished", [*AFTER, "New training"], ["Chat with this model"]),
        (RunState.INTERRUPTED, "stopped", [*AFTER, "Resume", "New training"], ["Chat with this model"]),
        (RunState.FAILED, "failed", [*AFTER, "Resume", "New training"], ["Resume"]),
        (RunState.DIED, "ended unexpectedly", [*AFTER, "Resume", "New training"], ["Resume"]),
        (RunState.MISSING, "folder is gone", ["New training"], ["New training"]),
    ],
)
def test_each_state_has_its_text_and_its_buttons(model, state, text, buttons, strong):
    model.update_summary(summary(state))
    assert model.state_text == text
    assert shown(model) == buttons
    assert primary(model) == strong
    menu = model.controls.menu
    assert {RunAction.OPEN, RunAction.DELETE} <= menu
    assert (RunAction.CHECKPOINT in menu) == (RunAction.SAMPLE in menu) == (state in WORKING)
    assert (RunAction.KILL in menu) == (RunAction.NEW in menu) == (RunAction.EXPORT in menu) == state.is_alive
    assert model.controls.can_delete == (not state.is_alive)
    assert model.controls.has_menu == (state is not RunState.MISSING)
    assert (model.trouble is not None) == (state in (RunState.FAILED, RunState.DIED, RunState.MISSING))
    assert (model.progress is None) == (state in (RunState.QUEUED, RunState.MISSING))


@pytest.mark.parametrize("state", [RunState.FINISHED, RunState.INTERRUPTED, RunState.FAILED, RunState.DIED])
def test_run_without_checkpoint_cannot_be_chatted_with(model, state):
    model.update_summary(summary(state, saved=None))
    assert not {"Chat with this model", "Compare with base", "Keep as model…"} & set(shown(model))
    if state.can_resume:
        assert model.controls.resume.primary
        assert model.controls.resume.tooltip == "Start again with the first step"


def test_run_from_scratch_has_no_base_model_to_compare_with(model):
    model.update_summary(summary(RunState.FINISHED, config={"preset": "tiny"}))
    assert "Compare with base" not in shown(model)
    model.update_status(RunStatus(RunState.RUNNING, saved_step=200))
    assert RunAction.COMPARE not in model.controls.menu
    assert RunAction.EXPORT in model.controls.menu


@pytest.mark.parametrize(
    ("command", "state", "text", "pause", "buttons"),
    [
        ("pause", RunState.RUNNING, "pausing…", "Pausing…", ["Chat with this model", "Save and stop"]),
        ("resume", RunState.PAUSED, "continuing…", "Resuming…", ["Chat with this model", "Save and stop"]),
        ("stop", RunState.RUNNING, "stopping and saving…", "Pause", ["Chat with this model"]),
    ],
)
def test_pending_command_shows_until_the_run_follows(model, command, state, text, pause, buttons):
    model.update_summary(summary(state))
    model.pending_command = command
    assert (model.state_text, model.state_token) == (text, "warn")
    assert model.controls.pause.text == pause
    assert shown(model) == buttons
    assert primary(model) == []
    model.update_status(RunStatus(RunState.DIED))  # the command is void
    assert model.state_text == "ended unexpectedly"


def test_pause_button_sends_what_its_text_says(model):
    model.update_status(RunStatus(RunState.RUNNING))
    assert model.controls.pause_action is RunAction.PAUSE
    model.update_status(RunStatus(RunState.PAUSED))
    assert model.controls.pause_action is RunAction.UNPAUSE


def test_progress_and_figures_of_a_running_run(model):
    model.update_summary(summary())
    progress = model.progress
    assert (progress.title, progress.share, progress.busy) == ("Step 310 of 500", "62 %", False)
    assert (progress.value, progress.maximum) == (310, 500)
    assert {name: value for name, value, _ in progress.figures} == {
        "Time left": "about 1 min", "Time spent": "2 min", "Epoch": "2.5 of 4", "Best": "1.71 at step 250",
        "Saved": "step 200",
    }  # fmt: skip


def test_log_is_finer_than_the_status_until_the_run_ends(model):
    model.update_summary(summary())
    assert model.add_metrics(part(1, start=325, eta_s=91.0))
    model.update_status(RunStatus(RunState.RUNNING, 320, saved_step=200))
    assert (model.step, model.eta_s) == (325, 91.0)
    model.update_status(RunStatus(RunState.INTERRUPTED, 322, saved_step=322))
    assert model.step == 322


def test_time_left_is_unknown_again_after_a_resume(model):
    model.update_summary(summary(RunState.DIED))
    model.add_metrics(part(1, start=325, eta_s=91.0))
    model.update_status(RunStatus(RunState.STARTING, 310))
    assert model.eta_s is None
    model.add_metrics(part(1, start=326, eta_s=np.nan))
    assert model.eta_s is None
    model.add_metrics(part(1, start=327, eta_s=90.0))
    model.request_resume()
    assert model.eta_s is None


def test_restarted_log_starts_from_zero(model):
    model.update_summary(summary())
    assert not model.add_metrics(part(0, restarted=True))
    assert model.step == 0


def test_starting_run_says_what_it_does(model):
    model.update_status(RunStatus(RunState.STARTING, note="counting chunks"))
    progress = model.progress
    assert (progress.title, progress.busy, progress.figures) == ("Counting chunks…", True, ())


def test_requested_checkpoint_has_a_remark_until_it_is_saved(model):
    model.update_summary(summary())
    model.request_checkpoint()
    assert (model.remark.text, model.remark.passing) == ("Saving after this step…", False)
    model.update_status(RunStatus(RunState.RUNNING, 311, saved_step=200))
    assert model.remark.text == "Saving after this step…"
    model.update_status(RunStatus(RunState.RUNNING, 312, saved_step=312))
    assert (model.remark.text, model.remark.passing) == ("Saved at step 312.", True)


def test_requested_checkpoint_is_forgotten_when_the_run_dies(model):
    model.update_summary(summary())
    model.request_checkpoint()
    model.update_status(RunStatus(RunState.DIED, 311, saved_step=200))
    assert model.remark.text == ""


def test_checkpoint_saved_before_the_request_counts(model):
    model.update_summary(summary(RunState.PAUSED, saved=310))
    model.request_checkpoint()
    assert model.remark.text == "Saved at step 310."


def test_queued_run_says_what_it_waits_for(model):
    def other(state: RunState, name: str, started: float) -> RunSummary:
        return RunSummary(Path("runs") / name, name, "", RunStatus(state), started=started)

    model.update_summary(summary(RunState.QUEUED, step=0, saved=None, started=5.0))
    assert model.waiting([model.summary]).text == "Starts in a moment."
    runs = [other(RunState.RUNNING, "Butler", 1.0), other(RunState.QUEUED, "Cook", 2.0), model.summary]
    assert model.waiting(runs).text == "Waits for “Butler” to end, and for one other run before it."
    runs.append(other(RunState.QUEUED, "Later", 9.0))
    runs.append(other(RunState.QUEUED, "Poet", 3.0))
    assert model.waiting(runs).text == "Waits for “Butler” to end, and for 2 other runs before it."
    assert "is deleted" in model.waiting(runs).leave_tooltip
    model.update_status(RunStatus(RunState.RUNNING))
    assert model.waiting(runs) is None


def test_trouble_names_the_cause_the_log_and_the_remedy(model):
    model.update_summary(summary(RunState.DIED))
    model.update_status(RunStatus(RunState.DIED, 310, "Ended from outside.", saved_step=200, log_tail="Killed\n"))
    trouble = model.trouble
    assert (trouble.title, trouble.what) == ("The run ended unexpectedly", "Ended from outside.")
    assert trouble.log_tail == "Killed"
    assert "up to step 200" in trouble.remedy
    model.update_status(RunStatus(RunState.MISSING))
    assert str(FOLDER) in model.trouble.what


def test_warnings_are_shown_newest_first(model):
    model.update_status(RunStatus(RunState.FINISHED, warnings=(("Memory was short.", "One row."), ("Worse.", ""))))
    assert model.notices == [("Worse.", "", False), ("Memory was short.", "One row.", False)]


def test_summary_is_handed_on_with_the_newest_state(model):
    assert model.current_summary is None
    model.update_summary(summary())
    model.update_status(RunStatus(RunState.FINISHED, 500))
    assert model.current_summary.status.state is RunState.FINISHED
