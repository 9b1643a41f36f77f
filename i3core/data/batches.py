"""Plan the batches of an epoch and build a batch as arrays.

Sequences of similar length form a batch, so that little is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from ..errors import DataError
from ..text.tokenizer import UNK_ID
from .token_dataset import TokenDataset, frozen_random

IGNORED = -1  # target of a token that is not learned
POOL = 16384  # sequences that are sorted by length together; few enough that batches stay mixed

Item = tuple[int, int]  # (dataset, sequence)


@dataclass(frozen=True)
class WeightedDataset:
    """Sequences of one source and how often an epoch shows each."""

    sequences: TokenDataset
    weight: float = 1.0


class EpochPlan(Sequence[list[Item]]):
    """The batches of one epoch, each a list of (dataset, sequence). Holds a few bytes a sequence.

    A sequence of dataset d is stored as the one number first[d] + sequence.
    """

    def __init__(self, first: np.ndarray, items: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        self._first, self._items, self._starts, self._ends = first, items, starts, ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> list[Item]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[Item]]: ...
    def __getitem__(self, index: int | slice) -> list[Item] | list[list[Item]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return unpack(self._first, self._items[self._starts[index] : self._ends[index]])


def unpack(first: np.ndarray, items: np.ndarray) -> list[Item]:
    """Numbers of `first_numbers` as (dataset, sequence)."""
    datasets = np.searchsorted(first, items, side="right") - 1
    return list(zip(datasets.tolist(), (items - first[datasets]).tolist(), strict=True))


def first_numbers(datasets: Sequence[TokenDataset]) -> tuple[np.ndarray, type]:
    """Number all sequences consecutively: the first number of each dataset, and a dtype.

    An empty dataset shares its first number with the next; `unpack` finds the last of them, the one with sequences.
    """
    ends = np.cumsum([0, *map(len, datasets)])
    return ends[:-1], np.int32 if ends[-1] < 2**31 else np.int64


def weighted_items(
    datasets: Sequence[WeightedDataset], first: np.ndarray, dtype: type, random: np.random.RandomState, shuffle: bool
) -> np.ndarray:
    """The numbers of all sequences of an epoch, each as often as its weight says; a part of a weight at random.

    Raises DataError if the weights leave nothing.
    """
    chosen = []
    for start, part in zip(first, datasets, strict=True):
        whole, share = divmod(part.weight, 1)
        numbers = np.arange(start, start + len(part.sequences), dtype=dtype)
        chosen += [numbers] * int(whole)
        if count := round(len(numbers) * share):
            picked = random.permutation(len(numbers))[:count]
            chosen.append(numbers[picked if shuffle else np.sort(picked)])
    items = np.concatenate([*chosen, np.zeros(0, dtype=dtype)])
    if not len(items):
        raise DataError("The weights of the data files leave nothing to learn from.", "Raise the weights.")
    return items


def plan_epoch(
    datasets: Sequence[WeightedDataset], tokens_per_batch: int, seed: int, epoch: int, shuffle: bool = True
) -> EpochPlan:
    """Plan the batches of one epoch.

    A batch has at most `tokens_per_batch` tokens including padding, but at least one sequence.

    Depends on its arguments alone, so that a resumed run sees the very same batches. Without `shuffle` sequences keep
    the order of their files, and a batch is as many of the next as fit.
    """
    random = frozen_random(f"{seed}/{epoch}")
    first, dtype = first_numbers([part.sequences for part in datasets])
    items = weighted_items(datasets, first, dtype, random, shuffle)
    all_lengths = np.concatenate([part.sequences.lengths for part in datasets])
    if shuffle:
        random.shuffle(items)
        starts = _sorted_batches(items, all_lengths, tokens_per_batch)
    else:
        starts = np.fromiter(_ordered_batches(items, all_lengths, tokens_per_batch), dtype=np.int64)
    ends = np.append(starts[1:], len(items))
    if shuffle:
        order = random.permutation(len(starts))
        starts, ends = starts[order], ends[order]
    return EpochPlan(first, items, starts, ends)


def _sorted_batches(items: np.ndarray, all_lengths: np.ndarray, tokens_per_batch: int) -> np.ndarray:
    """Sort each pool of `items` in place, longest first; return where batches start."""
    starts = []
    for start in range(0, len(items), POOL):
        pool = items[start : start + POOL]
        lengths = all_lengths[pool]
        order = np.argsort(-lengths, kind="stable")
        pool[:] = pool[order]
        widths = padded_width(lengths[order] - 1).tolist()
        position = 0
        while position < len(pool):
            starts.append(start + position)
            position += max(1, tokens_per_batch // widths[position])
    return np.array(starts, dtype=np.int64)


def _ordered_batches(items: np.ndarray, all_lengths: np.ndarray, tokens_per_batch: int) -> Iterator[int]:
    count = width = 0
    for start in range(0, len(items), POOL):
        widths = padded_width(all_lengths[items[start : start + POOL]] - 1).tolist()
        for position, needed in enumerate(widths, start):
            width, count = max(width, needed), count + 1
            if count == 1 or width * count > tokens_per_batch:
                yield position
                width, count = needed, 1


def choose_sequences(datasets: Sequence[TokenDataset], tokens: int, seed: int) -> list[Item]:
    """Sample sequences with about `tokens` tokens in total, sorted by length.

    At least one, if there are any. Depends on its arguments alone, so that evaluations of a run can be compared.
    """
    first, dtype = first_numbers(datasets)
    lengths = np.concatenate([part.lengths for part in datasets]) if datasets else np.zeros(0, dtype=dtype)
    items = np.arange(len(lengths), dtype=dtype)
    frozen_random(f"evaluation/{seed}").shuffle(items)
    items = items[: tokens // 2 + 1]  # no sequence is shorter than 2
    items = items[: max(1, int(np.searchsorted(np.cumsum(lengths[items]), tokens, side="right")))]
    return unpack(first, items[np.argsort(lengths[items], kind="stable")])


@overload
def padded_width(length: int) -> int: ...
@overload
def padded_width(length: np.ndarray) -> np.ndarray: ...
def padded_width(length: int | np.ndarray) -> int | np.ndarray:
    """Round lengths up to a multiple of 32: few different widths, so that kernels and memory are reused."""
    return -(-length // 32) * 32


def make_batch(
    datasets: Sequence[WeightedDataset], items: Sequence[Item], assistant_only: bool, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """ids and targets, both (sequences, width) int64; targets are IGNORED where nothing is learned, as at `<UNK>`."""
    return as_arrays([datasets[number].sequences.sequence(index) for number, index in items], assistant_only, window)


def as_arrays(
    sequences: Sequence[tuple[np.ndarray, np.ndarray]], assistant_only: bool, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """ids and targets of these ids and marks; see `make_batch`."""
    width = min(window, padded_width(max(len(ids) for ids, _ in sequences) - 1))
    inputs = np.zeros((len(sequences), width), dtype=np.int64)
    targets = np.full((len(sequences), width), IGNORED, dtype=np.int64)
    for i, (ids, assistant) in enumerate(sequences):
        inputs[i, : len(ids) - 1] = ids[:-1]
        learned = ids[1:].astype(np.int64)
        if assistant_only:
            learned[~assistant[1:]] = IGNORED
        learned[learned == UNK_ID] = IGNORED
        targets[i, : len(ids) - 1] = learned
    return inputs, targets
