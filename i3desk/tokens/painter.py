"""A painter of chunks: wells, text, badges and marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontInfo, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from i3desk.style.palette import Tokens
from i3desk.tokens.layout import BADGE_MARGIN, ChunkLayout, Fragment
from i3desk.tokens.style import chunk_font

PITCH_TO_HEIGHT = 1.6
WELL_RADIUS = 3.0
BADGE_PX = 11


class ChunkMetrics:
    """Metrics of the chunk font; `pitch` is the distance of lines, `well` the height of a well."""

    def __init__(self) -> None:
        self.font = chunk_font()
        self.badge_font = chunk_font(BADGE_PX, bold=True)
        measured = QFontMetricsF(self.font)
        self.pitch = round(measured.height() * PITCH_TO_HEIGHT)
        self.well = round(measured.height() * 1.25)
        self.top = (self.pitch - self.well) // 2
        self.baseline = (self.pitch - measured.height()) / 2 + measured.ascent()
        self.advance: Callable[[str], float] = measured.horizontalAdvance
        badge = QFontMetricsF(self.badge_font)
        self.badge_advance: Callable[[str], float] = badge.horizontalAdvance
        self.badge_baseline = (self.pitch - badge.height()) / 2 + badge.ascent()
        # With letters of equal width, a run drawn at once looks the same as single chunks.
        self.draws_runs = QFontInfo(self.font).fixedPitch()


@cache
def metrics() -> ChunkMetrics:
    """The shared metrics; requires the QApplication."""
    return ChunkMetrics()


class ChunkPainter(QPainter):
    """A painter for chunks. Colour functions are called once for each chunk on each line."""

    def __init__(self, widget: QWidget, measures: ChunkMetrics, tokens: Tokens) -> None:
        super().__init__(widget)
        self._measures, self._tokens = measures, tokens
        self._limit = widget.width()
        self.setRenderHint(QPainter.RenderHint.Antialiasing)

    def _spans(self, fragments: Sequence[Fragment]) -> Iterator[tuple[int, float, float, int]]:
        """Yield (chunk, x, width, line) of each chunk on each line, clipped at the edge."""
        open_, x, end, line = None, 0.0, 0.0, 0
        for fragment in fragments:
            if fragment.chunk == open_ and fragment.line == line:
                end = fragment.x + fragment.part.width
                continue
            if open_ is not None and x < self._limit:
                yield open_, x, min(end, self._limit) - x, line
            open_, x, line = fragment.chunk, fragment.x, fragment.line
            end = x + fragment.part.width
        if open_ is not None and x < self._limit:
            yield open_, x, min(end, self._limit) - x, line

    def wells(self, fragments: Sequence[Fragment], colour: Callable[[int], QColor | None], gap: float = 0.0) -> None:
        """Draw a well behind each chunk that has a colour."""
        pitch, top, height = self._measures.pitch, self._measures.top, self._measures.well
        self.setPen(Qt.PenStyle.NoPen)
        for chunk, x, width, line in self._spans(fragments):
            filled = colour(chunk)
            if filled is not None:
                self.setBrush(filled)
                place = QRectF(x + gap / 2, line * pitch + top, width - gap, height)
                self.drawRoundedRect(place, WELL_RADIUS, WELL_RADIUS)

    def text(self, fragments: Sequence[Fragment], colour: Callable[[int], QColor]) -> None:
        """Draw the text of chunks, with muted line breaks and special tokens as badges."""
        measures = self._measures
        self.setFont(measures.font)
        run, run_x, run_end, run_line, run_colour = "", 0.0, -1.0, -1, QColor()
        muted, badges = QColor(self._tokens.muted), []
        for fragment in fragments:
            part = fragment.part
            if part.is_badge:
                badges.append(fragment)
                continue
            ink = muted if part.ends_line else colour(fragment.chunk)
            plain = measures.draws_runs and part.text.isascii()
            if plain and run and fragment.line == run_line and ink == run_colour and abs(run_end - fragment.x) < 0.01:
                run += part.text
                run_end += part.width
                continue
            self._draw_run(run, run_x, run_line, run_colour)
            run, run_x, run_line, run_colour = part.text, fragment.x, fragment.line, ink
            run_end = fragment.x + part.width if plain else -1.0
        self._draw_run(run, run_x, run_line, run_colour)
        self._draw_badges(badges)

    def _draw_run(self, text: str, x: float, line: int, colour: QColor) -> None:
        if text.strip():
            self.setPen(colour)
            self.drawText(QPointF(x, line * self._measures.pitch + self._measures.baseline), text)

    def _draw_badges(self, badges: Sequence[Fragment]) -> None:
        measures = self._measures
        self.setFont(measures.badge_font)
        for fragment in badges:
            y = fragment.line * measures.pitch
            ink = QColor(self._tokens.bad if fragment.part.text == "UNK" else self._tokens.muted)
            place = QRectF(fragment.x + 2.5, y + measures.top + 1.5, fragment.part.width - 5, measures.well - 3)
            self.setPen(QPen(QColor(self._tokens.border), 1))
            self.setBrush(QColor(self._tokens.raised))
            self.drawRoundedRect(place, 7, 7)
            self.setPen(ink)
            self.drawText(QPointF(fragment.x + BADGE_MARGIN, y + measures.badge_baseline), fragment.part.text)

    def underline(self, fragments: Sequence[Fragment], colour: QColor) -> None:
        """Draw a thin line under chunks."""
        self.setPen(QPen(colour, 1))
        bottom = self._measures.top + self._measures.well + 0.5
        for _, x, width, line in self._spans(fragments):
            y = line * self._measures.pitch + bottom
            self.drawLine(QPointF(x, y), QPointF(x + width, y))

    def outline(self, fragments: Sequence[Fragment], colour: QColor) -> None:
        """Draw an outline around one chunk."""
        self.setPen(QPen(colour, 1.5))
        self.setBrush(Qt.BrushStyle.NoBrush)
        for _, x, width, line in self._spans(fragments):
            place = QRectF(x, line * self._measures.pitch + self._measures.top, width, self._measures.well)
            self.drawRoundedRect(place.adjusted(0.75, 0.75, -0.75, -0.75), WELL_RADIUS, WELL_RADIUS)

    def caret(self, layout: ChunkLayout, colour: QColor) -> None:
        """Draw a caret after the last chunk."""
        last = layout.fragments[-1] if layout.fragments else None
        x = min(last.x + last.part.width, self._limit - 2) if last else 0.0
        line = last.line if last else 0
        top = line * self._measures.pitch + self._measures.top
        self.fillRect(QRectF(x + 1, top, 2, self._measures.well), colour)
