"""Split the sources of a run into training and validation, so that nothing held out is trained on.

Nearly equal documents (see `fingerprints`) are on one side, in whatever source they are. If a reply has several
questions, some of these are held out: new words for something that is learned. Otherwise all questions of a reply are
on one side. Nothing that occurs only once is held out of very little chat data, because the model should know it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .fingerprints import record_keys
from .token_dataset import TokenDataset, frozen_random

SEVERAL = 2  # questions of one reply, of which one can be held out
MOST_HELD = 3  # of more than two, at most one in so many is
_FEW_SEQUENCES = 20  # of text; from fewer, nothing is held out


@dataclass(frozen=True)
class Split:
    """Training and validation parts of the same datasets, in their order.

    Attributes:
        repeated: documents that are nearly equal to an earlier one.
        shared: pairs of datasets that have documents in common, and how many of the second are in the first.
    """

    training: list[TokenDataset]
    validation: list[TokenDataset]
    repeated: int
    shared: tuple[tuple[int, int, int], ...]


class _Documents:
    """The documents of several datasets, one after the other; each array has an entry for each of them."""

    def __init__(self, datasets: Sequence[TokenDataset]) -> None:
        keys, replies, starts, counts, owner = [], [], [], [], []
        first_sequence = 0
        for number, dataset in enumerate(datasets):
            first = np.flatnonzero(np.diff(dataset.documents, prepend=-1))
            question, reply = (part[first] for part in dataset.fingerprints)
            keys.append(record_keys(question, reply))
            replies.append(reply)
            starts.append(first + first_sequence)
            counts.append(np.diff(first, append=len(dataset)))
            owner.append(np.full(len(first), number))
            first_sequence += len(dataset)
        self.keys, self.replies = np.concatenate(keys), np.concatenate(replies)
        self.starts, self.counts, self.owner = np.concatenate(starts), np.concatenate(counts), np.concatenate(owner)


def split(datasets: Sequence[TokenDataset], share: float, seed: str) -> Split:
    """Hold out about `share` of what each kind of data has, chosen by `seed`; see above.

    At least 8 wordings, or documents of text, but no more than a fifth. If there are few but long texts, their last
    sequences are held out.
    """
    documents = _Documents(datasets)
    unique, first, inverse = np.unique(documents.keys, return_index=True, return_inverse=True)
    random = frozen_random(seed)
    held = np.zeros(len(unique), dtype=bool)
    replies = documents.replies[first]
    held[replies != 0] = _held_conversations(replies[replies != 0], share, random)
    texts = np.flatnonzero(replies == 0)
    tails = share > 0 and 0 < len(texts) < _FEW_SEQUENCES
    if share > 0 and not tails:
        held[random.permutation(texts)[: _count(len(texts), share)]] = True
    mask = np.repeat(held[inverse], documents.counts)
    if tails:
        _hold_tails(mask, documents, replies[inverse] == 0, inverse, share)
    bounds = np.cumsum([0, *map(len, datasets)])
    parts = [mask[start:end] for start, end in pairwise(bounds)]
    return Split(
        [dataset.subset(~part) for dataset, part in zip(datasets, parts, strict=True)],
        [dataset.subset(part) for dataset, part in zip(datasets, parts, strict=True)],
        len(documents.keys) - len(unique),
        _shared(documents, len(datasets)),
    )


def _count(count: int, share: float) -> int:
    return min(count - 1, max(1, round(count * share), min(8, count // 5))) if count > 1 else 0


def _held_conversations(replies: np.ndarray, share: float, random: np.random.RandomState) -> np.ndarray:
    """Which of these conversations, all different, are held out; by the fingerprint of their last reply."""
    held = np.zeros(len(replies), dtype=bool)
    if share <= 0 or not len(replies):
        return held
    _, group, sizes = np.unique(replies, return_inverse=True, return_counts=True)
    shuffled = random.permutation(len(replies))
    rank = np.empty(len(replies), dtype=np.int64)  # place of a conversation in its group
    by_group = shuffled[np.argsort(group[shuffled], kind="stable")]
    ends = np.cumsum(sizes)
    rank[by_group] = np.arange(len(replies)) - np.repeat(ends - sizes, sizes)
    many = sizes[group] >= SEVERAL
    offered = shuffled[(many & (rank < np.maximum(1, sizes[group] // MOST_HELD)))[shuffled]]
    wanted = _count(int(many.sum()), share)
    held[offered[np.argsort(rank[offered], kind="stable")][:wanted]] = True
    alone = np.flatnonzero(sizes < SEVERAL)
    alone = random.permutation(alone)
    fitting = np.searchsorted(np.cumsum(sizes[alone]), int((~many).sum() * share), side="right")
    held |= np.isin(group, alone[:fitting])
    return held


def _hold_tails(mask: np.ndarray, documents: _Documents, is_text: np.ndarray, copies: np.ndarray, share: float) -> None:
    """Hold out the last sequences of long texts, the longest first; of copies of a text the same ones."""
    total = int(documents.counts[is_text].sum())
    if total < _FEW_SEQUENCES:
        return
    left = _count(total, share)
    done: dict[int, int] = {}
    for number in np.argsort(-documents.counts, kind="stable"):
        if is_text[number]:
            count = int(documents.counts[number])
            taken = done.setdefault(int(copies[number]), min(left, count // 2))
            end = int(documents.starts[number]) + count
            mask[end - taken : end] = True
            left = max(0, left - taken)


def _shared(documents: _Documents, count: int) -> tuple[tuple[int, int, int], ...]:
    """(earlier dataset, dataset, documents of the second that are in the first) where there are any."""
    found = []
    for later in range(1, count):
        for earlier in range(later):
            mine = documents.keys[documents.owner == later]
            common = int(np.isin(mine, documents.keys[documents.owner == earlier]).sum())
            if common:
                found.append((earlier, later, common))
                break
    return tuple(found)


def without(datasets: Sequence[TokenDataset], others: Sequence[TokenDataset]) -> tuple[list[TokenDataset], int, int]:
    """The documents of `datasets` that are not in `others`; how many are, and how many there were."""
    unwanted = np.unique(np.concatenate([record_keys(*other.fingerprints) for other in others]))
    parts, removed, total = [], 0, 0
    for dataset in datasets:
        known = np.isin(record_keys(*dataset.fingerprints), unwanted)
        total += len(np.unique(dataset.documents))
        removed += len(np.unique(dataset.documents[known]))
        parts.append(dataset.subset(~known))
    return parts, removed, total
