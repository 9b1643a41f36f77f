"""The writer of i3-mini's curriculum: templates, typing, names that are never used."""

import re

import pytest
from curriculum.core import TABLES, Writer, article, held_out, in_words, listed, phrasings, read_table
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 10_000))
def test_templates_choose_and_fill(seed):
    text = Writer(seed).text("[what is|tell me[ now|]] {a:thing}[, please|] ?", thing="apple")
    assert text in {f"{a} an apple{b}?" for a in ("what is", "tell me", "tell me now") for b in (", please", "")}


def test_same_seed_same_text():
    def lines(seed):
        writer = Writer(seed)
        return [writer.user("[hello|hi], my name is {n}.", n=writer.name()) for _ in range(200)]

    assert lines(3) == lines(3) != lines(4)


@pytest.mark.parametrize("template", ["[a|b", "a]", "a|b", "{", "{a b}", "[a|{x]"])
def test_faulty_templates_are_told(template):
    with pytest.raises(ValueError, match="template"):
        Writer(1).text(template, x="x")


def test_typing_varies_and_spares_what_fills_slots():
    writer = Writer(5)
    texts = {writer.user("i do not know what is {x}, please tell me.", x="do not, dont't") for _ in range(2000)}
    assert len(texts) > 100
    assert all("do not, dont't" in text or text.isupper() for text in texts)
    assert any("dont know" in text.lower() for text in texts)


def test_phrasings_are_counted():
    assert phrasings(["[a|b[c|d]] {x}", "[a|b] [c|d]"]) == 3 + 4


def test_numbers_articles_and_lists():
    words = [in_words(n) for n in (0, 7, 13, 20, 42, 100, 345, 1000)]
    assert words == [
        "zero",
        "seven",
        "thirteen",
        "twenty",
        "forty-two",
        "one hundred",
        "three hundred and forty-five",
        "1000",
    ]
    for phrase in (
        "an apple",
        "a unicorn",
        "an unusual day",
        "an hour",
        "a one",
        "a european",
        "an 8",
        "an 11",
        "a 110",
    ):
        assert article(phrase.split(" ", 1)[1]) == phrase
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"], "or")] == ["a", "a and b", "a, b or c"]


def test_names_are_many_plain_and_never_held_out():
    names = read_table("names")
    real = names["female"] + names["male"]
    assert len(set(real)) == len(real) >= 400
    writer = Writer(2)
    drawn = {writer.name() for _ in range(5000)}
    assert all(re.fullmatch(r"[a-z]{2,11}", name) for name in drawn | set(real))
    assert not held_out() & (drawn | set(real))
    assert len(drawn) > 1500


def test_no_two_tables_have_one_name():
    names = [path.stem for path in TABLES.iterdir()]
    assert len(set(names)) == len(names)
    assert all(read_table(name) for name in names)
