"""An answer in which words that differ from another answer are marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QPalette, QTextCursor
from PySide6.QtWidgets import QApplication, QTextEdit, QWidget

from i3desk.language import tr
from i3desk.style.palette import mix
from i3desk.widgets.basics import restyle
from i3desk.widgets.text_block import TextBlock
from i3desk.widgets.word_diff import Span

NOT_ASKED = "—"
NO_WORDS = tr("(no words)")
MARK_SHARES = {QPalette.ColorRole.Accent: 0.17, QPalette.ColorRole.PlaceholderText: 0.2}  # of colour in a mark


class DiffText(TextBlock):
    """An answer that is as tall as its text; None if it was not asked for."""

    def __init__(
        self, name: str, mark: QPalette.ColorRole = QPalette.ColorRole.Accent, parent: QWidget | None = None
    ) -> None:
        """`mark` is the colour of different words."""
        super().__init__(name, parent)
        self._mark = mark
        self._marked: list[tuple[int, int]] = []

    def show_answer(self, text: str | None, spans: Sequence[Span] = ()) -> None:
        """Show an answer; `spans` are all its spans, if any differ."""
        has_words = text is not None and bool(text.strip())
        restyle(self, tone="" if has_words else "muted")
        # Positions of marks are valid only if line breaks are one character each.
        plain = NOT_ASKED if text is None else text if has_words else NO_WORDS
        self.show_text(plain)
        self._marked = _marked_places(spans) if has_words and "\r" not in plain else []
        self._show_marks()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_marked", None):
            self._show_marks()

    def _show_marks(self) -> None:
        colours = QApplication.palette()
        base, tint = colours.color(QPalette.ColorRole.Base).name(), colours.color(self._mark).name()
        background = QColor(mix(base, tint, MARK_SHARES[self._mark]))
        marks = []
        for start, end in self._marked:
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(self.document())
            mark.cursor.setPosition(start)
            mark.cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            mark.format.setBackground(background)
            marks.append(mark)
        self.setExtraSelections(marks)


def _marked_places(spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Start and end of the different words in Qt's positions; the space before a word is not marked."""
    places, at = [], 0
    for span in spans:
        end = at + _length(span.text)
        start = at + _length(span.text) - _length(span.text.lstrip())
        if span.differs and start < end:
            places.append((start, end))
        at = end
    return places


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
