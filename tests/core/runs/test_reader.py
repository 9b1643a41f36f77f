"""What is told about runs: from their folders alone, whatever state these are in."""

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from i3core.runs.events import Sampled
from i3core.runs.reader import (
    STEP_COLUMNS,
    MetricsReader,
    RunState,
    SamplesReader,
    folder_bytes,
    read_description,
    read_status,
    read_summary,
)

NOBODY = 2**22 + 1  # no process can have this number


def write(folder: Path, name: str, content) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def status(state: str, **changes) -> dict:
    """status.json of this very process."""
    own = psutil.Process()
    content = {"state": state, "step": 7, "pid": own.pid, "heartbeat": time.time(), "error": ""}
    return {**content, "process_started": own.create_time(), **changes}


def step_line(step: int, **changes) -> dict:
    return {"step": step, "tokens": 100 * step, "loss": 4 / step, "lr": 1e-3, "seconds": 0.5 * step, **changes}


def lines(*records: dict) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path):
    """A run folder with a description."""
    write(tmp_path / "run", "run.json", {"config": {"data": ["a/cats.txt:2.5", "dogs.txt"]}, "started": 1000.0})
    return tmp_path / "run"


@pytest.fixture
def zombie():
    """Number and start of a child that was killed and that nobody has taken note of."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = psutil.Process(child.pid)
    started = process.create_time()
    child.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.001)
    yield {"pid": child.pid, "process_started": started}
    child.wait()


# -------------------------------------------------------------------------------------------------------------- state


@pytest.mark.parametrize("state", ["starting", "running", "paused", "stopping", "finished", "interrupted"])
def test_running_or_finished_run_keeps_its_state(folder, state):
    write(folder, "status.json", status(state, note="reading"))
    found = read_status(folder)
    assert (found.state, found.step, found.pid, found.note) == (RunState(state), 7, os.getpid(), "reading")
    assert found.error == ""


@pytest.mark.parametrize("odd", [None, "text", [["alone"], "text", 7], [[{}, 3]]])
def test_warnings_are_pairs_or_left_out(folder, odd):
    write(folder, "status.json", status("finished", warnings=[["Memory was short.", "One row at a time."]]))
    assert read_status(folder).warnings == (("Memory was short.", "One row at a time."),)
    write(folder, "status.json", status("finished", warnings=odd))
    assert all(isinstance(text, str) for pair in read_status(folder).warnings for text in pair)


@pytest.mark.parametrize("state", ["starting", "running", "paused", "stopping"])
@pytest.mark.parametrize(
    "changes",
    [
        {"pid": NOBODY},
        {"process_started": 1e9},  # the number belongs to another process by now
        {"pid": "none"},
        {"process_started": None},
    ],
)
def test_run_whose_process_is_gone_has_died(folder, state, changes):
    write(folder, "status.json", status(state, **changes))
    (folder / "trainer.log").write_text('reading cats.txt\n{"event": "stepped", "step": 7}\nKilled\n')
    found = read_status(folder)
    assert found.state is RunState.DIED
    assert found.state.can_resume
    assert "memory ran out" in found.error
    assert found.log_tail == "reading cats.txt\nKilled"


def test_zombie_process_counts_as_gone(folder, zombie):
    write(folder, "status.json", status("running", **zombie))
    assert read_status(folder).state is RunState.DIED


def test_older_run_is_recognised_by_pid_and_heartbeat(folder):
    old = status("running")
    del old["process_started"]
    write(folder, "status.json", old)
    assert read_status(folder).state is RunState.RUNNING
    write(folder, "status.json", old | {"heartbeat": time.time() - 601})
    assert read_status(folder).state is RunState.DIED
    write(folder, "status.json", old | {"heartbeat": psutil.Process().create_time() - 60})  # before it began
    assert read_status(folder).state is RunState.DIED


def test_process_after_hours_of_sleep_is_alive(folder):
    """A suspended computer: the heartbeat is old, the process the same."""
    write(folder, "status.json", status("running", heartbeat=time.time() - 10_000))
    assert read_status(folder).state is RunState.RUNNING


def test_switched_off_computer_is_the_probable_cause(folder):
    write(folder, "status.json", status("running", pid=NOBODY, heartbeat=psutil.boot_time() - 100))
    assert read_status(folder).error == "The computer was switched off."


def test_error_missing_in_status_is_found_in_the_log(folder):
    write(folder, "status.json", status("running", pid=NOBODY))
    (folder / "trainer.log").write_text("i3core: warning: odd\ni3core: The disk is full. Free some.\n")
    found = read_status(folder)
    assert (found.state, found.error) == (RunState.FAILED, "The disk is full. Free some.")
    (folder / "trainer.log").write_text("i3core: The disk is full. Free some.\ni3core: warning: odd\n")
    assert read_status(folder).state is RunState.DIED


def test_failed_run_has_its_error_and_log_tail(folder):
    write(folder, "status.json", status("failed", error="It was too much."))
    (folder / "trainer.log").write_text("\n".join(f"line {n}" for n in range(100_000)) + "\n\n{broken\n")
    found = read_status(folder)
    assert (found.state, found.error) == (RunState.FAILED, "It was too much.")
    assert found.log_tail.splitlines() == [f"line {n}" for n in range(99_986, 100_000)] + ["{broken"]


def test_waiting_run_is_queued_until_it_is_alive(tmp_path):
    write(tmp_path, "request.json", {"model": "i3-mini"})
    write(tmp_path, "queue.json", {"since": 1.0, "resume": False})
    assert read_status(tmp_path).state is RunState.QUEUED
    write(tmp_path, "status.json", status("interrupted"))
    found = read_status(tmp_path)
    assert (found.state, found.step) == (RunState.QUEUED, 7)
    write(tmp_path, "status.json", status("running"))
    assert read_status(tmp_path).state is RunState.RUNNING


def test_requested_run_is_starting_then_dead(tmp_path):
    write(tmp_path, "request.json", {"model": "i3-mini"})
    assert read_status(tmp_path).state is RunState.STARTING
    (tmp_path / "trainer.log").write_text("i3core: There is no data file 'x'.\n")
    found = read_status(tmp_path)
    assert (found.state, found.error) == (RunState.FAILED, "There is no data file 'x'.")
    (tmp_path / "trainer.log").write_text("Segmentation fault\n")
    for path in (*tmp_path.iterdir(), tmp_path):
        os.utime(path, (time.time() - 31,) * 2)
    found = read_status(tmp_path)
    assert (found.state, found.log_tail) == (RunState.DIED, "Segmentation fault")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"state": "happy"}', '{"state": ["running"]}', "\udcff"])
def test_damaged_status_is_reported(folder, content):
    (folder / "status.json").write_text(content, errors="surrogateescape")
    found = read_status(folder)
    assert found.state is RunState.DIED
    assert "status.json" in found.error


def test_folder_without_a_run_is_missing(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        assert read_status(place).state is RunState.MISSING
        assert read_description(place) == {}
        summary = read_summary(place)
        assert (summary.name, summary.sparkline, summary.loss) == (place.name, (), None)
    assert folder_bytes(tmp_path / "nowhere") == 0


@pytest.mark.parametrize("file", ["config.json", "adapter_config.json"])
def test_saved_step_is_that_of_the_last_checkpoint(folder, file):
    write(folder, "status.json", status("running"))
    assert read_status(folder).saved_step is None
    write(folder, f"checkpoints/last/{file}", {"step": 6})
    assert read_status(folder).saved_step == 6
    (folder / "checkpoints" / "last").rename(folder / "checkpoints" / "last.old")
    assert read_status(folder).saved_step == 6


# ------------------------------------------------------------------------------------------------------------ summary


def test_summary_has_the_figures_of_a_run(folder):
    write(folder, "notes.json", {"name": "Cats", "note": "nice"})
    write(folder, "status.json", status("finished", step=99, total_steps=99, best_val_loss=1.25, best_step=60))
    evaluated = {"step": 99, "tokens": 9900, "val_loss": 1.5, "val_perplexity": 4.5, "is_best": False, "seconds": 50.0}
    steps = [step_line(n, tokens_per_second=10.0 * n) for n in range(1, 100)]
    (folder / "metrics.jsonl").write_text(lines(*steps, evaluated))
    summary = read_summary(folder)
    assert (summary.name, summary.note, summary.data) == ("Cats", "nice", ("cats.txt", "dogs.txt"))
    assert (summary.step, summary.total_steps, summary.loss, summary.seconds) == (99, 99, 4 / 99, 50.0)
    assert (summary.best_val_loss, summary.best_step, summary.tokens_per_second) == (1.25, 60, 990.0)
    assert summary.started == 1000.0
    assert 50 < len(summary.sparkline) <= 60
    assert list(summary.sparkline) == sorted(summary.sparkline, reverse=True)
    assert summary.sparkline[0] == 4.0
    assert summary.sparkline[-1] < 4 / 95
    assert folder_bytes(folder) == sum(path.stat().st_size for path in folder.iterdir())


def test_best_loss_of_an_older_run_comes_from_its_metrics(folder):
    write(folder, "status.json", status("finished"))
    found = [{"step": n, "tokens": 1, "val_loss": loss, "is_best": best} for n, loss, best in
             ((0, 5.0, True), (4, 3.0, True), (8, 4.0, False))]  # fmt: skip
    (folder / "metrics.jsonl").write_text(lines(found[0], step_line(1), found[1], step_line(5), found[2]))
    summary = read_summary(folder)
    assert (summary.best_val_loss, summary.best_step) == (3.0, 4)


def test_sparkline_of_a_short_run_has_a_point_per_step(folder):
    (folder / "metrics.jsonl").write_text(lines(*(step_line(n) for n in range(1, 4))) + '{"step": 4, "lo')
    assert read_summary(folder).sparkline == (4.0, 2.0, 4 / 3)


def test_summary_of_a_queued_run_comes_from_its_request(tmp_path):
    write(tmp_path, "request.json", {"model": "/models/i3-mini", "data": ["x/cats.txt"], "steps": 40})
    write(tmp_path, "queue.json", {"since": 1.0, "resume": False})
    summary = read_summary(tmp_path)
    assert (summary.model, summary.data, summary.total_steps) == ("i3-mini", ("cats.txt",), 40)
    assert read_description(tmp_path)["config"]["steps"] == 40


def test_base_model_that_is_a_checkpoint_has_the_name_of_its_run(tmp_path):
    write(tmp_path, "run.json", {"config": {"model": "runs/pirate/checkpoints/last"}, "model": "last"})
    assert read_summary(tmp_path).model == "pirate"


@pytest.mark.parametrize(
    "content", [[], {"config": 3, "started": "x", "model": []}, {"config": {"data": [1], "model": 2}}]
)
def test_damaged_description_is_ignored(folder, content):
    write(folder, "run.json", content)
    (folder / "metrics.jsonl").write_text('{"loss": "x", "step": []}\n[]\n{"loss": 1e999}\nnonsense\n')
    summary = read_summary(folder)
    assert summary.data == ()
    assert summary.step == 0


# --------------------------------------------------------------------------------------------------- lines that grow


def numbers(text: str) -> list[tuple[int, float]]:
    """Oracle: step and loss of every whole line that is a step."""
    found = []
    for line in text.split("\n")[:-1]:
        try:
            record = json.loads(line)
            found.append((float(record["step"]), float(record["loss"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found


PIECES = st.one_of(
    st.integers(1, 999).map(lambda step: json.dumps({"step": step, "loss": step / 7}) + "\n"),
    st.sampled_from(['{"step": 5, "val_loss": 2.0}\n', "nonsense\n", '{"step": 5, "lo', "\n", "[1]\n", '{"a": 1}\n']),
)
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("append"), PIECES),
        st.tuples(st.just("replace"), st.lists(PIECES, max_size=4).map("".join)),
        st.tuples(st.just("cut"), st.integers(0, 200)),
        st.tuples(st.just("delete"), st.just("")),
        st.tuples(st.just("read"), st.integers(1, 80)),
    ),
    max_size=25,
)


@given(changes=CHANGES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reader_returns_each_whole_line_whatever_happens_to_the_file(tmp_path, changes):
    path = tmp_path / "metrics.jsonl"
    path.unlink(missing_ok=True)
    reader, found, text = MetricsReader(tmp_path), [], ""

    def read(limit: int) -> bool:
        part = reader.read(limit)
        if part.restarted:
            found.clear()
        found.extend(zip(part.steps["step"], part.steps["loss"], strict=True))
        return part.complete

    for kind, value in changes:
        if kind == "read":
            read(value)
            continue
        if kind == "cut":  # what a resumed run does: another file in its place
            text = text[:value]
        else:
            text = {"append": text + str(value), "replace": str(value), "delete": ""}[kind]
        if kind == "append":
            with open(path, "a") as target:
                target.write(value)
        elif kind == "delete":
            path.unlink(missing_ok=True)
        else:
            (tmp_path / "new").write_text(text)
            (tmp_path / "new").replace(path)
    while not read(50):
        pass
    assert found == numbers(text)


def test_line_is_read_once_it_is_whole(tmp_path):
    path = tmp_path / "metrics.jsonl"
    reader = MetricsReader(tmp_path)
    assert len(reader.read().steps["step"]) == 0
    path.write_text(lines(step_line(1)) + '{"step": 2, "loss"')
    part = reader.read()
    assert (part.steps["step"].tolist(), part.complete, part.restarted) == ([1.0], True, False)
    assert len(reader.read().steps["step"]) == 0
    with open(path, "a") as target:
        target.write(": 0.5}\n")
    assert reader.read().steps["loss"].tolist() == [0.5]


def test_missing_numbers_are_nan_in_the_columns(tmp_path):
    full = {name: 1.5 * number for number, name in enumerate(STEP_COLUMNS, 1)}
    odd = step_line(2, grad_norm=None, rss_bytes="many", gpu_power_w=[1])
    (tmp_path / "metrics.jsonl").write_text(lines(full, odd))
    steps = MetricsReader(tmp_path).read().steps
    assert list(steps) == list(STEP_COLUMNS)
    assert all(column.dtype == np.float64 and len(column) == 2 for column in steps.values())
    assert [steps[name][0] for name in STEP_COLUMNS] == list(full.values())
    assert [name for name in STEP_COLUMNS if not math.isnan(steps[name][1])] == [
        "step", "tokens", "seconds", "loss", "lr"
    ]  # fmt: skip


def test_evaluations_are_read(tmp_path):
    general = {"step": 5, "tokens": 50, "general_loss": 2.0, "general_perplexity": 7.4, "is_best": False}
    own = {"step": 9, "tokens": 90, "seconds": 4.5, "val_loss": 1.0, "val_perplexity": 2.7, "is_best": True}
    (tmp_path / "metrics.jsonl").write_text(lines(general, step_line(6), own))
    first, second = MetricsReader(tmp_path).read().evaluations
    assert (first.val_loss, first.general_loss, first.is_best) == (None, 2.0, False)
    assert math.isnan(first.seconds)
    assert (second.step, second.val_perplexity, second.seconds, second.is_best) == (9, 2.7, 4.5, True)


def test_samples_are_read(tmp_path):
    path, reader = tmp_path / "samples.jsonl", SamplesReader(tmp_path)
    assert reader.read() == (False, [])
    sample = {"step": 0, "prompt": "hé", "text": "line\nbreak"}
    path.write_text(lines(sample) + "[]\n" + lines(sample | {"step": "x"}, sample | {"step": 4}), encoding="utf-8")
    assert reader.read() == (False, [Sampled(0, "hé", "line\nbreak"), Sampled(4, "hé", "line\nbreak")])
    path.write_text(lines(sample))
    assert reader.read() == (True, [Sampled(0, "hé", "line\nbreak")])
    path.unlink()
    assert reader.read() == (True, [])
    assert reader.read() == (False, [])


def test_summary_of_a_long_run_reads_only_parts_of_it(folder):
    """The middle of this file is a hole of 20 GB: reading it would take longer than any test may."""
    with open(folder / "metrics.jsonl", "w") as target:
        target.write(lines(step_line(1)))
        target.seek(20 * 10**9)
        target.write("\n" + lines(*(step_line(n) for n in range(900, 1000))))
    write(folder, "status.json", status("finished", step=999, total_steps=999, best_val_loss=1.0, best_step=3))
    start = time.perf_counter()
    summary = read_summary(folder)
    assert time.perf_counter() - start < 1
    assert (summary.loss, summary.best_val_loss) == (4 / 999, 1.0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such device here")
def test_device_in_place_of_a_file_is_not_read(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    for name in ("metrics.jsonl", "samples.jsonl", "trainer.log"):
        (tmp_path / name).symlink_to("/dev/full")  # as a disk that is full in other tests; reading never ends
    summary = read_summary(tmp_path)
    assert summary.loss is None
    assert len(MetricsReader(tmp_path).read().steps["step"]) == 0
    assert SamplesReader(tmp_path).read() == (False, [])


def test_hanging_trainer_is_told_by_the_age_of_its_heartbeat(folder, cli):
    write(folder, "status.json", status("running", heartbeat=time.time() - 60))
    assert read_status(folder).silent_minutes == 0
    write(folder, "status.json", status("running", heartbeat=time.time() - 200))
    assert read_status(folder).silent_minutes == 3
    assert "no sign of life for 3 min" in cli("runs", folder).out
    write(folder, "status.json", status("finished", heartbeat=time.time() - 200))
    assert read_status(folder).silent_minutes == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "name", ["status.json", "run.json", "metrics.jsonl", "samples.jsonl", "notes.json", "trainer.log", "request.json"]
)
def test_pipe_in_place_of_a_file_is_never_opened(folder, cli, name):
    """Opening one waits for a writer, forever."""
    (folder / "metrics.jsonl").write_text(lines(step_line(1)))
    write(folder, "status.json", status("finished"))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert cli("runs", folder).status == 0
    assert read_summary(folder).folder == folder
    MetricsReader(folder).read()
    SamplesReader(folder).read()
