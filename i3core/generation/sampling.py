"""From logits to the next token: small pure filters, then one draw. Imports no torch: numpy's calls cost a tenth.

A filter takes and returns logits of candidates, (C,) float32; a token that may not be chosen has the logit -inf. The
likeliest token always survives; of equal ones, those with the lower ids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..text.tokenizer import UNK_ID
from .config import SamplingConfig

PENALTY_SPAN = 64  # how many of the last tokens count as repetition

Array: TypeAlias = "np.ndarray"


def forbid(logits: Array, ids: Sequence[int]) -> Array:
    """Exclude `ids`."""
    logits = logits.copy()
    logits[list(ids)] = -np.inf
    return logits


def penalise_repetition(logits: Array, recent: Sequence[int], penalty: float) -> Array:
    """Divide positive logits of `recent` tokens by `penalty`, multiply negative ones (CTRL, Keskar et al. 2019)."""
    if penalty == 1 or not recent:
        return logits
    logits, ids = logits.copy(), list(set(recent))
    chosen = logits[ids]
    logits[ids] = np.where(chosen > 0, chosen / penalty, chosen * penalty)
    return logits


def penalise_counts(logits: Array, reply: Sequence[int], frequency: float, presence: float) -> Array:
    """Subtract `presence`, and `frequency` for each occurrence, from tokens of `reply` (OpenAI API)."""
    if not reply or frequency == presence == 0:
        return logits
    logits, (ids, counts) = logits.copy(), np.unique(reply, return_counts=True)
    logits[ids] -= frequency * counts.astype(np.float32) + np.float32(presence)
    return logits


def top_k(logits: Array, k: int) -> tuple[Array, Array]:
    """The logits of exactly k tokens, and their ids, ascending; 0 keeps all."""
    if k == 0 or k >= len(logits):
        return logits, np.arange(len(logits))
    ids = _likeliest(logits, k, np.partition(logits, -k)[-k])
    return logits[ids], ids


def keep_top_p(logits: Array, p: float) -> Array:
    """Keep the fewest likeliest tokens whose probabilities sum to at least p (nucleus, Holtzman et al. 2020)."""
    if p >= 1:
        return logits
    ordered = np.sort(logits)[::-1]
    weights = np.exp(ordered.astype(np.float64) - ordered[0])
    before = weights.cumsum() - weights
    count = int(np.count_nonzero(before < p * weights.sum()))
    ids = _likeliest(logits, count, ordered[count - 1])
    kept = np.full_like(logits, -np.inf)
    kept[ids] = logits[ids]
    return kept


def keep_min_p(logits: Array, min_p: float) -> Array:
    """Drop tokens whose probability is below `min_p` times that of the likeliest (Nguyen et al. 2024)."""
    if min_p <= 0:
        return logits
    return np.where(logits < logits.max() + np.float32(math.log(min_p)), np.float32(-np.inf), logits)


def _likeliest(logits: Array, count: int, least: np.floating) -> Array:
    """Ids of the `count` largest logits, ascending. least: the smallest of these."""
    ids = (logits >= least).nonzero()[0]
    surplus = len(ids) - count
    return np.delete(ids, (logits[ids] == least).nonzero()[0][-surplus:]) if surplus else ids


def candidates(
    logits: Array,
    recent: Sequence[int],
    config: SamplingConfig,
    forbidden: Sequence[int] = (),
    reply: Sequence[int] = (),
) -> tuple[Array, Array]:
    """The logits after temperature and all filters of `config`, and the ids they belong to, ascending.

    Top-k comes first, so that the other filters look at k tokens and not at the whole vocabulary.
    recent: the last tokens of prompt and reply. reply: the tokens of the reply so far.
    """
    forbidden = [*forbidden] if config.allow_unk else [UNK_ID, *forbidden]
    logits = forbid(logits, forbidden) if forbidden else logits
    logits = penalise_repetition(logits, recent[-PENALTY_SPAN:], config.repetition_penalty)
    logits = penalise_counts(logits, reply, config.frequency_penalty, config.presence_penalty)
    if config.temperature == 0:  # the likeliest token is all that matters
        return top_k(logits, 1)
    logits, ids = top_k(logits, config.top_k)
    # The largest becomes 0, so that a tiny temperature cannot overflow.
    logits = (logits - logits.max()) / np.float32(max(config.temperature, 1e-6))
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
    logits: Array,
    recent: Sequence[int],
    config: SamplingConfig,
    draw: float,
    forbidden: Sequence[int] = (),
    reply: Sequence[int] = (),
) -> int:
    """Choose the next token: the likeliest at temperature 0, else where the summed probabilities pass `draw`.

    logits: (V,) float32. draw: from 0 to below 1, uniformly distributed.
    """
    logits, ids = candidates(logits, recent, config, forbidden, reply)
    if len(ids) == 1:
        return int(ids[0])
    sums = np.exp(logits.astype(np.float64) - logits.max()).cumsum()
    return int(ids[sums.searchsorted(draw * sums[-1], side="right")])


def log_sum_exp(logits: Array) -> Array:
    """The logarithm of the summed exponentials over the last axis, (..., V) -> (...)."""
    most = logits.max(-1, keepdims=True)
    return np.log(np.exp(logits - most).sum(-1)) + most[..., 0]
