"""One run folder, followed as it grows: real files, the real background thread."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import psutil
import pytest

from i3core.runs.reader import RunState
from i3desk.runs.watcher import RunWatcher
from i3desk.workers.background import BackgroundJobs


class Told:
    """What a watch said, in order."""

    def __init__(self, watch: RunWatcher) -> None:
        self.states: list[RunState] = []
        self.described: list[dict] = []
        self.steps: list[int] = []
        self.evaluations: list[int] = []
        self.samples: list[str] = []
        self.order: list[str] = []
        watch.status_changed.connect(self.on_status)
        watch.described.connect(self.on_described)
        watch.metrics_read.connect(self.on_metrics)
        watch.samples_read.connect(self.on_samples)

    def on_status(self, status) -> None:
        self.states.append(status.state)
        self.order.append("status")

    def on_described(self, description) -> None:
        self.described.append(description)
        self.order.append("description")

    def on_metrics(self, part) -> None:
        if part.restarted:
            self.steps.clear()
            self.evaluations.clear()
        self.steps += [int(step) for step in part.steps["step"]]
        self.evaluations += [evaluation.step for evaluation in part.evaluations]
        self.order.append("metrics")

    def on_samples(self, restarted, samples) -> None:
        if restarted:
            self.samples.clear()
        self.samples += [sample.text for sample in samples]
        self.order.append("samples")


@pytest.fixture
def watch(qtbot):
    background = BackgroundJobs()
    crashes: list[str] = []
    background.crashed.connect(crashes.append)
    yield RunWatcher(background)
    with qtbot.waitSignal(background.stopped, timeout=60_000):
        background.shut_down()
    assert crashes == []


@pytest.fixture
def told(watch) -> Told:
    return Told(watch)


class Run:
    """A run folder that is written by hand, as a trainer in this very process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "run.json").write_text(json.dumps({"config": {"data": ["a.txt"], "steps": 9}, "started": 5.0}))
        self.says("running")

    def says(self, state: str, step: int = 0) -> None:
        status = {"state": state, "step": step, "pid": os.getpid(), "heartbeat": time.time(), "error": ""}
        status["process_started"] = psutil.Process().create_time()
        beside = self.folder / ".status.partial"
        beside.write_text(json.dumps(status))
        os.replace(beside, self.folder / "status.json")

    def does(self, *steps: int) -> None:
        with open(self.folder / "metrics.jsonl", "a") as lines:
            lines.writelines(f'{{"step": {step}, "loss": 2.5, "tokens": {step}}}\n' for step in steps)

    def evaluates(self, step: int) -> None:
        with open(self.folder / "metrics.jsonl", "a") as lines:
            lines.write(f'{{"step": {step}, "tokens": 1, "val_loss": 1.5, "val_perplexity": 4.5, "is_best": true}}\n')

    def answers(self, step: int, text: str) -> None:
        with open(self.folder / "samples.jsonl", "a") as lines:
            lines.write(json.dumps({"step": step, "prompt": "hello", "text": text}) + "\n")


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "run")


def test_what_a_run_does_is_told_as_it_happens(qtbot, watch, told, run):
    run.does(1, 2)
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: told.steps == [1, 2])
    assert watch.status.state is RunState.RUNNING
    assert watch.description["config"]["steps"] == 9
    run.does(3)
    run.evaluates(3)
    run.answers(3, "arr")
    qtbot.waitUntil(lambda: told.samples == ["arr"] and told.evaluations == [3])
    run.says("paused", 3)
    qtbot.waitUntil(lambda: told.states == [RunState.RUNNING, RunState.PAUSED])
    assert told.steps == [1, 2, 3]
    assert len(told.described) == 1


def test_what_a_run_did_before_its_end_is_told_before_its_end(qtbot, watch, told, run):
    run.does(*range(1, 100))
    run.answers(99, "arr")
    run.says("finished", 99)
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: told.states == [RunState.FINISHED])
    assert told.order == ["description", "metrics", "samples", "status"]
    assert told.steps == list(range(1, 100))


def test_a_heartbeat_alone_is_no_news(qtbot, watch, told, run):
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: told.states == [RunState.RUNNING])
    before = watch.status.heartbeat
    run.says("running")
    qtbot.waitUntil(lambda: watch.status.heartbeat > before)
    assert told.states == [RunState.RUNNING]


def test_a_long_log_comes_in_parts_and_whole(qtbot, watch, told, run):
    run.does(*range(1, 60_001))  # more than two parts
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: len(told.steps) == 60_000, timeout=20_000)
    assert told.steps == list(range(1, 60_001))
    assert told.order.count("metrics") > 1


def test_a_resumed_run_that_dropped_lines_is_read_anew(qtbot, watch, told, run):
    run.does(1, 2, 3, 4)
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: told.steps == [1, 2, 3, 4])
    beside = run.folder / ".metrics.partial"
    beside.write_text("".join((run.folder / "metrics.jsonl").read_text().splitlines(keepends=True)[:2]))
    os.replace(beside, run.folder / "metrics.jsonl")
    run.does(3)
    qtbot.waitUntil(lambda: told.steps == [1, 2, 3])


def test_a_folder_that_is_deleted_is_missing(qtbot, watch, told, run):
    watch.watch(run.folder)
    qtbot.waitUntil(lambda: told.states == [RunState.RUNNING])
    shutil.rmtree(run.folder)
    qtbot.waitUntil(lambda: told.states == [RunState.RUNNING, RunState.MISSING])


def test_another_folder_takes_the_place_of_the_first(qtbot, watch, told, run, tmp_path):
    other = Run(tmp_path / "other")
    run.does(1, 2)
    other.does(7)
    watch.watch(run.folder)
    watch.watch(other.folder)  # before the first was read
    qtbot.waitUntil(lambda: told.steps == [7])
    run.does(3)
    other.does(8)
    qtbot.waitUntil(lambda: 8 in told.steps)
    assert told.steps == [7, 8]
    assert watch.folder == other.folder
    watch.watch(None)
    assert watch.status is None
