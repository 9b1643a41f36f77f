"""One prompt answered by several models with the same seed and settings, and their answers side by side."""

from __future__ import annotations

import dataclasses
import secrets
import textwrap
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from .errors import PromptError
from .settings import SamplingConfig

if TYPE_CHECKING:
    from .checkpoint import Model
    from .pieces import Piece


class Comparison:
    """Loaded models that answer the same prompts one after the other. Not thread-safe."""

    def __init__(self, models: Sequence[Model]) -> None:
        from .generation import Generator

        self._generators = [Generator(model) for model in models]

    def answer(
        self, prompt: str, config: SamplingConfig, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[int, Piece | PromptError]]:
        """Pieces of each model's answer with the model's number, model by model; the last has a finish_reason.

        Without a seed in `config` all get the same random one. What one model refuses (its window may be smaller), it
        tells as its only item, and the next model goes on.
        """
        if config.seed is None:
            config = dataclasses.replace(config, seed=secrets.randbelow(2**31))
        for number, generator in enumerate(self._generators):
            try:
                for piece in generator.stream([{"role": "user", "content": prompt}], config, cancelled):
                    yield number, piece
            except PromptError as error:
                yield number, error


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
