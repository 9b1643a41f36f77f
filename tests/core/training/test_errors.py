"""What can go wrong with a training run: one clear message, and nothing is lost."""

import dataclasses
import json
import math
import os
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from training_runs import losses, run, status

from i3core.checkpoints.checkpoint import load, save
from i3core.errors import ConfigError, DataError, TrainingError
from i3core.runs.events import Sampled, Warned
from i3core.runs.folder import RunFolder
from i3core.runs.reader import read_status
from i3core.training import loop


def arguments(settings):
    """The command line for a configuration."""
    result = ["train", "--data", *settings.data, "--out", settings.out, "--steps", settings.steps, "--sample-prompts"]
    result += ["--from-scratch", settings.preset] if settings.preset else []
    result += ["--tokenizer", settings.tokenizer] if settings.tokenizer else []
    return result + (["--model", settings.model] if settings.model else [])


def test_existing_run_is_not_overwritten(config, cli):
    settings = config(steps=1)
    assert cli(*arguments(settings)).status == 0
    before = RunFolder(settings.out).metrics.read_bytes()
    cli(*arguments(settings)).fails("run", "already", "--resume")
    assert RunFolder(settings.out).metrics.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"data": ("none.jsonl",)}, "none.jsonl"), ({"tokenizer": "none.json"}, "none.json"),
        ({"preset": "huge"}, "huge"), ({"model": "none"}, "none"),
    ],
)  # fmt: skip
def test_missing_files_and_models_are_named(config, cli, changes, word):
    cli(*arguments(config(**changes))).fails(word)


def test_bad_data_is_named_by_file_and_line(config, cli, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n{"txt": 1}\n')
    settings = config(data=(str(tmp_path / "bad.jsonl"),))
    cli(*arguments(settings)).fails("bad.jsonl, line 2")
    assert status(settings)["state"] == "failed"
    assert "bad.jsonl, line 2" in status(settings)["error"]


def test_run_folder_that_cannot_be_created_is_named(config, cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cli(*arguments(config(out=str(tmp_path / "file" / "run")))).fails(str(tmp_path / "file"))


def test_infinite_loss_is_a_clear_error(config, cli, material, tmp_path):
    save(load(material / "model"), tmp_path / "wild")
    weights = load_file(tmp_path / "wild" / "model.safetensors")
    weights["head.bias"][5] = 3e38
    weights["ln_f.weight"][:] = 1e38
    save_file(weights, tmp_path / "wild" / "model.safetensors")
    settings = config(model=str(tmp_path / "wild"))
    cli(*arguments(settings), "--eval-every", 0).fails("loss became", "step 1", "learning rate")
    assert status(settings)["state"] == "failed"
    assert "loss became" in status(settings)["error"]
    assert not RunFolder(settings.out).last.exists()


def strictly_parsed(path):
    """The lines of a file as JSON, which has no NaN."""

    def refuse(name):
        raise ValueError(name)

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_validation_that_is_not_finite_ends_the_run_and_the_advice_works(config, cli, monkeypatch):
    """Neither checkpoint is replaced by weights that compute nothing."""
    settings, evaluate = config(eval_every=2, checkpoint_every=2, steps=8), loop.evaluate_sequences
    losses_so_far = []

    def overflow(*args):
        losses_so_far.append(evaluate(*args))
        return losses_so_far[-1] if len(losses_so_far) < 3 else math.nan  # at steps 0, 2 and 4

    monkeypatch.setattr(loop, "evaluate_sequences", overflow)
    with pytest.raises(TrainingError, match=r"validation loss became nan at step 4.*--lr"):
        run(settings)
    monkeypatch.undo()
    assert [line["val_loss"] for line in strictly_parsed(RunFolder(settings.out).metrics) if "val_loss" in line]
    for name in ("last", "best"):
        assert json.loads((RunFolder(settings.out).last.parent / name / "config.json").read_text())["step"] == 2
    assert cli("train", "--resume", settings.out, "--lr", 1e-4).status == 0
    assert strictly_parsed(RunFolder(settings.out).metrics)[-1]["step"] == 8


def test_checkpoint_of_broken_weights_is_not_written(config, cli, monkeypatch):
    """Without validation, the loss of the next step would be the first to show them."""
    settings, step = config(eval_every=0, checkpoint_every=2, steps=8), loop.TrainStep.step

    def overflow(self, number, batches):
        result = step(self, number, batches)
        if number == 3:  # the fourth
            with torch.no_grad():
                self.network.ln_f.weight.fill_(3e38)
        return result

    monkeypatch.setattr(loop.TrainStep, "step", overflow)
    with pytest.raises(TrainingError, match=r"became .* at step 4.*--lr"):
        run(settings)
    monkeypatch.undo()
    assert json.loads((RunFolder(settings.out).last / "config.json").read_text())["step"] == 2
    assert cli("train", "--resume", settings.out, "--lr", 1e-4).status == 0


def test_evaluation_of_weights_that_cannot_reply_ends_the_run_in_words(config, cli, monkeypatch):
    """Without validation data, the sample prompts are the first to show them."""
    settings, step = config(eval_every=2, val_share=0, steps=8, sample_prompts=("hello",)), loop.TrainStep.step

    def overflow(self, number, batches):
        result = step(self, number, batches)
        with torch.no_grad():
            self.network.ln_f.weight.fill_(math.nan)
        return result

    monkeypatch.setattr(loop.TrainStep, "step", overflow)
    monkeypatch.setattr(loop.TrainStep, "_gradients", lambda self, batches: (1.0, 1.0))
    with pytest.raises(TrainingError, match=r"no finite numbers.*step 2.*--lr"):
        run(settings)
    monkeypatch.undo()
    assert cli("train", "--resume", settings.out, "--lr", 1e-4).status == 0


def test_resuming_a_folder_without_a_run_is_refused(cli, tmp_path):
    cli("train", "--resume", tmp_path).fails(tmp_path.name, "not a training run")
    (tmp_path / "run.json").write_text("[]")
    cli("train", "--resume", tmp_path).fails("run.json")


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_unknown_setting_is_named_with_a_suggestion(cli, tmp_path, suffix):
    path = tmp_path / f"run.{suffix}"
    path.write_text("batchsize = 4" if suffix == "toml" else '{"batchsize": 4}')
    cli("train", "--config", path).fails("'batchsize'", "'batch_size'")


@pytest.mark.parametrize("content", ["lr = ", "[]", "3", b"\xff"])
def test_unreadable_settings_file_is_named(cli, tmp_path, content):
    path = tmp_path / ("run.json" if content in ("[]", "3") else "run.toml")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    cli("train", "--config", path).fails(path.name)


def test_options_override_the_settings_file(cli, tmp_path, config):
    settings = config(steps=5, eval_every=0)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(dataclasses.asdict(settings)))
    assert cli("train", "--config", path, "--steps", 2).status == 0
    assert [step for step, _ in losses(settings)] == [1, 2]


WRONG = {
    "steps": [-1, 1.5], "epochs": [0, -1, math.nan], "batch_size": [0, 5000], "accumulate": [0], "lr": [0, 2, math.inf],
    "warmup_steps": [-1], "decay_share": [1.5], "min_lr_share": [-0.1], "weight_decay": [-1], "beta2": [1, 0.1],
    "grad_clip": [0], "loss_on": ["user"], "optimizer": ["sgd"], "eval_every": [-1], "eval_tokens": [0],
    "checkpoint_every": [-1], "log_every": [0], "seed": [-1], "val_share": [0.6], "public_recipe": ["yes"],
    "out": ["", 3], "data": ["a.jsonl", [1]], "sample_prompts": ["hello", (1,)], "val": [5],
}  # fmt: skip


@pytest.mark.parametrize("key", WRONG)
def test_settings_out_of_range_are_named(config, key):
    for value in WRONG[key]:
        with pytest.raises(ConfigError, match="--out" if value == "" else key):
            config(**{key: value})


def test_contradicting_settings_are_refused(config):
    for changes in ({"preset": ""}, {"model": "x", "preset": "tiny"}, {"data": ()}, {"lora_rank": 4}):
        with pytest.raises(ConfigError):
            config(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 5, "epochs": 3.0}, {"public_recipe": True, "weight_decay": 0.5},
        {"public_recipe": True, "beta2": 0.9}, {"min_count": 3}, {"lora_alpha": 4.0},
        {"patience": 3, "eval_every": 0}, {"track": ("papers",)},
    ],
)  # fmt: skip
def test_options_without_effect_are_refused(config, changes):
    with pytest.raises(ConfigError, match=r"no effect|tracker"):
        config(**changes)


def test_second_start_in_one_folder_is_refused(config):
    """The first one still reads its data: there is no run.json yet."""
    settings = config()
    folder = RunFolder(settings.out)
    folder.folder.mkdir(parents=True)
    living = {"state": "starting", "step": 0, "pid": os.getppid(), "heartbeat": time.time(), "error": ""}
    (folder.folder / "status.json").write_text(json.dumps(living))
    with pytest.raises(TrainingError, match="still running"):
        run(settings)


def test_prompt_with_unreadable_characters_is_a_warning_once(config):
    events = run(config(sample_prompts=("the cat ☠☠",), steps=4, eval_every=2))
    [warned] = [event for event in events if isinstance(event, Warned) and "can't read" in event.what]
    assert warned.what == "In the sample prompt 'the cat ☠☠', i3 can't read 2 characters: ☠."


def test_unanswerable_prompt_is_a_warning_and_training_continues(config):
    settings = config(sample_prompts=("far too long " * 40, "hello!"))
    events = run(settings)
    assert any(isinstance(event, Warned) and "far too long" in event.what for event in events)
    assert {event.prompt for event in events if isinstance(event, Sampled)} == {"hello!"}
    assert events[-1].reason == "finished"


def test_model_that_only_got_worse_is_a_warning(config, material, tmp_path):
    (tmp_path / "val.txt").write_text("zebra quiz jazz vex\n\n" * 20)
    (tmp_path / "text.txt").write_text("once upon a time in the house by the sea\n\n" * 30)
    settings = config(
        data=(str(tmp_path / "text.txt"),), model=str(material / "model"), val=str(tmp_path / "val.txt"), steps=20,
        lr=5e-3, eval_every=20,
    )  # fmt: skip
    events = run(settings)
    assert any(isinstance(event, Warned) and "never lower than before" in event.what for event in events)
    assert (
        "never lower than before" in read_status(Path(settings.out)).warnings[-1][0]
    )  # also for a program that looks later
    assert events[-1].folder == str(RunFolder(settings.out).best)


def test_data_weights_that_leave_nothing_are_refused(config, material):
    with pytest.raises(DataError, match="weights"):
        run(config(data=(f"{material / 'chat.jsonl'}:0.001",), val_share=0.0))


def test_run_folder_inside_data_or_with_other_files_is_refused(config, material, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("once upon a time\n\n" * 30)
    for data in ({"data": (str(notes),)}, {"val": str(notes)}, {"general_val": str(notes)}):
        with pytest.raises(DataError, match="read as data"):
            run(config(out=str(notes / "run"), **data))
    with pytest.raises(TrainingError, match="other files"):
        run(config(out=str(notes)))
    assert [path.name for path in notes.iterdir()] == ["a.txt"]


def test_fewer_steps_than_done_are_refused_and_not_saved(config, cli):
    settings = config(steps=6)
    run(settings)
    cli("train", "--resume", settings.out, "--steps", 3).fails("already reached step 6", "--steps")
    assert json.loads((RunFolder(settings.out).folder / "run.json").read_text())["config"]["steps"] == 6
    assert cli("train", "--resume", settings.out, "--steps", 7).status == 0


def test_checkpoint_of_another_version_is_named(config, cli):
    settings = config(steps=2)
    run(settings)
    path = RunFolder(settings.out).last / "trainer.pt"
    state = torch.load(path, weights_only=True)
    del state["start_loss"]
    torch.save(state, path)
    cli("train", "--resume", settings.out, "--steps", 4).fails("another version", "--model")


def test_run_that_ended_before_its_first_step_can_be_started_again(config, cli, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"txt": 1}\n')
    settings = config(data=(str(tmp_path / "bad.jsonl"),), tokenizer="")
    assert cli(*arguments(settings)).status == 1
    cli("train", "--resume", settings.out).fails("before its first step", "same command")
    (tmp_path / "bad.jsonl").write_text('{"text": "once upon a time there was a cat"}\n' * 30)
    assert cli(*arguments(settings)).status == 0


def test_run_folder_loads_as_its_best_checkpoint(config):
    settings = config(steps=2)
    run(settings)
    assert load(settings.out, device="cpu").folder == RunFolder(settings.out).best


def test_prompt_that_fills_the_window_leaves_its_reply_to_learn(config, tmp_path):
    record = {"prompt": "the " * 200, "completion": "a little cat by the sea"}
    (tmp_path / "long.jsonl").write_text((json.dumps(record) + "\n") * 30)
    settings = config(data=(str(tmp_path / "long.jsonl"),), steps=3)
    run(settings)
    assert all(loss > 1 for _, loss in losses(settings))
