"""The cache of an i3 model in the transformers library: states of RWKV-Mamba blocks, keys and values of attention."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

from .configuration_i3 import I3Config

# What the library calls the cache in outputs and arguments: `cache` from 5.24 on.
CACHE = "cache" if "cache" in BaseModelOutputWithPast.__dataclass_fields__ else "past_key_values"


class RecurrentLayer(CacheLayerMixin):
    """The cache of an RWKV-Mamba block: `keys` is h (B, D) and `values` is s (B, N), however many tokens they saw."""

    is_compileable = False
    is_sliding = False

    def __init__(self, **others: Any) -> None:
        super().__init__()
        self.tokens = 0

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor | None = None) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, tokens: int = 1) -> tuple[Tensor, Tensor]:
        """Replaces the state by that after `tokens` more tokens."""
        self.lazy_initialization(key_states)
        self.keys, self.values = key_states, value_states
        self.tokens += tokens
        return key_states, value_states

    def get_seq_length(self) -> int:
        return self.tokens

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.tokens + query_length, 0

    def get_max_length(self) -> int:
        return -1

    get_max_cache_shape = get_max_length  # its name before

    def reset(self) -> None:
        self.keys = self.values = None
        self.is_initialized, self.tokens = False, 0

    def crop(self, *arguments: Any) -> None:
        raise ValueError("The state of an RWKV-Mamba block holds the whole past and cannot be cut shorter.")

    def batch_repeat_interleave(self, repeats: int) -> None:
        if self.is_initialized:
            self.keys = self.keys.repeat_interleave(repeats, dim=0)
            self.values = self.values.repeat_interleave(repeats, dim=0)

    def batch_select_indices(self, indices: Tensor) -> None:
        if self.is_initialized:
            self.keys, self.values = self.keys[indices], self.values[indices]


def prepare_cache(cache: Cache | None, config: I3Config) -> Cache:
    """`cache` with a layer of the right kind for each block; an empty one of the library's own is refitted in place.

    Raises ValueError for a cache that belongs to another model.
    """
    cache = DynamicCache() if cache is None else cache
    layers = getattr(cache, "layers", None)
    kinds = [RecurrentLayer] * config.conv_layers + [DynamicLayer] * config.attn_layers
    if layers is None or [type(layer) for layer in layers] != kinds:
        if layers is None or any(getattr(layer, "is_initialized", False) for layer in layers):
            raise ValueError("The cache (past_key_values) is not that of an i3 model of these sizes.")
        cache.layers[:] = [kind() for kind in kinds]
    return cache
