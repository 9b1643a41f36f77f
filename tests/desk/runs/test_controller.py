"""Runs started, steered and kept in order from the window, with real trainers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from paths import REPOSITORY, SUPPORT
from training_window import LONG_MS, count_starts, metrics, no_trainer_left, starts, tiny_config

from i3core.runs import index
from i3core.runs.reader import RunState
from i3core.system import recently_deleted
from i3desk.runs import launcher, queue
from i3desk.runs.controller import RunController
from i3desk.workers.background import BackgroundJobs

RUN_KILL = REPOSITORY / "tests" / "long" / "run_kill.py"
ALIVE = (RunState.STARTING, RunState.RUNNING)


@pytest.fixture
def window(qtbot, paths, tmp_path, monkeypatch):
    """Opens the object behind all runs, as often as a test likes; each as a window of its own would."""
    monkeypatch.setenv("I3DESK_RUNS_FILE", str(tmp_path / "runs.json"))
    for name, value in count_starts(tmp_path / "counting").items():
        monkeypatch.setenv(name, value)
    opened: list[tuple[RunController, BackgroundJobs]] = []

    def open_() -> RunController:
        background = BackgroundJobs()
        crashes: list[str] = []
        background.crashed.connect(crashes.append)
        runs = RunController(paths, background)
        runs.crashes = crashes
        opened.append((runs, background))
        return runs

    def close(runs: RunController) -> None:
        pair = next(pair for pair in opened if pair[0] is runs)
        opened.remove(pair)
        with qtbot.waitSignal(pair[1].stopped, timeout=LONG_MS):
            pair[1].shut_down()
        assert runs.crashes == []

    open_.close = close
    with no_trainer_left(tmp_path):
        yield open_
        for runs, _ in list(opened):
            close(runs)


@pytest.fixture
def runs(window) -> RunController:
    return window()


@pytest.fixture
def state_of(qtbot):
    """Waits until a run is in this state."""

    def wait(runs: RunController, folder: Path, *states: RunState) -> None:
        def there() -> bool:
            summary = runs.summary(folder)
            return summary is not None and summary.status.state in states

        qtbot.waitUntil(there, timeout=LONG_MS)

    return wait


def test_run_starts_in_its_own_session_and_finishes(qtbot, runs, tmp_path):
    told: list[tuple] = []
    runs.started.connect(lambda folder: told.append(("started", folder)))
    runs.ended.connect(lambda folder, status: told.append(("ended", folder, status.state)))
    folder = runs.start(tiny_config(tmp_path, 3), "Pirate talk")
    assert folder.name == "pirate-talk"
    assert json.loads((folder / "request.json").read_text())["out"] == str(folder)

    with qtbot.waitSignal(runs.changed, timeout=5000):
        pass
    status = runs.active.status
    assert status.state is RunState.STARTING
    assert status.note == launcher.START_NOTE
    assert os.getsid(status.pid) == status.pid
    assert os.getsid(status.pid) != os.getsid(0)

    qtbot.waitUntil(lambda: len(told) == 2, timeout=LONG_MS)
    assert told == [("started", str(folder)), ("ended", str(folder), RunState.FINISHED)]
    assert runs.active is None
    summary = runs.summary(folder)
    assert (summary.name, summary.step, summary.data) == ("Pirate talk", 3, ("talk.jsonl",))
    assert not (folder / "queue.json").exists()
    assert not (folder / launcher.LAUNCH_FILE).exists()


def test_run_is_paused_saved_stopped_and_resumed(qtbot, forked_trainers, runs, state_of, tmp_path):
    folder = runs.start(tiny_config(tmp_path, 100_000), "steered")
    state_of(runs, folder, RunState.RUNNING)

    runs.pause(folder)
    assert runs.pending_command(folder) == "pause"
    state_of(runs, folder, RunState.PAUSED)
    assert runs.pending_command(folder) == ""
    runs.sample(folder, ["hello 1!"])
    qtbot.waitUntil((folder / "samples.jsonl").exists, timeout=LONG_MS)

    runs.unpause(folder)
    state_of(runs, folder, RunState.RUNNING)
    step = runs.summary(folder).step
    runs.checkpoint(folder)
    qtbot.waitUntil(lambda: (runs.summary(folder).status.saved_step or 0) >= step, timeout=LONG_MS)

    with qtbot.waitSignal(runs.ended, timeout=LONG_MS) as ended:
        runs.stop(folder)
        assert runs.pending_command(folder) == "stop"
    assert ended.args[1].state is RunState.INTERRUPTED
    assert runs.pending_command(folder) == ""

    step = runs.summary(folder).step
    with qtbot.waitSignal(runs.ended, timeout=LONG_MS) as ended:
        runs.resume(folder, {"steps": step + 3})
    assert ended.args[1].state is RunState.FINISHED
    assert [line["step"] for line in metrics(folder)] == list(range(1, step + 4))


def test_command_sent_while_the_trainer_starts_is_not_lost(qtbot, runs, tmp_path):
    with qtbot.waitSignal(runs.started, timeout=LONG_MS):
        folder = runs.start(tiny_config(tmp_path, 100_000), "at once")
    with qtbot.waitSignal(runs.ended, timeout=LONG_MS) as ended:
        runs.stop(folder)  # the trainer still imports torch, and clears its control folder afterwards
    assert ended.args[1].state is RunState.INTERRUPTED


def test_queue_continues_after_the_window_was_closed(qtbot, forked_trainers, window, state_of, tmp_path):
    runs = window()
    started: list[str] = []
    runs.started.connect(lambda folder: started.append(Path(folder).name))
    first = runs.start(tiny_config(tmp_path, 100_000), "first")
    second = runs.start(tiny_config(tmp_path, 2), "second")
    third = runs.start(tiny_config(tmp_path, 100_000), "third")
    never = runs.start(tiny_config(tmp_path, 2), "never")
    for folder in (second, third, never):
        state_of(runs, folder, RunState.QUEUED)
    with qtbot.waitSignal(runs.deleted):
        runs.leave_queue(never)
    assert not never.exists()
    (deleted,) = recently_deleted.deleted_in(runs.folder)
    assert recently_deleted.restore(deleted) == never  # to the queue
    state_of(runs, never, RunState.QUEUED)
    with qtbot.waitSignal(runs.deleted):
        runs.leave_queue(never)
    runs.start_now(third)
    state_of(runs, third, RunState.RUNNING)
    assert started == ["first", "third"]
    window.close(runs)

    again = window()
    again.refresh()
    state_of(again, first, RunState.RUNNING)
    state_of(again, second, RunState.QUEUED)
    again.stop(first)
    state_of(again, first, RunState.INTERRUPTED)
    assert again.summary(second).status.state is RunState.QUEUED  # the third is still alive
    again.stop(third)
    state_of(again, second, RunState.FINISHED)
    qtbot.waitUntil(lambda: not forked_trainers(), timeout=LONG_MS)


def test_run_that_cannot_start_says_why(qtbot, runs, state_of, tmp_path):
    with qtbot.waitSignal(runs.failed) as failed:
        assert runs.start(tiny_config(tmp_path, 3, lr=-1.0), "impossible") is None
    assert "lr" in failed.args[0] or "Learning rate" in failed.args[0]
    assert list(runs.folder.glob("*")) == []

    folder = runs.start(tiny_config(tmp_path, 3, data=[str(tmp_path / "nothing.jsonl")]), "no data")
    state_of(runs, folder, RunState.FAILED)
    status = runs.summary(folder).status
    assert "nothing.jsonl" in status.error
    assert "nothing.jsonl" in status.log_tail


def test_trainer_that_cannot_be_started_has_failed_and_can_be_resumed(qtbot, runs, state_of, tmp_path, monkeypatch):
    child_command = launcher.child_command
    monkeypatch.setattr(launcher, "child_command", lambda arguments: (str(tmp_path / "no-program"), arguments))
    with qtbot.waitSignal(runs.failed) as failed:
        folder = runs.start(tiny_config(tmp_path, 3), "no program")
    assert "no-program" in failed.args[0]
    state_of(runs, folder, RunState.FAILED)
    monkeypatch.setattr(launcher, "child_command", child_command)
    runs.resume(folder)  # it never came to its first step: it begins anew
    state_of(runs, folder, RunState.FINISHED)


def test_trainer_killed_before_its_first_status_has_died(qtbot, runs, state_of, tmp_path):
    folder = runs.start(tiny_config(tmp_path, 3), "killed early")
    with qtbot.waitSignal(runs.ended, timeout=LONG_MS) as ended:
        state_of(runs, folder, RunState.STARTING)
        runs.kill(folder)
    assert ended.args[1].state is RunState.DIED
    assert "ended from outside" in ended.args[1].error


def test_names_notes_and_deleting(qtbot, forked_trainers, runs, state_of, tmp_path):
    folder = runs.start(tiny_config(tmp_path, 100_000), "old name")
    state_of(runs, folder, RunState.RUNNING)
    runs.rename(folder, " new name ")
    runs.set_note(folder, "louder\nand longer")
    qtbot.waitUntil(lambda: runs.summary(folder).note == "louder\nand longer", timeout=LONG_MS)
    assert runs.summary(folder).name == "new name"

    with qtbot.waitSignal(runs.failed) as failed:
        runs.delete(folder)
    assert failed.args[0] == "This run is still running."
    runs.kill(folder)
    state_of(runs, folder, RunState.DIED)
    with qtbot.waitSignal(runs.deleted) as deleted:
        runs.delete(folder)
    assert deleted.args == [str(folder)]
    qtbot.waitUntil(lambda: runs.summaries == [])
    assert [path.name for path in runs.folder.iterdir()] == [recently_deleted.FOLDER]


def test_run_elsewhere_is_listed_until_it_is_forgotten(qtbot, runs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "run.json").write_text('{"config": {"data": []}, "started": 5.0}')
    index.register(elsewhere)
    runs.refresh()
    qtbot.waitUntil(lambda: len(runs.summaries) == 1)
    runs.forget(elsewhere)
    qtbot.waitUntil(lambda: runs.summaries == [])
    assert elsewhere.exists()


# The window ends at each of the steps in which a run is started; another one finds the run and brings it to its end.
KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
from training_window import tiny_config
from i3desk.runs import launcher, queue

def die(*_):
    os.kill(os.getpid(), 9)

runs_folder, point = Path(sys.argv[1]), sys.argv[2]
folder = queue.make_run(runs_folder, tiny_config(runs_folder.parent, 2), "cut")
write, remove, spawn = launcher._write_launch, queue.remove, launcher.spawn
if point == "mark":
    launcher._write_launch = lambda *them: (write(*them), die())
elif point == "removed":
    queue.remove = lambda *them: (remove(*them), die())
elif point == "spawned":
    launcher.spawn = lambda *them: (spawn(*them), die())
else:
    die()
launcher.launch(folder, queue.read(folder))
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("point", ["made", "mark", "removed", "spawned"])
def test_window_killed_during_a_start_loses_nothing_and_starts_nothing_twice(window, state_of, paths, tmp_path, point):
    paths.runs_folder.mkdir(parents=True)
    runs = window()
    source = KILLED.format(here=str(SUPPORT))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), os.environ["PYTHONPATH"]))}
    killed = subprocess.run([sys.executable, "-c", source, paths.runs_folder, point], env=environment, timeout=60)
    assert killed.returncode == -9
    folder = runs.folder / "cut"
    runs.refresh()
    state_of(runs, folder, RunState.FINISHED)
    assert starts(folder) == 1
    assert [line["step"] for line in metrics(folder)] == [1, 2]


def test_folders_left_behind_by_a_killed_window_are_removed(paths, tmp_path):
    paths.runs_folder.mkdir(parents=True)
    half = paths.runs_folder / ".name.new-12345678"
    half.mkdir()
    queue.remove_leftovers(paths.runs_folder)
    assert half.exists()  # it may be another window's, a moment old
    os.utime(half, (1, 1))
    queue.remove_leftovers(paths.runs_folder)
    assert not half.exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Pirate!", "pirate"),
        ("../../etc", "etc"),
        ("  ", "run"),
        ("été à la mer", "été-à-la-mer"),
        ("a" * 99, "a" * 48),
    ],
)
def test_every_name_makes_a_new_folder(tmp_path, name, folder):
    config = tiny_config(tmp_path, 1)
    made = [queue.make_run(tmp_path / "runs", config, name) for _ in range(3)]
    assert [path.name for path in made] == [folder, f"{folder}-2", f"{folder}-3"]
    assert {path.parent for path in made} == {tmp_path / "runs"}


def test_making_a_run_does_not_block_the_window(runs, tmp_path):
    config, times = tiny_config(tmp_path, 1), []
    for _ in range(5):
        begun = time.perf_counter()
        queue.make_run(runs.folder, config, "quick")
        times.append(time.perf_counter() - begun)
    assert min(times) < 0.05


@pytest.mark.slow
def test_kills_of_trainer_and_window_lose_nothing():
    done = subprocess.run(
        [sys.executable, RUN_KILL, "--rounds", "1", "--steps", "60"], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing lost" in done.stdout
