"""Other words for a question, and questions near it."""

from hypothesis import given
from hypothesis import strategies as st

from i3core.data.wordings import neighbours, wordings
from i3core.text.normalization import normalized


@given(st.text(max_size=60))
def test_other_words_are_few_different_and_keep_the_question(question):
    found = wordings(question)
    assert len(found) <= 8
    assert len(set(found)) == len(found)
    assert question not in found
    assert all(text.strip() for text in found)


def test_other_words_by_hand():
    found = wordings("What is the biggest city?")
    assert found[:2] == ["what is the biggest city", "what's the biggest city?"]
    assert "what is the biggest city please" in found
    assert "hey, what is the biggest city?" in found
    assert "i'm not tired" in wordings("i am not tired")


def test_near_questions_share_words_and_mean_something_else():
    exchanges = [
        ("what is 2 plus 2?", "4."), ("7 plus 5, what is it", "12."), ("What is 7 plus 5", "12."), ("hello", "hi!"),
        ("what is 7 minus 5?", "2."), ("what color is the sky?", "blue."), ("what is 2 plus 2", "four."),
    ]  # fmt: skip
    found = neighbours("what is 7 plus 5?", exchanges, 3)
    assert ("what is 7 minus 5?", "2.") in found
    assert len({normalized(question) for question, _ in found}) == len(found) == 3
    assert all(normalized(question)[-8:] != "7 plus 5" for question, _ in found)
    assert neighbours("what is 7 plus 5?", [("hello", "hi!")], 3) == []
    assert neighbours("", exchanges, 3) == []
