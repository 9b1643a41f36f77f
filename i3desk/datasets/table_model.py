"""The table of rows as a model of Qt, with undo and with the text that is being typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QPalette, QUndoCommand, QUndoStack
from PySide6.QtWidgets import QApplication

from i3desk.datasets.rows import ANSWER, ASK, HEADINGS, Row
from i3desk.language import figure, tr

TOOLTIPS = (
    tr("Several ways to ask: each in a line of its own (Shift+Enter), or separated by |"),
    tr("What i3 should answer to each of them"),
)
HINTS = (tr("Type here, or paste from a spreadsheet"), "")
FOLLOWS_MARK = "↳"
Index = QModelIndex | QPersistentModelIndex


class RowsModel(QAbstractTableModel):
    """Rows, and an empty one at the end to type into.

    Attributes:
        rows: the rows.
        undo_stack: all changes since they were loaded.
    Signals:
        edited: Emitted when the rows or the text being typed changed.
    """

    edited = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self.undo_stack = QUndoStack(self)
        self._typing: tuple[int, int, str] | None = None

    def load(self, rows: Sequence[Row]) -> None:
        """Show other rows; nothing can be undone then."""
        self.beginResetModel()
        self.rows, self._typing = list(rows), None
        self.endResetModel()
        self.undo_stack.clear()

    def replace(self, first: int, count: int, rows: Sequence[Row], text: str) -> None:
        """Replace `count` rows from `first` on, so that it can be undone; `text` says what was done."""
        first = min(first, len(self.rows))
        count = min(count, len(self.rows) - first)
        old, new = self.rows[first : first + count], list(rows)
        if old != new:
            self.undo_stack.push(_Replacement(self, first, old, new, text))

    def set_typing(self, index: Index | None, text: str = "") -> None:
        """Remember the text that is being typed into a cell, so that it is saved; None if that has ended."""
        typing = None if index is None else (index.row(), index.column(), text)
        if typing != self._typing:
            self._typing = typing
            self.edited.emit()

    def snapshot(self) -> list[Row]:
        """The rows with the text that is being typed."""
        rows = list(self.rows)
        if self._typing is not None:
            number, column, text = self._typing
            if number < len(rows):
                rows[number] = rows[number].with_cell(column, text)
            else:
                rows.append(Row().with_cell(column, text))
        return rows

    def splice(self, first: int, count: int, rows: list[Row]) -> None:
        """Replace rows without undo, and tell the views."""
        common = min(count, len(rows))
        self.rows[first : first + common] = rows[:common]
        if common:
            self._tell_changed(first, first + common - 1)
        # At the end, the empty row gets the content, and another empty one comes below it: the view stays where it is.
        at_end = int(first + count == len(self.rows))
        if count > common:
            self.beginRemoveRows(QModelIndex(), first + common + at_end, first + count - 1 + at_end)
            del self.rows[first + common : first + count]
            self.endRemoveRows()
        elif len(rows) > common:
            self.beginInsertRows(QModelIndex(), first + common + at_end, first + len(rows) - 1 + at_end)
            self.rows[first + common : first + common] = rows[common:]
            self.endInsertRows()
        if at_end and common != max(count, len(rows)):
            self._tell_changed(first + common, first + common)
        self.edited.emit()

    def _tell_changed(self, first: int, last: int) -> None:
        self.dataChanged.emit(self.index(first, ASK), self.index(last, ANSWER))
        self.headerDataChanged.emit(Qt.Orientation.Vertical, first, last)

    # ------------------------------------------------------------------------------------------------- for the view

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows) + 1

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADINGS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        number, column = index.row(), index.column()
        row = self.rows[number] if number < len(self.rows) else None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            if row is None and role == Qt.ItemDataRole.DisplayRole and not self.rows:
                return HINTS[column]
            return row.cell(column) if row else ""
        if role == Qt.ItemDataRole.ForegroundRole and (row is None or not row.learn):
            return QApplication.palette().color(QPalette.ColorRole.PlaceholderText)
        if role == Qt.ItemDataRole.ToolTipRole and row is not None and not row.learn:
            return tr("Read before the rows below, but not learned")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        number = index.row()
        old = self.rows[number] if number < len(self.rows) else Row()
        new = old.with_cell(index.column(), str(value))
        self._typing = None
        if new != old:
            self.replace(number, 1, [new], tr("Typing"))
        return True

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        is_heading = orientation == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.DisplayRole:
            if is_heading:
                return HEADINGS[section]
            if section < len(self.rows):
                return FOLLOWS_MARK if self.follows(section) else figure(section + 1)
            return "+"
        if role == Qt.ItemDataRole.ToolTipRole:
            if is_heading:
                return TOOLTIPS[section]
            return tr("Continues the conversation of the row above") if self.follows(section) else None
        if role == Qt.ItemDataRole.TextAlignmentRole and is_heading:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def follows(self, number: int) -> bool:
        """Whether a row continues the conversation of the one above."""
        return 0 < number < len(self.rows) and self.rows[number].follows


class _Replacement(QUndoCommand):
    def __init__(self, model: RowsModel, first: int, old: list[Row], new: list[Row], text: str) -> None:
        super().__init__(text)
        self._model, self._first, self._old, self._new = model, first, old, new

    def redo(self) -> None:
        self._model.splice(self._first, len(self._old), self._new)

    def undo(self) -> None:
        self._model.splice(self._first, len(self._new), self._old)


def cells(row: Row) -> tuple[str, str]:
    """The texts of both cells."""
    return row.cell(ASK), row.answer
