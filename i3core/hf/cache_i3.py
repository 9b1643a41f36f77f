"""The cache of an i3 model in the transformers library: recurrent states, keys and values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, DynamicCache, DynamicLayer
from transformers.modeling_outputs import BaseModelOutputWithPast

from ..model.block_kinds import KINDS
from .configuration_i3 import I3Config

# What the library calls the cache in outputs and arguments: `cache` from 5.24 on.
CACHE = "cache" if "cache" in BaseModelOutputWithPast.__dataclass_fields__ else "past_key_values"


class RecurrentLayer(CacheLayerMixin):
    """The cache of a recurrent block, which is also its `RecurrentState`: an attribute for each tensor (B, width).

    Attributes:
        names: of these tensors, which are None before the first token. The library sees the first two as keys and
            values, whatever number of tokens they have seen.
        tokens: that number.
    """

    is_compileable = False
    is_sliding = False

    def __init__(self, names: Sequence[str] = ("h", "s"), **others: Any) -> None:
        self.names = tuple(names)
        self.reset()
        super().__init__()

    def __getattr__(self, name: str) -> Any:
        if name in ("keys", "values"):
            return getattr(self, self.names[name == "values"])
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(self.names[name == "values"] if name in ("keys", "values") else name, value)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor | None = None) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, tokens: int = 1) -> tuple[Tensor, Tensor]:
        """Replace the state by that after `tokens` more tokens."""
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
        for name in self.names:
            setattr(self, name, None)
        self.is_initialized, self.tokens = False, 0

    def crop(self, *arguments: Any) -> None:
        raise ValueError("The state of a recurrent block holds the whole past and cannot be cut shorter.")

    def batch_repeat_interleave(self, repeats: int) -> None:
        self._change(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        self._change(lambda tensor: tensor[indices])

    def _change(self, changed: Callable[[Tensor], Tensor]) -> None:
        for name in self.names:
            if (tensor := getattr(self, name)) is not None:
                setattr(self, name, changed(tensor))


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
            layer.lazy_initialization(getattr(layer, layer.names[0]))
            layer.tokens += tokens


def prepare_cache(cache: Cache | None, config: I3Config) -> Cache:
    """A cache with a layer of the right kind for each block.

    An empty cache of the library's own gets these layers in place. Raises ValueError for a cache of another model.
    """
    cache = DynamicCache() if cache is None else cache
    layers = getattr(cache, "layers", None)
    states = [tuple(KINDS[kind].state(config.sizes)) for kind in config.sizes.kinds]
    if layers is None or [_state_names(layer) for layer in layers] != states:
        if layers is None or any(getattr(layer, "is_initialized", False) for layer in layers):
            raise ValueError("The cache (past_key_values) is not that of an i3 model of these sizes.")
        layers[:] = [RecurrentLayer(names) if names else DynamicLayer() for names in states]
    return cache


def _state_names(layer: Any) -> tuple[str, ...] | None:
    """The names of a recurrent layer's tensors, () for keys and values, None for a layer of another kind."""
    return layer.names if isinstance(layer, RecurrentLayer) else () if type(layer) is DynamicLayer else None
