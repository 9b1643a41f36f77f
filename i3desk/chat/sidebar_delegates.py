"""Delegates of the sidebar: a conversation, and a search hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPen, QTextCharFormat, QTextLayout
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionViewItem, QWidget

from i3desk.chat.conversation_list import BUSY_ROLE, ID_ROLE, ROW_ROLE
from i3desk.conversations.store import Hit
from i3desk.style import icons, palette
from i3desk.style.theme import sized
from i3desk.widgets.basics import named
from i3desk.widgets.sectioned_list import GAP, MORE_WIDTH, PADDING, SectionedListDelegate

MAX_TITLE_LENGTH = 200
LEAD_IN = 24
ABOVE = 8
BETWEEN = 2
HIT_ROLE = Qt.ItemDataRole.UserRole + 3
_STATE = QStyle.StateFlag


def lead_to_match(text: str, matches: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Put a snippet on one line and cut its start so that the first match is among its first words."""
    text = text.replace("\n", " ").replace("\t", " ")
    if not matches or matches[0][0] <= LEAD_IN:
        return text, list(matches)
    start = text.rfind(" ", 0, matches[0][0] - LEAD_IN // 2) + 1
    if not start:
        return text, list(matches)
    return "…" + text[start:], [(first - start + 1, last - start + 1) for first, last in matches]


def utf16_length(text: str) -> int:
    """The length of a text in UTF-16 units, as Qt counts: two for an emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _TwoLineDelegate(SectionedListDelegate):
    """The base of both delegates: the box and lines of text."""

    def paint_box(self, painter: QPainter, option: QStyleOptionViewItem) -> QRect:
        tokens, box = self.theme.tokens, self.box(option.rect)
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & _STATE.State_Selected:
            painter.setBrush(QColor(tokens.accent_soft))
            painter.drawRoundedRect(box, 8, 8)
        elif option.state & _STATE.State_MouseOver:
            painter.setBrush(QColor(tokens.raised))
            painter.drawRoundedRect(box, 8, 8)
        if option.state & _STATE.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 1.5))
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 7, 7)
        return box

    def paint_line(self, painter: QPainter, room: QRect, font: QFont, colour: str, text: str) -> None:
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)

    def muted(self, option: QStyleOptionViewItem) -> str:
        """The colour of muted text, with more contrast on the selection."""
        tokens = self.theme.tokens
        return palette.mix(tokens.muted, tokens.text, 0.3) if option.state & _STATE.State_Selected else tokens.muted

    def title_font(self, option: QStyleOptionViewItem) -> QFont:
        return sized(option.font, 13, QFont.Weight.DemiBold)


class ConversationDelegate(_TwoLineDelegate):
    """A title, the last message below it, a pin, and a dot during a reply; edits the title in place.

    Signals:
        renamed(id, text): Emitted when another title was typed.
    """

    renamed = Signal(object, str)
    has_more = True

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height() + QFontMetrics(sized(font, 12)).height() + 2 * ABOVE + BETWEEN + GAP
        )

    def paint_row(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens, row = self.theme.tokens, index.data(ROW_ROLE)
        box = self.paint_box(painter, option)
        title = self._title_room(option.rect, option.font)
        preview = QRect(
            title.left(), title.bottom() + 1 + BETWEEN, title.width(), QFontMetrics(sized(option.font, 12)).height()
        )
        if option.state & (_STATE.State_MouseOver | _STATE.State_Selected | _STATE.State_HasFocus):
            more = self.more_rect(option.rect)
            image = icons.pixmap("more", tokens.muted, 16, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(more.center().x() - 7.5, more.center().y() - 7.5), image)
            title.setRight(more.left() - 4)
        if row.pinned:
            image = icons.pixmap("pin", tokens.muted, 14, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(title.right() - 13, title.center().y() - 6.5), image)
            title.setRight(title.right() - 18)
        if index.data(BUSY_ROLE):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent))
            painter.drawEllipse(QRectF(title.right() - 7, title.center().y() - 3, 7, 7))
            title.setRight(title.right() - 13)
        self.paint_line(painter, title, self.title_font(option), tokens.text, row.title)
        preview.setRight(box.right() - PADDING)
        self.paint_line(painter, preview, sized(option.font, 12), self.muted(option), row.preview)

    def _title_room(self, row: QRect, font: QFont) -> QRect:
        box = self.box(row)
        height = QFontMetrics(sized(font, 13)).height()
        return QRect(box.left() + PADDING, box.top() + ABOVE, box.width() - 2 * PADDING, height)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QLineEdit:
        editor = named(QLineEdit(parent), "titleEditor")
        editor.setMaxLength(MAX_TITLE_LENGTH)
        editor.setAccessibleName("Title of the conversation")
        editor.setToolTip("Enter saves the title, Esc keeps the old one")
        return editor

    def setEditorData(self, editor: QWidget, index: QModelIndex | QPersistentModelIndex) -> None:
        # Qt calls this again when the row changes, as it does while a reply is being written.
        if isinstance(editor, QLineEdit) and not editor.property("filled"):
            editor.setProperty("filled", True)
            editor.setText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(
        self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        title = " ".join(editor.text().split()) if isinstance(editor, QLineEdit) else ""
        if title and title != index.data(Qt.ItemDataRole.EditRole):
            self.renamed.emit(index.data(ID_ROLE), title)

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        editor.setGeometry(self.box(option.rect))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Tab saves the title like Enter, and does not edit the next one.
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        ):
            self.commitData.emit(watched)
            self.closeEditor.emit(watched)
            return True
        return super().eventFilter(watched, event)


class HitModel(QAbstractListModel):
    """The hits of a search, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: list[Hit] = []

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._hits)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._hits):
            return None
        hit = self._hits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return hit.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join(part for part in (hit.title, hit.snippet, _places(hit.count)) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{hit.title}\n{_places(hit.count)}".strip()
        if role == ID_ROLE:
            return hit.conversation_id
        if role == HIT_ROLE:
            return hit
        return None

    def show(self, hits: list[Hit]) -> None:
        """Replace the hits."""
        self.beginResetModel()
        self._hits = list(hits)
        self.endResetModel()


def _places(count: int) -> str:
    return f"Found in {count} places" if count > 1 else ""


class HitDelegate(_TwoLineDelegate):
    """A title with the number of matches, and two lines around the first one with the found words in bold."""

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height()
            + 2 * QFontMetrics(sized(font, 12)).height()
            + 2 * ABOVE
            + BETWEEN
            + GAP
        )

    def paint_row(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        tokens, hit = self.theme.tokens, index.data(HIT_ROLE)
        box = self.paint_box(painter, option)
        title_font = self.title_font(option)
        height = QFontMetrics(title_font).height()
        title = QRect(box.left() + PADDING, box.top() + ABOVE, box.width() - 2 * PADDING, height)
        below = QPointF(title.left(), title.bottom() + 1 + BETWEEN)
        width = title.width()
        if hit.count > 1:
            small = sized(option.font, 11, QFont.Weight.DemiBold)
            badge_width = max(MORE_WIDTH - 4, QFontMetrics(small).horizontalAdvance(f"{hit.count:,}") + 10)
            badge = QRect(title.right() - badge_width + 1, title.top(), badge_width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.raised if not option.state & _STATE.State_MouseOver else tokens.border))
            painter.drawRoundedRect(badge, height / 2, height / 2)
            painter.setFont(small)
            painter.setPen(QColor(tokens.muted))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, f"{hit.count:,}")
            title.setRight(badge.left() - 6)
        self._paint_title(painter, title, title_font, hit)
        self._paint_snippet(painter, below, width, option, hit)

    def _paint_title(self, painter: QPainter, room: QRect, font: QFont, hit: Hit) -> None:
        tokens = self.theme.tokens
        shown = QFontMetrics(font).elidedText(hit.title, Qt.TextElideMode.ElideRight, room.width())
        found = QTextCharFormat()
        found.setForeground(QColor(tokens.accent))  # the title is already bold
        layout, _ = _lay_out(shown, hit.title_matches, found, font, 2 * room.width(), lines=1)
        painter.setPen(QColor(tokens.text))
        layout.draw(painter, QPointF(room.topLeft()))

    def _paint_snippet(
        self, painter: QPainter, place: QPointF, width: int, option: QStyleOptionViewItem, hit: Hit
    ) -> None:
        found = QTextCharFormat()
        found.setFontWeight(QFont.Weight.Bold)
        found.setForeground(QColor(self.theme.tokens.text))
        text, matches = lead_to_match(hit.snippet, list(hit.matches))
        font = sized(option.font, 12)
        layout, end = _lay_out(text, matches, found, font, width, lines=2)
        if end < utf16_length(text):
            kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (end - 2)].decode("utf-16-le", "ignore")
            layout, _ = _lay_out(kept.rstrip() + "…", matches, found, font, width, lines=2)
        painter.setPen(QColor(self.muted(option)))
        layout.draw(painter, place)


def _lay_out(
    text: str, matches: Sequence[tuple[int, int]], found: QTextCharFormat, font: QFont, width: int, lines: int
) -> tuple[QTextLayout, int]:
    """Lay text out in at most this many lines, with its matches in the format `found`; also returns its end."""
    formats = []
    for first, last in matches:
        if first < len(text):
            part = QTextLayout.FormatRange()
            part.start, part.length = utf16_length(text[:first]), utf16_length(text[first:last])
            part.format = found
            formats.append(part)
    layout = QTextLayout(text, font)
    layout.setFormats(formats)
    layout.beginLayout()
    y, end = 0.0, 0
    for _ in range(lines):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(width)
        line.setPosition(QPointF(0, y))
        y += line.height()
        end = line.textStart() + line.textLength()
    layout.endLayout()
    return layout, end
