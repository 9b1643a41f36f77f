"""Runs that are stopped, killed, paused and resumed continue as if nothing had happened."""

import dataclasses
import json
import shutil
import signal
import subprocess
import threading
import time

import pytest
import torch
from safetensors.torch import load_file
from training_runs import losses, metrics, run, status, val_losses

from i3core.runs.events import Checkpointed, Sampled, Started, Stepped
from i3core.runs.folder import RunFolder
from i3core.training import loop
from i3core.training.config import TrainingConfig
from i3core.training.train import resume_config, train


def assert_equal_runs(one, other):
    """Weights, optimiser, losses and validation losses are equal to the last bit."""
    first, second = (load_file(RunFolder(c.out).last / "model.safetensors") for c in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)
    states = [torch.load(RunFolder(c.out).last / "trainer.pt", weights_only=True) for c in (one, other)]
    for optimizers in zip(*(state["optimizers"] for state in states), strict=True):
        for left, right in zip(*(o["state"].values() for o in optimizers), strict=True):
            assert all(torch.equal(left[key], right[key]) for key in left)
    assert losses(one) == losses(other)
    assert val_losses(one) == val_losses(other)


@pytest.fixture(scope="module")
def whole_run(training_material, tmp_path_factory):
    """The run that was never interrupted: 40 steps, a checkpoint every 6."""
    out, material = tmp_path_factory.mktemp("whole") / "run", training_material
    config = TrainingConfig(
        data=(str(material / "chat.jsonl"),), out=str(out), preset="tiny", tokenizer=str(material / "vocab.json"),
        steps=40, batch_size=2, lr=3e-3, warmup_steps=4, eval_every=10, checkpoint_every=6, sample_prompts=("hello!",),
        device="cpu", val_share=0.1, optimizer="muon",
    )  # fmt: skip
    run(config)
    return config


def test_stopped_and_resumed_run_is_bit_equal(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    control = RunFolder(settings.out).folder / "control"
    events = []
    for event in train(settings):
        events.append(event)
        if isinstance(event, Stepped) and event.step == 15:
            (control / "stop").touch()
    assert events[-1].reason == "stopped"
    assert status(settings)["state"] == "interrupted"
    assert not list(control.iterdir())
    stopped_at = events[-1].step
    assert stopped_at in (15, 16)
    resumed = run(resume_config(settings.out), resume=True)
    assert resumed[0].step == stopped_at
    assert resumed[-1].reason == "finished"
    assert_equal_runs(settings, whole_run)
    assert RunFolder(settings.out).samples.read_text() == RunFolder(whole_run.out).samples.read_text()


def test_run_resumed_after_its_generator_was_closed_is_bit_equal(whole_run, tmp_path):
    """Whoever runs the loop stops asking after step 21: steps 19 to 21 are done again from the checkpoint at 18."""
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    events = train(settings)
    for event in events:
        if isinstance(event, Stepped) and event.step == 21:
            events.close()
    assert status(settings)["state"] == "interrupted"
    assert run(settings, resume=True)[0].step == 18
    assert_equal_runs(settings, whole_run)


def endless(whole_run, tmp_path):
    """The whole run with far more steps and no checkpoints, for a process of its own: its settings are in run.json."""
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"), steps=100_000, checkpoint_every=0)
    (tmp_path / "run.json").write_text(json.dumps(dataclasses.asdict(settings)))
    return settings


def wait_for_step(settings, step, child):
    deadline = time.monotonic() + 60
    while not any(at >= step for at, _ in losses(settings)):
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_run_killed_twice_and_resumed_is_bit_equal(whole_run, tmp_path, start_process, cli):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    (tmp_path / "run.json").write_text(json.dumps(dataclasses.asdict(settings)))
    for arguments, step in ((["--config", tmp_path / "run.json"], 9), (["--resume", settings.out], 25)):
        child = start_process("train", *arguments)
        wait_for_step(settings, step, child)
        child.kill()
        child.wait()
    assert status(settings)["state"] == "running"
    outcome = cli("train", "--resume", settings.out, "--json")
    assert outcome.status == 0
    assert json.loads(outcome.out.splitlines()[-1])["reason"] == "finished"
    assert_equal_runs(settings, whole_run)


def test_killed_run_that_composes_and_replays_is_bit_equal(material, build, tmp_path, start_process, cli):
    """Rows, replay and varied questions of every epoch depend on seed and step alone."""
    (tmp_path / "talk.txt").write_text(f"{build.story}\n\n" * 3)
    talk = build.conversations(tmp_path / "talk.jsonl", 20)
    talk.write_text(talk.read_text().replace("hello!", "the boats").replace("cat", "dog").replace("name", "sail"))
    configs = [
        TrainingConfig(
            data=(str(material / "chat.jsonl"),), out=str(tmp_path / name), model=str(material / "model"), steps=24,
            batch_size=1, eval_every=8, checkpoint_every=5, sample_prompts=(), device="cpu", val_share=0.1, compose=4,
            replay=f"0.4={talk}", variation="on", general_val="none",
        )
        for name in ("whole", "killed")
    ]  # fmt: skip
    whole, killed = configs
    events = run(whole)
    started = next(event for event in events if isinstance(event, Started))
    assert (started.replay_share, started.composed) == (0.4, 4)
    (tmp_path / "run.json").write_text(json.dumps(dataclasses.asdict(killed)))
    child = start_process("train", "--config", tmp_path / "run.json")
    wait_for_step(killed, 12, child)
    child.kill()
    child.wait()
    assert cli("train", "--resume", killed.out, "--json").status == 0
    assert_equal_runs(whole, killed)


def test_terminated_process_saves_and_ends(whole_run, tmp_path, start_process):
    settings = endless(whole_run, tmp_path)
    child = start_process("train", "--config", tmp_path / "run.json", fresh=True)
    wait_for_step(settings, 3, child)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert status(settings)["state"] == "interrupted"
    saved = torch.load(RunFolder(settings.out).last / "trainer.pt", weights_only=True)
    assert saved["step"] == status(settings)["step"] == losses(settings)[-1][0] >= 3


def test_run_stopped_before_its_first_checkpoint_starts_over(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    events = train(settings)
    for event in events:
        if isinstance(event, Stepped) and event.step == 3:
            events.close()
    assert run(settings, resume=True)[0].step == 0
    assert_equal_runs(settings, whole_run)


def test_run_stopped_between_the_two_renames_of_a_checkpoint_resumes(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    folder = RunFolder(settings.out)
    shutil.copytree(whole_run.out, settings.out)
    folder.last.rename(folder.last.with_name("last.old"))
    assert run(settings, resume=True)[-1].step == 40
    assert_equal_runs(settings, whole_run)


def test_incomplete_line_after_a_crash_is_dropped(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    shutil.copytree(whole_run.out, settings.out)
    with open(RunFolder(settings.out).metrics, "a") as lines:
        lines.write('{"step": 41, "lo')
    assert metrics(settings) == metrics(whole_run)
    run(settings, resume=True)
    assert metrics(settings) == metrics(whole_run)


def test_paused_run_waits_until_resumed(config):
    settings = config(steps=6)
    control = RunFolder(settings.out).folder / "control"
    seen = []

    def go_on():
        deadline = time.monotonic() + 30
        while status(settings)["state"] != "paused" and time.monotonic() < deadline:
            time.sleep(0.02)
        seen.append((status(settings)["state"], status(settings)["step"]))
        (control / "resume").touch()

    watcher = threading.Thread(target=go_on)
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 2:
            (control / "pause").touch()
            watcher.start()
    watcher.join()
    assert seen[0][0] == "paused"
    assert seen[0][1] in (2, 3)
    assert status(settings)["state"] == "finished"


def test_paused_run_saves_and_handles_commands(config):
    settings = config(steps=6, checkpoint_every=0, eval_every=0, sample_prompts=("hello!",))
    control = RunFolder(settings.out).folder / "control"
    happened = []
    for event in train(settings):
        happened.append((type(event).__name__, getattr(event, "step", None)))
        if isinstance(event, Stepped) and event.step == 2:
            (control / "pause").touch()
        if isinstance(event, Checkpointed) and event.step < 6:  # paused: what is asked for now is done now
            assert status(settings)["state"] == "paused"
            (control / "sample").touch()
        if isinstance(event, Sampled):
            (control / "resume").touch()
    after = happened.index(("Stepped", 2)) + 1
    assert happened[after : after + 3] == [("Checkpointed", 2), ("Sampled", 2), ("Stepped", 3)]
    assert status(settings)["state"] == "finished"


def test_commands_of_an_earlier_start_are_ignored(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"), steps=3)
    control = RunFolder(settings.out).folder / "control"
    control.mkdir(parents=True)
    (control / "stop").touch()
    assert run(settings)[-1].reason == "finished"


def test_one_signal_after_a_stop_command_still_saves(whole_run, tmp_path, start_process):
    """The window drops the file, then its user closes it: that is one signal, not two."""
    settings = endless(whole_run, tmp_path)
    child = start_process("train", "--config", tmp_path / "run.json")
    wait_for_step(settings, 3, child)
    (RunFolder(settings.out).folder / "control" / "stop").touch()
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert torch.load(RunFolder(settings.out).last / "trainer.pt", weights_only=True)["step"] >= 3


def test_run_whose_output_is_closed_saves_and_ends(whole_run, tmp_path, start_process):
    settings = endless(whole_run, tmp_path)
    child = start_process("train", "--config", tmp_path / "run.json", "--json", stdout=subprocess.PIPE)
    for _ in range(6):
        assert child.stdout.readline().startswith("{")
    child.stdout.close()
    assert child.wait(60) == 0, child.stderr.read()
    assert status(settings)["state"] == "interrupted"
    assert (RunFolder(settings.out).last / "trainer.pt").exists()


def with_hangup(handling, start):
    """The process that `start` begins, which inherits how a hang-up is handled (nohup: not at all)."""
    before = signal.signal(signal.SIGHUP, handling)
    try:
        return start()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="SIGHUP is unknown here")
def test_closed_terminal_stops_a_run_except_under_nohup(whole_run, tmp_path, start_process):
    settings = endless(whole_run, tmp_path)
    child = with_hangup(signal.SIG_IGN, lambda: start_process("train", "--config", tmp_path / "run.json"))
    wait_for_step(settings, 2, child)
    child.send_signal(signal.SIGHUP)
    wait_for_step(settings, losses(settings)[-1][0] + 3, child)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    child = with_hangup(signal.SIG_DFL, lambda: start_process("train", "--resume", settings.out))
    wait_for_step(settings, status(settings)["step"] + 1, child)
    child.send_signal(signal.SIGHUP)
    assert child.wait(60) == 0
    assert status(settings)["state"] == "interrupted"


def test_stop_while_data_is_read_ends_the_run(config, tmp_path):
    """Nothing is trained yet, so there is nothing to save."""
    (tmp_path / "long.txt").write_text("once upon a time there was a little cat.\n\n" * 20_000)
    settings = config(data=(str(tmp_path / "long.txt"),))

    def stop(what, characters):
        (RunFolder(settings.out).folder / "control" / "stop").touch()

    with pytest.raises(KeyboardInterrupt):
        list(train(settings, progress=stop))
    assert status(settings)["state"] == "interrupted"
    assert run(settings)[-1].reason == "finished"  # the folder does not count as a run yet


def test_checkpoint_command_saves(config):
    settings = config(steps=6, checkpoint_every=0, eval_every=0)
    control, saved = RunFolder(settings.out).folder / "control", []
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 2:
            (control / "checkpoint").touch()
        if isinstance(event, Checkpointed):
            saved.append(event.step)
    assert saved in ([2, 6], [3, 6])


def test_full_disk_ends_in_one_line_and_the_run_resumes_when_there_is_space(whole_run, tmp_path, process):
    """Files may not grow beyond the vocabulary's size: the checkpoint at step 12 cannot be written."""
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    events = train(settings)
    for event in events:
        if isinstance(event, Stepped) and event.step == 7:
            events.close()
    code = (
        "import resource, signal, sys; from i3core.cli.main import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000));"
        f"sys.exit(main(['train', '--resume', {settings.out!r}]))"
    )
    outcome = process(code=code)
    outcome.fails("checkpoint" if "checkpoint" in outcome.err else "written", "free some disk space", "--resume")
    assert status(settings)["state"] == "failed"
    assert "disk space" in status(settings)["error"]
    assert torch.load(RunFolder(settings.out).last / "trainer.pt", weights_only=True)["step"] == 6
    assert sorted(path.name for path in RunFolder(settings.out).last.parent.iterdir()) in (["last"], ["best", "last"])
    run(settings, resume=True)
    assert_equal_runs(settings, whole_run)


def test_sample_command_samples(config):
    settings = config(steps=6, eval_every=0, sample_prompts=("hello!", "and you?"))
    control, sampled = RunFolder(settings.out).folder / "control", []
    for event in train(settings):
        if isinstance(event, Stepped) and event.step == 2:
            (control / "sample").touch()
        if isinstance(event, Sampled):
            sampled.append((event.step, event.prompt))
    assert sampled == [(2, prompt) for prompt in settings.sample_prompts]
    lines = RunFolder(settings.out).samples.read_text().splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["hello!", "and you?"]


def test_stop_interrupts_an_evaluation_which_is_done_after_resuming(whole_run, tmp_path, monkeypatch):
    """At step 10 an evaluation is due when the stop comes: before it at one time, in the middle of it at another."""
    evaluated = []

    def stop_in_the_middle(*arguments, **options):
        if len(evaluated) < 3:  # the losses of step 0 and, the second time, half of those of step 10
            evaluated.append(1)
            return evaluate(*arguments, **options)
        (control / "stop").touch()
        arguments[-1]()  # what is called between batches
        raise AssertionError("the wish to stop was not seen")

    evaluate = loop.evaluate_sequences
    for name in ("before", "within"):
        settings = dataclasses.replace(whole_run, out=str(tmp_path / name))
        control = RunFolder(settings.out).folder / "control"
        if name == "within":
            evaluated[:] = [1, 1]
            monkeypatch.setattr(loop, "evaluate_sequences", stop_in_the_middle)
        for event in train(settings):
            if name == "before" and isinstance(event, Stepped) and event.step == 10:
                (control / "stop").touch()
        monkeypatch.undo()
        assert status(settings)["state"] == "interrupted"
        assert status(settings)["step"] == 10
        assert [step for step, _ in val_losses(settings)] == [0]
        for event in (resumed := train(settings, resume=True)):
            if isinstance(event, Stepped) and event.step == 11:  # the evaluation was made up for; killed after it
                resumed.close()
        run(settings, resume=True)
        assert_equal_runs(settings, whole_run)


def test_resumed_run_knows_its_remaining_time_at_once(whole_run, tmp_path):
    shutil.copytree(whole_run.out, tmp_path / "run")
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"), steps=400)
    events = train(settings, resume=True)
    started = next(event for event in events if isinstance(event, Started))
    stepped = next(event for event in events if isinstance(event, Stepped))
    events.close()
    assert started.step == 40
    assert 0 < started.eta_s < 600
    assert stepped.eta_s == pytest.approx(started.eta_s, rel=0.5)


def test_changed_data_of_a_resumed_run_is_named(whole_run, tmp_path, build, cli):
    data = tmp_path / "chat.jsonl"
    shutil.copy(whole_run.data[0], data)
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"), data=(str(data),), steps=3)
    run(settings)
    build.conversations(data, 11)
    cli("train", "--resume", settings.out, "--steps", 5).fails("chat.jsonl", "changed", "--model")
    build.conversations(data, 10)
    assert cli("train", "--resume", settings.out, "--steps", 5).status == 0


def test_run_with_relative_paths_resumes_from_anywhere_and_finds_moved_data(whole_run, tmp_path, monkeypatch, cli):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    shutil.copy(whole_run.data[0], here / "chat.jsonl")
    (here / "tale.txt").write_text("a little cat sat by the sea. " * 40)
    monkeypatch.chdir(here)
    changes = {"data": ("chat.jsonl:2", "tale.txt"), "val": "tale.txt", "out": "run", "steps": 2, "val_share": 0.0}
    run(dataclasses.replace(whole_run, **changes))
    monkeypatch.chdir(there)
    assert cli("train", "--resume", here / "run", "--steps", 3).status == 0
    for name in ("chat.jsonl", "tale.txt"):
        (here / name).rename(there / name)
    cli("train", "--resume", here / "run", "--steps", 4).fails("chat.jsonl")
    moved = ("--resume", here / "run", "--steps", 4, "--val", "tale.txt", "--data")
    cli("train", *moved, "chat.jsonl").fails("2 sources")
    cli("train", *moved, "tale.txt", "chat.jsonl").fails("changed", "order")
    cli("train", *moved, "chat.jsonl:3", "tale.txt").fails("weight")
    assert cli("train", *moved, "chat.jsonl", "tale.txt").status == 0
    (here / "run").rename(there / "run")
    monkeypatch.chdir(tmp_path)
    assert cli("train", "--resume", there / "run", "--steps", 5).status == 0
    content = json.loads((there / "run" / "run.json").read_text())["config"]
    assert content["data"] == [f"{there / 'chat.jsonl'}:2", str(there / "tale.txt")]


def test_options_that_change_a_resumed_run_are_refused(whole_run, tmp_path, cli):
    shutil.copytree(whole_run.out, tmp_path / "run")
    cli("train", "--resume", tmp_path / "run", "--seed", 3).fails("keeps its seed")
    cli("train", "--resume", tmp_path / "run", "--lora-rank", 3).fails("keeps its lora_rank")


def test_damaged_checkpoint_is_named(whole_run, tmp_path, cli):
    shutil.copytree(whole_run.out, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last" / "trainer.pt").write_bytes(b"nothing")
    cli("train", "--resume", tmp_path / "run").fails("checkpoints/last", "damaged")
