"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..errors import TrainingError
from ..model.block_kinds import is_linear
from ..model.network import I3Network
from .muon import Muon

if TYPE_CHECKING:
    from .config import TrainingConfig


@dataclass(frozen=True)
class Schedule:
    """Of the learning rate, with the largest gradient norm; see the settings of the same names."""

    warmup_steps: int
    decay_share: float
    min_lr_share: float
    grad_clip: float


def learning_rate_factor(config: Schedule | TrainingConfig, step: int, total_steps: int) -> float:
    """Share of the peak learning rate at `step` (from 0): linear warm-up, level, then a cosine to the minimum.

    The warm-up is at most half of the steps. The cosine covers the last `decay_share` of the steps after the warm-up;
    1 is the plain cosine schedule.
    """
    warmup = min(config.warmup_steps, total_steps // 2)
    if step < warmup:
        return (step + 1) / warmup
    span = max(1, total_steps - warmup)
    level = span * (1 - config.decay_share)
    progress = max(0.0, (step - warmup - level) / max(1e-9, span - level))
    return config.min_lr_share + (1 - config.min_lr_share) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def build_optimizers(
    network: I3Network, config: TrainingConfig, precision: str = "float32"
) -> list[torch.optim.Optimizer]:
    """Build AdamW for all trained weights, or Muon for the blocks' matrices and AdamW for the rest.

    The public recipe is AdamW with torch's defaults on all weights. Otherwise norms, biases, embeddings, LoRA matrices
    and the recurrences' vectors are not decayed. Muon (Jordan et al. 2024) makes each matrix's update orthogonal; its
    rate is adjusted so that the same `lr` suits both. Frozen weights are left out. Optimisers, groups and parameters
    follow the order of the network: a resumed run finds their states by position.

    precision: of the products of the forward pass, and of Muon's own where that is bfloat16.

    Raises TrainingError if nothing is to be trained.
    """
    trained = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    if not trained:
        raise TrainingError("All weights of this network are frozen; there is nothing to train.")
    if config.public_recipe:
        everything = [{"params": [parameter for _, parameter in trained]}]
        return [_adamw(everything, config.lr, (0.9, 0.999), 0.01)]
    matrices, decayed, plain = [], [], []
    for name, parameter in trained:
        inside = name.startswith("layers.")
        if inside and is_linear(name, parameter.dim()):
            (matrices if config.optimizer == "muon" else decayed).append(parameter)
        elif parameter.dim() == 2 and name == "head.weight" and not network.config.tie_embeddings:
            decayed.append(parameter)
        else:
            plain.append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    optimizers: list[torch.optim.Optimizer] = [_adamw(groups, config.lr, (0.9, config.beta2), 0.0)] if groups else []
    if matrices:
        optimizers.append(Muon(matrices, config.lr, config.weight_decay, precision))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def _adamw(groups: list[dict], lr: float, betas: tuple[float, float], weight_decay: float) -> torch.optim.AdamW:
    optimizer = torch.optim.AdamW(groups, lr=lr, betas=betas, eps=1e-8, weight_decay=weight_decay, fused=True)
    for group in optimizer.param_groups:
        group["peak_lr"] = lr
    return optimizer
