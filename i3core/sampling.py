"""Logits to the next token: small pure filters, then one draw.

Every filter takes and returns logits (V,), float32; a token that may not be chosen has the logit -inf. The likeliest
token always survives.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .settings import SamplingConfig
from .tokenizer import UNK_ID

PENALTY_SPAN = 64  # how many of the last tokens count as repetition


def forbid(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Excludes `ids`."""
    logits = logits.clone()
    logits[list(ids)] = -torch.inf
    return logits


def penalise_repetition(logits: Tensor, recent: Sequence[int], penalty: float) -> Tensor:
    """Divides positive logits of `recent` tokens by `penalty`, multiplies negative ones (CTRL, Keskar et al. 2019)."""
    if penalty == 1 or not recent:
        return logits
    index = torch.tensor(sorted(set(recent)), device=logits.device)
    chosen = logits[index]
    return logits.index_copy(0, index, torch.where(chosen > 0, chosen / penalty, chosen * penalty))


def keep_top_k(logits: Tensor, k: int) -> Tensor:
    """Keeps exactly k tokens (ties go to the lower ids' order of torch.topk); 0 keeps all."""
    if k == 0 or k >= logits.numel():
        return logits
    values, index = logits.topk(k)
    return torch.full_like(logits, -torch.inf).index_copy(0, index, values)


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keeps the fewest likeliest tokens whose probabilities sum to at least p (nucleus, Holtzman et al. 2020)."""
    if p >= 1:
        return logits
    ordered, index = logits.sort(descending=True, stable=True)
    probabilities = ordered.softmax(0)
    before = probabilities.cumsum(0) - probabilities
    ordered = ordered.masked_fill(before >= p, -torch.inf)
    return torch.empty_like(logits).index_copy(0, index, ordered)


def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """Drops tokens whose probability is below `min_p` times that of the likeliest (Nguyen et al. 2024)."""
    if min_p <= 0:
        return logits
    return logits.masked_fill(logits < logits.max() + torch.log(torch.tensor(min_p)), -torch.inf)


def filtered(logits: Tensor, recent: Sequence[int], config: SamplingConfig, forbidden: Sequence[int] = ()) -> Tensor:
    """The logits after all filters of `config`, before temperature is undone by the draw."""
    forbidden = [*forbidden] if config.allow_unk else [UNK_ID, *forbidden]
    logits = forbid(logits, forbidden) if forbidden else logits
    logits = penalise_repetition(logits, recent[-PENALTY_SPAN:], config.repetition_penalty)
    if config.temperature > 0:  # the largest becomes 0, so that a tiny temperature cannot overflow
        logits = (logits - logits.max()) / max(config.temperature, 1e-6)
    logits = keep_top_k(logits, config.top_k)
    logits = keep_top_p(logits, config.top_p)
    return keep_min_p(logits, config.min_p)


def choose(
    logits: Tensor,
    recent: Sequence[int],
    config: SamplingConfig,
    generator: torch.Generator,
    forbidden: Sequence[int] = (),
) -> int:
    """The next token. Temperature 0 takes the likeliest; otherwise one draw from `generator` (a CPU generator)."""
    logits = filtered(logits.float().cpu(), recent, config, forbidden)
    if config.temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial(logits.softmax(0), 1, generator=generator))
