"""From logits to the next token: small pure filters, then one draw.

A filter takes and returns logits of candidates, float32; a token that may not be chosen has the logit -inf. The
likeliest token always survives.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..text.tokenizer import UNK_ID
from .config import SamplingConfig

PENALTY_SPAN = 64  # how many of the last tokens count as repetition


def forbid(logits: Tensor, ids: Sequence[int]) -> Tensor:
    """Exclude `ids`."""
    logits = logits.clone()
    logits[list(ids)] = -torch.inf
    return logits


def penalise_repetition(logits: Tensor, recent: Sequence[int], penalty: float) -> Tensor:
    """Divide positive logits of `recent` tokens by `penalty`, multiply negative ones (CTRL, Keskar et al. 2019)."""
    if penalty == 1 or not recent:
        return logits
    index = torch.tensor(sorted(set(recent)), device=logits.device)
    chosen = logits[index]
    return logits.index_copy(0, index, torch.where(chosen > 0, chosen / penalty, chosen * penalty))


def penalise_counts(logits: Tensor, reply: Sequence[int], frequency: float, presence: float) -> Tensor:
    """Subtract `presence`, and `frequency` for each occurrence, from tokens of `reply` (OpenAI API)."""
    if not reply or frequency == presence == 0:
        return logits
    counts = torch.bincount(torch.tensor(reply, device=logits.device), minlength=logits.numel())
    return logits - frequency * counts - presence * (counts > 0)


def top_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The logits of exactly k tokens (ties in the order of torch.topk) and their ids, ascending; 0 keeps all."""
    if k == 0 or k >= logits.numel():
        return logits, torch.arange(logits.numel())
    ids = logits.topk(k).indices.sort().values
    return logits[ids], ids


def keep_top_p(logits: Tensor, p: float) -> Tensor:
    """Keep the fewest likeliest tokens whose probabilities sum to at least p (nucleus, Holtzman et al. 2020)."""
    if p >= 1:
        return logits
    ordered, index = logits.sort(descending=True, stable=True)
    probabilities = ordered.softmax(0)
    before = probabilities.cumsum(0) - probabilities
    ordered = ordered.masked_fill(before >= p, -torch.inf)
    return torch.empty_like(logits).index_copy(0, index, ordered)


def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """Drop tokens whose probability is below `min_p` times that of the likeliest (Nguyen et al. 2024)."""
    if min_p <= 0:
        return logits
    return logits.masked_fill(logits < logits.max() + torch.log(torch.tensor(min_p)), -torch.inf)


def candidates(
    logits: Tensor,
    recent: Sequence[int],
    config: SamplingConfig,
    forbidden: Sequence[int] = (),
    reply: Sequence[int] = (),
) -> tuple[Tensor, Tensor]:
    """The logits after temperature and all filters of `config`, and the ids they belong to, ascending.

    Top-k comes first, so that the other filters look at k tokens and not at the whole vocabulary.
    recent: the last tokens of prompt and reply. reply: the tokens of the reply so far.
    """
    forbidden = [*forbidden] if config.allow_unk else [UNK_ID, *forbidden]
    logits = forbid(logits, forbidden) if forbidden else logits
    logits = penalise_repetition(logits, recent[-PENALTY_SPAN:], config.repetition_penalty)
    logits = penalise_counts(logits, reply, config.frequency_penalty, config.presence_penalty)
    logits, ids = top_k(logits, config.top_k)
    if config.temperature > 0:  # the largest becomes 0, so that a tiny temperature cannot overflow
        logits = (logits - logits.max()) / max(config.temperature, 1e-6)
    return keep_min_p(keep_top_p(logits, config.top_p), config.min_p), ids


def uniform(seed: int, index: int) -> float:
    """A number from 0 to below 1 that depends only on the seed and the token's index in the reply.

    So a reply that is continued draws as it would have without the break. The finaliser is that of SplitMix64 (Steele
    et al. 2014), once for the seed and once for the index.
    """
    mixed = _mix(_mix(seed) + index)
    return (mixed >> 16) / 2**48


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) % 2**64
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
    return value ^ value >> 31


def choose(
    logits: Tensor,
    recent: Sequence[int],
    config: SamplingConfig,
    draw: float,
    forbidden: Sequence[int] = (),
    reply: Sequence[int] = (),
) -> int:
    """Choose the next token: the likeliest at temperature 0, else where the summed probabilities pass `draw`.

    draw: from 0 to below 1, uniformly distributed.
    """
    logits, ids = candidates(logits.float().cpu(), recent, config, forbidden, reply)
    if config.temperature == 0:
        return int(ids[logits.argmax()])
    sums = logits.double().softmax(0).cumsum(0)
    return int(ids[torch.searchsorted(sums, draw * sums[-1], right=True)])
