"""The two linear recurrences of an RWKV-Mamba mixer, for whole sequences at once.

Both are linear and time-invariant, so the result at time t is a sum that can be split anywhere:

    channel_scan:  h_t = w * h_{t-1} + u_t     one decay per channel    w: (d,)
    state_scan:    s_t = A s_{t-1} + u_t       one matrix               A: (n, n)

`channel_scan` works in two levels: all blocks of about sqrt(T) steps advance together, then the blocks'
last values are carried from one block to the next. It touches memory twice whatever T is, where doubling needs
log2 T passes. `state_scan` doubles (Hillis & Steele 1986): after round k every s_t covers the last 2^k inputs; the
state is small, so log2 T rounds cost little. The gradient of either is the same scan in reverse time.

Always float32: products of many decays lose too much in half precision.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def _blocks(length: int) -> tuple[int, int]:
    """Number of blocks and steps per block that cover `length`."""
    steps = max(1, math.isqrt(length))
    return -(-length // steps), steps


def _channel_scan(w: Tensor, u: Tensor) -> Tensor:
    """h of `channel_scan` without autograd. w: (d,)  u: (batch, time, d)"""
    batch, length, width = u.shape
    count, steps = _blocks(length)
    h = u.new_zeros(batch, count * steps, width) if count * steps != length else torch.empty_like(u)
    source = torch.nn.functional.pad(u, (0, 0, 0, count * steps - length)) if count * steps != length else u
    source = source.reshape(batch, count, steps, width)
    h = h.view(batch, count, steps, width)
    h[:, :, 0] = source[:, :, 0]
    for step in range(1, steps):
        torch.addcmul(source[:, :, step], h[:, :, step - 1], w, out=h[:, :, step])
    if count > 1:
        powers = w[None, :] ** torch.arange(1, steps + 1, device=u.device, dtype=u.dtype)[:, None]  # (steps, d)
        carry = torch.empty(batch, count - 1, width, device=u.device, dtype=u.dtype)
        carry[:, 0] = h[:, 0, -1]
        for block in range(1, count - 1):
            torch.addcmul(h[:, block, -1], carry[:, block - 1], powers[-1], out=carry[:, block])
        h[:, 1:].addcmul_(carry[:, :, None, :], powers)
    return h.view(batch, count * steps, width)[:, :length]


def _state_scan(A: Tensor, u: Tensor) -> Tensor:
    """s of `state_scan` without autograd. A: (n, n)  u: (batch, time, n)"""
    s = u
    power = A
    shift = 1
    while shift < u.shape[1]:
        reached = s[:, shift:] + s[:, :-shift] @ power.T
        s = torch.cat([s[:, :shift], reached], dim=1)
        power = power @ power
        shift *= 2
    return s


class _ChannelScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, w: Tensor, u: Tensor) -> Tensor:
        h = _channel_scan(w, u)
        ctx.save_for_backward(w, h)
        return h

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor]:
        (grad,), (w, h) = grad_outputs, ctx.saved_tensors
        # dL/du_t = dL/dh_t + w * dL/du_{t+1}
        grad_u = _channel_scan(w, grad.flip(1)).flip(1)
        grad_w = (grad_u[:, 1:] * h[:, :-1]).sum((0, 1)) if ctx.needs_input_grad[0] else None
        return grad_w, grad_u


class _StateScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, A: Tensor, u: Tensor) -> Tensor:
        s = _state_scan(A, u)
        ctx.save_for_backward(A, s)
        return s

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor]:
        (grad,), (A, s) = grad_outputs, ctx.saved_tensors
        grad_u = _state_scan(A.T, grad.flip(1)).flip(1)
        grad_A = torch.einsum("bti,btj->ij", grad_u[:, 1:], s[:, :-1]) if ctx.needs_input_grad[0] else None
        return grad_A, grad_u


def _with_start(u: Tensor, carried: Tensor | None) -> Tensor:
    """u with the previous state's contribution added to the first input."""
    if carried is None:
        return u
    return torch.cat([u[:, :1] + carried[:, None], u[:, 1:]], dim=1)


def channel_scan(w: Tensor, u: Tensor, h0: Tensor | None = None) -> Tensor:
    """h_t = w * h_{t-1} + u_t for all t, differentiable in all arguments.

    Args:
        w: (d,) decay of each channel.
        u: (batch, time, d) float32 inputs.
        h0: (batch, d) state before the first input; zero if absent.

    Returns: (batch, time, d).
    """
    return _ChannelScan.apply(w, _with_start(u, None if h0 is None else w * h0))


def state_scan(A: Tensor, u: Tensor, s0: Tensor | None = None) -> Tensor:
    """s_t = A s_{t-1} + u_t for all t, differentiable in all arguments.

    Args:
        A: (n, n) transition.
        u: (batch, time, n) float32 inputs.
        s0: (batch, n) state before the first input; zero if absent.

    Returns: (batch, time, n).
    """
    return _StateScan.apply(A, _with_start(u, None if s0 is None else s0 @ A.T))
