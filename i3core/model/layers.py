"""Layers with a fast path for a single token on a CPU.

Decoding one sequence multiplies each matrix by one vector, so its speed is that of reading the weights from memory.
torch's general code reaches a third of that for these shapes. What decoding needs beside it is written out here.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .loss import head_loss

FLOAT32, INT8, INT4 = range(3)  # kinds of matrices in decode_step.c
NATIVE_GROUP = 64  # columns that it takes at once from quantized ones


class Linear(nn.Linear):
    """A linear layer with a fast product for a single token on a CPU.

    torch's matrix-vector product gets a third of the memory's bandwidth for these shapes, a batch of smaller products
    all of it.
    """

    _parts: tuple[tuple[int, int], Tensor, Tensor] | None = None  # addresses of weight and bias, and both as a batch

    def reset_parameters(self) -> None:
        """Draw initial weights, unless the layer is on the meta device."""
        if has_values(self):
            super().reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """input: (..., in) -> (..., out)."""
        if not is_single_token(input, self.in_features):
            return super().forward(input)
        return self.matvec(input.reshape(1, -1)).view(*input.shape[:-1], -1)

    def matvec(self, x: Tensor) -> Tensor:
        """The same for a single token, x: (..., 1, in) float32 on a CPU -> (..., 1, out)."""
        given = self.bias
        at = self.weight.data_ptr(), 0 if given is None else given.data_ptr()
        if self._parts is None or self._parts[0] != at:
            self._parts = self._split(at)
        _, weight, bias = self._parts
        # The strides of this column are those that take torch's fast path.
        y = torch.baddbmm(bias, weight, x.mT.expand(len(weight), -1, 1)).view(*x.shape[:-1], -1)
        whole = y.shape[-1]
        if whole < self.out_features:
            y = torch.cat([y, F.linear(x, self.weight[whole:], None if given is None else given[whole:])], -1)
        return y

    def for_native_step(self) -> tuple[int, Tensor, Tensor | None] | None:
        """What `native.py` multiplies by: kind, values and scales. None for a layer that it does not know."""
        known = type(self) is Linear and self.weight.dtype == torch.float32
        return (FLOAT32, self.weight.detach(), None) if known and self.weight.is_contiguous() else None

    def loss(self, x: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of the head, in nats; see `head_loss`. x: (rows, in)."""
        return head_loss(x, self.weight, self.bias, targets)

    def _split(self, at: tuple[int, int]) -> tuple[tuple[int, int], Tensor, Tensor]:
        parts = next((n for n in (8, 4, 2) if self.out_features % n == 0), 8)
        whole = self.out_features // parts * parts
        weight = self.weight.detach()[:whole]
        bias = weight.new_zeros(whole) if self.bias is None else self.bias.detach()[:whole]
        return at, weight.view(parts, -1, self.in_features), bias.view(parts, -1, 1)


class Embedding(nn.Embedding):
    """A vector for each id."""

    def reset_parameters(self) -> None:
        """Draw initial weights, unless the layer is on the meta device."""
        if has_values(self):
            super().reset_parameters()


class FeedForward(nn.Sequential):
    """Two linear layers with an exact GELU between them. It carries no state."""

    def __init__(self, d_model: int, width: int) -> None:
        super().__init__(Linear(d_model, width), nn.GELU(), Linear(width, d_model))

    def forward(self, input: Tensor, state: Any = None, mask: Tensor | None = None) -> Tensor:
        """input: (..., D) -> (..., D)."""
        return super().forward(input)

    def decode(self, x: Tensor, state: Any, position: int | Tensor) -> Tensor:
        """The same for a token of each row, x: (B, D); with a number as position for one on a CPU, faster."""
        if not isinstance(position, int):
            return self(x)
        layers: Any = self
        widen, _, narrow = layers
        return narrow.matvec(gelu(widen.matvec(x)))


def has_values(layer: nn.Linear | nn.Embedding) -> bool:
    """True unless the layer is on the meta device (its weights are loaded later).

    torch draws random numbers for such a layer too, in Python, and imports its compiler for that: a second at the first
    model.
    """
    return not layer.weight.is_meta


def is_single_token(x: Tensor, width: int) -> bool:
    """True for a single vector for which `is_decoded_on_cpu` holds."""
    return x.numel() == width and is_decoded_on_cpu(x)


def is_decoded_on_cpu(tensor: Tensor) -> bool:
    """True for a float32 tensor on a CPU, outside of training, autocast and tracing."""
    return (
        tensor.dtype == torch.float32
        and tensor.is_cpu
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage] (its stub does not export it)
    )


def normalize(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    """`norm(x)` without the cost of calling a module."""
    return torch.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def gelu(x: Tensor) -> Tensor:
    """Exact GELU; `F.gelu` spends most of a single token's time on waking threads."""
    half = x * 0.5
    return torch.addcmul(half, half, torch.erf(x * math.sqrt(0.5)))
