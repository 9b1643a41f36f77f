"""Cross-entropy through the head without ever holding all logits.

With 41,320 chunks the logits of 1,024 tokens take 170 MB, and the usual cross-entropy writes several such arrays. Here
a few rows at a time pass through the head, and their gradients are computed while their logits are in the cache (as in
Liger Kernel, Hsu et al. 2024, and Cut Your Losses, Wijmans et al. 2024). Same products, less memory traffic. The
gradients of a frozen head, a third of the work, are not computed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LOGITS_AT_ONCE = 11 * 2**20  # elements; 256 rows of 41,320 chunks
# float16 holds nothing below 6e-8, and most probabilities are smaller. Scaled by this they stay; sums do not overflow.
FLOAT16_SCALE = 4096.0


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, wanted: bool) -> Tensor:
        want_x, want_weight, want_bias = (wanted and needed for needed in ctx.needs_input_grad[:3])
        device = x.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else torch.float32
        count, vocab_size = x.shape[0], weight.shape[0]
        scale = FLOAT16_SCALE if dtype == torch.float16 else 1.0
        pieces = -(-count * vocab_size // LOGITS_AT_ONCE)
        rows = max(16, -(-count // max(1, pieces)))  # pieces of equal size: a small last one costs nearly as much
        with torch.autocast(device, enabled=False):
            inputs, matrix = x.to(dtype), weight.to(dtype)
            total = torch.zeros((), device=x.device)
            grad_x = torch.empty(x.shape, device=x.device) if want_x else None
            grad_weight = None
            grad_bias = torch.zeros(bias.shape, device=x.device) if want_bias else None
            learned = (targets >= 0).float()[:, None]
            shares = learned / learned.sum().clamp(min=1)  # what each row adds to the mean
            buffer = torch.empty(min(rows, count), vocab_size, device=x.device)
            for start in range(0, count, rows):
                part, answers = inputs[start : start + rows], targets[start : start + rows, None].clamp(min=0)
                share = shares[start : start + rows]
                logits = buffer[: len(part)]
                if dtype == torch.float32:
                    torch.mm(part, matrix.T, out=logits).add_(bias)
                else:
                    torch.add(part @ matrix.T, bias, out=logits)
                chosen, largest = logits.gather(1, answers), logits.amax(1, keepdim=True)
                errors = torch.softmax(logits, 1, out=logits)  # in place: no second array of this size
                log_sums = largest - errors.amax(1, keepdim=True).log()  # the largest probability is that of `largest`
                total += ((log_sums - chosen) * share).sum()
                if not (want_x or want_weight or want_bias):
                    continue
                # The gradient of a row's logits is its share of (probabilities - 1 at the answer). Shares go into the
                # smaller factor of each product.
                errors.scatter_add_(1, answers, torch.full_like(share, -1.0))
                if grad_bias is not None:
                    grad_bias += (share.T @ errors)[0]
                slope = (errors * scale).to(dtype) if scale > 1 else errors.to(dtype)
                if grad_x is not None:
                    torch.mul(slope @ matrix, share / scale, out=grad_x[start : start + rows])
                if want_weight:
                    weighted = (part * share).to(dtype)
                    if grad_weight is None:
                        grad_weight = (slope.T @ weighted).float()
                    elif dtype == torch.float32:
                        grad_weight.addmm_(slope.T, weighted)
                    else:
                        grad_weight += slope.T @ weighted
            if want_weight and grad_weight is None:  # no rows at all
                grad_weight = torch.zeros(weight.shape, device=x.device)
            if grad_weight is not None and scale > 1:
                grad_weight /= scale
            ctx.save_for_backward(grad_x, grad_weight, grad_bias)
            return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), gradients = grad_outputs, ctx.saved_tensors
        if grad.item() != 1.0:
            gradients = [None if gradient is None else gradient * grad for gradient in gradients]
        return *gradients, None, None


def head_loss(x: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy in nats of the logits x @ weight.T + bias against `targets`.

    Args:
        x: (rows, d) hidden states.
        weight, bias: (V, d) and (V,) of the head.
        targets: (rows,) ids; rows with a negative one do not count.

    Returns: a float32 scalar, differentiable once in x, weight and bias, as far as they are trained. Products follow
    autocast, the rest is float32.
    """
    return _HeadLoss.apply(x, weight, bias, targets, torch.is_grad_enabled())
