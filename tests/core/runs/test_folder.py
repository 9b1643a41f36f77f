"""Files of a run folder, commands to a run, and errors of the folder."""

import itertools
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import torch
from training_runs import metrics, run, status, val_losses

from i3core.errors import TrainingError
from i3core.runs.events import Checkpointed, Evaluated, Sampled, Stepped
from i3core.runs.folder import RunFolder
from i3core.runs.reader import RunState, read_status, read_summary
from i3core.training.train import resume_config, train

PAUSE_S = 1.0  # longer than any step takes


def drop(settings, name, content=""):
    """A control file, whole at once."""
    control = RunFolder(settings.out).folder / "control"
    (control / ".new").write_text(content)
    (control / ".new").replace(control / name)


def train_and(settings, step, act):
    """Trains and does something after `step`."""
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == step:
            act()


@pytest.fixture
def begin(config, start_process, tmp_path):
    """Starts a run in a process of its own that would take for ever; returns its settings and the process."""

    def begin(*options, **changes):
        settings = config(steps=1_000_000, **changes)
        (tmp_path / "settings.json").write_text(json.dumps(settings.__dict__))
        child = start_process("train", "--config", tmp_path / "settings.json", *options)
        wait_for(lambda: len(metrics(settings)) > 3, child)
        return settings, child

    return begin


def wait_for(condition, child=None):
    deadline = time.monotonic() + 60
    while not condition():
        assert child is None or child.poll() is None, child.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ------------------------------------------------------------------------------------------------------- what it keeps


def test_status_has_the_process_the_total_and_the_best(config):
    settings = config()
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 1:
            own = psutil.Process()
            assert status(settings)["process_started"] == pytest.approx(own.create_time(), abs=1)
            assert status(settings)["total_steps"] == 8
            assert "best_val_loss" not in status(settings)
            assert read_status(Path(settings.out)).state is RunState.RUNNING
    best = min((loss, step) for step, loss in val_losses(settings) if step)
    assert (status(settings)["best_val_loss"], status(settings)["best_step"]) == best
    summary = read_summary(Path(settings.out))
    assert (summary.step, summary.total_steps, summary.best_val_loss) == (8, 8, best[0])


def test_checkpoint_stores_its_step(config, material):
    for changes in ({}, {"model": str(material / "model"), "lora_rank": 2}):
        settings = config(eval_every=5, checkpoint_every=3, out=config().out + str(len(changes)), **changes)
        run(settings)
        folder = RunFolder(settings.out)
        name = "adapter_config.json" if changes else "config.json"
        last, best = (json.loads((place / name).read_text())["step"] for place in (folder.last, folder.best))
        assert last == 8 == read_status(folder.folder).saved_step
        assert best == status(settings)["best_step"]


def test_seconds_exclude_pauses_and_stops(config):
    settings = config(steps=12, eval_every=4)
    later = threading.Timer(PAUSE_S, drop, (settings, "resume"))
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 3:
            drop(settings, "pause")
        if isinstance(event, Checkpointed) and later.ident is None:
            later.start()
        if isinstance(event, Stepped) and event.step == 6:
            drop(settings, "stop")
    later.join()
    time.sleep(PAUSE_S)
    resumed = run(settings, resume=True)
    lines = metrics(settings)
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    assert len({line["step"] for line in lines}) == 13
    assert [e.seconds for e in resumed if isinstance(e, Evaluated)][-1] == seconds[-1]
    assert max(after - before for before, after in itertools.pairwise(seconds)) < PAUSE_S


def test_older_checkpoint_without_seconds_resumes(config):
    settings = config()
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 6:
            drop(settings, "stop")
    path = RunFolder(settings.out).last / "trainer.pt"
    state = torch.load(path, weights_only=True)
    torch.save({key: value for key, value in state.items() if key not in ("seconds", "best_step")}, path)
    assert run(settings, resume=True)[-1].reason == "finished"


def test_new_sample_prompts_apply_from_then_on(config):
    settings = config(steps=12, sample_prompts=("hello!",))
    asked = []
    for event in train(settings):
        asked += [(event.step, event.prompt)] if isinstance(event, Sampled) else []
        if isinstance(event, Stepped) and event.step == 1:
            drop(settings, "prompts.json", '["who are you?", "where?"]')
            drop(settings, "sample")
        if isinstance(event, Stepped) and event.step == 6:
            drop(settings, "prompts.json", '{"not": "a list"}')
        if isinstance(event, Stepped) and event.step == 9:
            drop(settings, "stop")
    at = asked[1][0]
    assert at in (1, 2)
    asked_again = [(step, prompt) for step in (at, 4, 8) for prompt in ("who are you?", "where?")]
    assert asked == [(0, "hello!"), *asked_again]
    assert not list((RunFolder(settings.out).folder / "control").iterdir())
    resumed = run(resume_config(settings.out), resume=True)
    assert [e.prompt for e in resumed if isinstance(e, Sampled)] == ["who are you?", "where?"]


def test_prompts_changed_between_two_starts_apply(config):
    settings = config(sample_prompts=("hello!",))
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 5:
            drop(settings, "stop")
    drop(settings, "prompts.json", '["and now?"]')
    assert [e.prompt for e in run(settings, resume=True) if isinstance(e, Sampled)] == ["and now?"]


def test_files_of_the_window_do_not_prevent_a_start(config):
    settings = config(steps=1)
    folder = Path(settings.out)
    folder.mkdir()
    for name in ("request.json", "trainer.log", "notes.json"):
        (folder / name).write_text("{}")
    run(settings)
    assert read_status(folder).state is RunState.FINISHED


# ------------------------------------------------------------------------------------------------ threads, processes


def test_thread_count_applies_to_the_run_only(config):
    settings = config(steps=1, threads=2)
    run(settings)
    assert "2 threads" in json.loads((Path(settings.out) / "run.json").read_text())["device"]
    assert torch.get_num_threads() == 1  # those of the tests, as before


def test_resumed_run_may_change_threads(config, cli):
    settings = config(steps=4)
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 2:
            drop(settings, "stop")
    assert cli("train", "--resume", settings.out, "--threads", 2).status == 0
    assert json.loads((Path(settings.out) / "run.json").read_text())["config"]["threads"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="niceness is of POSIX")
@pytest.mark.parametrize("is_detached", [False, True])
def test_low_priority_lowers_process_and_threads(config, tmp_path, start_process, is_detached):
    settings = config(steps=1_000_000)
    (tmp_path / "settings.json").write_text(json.dumps(settings.__dict__))
    # A fresh interpreter stays in the session of this process; a fork has its own.
    child = start_process("train", "--config", tmp_path / "settings.json", "--low-priority", fresh=not is_detached)
    wait_for(lambda: metrics(settings), child)
    assert psutil.Process(child.pid).nice() == os.nice(0) + 10
    priorities = {os.getpriority(os.PRIO_PROCESS, thread.id) for thread in psutil.Process(child.pid).threads()}
    assert priorities == {os.nice(0) + 10}  # its threads, too
    group = Path(f"/proc/{child.pid}/autogroup")
    if group.exists():
        assert group.read_text().endswith("nice 10\n") == is_detached


# ------------------------------------------------------------------------------------------------- what can go wrong


@pytest.mark.parametrize(("how", "is_paused"), [("deleted", False), ("moved", True)])
def test_deleted_or_moved_run_folder_ends_the_run(begin, tmp_path, how, is_paused):
    settings, child = begin()
    folder = Path(settings.out)
    if is_paused:
        drop(settings, "pause")
        wait_for(lambda: status(settings)["state"] == "paused", child)
    start = time.monotonic()
    folder.rename(tmp_path / "moved")
    if how == "deleted":
        shutil.rmtree(tmp_path / "moved")
    assert child.wait(timeout=20) == 1
    assert time.monotonic() - start < 10
    said = child.stderr.read()
    assert "was deleted or moved during the run" in said
    assert "Traceback" not in said
    assert not folder.exists()


def test_files_deleted_one_by_one_end_the_run(begin):
    """As a file manager deletes: the folder itself goes last."""
    settings, child = begin()
    for path in sorted(Path(settings.out).rglob("*"), reverse=True):
        if path.is_file() and "checkpoints" not in path.parts:
            path.unlink(missing_ok=True)
    assert child.wait(timeout=20) == 1
    assert "was deleted or moved" in child.stderr.read()


def test_run_folder_deleted_during_evaluation_ends_the_run(config):
    settings = config()
    with pytest.raises(TrainingError, match="was deleted or moved"):
        train_and(settings, 3, lambda: shutil.rmtree(settings.out))
    assert not Path(settings.out).exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_full_disk_is_named(config):
    """A real refusal: the lines go to a device that has no room."""
    settings = config()
    lines = RunFolder(settings.out).metrics
    with pytest.raises(TrainingError, match=r"No space left.*Free some disk space.*intact"):
        train_and(settings, 5, lambda: (lines.unlink(), lines.symlink_to("/dev/full")))
    found = read_status(Path(settings.out))
    assert (found.state, found.saved_step) == (RunState.FAILED, 4)
    assert "No space left" in found.error


def test_unwritable_heartbeat_does_not_end_a_run(config, monkeypatch):
    settings = config()
    written = RunFolder.write_status

    def refuse(self, state, *rest, **more):
        if state == "running":
            raise TrainingError("status.json could not be written: No space left on device.")
        written(self, state, *rest, **more)

    monkeypatch.setattr(RunFolder, "write_status", refuse)
    assert run(settings)[-1].reason == "finished"


def test_data_deleted_during_a_run_is_needed_to_resume(config, cli, tmp_path, build):
    data = build.conversations(tmp_path / "own.jsonl", 10)
    settings = config(data=(str(data),), steps=12)
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 2:
            data.unlink()
        if isinstance(event, Stepped) and event.step == 9:
            drop(settings, "stop")
    assert len(val_losses(settings)) == 3  # it continued and evaluated
    cli("train", "--resume", settings.out).fails("own.jsonl")
    assert "own.jsonl" in read_status(Path(settings.out)).error
    build.conversations(data, 10)
    assert cli("train", "--resume", settings.out).status == 0
