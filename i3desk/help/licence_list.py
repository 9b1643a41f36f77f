"""The list of included software: name and version, with the licence below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from i3desk.language import tr
from i3desk.style.theme import Theme, sized
from i3desk.widgets.list_painting import Index, paint_box, paint_text
from i3desk.widgets.plain_text import tooltip_text

if TYPE_CHECKING:
    from i3desk.help.licences import Licence

LICENCE_ROLE = Qt.ItemDataRole.UserRole
PADDING = 12
ABOVE = 8
BETWEEN = 2
GAP = 8


class LicenceList(QListWidget):
    """A row for each entry; a filter hides some.

    Signals:
        chosen(Licence): Emitted when another entry is selected; None if none is.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("licenceList")
        self.setAccessibleName(tr("Third-party software"))
        self.setToolTip(tooltip_text(tr("What i3desk is made of")))
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
            item.setToolTip(tooltip_text(licence.licence))
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

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        upper, lower = (QFontMetrics(sized(option.font, pixels)).height() for pixels in (14, 12))
        return QSize(160, upper + lower + BETWEEN + 2 * ABOVE)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        licence, tokens = index.data(LICENCE_ROLE), self._theme.tokens
        box = option.rect.adjusted(0, 0, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_box(painter, box, option, tokens)
        strong, small = sized(option.font, 14, QFont.Weight.DemiBold), sized(option.font, 12)
        room = box.adjusted(PADDING, ABOVE, -PADDING, -ABOVE)
        upper = QRect(room.left(), room.top(), room.width(), QFontMetrics(strong).height())
        lower = QRect(room.left(), upper.bottom() + 1 + BETWEEN, room.width(), QFontMetrics(small).height())
        used = QFontMetrics(strong).horizontalAdvance(paint_text(painter, upper, strong, tokens.text, licence.name))
        paint_text(painter, upper.adjusted(used + GAP, 0, 0, 0), small, tokens.muted, licence.version)
        paint_text(painter, lower, small, tokens.muted, licence.licence)
        painter.restore()
