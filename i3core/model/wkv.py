"""The recurrence of RWKV-4 (Peng et al. 2023) for whole sequences at once, in float32.

    wkv_t = (sum_{i<t} e^{(t-1-i) w + k_i} v_i + e^{u + k_t} v_t) / (the same without v)

with w < 0 the decay and u the bonus of the newest token, both (D,). What precedes a token is a weighted mean of earlier
values and the logarithm of its weight; both are a state of constant size:

    log_weight_{t+1} = log(e^{log_weight_t + w} + e^{k_t})        mean_{t+1}: mean_t and v_t in these shares

The public code adds 1e-8 to the denominator, scaled so that it is at least 1: in float32 that changes nothing.

Two ways lead to all t. If the keys of each channel lie within e^60 of each other, as they do unless training has gone
wrong, both sums are plain recurrences with constant decay (`scan.py`). Otherwise means and weights are combined in
pairs (Hillis & Steele 1986), in a form that no key can overflow.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .scan import channel_scan

WIDEST = 60.0  # range of logarithms in which float32 loses nothing: e^-60 is far above its smallest number


def wkv(w: Tensor, u: Tensor, k: Tensor, v: Tensor, mean: Tensor, log_weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All wkv_t, and each state after a token. Differentiable in all arguments.

    Args:
        w, u: (D,).  k, v: (B, T, D), float32.
        mean, log_weight: (B, D) before the first token; 0 and `state.NOTHING` if there was none.

    Returns: (B, T, D) each: wkv_t, mean_{t+1}, log_weight_{t+1}.
    """
    detached = k.detach()
    largest = torch.maximum(detached.amax(1), log_weight.detach())
    spread = (largest - detached.amin(1)).amax() + u.detach().abs().amax()
    if float(spread) <= WIDEST:
        return _by_sums(w, u, k, v, mean, log_weight, largest)
    return _by_pairs(w, u, k, v, mean, log_weight)


def wkv_step(w: Tensor, u: Tensor, k: Tensor, v: Tensor, mean: Tensor, log_weight: Tensor) -> tuple[Tensor, ...]:
    """The same for one token of each row: k, v (B, D)."""
    y = torch.lerp(v, mean, torch.sigmoid(log_weight - (u + k)))
    ahead = log_weight + w - k
    # log(e^a + e^k) = k + log(1 + e^{a - k}), in operations that ONNX has.
    return y, torch.lerp(v, mean, torch.sigmoid(ahead)), k + F.softplus(ahead)


class _Ratio(torch.autograd.Function):
    """(a + g v) / (b + g) with less memory traffic than autograd's own, in which everything but u is large."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, g: Tensor, v: Tensor) -> Tensor:
        whole = b + g
        y = torch.addcmul(a, g, v).div_(whole)
        ctx.save_for_backward(g, v, whole, y)
        return y

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        g, v, whole, y = ctx.saved_tensors
        grad_a = grad_outputs[0] / whole
        return grad_a, -grad_a * y, (v - y).mul_(grad_a), grad_a * g


def _by_sums(
    w: Tensor, u: Tensor, k: Tensor, v: Tensor, mean: Tensor, log_weight: Tensor, largest: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    weights = (k - largest[:, None]).exp()
    before = (log_weight - largest).exp()[:, None]
    decay = w.exp()
    # What precedes each token, and after the last one: the recurrences with what was there before as first input.
    sums = channel_scan(decay, torch.cat([before * mean[:, None], weights * v], 1))
    totals = channel_scan(decay, torch.cat([before, weights], 1))
    y = _Ratio.apply(sums[:, :-1], totals[:, :-1], weights * u.exp(), v)
    after = totals[:, 1:]
    return y, sums[:, 1:] / after, after.log() + largest[:, None]


def _by_pairs(
    w: Tensor, u: Tensor, k: Tensor, v: Tensor, mean: Tensor, log_weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    means, weights = torch.cat([mean[:, None], v], 1), torch.cat([log_weight[:, None], k], 1)
    span = 1
    while span < means.shape[1]:  # each entry covers `span` inputs
        decayed = weights[:, :-span] + span * w
        share = torch.sigmoid(decayed - weights[:, span:])
        means = torch.cat([means[:, :span], torch.lerp(means[:, span:], means[:, :-span], share)], 1)
        weights = torch.cat([weights[:, :span], torch.logaddexp(decayed, weights[:, span:])], 1)
        span *= 2
    y = torch.lerp(v, means[:, :-1], torch.sigmoid(weights[:, :-1] - (u + k)))
    return y, means[:, 1:], weights[:, 1:]
