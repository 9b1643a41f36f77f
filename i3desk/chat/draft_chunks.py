"""The draft as the model's chunks, with unknown parts in red."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QScrollArea, QSizePolicy, QWidget

from i3core.text.chat_template import ChatTemplate
from i3desk.humanize import unit_text
from i3desk.language import tr, trn
from i3desk.style.palette import mix
from i3desk.tokens.layout import ChunkLayout
from i3desk.tokens.painter import ChunkPainter, metrics
from i3desk.tokens.style import tokens_in_use
from i3desk.widgets.basics import column_in, label, restyle

MAX_LINES = 4
UPDATE_MS = 30


@dataclass(frozen=True)
class DraftChunk:
    """A part of the text as the model reads it; an unknown part as the user wrote it."""

    text: str
    is_known: bool


def split(text: str, template: ChatTemplate) -> list[DraftChunk]:
    """Split text, folded by the template, into the model's chunks."""
    return [DraftChunk(part, is_known) for part, is_known in template.tokenizer.parts(template.fold(text))]


class _ChunkField(QWidget):
    """The chunks, as tall as their lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("draftChunks")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.measures = metrics()
        self.chunks: list[DraftChunk] = []
        self._layout = ChunkLayout(self.measures.advance, self.measures.badge_advance)
        self._fit_height()

    def show_chunks(self, chunks: list[DraftChunk]) -> None:
        kept = len(self.chunks) if chunks[: len(self.chunks)] == self.chunks else 0
        self.chunks = chunks
        self._layout.show([chunk.text for chunk in chunks], kept)
        self._fit_height()
        self.update()

    def middle_of(self, index: int) -> int:
        """The y coordinate of the middle of chunk `index`."""
        return round((self._layout.of_chunk(index)[-1].line + 0.5) * self.measures.pitch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._layout.set_width(max(32.0, self.width() - self.measures.advance("⏎"))):
            self._fit_height()

    def _fit_height(self) -> None:
        height = self._layout.line_count * self.measures.pitch
        if height != self.height():
            self.setFixedHeight(height)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_in_use()
        pitch = self.measures.pitch
        first, last = event.rect().top() // pitch, event.rect().bottom() // pitch
        fragments = self._layout.between(first, min(last, self._layout.line_count - 1))
        known, unknown = QColor(tokens.raised), QColor(mix(tokens.surface, tokens.bad, 0.16))
        text, bad = QColor(tokens.text), QColor(tokens.bad)
        painter = ChunkPainter(self, self.measures, tokens)
        painter.wells(fragments, lambda index: known if self.chunks[index].is_known else unknown, gap=1.5)
        painter.text(fragments, lambda index: text if self.chunks[index].is_known else bad)
        painter.end()


class DraftChunks(QWidget):
    """A scrolled view of a few lines of chunks, and a line with their number.

    Attributes:
        hint: the number of chunks, or of unknown parts.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Your text as the model's tokens"))
        self._text = ""
        self._caret = 0
        self._template: ChatTemplate | None = None
        self.field = _ChunkField()
        self.area = QScrollArea(widgetResizable=True)
        self.area.setAccessibleName(tr("Your text as the model's tokens"))
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.area.setWidget(self.field)
        self.area.viewport().setAutoFillBackground(False)
        self.hint = label(grade="small", wrap=True)
        column_in(self, self.area, self.hint, spacing=2)
        self._timer = QTimer(self, singleShot=True, interval=UPDATE_MS)
        self._timer.timeout.connect(self.refresh)
        self.area.verticalScrollBar().rangeChanged.connect(self._follow_caret)
        self.field.installEventFilter(self)
        self.refresh()

    @property
    def chunks(self) -> list[DraftChunk]:
        """The shown chunks."""
        return self.field.chunks

    def set_template(self, template: ChatTemplate | None) -> None:
        """Set the template whose chunks are shown."""
        self._template = template
        if self.isVisible():
            self.refresh()

    def show_text(self, text: str, caret: int) -> None:
        """Schedule `text` to be shown, scrolled to the caret (in UTF-16 units, as Qt counts)."""
        self._text, self._caret = text, caret
        if self.isVisible() and not self._timer.isActive():
            self._timer.start()

    @Slot()
    def refresh(self) -> None:
        """Show the text now."""
        self._timer.stop()
        chunks = split(self._text, self._template) if self._template is not None else []
        self.field.show_chunks(chunks)
        unknown = sum(not chunk.is_known for chunk in chunks)
        if self._template is None:
            hint = tr("Tokens appear once a model is loaded")
        elif not chunks:
            hint = tr("Your text appears here as the model's tokens while you type")
        elif unknown:
            hint = trn(
                "{n} part is unknown to this model (shown in red)",
                "{n} parts are unknown to this model (shown in red)",
                unknown,
            )
        else:
            hint = unit_text(len(chunks), self._template.tokenizer.unit)
        restyle(self.hint, tone="bad" if unknown else "muted")
        self.hint.setText(hint)
        self.area.setVisible(bool(chunks))
        self._follow_caret()

    @Slot()
    def _follow_caret(self) -> None:
        position = 0
        for index, chunk in enumerate(self.chunks):
            position += len(chunk.text) + sum(character > "\uffff" for character in chunk.text)
            if position >= self._caret or index == len(self.chunks) - 1:
                self.area.ensureVisible(0, self.field.middle_of(index), 0, self.field.measures.pitch // 2)
                return

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            height = min(self.field.height(), MAX_LINES * self.field.measures.pitch)
            if height != self.area.height():
                self.area.setFixedHeight(height)
        return False
