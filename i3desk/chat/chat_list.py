"""The view of the list of conversations: folders open and close, and chats are dragged into them."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractItemView, QApplication

from i3desk.chat.conversation_model import FOLDER_ROLE, ROW_ROLE, ConversationModel
from i3desk.language import tr, trn
from i3desk.style.theme import Theme, sized
from i3desk.widgets.sectioned_list import SectionedList, SectionedListDelegate, is_heading

EDGE, EDGE_STEP = 28, 14  # pixels: near the top or bottom, a drag scrolls the list
PILL_HEIGHT, PILL_PADDING, PILL_OFFSET = 28, 12, 14
_NONE = Qt.KeyboardModifier.NoModifier


class ChatList(SectionedList):
    """A SectionedList of a ConversationModel.

    Signals:
        folded(name, bool): Emitted when a folder is to be closed or opened.
        dropped(list of QModelIndex, name): Emitted when chats were dragged into a folder, or out of theirs ("").
    """

    folded = Signal(str, bool)
    dropped = Signal(object, str)

    def __init__(self, model: ConversationModel, delegate: SectionedListDelegate, theme: Theme) -> None:
        super().__init__(model, delegate, theme)
        self._theme = theme
        self._pressed: tuple[QPersistentModelIndex, QPoint] | None = None
        self._dragged: list[QPersistentModelIndex] = []
        self._pointer = QPoint()
        self.chosen.connect(self._toggle)

    def can_mark(self, index: QModelIndex) -> bool:
        return super().can_mark(index) and index.data(FOLDER_ROLE) is None

    @property
    def drop_folder(self) -> str | None:
        """The folder that dragged chats would be in if they were dropped now; None if nothing would change."""
        if not self._dragged or not self.viewport().rect().contains(self._pointer):
            return None
        name = _folder_of(self.indexAt(self._pointer))
        return name if any(_folder_of(each) != name for each in self._dragged) else None

    def _toggle(self, index: QModelIndex) -> None:
        folder = index.data(FOLDER_ROLE)
        if folder is not None:
            self.folded.emit(folder.name, not folder.folded)

    def more_tip(self, index: QModelIndex) -> str:
        return super().more_tip(index) if index.data(FOLDER_ROLE) is None else tr("Rename or delete (Menu key)")

    # ---------------------------------------------------------------------------------------------------- dragging

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index = self.indexAt(point)
        is_plain = event.button() == Qt.MouseButton.LeftButton and event.modifiers() == _NONE
        marked = self.marked
        self._pressed = None
        if is_plain and index.isValid() and index.data(ROW_ROLE) is not None:
            self._pressed = QPersistentModelIndex(index), point
        super().mousePressEvent(event)
        # A press on a marked chat may begin a drag of all of them; a click removes the marks, as everywhere.
        self._marked = [QPersistentModelIndex(each) for each in marked] if index in marked else []

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            super().mouseMoveEvent(event)
            return
        self._pointer = event.position().toPoint()
        row, start = self._pressed
        if not self._dragged and (self._pointer - start).manhattanLength() >= QApplication.startDragDistance():
            self._dragged = self._marked or [row]
            self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._dragged:
            bar, y = self.verticalScrollBar(), self._pointer.y()
            step = EDGE_STEP * ((y > self.viewport().height() - EDGE) - (y < EDGE))
            bar.setValue(bar.value() + step)
            self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        name = self.drop_folder
        dragged = [self.model().index(each.row(), 0) for each in self._dragged if each.isValid()]
        was_drag = bool(self._dragged)
        self._end_drag()
        if not was_drag:
            super().mouseReleaseEvent(event)
        elif name is not None and dragged:
            self.dropped.emit(dragged, name)

    def _end_drag(self) -> None:
        self._pressed, self._dragged = None, []
        self.viewport().unsetCursor()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._dragged:
            painter = QPainter(self.viewport())
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_drag(painter)
            painter.end()

    def _paint_drag(self, painter: QPainter) -> None:
        """Say at the pointer what would be moved, and frame the folder."""
        tokens, name = self._theme.tokens, self.drop_folder
        index = self.indexAt(self._pointer)
        if name and index.isValid():
            model = self.model()
            assert isinstance(model, ConversationModel)
            row = self.visualRect(model.index(model.row_of_folder(name)))
            painter.setPen(QColor(tokens.accent))
            painter.drawRoundedRect(QRectF(self.frame_of(row)).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        what = self._dragged[0].data() if len(self._dragged) == 1 else trn("1 chat", "{n} chats", len(self._dragged))
        text = (
            tr("Move to {name}").format(name=name)
            if name
            else tr("Remove from {folder}").format(folder=_folder_of(self._dragged[0]))
            if name == ""
            else what
        )
        font = sized(self.font(), 12)
        metrics = QFontMetrics(font)
        room = self.viewport().rect()
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room.width() - 2 * (PILL_PADDING + 4))
        width = metrics.horizontalAdvance(text) + 2 * PILL_PADDING
        left = max(4, min(self._pointer.x() + PILL_OFFSET, room.right() - width - 4))
        top = min(self._pointer.y() + PILL_OFFSET, room.bottom() - PILL_HEIGHT - 4)
        pill = QRectF(left, top, width, PILL_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.accent if name is not None else tokens.muted))
        painter.drawRoundedRect(pill, 8, 8)
        painter.setFont(font)
        painter.setPen(QColor(tokens.on_accent))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)

    # ---------------------------------------------------------------------------------------------------- keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index, key = self.currentIndex(), event.key()
        if self.state() == QAbstractItemView.State.EditingState:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape and self._dragged:
            self._end_drag()
        elif index.data(FOLDER_ROLE) is not None and key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space):
            folder = index.data(FOLDER_ROLE)
            if key == Qt.Key.Key_Space or folder.folded == (key == Qt.Key.Key_Right):
                self.folded.emit(folder.name, not folder.folded)
        elif key == Qt.Key.Key_Left and _folder_of(index):
            model = self.model()
            assert isinstance(model, ConversationModel)
            self.setCurrentIndex(model.index(model.row_of_folder(_folder_of(index))))
        else:
            super().keyPressEvent(event)


def _folder_of(index: QModelIndex | QPersistentModelIndex) -> str:
    """The folder that a row is, or is in; "" for none."""
    if not index.isValid() or is_heading(index):
        return ""
    folder, row = index.data(FOLDER_ROLE), index.data(ROW_ROLE)
    return folder.name if folder is not None else row.folder if row is not None else ""
