"""The view of a table of questions and answers: editing in place, and the clipboard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelectionRange,
    QMimeData,
    QObject,
    QPoint,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QPlainTextEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from i3desk.datasets.rows import ANSWER, ASK, Row, pasted_rows, table_text
from i3desk.datasets.table_model import FOLLOWS_MARK, HEADINGS, Index, RowsModel, cells
from i3desk.language import figure, tr, trn
from i3desk.widgets.basics import FileDropsPass, named
from i3desk.workers.background import BackgroundJobs

ROW_HEIGHT, TALLEST_ROW = 36, 132  # pixels
NUMBER_MARGIN = 16
EDITOR_HEIGHT = 72
LARGE_PASTE = 100_000  # characters; more are taken apart in the background
TAKEN_OVER = (
    QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo, QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Cut, QKeySequence.StandardKey.Paste, QKeySequence.StandardKey.Delete,
)  # fmt: skip


class CellEdit(FileDropsPass, QPlainTextEdit):
    """The text of a cell while it is edited.

    Signals:
        table_pasted(text): Emitted when several cells were pasted.
    """

    table_pasted = Signal(str)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if "\t" in source.text():
            self.table_pasted.emit(source.text())
        else:
            self.insertPlainText(source.text())


class CellDelegate(QStyledItemDelegate):
    """Edits a cell as a small text: Enter ends a cell, Shift+Enter a line.

    Signals:
        table_pasted(row, text): Emitted when several cells were pasted into the cell that is edited.
        moved(step): Emitted when Enter or Tab ended the editing, with how many cells further it continues.
    """

    table_pasted = Signal(int, str)
    moved = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.editor: CellEdit | None = None

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        edit = self.editor = named(CellEdit(parent), "cellEdit")
        edit.setAccessibleName(tr("{column}, row {row}").format(column=HEADINGS[index.column()], row=index.row() + 1))
        edit.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        edit.setTabChangesFocus(True)
        return edit

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, CellEdit)
        if editor.property("filled"):
            return  # what is typed is newer
        editor.setProperty("filled", True)
        editor.setPlainText(index.data(Qt.ItemDataRole.EditRole))
        editor.selectAll()
        model = index.model()
        assert isinstance(model, RowsModel)
        editor.textChanged.connect(partial(self._on_typed, editor, model, index.row(), index.column()))
        editor.table_pasted.connect(partial(self._on_pasted, editor, index.row()))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, CellEdit)
        model.setData(index, editor.toPlainText())

    def destroyEditor(self, editor: QWidget, index: Index) -> None:
        model = index.model()
        if editor is self.editor:
            self.editor = None
            if isinstance(model, RowsModel):
                model.set_typing(None)
        super().destroyEditor(editor, index)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        rect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        rect.setHeight(max(rect.height(), EDITOR_HEIGHT))
        editor.setGeometry(rect)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and isinstance(watched, CellEdit):
            is_enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            if is_enter and event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
                watched.insertPlainText("\n")
                return True
            if is_enter or event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                self.commitData.emit(watched)
                self.closeEditor.emit(watched, QStyledItemDelegate.EndEditHint.NoHint)
                self.moved.emit(-1 if event.key() == Qt.Key.Key_Backtab else 1)
                return True
        return super().eventFilter(watched, event)

    def _on_typed(self, editor: CellEdit, model: RowsModel, row: int, column: int) -> None:
        model.set_typing(model.index(row, column), editor.toPlainText())

    def _on_pasted(self, editor: CellEdit, row: int, text: str) -> None:
        self.closeEditor.emit(editor, QStyledItemDelegate.EndEditHint.RevertModelCache)
        self.table_pasted.emit(row, text)


class RowNumbers(QHeaderView):
    """The numbers of the rows. Qt would measure two thousand of them whenever one changes."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.setSectionsClickable(True)

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(f"{figure(max(99, self.count()))}{FOLLOWS_MARK}")
        return QSize(width + NUMBER_MARGIN, 0)


class RowTable(QTableView):
    """Shows a RowsModel.

    Signals:
        noticed(text): Emitted with a remark on what was pasted.
    """

    noticed = Signal(str)

    def __init__(self, model: RowsModel, background: BackgroundJobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("rowTable")
        self.setAccessibleName(tr("Questions and answers"))
        self.rows = model
        self._background = background
        self.setModel(model)
        self._cells = CellDelegate(self)
        self._cells.table_pasted.connect(self.paste_table)
        self._cells.moved.connect(self._move)
        self.setItemDelegate(self._cells)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed | triggers.AnyKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(True)
        self.setTabKeyNavigation(False)  # Tab leaves the table, unless a cell is edited
        self.setCornerButtonEnabled(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.horizontalHeader().setHighlightSections(False)
        heights = RowNumbers(self)
        self.setVerticalHeader(heights)
        heights.setDefaultSectionSize(ROW_HEIGHT)
        heights.setMinimumSectionSize(ROW_HEIGHT)
        heights.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        heights.setHighlightSections(False)
        self._fit_timer = QTimer(self, interval=0, singleShot=True)
        self._fit_timer.timeout.connect(self._fit_visible)
        for changed in (model.dataChanged, model.rowsInserted, model.rowsRemoved, model.modelReset):
            changed.connect(self._fit_soon)
        self.verticalScrollBar().valueChanged.connect(self._fit_soon)

    # ----------------------------------------------------------------------------------------------------- actions

    def selected_rows(self) -> list[int]:
        """The rows that have a selected cell, without the empty one at the end."""
        return sorted(self._selected_cells())

    def _selected_cells(self) -> dict[int, set[int]]:
        """The selected columns of each row, without the empty one at the end."""
        found: dict[int, set[int]] = {}
        ranges: Iterable[QItemSelectionRange] = self.selectionModel().selection()  # pyright: ignore[reportAssignmentType]
        for part in ranges:
            for number in range(part.top(), min(part.bottom() + 1, len(self.rows.rows))):
                found.setdefault(number, set()).update(range(part.left(), part.right() + 1))
        return found

    @Slot()
    def delete_rows(self) -> None:
        """Delete the selected rows."""
        chosen = self.selected_rows()
        if chosen:
            first, last, gone = chosen[0], chosen[-1], set(chosen)
            kept = [row for n, row in enumerate(self.rows.rows[first : last + 1], first) if n not in gone]
            self.rows.replace(first, last - first + 1, kept, tr("Delete rows"))
            self.setCurrentIndex(self.rows.index(min(first, len(self.rows.rows)), ASK))

    @Slot()
    def insert_row(self) -> None:
        """Insert a row above the current one, and type into it."""
        number = max(0, self.currentIndex().row())
        self.rows.replace(number, 0, [Row()], tr("Insert row"))
        self._edit(number, ASK)

    @Slot()
    def toggle_follows(self) -> None:
        """Let the selected rows continue the conversation of the row above, or not."""
        chosen = self.selected_rows()
        follows = not all(self.rows.follows(number) for number in chosen if number)
        self._change(
            chosen, lambda number, row: replace(row, follows=follows and number > 0), tr("Continue conversation")
        )

    @Slot()
    def clear_cells(self) -> None:
        """Clear the selected cells; rows of which both are selected are deleted."""
        if self._selects_rows():
            self.delete_rows()
            return
        chosen = self._selected_cells()

        def cleared(number: int, row: Row) -> Row:
            for column in chosen[number]:
                row = row.with_cell(column, "")
            return row

        self._change(self.selected_rows(), cleared, tr("Clear"))

    def _selects_rows(self) -> bool:
        return all(len(columns) == len(HEADINGS) for columns in self._selected_cells().values())

    def _change(self, chosen: list[int], change: Callable[[int, Row], Row], text: str) -> None:
        if chosen:
            first, last, wanted = chosen[0], chosen[-1], set(chosen)
            rows = self.rows.rows[first : last + 1]
            new = [change(n, row) if n in wanted else row for n, row in enumerate(rows, first)]
            self.rows.replace(first, len(rows), new, text)

    @Slot()
    def copy(self) -> None:
        """Copy the selected cells, as spreadsheets read them."""
        columns = (ASK, ANSWER) if self._selects_rows() else (max(0, self.currentIndex().column()),)
        content = [[cells(self.rows.rows[n])[column] for column in columns] for n in self.selected_rows()]
        if content:
            QGuiApplication.clipboard().setText(table_text(content))

    @Slot()
    def paste(self) -> None:
        """Paste cells of a spreadsheet, or lines, from the current cell on."""
        self.paste_table(max(0, self.currentIndex().row()), QGuiApplication.clipboard().text())

    @Slot(int, str)
    def paste_table(self, number: int, text: str) -> None:
        """Put pasted cells into the table, from a row on."""
        column = max(ASK, self.currentIndex().column())
        done = partial(self._on_taken_apart, number, column)
        if len(text) > LARGE_PASTE:
            self._background.run(partial(pasted_rows, text), done)
        else:
            done(pasted_rows(text))

    def _on_taken_apart(self, number: int, column: int, pasted: list[tuple[int, Row]]) -> None:
        if not pasted:
            self.noticed.emit(tr("The clipboard holds no text."))
            return
        widest = max(width for width, _ in pasted)
        new = [row for _, row in pasted]
        if widest == 1:  # a column, or lines: the other cells stay
            old = self.rows.rows[number : number + len(new)] + [Row()] * len(new)
            new = [known.with_cell(column, row.answer) for row, known in zip(new, old, strict=False)]
        self.rows.replace(number, len(new), new, tr("Paste"))
        self.setCurrentIndex(self.rows.index(min(number + len(new), len(self.rows.rows)), ASK))
        told = trn("Pasted {n} row.", "Pasted {n} rows.", len(new))
        only = tr(" Only the first two columns were used.") if widest > len(HEADINGS) else ""
        self.noticed.emit(told + only)

    @Slot(int)
    def _move(self, step: int) -> None:
        index = self.currentIndex()
        number, column = divmod(index.row() * len(HEADINGS) + index.column() + step, len(HEADINGS))
        if 0 <= number <= len(self.rows.rows):
            self._edit(number, column)

    def _edit(self, number: int, column: int) -> None:
        index = self.rows.index(number, column)
        self.setCurrentIndex(index)
        self.scrollTo(index)
        self.edit(index)

    def finish_typing(self) -> None:
        """Take over the text of the cell that is edited."""
        editor = self._cells.editor
        if editor is not None:
            self.commitData(editor)
            self.closeEditor(editor, QStyledItemDelegate.EndEditHint.NoHint)

    # ------------------------------------------------------------------------------------------------ events of Qt

    def event(self, event: QEvent) -> bool:
        is_shortcut = event.type() == QEvent.Type.ShortcutOverride
        if is_shortcut and isinstance(event, QKeyEvent) and any(event.matches(keys) for keys in TAKEN_OVER):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = QKeySequence.StandardKey
        actions = {
            keys.Undo: self.rows.undo_stack.undo, keys.Redo: self.rows.undo_stack.redo, keys.Copy: self.copy,
            keys.Paste: self.paste, keys.Delete: self.clear_cells, keys.Cut: self._cut,
        }  # fmt: skip
        action = next((act for wanted, act in actions.items() if event.matches(wanted)), None)
        if action is not None:
            action()
        elif event.key() == Qt.Key.Key_Backspace:
            self.clear_cells()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.edit(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def _cut(self) -> None:
        self.copy()
        self.clear_cells()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.show_menu(event.globalPos())

    def show_menu(self, place: QPoint) -> None:
        """Show the actions on the selected rows."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        follows = tr("{mark} Continue the conversation of the row above").format(mark=FOLLOWS_MARK)
        actions: dict[str, Any] = {
            tr("Insert a row above"): self.insert_row, tr("Delete rows"): self.delete_rows,
            follows: self.toggle_follows,
            "": None, tr("Copy"): self.copy, tr("Paste"): self.paste,
        }  # fmt: skip
        for text, act in actions.items():
            if act is None:
                menu.addSeparator()
            else:
                menu.addAction(text).triggered.connect(act)
        menu.popup(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_soon()

    @Slot()
    def _fit_soon(self) -> None:
        self._fit_timer.start()

    @Slot()
    def _fit_visible(self) -> None:
        """Give the rows on screen the height of their text; all rows would take too long."""
        number, bottom = max(0, self.rowAt(0)), self.viewport().height()
        while number < self.rows.rowCount() and self.rowViewportPosition(number) < bottom:
            wanted = min(TALLEST_ROW, max(ROW_HEIGHT, self.sizeHintForRow(number) + 12))
            if self.rowHeight(number) != wanted:
                self.setRowHeight(number, wanted)
            number += 1
