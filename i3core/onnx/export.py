"""Export a model as an ONNX graph of one decoding step.

    inputs    token (1,) int64, position (1,) int64,
              h (hybrid, D), s (hybrid, N), keys and values (attention, heads, window, head_dim), all float32
    outputs   logits (V,), h, s, keys, values

States start as zeros. A runtime that feeds each step's states into the next decodes at constant cost; a prompt is read
token by token. Tokenizer and sampling stay outside the graph: tokenizer.json and config.json lie beside it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..checkpoints.checkpoint import Model, config_to_json
from ..errors import CheckpointError, I3Error
from ..model.network import I3Network
from ..model.state import KVCache, RecurrentState
from ..system.extras import install_hint
from ..system.files import replaced, write_json

FILE = "model.onnx"
STATES = ("h", "s", "keys", "values")
INPUTS = ("token", "position", *STATES)
OUTPUTS = ("logits", *(f"{name}_after" for name in STATES))
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

    def forward(
        self, token: Tensor, position: Tensor, h: Tensor, s: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, ...]:
        """See the module's docstring for the shapes."""
        recurrent = [RecurrentState(*both) for both in zip(h.split(1), s.split(1), strict=True)] if len(h) else []
        caches = [GraphCache(*both) for both in zip(keys.split(1), values.split(1), strict=True)] if len(keys) else []
        logits = self.network.decode(token, [*recurrent, *caches], position)[0]
        after = (
            torch.cat([state.h for state in recurrent]) if recurrent else h + 0,
            torch.cat([state.s for state in recurrent]) if recurrent else s + 0,
            torch.cat([cache.keys for cache in caches]) if caches else keys + 0,
            torch.cat([cache.values for cache in caches]) if caches else values + 0,
        )
        return logits, *after


def first_states(network: I3Network) -> tuple[Tensor, ...]:
    """The states before the first token, in the order of STATES."""
    config = network.config
    cache = (config.attention_layers, config.n_heads, config.window, config.head_dim)
    return (
        torch.zeros(config.hybrid_layers, config.d_model),
        torch.zeros(config.hybrid_layers, config.d_state),
        torch.zeros(cache),
        torch.zeros(cache),
    )


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
    with replaced(folder / FILE) as temporary:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is the older exporter; the newer one needs another package
            example = (torch.zeros(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), *first_states(network))
            torch.onnx.export(
                StepGraph(network), example, str(temporary), input_names=list(INPUTS), output_names=list(OUTPUTS),
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
    known = {entry.name for entry in session.get_inputs()}  # without states of blocks that the model does not have
    for position in range(count):
        token, at = ids[position : position + 1].numpy(), torch.tensor([position]).numpy()
        given = dict(zip(INPUTS, [token, at, *states], strict=True))
        logits, *states = session.run(None, {name: value for name, value in given.items() if name in known})
        largest = max(largest, float((torch.from_numpy(logits) - ours[position]).abs().max()))
    return largest
