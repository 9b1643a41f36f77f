"""Export a model as an ONNX graph of one decoding step.

    inputs    token (1,) int64, position (1,) int64,
              h (hybrid, D), s (hybrid, N), keys and values (attention, heads, window, head_dim), all float32
    outputs   logits (V,), h_after, s_after, keys_after, values_after

The first dimension counts the blocks of a kind. With RWKV-4 blocks (rwkv4, D) each: mixed_before, widened_before, mean,
log_weight. States start as zeros, log_weight as -1e30. A runtime that feeds each step's states into the next decodes at
constant cost; a prompt is read token by token. Tokenizer and sampling stay outside the graph: tokenizer.json and
config.json lie beside it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints.checkpoint import Model, config_to_json
from ..errors import CheckpointError, I3Error
from ..model.block_kinds import KINDS
from ..model.network import LAYERS, I3Network
from ..model.state import KVCache, LayerState
from ..system.extras import install_hint
from ..system.files import replaced, write_json

FILE = "model.onnx"
CHECKED_TOKENS = 32
TOLERANCE = 1e-3  # in the logits; the order of float32 sums differs


class GraphCache(KVCache):
    """A KV cache that is replaced and never written into, as a graph needs it."""

    def update(self, k: Tensor, v: Tensor, position: int | Tensor) -> tuple[Tensor, Tensor]:
        is_new = (torch.arange(self.keys.shape[2]) == position)[:, None]
        self.keys, self.values = torch.where(is_new, k, self.keys), torch.where(is_new, v, self.values)
        return self.keys, self.values


class StepGraph(nn.Module):
    """`I3Network.decode` for one row, with all states as arguments and results."""

    def __init__(self, network: I3Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, token: Tensor, position: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """states: in the order of `state_names`. See the module's docstring for the shapes."""
        layers = _unpacked(self.network, states)
        logits = self.network.decode(token, layers, position)[0]
        return logits, *_packed(self.network, layers)


def _kinds(network: I3Network) -> list[str]:
    """The kinds of blocks that the network has, those with keys and values last."""
    return sorted(set(network.config.kinds), key=lambda name: (KINDS[name].attends, name))


def state_names(network: I3Network) -> list[str]:
    """The names of the states, in order."""
    names = (KINDS[kind].state(network.config) or ("keys", "values") for kind in _kinds(network))
    return [name for group in names for name in group]


def _packed(network: I3Network, layers: list[LayerState]) -> tuple[Tensor, ...]:
    """The states of the blocks of each kind, one below the other."""
    packed: list[Tensor] = []
    for kind in _kinds(network):
        mine = [layer for layer, name in zip(layers, network.config.kinds, strict=True) if name == kind]
        parts = [(layer.keys, layer.values) if isinstance(layer, KVCache) else layer.tensors for layer in mine]
        packed += [torch.cat(each) for each in zip(*parts, strict=True)]
    return tuple(packed)


def _unpacked(network: I3Network, states: tuple[Tensor, ...]) -> list[LayerState]:
    """The state of each block from those that `_packed` gives."""
    layers: dict[str, Iterator[LayerState]] = {}
    rest = iter(states)
    for kind in _kinds(network):
        make, names = LAYERS[kind].state or GraphCache, KINDS[kind].state(network.config) or ("keys", "values")
        mine = [next(rest).split(1) for _ in names]
        layers[kind] = iter([make(*parts) for parts in zip(*mine, strict=True)])
    return [next(layers[kind]) for kind in network.config.kinds]


def first_states(network: I3Network) -> tuple[Tensor, ...]:
    """The states before the first token, in the order of `state_names`."""
    return _packed(network, network.new_state().layers)


def save_onnx(model: Model, folder: str | Path) -> float:
    """Write model.onnx, tokenizer.json and config.json; return the largest difference of its logits from ours.

    Raises:
        I3Error: a package is missing.
        CheckpointError: the graph computes something else than the model; nothing is written then.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        remedy = install_hint("onnx", "Convert the model where i3core is installed by pip.")
        raise I3Error(f"ONNX needs the package {error.name}.", remedy) from error
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    network = model.network.eval()
    inputs = ["token", "position", *state_names(network)]
    outputs = ["logits", *(f"{name}_after" for name in state_names(network))]
    with replaced(folder / FILE) as temporary:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is the older exporter; the newer one needs another package
            example = (torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), *first_states(network))
            torch.onnx.export(
                StepGraph(network), example, str(temporary), input_names=inputs, output_names=outputs,
                opset_version=17, dynamo=False,
            )  # fmt: skip
        onnx.checker.check_model(str(temporary))
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        difference = largest_difference(session, network)
        if not difference < TOLERANCE:
            raise CheckpointError(
                f"The ONNX graph's logits differ from the model's by {difference:.2g}; it was deleted.",
                "Please report this with the versions of torch and onnxruntime.",
            )
    write_json(folder / "tokenizer.json", model.tokenizer.to_json(), indent=None)
    write_json(folder / "config.json", config_to_json(model.config, model.template, "float32", model.details))
    return difference


def largest_difference(session: Any, network: I3Network, tokens: int = CHECKED_TOKENS) -> float:
    """The largest difference of a logit between an onnxruntime session and the network, on random tokens."""
    count = min(tokens, network.config.window)
    ids = torch.randint(network.config.vocab_size, (count,), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = network(ids[None])[0]
    states, largest = [state.numpy() for state in first_states(network)], 0.0
    names = ("token", "position", *state_names(network))
    for position in range(count):
        token, at = ids[position : position + 1].numpy(), torch.tensor([position]).numpy()
        logits, *states = session.run(None, dict(zip(names, [token, at, *states], strict=True)))
        largest = max(largest, float((torch.from_numpy(logits) - ours[position]).abs().max()))
    return largest
