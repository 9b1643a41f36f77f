from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


def common_words(answers: Sequence[Sequence[str]]) -> list[tuple[int, ...]]:
    """Words that all answers share, in order: for each word its place in every answer. All places only rise."""
    first = list(answers[0])
    found = [(place,) for place in range(len(first))]
    for other in answers[1:]:
        matcher = SequenceMatcher(None, first, list(other), autojunk=False)
        pairs = {a + k: b + k for a, b, size in matcher.get_matching_blocks() for k in range(size)}
        found = [(*places, pairs[places[0]]) for places in found if places[0] in pairs]
    return found


def side_by_side(names: Sequence[str], answers: Sequence[str], width: int = 100) -> list[str]:
    """Lines that show answers under each other. Words that all share stand in one column; what differs lies between.

    Answers that have hardly a word in common are not torn apart for it.
    """
    margin = max(map(len, names)) + 2
    room = max(20, width - margin)
    lines = []
    for block in _blocks(_columns([answer.split() for answer in answers]), room):
        rows = [f"{name:{margin}}{text}".rstrip() for name, text in zip(names, block, strict=True)]
        lines += [*rows, ""]
    return lines[:-1]


def _columns(answers: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Cells of a column, one for each answer: the same word in all, or all that lies before the next such word."""
    shared, ends = common_words(answers), tuple(map(len, answers))
    if len(shared) < max(ends) / 3:
        shared = []
    for before, here in pairwise([(-1,) * len(answers), *shared, ends]):
        between = [" ".join(answer[a + 1 : b]) for answer, a, b in zip(answers, before, here, strict=True)]
        if any(between):
            yield between
        if here is not ends:
            yield [answer[place] for answer, place in zip(answers, here, strict=True)]


def _blocks(columns: Iterator[list[str]], room: int) -> Iterator[list[str]]:
    """Columns set beside each other, a line for each answer, as many as fit into `room` characters."""
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
