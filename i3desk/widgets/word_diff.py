"""Find the words that differ between two texts."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

MOST_WORDS = 400  # compared word by word, which takes up to the product of both counts; longer texts from their ends

_WORD = re.compile(r"\s*(?:\w+(?:['’]\w+)*|[^\w\s]+)|\s+")


class Span(NamedTuple):
    """A part of a text; `differs` if the other text lacks it at this position."""

    text: str
    differs: bool


def diff_words(before: str, after: str) -> tuple[list[Span], list[Span]]:
    """Split both texts into spans, of which those that do not differ have the same words. Spacing does not count."""
    first, second = _WORD.findall(before), _WORD.findall(after)
    left: list[Span] = []
    right: list[Span] = []
    for a_start, a_end, b_start, b_end, differs in _ranges(_keys(first), _keys(second)):
        for spans, words in ((left, first[a_start:a_end]), (right, second[b_start:b_end])):
            if words:
                spans.append(Span("".join(words), differs))
    return left, right


def _keys(words: list[str]) -> list[str]:
    return [word.strip() for word in words]


def _ranges(first: list[str], second: list[str]) -> list[tuple[int, int, int, int, bool]]:
    """Consecutive ranges of words of both texts, and whether they differ."""
    if max(len(first), len(second)) > MOST_WORDS:
        return _ranges_from_the_ends(first, second)
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return [(a0, a1, b0, b1, tag != "equal") for tag, a0, a1, b0, b1 in matcher.get_opcodes()]


def _ranges_from_the_ends(first: list[str], second: list[str]) -> list[tuple[int, int, int, int, bool]]:
    least = min(len(first), len(second))
    start = next((n for n in range(least) if first[n] != second[n]), least)
    same = (n for n in range(least - start) if first[-1 - n] != second[-1 - n])
    end = next(same, least - start)
    a_end, b_end = len(first) - end, len(second) - end
    return [
        (0, start, 0, start, False),
        (start, a_end, start, b_end, True),
        (a_end, len(first), b_end, len(second), False),
    ]
