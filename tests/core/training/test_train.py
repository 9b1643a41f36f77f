"""Training as its user meets it: real runs of small models."""

import dataclasses
import json
import math
import re
from pathlib import Path

import pytest
import torch
from prompts import prompt_ids
from safetensors.torch import load_file
from training_runs import losses, metrics, run, status, val_losses

import i3core
from i3core.checkpoints.checkpoint import load
from i3core.errors import TrainingError
from i3core.runs.events import Checkpointed, DataRead, Evaluated, Stepped, Warned
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.system.device import training_precision
from i3core.training.config import TrainingConfig
from i3core.training.step import TrainStep
from i3core.training.train import resume_config, train


def test_training_memorises_a_small_text(config, material):
    learned = config(data=(str(material / "story.txt"),), steps=60, lr=1e-2, eval_every=0, val_share=0.0)
    events = run(learned)
    values = [loss for _, loss in losses(learned)]
    assert values[0] == pytest.approx(math.log(158), rel=0.05)  # knows nothing yet
    assert values[-1] < 0.5 * values[0]
    model = load(events[-1].folder, device="cpu")
    text = "".join(p.text for p in i3core.generate(model, "once upon a time", i3core.SamplingConfig(temperature=0)))
    assert text.endswith("and they were friends from that day on.")


def test_run_folder_names_the_precision_that_this_machine_is_faster_in(config):
    settings = config(preset="tiny,d_model=256,n_heads=4", steps=1, eval_every=0, device="cpu")
    run(settings)
    assert resume_config(settings.out).precision == training_precision(256)


def test_events_and_run_folder(config):
    settings = config(sample_prompts=("hello!",))
    events = run(settings)
    kinds = [type(event).__name__ for event in events]
    assert kinds[:3] == ["Started", "Evaluated", "Sampled"]
    assert kinds[-1] == "Finished"
    assert [e.step for e in events if isinstance(e, Stepped)] == list(range(1, 9))
    assert [e.step for e in events if isinstance(e, Evaluated)] == [0, 4, 8]
    assert [e.step for e in events if isinstance(e, Checkpointed)] == [4, 8]

    folder = RunFolder(settings.out)
    described = json.loads((folder.folder / "run.json").read_text())
    assert TrainingConfig.from_dict(described["config"]) == dataclasses.replace(settings, precision="float32")
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
    assert samples[0]["text"].endswith("…")  # a model that knows nothing writes until it is cut
    assert status(settings)["state"] == "finished"
    assert status(settings)["step"] == 8
    assert load(folder.last, device="cpu").parameters == events[0].parameters
    best = min(events, key=lambda e: e.val_loss if isinstance(e, Evaluated) else math.inf)
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


@pytest.mark.parametrize("special", [True, False])
def test_chat_uses_the_same_ids_as_training(config, build, tmp_path, monkeypatch, special):
    """What goes through the network in training is what chat puts before each reply, and then the reply."""
    build.folder(tmp_path / "model", special=special)
    messages = [
        {"role": "user", "content": "Hello little cat"}, {"role": "assistant", "content": "hi there"},
        {"role": "user", "content": "and then?"}, {"role": "assistant", "content": "it ate one fish"},
    ]  # fmt: skip
    (tmp_path / "one.jsonl").write_text(json.dumps({"messages": messages}))
    seen = []
    step = TrainStep.step
    monkeypatch.setattr(
        TrainStep, "step", lambda self, number, batches: seen.extend(batches) or step(self, number, batches)
    )
    settings = config(
        model=str(tmp_path / "model"), data=(str(tmp_path / "one.jsonl"),), steps=1, eval_every=0, variation="off"
    )
    run(settings)
    [(ids, targets)] = seen
    [ids], [targets] = ids.tolist(), targets.tolist()

    tuned = load(RunFolder(settings.out).last, device="cpu")
    generator = i3core.Generator(tuned)
    for place in (1, 3):
        fed, _ = prompt_ids(generator.model, messages[:place], 10)
        reply = tuned.template.encode_turn(messages[place])[len(tuned.template.reply_opening()) :]
        assert ids[: len(fed)] == fed
        assert targets[len(fed) - 1 : len(fed) - 1 + len(reply)] == reply  # learned right where chat starts to answer
    learned = [target for target in targets if target >= 0]
    assert len(learned) == sum(
        len(tuned.template.encode_turn(messages[place])) - len(tuned.template.reply_opening()) for place in (1, 3)
    )


def test_weights_and_epochs_determine_the_steps(config, material):
    events = run(config(data=(f"{material / 'chat.jsonl'}:2",), steps=0, epochs=1.0, val_share=0.0, eval_every=0))
    once = run(config(out=config().out + "1", steps=0, epochs=2.0, val_share=0.0, eval_every=0))
    assert events[0].rows == once[0].rows == 40
    assert events[0].tokens_per_epoch == 2 * once[0].tokens_per_epoch
    assert abs(events[0].total_steps - once[0].total_steps) <= 2
    assert abs(events[-2].step - events[0].total_steps) == 0


# ------------------------------------------------------------------------------------------------ what is told of a run


def events_of(settings, kind, **options):
    return [event for event in train(settings, **options) if isinstance(event, kind)]


def test_data_read_event_has_examples_as_the_model_sees_them(config, material, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.csv").write_text("hello,hi there\nhow are you?,fine § “fine”\n")
    (tmp_path / "more" / "b.jsonl").write_text('{"text": "once upon a time"}\n{"txt": 1}\n')
    settings = config(
        data=(str(material / "chat.jsonl"), f"{tmp_path / 'more'}:2"), steps=1, skip_bad_records=True, val_share=0.0
    )
    chat, more = events_of(settings, DataRead)
    assert (chat.role, chat.records, chat.rows, chat.shapes) == ("training", 40, 40, {"messages": 40})
    assert chat.examples[0] == "<|user|>hello!<|assistant|>hi there, how are you today?<|end|>"
    assert 2 <= len(chat.examples) <= 3  # different ones
    assert (chat.skipped, chat.truncated, chat.unknown_share) == (0, 0, 0.0)
    assert more.records == 3
    assert sum(more.shapes.values()) == 3
    assert more.skipped == 1
    assert "b.jsonl, line 2" in more.skipped_reasons[0]
    assert 0 < more.unknown_share < 0.2
    assert more.unknown_counts == {"§": 1}
    assert more.columns == {"user": "column 1", "assistant": "column 2"}
    described = json.loads((RunFolder(settings.out).folder / "run.json").read_text())
    assert [Path(entry["file"]).name for entry in described["data"]] == ["chat.jsonl", "a.csv", "b.jsonl"]


def test_doubtful_runs_warn_and_impossible_runs_do_not_start(config, material, tmp_path):
    warnings = events_of(config(data=(str(material / "story.txt"),), lr=0.05, steps=2), Warned)
    texts = " ".join(warning.what for warning in warnings)
    assert "a single document" in texts
    assert "learning rate of 0.05 is very high" in texts
    with pytest.raises(TrainingError, match="overwrite what the model knows"):
        run(config(out=str(tmp_path / "wild"), lr=0.5))


def test_dry_run_reports_and_leaves_no_files(config, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = config()
    outcome = cli(
        "train", "--from-scratch", "tiny", "--data", *settings.data, "--dry-run", "--json", "--steps", 50,
        "--device", "cpu",
    )  # fmt: skip
    assert outcome.status == 0
    told = [json.loads(line) for line in outcome.out.splitlines()]
    assert [event["event"] for event in told if event["event"] != "warned"] == ["dataread", "started"]
    assert told[-1]["total_steps"] == 50
    assert told[-1]["memory_bytes"] > 0
    assert told[-1]["checkpoint_bytes"] > 12 * told[-1]["parameters"]
    assert not list(tmp_path.iterdir())


def test_vocabulary_is_built_from_the_data_by_default(config, material):
    settings = config(tokenizer="", max_vocab=120, min_count=2, steps=2)
    events = run(settings)
    model = load(events[-1].folder, device="cpu")
    assert model.config.vocab_size <= 120
    assert model.template.kind == "special_tokens"
    assert model.tokenizer.decode(model.tokenizer.encode("hello there")) == "hello there"


def test_window_can_be_chosen(config):
    events = run(config(window=96, steps=2, eval_every=0))
    assert load(events[-1].folder, device="cpu").config.window == 96


# ------------------------------------------------------------------------------------------- validation, early stopping


def test_forgetting_raises_the_retention_loss(config, material, tmp_path):
    (tmp_path / "other.txt").write_text("the quick brown fox jumps over the lazy dog\n\n" * 30)
    settings = config(model=str(material / "model"), general_val=str(tmp_path / "other.txt"), steps=30, lr=5e-3)
    run(settings)
    general = [line["general_perplexity"] for line in metrics(settings) if "general_perplexity" in line]
    held_out = [line["val_perplexity"] for line in metrics(settings) if "val_perplexity" in line]
    assert len(general) == len(held_out) == 9
    assert held_out[-1] < held_out[0]  # it learns the one
    assert general[-1] / general[0] > 2 * held_out[-1] / held_out[0]  # and not the other


def test_fine_tuning_evaluates_the_bundled_retention_set_by_default(config, material, tmp_path):
    default = config(model=str(material / "model"), steps=1)
    reports = events_of(default, DataRead)
    assert [report.role for report in reports] == ["training", "general"]
    none = config(model=str(material / "model"), steps=1, general_val="none", out=str(tmp_path / "none"))
    assert [report.role for report in events_of(none, DataRead)] == ["training"]
    assert not any("general_loss" in line for line in metrics(none))


def test_training_ends_early_if_the_validation_loss_no_longer_falls(config, material, tmp_path):
    """What is held out has nothing to do with the data: learning one makes the other worse."""
    (tmp_path / "val.txt").write_text("zebra quiz jazz vex\n\n" * 20)
    settings = config(val=str(tmp_path / "val.txt"), steps=400, lr=1e-2, eval_every=5, patience=3)
    events = run(settings)
    evaluations = val_losses(settings)[1:]  # of the trained model
    assert events[-1].reason == "early"
    assert events[-1].step < 400
    best = min(range(len(evaluations)), key=lambda i: evaluations[i][1])
    assert best == len(evaluations) - 4  # and three more that were not better
    assert status(settings)["state"] == "finished"
    assert RunFolder(settings.out).last.is_dir()
    assert run(settings, resume=True)[-1].step == events[-1].step  # nothing more to do


# ------------------------------------------------------------------------------------------------ training a part of it


@pytest.mark.parametrize("options", [{"lora_rank": 4}, {"last_blocks": 1}])
def test_training_a_part_leaves_the_rest_and_resumes_bit_equal(config, material, tmp_path, options):
    settings = config(model=str(material / "model"), steps=24, lr=1e-2, general_val="none", **options)
    events = run(settings)
    assert events[0].trainable < 0.5 * events[0].parameters
    curve = [loss for _, loss in losses(settings)]
    assert curve[-1] < 0.8 * curve[0]
    before, after = (load(folder, device="cpu") for folder in (material / "model", RunFolder(settings.out).last))
    changed = {
        name
        for name, weight in after.network.state_dict().items()
        if not torch.equal(weight, before.network.state_dict()[name])
    }
    if "lora_rank" in options:
        assert all(".attn." in name or ".ffn." in name for name in changed)
        assert sum(p.stat().st_size for p in RunFolder(settings.out).best.iterdir()) < 60_000
    else:
        assert all(name.startswith(("layers.2.", "ln_f.")) for name in changed)
    assert changed

    interrupted = config(
        model=str(material / "model"), steps=24, lr=1e-2, general_val="none", out=str(tmp_path / "stop"), **options
    )
    for event in (events := train(interrupted)):
        if isinstance(event, Stepped) and event.step == 10:
            events.close()
    assert run(interrupted, resume=True)[0].step == 8
    assert losses(interrupted) == losses(settings)
    assert val_losses(interrupted) == val_losses(settings)
    again = load(RunFolder(interrupted.out).last, device="cpu").network.state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in after.network.state_dict().items())


# -------------------------------------------------------------------------------------------------------- learning


@pytest.mark.slow
def test_bundled_model_learns_the_style_of_the_sample_data(tmp_path):
    """The keeper of a lighthouse speaks of lamps, tides and boats; the bundled model hardly does."""
    words = {
        "lamp", "sea", "tide", "tides", "boat", "boats", "mate", "fog", "light", "lighthouse", "harbour", "ahoy",
        "waves", "captain", "rope", "gulls", "storm", "wind", "ship", "stairs", "aye", "shore",
    }  # fmt: skip
    prompts = [
        "hello", "how are you?", "what is your job?", "are you lonely?", "what did you eat today?",
        "tell me something.", "do you like music?", "where do you live?",
    ]  # fmt: skip

    def share(model):
        generator = i3core.Generator(model)
        sampling = i3core.SamplingConfig(temperature=0.5, max_new_tokens=60, seed=2)
        replies = [
            "".join(p.text for p in generator.stream([{"role": "user", "content": prompt}], sampling))
            for prompt in prompts
        ]
        return sum(bool(words & set(re.findall("[a-z]+", reply))) for reply in replies) / len(replies)

    settings = TrainingConfig(
        data=(str(assets.path("data/first-steps.jsonl")),), model="i3-mini", out=str(tmp_path / "run"), epochs=4.0,
        batch_size=1, lr=2e-3, warmup_steps=4, val_share=0.0, eval_every=0, device="cpu",
    )  # fmt: skip
    before = share(i3core.load("i3-mini", device="cpu"))
    run(settings)
    after = share(i3core.load(RunFolder(settings.out).last, device="cpu"))
    assert before <= 0.25
    assert after >= 0.75
