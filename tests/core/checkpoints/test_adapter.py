"""Adapter folders: small, bound to their base, merged when loaded, refused if damaged."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from i3core.checkpoints import checkpoint
from i3core.checkpoints.adapter import CONFIG_FILE, WEIGHT_FILE
from i3core.checkpoints.checkpoint import check_adapter_base, load, load_adapter, save
from i3core.checkpoints.model_info import inspect
from i3core.errors import CheckpointError, TrainingError
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import generate
from i3core.model.lora import add_lora, lora_layers
from i3core.system import assets
from i3core.training.config import TrainingConfig
from i3core.training.optimizers import build_optimizers

IDS = torch.tensor([[1, 5, 9, 2, 7, 33, 80]])


def logits(model):
    with torch.no_grad():
        return model.network(IDS)


def trained_adapter(base, folder, rank=4, name=None, seed=0):
    """Save an adapter over `base` in `folder`; return the model with unmerged matrices."""
    model = load(base, device="cpu", precision="float32")
    check_adapter_base(model)
    torch.manual_seed(seed)
    add_lora(model.network, rank, 2.0 * rank)
    with torch.no_grad():
        for layer in lora_layers(model.network).values():
            layer.lora_B.normal_(std=0.1)
    if name:
        model.details["name"] = name
    save(model, folder)
    return model


@pytest.fixture
def adapted(folder, tmp_path):
    """An adapter folder over `folder`, which a test may damage."""
    trained_adapter(folder, tmp_path / "adapter")
    return tmp_path / "adapter"


def change_config(adapter, **changes):
    path = adapter / CONFIG_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# --------------------------------------------------------------------------------------------------- what must load


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("layout", ["safetensors", "public"])
def test_round_trip(build, tmp_path, layout, tied):
    base = build.folder(tmp_path / "base", layout, tie_embeddings=tied)
    model = trained_adapter(base, tmp_path / "adapter", rank=3)
    assert {path.name for path in (tmp_path / "adapter").iterdir()} == {CONFIG_FILE, WEIGHT_FILE}
    merged, apart = load(tmp_path / "adapter", device="cpu"), load_adapter(tmp_path / "adapter", device="cpu")
    assert torch.equal(logits(apart), logits(model))
    torch.testing.assert_close(logits(merged), logits(model), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(logits(merged), logits(load(base)), atol=0.1)
    assert merged.name == apart.name == "adapter"
    assert merged.folder == tmp_path / "adapter"
    assert merged.config == model.config
    assert merged.template.to_json() == model.template.to_json()
    assert (merged.adapter.base, merged.adapter.rank, merged.adapter.alpha) == (base.resolve(), 3, 6.0)
    assert not lora_layers(merged.network)
    assert all(weight.requires_grad for weight in merged.network.parameters())
    assert not merged.network.training
    assert not any(module.training for module in apart.network.modules())


def test_loading_does_not_change_the_random_state(adapted):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_adapter(adapted)
    assert torch.equal(torch.rand(3), expected)


def test_adapter_of_the_bundled_model_is_small_and_names_it(tmp_path):
    trained_adapter("i3-mini", tmp_path / "adapter", rank=8, name="pirate")
    described = json.loads((tmp_path / "adapter" / CONFIG_FILE).read_text())
    assert described["base_model_name_or_path"] == "i3-mini"
    assert (described["r"], described["lora_alpha"], described["peft_type"]) == (8, 16.0, "LORA")
    size = (tmp_path / "adapter" / WEIGHT_FILE).stat().st_size
    assert size < 0.1 * (assets.models()["i3-mini"] / "model.safetensors").stat().st_size
    read = load(tmp_path / "adapter", device="cpu")
    assert read.name == read.details["name"] == "pirate"
    config = SamplingConfig(max_new_tokens=4, seed=1)
    assert list(generate(read, "hello", config))


def test_training_continues_from_a_loaded_adapter_as_from_the_original(folder, tmp_path):
    def steps(model, optimizers, count):
        for _ in range(count):
            model.network.loss(IDS[:, :-1], IDS[:, 1:]).backward()
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()

    config = TrainingConfig(data=("d",), out="o", model="m", lr=1e-2)
    model = trained_adapter(folder, tmp_path / "a")
    optimizers = build_optimizers(model.network, config)
    steps(model, optimizers, 3)
    save(model, tmp_path / "a")
    states = [copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers]
    steps(model, optimizers, 3)
    again = load_adapter(tmp_path / "a", device="cpu")
    optimizers = build_optimizers(again.network, config)
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict(state)
    steps(again, optimizers, 3)
    for name, weight in model.network.state_dict().items():
        assert torch.equal(weight, again.network.state_dict()[name]), name
    save(again, tmp_path / "b")
    save(model, tmp_path / "a")
    assert (tmp_path / "a" / WEIGHT_FILE).read_bytes() == (tmp_path / "b" / WEIGHT_FILE).read_bytes()
    assert (tmp_path / "a" / CONFIG_FILE).read_bytes() == (tmp_path / "b" / CONFIG_FILE).read_bytes()


def test_tensors_are_named_and_shaped_as_in_peft(adapted):
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(adapted / WEIGHT_FILE).items()}
    assert len(shapes) == 16
    assert shapes["base_model.model.layers.2.attn.qkv.lora_A.weight"] == (4, 32)
    assert shapes["base_model.model.layers.2.attn.qkv.lora_B.weight"] == (96, 4)


# --------------------------------------------------------------------------------------------------- where the base is


def test_base_that_moved_with_its_adapter_is_found(folder, adapted, tmp_path):
    expected = logits(load(adapted))
    (tmp_path / "new").mkdir()
    for path in (folder, adapted):
        path.rename(tmp_path / "new" / path.name)
    assert torch.equal(logits(load(tmp_path / "new" / adapted.name)), expected)


def test_base_path_relative_to_the_adapter_is_found(folder, adapted, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    change_config(adapted, base_model_name_or_path="../model", base_model_relative_path=None)
    assert load(adapted).adapter.base == folder.resolve()


def test_base_that_moved_alone_must_be_named(cli, folder, adapted, tmp_path):
    expected = logits(load(adapted))
    folder.rename(tmp_path / "moved")
    cli("info", adapted).fails("no longer at", str(folder), "--base")
    cli("convert", adapted, tmp_path / "merged").fails("no longer at")
    assert torch.equal(logits(load(adapted, base=tmp_path / "moved")), expected)
    assert load_adapter(adapted, base=tmp_path / "moved").adapter.base == (tmp_path / "moved").resolve()
    assert cli("convert", adapted, tmp_path / "merged", "--base", tmp_path / "moved").status == 0
    assert torch.equal(logits(load(tmp_path / "merged")), expected)


def test_base_in_another_layout_is_accepted(folder, adapted, tmp_path):
    expected = logits(load(adapted))
    save(load(folder), tmp_path / "public", "public")
    assert torch.equal(logits(load(adapted, base=tmp_path / "public")), expected)


@pytest.mark.parametrize("change", ["value", "other model"])
def test_changed_base_is_refused(cli, build, folder, adapted, change):
    if change == "value":
        weights = load_file(folder / "model.safetensors")
        weights["ln_f.bias"][3] += 1e-3
        save_file(weights, folder / "model.safetensors")
    else:
        shutil.rmtree(folder)
        build.folder(folder, d_model=16, seed=3)
    cli("info", adapted).fails("no longer, the one", str(folder), "--base")
    with pytest.raises(CheckpointError, match="trained over"):
        load(adapted, base=folder)


def test_base_for_a_complete_model_is_refused(cli, folder, tmp_path):
    cli("convert", folder, tmp_path / "out", "--base", folder).fails("complete model")
    with pytest.raises(CheckpointError, match=CONFIG_FILE):
        load_adapter(folder)


# --------------------------------------------------------------------------------------------------- merging


def test_convert_merges_the_adapter(cli, folder, adapted, tmp_path):
    expected = logits(load(adapted))
    for layout in ("safetensors", "public"):
        assert cli("convert", adapted, tmp_path / layout, "--to", layout).status == 0
        merged = load(tmp_path / layout)
        assert torch.equal(logits(merged), expected)
        assert merged.adapter is None
    cli("convert", adapted, adapted).fails("same folder")
    before = (folder / "model.safetensors").read_bytes()
    cli("convert", adapted, folder, "--overwrite").fails("base")
    assert (folder / "model.safetensors").read_bytes() == before
    assert "adapter_of" not in cli("info", tmp_path / "public", "--json").json


def test_info_names_the_base(cli, folder, adapted):
    content = cli("info", adapted, "--json").json
    assert content["adapter_of"] == str(folder.resolve())
    assert content["lora_rank"] == 4
    assert str(folder.resolve()) in cli("info", adapted).out


def test_adapter_over_an_adapter_is_refused(adapted, tmp_path):
    check_adapter_base(load_adapter(adapted))
    with pytest.raises(TrainingError, match="i3core convert"):
        check_adapter_base(load(adapted))
    with pytest.raises(TrainingError, match="i3core convert"):
        save(with_lora(load(adapted)), tmp_path / "second")
    assert not (tmp_path / "second").exists()


def with_lora(model):
    add_lora(model.network, 2, 4.0)
    return model


def test_adapter_over_a_model_in_memory_is_refused(build, tmp_path):
    model = build.model()
    with pytest.raises(TrainingError, match="from scratch"):
        check_adapter_base(model)
    with pytest.raises(TrainingError, match="from scratch"):
        save(with_lora(model), tmp_path / "a")


def test_adapter_is_not_saved_into_a_complete_model(folder, adapted):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CheckpointError, match="complete model"):
        save(load_adapter(adapted), folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_complete_model_replaces_an_adapter(build, adapted):
    other = build.model(seed=9)
    save(other, adapted)
    assert torch.equal(logits(load(adapted)), logits(other))
    assert not (adapted / CONFIG_FILE).exists()


# --------------------------------------------------------------------------------------- what must fail, and clearly


@pytest.mark.parametrize("name", [CONFIG_FILE, WEIGHT_FILE])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_files_are_named(cli, adapted, name, share):
    whole = (adapted / name).read_bytes()
    (adapted / name).write_bytes(whole[: min(int(len(whole) * share), len(whole) - 3)])
    cli("info", adapted).fails(name, "damaged")


@pytest.mark.parametrize(
    "changes",
    [
        {"peft_type": "IA3"}, {"r": 0}, {"r": "4"}, {"r": None}, {"lora_alpha": -1}, {"lora_alpha": "x"},
        {"base_model_name_or_path": None}, {"base_model_name_or_path": ""}, {"base_model_sha256": None},
        {"base_model_sha256": 3},
    ],
)  # fmt: skip
def test_incomplete_config_is_named(cli, adapted, changes):
    change_config(adapted, **changes)
    cli("info", adapted).fails(CONFIG_FILE)


@pytest.mark.parametrize("content", ["[]", "3", "null", '"x"'])
def test_config_that_is_not_an_object_is_named(cli, adapted, content):
    (adapted / CONFIG_FILE).write_text(content)
    cli("info", adapted).fails(CONFIG_FILE)


def test_weights_that_do_not_fit_are_named(cli, adapted):
    whole = load_file(adapted / WEIGHT_FILE)
    name = "base_model.model.layers.1.ffn.2.lora_A.weight"
    for tensor in (torch.zeros(4, 32), torch.zeros(5, 128), torch.zeros(0), torch.full((4, 128), torch.nan)):
        save_file({**whole, name: tensor}, adapted / WEIGHT_FILE)
        cli("info", adapted).fails(WEIGHT_FILE, "lora_A of layers.1.ffn.2")
    save_file({key: tensor for key, tensor in whole.items() if key != name}, adapted / WEIGHT_FILE)
    cli("info", adapted).fails("lora_A of layers.1.ffn.2 is missing")
    save_file({**whole, "base_model.model.head.lora_A.weight": torch.zeros(4, 32)}, adapted / WEIGHT_FILE)
    cli("info", adapted).fails("head.lora_A")
    (adapted / WEIGHT_FILE).unlink()
    cli("info", adapted).fails("has no weights", WEIGHT_FILE)
    save_file(whole, adapted / WEIGHT_FILE)
    change_config(adapted, r=5)
    cli("info", adapted).fails("shape")


def test_matrices_that_are_not_numbers_are_not_saved(adapted, tmp_path):
    model = load_adapter(adapted)
    with torch.no_grad():
        model.network.layers[0].ffn[0].lora_B[0, 0] = torch.inf
    with pytest.raises(CheckpointError, match="finite"):
        save(model, tmp_path / "other")
    assert not (tmp_path / "other" / CONFIG_FILE).exists()


def test_folder_is_found_by_its_weight_file(adapted):
    assert checkpoint.find_model(Path(adapted) / WEIGHT_FILE) == adapted


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("base_model_name_or_path", "x" * 400, "no longer at"),
        ("base_model_name_or_path", "a\0b", "no longer at"),
        ("lora_alpha", 10**400, "lacks the rank"),
        ("r", 10**400, "lacks the rank"),
    ],
)
def test_odd_values_of_an_adapter_are_refused_in_a_line(adapted, field, value, words):
    path = adapted / CONFIG_FILE
    described = json.loads(path.read_text()) | {"base_model_relative_path": None, field: value}
    path.write_text(json.dumps(described))
    for read in (load, inspect):
        with pytest.raises(CheckpointError, match=words) as caught:
            read(adapted)
        assert len(str(caught.value)) < 1000
