"""Training and validation: nothing held out is trained on, in whatever words or file it stands."""

import io
import json
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.fingerprints import fingerprint
from i3core.data.split import split, without
from i3core.data.token_dataset import DataReport, TokenDataset, TokenDatasetWriter, tokenize_source
from i3core.text.normalization import normalized

EMPTY_REPORT = DataReport("made", {}, 0, 0, 0, 0, 0, 0, 0, (), ())


def stored(documents):
    """A dataset of documents, each (lengths of its sequences, question, reply)."""
    with tempfile.TemporaryDirectory() as folder:
        path, last = Path(folder, "made.rows"), 0
        with open(path, "wb") as target:
            writer = TokenDatasetWriter(target, io.BytesIO(), 10**6)
            for number, (lengths, question, reply) in enumerate(documents):
                for length in lengths:
                    marks = [False, *[reply > 0] * (length - 1)]
                    writer.add(range(last + 1, last + length + 1), marks, number, (question, reply), reply > 0)
                    last += length
            writer.finish(EMPTY_REPORT)
        return TokenDataset.open(path)


def ids_of(dataset):
    return [i for number in range(len(dataset)) for i in dataset.sequence(number)[0].tolist()]


def pairs_of(dataset):
    return [tuple(int(part[number]) for part in dataset.fingerprints) for number in range(len(dataset))]


# ---------------------------------------------------------------------------------------------------------- text

texts = st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=4), min_size=1, max_size=40)


@given(texts, st.floats(0.01, 0.5), st.integers(0, 5))
def test_split_of_texts_loses_and_repeats_nothing(documents, share, seed):
    dataset = stored((lengths, number + 1, 0) for number, lengths in enumerate(documents))
    parts = split([dataset], share, str(seed))
    [train], [held] = parts.training, parts.validation
    assert sorted(ids_of(train) + ids_of(held)) == ids_of(dataset) == list(range(1, dataset.tokens + 1))
    for part in (train, held):
        assert [len(part.sequence(i)[0]) for i in range(len(part))] == part.lengths.tolist()
    assert ids_of(split([dataset], share, str(seed)).validation[0]) == ids_of(held)
    count = len(documents)
    if count >= 20:
        assert set(train.documents.tolist()).isdisjoint(held.documents.tolist())
        assert len(set(held.documents.tolist())) == max(1, round(count * share), min(8, count // 5))
    elif len(dataset) >= 20:
        assert 1 <= len(held) <= max(1, round(len(dataset) * share), min(8, len(dataset) // 5))
        assert set(train.documents.tolist()) == set(range(count))
    else:
        assert len(held) == 0


def test_split_of_few_texts_holds_out_the_end_of_the_longest():
    dataset = stored([([3] * 4, 1, 0), ([3] * 40, 2, 0), ([3] * 6, 3, 0)])
    [held] = split([dataset], 0.1, "0").validation
    assert held.documents.tolist() == [1] * 8
    assert ids_of(held) == list(range(3 * 36 + 1, 3 * 44 + 1))


def test_end_of_a_text_is_held_out_of_its_copies_too():
    parts = split([stored([([3] * 40, 2, 0)]) for _ in range(2)], 0.1, "0")
    assert [len(part) for part in parts.validation] == [8, 8]
    assert [len(part) for part in parts.training] == [32, 32]


def test_splits_depend_on_the_seed_and_can_be_split_again():
    dataset = stored(([2], number + 1, 0) for number in range(60))
    parts = [split([dataset], 0.2, seed).validation[0].documents.tolist() for seed in ("0", "1", "0")]
    assert parts[0] == parts[2] != parts[1]
    first = split([dataset], 0.2, "0")
    second = split(first.training, 0.2, "0")
    every = [*second.training, *second.validation, *first.validation]
    assert sorted(i for part in every for i in ids_of(part)) == ids_of(dataset)
    assert len(split([dataset], 0.0, "0").validation[0]) == 0


# ------------------------------------------------------------------------------------------------ conversations

exchanges = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 12)), min_size=1, max_size=120)


@given(st.lists(exchanges, min_size=1, max_size=3), st.floats(0.01, 0.5), st.integers(0, 5))
def test_no_conversation_is_on_both_sides(files, share, seed):
    datasets = [stored(([4], question, reply) for question, reply in pairs) for pairs in files]
    parts = split(datasets, share, str(seed))
    train, held = (
        Counter(pair for part in side for pair in pairs_of(part)) for side in (parts.training, parts.validation)
    )
    assert train + held == Counter(pair for pairs in files for pair in pairs)
    assert not train.keys() & held.keys()
    questions = Counter(reply for _, reply in {pair for pairs in files for pair in pairs})
    for reply in {reply for _, reply in held}:
        learned = sum(1 for _, other in train if other == reply)
        assert learned >= {1: 0, 2: 1}.get(questions[reply], 2 * questions[reply] / 3)
        assert learned or questions[reply] == 1
    assert len(held) <= max(1, round(sum(questions.values()) * share) + 1, sum(questions.values()) // 5)


def test_other_words_for_a_learned_reply_are_held_out():
    """Eight facts in five wordings each: one wording of each fact is asked."""
    dataset = stored(([4], 10 * fact + wording, fact) for fact in range(1, 9) for wording in range(5))
    [held] = split([dataset], 0.02, "0").validation
    assert sorted(reply for _, reply in pairs_of(held)) == list(range(1, 9))


def test_second_wording_of_a_fact_is_held_out_and_its_answer_is_learned():
    dataset = stored(([4], 10 * fact + wording, fact) for fact in range(1, 201) for wording in range(2))
    parts = split([dataset], 0.02, "0")
    held, learned = ({reply for _, reply in pairs_of(side[0])} for side in (parts.validation, parts.training))
    assert len(held) == 8
    assert held < learned


def test_little_that_occurs_once_is_learned_completely():
    assert len(split([stored(([4], n, n) for n in range(1, 41))], 0.02, "0").validation[0]) == 0
    assert len(split([stored(([4], n, n) for n in range(1, 401))], 0.02, "0").validation[0]) == 8


def test_texts_and_conversations_are_held_out_each_by_its_own_kind():
    dataset = stored([([4], n, n if n <= 200 else 0) for n in range(1, 401)])
    pairs = pairs_of(split([dataset], 0.02, "0").validation[0])
    assert sum(1 for _, reply in pairs if reply) == 4
    assert sum(1 for _, reply in pairs if not reply) == 8


# ------------------------------------------------------------------------------------------------------- copies


@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_case_spaces_and_punctuation_make_no_difference(text):
    assert fingerprint(text) == fingerprint(f"  {text.lower()} !?") == fingerprint(normalized(text))
    assert 0 <= fingerprint(text) < 2**64
    assert bool(fingerprint(text)) == bool(normalized(text))


def test_nearly_equal_records_are_copies(model, tmp_path):
    lines = []
    for number in range(30):
        for end in ("?", "", " !"):
            turns = [("user", f"What is {'x' * number}{end}"), ("assistant", f"it is {'y' * number}{end}")]
            lines.append({"messages": [{"role": role, "content": text} for role, text in turns]})
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    dataset = tokenize_source(tmp_path / "a.jsonl", model.template, 64)
    parts = split([dataset], 0.1, "0")
    assert parts.repeated == 60
    assert len(parts.validation[0]) == 9
    assert not set(pairs_of(parts.validation[0])) & set(pairs_of(parts.training[0]))


def test_datasets_in_common_are_counted():
    first = stored(([4], n, n) for n in range(1, 31))
    second = stored(([4], n, n) for n in range(21, 41))
    parts = split([first, second, stored([([4], 99, 99)])], 0.2, "0")
    assert parts.shared == ((0, 1, 10),)


@pytest.mark.parametrize(("known", "left"), [(range(1, 11), 0), (range(1, 6), 5), (range(50, 60), 10)])
def test_records_that_are_trained_on_are_no_validation(known, left):
    [rest], removed, total = without(
        [stored(([4, 4], n, n) for n in range(1, 11))], [stored(([4], n, n) for n in known)]
    )
    assert (len(rest), removed, total) == (2 * left, 10 - left, 10)
