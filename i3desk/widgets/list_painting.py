"""What the rows of all lists share: their box, lines of text, and the editor of a title."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from i3desk.language import tr
from i3desk.style.palette import Tokens, mix
from i3desk.widgets.basics import named
from i3desk.widgets.plain_text import tooltip_text

# A mixin of a delegate is no delegate itself at run time: Qt's bindings allow one C++ base.
if TYPE_CHECKING:
    _Delegate = QStyledItemDelegate
else:
    _Delegate = object

Index = QModelIndex | QPersistentModelIndex
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
TABS = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_STATE = QStyle.StateFlag


def paint_box(painter: QPainter, box: QRect, option: QStyleOptionViewItem, tokens: Tokens) -> bool:
    """Fill a row that is selected or under the pointer, and frame one with the focus; returns whether it is filled."""
    chosen = bool(option.state & _STATE.State_Selected)
    filled = chosen or bool(option.state & _STATE.State_MouseOver)
    if filled:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.accent_soft if chosen else tokens.raised))
        painter.drawRoundedRect(box, 8, 8)
    if option.state & _STATE.State_HasFocus:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.accent), 1.5))
        painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 7, 7)
    return filled


def muted_colour(option: QStyleOptionViewItem, tokens: Tokens) -> str:
    """The colour of muted text, with more contrast on the selection."""
    return mix(tokens.muted, tokens.text, 0.3) if option.state & _STATE.State_Selected else tokens.muted


def paint_text(
    painter: QPainter, room: QRect, font: QFont, colour: str, text: str, align: Qt.AlignmentFlag = LEFT
) -> str:
    """Paint one line; returns the text as far as it fits."""
    shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, max(0, room.width()))
    painter.setFont(font)
    painter.setPen(colour)
    painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # of the text, not of the window
    painter.drawText(room, align, shown)
    return shown


class TitleEditing(_Delegate):
    """Edits the title of a row in place: Enter and Tab save it, Esc keeps the old one."""

    editor_name = tr("Title")
    longest_title = 120

    def rename(self, index: Index, title: str) -> None:
        """Use another title, which is not empty."""
        raise NotImplementedError

    def editor_rect(self, row: QRect) -> QRect:
        """Where the editor is in a row."""
        raise NotImplementedError

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QLineEdit:
        editor = named(QLineEdit(parent, maxLength=self.longest_title), "titleEditor")
        editor.setAccessibleName(self.editor_name)
        editor.setToolTip(tooltip_text(tr("Enter saves it, Esc keeps the old one")))
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        # Qt calls this again when the row changes, as it does while a reply is being written.
        if isinstance(editor, QLineEdit) and not editor.property("filled"):
            editor.setProperty("filled", True)
            editor.setText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        title = " ".join(editor.text().split()) if isinstance(editor, QLineEdit) else ""
        if title and title != index.data(Qt.ItemDataRole.EditRole):
            self.rename(index, title)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(self.editor_rect(option.rect))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Tab saves the title like Enter, and does not edit the next one.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in TABS:
            self.commitData.emit(watched)
            self.closeEditor.emit(watched)
            return True
        return super().eventFilter(watched, event)
