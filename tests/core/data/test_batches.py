"""Batches: what an epoch shows, in which order, and a batch by hand."""

import io
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.batches import IGNORED, WeightedDataset, choose_sequences, make_batch, padded_width, plan_epoch
from i3core.data.documents import Document
from i3core.data.token_dataset import DataReport, TokenDataset, TokenDatasetWriter, encode_sequences
from i3core.errors import DataError

EMPTY_REPORT = DataReport("made", {}, 0, 0, 0, 0, 0, 0, 0, (), ())


def stored(sequences):
    """A dataset of these sequences (ids and marks)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.rows")
        with open(path, "wb") as target:
            writer = TokenDatasetWriter(target, io.BytesIO(), 10**6)
            for number, (ids, marks) in enumerate(sequences):
                writer.add(ids, marks, number)
            writer.finish(EMPTY_REPORT)
        return TokenDataset.open(path)


def dataset_of(*lengths):
    """Sequences of these lengths with distinct ids; the first half of each is the user's."""
    ends = np.cumsum(lengths)
    return stored(
        (range(end - n + 1, end + 1), [i >= n // 2 for i in range(n)]) for n, end in zip(lengths, ends, strict=True)
    )


def plain_batches(items, lengths, budget):
    """Neighbours that fit the budget, by the simplest correct code."""
    batches = [[items[0]]]
    for item in items[1:]:
        width = max(padded_width(lengths[i] - 1) for i in [*batches[-1], item])
        if width * (len(batches[-1]) + 1) > budget:
            batches.append([])
        batches[-1].append(item)
    return batches


@given(
    st.lists(st.lists(st.integers(2, 70), min_size=0, max_size=40), min_size=1, max_size=3).filter(any),
    st.integers(1, 6), st.integers(0, 3), st.booleans(),
)  # fmt: skip
def test_epoch_shows_every_sequence_once_within_the_budget(files, batch_size, epoch, shuffle):
    sets = [WeightedDataset(dataset_of(*lengths)) if lengths else WeightedDataset(nothing()) for lengths in files]
    budget = batch_size * 32
    plan = plan_epoch(sets, budget, 7, epoch, shuffle)
    seen = Counter(item for batch in plan for item in batch)
    every = [(n, sequence) for n, lengths in enumerate(files) for sequence in range(len(lengths))]
    assert seen == Counter(every)
    assert len(list(plan)) == len(plan)
    for items in plan:
        ids, _ = make_batch(sets, items, False, 96)
        assert ids.size <= budget or len(items) == 1
    assert list(plan) == list(plan_epoch(sets, budget, 7, epoch, shuffle))
    lengths = {(n, sequence): length for n, part in enumerate(files) for sequence, length in enumerate(part)}
    if not shuffle:
        assert list(plan) == plain_batches(every, lengths, budget)
    else:
        largest = sorted(every, key=lambda item: -lengths[item])
        assert len(plan) == len(plain_batches(largest, lengths, budget))


def nothing():
    return dataset_of(2).subset(np.array([False]))


def test_epochs_and_seeds_differ():
    sets = [WeightedDataset(dataset_of(*[5] * 50))]
    plans = [list(plan_epoch(sets, 40, seed, epoch)) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    assert plans[0] != plans[1] != plans[2] != plans[0]


def test_plan_of_a_seed_never_changes():
    """These numbers must never change: runs that started with them are resumed."""
    sets = [WeightedDataset(dataset_of(*range(20, 60, 4))), WeightedDataset(dataset_of(5, 50), 1.5)]
    expected = [
        [(0, 4), (0, 3)], [(1, 1), (0, 7)], [(0, 6), (0, 5)], [(1, 0)], [(0, 2), (0, 1), (0, 0), (1, 0)],
        [(0, 9), (0, 8)],
    ]  # fmt: skip
    assert list(plan_epoch(sets, 128, 3, 1)) == expected


def test_batches_are_mixed_and_hold_sequences_of_similar_length():
    lengths = [2 + i % 90 for i in range(3000)]
    plan = list(plan_epoch([WeightedDataset(dataset_of(*lengths))], 512, 0, 0))
    spread = [
        max(lengths[sequence] for _, sequence in batch) - min(lengths[sequence] for _, sequence in batch)
        for batch in plan
    ]
    assert np.mean(spread) < 5
    widths = [max(lengths[sequence] for _, sequence in batch) for batch in plan]
    assert abs(np.corrcoef(widths, range(len(widths)))[0, 1]) < 0.15


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("weight", "total"), [(2, 20), (0.3, 3), (2.5, 25)])
def test_weight_says_how_often_sequences_are_shown(weight, total, shuffle):
    plan = plan_epoch([WeightedDataset(dataset_of(*[5] * 10), weight)], 64, 0, 0, shuffle)
    sequences = [sequence for batch in plan for _, sequence in batch]
    counts = Counter(sequences)
    assert counts.total() == total
    assert max(counts.values()) - (min(counts.values()) if weight >= 1 else 0) <= 1
    if not shuffle:
        assert sequences[: min(10, total)] == sorted(sequences[: min(10, total)])


def test_weights_that_leave_no_sequences_raise():
    with pytest.raises(DataError, match="weight"):
        plan_epoch([WeightedDataset(dataset_of(5, 5), 0.01)], 20, 0, 0)


def test_plan_of_many_sequences_is_quick_and_small():
    class Many:
        """As many sequences as 2.5 GB of conversations have; a plan needs only their lengths."""

        lengths = np.tile(np.arange(8, 256, 8, dtype=np.int32), 300_000)[: 2 * 10**6]

        def __len__(self):
            return len(self.lengths)

    start = time.process_time()
    plan = plan_epoch([WeightedDataset(Many())], 16384, 0, 0)
    assert sum(len(plan[i]) for i in range(0, len(plan), 100)) > 0
    assert time.process_time() - start < 5
    assert sum(part.nbytes for part in vars(plan).values()) < 5 * len(Many())


@given(st.lists(st.lists(st.integers(2, 40), min_size=1, max_size=30), max_size=3), st.integers(0, 900))
def test_chosen_sequences_fit_the_budget(files, tokens):
    sets = [dataset_of(*lengths) for lengths in files]
    chosen = choose_sequences(sets, tokens, 5)
    lengths = [files[number][sequence] for number, sequence in chosen]
    assert len(set(chosen)) == len(chosen)
    assert lengths == sorted(lengths)
    assert choose_sequences(sets, tokens, 5) == chosen
    if not files:
        assert chosen == []
    elif tokens >= sum(map(sum, files)):
        assert len(chosen) == sum(map(len, files))
    else:
        assert len(chosen) == 1 or tokens - 40 < sum(lengths) <= tokens


def test_chosen_sequences_depend_on_the_seed():
    sets = [dataset_of(*[5] * 200)]
    first, second = (choose_sequences(sets, 200, seed) for seed in (0, 1))
    assert len(first) == len(second) == 40
    assert first != second
    assert max(sequence for _, sequence in first) > 100


def test_batch_by_hand():
    """Sequences 1 2 3 4 (3 and 4 are the reply) and 5 6 7 (6 and 7 are)."""
    sets = [WeightedDataset(dataset_of(4, 3))]
    ids, targets = make_batch(sets, [(0, 0), (0, 1)], assistant_only=False, window=3)
    assert ids.tolist() == [[1, 2, 3], [5, 6, 0]]
    assert targets.tolist() == [[2, 3, 4], [6, 7, IGNORED]]
    _, targets = make_batch(sets, [(0, 0), (0, 1)], assistant_only=True, window=3)
    assert targets.tolist() == [[IGNORED, 3, 4], [6, 7, IGNORED]]


def test_question_that_fills_the_window_is_truncated_before_its_reply(model):
    """The start of the question is dropped; the complete reply is learned."""
    messages = ({"role": "user", "content": "the " * 90}, {"role": "assistant", "content": "cat"})
    question, reply = model.template.encode_turns(messages)
    dropped = []
    [(ids, marks)] = encode_sequences(Document(messages=messages), model.template, 16, dropped.append)
    kept = 17 - 1 - len(reply)
    assert ids == [question[0], *question[-kept:], *reply]
    assert dropped == [len(question) + len(reply) - 17]
    dataset = stored([(ids, marks)])
    _, targets = make_batch([WeightedDataset(dataset)], [(0, 0)], assistant_only=True, window=16)
    assert targets[targets != IGNORED].tolist() == reply[1:]
