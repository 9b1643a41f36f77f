"""How a conversation looks in the list beside the chat, and how a place that a search has found does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QTextCharFormat, QTextLayout
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionViewItem, QWidget

from i3desk.chat.conversation_list import BUSY_ROLE, ID_ROLE, ROW_ROLE
from i3desk.conversations.store import Hit
from i3desk.style import icons, palette
from i3desk.style.theme import sized
from i3desk.widgets.basics import named
from i3desk.widgets.sectioned_list import GAP, MORE_WIDTH, PADDING, SectionedListDelegate

LONGEST_TITLE = 200
LEAD_IN = 24
ABOVE = 8
BETWEEN = 2
HIT_ROLE = Qt.ItemDataRole.UserRole + 3
_STATE = QStyle.StateFlag


def lead_to_match(text: str, matches: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """A snippet on one line, cut in front so that its first match is among the first words that are shown."""
    text = text.replace("\n", " ").replace("\t", " ")
    if not matches or matches[0][0] <= LEAD_IN:
        return text, list(matches)
    start = text.rfind(" ", 0, matches[0][0] - LEAD_IN // 2) + 1
    if not start:
        return text, list(matches)
    return "…" + text[start:], [(first - start + 1, last - start + 1) for first, last in matches]


def utf16_length(text: str) -> int:
    """How many units Qt counts in a text: two for what lies beyond the first plane, such as emoji."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class _TwoLines(SectionedListDelegate):
    """What both kinds of rows share: the box, the title and the marks at its end."""

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
        """Muted text; on the accent's soft colour it needs more contrast."""
        tokens = self.theme.tokens
        return palette.mix(tokens.muted, tokens.text, 0.3) if option.state & _STATE.State_Selected else tokens.muted

    def title_font(self, option: QStyleOptionViewItem) -> QFont:
        return sized(option.font, 13, QFont.Weight.DemiBold)


class ConversationDelegate(_TwoLines):
    """A title, the last message below it, a pin, a dot while a reply is written; edits the title in place.

    Signals:
        renamed(id, text): another title was typed.
    """

    renamed = Signal(object, str)
    has_more = True

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height() + QFontMetrics(sized(font, 12)).height() + 2 * ABOVE + BETWEEN + GAP
        )

    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
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

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex) -> QLineEdit:
        editor = named(QLineEdit(parent), "titleEditor")
        editor.setMaxLength(LONGEST_TITLE)
        editor.setAccessibleName("Title of the conversation")
        editor.setToolTip("Enter keeps the title, Esc leaves it as it was")
        return editor

    def setEditorData(self, editor: QLineEdit, index: QModelIndex) -> None:
        # Also called when the row changes while the user types, as it does while a reply is written.
        if not editor.property("filled"):
            editor.setProperty("filled", True)
            editor.setText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(self, editor: QLineEdit, model: QAbstractListModel, index: QModelIndex) -> None:
        title = " ".join(editor.text().split())
        if title and title != index.data(Qt.ItemDataRole.EditRole):
            self.renamed.emit(index.data(ID_ROLE), title)

    def updateEditorGeometry(self, editor: QLineEdit, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        editor.setGeometry(self.box(option.rect))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A title is one line: Tab leaves it like Enter does, and does not begin to edit the next one.
        if event.type() == QEvent.Type.KeyPress and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self.commitData.emit(watched)
            self.closeEditor.emit(watched)
            return True
        return super().eventFilter(watched, event)


class HitModel(QAbstractListModel):
    """What a search has found, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: list[Hit] = []

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._hits)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
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
        """Replace what is shown."""
        self.beginResetModel()
        self._hits = list(hits)
        self.endResetModel()


def _places(count: int) -> str:
    return f"Found in {count} places" if count > 1 else ""


class HitDelegate(_TwoLines):
    """A title with the number of places, and two lines around the first of them with the words found in bold."""

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height()
            + 2 * QFontMetrics(sized(font, 12)).height()
            + 2 * ABOVE
            + BETWEEN
            + GAP
        )

    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
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
        found.setForeground(QColor(tokens.accent))  # a title is bold anyway
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
    """So many lines at most, with the matches in the format `found`; and where in the text they end."""
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
