"""Sizes of an i3 network, and the presets."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .block_kinds import KINDS, blocks_text, parse_blocks

MAX_LAYERS = 512


@dataclass(frozen=True)
class ModelConfig:
    """Everything that determines the shapes of an i3 network.

    Attributes:
        vocab_size: tokens in the vocabulary, `<UNK>` included.
        d_model: width of the residual stream.
        n_heads: attention heads; must divide d_model.
        d_state: size of the state-space state in each RWKV-Mamba mixer.
        hybrid_layers: RWKV-Mamba blocks, which come first.
        attention_layers: attention blocks, which follow.
        blocks: the blocks of any other network in their order, such as "rwkv4:12+attention:4"; the two numbers are
            then counted from it. "" if they say all.
        window: longest sequence in tokens (positions are learned and absolute).
        ffn_width: hidden width of the feed-forward layers; 0 means 4 * d_model.
        tie_embeddings: the head reuses the embedding's weight (its bias stays).
    """

    vocab_size: int
    d_model: int = 512
    n_heads: int = 16
    d_state: int = 32
    hybrid_layers: int = 10
    attention_layers: int = 6
    window: int = 256
    ffn_width: int = 0
    tie_embeddings: bool = False
    blocks: str = ""

    def __post_init__(self) -> None:
        if self.blocks:
            self._count_blocks(parse_blocks(self.blocks))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("tie_embeddings", "blocks"):
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f"{field.name} must be a whole number, not {value!r}.")
            least = 0 if field.name in ("hybrid_layers", "attention_layers", "ffn_width") else 1
            if value < least:
                raise ConfigError(f"{field.name} must be at least {least}, not {value}.")
        if not 1 <= self.n_layers <= MAX_LAYERS:
            raise ConfigError(f"A network needs 1 to {MAX_LAYERS} layers, not {self.n_layers}.")
        if self.ffn_width == 0:
            object.__setattr__(self, "ffn_width", 4 * self.d_model)
        if self.attention_layers and self.d_model % self.n_heads:
            raise ConfigError(
                f"d_model ({self.d_model}) is not a multiple of n_heads ({self.n_heads}).",
                "Choose a number of heads that divides the width.",
            )

    def _count_blocks(self, kinds: tuple[str, ...]) -> None:
        """Set `blocks` and the two numbers, so that equal networks have equal sizes."""
        numbers = kinds.count("rwkv_mamba"), kinds.count("attention")
        plain = kinds == ("rwkv_mamba",) * numbers[0] + ("attention",) * numbers[1]
        object.__setattr__(self, "blocks", "" if plain else blocks_text(kinds))
        object.__setattr__(self, "hybrid_layers", numbers[0])
        object.__setattr__(self, "attention_layers", numbers[1])

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each block, in order; a key of `KINDS`."""
        if self.blocks:
            return parse_blocks(self.blocks)
        return ("rwkv_mamba",) * self.hybrid_layers + ("attention",) * self.attention_layers

    @property
    def n_layers(self) -> int:
        return len(parse_blocks(self.blocks)) if self.blocks else self.hybrid_layers + self.attention_layers

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_heads

    @property
    def parameters(self) -> int:
        """Number of trained weights, computed from the sizes alone."""
        d, kinds = self.d_model, self.kinds
        ends = (self.vocab_size + self.window) * d + 2 * d + self.vocab_size
        if not self.tie_embeddings:
            ends += self.vocab_size * d
        return ends + sum(kinds.count(name) * kind.parameters(self) for name, kind in KINDS.items())


def _i3_22m_ffn_width() -> int:
    """FFN width that brings 24 hybrid blocks with 4,466 chunks to 22.6 M parameters.

    The exact blocks of i3-22M were never published; the total was.
    """
    base = ModelConfig(4466, hybrid_layers=24, attention_layers=0, ffn_width=1).parameters
    per_width = ModelConfig(4466, hybrid_layers=24, attention_layers=0, ffn_width=2).parameters - base
    return 1 + round((22_600_000 - base) / per_width)


_TOKENIZER = "tokenizer="
_BPE_PRESETS = ("i3-200m",)
PRESETS: dict[str, ModelConfig] = {
    "i3-80m": ModelConfig(41_320),
    "i3-200m": ModelConfig(32_000, d_model=768, n_heads=12, window=512, blocks="rwkv4:12+attention:4"),
    "i3-22m": ModelConfig(4_466, hybrid_layers=24, attention_layers=0, ffn_width=_i3_22m_ffn_width()),
    "i3-mini": ModelConfig(
        1_024, d_model=384, n_heads=8, hybrid_layers=3, attention_layers=3, window=512, tie_embeddings=True
    ),
    "tiny": ModelConfig(
        512, d_model=32, n_heads=4, d_state=8, hybrid_layers=2, attention_layers=1, window=64, tie_embeddings=True
    ),
}


def preset_tokenizer(name: str) -> tuple[str, int]:
    """Kind of the vocabulary that a preset is trained with from scratch ("chunk" or "bpe") and its size; 0 for that
    of the preset. `name` may say so, as in "i3-mini,tokenizer=bpe:4096".

    Raises ConfigError for an unknown kind.
    """
    name, *sizes = (part.strip() for part in name.split(","))
    text = next((size.removeprefix(_TOKENIZER) for size in sizes if size.startswith(_TOKENIZER)), "")
    kind, _, count = (text or ("bpe" if name in _BPE_PRESETS else "chunk")).partition(":")
    if kind not in ("chunk", "bpe"):
        raise ConfigError(f"There is no tokenizer {kind!r}.", "Known: chunk, bpe; a size may follow, as in bpe:4096.")
    if count and not (count.isdecimal() and len(count) < 8 and int(count) >= 8):
        raise ConfigError(f"The size of a vocabulary must be a whole number from 8 on, not {count!r}.")
    return kind, int(count or 0)


def preset(name: str, **changes: int | bool) -> ModelConfig:
    """The preset `name` with `changes` applied.

    name: of a preset, which sizes may follow: "i3-mini", "i3-mini,d_model=320,attention_layers=0", or
        "i3-mini,blocks=rwkv4:4+attention:2"; `tokenizer=` is for `preset_tokenizer`. A preset's FFN width is four times
        its width if d_model is changed and ffn_width is not.

    Raises ConfigError for an unknown preset or size.
    """
    preset_tokenizer(name)  # that it can be read
    name, *sizes = (part.strip() for part in name.split(","))
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}.", f"Known presets: {', '.join(PRESETS)}.")
    named = dict(_size(text) for text in sizes if not text.startswith(_TOKENIZER))
    if "d_model" in named:
        named.setdefault("ffn_width", 0)
    numbers = [key for key in ("hybrid_layers", "attention_layers") if key in named]
    if numbers and ("blocks" in named or PRESETS[name].blocks):
        raise ConfigError(f"{numbers[0]} does not go with blocks.", "Give all blocks, as in blocks=rwkv4:12.")
    return dataclasses.replace(PRESETS[name], **named | changes)


def _size(text: str) -> tuple[str, Any]:
    """A size and its value from a text like `d_model=320`."""
    key, _, value = text.partition("=")
    known = [field.name for field in dataclasses.fields(ModelConfig) if field.name != "vocab_size"]
    if key not in known:
        raise ConfigError(f"There is no size {key!r}.", f"Known sizes: {', '.join(known)}.")
    if key == "blocks":
        return key, blocks_text(parse_blocks(value))
    if key == "tie_embeddings":
        if value not in ("true", "false"):
            raise ConfigError(f"tie_embeddings must be true or false, not {value!r}.")
        return key, value == "true"
    if not value.isdecimal():
        raise ConfigError(f"{key} must be a whole number, not {value!r}.")
    return key, int(value)
