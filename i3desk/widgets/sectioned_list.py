"""A list with headings between its rows, which stays fast with ten thousand of them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from i3desk.style.theme import Theme, sized

SIDE = 12
PADDING = 10
GAP = 5
MORE_WIDTH = 24
MORE_TIP = "Rename, pin, copy, export or delete (Menu key)"


class RowPainter(QStyledItemDelegate):
    """Draws rows, and says how high they are. Subclasses draw what is theirs.

    Attributes:
        has_more: whether rows carry a "..." button.
        margin: what is left free at the right of a row.
    """

    has_more = False
    margin = SIDE

    def __init__(self, theme: Theme, parent=None) -> None:
        super().__init__(parent)
        self.theme = theme

    def row_height(self, font: QFont) -> int:
        """Height of every row, with the gap below it."""
        raise NotImplementedError

    def more_rect(self, row: QRect) -> QRect:
        """Where the "..." button of a row is."""
        box = self.box(row)
        return QRect(box.right() - MORE_WIDTH - 3, box.top() + 3, MORE_WIDTH, min(MORE_WIDTH, box.height() - 6))

    def box(self, row: QRect) -> QRect:
        """The part of a row that is filled when it is hovered or shown."""
        return row.adjusted(SIDE, 0, -self.margin, -GAP)


class SectionedList(QListView):
    """Lays its rows out itself: all are equally high, and headings stand where the model's `sections()` begin.

    QListView asks each of ten thousand rows for its size whenever one of them changes, which takes 45 ms; here a place
    is computed. The selection marks the row that is shown elsewhere, the current row is where the keyboard is.

    Signals:
        chosen(QModelIndex): clicked, or Enter pressed.
        menu_asked(QModelIndex, QPoint): a menu for this row is wanted at this place on the screen.
        delete_asked(QModelIndex): Del was pressed.
        typed(str): letters were typed; nothing was done with them.
    """

    chosen = Signal(QModelIndex)
    menu_asked = Signal(QModelIndex, QPoint)
    delete_asked = Signal(QModelIndex)
    typed = Signal(str)

    def __init__(self, model, painter: RowPainter, theme: Theme) -> None:
        super().__init__()
        self._painter = painter
        self._theme = theme
        self._row_height = self._heading_height = 0
        self._hovered = QPersistentModelIndex()
        self._swallow_release = False
        self._place: tuple[QPersistentModelIndex, int] | None = None
        self.setModel(model)
        self.setItemDelegate(painter)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.clicked.connect(self.chosen)
        model.rowsAboutToBeInserted.connect(self._hold_place)
        model.rowsAboutToBeRemoved.connect(self._hold_place)
        model.rowsAboutToBeMoved.connect(self._hold_place)
        theme.changed.connect(self.viewport().update)

    @property
    def shown(self) -> QModelIndex:
        """The row that is shown elsewhere; invalid if none is."""
        return next(iter(self.selectionModel().selectedIndexes()), QModelIndex())

    def show_row(self, row: int | None) -> None:
        """Mark the row that is shown elsewhere, and bring it into view."""
        if row is None:
            self.selectionModel().clear()
            return
        index = self.model().index(row)
        if index != self.shown:
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.scrollTo(index)

    # Places. Rows count from 0; section k has k headings above its own.

    def _sections(self) -> list[Section]:
        return self.model().sections()

    def _measure(self) -> None:
        if not self._row_height:
            self._row_height = self._painter.row_height(self.font())
            self._heading_height = QFontMetrics(sized(self.font(), 11)).height() + 24

    def _top(self, row: int) -> int:
        """Upper edge of a row, from the upper edge of the first heading."""
        self._measure()
        headings = bisect.bisect_right(self._sections(), row, key=lambda section: section.first)
        return headings * self._heading_height + row * self._row_height

    def _row_at(self, y: int) -> int:
        """The row at this height, or the first one below it."""
        self._measure()
        sections = self._sections()
        number = bisect.bisect_right(
            range(len(sections)), y, key=lambda k: k * self._heading_height + sections[k].first * self._row_height
        )
        if not number:
            return 0
        row = (y - number * self._heading_height) // self._row_height
        return max(row, sections[number - 1].first)

    def _height(self) -> int:
        count = self.model().rowCount()
        return self._top(count - 1) + self._row_height if count else 0

    def visualRect(self, index: QModelIndex) -> QRect:
        if not index.isValid():
            return QRect()
        y = self._top(index.row()) - self.verticalScrollBar().value()
        return QRect(0, y, self.viewport().width(), self._row_height)

    def indexAt(self, point: QPoint) -> QModelIndex:
        row = self._row_at(point.y() + self.verticalScrollBar().value())
        index = self.model().index(row) if 0 <= row < self.model().rowCount() else QModelIndex()
        return index if self.visualRect(index).contains(point) else QModelIndex()

    def scrollTo(self, index: QModelIndex, hint=QAbstractItemView.ScrollHint.EnsureVisible) -> None:
        if not index.isValid():
            return
        self.executeDelayedItemsLayout()
        bar, top, room = self.verticalScrollBar(), self._top(index.row()), self.viewport().height()
        bottom = top + self._row_height
        if any(section.first == index.row() for section in self._sections()):
            top -= self._heading_height
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue((top + bottom - room) // 2)
        elif top < bar.value():
            bar.setValue(top)
        elif bottom > bar.value() + room:
            bar.setValue(bottom - room)

    def moveCursor(self, action, modifiers) -> QModelIndex:
        count = self.model().rowCount()
        current = self.currentIndex()
        if not count:
            return QModelIndex()
        if not current.isValid():
            return self.shown if self.shown.isValid() else self.model().index(0)
        page = max(1, self.viewport().height() // max(1, self._row_height) - 1)
        actions = QAbstractItemView.CursorAction
        steps = {
            actions.MoveUp: -1, actions.MovePrevious: -1, actions.MoveDown: 1, actions.MoveNext: 1,
            actions.MovePageUp: -page, actions.MovePageDown: page, actions.MoveHome: -count, actions.MoveEnd: count,
        }  # fmt: skip
        return self.model().index(min(max(current.row() + steps.get(action, 0), 0), count - 1))

    def horizontalOffset(self) -> int:
        return 0

    def verticalOffset(self) -> int:
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: QModelIndex) -> bool:
        return False

    def setSelection(self, rect: QRect, flags) -> None:
        """Rows are not selected with the mouse."""

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        region = QRegion()
        for index in selection.indexes():
            region += self.visualRect(index)
        return region

    # Layout: what QListView would do for each row is left out.

    def doItemsLayout(self) -> None:
        QAbstractItemView.doItemsLayout(self)
        if self._place is not None:
            index, offset = self._place
            self._place = None
            if index.isValid():
                self.verticalScrollBar().setValue(self._top(index.row()) - offset)

    def updateGeometries(self) -> None:
        bar, room = self.verticalScrollBar(), self.viewport().height()
        bar.setRange(0, max(0, self._height() - room))
        bar.setPageStep(room)
        bar.setSingleStep(max(1, self._row_height // 2))
        QAbstractItemView.updateGeometries(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        bar = self.width() - self.viewport().width()
        self._painter.margin = max(2, SIDE - bar)  # the scroll bar stands in the margin

    def dataChanged(self, first: QModelIndex, last: QModelIndex, roles=()) -> None:
        QAbstractItemView.dataChanged(self, first, last, list(roles))
        self.viewport().update()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()
        self.updateEditorGeometries()
        if self.viewport().underMouse():
            self._hover(self.viewport().mapFromGlobal(self.cursor().pos()))

    @Slot()
    def lay_out_again(self) -> None:
        """The sections or the font are others now."""
        self._row_height = 0
        self.scheduleDelayedItemsLayout()

    @Slot(QModelIndex, int, int)
    def _hold_place(self, parent: QModelIndex, first: int, last: int) -> None:
        """Rows come or go: what is on screen shall stay where it is, unless the list is at its top."""
        offset = self.verticalScrollBar().value()
        if not offset or self._place is not None:
            return
        row = self._row_at(offset)
        if first <= row <= last:
            row = last + 1
        if row < self.model().rowCount():
            self._place = (QPersistentModelIndex(self.model().index(row)), self._top(row) - offset)

    # Drawing.

    def paintEvent(self, event: QPaintEvent) -> None:
        self.executeDelayedItemsLayout()
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        offset, bottom = self.verticalScrollBar().value(), self.viewport().height()
        headings = {section.first: section.title for section in self._sections()}
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        plain = option.state & ~(QStyle.StateFlag.State_MouseOver | QStyle.StateFlag.State_HasFocus)
        for row in range(self._row_at(offset), self.model().rowCount()):
            index = self.model().index(row)
            option.rect = self.visualRect(index)
            if row in headings:
                self._paint_heading(painter, headings[row], option.rect.top())
            if option.rect.top() > bottom:
                break
            option.state = plain
            if self._hovered == index:
                option.state |= QStyle.StateFlag.State_MouseOver
            if self.selectionModel().isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if self.hasFocus() and index == self.currentIndex():
                option.state |= QStyle.StateFlag.State_HasFocus
            self._painter.paint(painter, option, index)
        painter.end()

    def _paint_heading(self, painter: QPainter, title: str, bottom: int) -> None:
        font = sized(self.font(), 11, QFont.Weight.Bold)
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.5)
        painter.setFont(font)
        painter.setPen(self._theme.tokens.muted)
        room = QRect(SIDE + PADDING, bottom - self._heading_height, self.viewport().width(), self._heading_height - 7)
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, title.upper())

    # Mouse and keyboard.

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove:
            self._hover(event.position().toPoint())
        elif event.type() == QEvent.Type.Leave:
            self._hover(QPoint(-1, -1))
        elif event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._is_more(event.pos()):
            QToolTip.showText(event.globalPos(), MORE_TIP, self)
            return True
        return super().viewportEvent(event)

    def _hover(self, point: QPoint) -> None:
        index = QPersistentModelIndex(self.indexAt(point))
        if index != self._hovered:
            self._hovered = index
            self.viewport().update()

    def _is_more(self, point: QPoint) -> bool:
        index = self.indexAt(point)
        return (
            self._painter.has_more
            and index.isValid()
            and self._painter.more_rect(self.visualRect(index)).contains(point)
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        self._swallow_release = event.button() == Qt.MouseButton.LeftButton and self._is_more(point)
        if not self._swallow_release:
            super().mousePressEvent(event)
            return
        index = self.indexAt(point)
        below = self._painter.more_rect(self.visualRect(index)).bottomLeft()
        self.menu_asked.emit(index, self.viewport().mapToGlobal(below))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._swallow_release:
            self._swallow_release = False
        else:
            super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid() and self._painter.has_more:
            place = self.visualRect(index).center() if by_key else event.pos()
            self.menu_asked.emit(index, self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index, key = self.currentIndex(), event.key()
        if index.isValid() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(index)
        elif key == Qt.Key.Key_F2 and index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.edit(index)
        elif index.isValid() and key == Qt.Key.Key_Delete:
            self.delete_asked.emit(index)
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, text: str) -> None:
        """What is typed here is meant for the search field."""
        if text.strip() and text.isprintable():
            self.typed.emit(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.lay_out_again()

    def sizeHint(self) -> QSize:
        return QSize(200, 200)


@dataclass(frozen=True)
class Section:
    """Rows that belong under one heading: those from `first` up to the next section's."""

    title: str
    first: int
