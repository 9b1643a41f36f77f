"""Counting chunks of files: on one core or several, from the cache, and with bounded memory."""

import json
import multiprocessing
import random
from collections import Counter

import pytest

from i3core.data.documents import read_documents
from i3core.data.vocabulary import count_source_chunks, vocabulary
from i3core.errors import DataError
from i3core.text.chat_template import SPECIAL_ROLES
from i3core.text.tokenizer import build_tokenizer, count_chunks


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "tokens"
    monkeypatch.setenv("I3DESK_CACHE", str(folder))
    return folder


@pytest.fixture
def data(build, tmp_path):
    """A folder with stories and conversations, some 60,000 characters."""
    folder = tmp_path / "data"
    folder.mkdir()
    source, words = random.Random(0), build.story.split()
    stories = [" ".join(source.choices(words, k=60)) for _ in range(150)]
    (folder / "stories.txt").write_text("\n\n".join(stories))
    build.conversations(folder / "chat.jsonl", 80)
    return folder


def plain_counts(folder):
    return count_chunks(text for document in read_documents(folder) for text in document.texts)


@pytest.mark.parametrize("workers", [1, 3])
def test_counts_are_the_same_on_any_number_of_cores(data, monkeypatch, workers):
    monkeypatch.setattr("i3core.data.vocabulary._PIECE_CHARACTERS", 2000)
    monkeypatch.setattr("i3core.data.vocabulary._COUNTED_HERE", 2)
    heard = []
    counts = count_source_chunks([data / "chat.jsonl", data / "stories.txt"], heard.append, workers)
    assert counts == plain_counts(data)
    assert len(heard) > 20
    assert sum(heard) == sum(len(text) for document in read_documents(data) for text in document.texts)


def test_second_count_comes_from_the_cache(data, monkeypatch, cache):
    first = count_source_chunks([data])
    heard = []
    assert count_source_chunks([data], heard.append) == first
    assert heard == []
    (data / "more.txt").write_text("the cat")
    assert count_source_chunks([data]) == plain_counts(data) != first


@pytest.mark.parametrize("content", [b"", b"3\n", b"{}\n", b'{"th": 3}\n4\n', b'{"th": "x"}\n', b"\xff"])
def test_damaged_cache_entry_is_counted_again(data, cache, content):
    first = count_source_chunks([data])
    [stored] = cache.glob("*.counts")
    whole = stored.read_bytes()
    for damaged in (content, whole[: len(whole) // 2]):
        stored.write_bytes(damaged)
        assert count_source_chunks([data]) == first
        assert stored.read_bytes() == whole


def test_bad_records_are_named_or_skipped(data):
    whole = plain_counts(data)
    with open(data / "chat.jsonl", "a") as target:
        target.write('{"nothing": 1}\n')
    with pytest.raises(DataError, match=r"chat\.jsonl, line 321"):
        count_source_chunks([data])
    for _ in range(2):  # told each time
        bad = []
        assert count_source_chunks([data], on_bad=bad.append) == whole
        assert len(bad) == 1


def test_rarest_chunks_are_dropped_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("i3core.data.vocabulary.MOST_CHUNKS", 300)
    monkeypatch.setattr("i3core.data.vocabulary._PIECE_CHARACTERS", 500)
    lines = [json.dumps({"text": f"the sea {chr(0x4E00 + i % 7000)}{chr(0x5E00 + i % 6007)}"}) for i in range(9000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    counts = count_source_chunks([tmp_path], workers=1)
    assert len(counts) <= 300
    whole = plain_counts(tmp_path)
    assert len(whole) > 5000
    for chunk, count in whole.most_common(2):
        assert counts[chunk] == count


def test_vocabulary_is_that_of_the_counts(data):
    whole = plain_counts(data)
    assert vocabulary([data]).chunks == build_tokenizer(whole).chunks
    limited = vocabulary([data], max_size=60, min_count=2, special_roles=SPECIAL_ROLES)
    assert limited.to_json() == build_tokenizer(whole, 60, 2, SPECIAL_ROLES).to_json()


def test_killed_workers_do_not_end_the_count(data, monkeypatch):
    monkeypatch.setattr("i3core.data.vocabulary._PIECE_CHARACTERS", 2000)
    monkeypatch.setattr("i3core.data.vocabulary._COUNTED_HERE", 2)
    heard = []

    def kill_workers(characters):
        heard.append(characters)
        if len(heard) == 8:
            for child in multiprocessing.active_children():
                child.kill()

    assert count_source_chunks([data], kill_workers, workers=2) == plain_counts(data)
    assert len(heard) > 20


def test_script_without_a_main_guard_is_counted_too(process, data, tmp_path):
    """Workers cannot start there: they would run the script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from i3core.data import vocabulary\n"
        "vocabulary._PIECE_CHARACTERS, vocabulary._COUNTED_HERE = 2000, 2\n"
        f"print(vocabulary.count_source_chunks([{str(data)!r}], workers=2).total())\n"
    )
    outcome = process(code=f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
    assert outcome.out.split()[-1] == str(plain_counts(data).total()), outcome.err
    assert "RuntimeError" in outcome.err


def test_command_accepts_folders_and_skips_bad_records(cli, data, tmp_path):
    (data / "bad.jsonl").write_text('{"text": "cat"}\n{}\n')
    options = ("vocab", "--data", data, "--out", tmp_path / "t.json")
    cli(*options).fails("bad.jsonl, line 2")
    outcome = cli(*options, "--skip-bad-records", "--json")
    assert outcome.status == 0
    assert "bad records left out: 1" in outcome.err
    assert outcome.json["chunks_counted"] == sum(Counter(plain_counts_of_good(data)).values())


def plain_counts_of_good(folder):
    return count_chunks(t for document in read_documents(folder, lambda error: None) for t in document.texts)
