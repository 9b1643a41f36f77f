"""Sizes of an i3 model for the transformers library: the content of config.json."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

from ..model.block_kinds import parse_blocks
from ..model.config import ModelConfig


class I3Config(PretrainedConfig):
    """config.json of an i3 model, under the names of the public i3 code.

    The names that the library expects (hidden_size, num_hidden_layers, ...) mean the same values. Weights are always
    float32 unless `from_pretrained` is told otherwise: on disk they may be float16, but the recurrences need more.
    """

    model_type = "i3"
    blocks = ""
    keys_to_ignore_at_inference = ["cache", "past_key_values"]
    attribute_map = {
        "hidden_size": "d_model",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "num_key_value_heads": "n_heads",
        "max_position_embeddings": "max_seq_len",
        "intermediate_size": "ffn_width",
        "tie_embeddings": "tie_word_embeddings",
    }

    def __init__(
        self,
        vocab_size: int = 41_320,
        d_model: int = 512,
        n_heads: int = 16,
        d_state: int = 32,
        conv_layers: int = 10,
        attn_layers: int = 6,
        max_seq_len: int = 256,
        ffn_width: int = 0,
        tie_word_embeddings: bool = False,
        use_cache: bool = True,
        blocks: str = "",
        **others: Any,
    ) -> None:
        self.vocab_size = vocab_size
        self.d_model = d_model
        self.n_heads = n_heads
        self.d_state = d_state
        self.conv_layers = conv_layers  # RWKV-Mamba blocks
        self.attn_layers = attn_layers
        if blocks:  # of other kinds than these two, or in another order
            self.blocks = blocks
        self.n_layers = len(parse_blocks(blocks)) if blocks else conv_layers + attn_layers
        self.max_seq_len = max_seq_len
        self.ffn_width = ffn_width or 4 * d_model
        self.use_cache = use_cache
        for derived in ("n_layers", "torch_dtype"):
            others.pop(derived, None)
        others.setdefault("dtype", "float32")
        others["tie_word_embeddings"] = others.pop("tie_embeddings", tie_word_embeddings)
        super().__init__(**others)

    @classmethod
    def from_sizes(cls, sizes: ModelConfig, **others: Any) -> I3Config:
        """The configuration of a network with these sizes."""
        return cls(
            vocab_size=sizes.vocab_size,
            d_model=sizes.d_model,
            n_heads=sizes.n_heads,
            d_state=sizes.d_state,
            conv_layers=sizes.hybrid_layers,
            attn_layers=sizes.attention_layers,
            max_seq_len=sizes.window,
            ffn_width=sizes.ffn_width,
            tie_word_embeddings=sizes.tie_embeddings,
            blocks=sizes.blocks,
            **others,
        )

    @property
    def sizes(self) -> ModelConfig:
        """The sizes as a ModelConfig. Raises ConfigError for sizes that no network can have."""
        return ModelConfig(
            vocab_size=self.vocab_size,
            d_model=self.d_model,
            n_heads=self.n_heads,
            d_state=self.d_state,
            hybrid_layers=self.conv_layers,
            attention_layers=self.attn_layers,
            window=self.max_seq_len,
            ffn_width=self.ffn_width,
            tie_embeddings=self.tie_word_embeddings,
            blocks=self.blocks,
        )
