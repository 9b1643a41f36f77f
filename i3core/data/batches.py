"""Rows to batches: which rows an epoch shows in which order, and a batch as arrays.

Rows of similar length form a batch, so little is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DataError
from .token_dataset import TokenDataset, frozen_random

IGNORED = -1  # target of a token that is not learned
_POOL = 16384  # rows that are sorted by length together; few enough that batches stay mixed


@dataclass(frozen=True)
class WeightedDataset:
    """Rows of one source and how often an epoch shows each."""

    rows: TokenDataset
    weight: float = 1.0


class EpochPlan(Sequence):
    """The batches of one epoch, each a list of (set, row). Holds a few bytes a row.

    A row of set s is kept as the one number first[s] + row.
    """

    def __init__(self, first: np.ndarray, items: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> None:
        self._first, self._items, self._begins, self._ends = first, items, begins, ends

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, index: int) -> list[tuple[int, int]]:
        items = self._items[self._begins[index] : self._ends[index]]
        return _set_and_row(self._first, items)


def _set_and_row(first: np.ndarray, items: np.ndarray) -> list[tuple[int, int]]:
    sets = np.searchsorted(first, items, side="right") - 1
    return list(zip(sets.tolist(), (items - first[sets]).tolist(), strict=True))


def _first_numbers(sets: Sequence[TokenDataset]) -> tuple[np.ndarray, type]:
    """Where each set's rows start when all are numbered through, and the type that holds such a number.

    A set without rows shares its start with the next; looking up a number finds the last of them, the one with rows.
    """
    ends = np.cumsum([0, *map(len, sets)])
    return ends[:-1], np.int32 if ends[-1] < 2**31 else np.int64


def plan_epoch(
    sets: Sequence[WeightedDataset], tokens_per_batch: int, seed: int, epoch: int, shuffle: bool = True
) -> EpochPlan:
    """The batches of one epoch, each at most `tokens_per_batch` with padding (but always one row).

    Depends on its arguments alone, so a resumed run sees the very same batches. Without `shuffle` rows keep the order
    of their files, and a batch is as many of the next as fit.
    """
    random = frozen_random(f"{seed}/{epoch}")
    first, kind = _first_numbers([part.rows for part in sets])
    chosen = []
    for start, part in zip(first, sets, strict=True):
        whole, share = divmod(part.weight, 1)
        numbers = np.arange(start, start + len(part.rows), dtype=kind)
        chosen += [numbers] * int(whole)
        if count := round(len(numbers) * share):
            picked = random.permutation(len(numbers))[:count]
            chosen.append(numbers[picked if shuffle else np.sort(picked)])
    items = np.concatenate([*chosen, np.zeros(0, dtype=kind)])
    del chosen
    if not len(items):
        raise DataError("The weights of the data files leave nothing to learn from.", "Raise the weights.")
    all_lengths = np.concatenate([part.rows.lengths for part in sets])
    if shuffle:
        random.shuffle(items)
        begins = _sorted_batches(items, all_lengths, tokens_per_batch)
    else:
        begins = np.fromiter(_ordered_batches(items, all_lengths, tokens_per_batch), dtype=np.int64)
    ends = np.append(begins[1:], len(items))
    if shuffle:
        order = random.permutation(len(begins))
        begins, ends = begins[order], ends[order]
    return EpochPlan(first, items, begins, ends)


def _sorted_batches(items: np.ndarray, all_lengths: np.ndarray, tokens_per_batch: int) -> np.ndarray:
    """Sorts each pool of `items` in place, longest first, and tells where batches begin."""
    begins = []
    for start in range(0, len(items), _POOL):
        pool = items[start : start + _POOL]
        lengths = all_lengths[pool]
        order = np.argsort(-lengths, kind="stable")
        pool[:] = pool[order]
        widths = padded_width(lengths[order] - 1).tolist()
        at = 0
        while at < len(pool):
            begins.append(start + at)
            at += max(1, tokens_per_batch // widths[at])
    return np.array(begins, dtype=np.int64)


def _ordered_batches(items: np.ndarray, all_lengths: np.ndarray, tokens_per_batch: int) -> Iterator[int]:
    count = width = 0
    for start in range(0, len(items), _POOL):
        widths = padded_width(all_lengths[items[start : start + _POOL]] - 1).tolist()
        for place, needed in enumerate(widths, start):
            width, count = max(width, needed), count + 1
            if count == 1 or width * count > tokens_per_batch:
                yield place
                width, count = needed, 1


def choose_sequences(sets: Sequence[TokenDataset], tokens: int, seed: int) -> list[tuple[int, int]]:
    """(set, row) of a sample of rows with together about `tokens` tokens (at least a row, if there is one), by length.

    Depends on its arguments alone, so that evaluations of a run can be compared.
    """
    first, kind = _first_numbers(sets)
    lengths = np.concatenate([rows.lengths for rows in sets]) if sets else np.zeros(0, dtype=kind)
    items = np.arange(len(lengths), dtype=kind)
    frozen_random(f"evaluation/{seed}").shuffle(items)
    items = items[: tokens // 2 + 1]  # no row is shorter than 2
    items = items[: max(1, int(np.searchsorted(np.cumsum(lengths[items]), tokens, side="right")))]
    return _set_and_row(first, items[np.argsort(lengths[items], kind="stable")])


def padded_width(length):
    """Width of the batch that holds rows of `length` (a number or an array): few different widths, so that kernels and
    memory are reused."""
    return -(-length // 32) * 32


def make_batch(
    sets: Sequence[WeightedDataset], items: Sequence[tuple[int, int]], assistant_only: bool, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """ids and targets, both (rows, width) int64; targets are IGNORED where nothing is learned."""
    rows = [sets[number].rows.row(row) for number, row in items]
    width = min(window, padded_width(max(len(ids) for ids, _ in rows) - 1))
    inputs = np.zeros((len(rows), width), dtype=np.int64)
    targets = np.full((len(rows), width), IGNORED, dtype=np.int64)
    for i, (ids, assistant) in enumerate(rows):
        inputs[i, : len(ids) - 1] = ids[:-1]
        learned = ids[1:].astype(np.int64)
        if assistant_only:
            learned[~assistant[1:]] = IGNORED
        targets[i, : len(ids) - 1] = learned
    return inputs, targets
