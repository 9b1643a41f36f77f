"""Derive a model's sizes from the names and shapes of its tensors. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import CheckpointError
from ..model.config import ModelConfig

AGAIN = "Copy or download the model again."
PUBLIC_HEADS = 16  # of models that were trained with the public code, which writes no config.json
Shapes = Mapping[str, tuple[int, ...]]


def config_from_shapes(
    shapes: Shapes, declared: dict, head_is_embedding: Callable[[], bool]
) -> tuple[ModelConfig, tuple[str, ...]]:
    """Read sizes from the tensors; warn where `declared` (config.json) contradicts them.

    Args:
        head_is_embedding: compares the values of the two; called only if `declared` says that they are tied and both
            are present, as in the public layout.

    Raises CheckpointError if these are not the weights of an i3 network.
    """

    def shape(name: str, dimensions: int) -> tuple[int, ...]:
        if name not in shapes:
            raise CheckpointError(f"These are not the weights of an i3 model: {name} is missing.", AGAIN)
        if len(shapes[name]) != dimensions:
            raise CheckpointError(f"The weight {name} has the wrong shape {shapes[name]}.", AGAIN)
        return shapes[name]

    vocab_size, d_model = shape("embed.weight", 2)
    window = shape("pos_embed.weight", 2)[0]
    tied = declared.get("tie_embeddings") is True or declared.get("tie_word_embeddings") is True
    if "head.weight" in shapes and tied:
        tied = shapes["head.weight"] == shapes["embed.weight"] and head_is_embedding()
    numbers = {int(m[1]) for name in shapes if (m := re.match(r"layers\.(\d{1,4})\.", name))}
    n_layers = len(numbers)
    if numbers != set(range(n_layers)) or not n_layers:
        raise CheckpointError("These are not the weights of an i3 model: its layers are not numbered from 0.", AGAIN)
    hybrid = [i for i in range(n_layers) if f"layers.{i}.hybrid.A" in shapes]
    if hybrid != list(range(len(hybrid))):
        raise CheckpointError("An i3 model has its RWKV-Mamba blocks first; these weights have another order.", AGAIN)
    attention_layers = n_layers - len(hybrid)
    sizes = {
        "vocab_size": vocab_size,
        "d_model": d_model,
        "max_seq_len": window,
        "n_layers": n_layers,
        "conv_layers": len(hybrid),
        "attn_layers": attention_layers,
        "d_state": shape("layers.0.hybrid.A", 2)[0] if hybrid else declared.get("d_state", 32),
    }
    warnings = tuple(
        f"config.json says {key} = {declared[key]!r}, the weights have {value}; the weights are right."
        for key, value in sizes.items()
        if key in declared and declared[key] != value
    )
    heads: Any = 1
    if attention_layers:
        heads = declared.get("n_heads", declared.get("num_attention_heads")) if declared else PUBLIC_HEADS
        if not declared:
            warnings = (f"There is no config.json; {heads} attention heads are assumed, as in the public models.",)
        elif heads is None:
            raise CheckpointError(
                "config.json does not say how many attention heads the model has, and the weights cannot tell.",
                'Add "n_heads" to it, with the number that the model was trained with.',
            )
        if isinstance(heads, bool) or not isinstance(heads, int) or heads < 1 or d_model % heads:
            raise CheckpointError(
                f"config.json says n_heads = {heads!r}, which does not divide d_model = {d_model}.", AGAIN
            )
    config = ModelConfig(
        vocab_size=vocab_size,
        d_model=d_model,
        n_heads=heads,
        d_state=sizes["d_state"] if hybrid else 32,
        hybrid_layers=len(hybrid),
        attention_layers=attention_layers,
        window=window,
        ffn_width=shape("layers.0.ffn.0.weight", 2)[0],
        tie_embeddings=tied,
    )
    return config, warnings


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Map names to shapes of the state dict of such a network."""
    d, n, width, vocab = config.d_model, config.d_state, config.ffn_width, config.vocab_size
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (vocab, d), "pos_embed.weight": (config.window, d)}
    for i in range(config.n_layers):
        block: dict[str, tuple[int, ...]] = {"ln1.weight": (d,), "ln1.bias": (d,)}
        if i < config.hybrid_layers:
            block |= {"hybrid.w_mix": (d,), "hybrid.A": (n, n), "hybrid.B": (n, d), "hybrid.C": (d, n)}
            block |= {"hybrid.D": (d,)}
        else:
            block |= {"attn.qkv.weight": (3 * d, d), "attn.qkv.bias": (3 * d,)}
            block |= {"attn.out_proj.weight": (d, d), "attn.out_proj.bias": (d,)}
        block |= {"ln2.weight": (d,), "ln2.bias": (d,)}
        block |= {"ffn.0.weight": (width, d), "ffn.0.bias": (width,), "ffn.2.weight": (d, width), "ffn.2.bias": (d,)}
        shapes |= {f"layers.{i}.{name}": shape for name, shape in block.items()}
    return shapes | {"ln_f.weight": (d,), "ln_f.bias": (d,), "head.weight": (vocab, d), "head.bias": (vocab,)}


def check_shapes(shapes: Shapes, config: ModelConfig) -> None:
    """Raise CheckpointError naming the first tensor that does not fit `config`."""
    expected = expected_shapes(config)
    if config.tie_embeddings:
        shapes = {**shapes, "head.weight": shapes["embed.weight"]}
    for name, shape in expected.items():
        if name not in shapes:
            raise CheckpointError(f"The weights are incomplete: {name} is missing.", AGAIN)
        if shapes[name] != shape:
            raise CheckpointError(
                f"The weight {name} has the shape {shapes[name]} where the others imply {shape}.", AGAIN
            )
    surplus = sorted(set(shapes) - set(expected))
    if surplus:
        raise CheckpointError(
            f"The weights have tensors that an i3 model does not have: {', '.join(surplus[:3])}.", AGAIN
        )
