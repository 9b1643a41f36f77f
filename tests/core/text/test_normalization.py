"""What is compared of a text."""

from hypothesis import given
from hypothesis import strategies as st

from i3core.text.normalization import normalized


@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_ascii_is_reduced_as_all_other_text(text):
    assert normalized(text) == normalized(text + "é").removesuffix("é").strip()


def test_letters_and_digits_are_left():
    assert normalized("  What's_2+2?\n") == "what s 2 2"
    assert normalized("Ça va ? — Où…") == "ça va où"
