"""Answers of several models set under each other, with their common words in columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest


def common_words(answers: Sequence[Sequence[str]]) -> list[tuple[int, ...]]:
    """Words that all answers share, in order: for each, its index in every answer. Indices increase in all of them."""
    first = list(answers[0])
    found = [(index,) for index in range(len(first))]
    for other in answers[1:]:
        matcher = SequenceMatcher(None, first, list(other), autojunk=False)
        pairs = {a + k: b + k for a, b, size in matcher.get_matching_blocks() for k in range(size)}
        found = [(*indices, pairs[indices[0]]) for indices in found if indices[0] in pairs]
    return found


def side_by_side(names: Sequence[str], answers: Sequence[str], width: int = 100) -> list[str]:
    """Format answers under each other: words that all share are aligned, with the differences between them.

    Answers with few words in common are not split into columns.
    """
    margin = max(map(len, names)) + 2
    room = max(20, width - margin)
    lines = []
    for block in _blocks(_columns([answer.split() for answer in answers]), room):
        rows = [f"{name:{margin}}{text}".rstrip() for name, text in zip(names, block, strict=True)]
        lines += [*rows, ""]
    return lines[:-1]


def _columns(answers: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Yield the cells of each column, one for each answer: a shared word, or the text before the next shared word."""
    shared, ends = common_words(answers), tuple(map(len, answers))
    if len(shared) < max(ends) / 3:
        shared = []
    for before, here in pairwise([(-1,) * len(answers), *shared, ends]):
        between = [" ".join(answer[a + 1 : b]) for answer, a, b in zip(answers, before, here, strict=True)]
        if any(between):
            yield between
        if here is not ends:
            yield [answer[index] for answer, index in zip(answers, here, strict=True)]


def _blocks(columns: Iterator[list[str]], room: int) -> Iterator[list[str]]:
    """Join columns into blocks of a line for each answer, at most `room` characters wide."""
    block: list[str] = []
    for cells in columns:
        widest = max(map(len, cells))
        if block and len(block[0]) + widest > room:
            yield block
            block = []
        if widest > room:
            parts = [textwrap.wrap(cell, room) for cell in cells]
            *whole, cells = [list(part) for part in zip_longest(*parts, fillvalue="")]
            yield from whole
            widest = max(map(len, cells))
        block = [before + f"{cell:{widest}} " for before, cell in zip(block or [""] * len(cells), cells, strict=True)]
    if block:
        yield block
