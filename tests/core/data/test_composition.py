"""Rows composed from several records, with replay, and varied questions."""

import io
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.batches import WeightedDataset
from i3core.data.composition import Composition, composed_batch, plan_composed
from i3core.data.documents import Document
from i3core.data.token_dataset import DataReport, TokenDataset, TokenDatasetWriter, encode_sequences
from i3core.data.variation import ENDINGS, GREETINGS, other_wordings, reworded
from i3core.system import assets

EMPTY_REPORT = DataReport("made", {}, 0, 0, 0, 0, 0, 0, 0, (), ())
WINDOW = 60


def stored(sequences):
    """A dataset of (ids, marks, composable)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.rows")
        with open(path, "wb") as target:
            writer = TokenDatasetWriter(target, io.BytesIO(), 10**6)
            for number, (ids, marks, composable) in enumerate(sequences):
                writer.add(ids, marks, number, (number + 1, number + 1), composable)
            writer.finish(EMPTY_REPORT)
        return TokenDataset.open(path)


def chat(model, pairs):
    """A dataset of conversations, each a list of (question, reply)."""
    sequences = []
    for exchanges in pairs:
        messages = tuple(
            {"role": role, "content": text}
            for exchange in exchanges
            for role, text in zip(("user", "assistant"), exchange, strict=True)
        )
        [(ids, marks)] = encode_sequences(Document(messages=messages), model.template, 500)
        sequences.append((ids, marks, True))
    return stored(sequences)


def exchange(length):
    """A sequence of one exchange: the first half is the user's."""
    return range(1, length + 1), [i >= length // 2 for i in range(length)], True


def text(length):
    return range(1, length + 1), [True] * length, False


parts = st.lists(st.tuples(st.integers(2, WINDOW + 1), st.booleans()), min_size=1, max_size=60)


@given(parts, st.integers(2, 8), st.integers(1, 4), st.integers(0, 3))
def test_rows_show_every_sequence_once_and_fit_the_window(sequences, most, batch_size, epoch):
    data = WeightedDataset(stored(exchange(n) if is_chat else text(n) for n, is_chat in sequences))
    composition, budget = Composition(most), batch_size * WINDOW
    plan = plan_composed([data], composition, budget, WINDOW, 3, epoch)
    rows = [row for batch in plan for row in batch]
    assert Counter(item for row in rows for item in row) == Counter((0, n) for n in range(len(sequences)))
    for row in rows:
        sizes = [sequences[number] for _, number in row]
        assert sum(length for length, _ in sizes) <= WINDOW + 1
        assert len(row) == 1 or (all(is_chat for _, is_chat in sizes) and len(row) <= most)
    for batch in plan:
        ids, _ = composed_batch([data], composition, batch, True, WINDOW, "0")
        assert ids.size <= budget or len(batch) == 1
    assert list(plan) == list(plan_composed([data], composition, budget, WINDOW, 3, epoch))
    assert len(list(plan)) == len(plan)
    assert plan[0:2] == list(plan)[:2]


def test_rows_have_one_to_most_exchanges_in_another_order_each_epoch():
    data = WeightedDataset(stored(exchange(6) for _ in range(3000)))
    first, second = (
        [row for batch in plan_composed([data], Composition(6), 600, 500, 0, epoch) for row in batch]
        for epoch in (0, 1)
    )
    sizes = Counter(map(len, first))
    assert set(sizes) == set(range(1, 7))
    assert max(sizes.values()) < 1.5 * min(sizes.values())
    assert set(first) != set(second)


def test_conversation_of_several_exchanges_stays_whole(model):
    pairs = [[("hello there", "hi")], [("and then?", "the cat"), ("the boat?", "one fish")]] * 20
    data = WeightedDataset(chat(model, pairs))
    composition = Composition(6)
    for batch in plan_composed([data], composition, 200, 100, 0, 0):
        ids, _ = composed_batch([data], composition, batch, True, 100, "0")
        for number, row in enumerate(batch):
            text = model.tokenizer.decode([i for i in ids[number].tolist() if i])
            shown = text.replace("<|user|>", "\n").split("\n")[1:]
            for place, line in enumerate(shown):
                assert ("and then?" in line) == (place + 1 < len(shown) and "the boat?" in shown[place + 1])
            assert text.count("<|user|>") == sum(len(pairs[n]) for _, n in row) <= 6


def test_row_by_hand(model):
    """A row is exactly what chat would have in view after these exchanges; every reply in it is learned."""
    data = WeightedDataset(chat(model, [[("the cat", "one fish")], [("hello", "hi there")]]))
    ids, targets = composed_batch([data], Composition(6), [((0, 1), (0, 0))], True, 200, "0")
    messages = [
        {"role": role, "content": text}
        for role, text in zip(("user", "assistant") * 2, ("hello", "hi there", "the cat", "one fish"), strict=True)
    ]
    turns = model.template.encode_turns(messages)
    whole = [i for turn in turns for i in turn]
    assert ids[0, : len(whole) - 1].tolist() == whole[:-1]
    assert [i for i in targets[0].tolist() if i >= 0] == [*turns[1][1:], *turns[3][1:]]


@given(st.floats(0.05, 0.9), st.integers(1, 40), st.integers(1, 300))
def test_replay_is_a_share_of_the_tokens(share, count, replayed):
    own = WeightedDataset(stored(exchange(20) for _ in range(count)))
    replay = WeightedDataset(stored(exchange(10) for _ in range(replayed)))
    composition = Composition(6, (replay,), share)
    items = [item for batch in plan_composed([own], composition, 200, 100, 0, 0) for row in batch for item in row]
    seen = Counter(number for number, _ in items)
    assert seen[0] == count
    wanted = 20 * count * share / (1 - share)
    assert abs(10 * seen[1] - wanted) <= 11  # one more than is needed, of rounded tokens
    times = Counter(sequence for number, sequence in items if number == 1)
    assert not times or max(times.values()) - min(times.values()) <= 1


def test_replay_differs_between_epochs_and_mixes_into_rows():
    own = WeightedDataset(stored(exchange(20) for _ in range(40)))
    replay = WeightedDataset(stored(exchange(20) for _ in range(1000)))
    composition = Composition(6, (replay,), 0.5)
    drawn = []
    for epoch in (0, 1):
        rows = [row for batch in plan_composed([own], composition, 2000, 500, 0, epoch) for row in batch]
        drawn.append({sequence for row in rows for number, sequence in row if number == 1})
        assert any(len({number for number, _ in row}) == 2 for row in rows)
    assert len(drawn[0] & drawn[1]) < 10


def test_questions_are_varied_and_replies_are_not(model):
    data = WeightedDataset(chat(model, [[("is the cat there?", "hi there")]]))
    composition = Composition(1, template=model.template)
    replies, questions = set(), set()
    for seed in range(200):
        ids, targets = composed_batch([data], composition, [((0, 0),)], True, 200, str(seed))
        question, _, reply = model.tokenizer.decode([i for i in ids[0].tolist() if i]).partition("<|assistant|>")
        questions.add(question.removeprefix("<|user|>"))
        replies.add((reply, tuple(i for i in targets[0].tolist() if i >= 0)))
    assert len(replies) == 1
    assert {"is the cat there?", "is the cat there", "cat there?"} < questions
    starts = tuple(start.translate({ord("q"): "", ord(":"): ""}) for start in GREETINGS)  # this vocabulary lacks both
    assert any(question.startswith(starts) for question in questions)
    assert any(question.rstrip("?").endswith(ENDINGS) for question in questions)
    plain = [reworded("is the cat there", np.random.RandomState(seed)) for seed in range(200)]
    worded = [model.tokenizer.decode(model.tokenizer.encode(text)).split(" ") for text in sorted(set(plain))]
    for question in questions:
        bare = question.rstrip("?")
        bare = bare.removeprefix(next((start for start in starts if bare.startswith(start)), ""))
        bare = bare.removesuffix(max((end for end in ENDINGS if bare.endswith(end)), key=len, default=""))
        assert any(all(word in words for word in bare.split(" ")) for words in map(iter, worded)), (
            question
        )  # in their order


def test_other_wordings_are_plain_and_reached():
    """A table that a person extends: lower case, each wording once, and nothing that stands for itself."""
    lines = assets.path("data/wordings.txt").read_text(encoding="utf-8").splitlines()
    entries = [line.split(" > ") for line in lines if line and not line.startswith("#")]
    assert len(entries) == sum(map(len, other_wordings())) > 600
    for wording, rest in entries:
        others = rest.split(", ")
        assert wording not in others
        assert len(set(others)) == len(others), wording
        for part in (wording, *others):
            assert re.fullmatch(r"[a-z*][a-z'\-]*( [a-z'\-]+| \*)*", part), part
            assert part.count("*") == wording.count("*") <= 1, wording
        if "*" not in wording:
            assert len(wording.split()) <= 5
            found = {reworded(wording, np.random.RandomState(seed)) for seed in range(60 * len(others))}
            assert found >= set(others), wording


def test_question_is_put_in_other_words():
    found = {reworded("Where is the spare key", np.random.RandomState(seed)) for seed in range(300)}
    assert {"Where is the spare key", "where's the spare key", "Where is the second key"} < found
    assert {"do you know where the spare key is", "where has the spare key gone"} < found
    nothing = "zzz, qqq and 42"
    assert {reworded(nothing, np.random.RandomState(seed)) for seed in range(20)} == {nothing}


def test_replayed_questions_are_not_varied_and_rows_keep_to_the_width(model):
    own, replay = (WeightedDataset(chat(model, [[("the cat?", "hi")]])) for _ in range(2))
    composition = Composition(1, (replay,), 0.5, model.template)
    for seed in range(40):
        ids, _ = composed_batch([own], composition, [((1, 0),), ((0, 0),)], True, 32, str(seed))
        assert ids.shape[1] == 32
        assert "<|user|>the cat?<|assistant|>" in model.tokenizer.decode(ids[0].tolist())
    again = [composed_batch([own], composition, [((0, 0),)], True, 32, "7")[0].tolist() for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize("form", ["", "[INST] {user} [/INST] {assistant} "])
def test_text_of_a_user_turn_is_found(model, form):
    template = type(model.template)(model.tokenizer, "text", form) if form else model.template
    ids = [*template.encode_turn({"role": "user", "content": "The cat and"}), *template.reply_opening()]
    unknown = 0 in ids
    assert template.user_text(ids) == (None if unknown else "the cat and")
    assert template.user_text(template.encode_turn({"role": "assistant", "content": "the cat"})) is None
    assert template.user_text(ids + ids) is None


def test_plan_of_a_million_conversations_is_quick_and_small():
    class Many:
        """As many exchanges as about 300 MB of conversations have."""

        lengths = np.tile(np.arange(8, 256, 8, dtype=np.int32), 40_000)[: 10**6]
        exchanges = np.ones(10**6, dtype=np.int32)

        def __len__(self):
            return len(self.lengths)

    start = time.process_time()
    plan = plan_composed([WeightedDataset(Many())], Composition(6), 16384, 512, 0, 0)
    assert time.process_time() - start < 5
    assert sum(part.nbytes for part in vars(plan).values()) < 16 * len(Many())
