"""Layout of chunks in lines: lines break after spaces, or between the chunks of a long word.

Growing text is laid out at its end: only the last word can move.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_SPECIAL = re.compile(r"<\|[^|]*\|>|<UNK>")
_PIECE = re.compile(r"\r?\n|[^\n ]{1,12} *| +")
_SIGNS = {"\t": "⇥", "\r": "␍"}
BADGE_MARGIN = 6.0  # on each side of a special token's name


def is_special(text: str) -> bool:
    """True for a token that text can never produce, such as `<|end|>`."""
    return len(text) > 3 and _SPECIAL.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """A part of a chunk on one line; `bare` is its width without trailing spaces, which may cross the edge."""

    text: str
    width: float
    bare: float
    is_badge: bool = False
    ends_word: bool = False
    ends_line: bool = False


@dataclass(slots=True)
class Fragment:
    """A part of chunk number `chunk` with its place."""

    chunk: int
    part: ChunkPart
    x: float
    line: int


class ChunkLayout:
    """Lays out chunks in lines of `width`.

    Attributes:
        fragments: in reading order; a chunk without text has none.
        starts: for each line, the index of its first fragment.
    """

    def __init__(self, advance: Callable[[str], float], badge_advance: Callable[[str], float]) -> None:
        self._advance, self._badge_advance = advance, badge_advance
        self._parts: dict[str, tuple[ChunkPart, ...]] = {}
        self.width = 640.0
        self._texts: list[str] = []
        self._clear()

    def _clear(self) -> None:
        self.fragments: list[Fragment] = []
        self.starts = [0]
        self._x = 0.0
        self._word = 0  # the first fragment of the last word

    @property
    def line_count(self) -> int:
        """Number of lines that are not empty; at least one."""
        empty_end = len(self.starts) > 1 and self.starts[-1] == len(self.fragments)
        return len(self.starts) - empty_end

    def set_width(self, width: float) -> bool:
        """Lay the text out in lines of `width`; returns True if the width has changed."""
        if width == self.width:
            return False
        self.width = width
        self._clear()
        for index, text in enumerate(self._texts):
            self._put(index, text)
        return True

    def show(self, texts: Sequence[str], kept: int) -> int:
        """Lay out `texts`, of which the first `kept` are unchanged; returns the first changed line."""
        if kept < len(self._texts):
            self._clear()
            self._texts = []
        before = max(0, len(self.starts) - 1)
        for index in range(len(self._texts), len(texts)):
            self._put(index, texts[index])
        self._texts = list(texts)
        return before if kept else 0

    def between(self, first: int, last: int) -> list[Fragment]:
        """Fragments on the lines `first` to `last`."""
        if first >= len(self.starts) or last < first:
            return []
        end = self.starts[last + 1] if last + 1 < len(self.starts) else len(self.fragments)
        return self.fragments[self.starts[max(0, first)] : end]

    def of_chunk(self, chunk: int) -> list[Fragment]:
        """The fragments of one chunk: several if it spans lines."""
        start = bisect_right(self.fragments, chunk - 1, key=_chunk_of)
        return self.fragments[start : bisect_right(self.fragments, chunk, key=_chunk_of)]

    def chunk_at(self, x: float, line: int, nearest: bool = False) -> int | None:
        """The chunk at a place; with `nearest`, the closest one on the line."""
        found = None
        if nearest:
            line = min(max(line, 0), self.line_count - 1)
        for fragment in self.between(line, line) if line >= 0 else ():
            if fragment.x <= x < fragment.x + fragment.part.width:
                return fragment.chunk
            if nearest and (found is None or fragment.x <= x):
                found = fragment.chunk
        return found

    def _put(self, chunk: int, text: str) -> None:
        parts = self._parts.get(text)
        if parts is None:
            parts = self._parts[text] = tuple(self._cut(text))
        for part in parts:
            if self._x and self._x + part.bare > self.width:
                self._wrap(part.bare)
            self.fragments.append(Fragment(chunk, part, self._x, len(self.starts) - 1))
            self._x += part.width
            if part.ends_line:
                self._start_line(len(self.fragments))
            elif part.ends_word:
                self._word = len(self.fragments)

    def _wrap(self, coming: float) -> None:
        """Start a line with the open word, or inside it if it is longer than a line."""
        word = self.fragments[self._word :]
        if word and not word[0].x:
            word = []
        self._start_line(len(self.fragments) - len(word))
        for fragment in word:
            fragment.x, fragment.line = self._x, len(self.starts) - 1
            self._x += fragment.part.width
        if word and self._x + coming > self.width:
            self._start_line(len(self.fragments))

    def _start_line(self, first: int) -> None:
        self.starts.append(first)
        self._word = first
        self._x = 0.0

    def _cut(self, text: str):
        if is_special(text):
            name = text.strip("<|>")
            width = self._badge_advance(name) + 2 * BADGE_MARGIN
            yield ChunkPart(name, width, width, is_badge=True, ends_word=True)
            return
        for piece in _PIECE.findall(text):
            if piece.endswith("\n"):
                yield ChunkPart("⏎", self._advance("⏎"), 0.0, ends_line=True)
                continue
            shown = "".join(_SIGNS.get(c, c if c.isprintable() else "·") for c in piece)
            width, bare = self._advance(shown), self._advance(shown.rstrip(" "))
            yield ChunkPart(shown, width, bare, ends_word=shown.endswith(" "))


def _chunk_of(fragment: Fragment) -> int:
    return fragment.chunk
