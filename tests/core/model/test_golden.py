"""Our code against what the public i3 training code computed (tests/golden)."""

import json
import shutil

import numpy as np
import pytest
import torch

import i3core
from i3core.checkpoints.checkpoint import config_from_weights, network_from_weights
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator
from i3core.system.device import choose_device
from i3core.training.config import TrainingConfig
from i3core.training.step import TrainStep


@pytest.fixture(scope="module")
def public(golden):
    return i3core.load(golden, device="cpu")


def content(golden, name):
    return json.loads((golden / name).read_text(encoding="utf-8"))


def test_tokenizer_gives_the_ids_and_texts_of_the_public_code(golden, public):
    cases = content(golden, "tokenization.json")
    assert len(cases) >= 200
    for case in cases:
        assert public.tokenizer.encode(case["text"]) == case["ids"], case["text"]
        assert public.tokenizer.decode(case["ids"]) == case["decoded"]


def test_logits_are_those_of_the_public_code(golden, public):
    expected = np.load(golden / "logits.npz")
    with torch.no_grad():
        logits = public.network(torch.from_numpy(expected["ids"]).long()[None])[0].numpy()
    assert logits.dtype == np.float32
    assert np.abs(logits - expected["logits"]).max() < 1e-4


def test_cached_steps_continue_as_the_public_code(golden, public):
    expected = content(golden, "generation.json")
    prompt, greedy = expected["prompt"], expected["greedy"]
    generator, ids = Generator(public), list(prompt)
    logits = generator.prefill(prompt)
    while len(ids) < len(greedy):
        ids.append(int(logits.argmax()))
        logits = generator.step(ids[-1])
    assert ids == greedy
    assert public.tokenizer.decode(ids) == expected["text"]


def test_stream_continues_as_the_public_code(golden, public):
    expected = content(golden, "generation.json")
    prompt, greedy = expected["prompt"], expected["greedy"]
    config = SamplingConfig(
        temperature=0, repetition_penalty=1, max_new_tokens=len(greedy) - len(prompt), allow_unk=True
    )
    pieces = list(i3core.generate(public, public.tokenizer.decode(prompt), config))
    assert [piece.token_id for piece in pieces] == greedy[len(prompt) :]
    assert public.tokenizer.decode(prompt) + "".join(piece.text for piece in pieces) == expected["text"]


def test_loss_is_that_of_the_public_code(golden, public):
    tokens = torch.from_numpy(np.load(golden / "tokens.npy")).long()
    window = public.config.window
    losses = []
    with torch.no_grad():
        for start in range(0, 20 * window, window):
            row = tokens[start : start + window + 1]
            losses.append(public.network.loss(row[None, :-1], row[None, 1:]).item())
    assert np.mean(losses) == pytest.approx(content(golden, "generation.json")["loss_first_20_windows"], abs=1e-4)


def test_number_of_parameters_is_that_of_the_public_code(golden, public):
    assert public.parameters == content(golden, "generation.json")["parameters"]


def test_wrong_d_state_in_config_is_reported_by_name(public):
    assert public.config.d_state == public.network.layers[0].hybrid.A.shape[0]
    assert public.config.d_state < 64
    assert len(public.warnings) == 1
    assert "d_state" in public.warnings[0]
    assert "64" in public.warnings[0]
    assert str(public.config.d_state) in public.warnings[0]


def test_training_steps_are_those_of_the_public_code(golden):
    expected = content(golden, "training.json")
    weights = torch.load(golden / "initial_weights.bin", weights_only=True)
    weights = {name: value.clone() for name, value in weights.items()}
    config, _ = config_from_weights(weights, content(golden, "config.json"))
    network = network_from_weights(config, weights)
    tokens = torch.from_numpy(np.load(golden / "tokens.npy")).long()
    recipe = TrainingConfig(
        data=("-",), out="-", model="-", public_recipe=True, lr=3e-4, warmup_steps=expected["warmup"],
        grad_clip=expected["grad_clip"],
    )  # fmt: skip
    trainer = TrainStep(network, recipe, choose_device("cpu"), expected["steps"])
    assert len(expected["log"]) == 40
    for entry, starts in zip(expected["log"], expected["starts"], strict=True):
        rows = torch.stack([tokens[start : start + expected["seq_len"] + 1] for start in starts])
        loss, grad_norm, lr = trainer.step(entry["step"], [(rows[:, :-1], rows[:, 1:])])
        assert lr == pytest.approx(entry["lr"], rel=1e-9)
        assert loss == pytest.approx(entry["loss"], abs=1e-4)
        assert grad_norm == pytest.approx(entry["grad_norm"], rel=1e-3)


def test_public_recipe_on_the_command_line_trains_as_the_public_code(golden, cli, tmp_path):
    """The public recipe on the windows that the public code drew, as a file of token ids in this order."""
    expected = content(golden, "training.json")
    folder = tmp_path / "initial"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(golden / name, folder)
    shutil.copy(golden / "initial_weights.bin", folder / "pytorch_model.bin")
    tokens = np.load(golden / "tokens.npy").tolist()
    windows = [tokens[start : start + expected["seq_len"] + 1] for starts in expected["starts"] for start in starts]
    (tmp_path / "windows.jsonl").write_text("".join(json.dumps({"ids": window}) + "\n" for window in windows))
    outcome = cli(
        "train", "--model", folder, "--data", tmp_path / "windows.jsonl", "--no-shuffle", "--public-recipe",
        "--batch-size", expected["batch_size"], "--steps", expected["steps"], "--warmup-steps", expected["warmup"],
        "--grad-clip", expected["grad_clip"], "--lr", 3e-4, "--val-share", 0, "--eval-every", 0, "--device", "cpu",
        "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert outcome.status == 0, outcome.err
    steps = [event for line in outcome.out.splitlines() if (event := json.loads(line))["event"] == "stepped"]
    assert len(steps) == len(expected["log"]) == 40
    for step, entry in zip(steps, expected["log"], strict=True):
        assert step["lr"] == pytest.approx(entry["lr"], rel=1e-9)
        assert step["loss"] == pytest.approx(entry["loss"], abs=1e-4)
        assert step["grad_norm"] == pytest.approx(entry["grad_norm"], rel=1e-3)
