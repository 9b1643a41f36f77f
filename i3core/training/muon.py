"""Muon (Jordan et al. 2024), with batched products for matrices of a shape."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

WEIGHTS_AT_ONCE = 2**21  # of the matrices in a product


class Muon(torch.optim.Muon):
    """torch's Muon, as fast as the machine allows.

    torch orthogonalises each matrix by itself, and always in bfloat16, which CPUs without instructions for it emulate
    many times slower than float32. Here several matrices of a shape go together, in the precision that is given.
    The step size is that of `match_rms_adamw` (Liu et al. 2025): it suits the rate of AdamW. State and groups are
    those of torch.

    precision: "bfloat16" or "float32", of the products that orthogonalise.
    """

    def __init__(self, params: Any, lr: float, weight_decay: float, precision: str) -> None:
        super().__init__(params, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self.precision = torch.bfloat16 if precision == "bfloat16" else torch.float32

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """Change the weights by their gradients."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for (rows, columns), same in shapes.items():
                at_once = max(1, WEIGHTS_AT_ONCE // (rows * columns))
                rate = group["lr"] * 0.2 * math.sqrt(max(rows, columns))
                for start in range(0, len(same), at_once):
                    part = same[start : start + at_once]
                    stacked = torch.stack([self._update(each, group).to(self.precision) for each in part])
                    for parameter, update in zip(part, orthogonalized(stacked, group), strict=True):
                        parameter.mul_(1 - group["lr"] * group["weight_decay"])
                        parameter.add_(update, alpha=-rate)

    def _update(self, parameter: nn.Parameter, group: dict[str, Any]) -> Tensor:
        """The gradient with Nesterov's momentum, which this adds to the state."""
        state, gradient = self.state[parameter], parameter.grad
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum_buffer"]
        momentum.lerp_(gradient, 1 - group["momentum"])
        return gradient.lerp(momentum, group["momentum"])


def orthogonalized(matrices: Tensor, group: dict[str, Any]) -> Tensor:
    """(count, n, m) -> the same with singular values near 1, by Newton-Schulz iterations."""
    if matrices.shape[1] > matrices.shape[2]:
        return orthogonalized(matrices.mT, group).mT
    a, b, c = group["ns_coefficients"]
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
