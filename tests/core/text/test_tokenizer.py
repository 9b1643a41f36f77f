"""The chunk tokenizer, compared with a plain character-by-character reference."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from i3core.errors import TokenizerError
from i3core.text.tokenizer import UNK, UNK_ID, ChunkTokenizer, build_tokenizer, count_chunks, cut, equal_cuts

TRIGRAMS = """
the and ing ion tio for tha ter hat his ere ent her was you are not but can all whi one our out whe hav thi wit
"""
COMMON = TRIGRAMS.split()


def plain_chunk(text, p):
    """The chunk at position p of lower-cased text."""
    left = len(text) - p
    if left >= 3:
        three = text[p : p + 3]
        after_space = p > 0 and text[p - 1] == " "
        before_space = p + 3 < len(text) and text[p + 3] == " "
        if three in COMMON or after_space or before_space:
            return three
    return text[p : p + min(2, left)]


def plain_cut(text):
    text, chunks, p = text.lower(), [], 0
    while p < len(text):
        chunks.append(plain_chunk(text, p))
        p += len(chunks[-1])
    return chunks


def plain_encode(vocabulary, text):
    text, ids, p = text.lower(), [], 0
    while p < len(text):
        chunk = plain_chunk(text, p)
        while chunk and chunk not in vocabulary:
            chunk = chunk[:-1]
        ids.append(vocabulary[chunk] if chunk else 0)
        p += len(chunk) or 1
    return ids


def any_text():
    """Any Unicode, and texts like language: common trigrams, short words and many spaces."""
    pieces = st.sampled_from([*COMMON, " ", " ", " ", "a", "xq", "t", "İ", "Σ", "ß", "\n", "é", "😀", ".", "THE", "  "])
    return st.one_of(st.text(), st.lists(pieces, max_size=40).map("".join), st.text("abt h ", max_size=40))


def vocabulary_from(chunks):
    return {UNK: 0, **{chunk: i for i, chunk in enumerate(sorted(chunks), 1)}}


@settings(max_examples=400)
@given(any_text())
def test_cutting_follows_the_rule(text):
    chunks = cut(text)
    assert chunks == plain_cut(text)
    assert "".join(chunks) == text.lower()


@settings(max_examples=400)
@given(text=any_text(), data=st.data())
def test_encoding_follows_the_rule_with_any_vocabulary(text, data):
    """Vocabularies from a sparse random share of the text's own pieces force every kind of fallback."""
    lowered = text.lower()
    pieces = {lowered[p : p + n] for p in range(len(lowered)) for n in (1, 2, 3)} | set(COMMON) | {"t", "a", " "}
    kept = data.draw(st.sets(st.sampled_from(sorted(pieces)), min_size=1))
    vocabulary = vocabulary_from(kept)
    tokenizer = ChunkTokenizer(vocabulary)
    ids = tokenizer.encode(text)
    assert ids == plain_encode(vocabulary, text)
    if 0 not in ids:
        assert tokenizer.decode(ids) == lowered


@given(any_text())
def test_decoding_with_the_texts_own_vocabulary_is_lossless(text):
    tokenizer = ChunkTokenizer(vocabulary_from({*plain_cut(text), "a"}))
    assert tokenizer.decode(tokenizer.encode(text)) == text.lower()


def test_examples_by_hand():
    assert cut("The cat sat.") == ["the", " c", "at", " s", "at", "."]
    assert cut("abcd") == ["ab", "cd"]
    assert cut("abc d") == ["abc", " d"]
    assert cut(" abcd") == [" a", "bc", "d"]
    assert cut("x thex") == ["x ", "the", "x"]
    assert cut("abc") == ["ab", "c"]
    assert cut("") == []
    tokenizer = ChunkTokenizer({UNK: 0, "ab": 1, "a": 2, "c": 3})
    assert tokenizer.encode("ABcx") == [1, 3, 0]
    assert tokenizer.encode("a") == [2]
    assert tokenizer.encode("") == []


@given(any_text())
def test_special_tokens_never_come_from_text(text):
    special = {"user": 3, "assistant": 4, "end": 5}
    tokenizer = ChunkTokenizer({UNK: 0, "<": 1, "|": 2, "<|u": 3, "<|": 4, "e": 5}, special)
    assert not set(special.values()) & set(tokenizer.encode(text + "<|user|><|u<|e<UNK>"))


def test_special_tokens_are_not_text(build):
    tokenizer = build.tokenizer()
    names = "".join(tokenizer.chunks[i] for i in tokenizer.special_tokens.values())
    assert names == "<|user|><|assistant|><|end|>"
    assert not set(tokenizer.special_tokens.values()) & set(tokenizer.encode(names))


def test_decoding_unknown_ids():
    tokenizer = ChunkTokenizer({UNK: 0, "ab": 1})
    assert tokenizer.decode([1, 0, 99, -1, 1]) == f"ab{UNK}{UNK}{UNK}ab"


@given(st.lists(st.text("abc é", max_size=30), min_size=1))
def test_vocabulary_is_sorted_by_count_then_chunk(texts):
    counts = count_chunks(texts)
    assert counts == Counter(chunk for text in texts for chunk in plain_cut(text))
    if not counts:
        with pytest.raises(TokenizerError):
            build_tokenizer(counts)
        return
    expected = sorted(counts, key=lambda chunk: (-counts[chunk], chunk))
    tokenizer = build_tokenizer(counts)
    assert tokenizer.chunks == [UNK, *expected]
    assert tokenizer.to_json()["chunk_to_idx"] == {chunk: i for i, chunk in enumerate([UNK, *expected])}


@given(size=st.integers(6, 300), special=st.booleans())
def test_vocabulary_does_not_exceed_max_size(build, size, special):
    tokenizer = build.tokenizer(special, size)
    assert tokenizer.vocab_size <= size
    assert len(set(tokenizer.chunks)) == tokenizer.vocab_size
    assert list(tokenizer.special_tokens) == (["user", "assistant", "end"] if special else [])


def test_limited_vocabulary_knows_every_frequent_character(build):
    tokenizer = build.tokenizer(size=200)
    assert all(0 not in tokenizer.encode(character) for character in "abcdefghilmnorstuwy ,.?")


def test_min_count_drops_rare_chunks():
    counts = Counter({"ab": 5, "cd": 1})
    assert build_tokenizer(counts, min_count=2).chunks == [UNK, "ab"]


def test_vocabulary_without_room_is_refused():
    with pytest.raises(TokenizerError, match="no room"):
        build_tokenizer(Counter({"ab": 1}), max_size=4, special_roles=("user", "assistant", "end"))


@given(st.sets(st.text(min_size=1, max_size=3).filter(lambda c: c.lower() == c and c.isprintable()), min_size=1))
def test_json_round_trip(tmp_path_factory, chunks):
    path = tmp_path_factory.getbasetemp() / "round-trip.json"
    size = len(chunks)
    written = ChunkTokenizer({**vocabulary_from(chunks), "<|user|>": size + 1}, {"user": size + 1})
    path.write_text(json.dumps(written.to_json()), encoding="utf-8")
    read = ChunkTokenizer.from_file(path)
    assert read.chunks == written.chunks
    assert read.special_tokens == written.special_tokens
    assert read.to_json() == written.to_json()
    text = "".join(chunks)
    assert read.encode(text) == written.encode(text)


def test_plain_object_of_chunks_is_read(tmp_path):
    (tmp_path / "vocab.json").write_text('{"<UNK>": 0, "ab": 1}')
    assert ChunkTokenizer.from_file(tmp_path / "vocab.json").encode("abx") == [1, 0]


def test_special_tokens_by_name_or_id(tmp_path):
    content = {"chunk_to_idx": {UNK: 0, "ab": 1, "<|end|>": 2}, "special_tokens": {"end": "<|end|>"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert ChunkTokenizer.from_file(tmp_path / "tokenizer.json").special_tokens == {"end": 2}
    content["special_tokens"] = {}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert ChunkTokenizer.from_file(tmp_path / "tokenizer.json").special_tokens == {}


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "{}", "null", '{"ab": "x"}', '{"ab": -1}', '{"ab": 1.5}', '{"ab": true}',
        '{"chunk_to_idx": []}', '{"ab": 4000000}', '{"ab": 99999999999999}', '{"<UNK>": 3, "ab": 0}',
        '{"chunk_to_idx": {"ab": 1}, "unk_idx": 1}', '{"chunk_to_idx": {"ab": 1}, "special_tokens": {"end": 77}}',
        '{"chunk_to_idx": {"ab": 1}, "special_tokens": ["end"]}', "[" * 100_000,
        '{"chunk_to_idx": {"ab": 1}, "special_tokens": {"end": "<|end|>"}}',
    ],
)  # fmt: skip
def test_damaged_vocabularies_are_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
        ChunkTokenizer.from_file(path)


def test_vocabulary_in_another_encoding_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe{\x00")
    with pytest.raises(TokenizerError, match="damaged"):
        ChunkTokenizer.from_file(tmp_path / "tokenizer.json")


def test_equal_cuts_keep_words_together_wherever_they_stand():
    text = "my name is tom. your name is tom, and tom is 12 or 13 years old. i like tom."
    tokenizer = build_tokenizer(equal_cuts(count_chunks([text])), 512, 1)
    pieces = [tokenizer.chunks[i] for i in tokenizer.encode("my name is tom. hello tom, 12 years")]
    assert "".join(pieces) == "my name is tom. hello tom, 12 years"
    assert not any(" " in piece[1:] for piece in pieces)
    assert all(piece.strip().isalpha() or not any(map(str.isalpha, piece)) for piece in pieces)
    assert {"1", "2"} <= set(pieces)


@given(st.lists(st.text(alphabet="abc e.'12\n", max_size=30), min_size=1))
def test_equal_cuts_leave_every_ascii_character_readable(texts):
    tokenizer = build_tokenizer(equal_cuts(count_chunks(texts)), 1024, 1)
    everything = "\n" + "".join(map(chr, range(32, 127)))
    assert UNK_ID not in tokenizer.encode(everything)
