"""Compose the rows of an epoch from several records, and mix in conversations to be kept in mind (replay).

A model that sees each record alone, at the start of the window, does not know it in the middle of a conversation. So
single exchanges are put together to conversations, in another order each epoch. A conversation of several exchanges
stays whole; text and conversations with a system prompt stand alone. A plan holds a few bytes a sequence and depends
on its arguments alone, as that of `batches`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from ..text.chat_template import ChatTemplate
from .batches import POOL, Item, WeightedDataset, as_arrays, first_numbers, padded_width, unpack, weighted_items
from .token_dataset import frozen_random
from .variation import varied

Row = tuple[Item, ...]  # the sequences of a row, in order


@dataclass(frozen=True)
class Composition:
    """How rows are composed.

    Attributes:
        exchanges: most exchanges of a row that is composed of several sequences; 1 composes nothing.
        replay: datasets to be replayed; they are numbered after those of the training data.
        replay_share: of the tokens of an epoch, at least 0 and below 1.
        template: to vary the user's turns of the training data; None to leave them as they are.
        own_way: whether the training data is everyday talk itself, answered in its own way.
    """

    exchanges: int = 1
    replay: tuple[WeightedDataset, ...] = ()
    replay_share: float = 0.0
    template: ChatTemplate | None = None
    own_way: bool = False


class ComposedPlan(Sequence[list[Row]]):
    """The batches of one epoch, each a list of rows.

    Row r is items[row_starts[r] : row_starts[r + 1]], batch b the rows from starts[b] to ends[b].
    """

    def __init__(
        self, first: np.ndarray, items: np.ndarray, row_starts: np.ndarray, starts: np.ndarray, ends: np.ndarray
    ) -> None:
        self._first, self._items, self._row_starts = first, items, row_starts
        self._starts, self._ends = starts, ends

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> list[Row]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[Row]]: ...
    def __getitem__(self, index: int | slice) -> list[Row] | list[list[Row]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        bounds = self._row_starts[self._starts[index] : self._ends[index] + 1]
        items = unpack(self._first, self._items[bounds[0] : bounds[-1]])
        return [tuple(items[a:b]) for a, b in zip(bounds[:-1] - bounds[0], bounds[1:] - bounds[0], strict=True)]


def plan_composed(
    datasets: Sequence[WeightedDataset],
    composition: Composition,
    tokens_per_batch: int,
    window: int,
    seed: int,
    epoch: int,
) -> ComposedPlan:
    """Plan the batches of one epoch: all of `datasets` by their weights, and the share of replay.

    A row has at most window + 1 ids; a batch at most `tokens_per_batch` tokens with padding, but at least one row.
    """
    random = frozen_random(f"composed/{seed}/{epoch}")
    parts = [*datasets, *composition.replay]
    first, dtype = first_numbers([part.sequences for part in parts])
    lengths = np.concatenate([part.sequences.lengths for part in parts])
    exchanges = np.concatenate([part.sequences.exchanges for part in parts])
    items = weighted_items(datasets, first[: len(datasets)], dtype, random, True)
    if composition.replay and composition.replay_share > 0:
        start = int(sum(len(part.sequences) for part in datasets))
        tokens = int(lengths[items].sum(dtype=np.int64))
        wanted = round(tokens * composition.replay_share / (1 - composition.replay_share))
        items = np.concatenate([items, start + _drawn(lengths[start:], wanted, random).astype(dtype)])
    random.shuffle(items)
    row_starts, starts = [], []
    for begin in range(0, len(items), POOL):
        pool = items[begin : begin + POOL]
        pool_starts = _rows_of_pool(pool, lengths, exchanges, composition.exchanges, window + 1, random)
        widths = padded_width(np.add.reduceat(lengths[pool], pool_starts) - 1).tolist()
        first_row = sum(map(len, row_starts))
        row_starts.append(pool_starts + begin)
        position = 0
        while position < len(widths):
            starts.append(first_row + position)
            position += max(1, tokens_per_batch // widths[position])
    all_rows = np.append(np.concatenate(row_starts), len(items))
    begins = np.array(starts, dtype=np.int64)
    ends = np.append(begins[1:], len(all_rows) - 1)
    order = random.permutation(len(begins))
    return ComposedPlan(first, items, all_rows, begins[order], ends[order])


def _drawn(lengths: np.ndarray, tokens: int, random: np.random.RandomState) -> np.ndarray:
    """Numbers of sequences with about `tokens` tokens in all: whole shuffles of them, then a part of one."""
    total = int(lengths.sum(dtype=np.int64))
    whole, rest = divmod(tokens, max(1, total))
    shuffled = random.permutation(len(lengths))
    count = int(np.searchsorted(np.cumsum(lengths[shuffled]), rest, side="right")) + (rest > 0)
    return np.concatenate([np.tile(np.arange(len(lengths)), whole), shuffled[:count]])


def _rows_of_pool(
    pool: np.ndarray,
    lengths: np.ndarray,
    exchanges: np.ndarray,
    most: int,
    limit: int,
    random: np.random.RandomState,
) -> np.ndarray:
    """Put the sequences of `pool` together to rows, in place, longest row first; return where rows start.

    A row gets 1 to `most` exchanges, each number equally often, if there is room for them in `limit` ids.
    """
    single = exchanges[pool] == 0
    pool[:] = np.concatenate([pool[~single], pool[single]])
    wanted = random.randint(1, most + 1, size=len(pool)).tolist()
    starts = []
    count = size = room = 0
    for number, (length, added) in enumerate(zip(lengths[pool].tolist(), exchanges[pool].tolist(), strict=True)):
        if added and count and count + added <= room and size + length <= limit:
            count, size = count + added, size + length
        else:
            starts.append(number)
            count, size, room = added, length, wanted[number]
    rows = np.array(starts, dtype=np.int64)
    counts = np.diff(rows, append=len(pool))
    order = np.argsort(-np.add.reduceat(lengths[pool], rows), kind="stable")
    ends = np.cumsum(counts[order])
    pool[:] = pool[np.arange(len(pool)) + np.repeat(rows[order] - (ends - counts[order]), counts[order])]
    return ends - counts[order]


def composed_batch(
    datasets: Sequence[WeightedDataset],
    composition: Composition,
    rows: Sequence[Row],
    assistant_only: bool,
    window: int,
    seed: str,
) -> tuple[np.ndarray, np.ndarray]:
    """ids and targets of a batch of rows; see `make_batch`. The user's turns are varied by `seed`."""
    parts = [*datasets, *composition.replay]
    random = frozen_random(f"variation/{seed}/{rows}") if composition.template else None
    whole = [[parts[number].sequences.sequence(index) for number, index in row] for row in rows]
    limit = min(window, padded_width(max(sum(len(ids) for ids, _ in row) for row in whole) - 1)) + 1
    sequences = []
    for row, pieces in zip(rows, whole, strict=True):
        spare = limit - sum(len(ids) for ids, _ in pieces)
        if composition.template is not None and random is not None:
            for place, (number, _) in enumerate(row):
                if number < len(datasets):  # not of the replay
                    changed = varied(composition.template, *pieces[place], random, spare)
                    spare -= len(changed[0]) - len(pieces[place][0])
                    pieces[place] = changed
        sequences.append(tuple(np.concatenate(columns) for columns in zip(*pieces, strict=True)))
    return as_arrays(sequences, assistant_only, window)
