"""The pop-up of the glass box: the likeliest tokens at a place, with their probabilities."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from i3core.generation.outputs import Alternative, Chunk
from i3desk.language import tr
from i3desk.style.palette import mix, tabular
from i3desk.tokens.layout import is_special
from i3desk.tokens.style import chunk_font, percent, tokens_in_use, visible
from i3desk.widgets.basics import column_in, label, named, row
from i3desk.widgets.popup_card import EDGE, PopupCard

MAX_ROWS = 10
ROW_HEIGHT = 25
POPUP_WIDTH = 264
TEXT_WIDTH = 72
PERCENT_WIDTH = 54
GAP = 2  # to the chunk: the pointer should reach the pop-up without crossing another chunk
END = "<|end|>"


def spoken(text: str) -> str:
    """The text of a chunk for screen readers, which skip white space."""
    words = text.replace("\n", tr(" line break ")).replace("\t", tr(" tab "))
    if text.startswith(" "):
        words = tr("space, ") + words
    if text.endswith(" ") and text.strip():
        words += tr(", space")
    return " ".join(words.split()) or tr("nothing")


def can_choose(text: str) -> bool:
    """True if a reply can continue with this chunk or end; marks of other turns and `<UNK>` are only shown."""
    return not is_special(text) or text == END


class AlternativesPopup(PopupCard):
    """Shows the alternatives of one chunk; `view` keeps the focus.

    Attributes:
        row: the row under the pointer or selected by keyboard, or None.
    Signals:
        token_chosen(token_id): Emitted when the reply is to continue with this token.
        left: Emitted when the pointer has left.
    """

    token_chosen = Signal(int)
    left = Signal()

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self.setObjectName("alternatives")
        self.setAccessibleName(tr("Alternatives"))
        self.chosen = named(label(), "chunkText")
        self.chosen.setFont(chunk_font(14, bold=True))
        self.probability = tabular(label(tone="muted", grade="small"))
        self.rows = _AlternativeRows()
        self.rows.chosen.connect(self.token_chosen)
        self.footer = label(tone="muted", grade="small", wrap=True)
        head = row((self.chosen, 1), self.probability, margins=(12, 0, 12, 0))
        foot = row(self.footer, margins=(12, 2, 12, 0), spacing=0)
        column_in(self, head, self.rows, foot, margins=(1, 10, 1, 10), spacing=4)

    @property
    def row(self) -> int | None:
        return self.rows.current

    def show_chunk(self, chunk: Chunk, footer: str, may_choose: bool) -> None:
        """Show the alternatives to `chunk`, with its own token marked."""
        self.chosen.setText(f"“{visible(chunk.text)}”")
        self.probability.setText(percent(chunk.probability))
        self.rows.show_alternatives(chunk.alternatives[:MAX_ROWS], chunk.token_id, may_choose)
        self.rows.setVisible(bool(chunk.alternatives))
        self.footer.setText(footer)

    def move_beside(self, chunk: QRect) -> None:
        """Show below `chunk` (in the window's coordinates), or above it if there is no room."""
        self.fit(POPUP_WIDTH)
        y = chunk.bottom() + GAP
        above = chunk.top() - GAP - self.height()
        self.appear(chunk.left() - 12, above if y + self.height() > self.room().bottom() and above >= EDGE else y)

    def move_by(self, step: int) -> None:
        """Select the row `step` further down."""
        count = len(self.rows.alternatives)
        if count:
            start = -1 if self.rows.current is None and step > 0 else self.rows.current or 0
            self.rows.set_current((start + step) % count)

    def spoken_row(self) -> str:
        """The selected row for screen readers."""
        if self.row is None:
            return ""
        alternative = self.rows.alternatives[self.row]
        note = self.footer.text() if can_choose(alternative.text) else tr("It cannot be chosen")
        return f"{spoken(alternative.text)}, {percent(alternative.probability)}. {note}."

    def choose_row(self) -> None:
        """Choose the selected row, if possible."""
        self.rows.choose(self.row)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.rows.set_current(None)
        self.left.emit()


class _AlternativeRows(QWidget):
    """A row for each alternative: text, bar, percent."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setMouseTracking(True)
        self.alternatives: tuple[Alternative, ...] = ()
        self.current: int | None = None
        self._token_id = -1
        self._may_choose = True
        self._font = chunk_font()
        self._figures = tabular(QLabel()).font()
        self._figures.setPixelSize(12)

    def show_alternatives(self, alternatives: tuple[Alternative, ...], token_id: int, may_choose: bool) -> None:
        self.alternatives, self._token_id, self.current = alternatives, token_id, None
        self._may_choose = may_choose
        self.setFixedHeight(max(1, len(alternatives)) * ROW_HEIGHT)
        self.update()

    def may_choose(self, row: int) -> bool:
        """True if the reply can continue with this row."""
        return self._may_choose and can_choose(self.alternatives[row].text)

    def choose(self, row: int | None) -> None:
        """Emit this row's token, if it can be chosen."""
        if row is not None and self.may_choose(row):
            self.chosen.emit(self.alternatives[row].token_id)

    def set_current(self, row: int | None) -> None:
        """Select a row."""
        if row != self.current:
            self.current = row
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(POPUP_WIDTH - 2, self.height())

    def row_at(self, y: float) -> int | None:
        row = int(y // ROW_HEIGHT)
        return row if 0 <= row < len(self.alternatives) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.set_current(self.row_at(event.position().y()))
        may_choose = self.current is not None and self.may_choose(self.current)
        self.setCursor(Qt.CursorShape.PointingHandCursor if may_choose else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.choose(self.row_at(event.position().y()))

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_in_use()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(self._font)
        # The scale ends at 50 %, or at the highest probability: 12 % then still fills a quarter of the bar.
        scale = max([0.5, *(a.probability for a in self.alternatives)])
        track = QRectF(24 + TEXT_WIDTH, 0, self.width() - 24 - TEXT_WIDTH - PERCENT_WIDTH - 14, 6)
        for number, alternative in enumerate(self.alternatives):
            place = QRectF(6, number * ROW_HEIGHT, self.width() - 12, ROW_HEIGHT)
            is_chosen = alternative.token_id == self._token_id
            painter.setPen(Qt.PenStyle.NoPen)
            if number == self.current:
                painter.setBrush(QColor(tokens.accent_soft))
                painter.drawRoundedRect(place, 6, 6)
            middle = place.center().y()
            if is_chosen:
                painter.setBrush(QColor(tokens.accent))
                painter.drawEllipse(QPointF(14, middle), 2.5, 2.5)
            track.moveTop(middle - 3)
            painter.setBrush(QColor(mix(tokens.border, tokens.muted, 0.08)))
            painter.drawRoundedRect(track, 3, 3)
            filled = QRectF(track)
            filled.setWidth(track.width() * alternative.probability / scale)
            painter.setBrush(QColor(tokens.series_2))
            painter.drawRoundedRect(filled, min(3, filled.width() / 2), 3)
            painter.setFont(self._font)
            ink = tokens.text if can_choose(alternative.text) else tokens.muted
            painter.setPen(QColor(tokens.accent if is_chosen else ink))
            text = metrics.elidedText(visible(alternative.text), Qt.TextElideMode.ElideRight, TEXT_WIDTH - 4)
            painter.drawText(QRectF(24, place.top(), TEXT_WIDTH, ROW_HEIGHT), Qt.AlignmentFlag.AlignVCenter, text)
            painter.setFont(self._figures)
            painter.setPen(QColor(tokens.text if is_chosen else tokens.muted))
            figures = QRectF(self.width() - PERCENT_WIDTH - 12, place.top(), PERCENT_WIDTH, ROW_HEIGHT)
            right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
            painter.drawText(figures, right, percent(alternative.probability))
