"""The kinds of blocks that a network is made of: their weights, states and costs, in numbers. Needs no torch.

Each kind is an entry of KINDS; its layers are a module of torch code, named in `blocks.py`. Whatever concerns weights,
memory, work or conversion asks these entries, so that nothing else knows which kinds there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from .config import ModelConfig

FLOAT32 = 4
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class BlockKind:
    """What can be said of a kind of block without computing anything.

    Attributes:
        name: in `blocks=`, config.json and `blocks.py`.
        title: for people.
        mark: the weight by which a checkpoint's block is recognised.
        weights: sizes -> shapes of the weights of mixer and feed-forward layer by name, without the norms.
        state: sizes -> widths of the float32 vectors carried from token to token, by name; {} for keys and values.
        kept_bytes: sizes and bytes of a number in matrix products -> bytes kept of each token for the backward pass.
        widening: the matrix whose rows are the width of the feed-forward layer.
        attends: whether it carries keys and values of all tokens; its matrix products then include scores.
        head_width: width of an attention head in the public code that trains it with neither heads nor config.json.
        steady: whether the public recipe for it has neither schedule nor clipping.
        exact: parts of weight names that stay float32 in a model of half precision.
    """

    name: str
    title: str
    mark: str
    weights: Callable[[ModelConfig], Shapes]
    state: Callable[[ModelConfig], dict[str, int]]
    kept_bytes: Callable[[ModelConfig, int], int]
    widening: str = "ffn.0.weight"
    attends: bool = False
    head_width: int | None = None
    steady: bool = False
    exact: tuple[str, ...] = ()

    def parameters(self, sizes: ModelConfig) -> int:
        """Weights of a block, its two norms included."""
        return 4 * sizes.d_model + sum(_product(shape) for shape in self.weights(sizes).values())

    def products(self, sizes: ModelConfig) -> list[tuple[int, int]]:
        """(in, out) of the matrix products with each token; a recurrence's own, from state to state, is not counted."""
        weights = [shape for shape in self.weights(sizes).values() if len(shape) == 2]
        return [(inner, outer) for outer, inner in weights if (outer, inner) != (sizes.d_state, sizes.d_state)]

    def linear_weights(self, sizes: ModelConfig) -> int:
        """Numbers in the matrices of its linear layers, which int8 and Muon take."""
        return sum(_product(shape) for name, shape in self.weights(sizes).items() if is_linear(name, len(shape)))


def is_linear(name: str, dimensions: int) -> bool:
    """Whether a weight inside a block is the matrix of a linear layer; recurrences have matrices of other names."""
    return dimensions == 2 and name.endswith(".weight")


def _product(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _gelu_weights(sizes: ModelConfig) -> Shapes:
    d, f = sizes.d_model, sizes.ffn_width
    return {"ffn.0.weight": (f, d), "ffn.0.bias": (f,), "ffn.2.weight": (d, f), "ffn.2.bias": (d,)}


def _gelu_bytes(sizes: ModelConfig, size: int) -> int:
    d, f = sizes.d_model, sizes.ffn_width
    return FLOAT32 * d + size * (d + 2 * f)  # the residual; normalised; before and after GELU


def _rwkv_mamba_weights(sizes: ModelConfig) -> Shapes:
    d, n = sizes.d_model, sizes.d_state
    mixer: Shapes = {"w_mix": (d,), "A": (n, n), "B": (n, d), "C": (d, n), "D": (d,)}
    return {**{f"hybrid.{name}": shape for name, shape in mixer.items()}, **_gelu_weights(sizes)}


def _rwkv_mamba_bytes(sizes: ModelConfig, size: int) -> int:
    # the residual; normalised; h; s
    return FLOAT32 * (3 * sizes.d_model + sizes.d_state) + _gelu_bytes(sizes, size)


def _attention_weights(sizes: ModelConfig) -> Shapes:
    d = sizes.d_model
    mixer: Shapes = {"attn.qkv.weight": (3 * d, d), "attn.qkv.bias": (3 * d,)}
    mixer |= {"attn.out_proj.weight": (d, d), "attn.out_proj.bias": (d,)}
    return {**mixer, **_gelu_weights(sizes)}


def _attention_bytes(sizes: ModelConfig, size: int) -> int:
    d = sizes.d_model
    # the residual; normalised; queries, keys, values; mixed
    return FLOAT32 * d + size * (d + 3 * d + d) + _gelu_bytes(sizes, size)


def _rwkv4_weights(sizes: ModelConfig) -> Shapes:
    d, f = sizes.d_model, sizes.ffn_width
    mixer: Shapes = {"att.time_decay": (d,), "att.time_first": (d,)}
    mixer |= {f"att.time_mix_{letter}": (1, 1, d) for letter in "kvr"}
    mixer |= {f"att.{name}.weight": (d, d) for name in ("key", "value", "receptance", "output")}
    channels: Shapes = {f"ffn.time_mix_{letter}": (1, 1, d) for letter in "kr"}
    channels |= {"ffn.key.weight": (f, d), "ffn.receptance.weight": (d, d), "ffn.value.weight": (d, f)}
    return {**mixer, **channels}


def _rwkv4_bytes(sizes: ModelConfig, size: int) -> int:
    d, f = sizes.d_model, sizes.ffn_width
    mixer = FLOAT32 * 9 * d + size * 8 * d  # residual, shifted, WKV's arrays; mixed inputs, k, v, r, what is gated
    return mixer + FLOAT32 * 3 * d + size * (5 * d + 3 * f)  # residual, shifted; mixed inputs, gate; key, its square


KINDS: dict[str, BlockKind] = {
    kind.name: kind
    for kind in (
        BlockKind(
            "rwkv_mamba",
            "RWKV-Mamba",
            "hybrid.A",
            _rwkv_mamba_weights,
            lambda sizes: {"h": sizes.d_model, "s": sizes.d_state},
            _rwkv_mamba_bytes,
            exact=("hybrid",),
        ),
        BlockKind(
            "rwkv4",
            "RWKV-4",
            "att.time_decay",
            _rwkv4_weights,
            lambda sizes: dict.fromkeys(("mixed_before", "widened_before", "mean", "log_weight"), sizes.d_model),
            _rwkv4_bytes,
            widening="ffn.key.weight",
            head_width=64,
            steady=True,
            exact=("time_decay", "time_first"),
        ),
        BlockKind(
            "attention",
            "attention",
            "attn.qkv.weight",
            _attention_weights,
            lambda sizes: {},
            _attention_bytes,
            attends=True,
        ),
    )
}


def parse_blocks(text: str) -> tuple[str, ...]:
    """The kind of each block from a text such as "rwkv4:4+attention:2". Raises ConfigError."""
    kinds: list[str] = []
    for part in text.split("+"):
        name, _, count = part.strip().partition(":")
        if name not in KINDS:
            raise ConfigError(f"There is no kind of block {name!r}.", f"Known kinds: {', '.join(KINDS)}.")
        if not (count or "1").isdecimal() or len(count) > 4 or int(count or 1) < 1:
            raise ConfigError(f"The number of {name} blocks must be a whole number, not {count!r}.", "As in rwkv4:4.")
        kinds += [name] * int(count or 1)
    return tuple(kinds)


def blocks_text(kinds: tuple[str, ...]) -> str:
    """The text that `parse_blocks` reads."""
    return "+".join(f"{name}:{len(list(same))}" for name, same in groupby(kinds))


def layer_counts(kinds: tuple[str, ...]) -> str:
    """Such as "12 + 4": recurrent blocks, then attention; more numbers if there are more changes of kind."""
    if not any(KINDS[name].attends for name in kinds):
        return f"{len(kinds)} + 0"
    counts = [str(len(list(same))) for _, same in groupby(kinds)]
    return " + ".join(["0", *counts] if len(counts) == 1 else counts)


def blocks_in_words(kinds: tuple[str, ...]) -> list[str]:
    """Such as ["12 RWKV-4", "4 attention"]."""
    return [f"{len(list(same))} {KINDS[name].title}" for name, same in groupby(kinds)]
