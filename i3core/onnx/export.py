"""A model as an ONNX graph of a single step: a token and the states in, logits and the states after it out.

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
import torch.nn.functional as F
from torch import Tensor, nn

from ..checkpoints.checkpoint import Model, config_to_json
from ..errors import CheckpointError, I3Error
from ..model.network import I3Network
from ..system.extras import install_hint
from ..system.files import replaced, write_json

FILE = "model.onnx"
STATES = ("h", "s", "keys", "values")
INPUTS = ("token", "position", *STATES)
OUTPUTS = ("logits", *(f"{name}_after" for name in STATES))
CHECKED_TOKENS = 32
TOLERANCE = 1e-3  # in the logits; the order of float32 sums differs


class StepGraph(nn.Module):
    """One step of a network without anything written in place, so that it can become a graph."""

    def __init__(self, network: I3Network) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, token: Tensor, position: Tensor, h: Tensor, s: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, ...]:
        """See the module's first lines for the shapes."""
        network, config = self.network, self.network.config
        x = F.embedding(token, network.embed.weight) + F.embedding(position, network.pos_embed.weight)  # (1, D)
        places = torch.arange(config.window)
        after: dict[str, list[Tensor]] = {name: [] for name in STATES}
        for index, block in enumerate(network.layers):
            mixed = block.ln1(x)
            if block.is_attention:
                place = index - config.hybrid_layers
                qkv = F.linear(mixed, block.attn.qkv.weight, block.attn.qkv.bias)
                q, k, v = qkv.view(3, config.n_heads, 1, config.head_dim).unbind(0)
                new = (places == position)[None, :, None]
                layer_keys = torch.where(new, k, keys[place])  # (heads, window, head_dim)
                layer_values = torch.where(new, v, values[place])
                scores = (q @ layer_keys.transpose(-1, -2) * config.head_dim**-0.5).masked_fill(
                    places > position, -torch.inf
                )
                mixed = (scores.softmax(-1) @ layer_values).view(1, -1)
                mixed = F.linear(mixed, block.attn.out_proj.weight, block.attn.out_proj.bias)
                after["keys"].append(layer_keys)
                after["values"].append(layer_values)
            else:
                mixer = block.hybrid
                layer_h = mixer.w_mix * h[index : index + 1] + (1 - mixer.w_mix) * mixed
                layer_s = s[index : index + 1] @ mixer.A.T + mixed @ mixer.B.T
                mixed = layer_s @ mixer.C.T + mixer.D * layer_h
                after["h"].append(layer_h[0])
                after["s"].append(layer_s[0])
            x = x + mixed
            widen, _, narrow = block.ffn
            x = x + F.linear(F.gelu(F.linear(block.ln2(x), widen.weight, widen.bias)), narrow.weight, narrow.bias)
        logits = F.linear(network.ln_f(x), network.head.weight, network.head.bias)[0]
        given = {"h": h, "s": s, "keys": keys, "values": values}
        return logits, *(torch.stack(after[name]) if after[name] else given[name] + 0 for name in STATES)


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
    """Writes model.onnx, tokenizer.json and config.json, and returns how far its logits are from ours.

    Raises:
        I3Error: a package is missing.
        CheckpointError: the graph does not compute what the model does; nothing is written then.
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
            warnings.simplefilter("ignore")  # that this exporter is the older one; the newer needs a package more
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
                f"The ONNX graph's logits differ from the model's by {difference:.2g}; it was not kept.",
                "Please report this with the versions of torch and onnxruntime.",
            )
    write_json(folder / "tokenizer.json", model.tokenizer.to_json(), indent=None)
    write_json(folder / "config.json", config_to_json(model.config, model.template, "float32", model.details))
    return difference


def largest_difference(session: Any, network: I3Network, tokens: int = CHECKED_TOKENS) -> float:
    """The largest difference of any logit between a session of onnxruntime and the network on random tokens."""
    count = min(tokens, network.config.window)
    ids = torch.randint(network.config.vocab_size, (count,), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours = network(ids[None])[0]
    states, largest = [state.numpy() for state in first_states(network)], 0.0
    known = {entry.name for entry in session.get_inputs()}  # states of kinds of blocks that there are none of may go
    for place in range(count):
        given = dict(zip(INPUTS, [ids[place : place + 1].numpy(), torch.tensor([place]).numpy(), *states], strict=True))
        logits, *states = session.run(None, {name: value for name, value in given.items() if name in known})
        largest = max(largest, float((torch.from_numpy(logits) - ours[place]).abs().max()))
    return largest
