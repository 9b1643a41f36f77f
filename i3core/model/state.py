"""What the network carries from one token to the next.

A recurrent block carries a state of constant size, an attention block the keys and values of all tokens so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

NOTHING = -1e30  # log_weight of an RWKV-4 block before the first token; its exponential is 0, its multiples are finite


class RecurrentState:
    """State of constant size: each field is a tensor (B, width), float32.

    Steps replace the tensors and never write into them, so copies may share them.
    """

    @classmethod
    def new(cls, batch: int, widths: Mapping[str, int], device: torch.device) -> Self:
        """The state before the first token: zeros, unless the kind needs something else."""
        return cls(**{name: torch.zeros(batch, width, device=device) for name, width in widths.items()})

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The fields, in order."""
        return tuple(vars(self).values())

    def copy(self) -> Self:
        """A state to continue from, while this one stays."""
        return type(self)(*self.tensors)

    def rows(self, count: int) -> Self:
        """The first `count` rows, as views."""
        return type(self)(*(tensor[:count] for tensor in self.tensors))

    def write(self, other: Self, row: int | slice, source: int | slice = slice(None)) -> None:
        """Overwrite rows by rows of another state: only of states that a batch owns."""
        for mine, theirs in zip(self.tensors, other.tensors, strict=True):
            mine[row] = theirs[source]


@dataclass
class MambaState(RecurrentState):
    """State of an RWKV-Mamba block: h (B, D) time mixing, s (B, N) state space."""

    h: Tensor
    s: Tensor


@dataclass
class RWKV4State(RecurrentState):
    """State of an RWKV-4 block, (B, D) each.

    mixed_before, widened_before: the last inputs of time mixing and channel mixing.
    mean, log_weight: of the values read so far; see `wkv.py`.
    """

    mixed_before: Tensor
    widened_before: Tensor
    mean: Tensor
    log_weight: Tensor

    @classmethod
    def new(cls, batch: int, widths: Mapping[str, int], device: torch.device) -> Self:
        state = super().new(batch, widths, device)
        state.log_weight.fill_(NOTHING)
        return state


@dataclass
class KVCache:
    """Keys and values of an attention block, for the tokens read so far.

    keys, values: (B, heads, length, head_dim).
    """

    keys: Tensor
    values: Tensor

    def update(self, k: Tensor, v: Tensor, position: int | Tensor) -> tuple[Tensor, Tensor]:
        """Write new keys and values, and return those to attend to.

        Args:
            k, v: (B, heads, T, head_dim), or without B for a single row.
            position: of the first of T tokens, the same in each row; then what is returned ends with the last of them.
                Or (B,), a position for each row, of one token each; then everything is returned.
        """
        keys, values = self.keys, self.values
        if isinstance(position, int):
            end = position + k.shape[-2]
            keys, values = keys[:, :, :end], values[:, :, :end]
            keys[:, :, position:] = k
            values[:, :, position:] = v
        else:
            rows = torch.arange(len(k), device=k.device)
            keys[rows, :, position] = k[:, :, 0].to(keys.dtype)
            values[rows, :, position] = v[:, :, 0].to(values.dtype)
        return (keys, values) if keys.dtype == k.dtype else (keys.to(k.dtype), values.to(v.dtype))


LayerState = RecurrentState | KVCache


@dataclass
class NetworkState:
    """Everything needed to continue after `position` tokens.

    Copies are cheap. KV caches are only ever written at or after `position`, and recurrent states are replaced, never
    written into, so a copy may share the tensors of both. Continuing from a copy overwrites cache entries after its
    position: a state that went further must not be used again once its copy is continued.
    """

    position: int
    layers: list[LayerState]


def in_token_order(mask: Tensor | None) -> Tensor | None:
    """For (B, T), False for padding: the order (B, T, 1) with tokens first, then padding, whose states are not read."""
    return None if mask is None else mask.long().argsort(dim=1, descending=True, stable=True)[..., None]


def last_state(states: Tensor, before: Tensor | None, mask: Tensor | None) -> Tensor:
    """The state after the last token of each row. states: (B, T, width), padding last; before: (B, width) or zero."""
    if mask is None:
        return states[:, -1].clone()
    count = mask.sum(1)[:, None]
    last = (count - 1).clamp(min=0)[..., None].expand(-1, 1, states.shape[2])
    after = states.gather(1, last)[:, 0]
    return torch.where(count > 0, after, torch.zeros_like(after) if before is None else before)


def recurrent_only(layers: Sequence[LayerState]) -> list[RecurrentState]:
    """The recurrent states among those of all blocks."""
    return [layer for layer in layers if isinstance(layer, RecurrentState)]
