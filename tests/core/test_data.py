"""Files to documents, documents to rows, rows to batches."""

import gzip
import json
import lzma
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data import (
    IGNORED,
    Document,
    TokenRows,
    WeightedRows,
    cache_folder,
    encode_rows,
    make_batch,
    parse_source,
    plan_epoch,
    read_documents,
    tokenize_file,
)
from i3core.errors import DataError

RECORDS = [{"text": "the cat"}, {"messages": [{"role": "user", "content": "hi"}], "src": "here"}]
JSONL = "\n\n".join(map(json.dumps, RECORDS)) + "\n"
OPENERS = {"": open, ".xz": lzma.open, ".gz": gzip.open}


def rows_of(*lengths):
    """Rows of these lengths with different ids; the first half of each is the user's."""
    tokens = np.arange(1, sum(lengths) + 1)
    assistant = np.concatenate([np.arange(n) >= n // 2 for n in lengths])
    return TokenRows(tokens, assistant, np.cumsum([0, *lengths]), 0, 0)


# -------------------------------------------------------------------------------------------------------- documents


@pytest.mark.parametrize("packed", OPENERS)
def test_records(tmp_path, packed):
    path = tmp_path / f"data.jsonl{packed}"
    with OPENERS[packed](path, "wt", encoding="utf-8") as target:
        target.write(JSONL)
    first, second = read_documents(path)
    assert first == Document("the cat")
    assert second == Document(messages=({"role": "user", "content": "hi"},), source="here")


@pytest.mark.parametrize("packed", OPENERS)
def test_plain_text_is_cut_at_blank_lines(tmp_path, packed):
    path = tmp_path / f"data.txt{packed}"
    with OPENERS[packed](path, "wt", encoding="utf-8") as target:
        target.write("\n\none\ntwo\n \nthree")
    assert [document.text for document in read_documents(path)] == ["one\ntwo", "three"]


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + JSONL.encode())
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert len(list(read_documents(tmp_path / "a.jsonl"))) == 2
    assert [document.text for document in read_documents(tmp_path / "a.txt")] == ["one\ntwo"]


def test_half_an_emoji_becomes_a_replacement_character(tmp_path):
    (tmp_path / "a.jsonl").write_text(r'{"text": "a \ud83d b \ud83d\ude00"}')
    assert next(read_documents(tmp_path / "a.jsonl")).text == "a � b 😀"


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "3", "null", '{"other": 1}', '{"text": 3}', '{"messages": []}', '{"messages": [3]}',
        '{"messages": [{"role": "system", "content": "x"}]}', '{"messages": [{"role": "user"}]}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_bad_record_is_named_by_file_and_line(tmp_path, line):
    path = tmp_path / "data.jsonl"
    path.write_text(JSONL + line + "\n")
    with pytest.raises(DataError, match=r"data\.jsonl, line 4"):
        list(read_documents(path))


@pytest.mark.parametrize("name", ["data.jsonl", "data.txt"])
def test_text_in_another_encoding_is_named_by_file_and_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b'{"text": "fine"}\n' * 3000 + '{"text": "é"}\n'.encode("latin-1"))
    with pytest.raises(DataError, match=rf"{name}, line 3001: not UTF-8"):
        list(read_documents(path))


@pytest.mark.parametrize("packed", [".xz", ".gz"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "other"])
def test_damaged_packed_files_are_named(tmp_path, packed, damage):
    path = tmp_path / f"data.jsonl{packed}"
    with OPENERS[packed](path, "wt") as target:
        target.writelines(json.dumps({"text": f"line {i * 7919 % 1000}"}) + "\n" for i in range(3000))
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "flipped":
        content[len(content) // 2 : len(content) // 2 + 40] = b"\xff" * 40
    else:
        content = bytearray(b"plain text")
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"data\.jsonl"):
        list(read_documents(path))


def test_files_that_are_not_data(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    for name, word in {"a.csv": "csv", "none.jsonl": "none", "": "no data file"}.items():
        with pytest.raises(DataError, match=word):
            list(read_documents(tmp_path / name))


def test_file_and_weight(tmp_path):
    assert parse_source("a.jsonl") == (parse_source("a.jsonl:2")[0], 1.0)
    assert parse_source("a.jsonl:0.5")[1] == 0.5
    (tmp_path / "odd:2").write_text("x")
    assert parse_source(str(tmp_path / "odd:2")) == (tmp_path / "odd:2", 1.0)
    for wrong in ("a.jsonl:0", "a.jsonl:-1", "a.jsonl:nan", "a.jsonl:1e9"):
        with pytest.raises(DataError, match="weight"):
            parse_source(wrong)


# ------------------------------------------------------------------------------------------------------------- rows


@given(st.text("abthe ", max_size=300), st.integers(1, 40))
def test_plain_text_is_cut_into_rows_that_predict_every_token_once(model, text, window):
    rows = list(encode_rows(Document(text), model.template, window))
    ids = model.template.encode_document(text)
    assert all(1 < len(row) <= window + 1 for row, _ in rows)
    assert [i for row, _ in rows for i in row[1:]] == ids[1:]
    assert all(row[0] == ids[n * window] for n, (row, _) in enumerate(rows))
    assert all(all(marks) for _, marks in rows)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8), st.integers(10, 60))
def test_conversations_are_cut_between_exchanges(model, sizes, window):
    messages = []
    for question, answer in sizes:
        messages.append({"role": "user", "content": "the " * question})
        messages.append({"role": "assistant", "content": "cat " * answer})
    turns = model.template.encode_turns(messages)
    exchanges = [turns[i] + turns[i + 1] for i in range(0, len(turns), 2)]
    rows = [row for row, _ in encode_rows(Document(messages=tuple(messages)), model.template, window)]
    expected, row = [], []
    for exchange in exchanges:
        if row and len(row) + len(exchange) > window + 1:
            expected.append(row)
            row = []
        row = (row + exchange)[: window + 1]
    assert rows == [*expected, row]


@pytest.mark.parametrize(("spare", "count"), [(0, 1), (-1, 2)])
def test_an_exchange_that_just_fits_stays(model, spare, count):
    messages = [{"role": role, "content": "the cat"} for role in ("user", "assistant") * 2]
    size = sum(map(len, model.template.encode_turns(messages)))
    assert len(list(encode_rows(Document(messages=tuple(messages)), model.template, size - 1 + spare))) == count


def test_marks_of_a_conversation_by_hand(model):
    messages = ({"role": "user", "content": "the"}, {"role": "assistant", "content": "cat"})
    [(row, marks)] = encode_rows(Document(messages=messages), model.template, 40)
    special = model.tokenizer.special_tokens
    the, cat = model.tokenizer.encode("the"), model.tokenizer.encode("cat")
    assert row == [special["user"], *the, special["assistant"], *cat, special["end"]]
    assert marks == [False] * (2 + len(the)) + [True] * (len(cat) + 1)


def test_a_conversation_without_replies_is_learned_whole(model):
    [(row, marks)] = encode_rows(Document(messages=({"role": "user", "content": "the cat"},)), model.template, 40)
    assert marks == [True] * len(row)


def test_the_cache_gives_equal_rows(model, build, tmp_path):
    path = build.conversations(tmp_path / "a.jsonl", 3)
    before = set(cache_folder().glob("*.npz"))
    first = tokenize_file(path, model.template, 64)
    [stored] = set(cache_folder().glob("*.npz")) - before
    written = stored.stat().st_mtime_ns
    again = tokenize_file(path, model.template, 64)
    assert stored.stat().st_mtime_ns == written
    path.rename(tmp_path / "b.jsonl")
    for rows in (again, tokenize_file(tmp_path / "b.jsonl", model.template, 64)):
        for name in ("tokens", "assistant", "offsets", "characters", "unknown"):
            assert np.array_equal(getattr(rows, name), getattr(first, name)), name
    assert set(cache_folder().glob("*.npz")) - before == {stored}


def test_the_cache_knows_content_vocabulary_and_window(model, build, tmp_path):
    path = build.conversations(tmp_path / "a.jsonl")
    first = tokenize_file(path, model.template, 64)
    assert len(tokenize_file(path, model.template, 8).tokens) < len(first.tokens)
    other = build.model(special=False)
    assert not np.array_equal(tokenize_file(path, other.template, 64).tokens, first.tokens)
    path.write_text(path.read_text() * 2)
    assert len(tokenize_file(path, model.template, 64)) == 2 * len(first)


@pytest.mark.parametrize("keep", [0, 0.5])
def test_a_damaged_cache_is_made_again(model, build, tmp_path, keep):
    path = build.conversations(tmp_path / "a.jsonl", 5)
    before = set(cache_folder().glob("*.npz"))
    first = tokenize_file(path, model.template, 63)
    [stored] = set(cache_folder().glob("*.npz")) - before
    content = stored.read_bytes()
    stored.write_bytes(content[: int(len(content) * keep)])
    assert np.array_equal(tokenize_file(path, model.template, 63).tokens, first.tokens)
    stored.unlink()


def test_totals_of_a_file(model, tmp_path):
    (tmp_path / "a.txt").write_text("The CAT\n\n§ b")
    rows = tokenize_file(tmp_path / "a.txt", model.template, 64)
    assert rows.characters == len("the cat") + len("§ b")
    assert rows.unknown == (rows.tokens == 0).sum() == 1


def test_a_file_without_text_is_named(model, tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"empty\.txt"):
        tokenize_file(tmp_path / "empty.txt", model.template, 64)


@given(st.lists(st.integers(2, 9), min_size=2, max_size=30), st.floats(0.01, 0.5), st.integers(0, 5))
def test_split_loses_and_repeats_nothing(lengths, share, seed):
    rows = rows_of(*lengths)
    train, held = rows.split(share, str(seed))
    assert len(held) == max(1, round(len(rows) * share), min(8, len(rows) // 5))
    assert sorted([*train.tokens, *held.tokens]) == list(rows.tokens)
    again = rows.split(share, str(seed))[1]
    assert np.array_equal(again.tokens, held.tokens)
    joined = TokenRows.joined([train, held])
    assert len(joined) == len(rows)
    assert all(np.array_equal(joined.row(i)[0], train.row(i)[0]) for i in range(len(train)))
    assert all(np.array_equal(joined.row(len(train) + i)[0], held.row(i)[0]) for i in range(len(held)))
    assert sorted(joined.shuffled(seed).tokens) == list(rows.tokens)


# ---------------------------------------------------------------------------------------------------------- batches


@given(
    st.lists(st.lists(st.integers(2, 33), min_size=1, max_size=40), min_size=1, max_size=3),
    st.integers(1, 6), st.integers(0, 3),
)  # fmt: skip
def test_an_epoch_shows_every_row_once_within_the_budget(files, batch_size, epoch):
    sets = [WeightedRows(rows_of(*lengths)) for lengths in files]
    budget = batch_size * 32
    plan = plan_epoch(sets, budget, 7, epoch)
    seen = Counter(item for batch in plan for item in batch)
    assert seen == Counter((n, row) for n, lengths in enumerate(files) for row in range(len(lengths)))
    for items in plan:
        ids, _ = make_batch(sets, items, False, 32)
        assert ids.size <= budget
    assert plan == plan_epoch(sets, budget, 7, epoch)


def test_epochs_and_seeds_differ():
    sets = [WeightedRows(rows_of(*[5] * 50))]
    plans = [plan_epoch(sets, 40, seed, epoch) for seed, epoch in [(0, 0), (0, 1), (1, 0)]]
    assert plans[0] != plans[1] != plans[2] != plans[0]


@pytest.mark.parametrize(("weight", "total"), [(2, 20), (0.3, 3), (2.5, 25)])
def test_weights(weight, total):
    plan = plan_epoch([WeightedRows(rows_of(*[5] * 10), weight)], 20, 0, 0)
    counts = Counter(row for batch in plan for _, row in batch)
    assert counts.total() == total
    assert max(counts.values()) - (min(counts.values()) if weight >= 1 else 0) <= 1


def test_weights_that_leave_nothing_are_refused():
    with pytest.raises(DataError, match="weight"):
        plan_epoch([WeightedRows(rows_of(5, 5), 0.01)], 20, 0, 0)


def test_a_batch_by_hand():
    """Rows 1 2 3 4 (3 and 4 are the reply) and 5 6 7 (6 and 7 are)."""
    sets = [WeightedRows(rows_of(4, 3))]
    ids, targets = make_batch(sets, [(0, 0), (0, 1)], assistant_only=False, window=3)
    assert ids.tolist() == [[1, 2, 3], [5, 6, 0]]
    assert targets.tolist() == [[2, 3, 4], [6, 7, IGNORED]]
    _, targets = make_batch(sets, [(0, 0), (0, 1)], assistant_only=True, window=3)
    assert targets.tolist() == [[IGNORED, 3, 4], [6, 7, IGNORED]]


def test_a_question_that_fills_the_window_is_not_learned(model):
    """Its reply was cut off with the rest; nothing of the row belongs to the assistant."""
    messages = ({"role": "user", "content": "the " * 90}, {"role": "assistant", "content": "cat"})
    [(row, marks)] = encode_rows(Document(messages=messages), model.template, 16)
    rows = TokenRows(np.array(row), np.array(marks), np.array([0, len(row)]), 0, 0)
    _, targets = make_batch([WeightedRows(rows)], [(0, 0)], assistant_only=True, window=16)
    assert (targets == IGNORED).all()
