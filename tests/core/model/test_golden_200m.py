"""Our code against what the public code of i3-200M computed (tests/golden): RWKV-4, byte-level BPE, no config."""

import json
import shutil

import numpy as np
import pytest
import torch

import i3core
from i3core.checkpoints.checkpoint import config_from_weights, network_from_weights
from i3core.checkpoints.model_info import inspect
from i3core.cli.main import main
from i3core.errors import CheckpointError
from i3core.generation.config import SamplingConfig
from i3core.model.config import ModelConfig, preset
from i3core.system.device import choose_device
from i3core.training.config import TrainingConfig
from i3core.training.step import TrainStep

HEADS = 4


@pytest.fixture(scope="module")
def public(golden_200m):
    return i3core.load(golden_200m, device="cpu", heads=HEADS)


def content(golden, name):
    return json.loads((golden / name).read_text(encoding="utf-8"))


def test_tokenizer_gives_the_ids_and_texts_of_the_public_code(golden_200m, public):
    for case in content(golden_200m, "tokenization.json"):
        assert public.tokenizer.encode(case["text"]) == case["ids"], case["text"]
        assert public.tokenizer.decode(case["ids"]) == case["decoded"]
        assert "".join(public.tokenizer.pieces(case["ids"])) == case["decoded"]


def test_logits_and_loss_are_those_of_the_public_code(golden_200m, public):
    expected = np.load(golden_200m / "logits.npz")
    with torch.no_grad():
        logits = public.network(torch.from_numpy(expected["ids"])[None])[0].numpy()
    assert np.abs(logits - expected["logits"]).max() < 1e-4
    if (golden_200m / "tokens.npy").is_file():
        tokens, start = torch.from_numpy(np.load(golden_200m / "tokens.npy")).long(), int(expected["loss_start"])
        row = tokens[None, start : start + public.config.window + 1]
        with torch.no_grad():
            loss = public.network.loss(row[:, :-1], row[:, 1:]).item()
        assert loss == pytest.approx(float(expected["loss"]), abs=1e-4)


def test_stream_continues_as_the_public_code(golden_200m, public):
    expected = content(golden_200m, "generation.json")
    new = expected["greedy_ids"][len(expected["prompt_ids"]) :]
    config = SamplingConfig(temperature=0, repetition_penalty=1, max_new_tokens=len(new))
    pieces = list(i3core.generate(public, expected["prompt"], config))
    assert [piece.token_id for piece in pieces] == new
    assert expected["prompt"] + "".join(piece.text for piece in pieces) == expected["greedy_text"]


def test_sizes_come_from_the_tensors(golden_200m, public):
    expected = content(golden_200m, "generation.json")
    assert public.parameters == expected["parameters"]
    sizes = ModelConfig(
        expected["vocabulary"], expected["d_model"], HEADS, window=expected["window"], blocks="rwkv4:3+attention:1"
    )
    assert public.config == sizes
    assert inspect(golden_200m).config.blocks == sizes.blocks


def test_heads_are_assumed_from_the_width_with_a_warning(golden_200m):
    model = i3core.load(golden_200m, device="cpu")
    assert model.config.n_heads == 1  # 64 wide
    assert len(model.warnings) == 1
    assert "--heads" in model.warnings[0]


def test_converted_folder_knows_its_heads_and_computes_the_same(golden_200m, public, tmp_path, capsys):
    assert main(["convert", str(golden_200m), str(tmp_path / "new"), "--heads", str(HEADS)]) == 0
    model = i3core.load(tmp_path / "new", device="cpu")
    assert (model.config, model.warnings) == (public.config, ())
    ids = torch.arange(30)[None]
    with torch.no_grad():
        assert torch.equal(model.network(ids), public.network(ids))
    assert model.tokenizer.encode("Hello, Tom") == public.tokenizer.encode("Hello, Tom")
    with pytest.raises(CheckpointError, match="4 attention heads, not 2"):
        i3core.load(tmp_path / "new", device="cpu", heads=2)


@pytest.mark.parametrize("steps", [[999], [999, 10_000]])
def test_latest_of_several_files_is_read_and_naming_another_is_refused(golden_200m, tmp_path, steps):
    shutil.copy(golden_200m / "tokenizer.json", tmp_path)
    for step in steps:
        shutil.copy(golden_200m / "model_iter_1000.pt", tmp_path / f"model_iter_{step}.pt")
    assert i3core.load(tmp_path / f"model_iter_{max(steps)}.pt", device="cpu").folder == tmp_path
    if len(steps) > 1:
        with pytest.raises(CheckpointError, match="other weights too"):
            i3core.load(tmp_path / f"model_iter_{min(steps)}.pt", device="cpu")


def test_training_steps_are_those_of_the_public_code(golden_200m):
    if not (golden_200m / "training.json").is_file():
        pytest.skip("the copy in tests has no training")
    expected = content(golden_200m, "training.json")
    weights = torch.load(golden_200m / "initial_weights.pt", weights_only=True)
    network = network_from_weights(config_from_weights(weights, {"n_heads": HEADS})[0], weights)
    tokens = torch.from_numpy(np.load(golden_200m / "tokens.npy")).long()
    recipe = TrainingConfig(data=("-",), out="-", model="-", public_recipe=True, lr=expected["lr"])
    trainer = TrainStep(network, recipe, choose_device("cpu"), len(expected["losses"]))
    assert len(expected["losses"]) == 40
    for step, (loss, parts) in enumerate(zip(expected["losses"], expected["starts"], strict=True)):
        rows = [torch.stack([tokens[at : at + expected["window"] + 1] for at in starts]) for starts in parts]
        found, _, lr = trainer.step(step, [(each[:, :-1], each[:, 1:]) for each in rows])
        assert lr == expected["lr"]
        assert found == pytest.approx(loss, abs=1e-4)


def test_preset_has_the_published_number_of_parameters():
    assert preset("i3-200m").parameters == 170_044_160
    assert preset("i3-200m").vocab_size == 32_000
