"""Words that differ between two texts: nothing is lost, and what is not marked is in both."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from i3desk.widgets.word_diff import MOST_WORDS, diff_words

TEXTS = st.lists(st.sampled_from(["arr", "i", "am", " ", "  ", "\n", ",", "!", "don't", "é", "🌙"]), max_size=30).map(
    "".join
)
ANY_TEXTS = TEXTS | st.text(max_size=40)


def kept(spans) -> list[str]:
    return "".join(span.text for span in spans if not span.differs).split()


def marked(spans) -> list[str]:
    return [span.text.strip() for span in spans if span.differs]


@given(ANY_TEXTS, ANY_TEXTS)
def test_the_spans_join_to_both_texts_and_what_is_not_marked_is_in_both(before, after):
    left, right = diff_words(before, after)
    assert "".join(span.text for span in left) == before
    assert "".join(span.text for span in right) == after
    assert "".join(kept(left)) == "".join(kept(right))


@given(ANY_TEXTS)
def test_a_text_does_not_differ_from_itself(text):
    assert not any(span.differs for spans in diff_words(text, text) for span in spans)


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_texts_of_other_words_differ_somewhere(first, second):
    left, right = diff_words(" ".join(first), " ".join(second))
    assert any(span.differs for span in (*left, *right)) == (first != second)


def test_words_are_marked_and_their_punctuation_is_not():
    left, right = diff_words("i am fine, thank you.", "arr, i be fine, matey.")
    assert marked(left) == ["am", "thank you"]
    assert marked(right) == ["arr,", "be", "matey"]


def test_how_words_are_spaced_is_no_difference():
    left, right = diff_words("i am  fine", "i am\nfine ")
    assert marked(left) == []
    assert marked(right) == [""]  # the space at the end; nothing to see


def test_very_long_texts_are_compared_from_their_ends_at_once():
    words = ["sea"] * (3 * MOST_WORDS)
    left, right = diff_words(" ".join(words), " ".join([*words[:MOST_WORDS], "ship", *words[MOST_WORDS + 5 :]]))
    assert marked(right) == ["ship"]
    assert marked(left) == [" ".join(["sea"] * 5)]
