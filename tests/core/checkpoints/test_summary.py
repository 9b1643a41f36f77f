"""What a model is, found without torch: the same as loading it finds."""

import json
from contextlib import suppress

import numpy as np
import pytest
import torch

from i3core.checkpoints.checkpoint import load, save
from i3core.checkpoints.stored import is_readable, stored_tensors, values
from i3core.checkpoints.summary import summarize
from i3core.checkpoints.weights import read_tensors
from i3core.errors import CheckpointError
from i3core.model.lora import add_lora

INFO = """
import json, sys
from i3core.cli.main import main

for folder in json.loads(sys.stdin.read()):
    print(main(["info", folder, "--json"]), flush=True)
    assert "torch" not in sys.modules, folder
"""


@pytest.fixture
def adapted(folder, tmp_path):
    """An adapter over the model in `folder`."""
    model = load(folder, "cpu")
    add_lora(model.network, 4, 8)
    save(model, tmp_path / "adapter")
    return tmp_path / "adapter"


@pytest.fixture
def public(folder, tmp_path):
    """The model in `folder` as the public code would save it."""
    save(load(folder, "cpu"), tmp_path / "public", "public")
    return tmp_path / "public"


def test_info_needs_no_torch_for_any_layout_nor_for_refusals(process, folder, adapted, public, tmp_path):
    for name in ("model.safetensors", "pytorch_model.bin"):
        refused = tmp_path / f"not {name}"
        refused.mkdir()
        (refused / name).write_bytes(b"GGUF" + bytes(60))
        for beside in ("config.json", "tokenizer.json"):
            (refused / beside).write_bytes((folder / beside).read_bytes())
    folders = [folder, adapted, public, *tmp_path.glob("not *"), tmp_path / "nowhere"]
    outcome = process(code=INFO, stdin=json.dumps([str(each) for each in folders]), fresh=True)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert [json.loads(line)["name"] for line in lines[0:6:2]] == [folder.name, "adapter", public.name]
    assert lines[1:6:2] == ["0"] * 3
    assert lines[6:] == ["1"] * 3
    assert outcome.err.count("\n") == 3
    assert "is damaged, or contains something other than weights" in outcome.err


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", ["safetensors", "public"])
def test_values_and_sizes_are_those_of_the_loaded_model(build, tmp_path, layout, dtype, tied):
    save(build.model(tie_embeddings=tied), tmp_path / "m", layout, dtype)
    found, model = summarize(tmp_path / "m"), load(tmp_path / "m", "cpu")
    for name in ("name", "config", "details", "warnings", "adapter", "parameters"):
        assert getattr(found, name) == getattr(model, name), name
    assert found.template.to_json() == model.template.to_json()
    (path,) = (tmp_path / "m").glob("*model.*")
    stored = stored_tensors(path)
    for name, tensor in read_tensors(path).items():
        assert np.array_equal(values(stored[name]), tensor.float().numpy()), name


@pytest.mark.parametrize("layout", ["safetensors", "public"])
def test_adapter_is_that_of_the_loaded_model(folder, adapted, layout):
    if layout == "public":
        save(load(folder, "cpu"), folder, "public")
    found, model = summarize(adapted), load(adapted, "cpu")
    assert (found.adapter, found.name, found.config) == (model.adapter, model.name, model.config)


def test_training_checkpoint_with_numbers_beside_the_weights_is_read(tmp_path):
    row = torch.arange(12.0)
    weights = torch.nn.Linear(3, 4).state_dict() | {"part": row[4:10].view(2, 3)}
    beside = {"best": np.float64(1.5), "epoch": 3, "optimizer": {"state": {}, "betas": (0.9, 0.95)}, "done": False}
    torch.save({"model_state_dict": weights, **beside}, tmp_path / "w.bin")
    stored = stored_tensors(tmp_path / "w.bin")
    assert list(stored) == ["weight", "bias", "part"]
    assert all(map(is_readable, stored.values()))
    assert all(np.array_equal(values(stored[name]), weight.numpy()) for name, weight in weights.items())


@pytest.mark.parametrize(
    "content",
    [
        {"weight": torch.arange(6.0).view(2, 3).mT}, {"weight": torch.ones(1).expand(4)}, {"weight": print}, {}, [1],
        {"weight": "text"},
    ],
)  # fmt: skip
def test_what_is_unusual_is_left_to_torch(tmp_path, content):
    torch.save(content, tmp_path / "w.bin")
    assert stored_tensors(tmp_path / "w.bin") is None


def test_weights_that_only_torch_reads_are_still_described(cli, public):
    path = public / "pytorch_model.bin"
    weights = {
        name: tensor.mT.contiguous().mT if tensor.ndim > 1 else tensor for name, tensor in torch.load(path).items()
    }
    torch.save(weights, path)
    assert stored_tensors(path) is None
    assert cli("info", public, "--json").json["parameters"] == load(public).parameters


@pytest.mark.parametrize("cut", [1, 30, 700, 3000])
def test_shortened_archive_is_never_misread(public, cut):
    path = public / "pytorch_model.bin"
    expected = read_tensors(path)
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with suppress(CheckpointError):
        assert stored_tensors(path) is None
    path.write_bytes(content[:cut] + b"\xff" + content[cut + 1 :])
    stored = stored_tensors(path)
    assert stored is None or {name: tensor.shape for name, tensor in stored.items()} == {
        name: tuple(tensor.shape) for name, tensor in expected.items()
    }


def test_no_torch_is_asked_only_where_no_card_can_be(monkeypatch):
    from i3core.system import device, gpu

    monkeypatch.setattr(gpu, "_first_gpu", lambda: "")
    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: 1 / 0 if "cuda" not in name else None)
    assert device.plain_cpu() is None  # there is a driver
    assert "chosen by you" in device.plain_cpu("cpu").describe()
    assert device.plain_cpu("cpu", "bfloat16") is None

    def none(name):
        raise OSError(name)

    monkeypatch.setattr(gpu.ctypes, "CDLL", none)
    assert device.plain_cpu().describe() == "CPU, float32 (no CUDA device found)"
    monkeypatch.setattr(gpu.importlib.metadata, "version", lambda name: "2.9.1+rocm6.4")
    assert device.plain_cpu() is None
    monkeypatch.setattr(gpu.importlib.metadata, "version", lambda name: "2.9.1")
    monkeypatch.setattr(gpu, "_first_gpu", lambda: "Card")
    assert device.plain_cpu() is None
