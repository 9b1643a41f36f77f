"""The glass box: a reply as chunks, coloured by their surprise."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QWidget

from i3core.generation.outputs import Chunk
from i3desk.language import tr
from i3desk.tokens.alternatives_popup import AlternativesPopup, spoken
from i3desk.tokens.layout import ChunkLayout, is_special
from i3desk.tokens.painter import ChunkPainter, metrics
from i3desk.tokens.style import percent, surprise_colours, surprise_level, tokens_in_use

HOVER_MS = 120  # the pointer rests this long on a chunk before its alternatives are shown
LEAVE_MS = 250  # they stay this long after the pointer has left
DRAG_PIXELS = 4


class ChunkView(QWidget):
    """Shows chunks and, on hover or by keyboard, the alternatives of each.

    Left, Right, Home and End move between chunks (with Shift they select), Enter shows the alternatives, Up and Down
    move in them.

    Signals:
        alternative_chosen(index, token_id): Emitted when the reply is to continue with this token in place of chunk
            number `index`.
    """

    alternative_chosen = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Reply as tokens"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._chunks: list[Chunk] = []
        self._levels: list[int] = []
        self._given = 0
        self._current = 0
        self._anchor: int | None = None  # of a selection; its other end is the current chunk
        self._pressed: QPoint | None = None
        self._hovered: int | None = None
        self._caret = False
        self._may_branch, self._obstacle = True, tr("Wait until the reply has ended")
        self._popup: AlternativesPopup | None = None
        self._shown_by_keyboard = False
        self._shown: int | None = None
        self._scroll_bar = None
        self._measures = metrics()
        self._layout = ChunkLayout(self._measures.advance, self._measures.badge_advance)
        self._hover_timer = QTimer(self, singleShot=True, interval=HOVER_MS)
        self._hover_timer.timeout.connect(self._show_hovered)
        self._leave_timer = QTimer(self, singleShot=True, interval=LEAVE_MS)
        self._leave_timer.timeout.connect(self._close_if_left)
        self._fit_height()

    # Content

    def show_chunks(self, chunks: Sequence[Chunk], given: int = 0) -> None:
        """Show `chunks`, of which the first `given` are the prefix of the reply. A growing reply is appended to."""
        kept = len(self._chunks)
        if len(chunks) == kept and given == self._given and list(chunks) == self._chunks:
            return
        if given != self._given or list(chunks[:kept]) != self._chunks:
            kept = 0
            self._current, self._anchor, self._hovered = 0, None, None
            self.close_alternatives()
        self._levels = self._levels[:kept] + [surprise_level(chunk.probability) for chunk in chunks[kept:]]
        self._chunks, self._given = list(chunks), given
        line = self._layout.show([chunk.text for chunk in self._chunks], kept)
        self._fit_height()
        self.update(0, line * self._measures.pitch, self.width(), self.height())

    def show_caret(self, shown: bool) -> None:
        """Show or hide a caret at the end, while more text is coming."""
        if shown != self._caret:
            self._caret = shown
            self.update()

    def set_branching(self, allowed: bool, obstacle: str = "") -> None:
        """Allow or forbid choosing alternatives; `obstacle` says why not."""
        before = (self._may_branch, self._obstacle)
        self._may_branch, self._obstacle = allowed, obstacle or tr("Wait until the reply has ended")
        if before != (self._may_branch, self._obstacle) and self._shown is not None:
            self._open(self._shown)

    def selected_text(self) -> str:
        """The text of the selected chunks, without special tokens."""
        if self._anchor is None:
            return ""
        first, last = sorted((self._anchor, self._current))
        return "".join(chunk.text for chunk in self._chunks[first : last + 1] if not is_special(chunk.text))

    @Slot()
    def copy(self) -> None:
        """Copy the selected text, or the whole text if none is selected."""
        text = self.selected_text() or "".join(chunk.text for chunk in self._chunks if not is_special(chunk.text))
        QGuiApplication.clipboard().setText(text)

    @property
    def current(self) -> int:
        """The chunk with the keyboard focus."""
        return self._current

    @property
    def popup(self) -> AlternativesPopup | None:
        """The pop-up while it is shown."""
        return self._popup

    def rect_of(self, index: int) -> QRect:
        """The rectangle of the start of chunk `index`; empty if it has no text."""
        fragments = self._layout.of_chunk(index)
        if not fragments:
            return QRect()
        first = fragments[0]
        x, width = round(first.x), max(1, round(first.part.width))
        return QRect(x, first.line * self._measures.pitch, width, self._measures.pitch)

    def sizeHint(self) -> QSize:
        return QSize(320, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(96, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # The last column stays free for a line-break sign.
        if self._layout.set_width(max(32.0, self.width() - self._measures.advance("⏎"))):
            self.close_alternatives()
            self._fit_height()
            self.update()

    def _fit_height(self) -> None:
        height = self._layout.line_count * self._measures.pitch
        if height != self.height():
            self.setFixedHeight(height)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        pitch = self._measures.pitch
        first, last = max(0, event.rect().top() // pitch), event.rect().bottom() // pitch
        fragments = self._layout.between(first, min(last, self._layout.line_count - 1))
        tokens = tokens_in_use()
        painter = ChunkPainter(self, self._measures, tokens)
        selected = range(0)
        if self._anchor is not None:
            low, high = sorted((self._anchor, self._current))
            selected = range(low, high + 1)
        colours, levels = surprise_colours(tokens), self._levels
        accent, ink, selected_ink = QColor(tokens.accent), QColor(tokens.text), QColor(tokens.on_accent)

        def well(chunk: int) -> QColor | None:
            if chunk in selected:
                return accent
            return colours[levels[chunk]] if levels[chunk] else None

        painter.wells(fragments, well)
        painter.text(fragments, lambda chunk: selected_ink if chunk in selected else ink)
        if self._given and fragments and fragments[0].chunk < self._given:
            painter.underline([f for f in fragments if f.chunk < self._given], accent)
        outlined = self._shown if self._popup is not None else self._current if self.hasFocus() else None
        if outlined is not None:
            painter.outline(self._layout.of_chunk(outlined), accent)
        if self._caret:
            painter.caret(self._layout, accent)
        painter.end()

    # Mouse

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        line = int(position.y() // self._measures.pitch)
        if self._pressed is not None and event.buttons() & Qt.MouseButton.LeftButton:
            if self._anchor is None and (position.toPoint() - self._pressed).manhattanLength() < DRAG_PIXELS:
                return
            self._drag_to(position, line)
            return
        self._hovered = self._layout.chunk_at(position.x(), line)
        if self._hovered is not None and self._hovered != self._shown:
            self._hover_timer.start()
        if self._hovered is None:
            self._hover_timer.stop()
            self._leave_timer.start()
        else:
            self._leave_timer.stop()

    def _drag_to(self, position: QPointF, line: int) -> None:
        self._hover_timer.stop()
        self.close_alternatives()
        index = self._layout.chunk_at(position.x(), line, nearest=True)
        if index is None:
            return
        if self._anchor is None and self._pressed is not None:
            start = QPointF(self._pressed)
            self._anchor = self._layout.chunk_at(start.x(), int(start.y() // self._measures.pitch), nearest=True)
        self._current = index
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        self._pressed, self._anchor = event.position().toPoint(), None
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            event.ignore()
            return
        self._pressed = None
        line = int(event.position().y() // self._measures.pitch)
        index = self._layout.chunk_at(event.position().x(), line)
        if self._anchor is None and index is not None:
            self._hover_timer.stop()
            self._current = index
            self._shown_by_keyboard = False
            self._open(index)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._hovered = None
        self._hover_timer.stop()
        self._leave_timer.start()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.close_alternatives()
        event.ignore()  # the transcript scrolls

    @Slot()
    def _show_hovered(self) -> None:
        if self._hovered is not None and self.isVisible() and self.window().isActiveWindow():
            self._shown_by_keyboard = False
            self._open(self._hovered)

    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, extend = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self._anchor, self._current = 0, max(0, len(self._chunks) - 1)
            self.update()
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._move_to(self._next_shown(self._current, -1 if key == Qt.Key.Key_Left else 1), extend)
        elif key == Qt.Key.Key_Home:
            self._move_to(self._next_shown(-1, 1), extend)
        elif key == Qt.Key.Key_End:
            self._move_to(self._next_shown(len(self._chunks), -1), extend)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._popup is not None:
            self._popup.move_by(-1 if key == Qt.Key.Key_Up else 1)
            self._announce(self._popup.spoken_row())
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._chunks:
            if self._popup is not None and self._popup.row is not None:
                self._popup.choose_row()
            else:
                self._shown_by_keyboard = True
                self._open(self._current)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason) and self._chunks:
            self._announce(self.describe(self._current))
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.close_alternatives()
        self.update()

    def _next_shown(self, index: int, step: int) -> int:
        """The nearest chunk with text in a direction, or the same one."""
        found = index + step
        while 0 <= found < len(self._chunks) and not self._chunks[found].text:
            found += step
        return found if 0 <= found < len(self._chunks) else index

    def _move_to(self, index: int, extend: bool) -> None:
        if not 0 <= index < len(self._chunks):
            return
        if not extend:
            self._anchor = None
        elif self._anchor is None:
            self._anchor = self._current
        self._current = index
        was_open = self._popup is not None
        area = self._scroll_area()
        if area is not None:
            y = self.mapTo(area.viewport(), self.rect_of(index).center()).y()
            margin, bar = 2 * self._measures.pitch, area.verticalScrollBar()
            bar.setValue(bar.value() + min(0, y - margin) + max(0, y + margin - area.viewport().height()))
        if was_open and not extend:
            self._shown_by_keyboard = True
            self._open(index)
        self._announce(self.describe(index))
        self.update()

    def describe(self, index: int) -> str:
        """Describe a chunk for screen readers."""
        chunk = self._chunks[index]
        others = [a for a in chunk.alternatives if a.token_id != chunk.token_id][:3]
        parts = [
            tr("Chunk {index} of {count}: {spoken}, {percent}.").format(
                index=index + 1, count=len(self._chunks), spoken=spoken(chunk.text), percent=percent(chunk.probability)
            )
        ]
        if index < self._given:
            parts.append(tr("Part of your text, not generated."))
        if others:
            listed = ", ".join(f"{spoken(a.text)} {percent(a.probability)}" for a in others)
            parts.append(tr("Instead: {listed}.").format(listed=listed))
        return " ".join(parts)

    def _announce(self, text: str) -> None:
        self.setAccessibleDescription(text)
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Focus))

    # The pop-up

    def _open(self, index: int) -> None:
        place = self.rect_of(index)
        if place.isEmpty():
            return
        if self._popup is None:
            self._popup = AlternativesPopup(self)
            self._popup.token_chosen.connect(self._on_token_chosen)
            self._popup.left.connect(self._leave_timer.start)
            self._popup.close_requested.connect(self.close_alternatives)
            self.destroyed.connect(self._popup.deleteLater)
            area = self._scroll_area()
            self._scroll_bar = area.verticalScrollBar() if area is not None else None
            if self._scroll_bar is not None:
                self._scroll_bar.valueChanged.connect(self.close_alternatives)
        self._shown = index
        chunk = self._chunks[index]
        if not chunk.alternatives:
            footer = tr("No alternatives were recorded here")
        else:
            footer = tr("Click to continue from here") if self._may_branch else self._obstacle
        self._popup.show_chunk(chunk, footer, self._may_branch)
        self._popup.move_beside(QRect(self.mapTo(self.window(), place.topLeft()), place.size()))
        self.update()

    @Slot()
    def close_alternatives(self) -> None:
        """Close the pop-up."""
        self._hover_timer.stop()
        if self._popup is None:
            return
        popup, self._popup, self._shown = self._popup, None, None
        popup.end()
        if self._scroll_bar is not None:
            self._scroll_bar.valueChanged.disconnect(self.close_alternatives)
            self._scroll_bar = None
        self.update()

    @Slot()
    def _close_if_left(self) -> None:
        if self._popup is None or self._shown_by_keyboard or self._popup.underMouse():
            return
        if self._hovered is None:
            self.close_alternatives()

    @Slot(int)
    def _on_token_chosen(self, token_id: int) -> None:
        index = self._shown
        self.close_alternatives()
        if index is not None and self._may_branch:
            self.alternative_chosen.emit(index, token_id)

    def hideEvent(self, event: QHideEvent) -> None:
        self.close_alternatives()
        super().hideEvent(event)

    def _scroll_area(self) -> QAbstractScrollArea | None:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QAbstractScrollArea):
            parent = parent.parentWidget()
        return parent
