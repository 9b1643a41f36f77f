"""The list of included software: name and version, with the licence below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from i3desk.style.theme import Theme, sized

if TYPE_CHECKING:
    from i3desk.help.licences import Licence

ModelIndex = QModelIndex | QPersistentModelIndex

LICENCE_ROLE = Qt.ItemDataRole.UserRole
PADDING = 12
ABOVE = 8
BETWEEN = 2
GAP = 8
_STATE = QStyle.StateFlag
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class LicenceList(QListWidget):
    """A row for each entry; a filter hides some.

    Signals:
        chosen(Licence): Emitted when another entry is selected; None if none is.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("licenceList")
        self.setAccessibleName("Included software")
        self.setToolTip("What i3desk is made of")
        self.setItemDelegate(_Painter(theme, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.currentItemChanged.connect(self._on_current)
        theme.changed.connect(self.viewport().update)

    def fill(self, licences: list[Licence]) -> None:
        """Show these entries and select the first."""
        self.clear()
        for licence in licences:
            item = QListWidgetItem(f"{licence.name} {licence.version}", self)
            item.setData(LICENCE_ROLE, licence)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{licence.name} {licence.version}, {licence.licence}")
            item.setToolTip(licence.licence)
        self.setCurrentRow(0)

    def filter(self, words: str) -> int:
        """Show only entries whose name or licence contains all words; returns their number."""
        wanted = words.casefold().split()
        shown = []
        for row in range(self.count()):
            item = self.item(row)
            licence = item.data(LICENCE_ROLE)
            text = f"{licence.name} {licence.licence}".casefold()
            item.setHidden(not all(word in text for word in wanted))
            if not item.isHidden():
                shown.append(item)
        if not shown:
            self.setCurrentIndex(QModelIndex())
        else:
            if self.currentItem() not in shown:
                self.setCurrentItem(shown[0])
            self.scrollToItem(self.currentItem())
        return len(shown)

    @Slot(QListWidgetItem, QListWidgetItem)
    def _on_current(self, item: QListWidgetItem | None, _before: QListWidgetItem | None) -> None:
        self.chosen.emit(None if item is None else item.data(LICENCE_ROLE))


class _Painter(QStyledItemDelegate):
    """Paints a row."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: ModelIndex) -> QSize:
        upper, lower = (QFontMetrics(sized(option.font, pixels)).height() for pixels in (14, 12))
        return QSize(160, upper + lower + BETWEEN + 2 * ABOVE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: ModelIndex) -> None:
        licence, tokens = index.data(LICENCE_ROLE), self._theme.tokens
        box = option.rect.adjusted(0, 0, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        chosen = bool(option.state & _STATE.State_Selected)
        if chosen or option.state & _STATE.State_MouseOver:
            painter.setBrush(QColor(tokens.accent_soft if chosen else tokens.raised))
            painter.drawRoundedRect(box, 8, 8)
        if option.state & _STATE.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 1.5))
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 7, 7)
        strong, small = sized(option.font, 14, QFont.Weight.DemiBold), sized(option.font, 12)
        room = box.adjusted(PADDING, ABOVE, -PADDING, -ABOVE)
        upper = QRect(room.left(), room.top(), room.width(), QFontMetrics(strong).height())
        lower = QRect(room.left(), upper.bottom() + 1 + BETWEEN, room.width(), QFontMetrics(small).height())
        used = _write(painter, upper, strong, tokens.text, licence.name)
        _write(painter, upper.adjusted(used + GAP, 0, 0, 0), small, tokens.muted, licence.version)
        _write(painter, lower, small, tokens.muted, licence.licence)
        painter.restore()


def _write(painter: QPainter, room: QRect, font: QFont, colour: str, text: str) -> int:
    """Write one line, elided to fit; returns its width."""
    measured = QFontMetrics(font)
    fitting = measured.elidedText(text, Qt.TextElideMode.ElideRight, max(0, room.width()))
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(room, _LEFT, fitting)
    return measured.horizontalAdvance(fitting)
