"""The panel of a run: what it says in each state, what its buttons do, and one real run from start to deletion."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from training_window import LONG_MS, no_trainer_left, tiny_config

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.runs.controller import RunController
from i3desk.runs.watcher import RunWatcher
from i3desk.style.theme import Theme
from i3desk.training.run_panel import RunPanel
from i3desk.training.run_view_model import RunAction
from i3desk.workers.background import BackgroundJobs


@pytest.fixture
def background(qtbot):
    jobs = BackgroundJobs()
    crashes: list[str] = []
    jobs.crashed.connect(crashes.append)
    yield jobs
    with qtbot.waitSignal(jobs.stopped, timeout=LONG_MS):
        jobs.shut_down()
    assert crashes == []


@pytest.fixture
def runs(paths, background, tmp_path, monkeypatch) -> RunController:
    monkeypatch.setenv("I3DESK_RUNS_FILE", str(tmp_path / "runs.json"))
    monkeypatch.setenv("I3DESK_MODELS", str(paths.models_folder))  # before a panel takes the environment for its child
    return RunController(paths, background)


@pytest.fixture
def panel(qtbot, qapp, runs) -> RunPanel:
    panel = RunPanel(runs, Theme(qapp, "light"))
    qtbot.addWidget(panel)
    panel.resize(316, 700)
    panel.show()
    return panel


@pytest.fixture
def show(panel, runs):
    """Shows a run in a state, as the list of runs would hand it on."""

    def show_(state: RunState, step: int = 310, saved: int | None = 200, **said) -> Path:
        folder = runs.folder / "pirate"
        status = {key: said.pop(key) for key in ("error", "note", "log_tail", "warnings") if key in said}
        facts = {
            "model": "i3-mini", "data": ("pirate.jsonl",), "step": step, "total_steps": 500, "seconds": 133.0,
            "config": {"model": "i3-mini", "data": ["pirate.jsonl"], "epochs": 4.0}, "best_val_loss": 1.7134,
            "best_step": 250 if saved else None, "device": "CPU, 2 threads, float32 (no CUDA device found)",
        }  # fmt: skip
        summary = RunSummary(folder, "Pirate", "", RunStatus(state, step, saved_step=saved, **status), **(facts | said))
        panel.show_run(folder)
        panel.show_summary(summary)
        return folder

    return show_


def offered(panel: RunPanel) -> list[str]:
    """The buttons that can be pressed under the run, and what is in its menu."""
    controls = panel.controls
    buttons = [
        controls.chat_button, controls.compare_button, controls.export_button, controls.pause_button,
        controls.stop_button, controls.resume_button, controls.new_button,
    ]  # fmt: skip
    return [each.accessibleName() for each in buttons if each.isVisible() and each.isEnabled()]


def in_menu(panel: RunPanel) -> list[str]:
    actions = panel.controls.more_button.menu().actions()
    return [each.text() for each in actions if each.isVisible() and each.isEnabled() and not each.isSeparator()]


AFTER = ["Chat with this model", "Compare with base", "Keep as model"]


def test_warnings_stay_visible_after_the_run_ended(panel, show):
    show(RunState.FINISHED, warnings=(("Memory was short.", "One row passes at a time."), ("It got worse.", "")))
    assert [what for what, _, _ in panel.warnings.shown] == ["It got worse.", "Memory was short."]
    assert panel.warnings.isVisible()
    show(RunState.FINISHED)
    assert not panel.warnings.isVisible()


@pytest.mark.parametrize(
    ("state", "words", "buttons"),
    [
        (RunState.STARTING, "starting", ["Save and stop"]),
        (RunState.RUNNING, "running", ["Chat with this model", "Pause", "Save and stop"]),
        (RunState.PAUSED, "paused", ["Chat with this model", "Resume", "Save and stop"]),
        (RunState.STOPPING, "stopping", []),
        (RunState.FINISHED, "finished", [*AFTER, "New training"]),
        (RunState.INTERRUPTED, "stopped", [*AFTER, "Resume", "New training"]),
        (RunState.FAILED, "failed", [*AFTER, "Resume", "New training"]),
        (RunState.DIED, "ended unexpectedly", [*AFTER, "Resume", "New training"]),
        (RunState.QUEUED, "waiting", ["New training"]),
        (RunState.MISSING, "folder is gone", ["New training"]),
    ],
)
def test_each_state_shows_its_text_and_its_buttons(panel, show, state, words, buttons):
    show(state)
    assert panel.state.text() == words
    assert offered(panel) == buttons
    assert ("Delete…" in in_menu(panel)) == (not state.is_alive)
    assert ("Save checkpoint now" in in_menu(panel)) == (state in (RunState.RUNNING, RunState.PAUSED))


def test_figures_and_settings_of_a_run_are_shown(panel, show):
    show(RunState.RUNNING)
    assert panel.progress.step.text() == "Step 310 of 500"
    assert panel.progress.share.text() == "62 %"
    said = {name: value.text() for name, value in panel.progress.rows.values.items()}
    assert said == {
        "Time left": "about 1 min", "Time spent": "2 min", "Epoch": "2.5 of 4", "Best": "1.71 at step 250",
        "Saved": "step 200",
    }  # fmt: skip
    assert panel.settings_card.model.text() == "i3-mini"
    assert panel.settings_card.data.text() == "on pirate.jsonl"
    assert panel.settings_card.rows.values["Runs on"].text() == "CPU, 2 threads"
    assert panel.settings_card.rows.values["Precision"].text() == "float32"


def test_starting_run_says_what_it_does(panel, show):
    show(RunState.STARTING, step=0, saved=None, note="counting chunks: 12 million characters")
    assert panel.progress.step.text() == "Counting chunks: 12 million characters…"
    assert panel.progress.busy.isVisible()


def test_run_without_a_checkpoint_cannot_be_chatted_with(panel, show):
    show(RunState.FAILED, step=0, saved=None, error="The data is empty.", log_tail="i3core: The data is empty.")
    assert offered(panel) == ["Resume", "New training"]
    assert panel.controls.resume_button.property("kind") == "primary"
    assert "Nothing had been saved" in panel.trouble.remedy.text()


def test_failure_shows_the_end_of_the_log_which_can_be_copied(qtbot, panel, show):
    show(RunState.DIED, error="The training process was ended from outside.", log_tail="warning: hot\nKilled")
    trouble = panel.trouble
    assert trouble.isVisible()
    assert trouble.title.text() == "The run ended unexpectedly"
    assert trouble.what.text() == "The training process was ended from outside."
    assert trouble.log_tail.toPlainText() == "warning: hot\nKilled"
    assert "up to step 200" in trouble.remedy.text()
    qtbot.mouseClick(trouble.copy_button, Qt.MouseButton.LeftButton)
    assert "ended from outside" in QGuiApplication.clipboard().text()
    assert QGuiApplication.clipboard().text().endswith("warning: hot\nKilled")
    show(RunState.RUNNING)
    assert not trouble.isVisible()


def test_queued_run_says_what_it_waits_for(qtbot, panel, show, runs):
    other = RunSummary(runs.folder / "butler", "Butler", "", RunStatus(RunState.RUNNING))
    runs.summaries = [other]
    show(RunState.QUEUED, step=0, saved=None)
    assert panel.waiting.text.text() == "Waits for “Butler” to end."
    assert not panel.progress.isVisible()


def test_name_is_edited_in_place(qtbot, panel, show, runs):
    folder = show(RunState.FINISHED)
    folder.mkdir(parents=True)
    panel.name.selectAll()
    qtbot.keyClicks(panel.name, "Corsair")
    qtbot.keyClick(panel.name, Qt.Key.Key_Escape)
    assert panel.name.text() == "Pirate"
    panel.name.selectAll()
    qtbot.keyClicks(panel.name, "Corsair")
    qtbot.keyClick(panel.name, Qt.Key.Key_Return)
    qtbot.waitUntil((folder / "notes.json").exists)
    assert '"Corsair"' in (folder / "notes.json").read_text()
    assert panel.name.text() == "Corsair"


def test_ending_at_once_is_confirmed_in_place_and_escape_cancels(qtbot, panel, show):
    show(RunState.RUNNING)
    panel.controls.menu_actions[RunAction.KILL].trigger()
    assert "since step 200" in panel.kill_question.what.text()
    assert panel.kill_question.isVisible()
    qtbot.keyClick(panel.kill_question.no_button, Qt.Key.Key_Escape)
    assert not panel.kill_question.isVisible()


def test_command_shows_at_once_and_until_the_run_has_followed(qtbot, panel, show, runs):
    folder = show(RunState.RUNNING)
    (folder / "control").mkdir(parents=True)
    qtbot.mouseClick(panel.controls.pause_button, Qt.MouseButton.LeftButton)
    assert panel.state.text() == "pausing…"
    assert panel.controls.pause_button.text() == "Pausing…"
    assert (folder / "control" / "pause").exists()
    panel.show_status(RunStatus(RunState.RUNNING, 320, saved_step=200))  # it is still busy with an evaluation
    assert panel.state.text() == "pausing…"
    panel.show_status(RunStatus(RunState.PAUSED, 320, saved_step=320))
    assert panel.state.text() == "paused"
    qtbot.mouseClick(panel.controls.pause_button, Qt.MouseButton.LeftButton)
    assert panel.state.text() == "continuing…"
    assert not (folder / "control" / "pause").exists()
    panel.show_status(RunStatus(RunState.RUNNING, 320, saved_step=320))
    qtbot.mouseClick(panel.controls.stop_button, Qt.MouseButton.LeftButton)
    assert panel.state.text() == "stopping and saving…"
    assert offered(panel) == ["Chat with this model"]
    panel.show_status(RunStatus(RunState.INTERRUPTED, 321, saved_step=321))
    assert panel.state.text() == "stopped"


def test_run_that_has_just_ended_can_be_deleted_before_the_list_knows(qtbot, panel, show):
    folder = show(RunState.RUNNING)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    panel.show_status(RunStatus(RunState.FINISHED, 500, saved_step=500))
    panel.controls.menu_actions[RunAction.DELETE].trigger()
    qtbot.waitUntil(lambda: "(2 bytes) stay" in panel.removal.details.text())
    assert panel.removal.yes_button.isVisible()


def test_every_button_has_a_name_and_a_tooltip(panel, show):
    for state in RunState:
        show(state)
        for each in [*panel.findChildren(QPushButton), panel.controls.more_button, panel.name]:
            if each.isVisible():
                assert each.accessibleName(), each
                assert each.toolTip(), each.accessibleName()


def test_real_run_from_its_start_to_its_model_and_its_deletion(
    qtbot, forked_trainers, panel, runs, background, paths, tmp_path
):
    controls = panel.controls
    watch = RunWatcher(background)
    watch.status_changed.connect(panel.show_status)
    watch.metrics_read.connect(panel.show_metrics)
    with no_trainer_left(tmp_path):
        folder = runs.start(tiny_config(tmp_path, 100_000), "Pirate")
        panel.show_run(folder)
        watch.watch(folder)
        qtbot.waitUntil(lambda: panel.state.text() == "running" and controls.pause_button.isEnabled(), timeout=LONG_MS)
        qtbot.mouseClick(controls.pause_button, Qt.MouseButton.LeftButton)
        assert panel.state.text() == "pausing…"
        qtbot.waitUntil(lambda: panel.state.text() == "paused", timeout=LONG_MS)
        controls.menu_actions[RunAction.CHECKPOINT].trigger()  # it has saved, before it waited
        qtbot.waitUntil(lambda: panel.progress.notice.text().startswith("Saved at step"), timeout=LONG_MS)
        qtbot.mouseClick(controls.stop_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: panel.state.text() == "stopped", timeout=LONG_MS)

    qtbot.mouseClick(controls.export_button, Qt.MouseButton.LeftButton)
    assert panel.export_card.field.text() == "pirate"
    with qtbot.waitSignal(panel.exported, timeout=LONG_MS) as exported:
        qtbot.keyClick(panel.export_card.field, Qt.Key.Key_Return)
        assert panel.export_card.busy.isVisible()
    assert exported.args == [str(paths.models_folder / "pirate")]
    assert (paths.models_folder / "pirate" / "model.safetensors").exists()
    assert "Saved as “pirate”" in panel.export_card.result.text()

    qtbot.mouseClick(controls.export_button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(panel.export_card.field, Qt.Key.Key_Return)  # there is one of that name now
    qtbot.waitUntil(lambda: bool(panel.export_card.result.text()), timeout=LONG_MS)
    assert "There is a model 'pirate' already" in panel.export_card.result.text()
    assert panel.export_card.result.property("tone") == "bad"
    qtbot.mouseClick(panel.export_card.close_button, Qt.MouseButton.LeftButton)

    controls.menu_actions[RunAction.DELETE].trigger()
    qtbot.waitUntil(lambda: "stay" in panel.removal.details.text(), timeout=LONG_MS)
    with qtbot.waitSignal(runs.deleted, timeout=LONG_MS):
        qtbot.mouseClick(panel.removal.yes_button, Qt.MouseButton.LeftButton)
    assert not folder.exists()
    qtbot.waitUntil(lambda: panel.state.text() == "folder is gone", timeout=LONG_MS)
