"""Derive a model's sizes from the names and shapes of its tensors. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import CheckpointError
from ..model.block_kinds import KINDS, blocks_text
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
    kinds = tuple(_kind(shapes, i) for i in range(n_layers))
    hybrid_layers, attention_layers = kinds.count("rwkv_mamba"), kinds.count("attention")
    blocks = blocks_text(kinds)
    first = {name: f"layers.{kinds.index(name)}." for name in set(kinds)}
    sizes: dict[str, Any] = {
        "vocab_size": vocab_size,
        "d_model": d_model,
        "max_seq_len": window,
        "n_layers": n_layers,
        "conv_layers": hybrid_layers,
        "attn_layers": attention_layers,
        "d_state": shape(first["rwkv_mamba"] + "hybrid.A", 2)[0] if hybrid_layers else declared.get("d_state", 32),
    }
    if "blocks" in declared:
        sizes["blocks"] = blocks
    warnings = tuple(
        f"config.json says {key} = {declared[key]!r}, the weights have {value}; the weights are right."
        for key, value in sizes.items()
        if key in declared and declared[key] != value
    )
    heads = 1
    if attention_layers:
        heads, assumed = _heads(declared, kinds, d_model)
        warnings = (*warnings, *assumed)
    config = ModelConfig(
        vocab_size=vocab_size,
        d_model=d_model,
        n_heads=heads,
        d_state=sizes["d_state"] if hybrid_layers else 32,
        window=window,
        ffn_width=shape(f"layers.0.{KINDS[kinds[0]].widening}", 2)[0],
        tie_embeddings=tied,
        blocks=blocks,
    )
    return config, warnings


def _kind(shapes: Shapes, layer: int) -> str:
    """The kind of a block, by a weight that only this kind has."""
    for kind in KINDS.values():
        if f"layers.{layer}.{kind.mark}" in shapes:
            return kind.name
    marks = ", ".join(kind.mark for kind in KINDS.values())
    raise CheckpointError(
        f"These are not the weights of an i3 model: layer {layer} is of no known kind (it has none of {marks}).", AGAIN
    )


def _heads(declared: dict, kinds: tuple[str, ...], d_model: int) -> tuple[int, tuple[str, ...]]:
    """Attention heads, which the weights cannot tell, and a warning if they are assumed."""
    given: Any = declared.get("n_heads", declared.get("num_attention_heads"))
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int) or given < 1 or d_model % given:
            raise CheckpointError(
                f"config.json says n_heads = {given!r}, which does not divide d_model = {d_model}.", AGAIN
            )
        return given, ()
    if declared:
        raise CheckpointError(
            "config.json does not say how many attention heads the model has, and the weights cannot tell.",
            'Add "n_heads" to it, with the number that the model was trained with.',
        )
    width = next((wide for name in kinds if (wide := KINDS[name].head_width)), None)
    heads = PUBLIC_HEADS if width is None else max(1, d_model // width)
    if d_model % heads:
        raise CheckpointError(
            f"There is no config.json, and {heads} attention heads do not divide d_model = {d_model}.",
            "Give the number that the model was trained with as --heads.",
        )
    are = "attention head is" if heads == 1 else "attention heads are"
    return heads, (
        f"There is no config.json; {heads} {are} assumed, as in the public models. "
        "For another number: i3core convert FOLDER NEW_FOLDER --heads N.",
    )


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Map names to shapes of the state dict of such a network."""
    d, vocab = config.d_model, config.vocab_size
    shapes: dict[str, tuple[int, ...]] = {"embed.weight": (vocab, d), "pos_embed.weight": (config.window, d)}
    norms = {f"{norm}.{part}": (d,) for norm in ("ln1", "ln2") for part in ("weight", "bias")}
    weights = {kind: KINDS[kind].weights(config) | norms for kind in set(config.kinds)}
    for i, kind in enumerate(config.kinds):
        shapes |= {f"layers.{i}.{name}": shape for name, shape in weights[kind].items()}
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
