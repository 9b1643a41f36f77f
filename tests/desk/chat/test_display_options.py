"""What the display makes of a text: capitals and Markdown, and what it must leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3desk.widgets.text_display import capitalise, has_markdown, prepare_markdown

TEXTS = st.text(st.sampled_from("abix .!?'’\"`\n-*_12(ßıé") | st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the moon is a rock. it shines.", "The moon is a rock. It shines."),
        ("hello! who are you? i'm i3.", "Hello! Who are you? I'm i3."),
        ("i think i'll go, and so do i", "I think I'll go, and so do I"),
        ("one\ntwo\n\n- three", "One\nTwo\n\n- Three"),
        ('"what?" she said. "i see."', '"What?" She said. "I see."'),
        ("it is 3.5 m. or 3. no", "It is 3.5 m. Or 3. No"),
        ("e.g. a cat vs. a dog, mr. smith", "E.g. a cat vs. a dog, mr. smith"),
        ("well... maybe", "Well... maybe"),
        (
            "use `i = i + 1`. then\n```\nfor i in x:\n    i\n```\nend",
            "Use `i = i + 1`. Then\n```\nfor i in x:\n    i\n```\nEnd",
        ),
        ("wifi, i/o, mini-i, x.i and i3", "Wifi, i/o, mini-i, x.i and i3"),
        ("3 apples. straße", "3 apples. Straße"),
        ("", ""),
    ],
)
def test_capitals(said, shown):
    assert capitalise(said) == shown


@given(TEXTS)
def test_only_case_changes_and_a_second_pass_changes_nothing(text):
    shown = capitalise(text)
    assert len(shown) == len(text)
    assert shown.lower() == text.lower() or "ı" in text  # the dotless i has the same capital as i
    assert capitalise(shown) == shown


@given(TEXTS, TEXTS)
def test_growing_text_keeps_its_shown_part(text, more):
    settled = text.rstrip(".'’…")  # "i" waits for what follows it, a point or an apostrophe included
    if settled.endswith("i"):
        text = settled[:-1]
    assert capitalise(text + more, growing=True).startswith(capitalise(text, growing=True))


@pytest.mark.parametrize(
    "text",
    [
        "```\ncode\n```",
        "run `ls` now",
        "# Title",
        "this is **bold**.",
        "this is *slanted*.",
        "*waves* hello",
        "- one\n- two",
        "1. one\n2. two",
        "* one\n\n* two",
        "- one\n  goes on\n- two",
        "see [the page](https://example.org/x)",
        "see https://example.org/x.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ],
)
def test_markdown_is_found(text):
    assert has_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        "2*3*4",
        "2 * 3 * 4 = 24",
        "2**3**4",
        "snake_case_name and __init__",
        "*.txt and *.py",
        "a footnote* and another*",
        "- just a dash",
        "well - maybe - yes",
        "1990. it was a good year",
        "#1 in the charts",
        "it's 5 o`clock, 6 o`clock",
        "<b>no</b> <img src=x>",
        "a | b | c",
        "[not] (a link)",
        "a\n---\nb",
        "> said before",
        "```"[:2],
    ],
)
def test_signs_without_markdown_are_not_changed(text):
    assert not has_markdown(text)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("a\nb 2*3*4\n\nc", "a\u2028b 2\\*3\\*4\n\nc"),
        ("```\n2*3\nx\n```", "```\n2*3\nx\n```"),
        ("`2*3*4` 2*3", "`2*3*4` 2\\*3"),
        ("so:\n- one\n- two\n  goes on\nend", "so:\n- one\n- two\u2028  goes on\n\nend"),
        ("# title\ntext", "# title\n\ntext"),
        ("text\n---", "text\n\n---"),
        ("      deep", "   deep"),
        ("|a|b|\n|-|-|\n|1|2|", "|a|b|\n|-|-|\n|1|2|"),
    ],
)
def test_markdown_is_read_as_people_mean_it(text, prepared):
    assert prepare_markdown(text) == prepared


@pytest.mark.parametrize("text", ["\n" * 20_000, "-\n" * 10_000, "[" * 20_000, "!" * 20_000, "|" * 20_000])
def test_long_runs_of_signs_are_displayed_as_they_stand(text):
    """Each took seconds, or did not end, while an expression scanned the rest of the text from every sign."""
    assert capitalise(text) == text
    assert not has_markdown(text)
