"""Delegates of the sidebar: a conversation, and a search hit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QObject,
    QPointF,
    QRect,
    QRectF,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QTextCharFormat, QTextLayout
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from i3desk.chat.conversation_model import BUSY_ROLE, COUNT_ROLE, FOLDER_ROLE, ID_ROLE, ROW_ROLE
from i3desk.conversations.store import Hit
from i3desk.language import figure, tr
from i3desk.style import icons
from i3desk.style.theme import sized
from i3desk.widgets.list_painting import RIGHT, Index, TitleEditing, muted_colour, paint_box, paint_text
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import GAP, MORE_WIDTH, PADDING, SectionedListDelegate

LEAD_IN = 24
ABOVE = 8
BETWEEN = 2
IN_FOLDER = 18  # pixels that chats in a folder are indented
FOLDER_NAME = 34  # pixels of a folder's arrow and icon
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


class ConversationDelegate(TitleEditing, SectionedListDelegate):
    """A title, the last message below it, a pin, and a dot during a reply; or a folder. Edits the title in place.

    Signals:
        renamed(id, text): Emitted when another title was typed.
        folder_renamed(old, new): Emitted when another name of a folder was typed.
    """

    renamed = Signal(object, str)
    folder_renamed = Signal(str, str)
    has_more = True
    editor_name = tr("Title of the conversation")
    longest_title = 200

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height() + QFontMetrics(sized(font, 12)).height() + 2 * ABOVE + BETWEEN + GAP
        )

    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens, row = self.theme.tokens, index.data(ROW_ROLE)
        box = self.box(option.rect)
        paint_box(painter, box, option, tokens)
        if row is None:
            self._paint_folder(painter, option, index)
            return
        strong, small = sized(option.font, 13, QFont.Weight.DemiBold), sized(option.font, 12)
        inset = PADDING + (IN_FOLDER if row.folder else 0)
        left, width = box.left() + inset, box.width() - inset - PADDING
        title = QRect(left, box.top() + ABOVE, width, QFontMetrics(strong).height())
        preview = QRect(left, title.bottom() + 1 + BETWEEN, width, QFontMetrics(small).height())
        self._paint_more(painter, option, title)
        if row.pinned:
            image = icons.pixmap("pin", tokens.muted, 14, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(title.right() - 13, title.center().y() - 6.5), image)
            title.setRight(title.right() - 18)
        if index.data(BUSY_ROLE):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent))
            painter.drawEllipse(QRectF(title.right() - 7, title.center().y() - 3, 7, 7))
            title.setRight(title.right() - 13)
        paint_text(painter, title, strong, tokens.text, row.title)
        paint_text(painter, preview, small, muted_colour(option, tokens), row.preview)

    def _paint_more(self, painter: QPainter, option: QStyleOptionViewItem, title: QRect) -> None:
        """Paint the "..." button of a row that is in use, and leave room for it."""
        if option.state & (_STATE.State_MouseOver | _STATE.State_Selected | _STATE.State_HasFocus):
            more = self.more_rect(option.rect)
            image = icons.pixmap("more", self.theme.tokens.muted, 16, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(more.center().x() - 7.5, more.center().y() - 7.5), image)
            title.setRight(more.left() - 4)

    def _paint_folder(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens, folder, box = self.theme.tokens, index.data(FOLDER_ROLE), self.box(option.rect)
        scale, middle = painter.device().devicePixelRatioF(), box.center().y()
        arrow = icons.pixmap("right" if folder.folded else "unfolded", tokens.muted, 12, scale)
        painter.drawPixmap(QPointF(box.left() + PADDING - 4, middle - 5.5), arrow)
        painter.drawPixmap(
            QPointF(box.left() + PADDING + 12, middle - 7.5), icons.pixmap("folder", tokens.muted, 16, scale)
        )
        room = box.adjusted(PADDING + FOLDER_NAME, 0, -PADDING, 0)
        self._paint_more(painter, option, room)
        small = sized(option.font, 12)
        count = figure(index.data(COUNT_ROLE))
        paint_text(painter, room, small, muted_colour(option, tokens), count, RIGHT)
        room.setRight(room.right() - QFontMetrics(small).horizontalAdvance(count) - 8)
        paint_text(painter, room, sized(option.font, 13, QFont.Weight.DemiBold), tokens.text, folder.name)

    def rename(self, index: Index, title: str) -> None:
        folder = index.data(FOLDER_ROLE)
        if folder is None:
            self.renamed.emit(index.data(ID_ROLE), title)
        else:
            self.folder_renamed.emit(folder.name, title)

    def editor_rect(self, row: QRect) -> QRect:
        return self.box(row)


class HitModel(QAbstractListModel):
    """The hits of a search, best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: list[Hit] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._hits)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._hits):
            return None
        hit = self._hits[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return hit.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join(part for part in (hit.title, hit.snippet, _places(hit.count)) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip_text(f"{hit.title}\n{_places(hit.count)}".strip())
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
    return tr("Found in {count} places").format(count=count) if count > 1 else ""


class HitDelegate(SectionedListDelegate):
    """A title with the number of matches, and two lines around the first one with the found words in bold."""

    def row_height(self, font: QFont) -> int:
        return (
            QFontMetrics(sized(font, 13)).height()
            + 2 * QFontMetrics(sized(font, 12)).height()
            + 2 * ABOVE
            + BETWEEN
            + GAP
        )

    def paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens, hit = self.theme.tokens, index.data(HIT_ROLE)
        box = self.box(option.rect)
        paint_box(painter, box, option, tokens)
        title_font = sized(option.font, 13, QFont.Weight.DemiBold)
        height = QFontMetrics(title_font).height()
        title = QRect(box.left() + PADDING, box.top() + ABOVE, box.width() - 2 * PADDING, height)
        below = QPointF(title.left(), title.bottom() + 1 + BETWEEN)
        width = title.width()
        if hit.count > 1:
            small = sized(option.font, 11, QFont.Weight.DemiBold)
            badge_width = max(MORE_WIDTH - 4, QFontMetrics(small).horizontalAdvance(figure(hit.count)) + 10)
            badge = QRect(title.right() - badge_width + 1, title.top(), badge_width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.raised if not option.state & _STATE.State_MouseOver else tokens.border))
            painter.drawRoundedRect(badge, height / 2, height / 2)
            painter.setFont(small)
            painter.setPen(QColor(tokens.muted))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, figure(hit.count))
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
        painter.setPen(QColor(muted_colour(option, self.theme.tokens)))
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
