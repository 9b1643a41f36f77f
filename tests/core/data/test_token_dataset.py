"""Documents to token sequences, and their cache."""

import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.data.cache import cache_folder
from i3core.data.documents import Document, read_documents
from i3core.data.token_dataset import (
    DataReport,
    TokenDataset,
    TokenDatasetWriter,
    encode_sequences,
    frozen_random,
    tokenize_source,
)
from i3core.errors import DataError

EMPTY_REPORT = DataReport("made", {}, 0, 0, 0, 0, 0, 0, 0, (), ())


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "tokens"
    monkeypatch.setenv("I3DESK_CACHE", str(folder))
    return folder


def dataset_of(documents):
    """A dataset with ids counted from 1; `documents` has the lengths of each one's sequences."""
    with tempfile.TemporaryDirectory() as folder:
        path, last = Path(folder, "made.rows"), 0
        with open(path, "wb") as target:
            writer = TokenDatasetWriter(target, io.BytesIO(), 10**6)
            for number, lengths in enumerate(documents):
                for length in lengths:
                    writer.add(range(last + 1, last + length + 1), [False] * length, number)
                    last += length
            writer.finish(EMPTY_REPORT)
        return TokenDataset.open(path)


def ids_of(dataset):
    return [i for number in range(len(dataset)) for i in dataset.sequence(number)[0].tolist()]


def entries(cache):
    return sorted(path for path in cache.iterdir() if path.name != "hashes.json") if cache.exists() else []


# --------------------------------------------------------------------------------------------------------- encoding


@given(st.text("abthe ", max_size=300), st.integers(1, 40))
def test_plain_text_is_split_into_sequences_that_predict_every_token_once(model, text, window):
    sequences = list(encode_sequences(Document(text), model.template, window))
    ids = model.template.encode_document(text)
    assert all(1 < len(sequence) <= window + 1 for sequence, _ in sequences)
    assert [i for sequence, _ in sequences for i in sequence[1:]] == ids[1:]
    assert all(sequence[0] == ids[n * window] for n, (sequence, _) in enumerate(sequences))
    assert all(all(marks) for _, marks in sequences)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=90), st.integers(1, 40))
def test_given_ids_are_split_likewise_without_end_tokens(model, ids, window):
    sequences = [sequence for sequence, _ in encode_sequences(Document(ids=tuple(ids)), model.template, window)]
    assert sequences == [ids[at : at + window + 1] for at in range(0, len(ids) - 1, window)]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8), st.integers(10, 60))
def test_conversations_are_split_between_exchanges(model, sizes, window):
    messages = []
    for question, answer in sizes:
        messages.append({"role": "user", "content": "the " * question})
        messages.append({"role": "assistant", "content": "cat " * answer})
    turns = model.template.encode_turns(messages)
    pairs = [(turns[i], turns[i + 1]) for i in range(0, len(turns), 2)]
    whole = sum(map(len, turns))
    exchanges = []
    for question, answer in pairs:  # the question loses what follows its mark, then the answer its end
        while len(question) > 1 and len(question) + len(answer) > window + 1:
            question = [question[0], *question[2:]]
        exchanges.append((question + answer)[: window + 1])
    dropped = []
    sequences = [
        sequence
        for sequence, _ in encode_sequences(Document(messages=tuple(messages)), model.template, window, dropped.append)
    ]
    expected, sequence = [], []
    for exchange in exchanges:
        if sequence and len(sequence) + len(exchange) > window + 1:
            expected.append(sequence)
            sequence = []
        sequence = sequence + exchange
    assert sequences == [*expected, sequence]
    assert sum(dropped) == whole - sum(map(len, sequences))


@pytest.mark.parametrize(("spare", "count"), [(0, 1), (-1, 2)])
def test_exchange_that_just_fits_is_not_truncated(model, spare, count):
    messages = [{"role": role, "content": "the cat"} for role in ("user", "assistant") * 2]
    size = sum(map(len, model.template.encode_turns(messages)))
    assert len(list(encode_sequences(Document(messages=tuple(messages)), model.template, size - 1 + spare))) == count


def test_marks_of_a_conversation_by_hand(model):
    messages = ({"role": "user", "content": "the"}, {"role": "assistant", "content": "cat"})
    [(sequence, marks)] = encode_sequences(Document(messages=messages), model.template, 40)
    special = model.tokenizer.special_tokens
    the, cat = model.tokenizer.encode("the"), model.tokenizer.encode("cat")
    assert sequence == [special["user"], *the, special["assistant"], *cat, special["end"]]
    assert marks == [False] * (2 + len(the)) + [True] * (len(cat) + 1)


def test_conversation_without_replies_is_not_learned_as_a_reply(model):
    [(sequence, marks)] = encode_sequences(
        Document(messages=({"role": "user", "content": "the cat"},)), model.template, 40
    )
    assert marks == [False] * len(sequence)


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12), st.booleans()), min_size=1, max_size=8),
    st.integers(10, 60),
)
def test_context_is_read_but_not_learned(model, exchanges, window):
    messages, chosen = [], []
    for question, answer, learned in exchanges:
        messages.append({"role": "user", "content": "the " * question})
        messages.append({"role": "assistant", "content": "cat " * answer})
        chosen += [] if learned else [len(messages) - 1]

    def sequences(context):
        document = Document(messages=tuple(messages), context=frozenset(context))
        return list(encode_sequences(document, model.template, window))

    others = [i for i in range(1, len(messages), 2) if i not in chosen]
    for (ids, marks), (kept, here), (rest, there) in zip(
        sequences([]), sequences(chosen), sequences(others), strict=True
    ):
        assert ids == kept == rest
        assert marks == [a or b for a, b in zip(here, there, strict=True)]
        assert not any(a and b for a, b in zip(here, there, strict=True))
    assert sum(sum(marks) for _, marks in sequences(range(len(messages)))) == 0


def test_marks_of_context_by_hand(model):
    messages = tuple({"role": role, "content": "the cat"} for role in ("user", "assistant") * 2)
    [(sequence, marks)] = encode_sequences(Document(messages=messages, context=frozenset({1})), model.template, 60)
    half = len(sequence) // 2
    assert sequence[:half] == sequence[half:]
    assert not any(marks[:half])
    assert sum(marks[half:]) == len(model.tokenizer.encode("the cat")) + 1


# ---------------------------------------------------------------------------------------------------- rows on disk


def test_sequences_on_disk_are_those_of_the_documents(model, build, tmp_path):
    build.conversations(tmp_path / "a.jsonl", 3)
    (tmp_path / "b.txt").write_text(build.story * 5 + "\n\nthe cat")
    dataset = tokenize_source(tmp_path, model.template, 30)
    expected = [
        (number, ids, marks)
        for number, document in enumerate(read_documents(tmp_path))
        for ids, marks in encode_sequences(document, model.template, 30)
    ]
    found = [(dataset.documents[i], *(part.tolist() for part in dataset.sequence(i))) for i in range(len(dataset))]
    assert found == expected
    assert dataset.lengths.tolist() == [len(ids) for _, ids, _ in expected]
    assert dataset.tokens == dataset.report.tokens == sum(dataset.lengths)
    for outside in (-1, len(dataset)):
        with pytest.raises(IndexError):
            dataset.sequence(outside)
    ids, _ = dataset.sequence(0)
    ids[:] = 0  # a copy
    assert dataset.sequence(0)[0].any()


def test_report_counts_what_was_found(model, build, tmp_path):
    long = [{"role": "user", "content": "the " * 99}, {"role": "assistant", "content": "cat"}]
    ids = model.tokenizer.encode("the boat")
    lines = [{"text": "The CAT"}, {"text": "§ b"}, {"messages": long}, {"other": 1}, {"ids": ids}, {"ids": [10**6]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match=r"line 4: "):
        tokenize_source(tmp_path / "a.jsonl", model.template, 64)
    heard = []
    dataset = tokenize_source(tmp_path / "a.jsonl", model.template, 64, skip_bad_records=True, progress=heard.append)
    report = dataset.report
    assert report.file == str(tmp_path / "a.jsonl")
    assert report.shapes == {"text": 2, "messages": 1, "token ids": 1}
    assert (report.records, report.rows, report.truncated, report.skipped) == (4, 4, 1, 2)
    assert report.characters == sum(heard) == len("the cat§ bcatthe boat") + 4 * 99
    assert report.unknown == ids_of(dataset).count(0) == 1
    assert [reason.split(": ")[0][-6:] for reason in report.skipped_reasons] == ["line 4", "line 6"]
    assert report.examples[0] == "<|end|>the cat<|end|>"
    assert report.examples[-1] == "the boat"
    assert len(report.examples) == 3
    assert [(record.number, record.unit) for record in report.bad] == [(4, "line"), (6, "line")]
    assert report.unknown_counts == {"§": 1}
    assert report.learned == sum(
        int((marks & (ids != 0))[1:].sum()) for ids, marks in map(dataset.sequence, range(len(dataset)))
    )
    assert report.share == 1.0
    assert all(len(example) <= 300 for example in report.examples)
    assert tokenize_source(tmp_path / "a.jsonl", model.template, 64, skip_bad_records=True).report == report


def test_source_without_text_is_named(model, tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"empty\.txt holds no text to learn from"):
        tokenize_source(tmp_path / "empty.txt", model.template, 64)
    assert entries(cache_folder()) == []


def test_reading_sequences_does_not_keep_the_file_in_memory(process, tmp_path):
    """A process reads 60 MB of sequences; what stays resident of the map is near the 16 MB that it allows."""
    code = f"""if True:
        import io, psutil
        from pathlib import Path
        from i3core.data import token_dataset
        from i3core.data.token_dataset import DataReport, TokenDatasetWriter, TokenDataset
        token_dataset._MAPPED_BYTES = 16 << 20
        path = Path({str(tmp_path / "a.rows")!r})
        with open(path, "wb") as target:
            writer = TokenDatasetWriter(target, io.BytesIO(), 300)
            for number in range(2000):
                writer.add([number % 300] * 10_000, [True] * 10_000, number)
            writer.finish(DataReport("made", {{}}, 0, 0, 0, 0, 0, 0, 0, (), ()))
        dataset, memory = TokenDataset.open(path), psutil.Process().memory_info
        before, peak = memory().rss, 0
        for number in range(2000):
            ids, _ = dataset.sequence(number)
            assert ids[0] == ids[-1] == number % 300
            peak = max(peak, memory().rss) if number % 50 == 0 else peak
        print((peak - before) >> 20)"""
    outcome = process(code=code)
    assert outcome.status == 0, outcome.err
    if sys.platform == "linux":
        assert int(outcome.out) < 40


# ------------------------------------------------------------------------------------------------------------ cache


def test_cache_is_independent_of_the_file_name(model, build, tmp_path, cache):
    path = build.conversations(tmp_path / "a.jsonl", 3)
    first = tokenize_source(path, model.template, 64)
    [stored] = entries(cache)
    content = stored.read_bytes()
    again = tokenize_source(path, model.template, 64)
    path.rename(tmp_path / "b.jsonl")
    renamed = tokenize_source(tmp_path / "b.jsonl", model.template, 64)
    assert renamed.report.file == str(tmp_path / "b.jsonl")
    for dataset in (again, renamed):
        assert ids_of(dataset) == ids_of(first)
        assert dataset.report.examples == first.report.examples
    assert entries(cache) == [stored]
    assert stored.read_bytes() == content


def test_cache_depends_on_content_type_vocabulary_window_and_skipping(model, build, tmp_path, cache):
    path = build.conversations(tmp_path / "a.jsonl")
    first = tokenize_source(path, model.template, 64)
    assert tokenize_source(path, model.template, 8).tokens < first.tokens
    assert ids_of(tokenize_source(path, build.model(special=False).template, 64)) != ids_of(first)
    (tmp_path / "a.txt").write_bytes(path.read_bytes())
    assert tokenize_source(tmp_path / "a.txt", model.template, 64).report.shapes == {"text": 1}
    path.write_text(path.read_text() * 2)
    assert len(tokenize_source(path, model.template, 64)) == 2 * len(first)
    assert tokenize_source(path, model.template, 64, skip_bad_records=True).report.skipped == 0
    assert len(entries(cache)) == 5  # what is skipped makes no difference where nothing is bad


def test_bad_records_of_cached_data_are_reported_as_when_first_read(model, tmp_path, cache):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "the cat"}\n{"other": 1}\n')
    with pytest.raises(DataError, match="line 2") as first:
        tokenize_source(path, model.template, 64)
    assert entries(cache) == []
    assert len(tokenize_source(path, model.template, 64, skip_bad_records=True)) == 1
    with pytest.raises(DataError) as again:
        tokenize_source(path, model.template, 64)
    assert str(again.value) == str(first.value)
    path.rename(tmp_path / "b.jsonl")
    with pytest.raises(DataError, match=r"b\.jsonl, line 2: "):
        tokenize_source(tmp_path / "b.jsonl", model.template, 64)
    assert len(entries(cache)) == 1


def test_cached_sample_is_used_until_the_file_changes(model, build, tmp_path, cache):
    path = build.conversations(tmp_path / "a.jsonl", 500)
    size = path.stat().st_size
    part = tokenize_source(path, model.template, 64, sample_bytes=size // 10)
    whole = tokenize_source(path, model.template, 64)
    assert len(part) / len(whole) == pytest.approx(part.report.share, rel=0.2) == pytest.approx(0.1, rel=0.2)
    assert ids_of(part) == ids_of(whole)[: part.tokens]
    tokenize_source(path, model.template, 64, sample_bytes=size // 10)
    assert len(entries(cache)) == 2
    assert len(tokenize_source(path, model.template, 64, sample_bytes=size)) == len(whole)
    assert len(entries(cache)) == 2
    build.conversations(path, 600)
    tokenize_source(path, model.template, 64, sample_bytes=size // 10)
    assert len(entries(cache)) == 3


@pytest.mark.parametrize("damage", ["empty", "cut", "table", "other"])
def test_damaged_cache_entry_is_made_again(model, build, tmp_path, cache, damage):
    path = build.conversations(tmp_path / "a.jsonl", 5)
    first = ids_of(tokenize_source(path, model.template, 63))
    [stored] = entries(cache)
    content = stored.read_bytes()
    table = content.index(b'{"kind"') - 8
    broken = {
        "empty": b"", "cut": content[: len(content) // 2], "other": b"rows" * 50,
        "table": content[:table] + bytes([content[table] ^ 1]) + content[table + 1 :],
    }  # fmt: skip
    stored.write_bytes(broken[damage])
    assert ids_of(tokenize_source(path, model.template, 63)) == first
    assert stored.read_bytes() == content


def test_large_file_is_recognized_by_size_and_time(model, build, tmp_path, monkeypatch):
    monkeypatch.setattr("i3core.data.cache._LARGEST_REHASHED", 10)
    path = build.conversations(tmp_path / "a.jsonl")
    first = ids_of(tokenize_source(path, model.template, 64))
    status = path.stat()
    content = path.read_text()
    path.write_text(content.replace("cat", "dog"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert ids_of(tokenize_source(path, model.template, 64)) == first  # not read: nobody could tell
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert ids_of(tokenize_source(path, model.template, 64)) != first
    (cache_folder() / "hashes.json").write_text("[3]")
    path.write_text(content)
    assert ids_of(tokenize_source(path, model.template, 64)) == first


def test_least_recently_used_entries_are_removed_first(model, build, tmp_path, cache, monkeypatch):
    path = build.conversations(tmp_path / "a.jsonl")
    made = []
    for age, window in enumerate((40, 50, 60)):
        tokenize_source(path, model.template, window)
        [new] = set(entries(cache)) - set(made)
        made.append(new)
        os.utime(new, (1000 + age, 1000 + age))
    tokenize_source(path, model.template, 40)  # used again
    (cache / ".killed.partial").write_bytes(b"x")
    os.utime(cache / ".killed.partial", (1000, 1000))
    monkeypatch.setattr("i3core.data.cache.CACHE_BYTES", sum(made[i].stat().st_size for i in (0, 2)) + 100)
    tokenize_source(path, model.template, 41)
    [new] = set(entries(cache)) - set(made)
    assert entries(cache) == sorted([made[0], new])
    monkeypatch.setattr("i3core.data.cache.CACHE_BYTES", 0)
    dataset = tokenize_source(path, model.template, 42)
    assert len(entries(cache)) == 1
    assert dataset.sequence(0)[0].any()


def test_unwritable_cache_is_named_with_a_remedy(model, build, tmp_path, monkeypatch):
    path = build.conversations(tmp_path / "a.jsonl")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match=r"file.cache cannot be written.*I3DESK_CACHE"):
        tokenize_source(path, model.template, 64)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes")
def test_full_disk_leaves_no_partial_entry(process, build, folder, tmp_path, cache):
    build.conversations(tmp_path / "a.jsonl", 500)
    code = f"""if True:
        import resource
        from i3core.data.token_dataset import tokenize_source
        from i3core.text.chat_template import ChatTemplate
        from i3core.text.tokenizer import ChunkTokenizer
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        template = ChatTemplate.for_model(ChunkTokenizer.from_file({str(folder / "tokenizer.json")!r}))
        try: tokenize_source("a.jsonl", template, 64)
        except Exception as error: print(type(error).__name__, error)"""
    outcome = process(code=code)
    assert outcome.out.startswith("DataError The cache"), outcome
    assert str(cache) in outcome.out
    assert "I3DESK_CACHE" in outcome.out
    assert entries(cache) == []


def test_file_that_grows_while_it_is_read_is_not_cached(model, build, tmp_path, cache):
    path = build.conversations(tmp_path / "a.jsonl", 800)

    def append(characters):
        with open(path, "a") as target:
            target.write('{"text": "more"}\n')

    with pytest.raises(DataError, match=r"a\.jsonl changed"):
        tokenize_source(path, model.template, 64, progress=append)
    assert entries(cache) == []


def test_two_processes_that_tokenize_the_same_file_both_succeed(start_process, build, folder, tmp_path, cache):
    build.conversations(tmp_path / "a.jsonl", 2000)
    code = f"""if True:
        from i3core.data.token_dataset import tokenize_source
        from i3core.text.chat_template import ChatTemplate
        from i3core.text.tokenizer import ChunkTokenizer
        template = ChatTemplate.for_model(ChunkTokenizer.from_file({str(folder / "tokenizer.json")!r}))
        dataset = tokenize_source({str(tmp_path / "a.jsonl")!r}, template, 64)
        print(len(dataset), sum(int(dataset.sequence(i)[0].sum()) for i in range(len(dataset))))"""
    both = [start_process(code=code, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (child.communicate(timeout=60)[0] for child in both)
    assert first == second
    assert first.startswith("8000 ")
    assert len(entries(cache)) == 1


def test_random_streams_are_frozen():
    """These numbers must never change: runs that started with them are resumed."""
    assert frozen_random("1/0").permutation(8).tolist() == [5, 3, 1, 0, 7, 4, 6, 2]
