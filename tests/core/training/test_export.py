"""Exporting a run as a model: complete, with its origin, whole or not at all, also during the run."""

import argparse
import json
import os
import shutil
import threading
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_runs import run

from i3core.checkpoints import checkpoint, registry
from i3core.checkpoints.checkpoint import load
from i3core.checkpoints.checksums import check_files, read_checksums
from i3core.checkpoints.model_info import inspect
from i3core.cli.runs import add_keep
from i3core.errors import CheckpointError, ConfigError, TrainingError
from i3core.runs.folder import RunFolder
from i3core.runs.reader import read_summary
from i3core.training.checkpointing import save_checkpoint
from i3core.training.export import check_name, export


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The user's models folder, which does not exist yet."""
    monkeypatch.setenv("I3DESK_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture(scope="module")
def finished(build, training_material, tmp_path_factory):
    """A finished run; its last checkpoint is another one than its best."""
    from i3core.training.config import TrainingConfig

    out = tmp_path_factory.mktemp("finished") / "run"
    config = TrainingConfig(
        data=(str(training_material / "chat.jsonl"), str(training_material / "story.txt")), out=str(out),
        model=str(training_material / "model"), steps=6, batch_size=2, lr=3e-3, warmup_steps=1, eval_every=3,
        checkpoint_every=3, sample_prompts=(), device="cpu", val_share=0.2, general_val="none",
    )  # fmt: skip
    run(config)
    folder = RunFolder(out)
    shutil.rmtree(folder.best)
    model = load(folder.last, "cpu", "float32")
    with torch.no_grad():
        model.network.ln_f.bias.add_(0.5)
    save_checkpoint(model, folder.best)
    return out


@pytest.fixture
def finished_run(finished, tmp_path):
    """A copy of it that a test may damage."""
    return shutil.copytree(finished, tmp_path / "run")


def same_weights(one, other):
    first, second = (load(folder, "cpu", "float32").network.state_dict() for folder in (one, other))
    return all(torch.equal(value, second[name]) for name, value in first.items())


def nothing_else(models, *names):
    return sorted(path.name for path in models.iterdir()) == sorted(names)


# ------------------------------------------------------------------------------------------------------ what is made


@pytest.mark.parametrize("which", ["best", "last"])
def test_exported_checkpoint_is_a_complete_model_with_that_name(finished_run, models, which):
    exported = export(finished_run, "my pirate", which)
    run_folder = RunFolder(finished_run)
    assert exported.folder == models / "my pirate"
    assert exported.checkpoint == which
    assert same_weights(exported.folder, run_folder.best if which == "best" else run_folder.last)
    assert not same_weights(exported.folder, run_folder.last if which == "best" else run_folder.best)
    assert registry.downloaded() == {"my pirate": exported.folder}
    assert load("my pirate", "cpu").name == inspect(exported.folder).name == "my pirate"
    assert nothing_else(models, "my pirate")


def test_default_export_is_the_best_checkpoint_or_else_the_last(finished_run, models):
    assert export(finished_run, "one").checkpoint == "best"
    shutil.rmtree(RunFolder(finished_run).best)
    assert export(finished_run, "two").checkpoint == "last"


def test_exported_model_names_its_origin(finished_run, models):
    summary = read_summary(finished_run)
    exported = export(finished_run, "pirate", "last")
    config = json.loads((exported.folder / "config.json").read_text())
    assert config["name"] == "pirate"
    assert config["base"] == "model"
    assert config["run"]["steps"] == exported.step == 6
    assert config["run"]["data"] == ["chat.jsonl", "story.txt"]
    assert config["run"]["checkpoint"] == "last"
    assert config["run"]["kept"].startswith("20")
    assert inspect(exported.folder).description == "model, trained for 6 steps on chat.jsonl, story.txt."
    assert summary.best_step in (3, 6)
    if summary.best_step == 6:
        assert config["run"]["best_val_loss"] == summary.best_val_loss


def test_exported_files_have_checksums_and_no_trainer_state(finished_run, models):
    exported = export(finished_run, "pirate", "last")
    check_files(exported.folder, read_checksums(exported.folder))
    assert {path.name for path in exported.folder.iterdir()} == {
        "config.json", "tokenizer.json", "model.safetensors", "checksums.json"
    }  # fmt: skip
    assert exported.bytes == sum(path.stat().st_size for path in exported.folder.iterdir())


def test_exported_model_survives_its_run_and_can_be_trained_further(finished_run, models, config):
    exported = export(finished_run, "pirate")
    shutil.rmtree(finished_run)
    run(config(model="pirate", steps=1, general_val="none"))
    again = export(config().out, "pirate two", "last")
    content = json.loads((again.folder / "config.json").read_text())
    assert content["base"] == "pirate"
    assert content["run"]["steps"] == 1
    assert inspect(exported.folder).name == "pirate"


def test_exported_adapter_is_merged(models, config, material):
    run(config(model=str(material / "model"), lora_rank=2, steps=3, general_val="none"))
    run_folder = RunFolder(config().out)
    exported = export(run_folder.folder, "merged", "last")
    assert inspect(exported.folder).kind == "complete"
    assert same_weights(exported.folder, run_folder.last)
    assert not same_weights(exported.folder, material / "model")
    assert exported.step == 3


def test_adapter_without_its_base_is_refused_and_leaves_nothing(models, config, material, tmp_path):
    base = shutil.copytree(material / "model", tmp_path / "base")
    run(config(model=str(base), lora_rank=2, steps=1, general_val="none"))
    shutil.rmtree(base)
    with pytest.raises(CheckpointError, match="needs its base model"):
        export(config().out, "merged", "last")
    assert nothing_else(models)


def test_export_needs_no_torch(finished_run, models, process):
    code = (
        "import sys; from i3core.training.export import export; "
        f"export({str(finished_run)!r}, 'pirate'); print('torch' in sys.modules)"
    )
    done = process(code=code, fresh=True)
    assert done.out.strip() == "False", done.err
    assert load("pirate", "cpu").parameters


def test_keep_command_reports_the_model(finished_run, models, capsys):
    def command(*arguments):
        parser = argparse.ArgumentParser()
        add_keep(parser.add_subparsers())
        parsed = parser.parse_args(["keep", str(finished_run), *arguments])
        parsed.run(parsed)
        return capsys.readouterr().out

    assert json.loads(command("one", "--json", "--checkpoint", "last")) == {
        "folder": str(models / "one"), "name": "one", "checkpoint": "last", "step": 6,
        "bytes": sum(path.stat().st_size for path in (models / "one").iterdir()),
    }  # fmt: skip
    assert "two is in" in command("two")


# ---------------------------------------------------------------------------------------------- during the run


def test_export_never_mixes_checkpoints_that_are_being_replaced(finished_run, models):
    """A writer replaces the checkpoint as fast as it can; each model that is made is whole, and told its own step."""
    last, ended, started = RunFolder(finished_run).last, threading.Event(), threading.Event()
    RunFolder(finished_run).write_status("running", 6)
    written = []

    def write():
        model = load(last, "cpu", "float32")
        while not ended.is_set():
            written.append(len(written) + 1)
            model.details["step"] = written[-1]
            with torch.no_grad():
                for weight in model.network.parameters():
                    weight.fill_(written[-1])
            save_checkpoint(model, last)
            started.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert started.wait(30)
        for number in range(8):
            exported = export(finished_run, f"model {number}", "last")
            assert {float(weight.detach().mean()) for weight in load(exported.folder, "cpu").network.parameters()} == {
                exported.step
            }
    finally:
        ended.set()
        writer.join()
    assert len(written) > 8
    assert nothing_else(models, *(f"model {number}" for number in range(8)))


def test_checkpoint_that_was_set_aside_is_exported(finished_run, models):
    last = RunFolder(finished_run).last
    last.rename(last.with_name("last.old"))
    assert export(finished_run, "pirate", "last").step == 6


def test_missing_checkpoint_is_named(finished_run, models):
    shutil.rmtree(RunFolder(finished_run).best)
    with pytest.raises(CheckpointError, match=r"no best checkpoint.*last checkpoint"):
        export(finished_run, "pirate", "best")
    shutil.rmtree(RunFolder(finished_run).last)
    with pytest.raises(CheckpointError, match="no checkpoint yet"):
        export(finished_run, "pirate")
    assert nothing_else(models)


def test_folder_without_a_run_is_refused(models, material):
    with pytest.raises(TrainingError, match="not a training run"):
        export(material / "model", "pirate")
    with pytest.raises(TrainingError, match="not a training run"):
        export(material / "nothing", "pirate")


def test_damaged_checkpoint_is_refused_and_leaves_nothing(finished_run, models):
    weights = RunFolder(finished_run).best / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="best") as refused:
        export(finished_run, "pirate")
    assert ".keeping" not in str(refused.value)
    assert nothing_else(models)


# -------------------------------------------------------------------------------------------------------------- names


def test_existing_name_is_refused_whatever_its_case(finished_run, models):
    export(finished_run, "Pirate", "last")
    before = (models / "Pirate" / "model.safetensors").stat()
    for name in ("Pirate", "pirate", "i3-mini", "I3-Mini"):
        with pytest.raises(ConfigError, match="already"):
            export(finished_run, name, "best")
    assert (models / "Pirate" / "model.safetensors").stat() == before


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a\\b", "..", ".hidden", "-x", "a:b", "what?", "dot.", " front", "tail ", "con", "NUL.txt",
             "x.partial", "a\nb", "\u200b", "l" * 101],
)  # fmt: skip
def test_invalid_name_is_refused_with_a_remedy(finished_run, models, name):
    with pytest.raises(ConfigError) as refused:
        export(finished_run, name)
    assert refused.value.remedy
    assert not models.exists()


@given(st.text(max_size=40))
def test_accepted_name_is_one_folder_in_the_models_folder(tmp_path_factory, name):
    models = tmp_path_factory.mktemp("models")
    try:
        check_name(name, models)
    except ConfigError:
        return
    (models / name).mkdir()
    assert os.listdir(models) == [name]
    assert registry.PARTIAL not in name.lower()[-len(registry.PARTIAL) :]


# --------------------------------------------------------------------------------------------------------------- disk


def test_full_disk_leaves_no_model_and_is_named(finished_run, models, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(CheckpointError, match="No space left") as refused:
        export(finished_run, "pirate")
    assert "disk space" in refused.value.remedy
    assert nothing_else(models)


def test_leftovers_of_a_killed_export_are_removed_by_the_next(finished_run, models):
    old, fresh = models / ".gone.keeping-12345678", models / ".now.keeping-12345678"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 7200,) * 2)
    export(finished_run, "pirate")
    assert nothing_else(models, ".now.keeping-12345678", "pirate")
    assert registry.downloaded() == {"pirate": models / "pirate"}
    assert checkpoint.find_model("pirate") == models / "pirate"
