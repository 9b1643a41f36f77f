"""The cache of an i3 model in the transformers library: recurrent states, keys and values."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

from .configuration_i3 import I3Config

# What the library calls the cache in outputs and arguments: `cache` from 5.24 on.
CACHE = "cache" if "cache" in BaseModelOutputWithPast.__dataclass_fields__ else "past_key_values"


class RecurrentLayer(CacheLayerMixin):
    """The cache of an RWKV-Mamba block, which is also its `RecurrentState`.

    Attributes:
        keys, values: h (B, D) and s (B, N), whatever number of tokens they have seen; None before the first.
        tokens: that number.
    """

    is_compileable = False
    is_sliding = False

    def __init__(self, **others: Any) -> None:
        super().__init__()
        self.tokens = 0

    @property
    def h(self) -> Tensor | None:
        return self.keys

    @h.setter
    def h(self, h: Tensor) -> None:
        self.lazy_initialization(h)
        self.keys = h

    @property
    def s(self) -> Tensor | None:
        return self.values

    @s.setter
    def s(self, s: Tensor) -> None:
        self.values = s

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor | None = None) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, tokens: int = 1) -> tuple[Tensor, Tensor]:
        """Replace the state by that after `tokens` more tokens."""
        self.h, self.s = key_states, value_states
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
        if self.keys is not None and self.values is not None:
            self.keys = self.keys.repeat_interleave(repeats, dim=0)
            self.values = self.values.repeat_interleave(repeats, dim=0)

    def batch_select_indices(self, indices: Tensor) -> None:
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]


class AttentionLayer:
    """One attention block's layer of a library cache, used as a `KVCache`."""

    def __init__(self, cache: Cache, index: int) -> None:
        self.cache, self.index = cache, index

    @property
    def keys(self) -> Tensor:
        """(B, heads, past + T, head_dim), once `update` was called."""
        layer = self.cache.layers[self.index]
        assert isinstance(layer, DynamicLayer)
        assert layer.keys is not None
        return layer.keys

    def update(self, k: Tensor, v: Tensor, position: int | Tensor) -> tuple[Tensor, Tensor]:
        """Append keys and values (B, heads, T, head_dim); return all of them."""
        return self.cache.update(k, v, self.index)


def layer_states(cache: Cache | None, count: int) -> list[RecurrentLayer | AttentionLayer | None]:
    """The states of `count` blocks that a prepared cache holds, or None for each."""
    if cache is None:
        return [None] * count
    return [
        layer if isinstance(layer, RecurrentLayer) else AttentionLayer(cache, index)
        for index, layer in enumerate(cache.layers)
    ]


def advance(cache: Cache, tokens: int) -> None:
    """Count the tokens that the blocks have read; attention's layers count their own."""
    for layer in cache.layers:
        if isinstance(layer, RecurrentLayer):
            layer.tokens += tokens


def prepare_cache(cache: Cache | None, config: I3Config) -> Cache:
    """A cache with a layer of the right kind for each block.

    An empty cache of the library's own gets these layers in place. Raises ValueError for a cache of another model.
    """
    cache = DynamicCache() if cache is None else cache
    layers = getattr(cache, "layers", None)
    kinds = [RecurrentLayer] * config.conv_layers + [DynamicLayer] * config.attn_layers
    if layers is None or [type(layer) for layer in layers] != kinds:
        if layers is None or any(getattr(layer, "is_initialized", False) for layer in layers):
            raise ValueError("The cache (past_key_values) is not that of an i3 model of these sizes.")
        layers[:] = [kind() for kind in kinds]
    return cache
