"""Training as its user meets it: real runs of small models, stopped, killed and resumed."""

import dataclasses
import json
import math
import shutil
import signal
import threading
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

import i3core
from i3core import training
from i3core.checkpoint import load, save
from i3core.errors import ConfigError, DataError, TrainingError
from i3core.run import RunFolder
from i3core.settings import TrainingConfig


@pytest.fixture(scope="module")
def material(build, tmp_path_factory):
    """A folder with a vocabulary, conversations, a story and a model to fine-tune."""
    folder = tmp_path_factory.mktemp("material")
    (folder / "vocab.json").write_text(json.dumps(build.tokenizer().to_json()))
    build.conversations(folder / "chat.jsonl", 10)
    (folder / "story.txt").write_text(build.story)
    build.folder(folder / "model")
    return folder


@pytest.fixture
def config(material, tmp_path):
    """A short pre-training run on conversations; changes by keyword."""

    def make(**changes):
        values = {
            "data": (str(material / "chat.jsonl"),), "out": str(tmp_path / "run"), "preset": "tiny",
            "tokenizer": str(material / "vocab.json"), "steps": 8, "batch_size": 2, "lr": 3e-3, "warmup_steps": 2,
            "eval_every": 4, "checkpoint_every": 4, "sample_prompts": (), "device": "cpu", "val_share": 0.1,
        }  # fmt: skip
        if "model" in changes:
            del values["preset"], values["tokenizer"]
        return TrainingConfig(**{**values, **changes})

    return make


def metrics(config):
    path = RunFolder(config.out).metrics
    whole_lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in whole_lines]


def losses(config):
    return [(line["step"], line["loss"]) for line in metrics(config) if "loss" in line]


def val_losses(config):
    return [(line["step"], line["val_loss"]) for line in metrics(config) if "val_loss" in line]


def status(config):
    return json.loads((RunFolder(config.out).folder / "status.json").read_text())


def run(config, resume=False):
    return list(training.train(config, resume))


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
def whole_run(material, tmp_path_factory):
    """The run that was never interrupted: 40 steps, a checkpoint every 6."""
    out = tmp_path_factory.mktemp("whole") / "run"
    config = TrainingConfig(
        data=(str(material / "chat.jsonl"),), out=str(out), preset="tiny", tokenizer=str(material / "vocab.json"),
        steps=40, batch_size=2, lr=3e-3, warmup_steps=4, eval_every=10, checkpoint_every=6, sample_prompts=("hello!",),
        device="cpu", val_share=0.1, optimizer="muon",
    )  # fmt: skip
    run(config)
    return config


# ------------------------------------------------------------------------------------------------------- a whole run


def test_training_learns_a_small_text_by_heart(config, material):
    learned = config(data=(str(material / "story.txt"),), steps=60, lr=1e-2, eval_every=0, val_share=0.0)
    events = run(learned)
    values = [loss for _, loss in losses(learned)]
    assert values[0] == pytest.approx(math.log(158), rel=0.05)  # knows nothing yet
    assert values[-1] < 0.5 * values[0]
    model = load(events[-1].folder, device="cpu")
    text = "".join(p.text for p in i3core.generate(model, "once upon a time", i3core.SamplingConfig(temperature=0)))
    assert text.endswith("and they were friends from that day on.")


def test_events_and_run_folder(config):
    settings = config(sample_prompts=("hello!",))
    events = run(settings)
    kinds = [type(event).__name__ for event in events]
    assert kinds[:3] == ["Started", "Evaluated", "Sampled"]
    assert kinds[-1] == "Finished"
    assert [e.step for e in events if isinstance(e, training.Stepped)] == list(range(1, 9))
    assert [e.step for e in events if isinstance(e, training.Evaluated)] == [0, 4, 8]
    assert [e.step for e in events if isinstance(e, training.Checkpointed)] == [4, 8]

    folder = RunFolder(settings.out)
    described = json.loads((folder.folder / "run.json").read_text())
    assert TrainingConfig.from_dict(described["config"]) == settings
    lines = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    wanted = {"step", "tokens", "loss", "lr", "grad_norm", "tokens_per_second", "eta_s", "rss_bytes"}
    assert all(wanted <= set(line) for line in steps)
    assert [line["step"] for line in lines if "val_loss" in line] == [0, 4, 8]
    assert all(
        line["val_perplexity"] == pytest.approx(math.exp(line["val_loss"])) for line in lines if "val_loss" in line
    )
    samples = [json.loads(line) for line in folder.samples.read_text().splitlines()]
    assert [(s["step"], s["prompt"]) for s in samples] == [(0, "hello!"), (4, "hello!"), (8, "hello!")]
    assert status(settings)["state"] == "finished"
    assert status(settings)["step"] == 8
    assert load(folder.last, device="cpu").parameters == events[0].parameters
    best = min(events, key=lambda e: e.val_loss if isinstance(e, training.Evaluated) else math.inf)
    assert best.step > 0
    assert events[-1].folder == str(folder.best)
    assert load(folder.best, device="cpu").config.vocab_size == 158


def test_rates_follow_warm_up_and_cosine(config):
    settings = config(steps=12, warmup_steps=4, lr=1e-3, min_lr_share=0.1, eval_every=0)
    run(settings)
    rates = [line["lr"] for line in metrics(settings)]
    assert rates[:4] == pytest.approx([2.5e-4, 5e-4, 7.5e-4, 1e-3])
    expected = [1e-4 + 9e-4 * 0.5 * (1 + math.cos(math.pi * k / 8)) for k in range(8)]
    assert rates[4:] == pytest.approx(expected)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_fine_tuning_starts_from_the_model_and_changes_it(config, material, optimizer):
    settings = config(model=str(material / "model"), optimizer=optimizer, eval_every=0, log_every=3)
    run(settings)
    assert [step for step, _ in losses(settings)] == [3, 6, 8]
    before, after = (
        load_file(folder / "model.safetensors") for folder in (material / "model", RunFolder(settings.out).last)
    )
    assert before.keys() == after.keys()
    assert all(not torch.equal(before[name], after[name]) for name in before)
    tuned = load(RunFolder(settings.out).last, device="cpu")
    assert tuned.tokenizer.chunks == load(material / "model").tokenizer.chunks
    assert tuned.template.kind == "special_tokens"


@pytest.mark.parametrize("loss_on", ["assistant", "all"])
def test_chat_is_learned_on_replies_only(config, material, tmp_path, loss_on):
    """The first loss is that of the untouched model on exactly the ids that are to be learned."""
    messages = [
        {"role": "user", "content": "hello little cat"}, {"role": "assistant", "content": "hi there"},
        {"role": "user", "content": "and then?"}, {"role": "assistant", "content": "it ate one fish"},
    ]  # fmt: skip
    (tmp_path / "one.jsonl").write_text(json.dumps({"messages": messages}))
    settings = config(
        model=str(material / "model"), data=(str(tmp_path / "one.jsonl"),), steps=1, eval_every=0, loss_on=loss_on
    )
    run(settings)
    model = load(material / "model", device="cpu")
    turns = model.template.encode_turns(messages)
    ids = torch.tensor([i for turn in turns for i in turn])
    learned = [
        loss_on == "all" or (turn in (turns[1], turns[3]) and place > 0) for turn in turns for place in range(len(turn))
    ]
    with torch.no_grad():
        logprobs = model.network(ids[None, :-1])[0].log_softmax(-1)
    expected = [-logprobs[p - 1, ids[p]].item() for p in range(1, len(ids)) if learned[p]]
    assert losses(settings)[0][1] == pytest.approx(sum(expected) / len(expected), abs=1e-4)


def test_accumulating_equals_one_large_batch(build):
    """Two batches of different numbers of targets count by targets, as if they were one."""
    settings = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True, warmup_steps=0)
    source = torch.Generator().manual_seed(0)
    ids, targets = torch.randint(1, 150, (2, 4, 16), generator=source)
    targets[0, 3:] = -1
    results = []
    for batches in ([(ids, targets)], [(ids[:1], targets[:1]), (ids[1:], targets[1:])]):
        model = build.model()
        trainer = training.Trainer(model.network, settings, model.device, 10)
        results.append(trainer.step(0, batches))
    assert results[0] == pytest.approx(results[1], rel=1e-4)


def test_weights_and_epochs_count_steps(config, material):
    events = run(config(data=(f"{material / 'chat.jsonl'}:2",), steps=0, epochs=1.0, val_share=0.0, eval_every=0))
    once = run(config(out=config().out + "1", steps=0, epochs=2.0, val_share=0.0, eval_every=0))
    assert events[0].rows == once[0].rows == 40
    assert events[0].tokens_per_epoch == 2 * once[0].tokens_per_epoch
    assert abs(events[0].total_steps - once[0].total_steps) <= 2
    assert abs(events[-2].step - events[0].total_steps) == 0


# ------------------------------------------------------------------------------------------------- stopping, resuming


def test_stop_and_resume_is_bit_equal(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    control = RunFolder(settings.out).folder / "control"
    events = []
    for event in training.train(settings):
        events.append(event)
        if isinstance(event, training.Stepped) and event.step == 15:
            (control / "stop").touch()
    assert events[-1].reason == "stopped"
    assert status(settings)["state"] == "interrupted"
    assert not list(control.iterdir())
    stopped_at = events[-1].step
    assert stopped_at in (15, 16)
    resumed = run(training.resume_config(settings.out), resume=True)
    assert resumed[0].step == stopped_at
    assert resumed[-1].reason == "finished"
    assert_equal_runs(settings, whole_run)
    assert RunFolder(settings.out).samples.read_text() == RunFolder(whole_run.out).samples.read_text()


def test_leaving_the_loop_and_resuming_is_bit_equal(whole_run, tmp_path):
    """Whoever runs the loop stops asking after step 21: steps 19 to 21 are done again from the checkpoint at 18."""
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    events = training.train(settings)
    for event in events:
        if isinstance(event, training.Stepped) and event.step == 21:
            events.close()
    assert status(settings)["state"] == "interrupted"
    assert run(settings, resume=True)[0].step == 18
    assert_equal_runs(settings, whole_run)


def wait_for_step(settings, step, child):
    deadline = time.monotonic() + 60
    while not any(at >= step for at, _ in losses(settings)):
        assert child.poll() is None, child.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_twice_and_resumed_is_bit_equal(whole_run, tmp_path, start_process, cli):
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


def test_a_terminated_process_saves_and_ends(whole_run, tmp_path, start_process):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"), steps=100_000, checkpoint_every=0)
    (tmp_path / "run.json").write_text(json.dumps(dataclasses.asdict(settings)))
    child = start_process("train", "--config", tmp_path / "run.json")
    wait_for_step(settings, 3, child)
    child.send_signal(signal.SIGTERM)
    assert child.wait(60) == 0
    assert status(settings)["state"] == "interrupted"
    saved = torch.load(RunFolder(settings.out).last / "trainer.pt", weights_only=True)
    assert saved["step"] == status(settings)["step"] == losses(settings)[-1][0] >= 3


def test_stopped_before_the_first_checkpoint_starts_over(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    events = training.train(settings)
    for event in events:
        if isinstance(event, training.Stepped) and event.step == 3:
            events.close()
    assert run(settings, resume=True)[0].step == 0
    assert_equal_runs(settings, whole_run)


def test_stopped_between_the_two_renames_of_a_checkpoint(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    folder = RunFolder(settings.out)
    shutil.copytree(whole_run.out, settings.out)
    folder.last.rename(folder.last.with_name("last.old"))
    assert run(settings, resume=True)[-1].step == 40
    assert_equal_runs(settings, whole_run)


def test_a_line_cut_short_by_a_crash_is_dropped(whole_run, tmp_path):
    settings = dataclasses.replace(whole_run, out=str(tmp_path / "run"))
    shutil.copytree(whole_run.out, settings.out)
    with open(RunFolder(settings.out).metrics, "a") as lines:
        lines.write('{"step": 41, "lo')
    assert metrics(settings) == metrics(whole_run)
    run(settings, resume=True)
    assert metrics(settings) == metrics(whole_run)


def test_pause_and_resume(config):
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
    for event in training.train(settings):
        if isinstance(event, training.Stepped) and event.step == 2:
            (control / "pause").touch()
            watcher.start()
    watcher.join()
    assert seen[0][0] == "paused"
    assert seen[0][1] in (2, 3)
    assert status(settings)["state"] == "finished"


def test_a_checkpoint_on_request(config):
    settings = config(steps=6, checkpoint_every=0, eval_every=0)
    control, saved = RunFolder(settings.out).folder / "control", []
    for event in training.train(settings):
        if isinstance(event, training.Stepped) and event.step == 2:
            (control / "checkpoint").touch()
        if isinstance(event, training.Checkpointed):
            saved.append(event.step)
    assert saved in ([2, 6], [3, 6])


# ------------------------------------------------------------------------------------------------------ what must fail


def arguments(settings):
    """The command line for a configuration."""
    result = ["train", "--data", *settings.data, "--out", settings.out, "--steps", settings.steps, "--sample-prompts"]
    result += ["--from-scratch", settings.preset, "--tokenizer", settings.tokenizer] if settings.preset else []
    return result + (["--model", settings.model] if settings.model else [])


def test_an_existing_run_is_not_overwritten(config, cli):
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
def test_missing_parts_are_named(config, cli, changes, word):
    cli(*arguments(config(**changes))).fails(word)


def test_bad_data_is_named_by_file_and_line(config, cli, tmp_path):
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n{"txt": 1}\n')
    settings = config(data=(str(tmp_path / "bad.jsonl"),))
    cli(*arguments(settings)).fails("bad.jsonl, line 2")
    assert status(settings)["state"] == "failed"
    assert "bad.jsonl, line 2" in status(settings)["error"]


def test_a_run_folder_that_cannot_be_made(config, cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    cli(*arguments(config(out=str(tmp_path / "file" / "run")))).fails(str(tmp_path / "file"))


def test_a_loss_that_explodes_is_a_clear_error(config, cli, material, tmp_path):
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


def test_resuming_what_is_no_run(cli, tmp_path):
    cli("train", "--resume", tmp_path).fails(tmp_path.name, "not a training run")
    (tmp_path / "run.json").write_text("[]")
    cli("train", "--resume", tmp_path).fails("run.json")


def test_a_damaged_checkpoint_is_named(whole_run, tmp_path, cli):
    shutil.copytree(whole_run.out, tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "last" / "trainer.pt").write_bytes(b"nothing")
    cli("train", "--resume", tmp_path / "run").fails("checkpoints/last", "damaged")


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_an_unknown_setting_is_named_with_a_suggestion(cli, tmp_path, suffix):
    path = tmp_path / f"run.{suffix}"
    path.write_text("batchsize = 4" if suffix == "toml" else '{"batchsize": 4}')
    cli("train", "--config", path).fails("'batchsize'", "'batch_size'")


@pytest.mark.parametrize("content", ["lr = ", "[]", "3", b"\xff"])
def test_a_settings_file_that_cannot_be_read(cli, tmp_path, content):
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


def test_contradicting_settings(config):
    for changes in ({"preset": ""}, {"model": "x", "preset": "tiny"}, {"tokenizer": ""}, {"data": ()}):
        with pytest.raises(ConfigError):
            config(**changes)


def test_weights_that_leave_no_rows(config, material):
    with pytest.raises(DataError, match="weights"):
        run(config(data=(f"{material / 'chat.jsonl'}:0.001",), val_share=0.0))


def test_a_failed_step_does_not_spoil_the_weights(build):
    """The optimiser is not stepped with a loss that is no number."""
    model = build.model()
    with torch.no_grad():
        model.network.ln_f.weight.fill_(1e38)
    before = {name: weight.clone() for name, weight in model.network.named_parameters()}
    settings = TrainingConfig(data=("-",), out="-", model="-")
    trainer = training.Trainer(model.network, settings, model.device, 10)
    ids = torch.randint(1, 150, (2, 16), generator=torch.Generator().manual_seed(0))
    with pytest.raises(TrainingError, match="loss became"):
        trainer.step(0, [(ids, ids)])
    assert all(torch.equal(before[name], weight) for name, weight in model.network.named_parameters())
