"""A list view with heading rows, fast with ten thousand rows."""

from __future__ import annotations

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QAccessible,
    QColor,
    QContextMenuEvent,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyledItemDelegate, QStyleOptionViewItem, QToolTip

from i3desk.language import tr
from i3desk.style.theme import Theme, sized
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.toast import announce

SIDE = 12
PADDING = 10
GAP = 5
MORE_WIDTH = 24
SCROLL_STEP = 26
MORE_TIP = tr("Rename, pin, copy, export or delete (Menu key)")
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
HEADING_FLAGS = Qt.ItemFlag.NoItemFlags  # of a model's heading rows: they cannot be chosen, and keys skip them


def is_heading(index: QModelIndex | QPersistentModelIndex) -> bool:
    """True for a row that is a heading."""
    return index.isValid() and not index.flags() & Qt.ItemFlag.ItemIsEnabled


def heading_font(font: QFont) -> QFont:
    """The font of headings in a list whose rows have `font`."""
    small = sized(font, 11, QFont.Weight.Bold)
    small.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.5)
    return small


class SectionedListDelegate(QStyledItemDelegate):
    """Draw headings; subclasses draw the other rows and set the height of all.

    Attributes:
        has_more: True if rows have a "..." button.
        margin: space at the right of a row, in pixels.
    """

    has_more = False
    margin = SIDE

    def __init__(self, theme: Theme, parent=None) -> None:
        super().__init__(parent)
        self.theme = theme

    def row_height(self, font: QFont) -> int:
        """Height of every row, with the gap below it."""
        raise NotImplementedError

    def paint_row(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw a row that is not a heading."""
        raise NotImplementedError

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(0, self.row_height(option.font))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_heading(index):
            painter.setFont(heading_font(option.font))
            painter.setPen(self.theme.tokens.muted)
            room = option.rect.adjusted(SIDE + PADDING, 0, 0, -9)
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, index.data().upper())
        else:
            self.paint_row(painter, option, index)
            if isinstance(option.widget, SectionedList) and option.widget.marks.isSelected(index):
                painter.setPen(QPen(QColor(self.theme.tokens.accent), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(QRectF(self.box(option.rect)).adjusted(1, 1, -1, -1), 8, 8)
        painter.restore()

    def more_rect(self, row: QRect) -> QRect:
        """The rectangle of a row's "..." button."""
        box = self.box(row)
        return QRect(box.right() - MORE_WIDTH - 3, box.top() + 3, MORE_WIDTH, min(MORE_WIDTH, box.height() - 6))

    def box(self, row: QRect) -> QRect:
        """The part of a row that is filled when the row is hovered or selected."""
        return row.adjusted(SIDE, 0, -self.margin, -GAP)


class SectionedList(QListView):
    """A list view whose model may contain heading rows (with HEADING_FLAGS).

    All rows are equally high: with sizes of their own, one changed row of ten thousand takes 40 ms.
    The selection is the row that is shown elsewhere; the current row has the keyboard focus. Ctrl or Shift and a click,
    Shift and an arrow key, or Space mark rows for an action on all of them.

    Attributes:
        marks: the marked rows.

    Signals:
        chosen(QModelIndex): Emitted when a row is clicked, or Enter is pressed.
        menu_asked(QModelIndex, QPoint): Emitted when a row's menu is requested at this place on the screen.
        delete_asked(list of QModelIndex): Emitted when Del is pressed, with the marked rows or the current one.
        typed(str): Emitted when letters are typed; the list does nothing with them.
    """

    chosen = Signal(QModelIndex)
    menu_asked = Signal(QModelIndex, QPoint)
    delete_asked = Signal(object)
    typed = Signal(str)

    def __init__(self, model, delegate: SectionedListDelegate, theme: Theme) -> None:
        super().__init__()
        self._delegate = delegate
        self._swallow_release = False
        self._top_row: tuple[QPersistentModelIndex, int] | None = None
        self.setModel(model)
        self.setItemDelegate(delegate)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(SCROLL_STEP)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.clicked.connect(self._choose)
        self.marks = QItemSelectionModel(model, self)
        self.marks.selectionChanged.connect(self.viewport().update)
        model.rowsAboutToBeInserted.connect(self._hold_top_row)
        model.rowsAboutToBeRemoved.connect(self._hold_top_row)
        model.rowsAboutToBeMoved.connect(self._hold_top_row)
        theme.changed.connect(self.viewport().update)

    @property
    def shown(self) -> QModelIndex:
        """The row that is shown elsewhere; invalid if there is none."""
        return next(iter(self.selectionModel().selectedIndexes()), QModelIndex())

    @property
    def marked(self) -> list[QModelIndex]:
        """The marked rows, from top to bottom."""
        return sorted(self.marks.selectedIndexes(), key=QModelIndex.row)

    def show_row(self, row: int | None) -> None:
        """Mark the row that is shown elsewhere, and bring it into view."""
        if row is None:
            self.selectionModel().clear()
            return
        index = self.model().index(row, 0)
        if index != self.shown:
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
            self.scrollTo(index)

    def focus_list(self) -> None:
        """Give the list the keyboard focus and make sure that a row is current."""
        self.setFocus(Qt.FocusReason.TabFocusReason)
        if not self.currentIndex().isValid():
            self.setCurrentIndex(self._skip_heading(self.model().index(0, 0)))

    def _skip_heading(self, index: QModelIndex) -> QModelIndex:
        return index.siblingAtRow(index.row() + 1) if is_heading(index) else index

    def scrollTo(self, index, hint=QAbstractItemView.ScrollHint.EnsureVisible) -> None:
        above = index.siblingAtRow(index.row() - 1)
        if hint == QAbstractItemView.ScrollHint.EnsureVisible and is_heading(above):
            super().scrollTo(above, hint)
        super().scrollTo(index, hint)

    def moveCursor(self, action, modifiers) -> QModelIndex:
        if not self.currentIndex().isValid() and self.shown.isValid():
            return self.shown
        return self._skip_heading(super().moveCursor(action, modifiers))

    def dataChanged(self, first, last, roles=()) -> None:
        QAbstractItemView.dataChanged(self, first, last, list(roles))  # QListView's would lay out all rows again

    # Rows on screen stay in place while others come and go, unless the list is scrolled to its top.

    @Slot(QModelIndex, int, int)
    def _hold_top_row(self, parent: QModelIndex, first: int, last: int) -> None:
        if not self.verticalScrollBar().value():
            return
        self.executeDelayedItemsLayout()
        top = self.indexAt(QPoint(0, 0))
        if first <= top.row() <= last:
            top = top.siblingAtRow(last + 1)
        if top.isValid():
            self._top_row = (QPersistentModelIndex(top), self.visualRect(top).top())

    def doItemsLayout(self) -> None:
        super().doItemsLayout()
        if self._top_row is not None:
            index, y = self._top_row
            self._top_row = None
            if index.isValid():
                bar = self.verticalScrollBar()
                top = index.model().index(index.row(), 0)
                bar.setValue(bar.value() + self.visualRect(top).top() - y)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        bar = self.width() - self.viewport().width()
        self._delegate.margin = max(2, SIDE - bar)  # the scroll bar is in the margin

    # Mouse and keyboard.

    @Slot(QModelIndex)
    def _choose(self, index: QModelIndex) -> None:
        if not is_heading(index):
            self.chosen.emit(index)

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip and self._is_more(event.pos()):
            QToolTip.showText(event.globalPos(), tooltip_text(self.more_tip(self.indexAt(event.pos()))), self)
            return True
        return super().viewportEvent(event)

    def more_tip(self, index: QModelIndex) -> str:
        """The tooltip of a row's "..." button."""
        return MORE_TIP

    def can_mark(self, index: QModelIndex) -> bool:
        """Whether a row can be marked."""
        return index.isValid() and not is_heading(index)

    def frame_of(self, row: QRect) -> QRect:
        """The part of a row that is filled when the row is selected."""
        return self._delegate.box(row)

    def _is_more(self, point: QPoint) -> bool:
        index = self.indexAt(point)
        return (
            self._delegate.has_more
            and index.isValid()
            and not is_heading(index)
            and self._delegate.more_rect(self.visualRect(index)).contains(point)
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index, is_left = self.indexAt(point), event.button() == Qt.MouseButton.LeftButton
        if is_left and event.modifiers() & (_CONTROL | _SHIFT) and self.can_mark(index):
            self._swallow_release = True
            self._mark(index, up_to=bool(event.modifiers() & _SHIFT))
            return
        self._swallow_release = is_left and self._is_more(point)
        if not self._swallow_release:
            if is_left:
                self.marks.clear()
            super().mousePressEvent(event)
            return
        below = self._delegate.more_rect(self.visualRect(index)).bottomLeft()
        self.menu_asked.emit(index, self.viewport().mapToGlobal(below))

    def _mark(self, index: QModelIndex, up_to: bool) -> None:
        """Mark a row or remove its mark; with `up_to`, mark all from the current row to it."""
        flags = QItemSelectionModel.SelectionFlag
        start = self.currentIndex() if self.currentIndex().isValid() else self.shown
        if self.can_mark(start) and not self.marks.hasSelection() and start != index:
            self.marks.select(start, flags.Select)
        if up_to and start.isValid():
            first, last = sorted((start.row(), index.row()))
            for row in range(first, last + 1):
                each = index.siblingAtRow(row)
                if self.can_mark(each):
                    self.marks.select(each, flags.Select)
        elif self.can_mark(index):
            self.marks.select(index, flags.Toggle)
        self.selectionModel().setCurrentIndex(index, flags.NoUpdate)
        if QAccessible.isActive():
            announce(self, tr("{count} marked").format(count=len(self.marks.selectedIndexes())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._swallow_release:
            self._swallow_release = False
        else:
            super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if self._delegate.has_more and index.isValid() and not is_heading(index):
            place = self.visualRect(index).center() if by_key else event.pos()
            self.menu_asked.emit(index, self.viewport().mapToGlobal(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index, key = self.currentIndex(), event.key()
        if self.state() == QAbstractItemView.State.EditingState:  # the editor passes on the Enter that ends it
            super().keyPressEvent(event)
        elif index.isValid() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit(index)
        elif key == Qt.Key.Key_F2 and index.flags() & Qt.ItemFlag.ItemIsEditable:
            self.edit(index)
        elif index.isValid() and key == Qt.Key.Key_Delete:
            self.delete_asked.emit(self.marked or [index])
        elif index.isValid() and key == Qt.Key.Key_Space:
            self._mark(index, up_to=False)
        elif index.isValid() and key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and event.modifiers() & _SHIFT:
            action = (
                QAbstractItemView.CursorAction.MoveUp
                if key == Qt.Key.Key_Up
                else QAbstractItemView.CursorAction.MoveDown
            )
            self._mark(self.moveCursor(action, Qt.KeyboardModifier.NoModifier), up_to=True)
        elif key == Qt.Key.Key_Escape and self.marks.hasSelection():
            self.marks.clear()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, text: str) -> None:
        """Pass typed letters on: they are meant for the search field."""
        if text.strip() and text.isprintable():
            self.typed.emit(text)

    def sizeHint(self) -> QSize:
        return QSize(200, 200)
