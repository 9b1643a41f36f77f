"""What the network carries from one token to the next.

An RWKV-Mamba block carries a state of constant size, an attention block the keys and values of all tokens so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class RecurrentState:
    """State of an RWKV-Mamba block, float32.

    h: (B, D) time mixing.  s: (B, N) state space.  Steps replace the tensors and never write into them.
    """

    h: Tensor
    s: Tensor


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
