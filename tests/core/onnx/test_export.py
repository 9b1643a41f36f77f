"""A step of the network as an ONNX graph, run by onnxruntime."""

import json

import pytest
import torch

from i3core.checkpoints import checkpoint
from i3core.cli.main import main
from i3core.errors import CheckpointError

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
pytest.importorskip("onnx")

from i3core.onnx import export as onnx_export  # noqa: E402
from i3core.onnx.export import FILE, first_states, largest_difference, save_onnx  # noqa: E402

RWKV4 = {"blocks": "rwkv4:2+attention:1"}


@pytest.mark.parametrize(
    "sizes", [{}, {"attention_layers": 0}, {"hybrid_layers": 0}, {"tie_embeddings": False, "ffn_width": 40}, RWKV4]
)
def test_graph_decodes_as_the_network_reads(build, tmp_path, sizes):
    model = build.model(**sizes)
    assert save_onnx(model, tmp_path / "onnx") < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / FILE)
    assert largest_difference(session, model.network, tokens=model.config.window) < 1e-4


def test_convert_writes_all_that_a_runtime_needs(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "onnx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["layout"] == "onnx"
    session = onnxruntime.InferenceSession(tmp_path / "out" / FILE)
    model = checkpoint.load(folder, "cpu", "float32")
    vocabulary = json.loads((tmp_path / "out" / "tokenizer.json").read_text())["chunk_to_idx"]
    assert vocabulary["the"] == model.tokenizer.encode("the")[0]
    shapes = {entry.name: tuple(entry.shape) for entry in session.get_inputs()}
    assert [shapes[name] for name in ("h", "s", "keys", "values")] == [
        tuple(state.shape) for state in first_states(model.network)
    ]


def test_graph_with_other_logits_is_deleted(build, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_export, "largest_difference", lambda session, network: float("nan"))
    with pytest.raises(CheckpointError, match="differ"):
        save_onnx(build.model(), tmp_path / "onnx")
    assert not list((tmp_path / "onnx").iterdir())


def test_graph_step_equals_the_network(build):
    model = build.model()
    states = first_states(model.network)
    graph = onnx_export.StepGraph(model.network)
    for place, token in enumerate((5, 9, 2)):
        logits, *states = graph(torch.tensor([token]), torch.tensor([place]), *states)
    torch.testing.assert_close(logits, model.network(torch.tensor([[5, 9, 2]]))[0, -1], atol=1e-5, rtol=1e-5)
