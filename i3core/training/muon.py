"""Muon (Jordan et al. 2024), with one batched product for all matrices of a shape."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class Muon(torch.optim.Muon):
    """torch's Muon, as fast as the machine allows.

    torch orthogonalises each matrix by itself, and always in bfloat16, which CPUs without instructions for it emulate
    some twenty times slower than float32. Here matrices of a shape go together, in the precision that is given.
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
            updates: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                momentum: Tensor = state["momentum_buffer"]
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(momentum, group["momentum"])
                rows, columns = update.shape
                wide = update if rows <= columns else update.T
                updates.setdefault((len(wide), wide.shape[1]), []).append((parameter, wide))
            for (_, columns), same in updates.items():
                stacked = torch.stack([update for _, update in same]).to(self.precision)
                rate = group["lr"] * 0.2 * math.sqrt(columns)
                for (parameter, _), update in zip(same, orthogonalized(stacked, group), strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update if update.shape == parameter.shape else update.T, alpha=-rate)


def orthogonalized(matrices: Tensor, group: dict[str, Any]) -> Tensor:
    """(count, n, m) with n <= m -> the same with singular values near 1, by Newton-Schulz iterations."""
    a, b, c = group["ns_coefficients"]
    x = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=group["eps"])
    for _ in range(group["ns_steps"]):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x
