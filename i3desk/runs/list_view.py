"""The list of runs: choose one or several by mouse or keyboard. It keeps its position while rows change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView

from i3core.runs.reader import RunSummary
from i3desk.language import tr
from i3desk.runs.list_delegate import RunListDelegate
from i3desk.runs.list_model import SUMMARY_ROLE, RunListModel
from i3desk.style.theme import Theme

PROBE_X = 20  # where the row at the top of the list is looked up
_FLAG = QItemSelectionModel.SelectionFlag


class RunListView(QListView):
    """Shows a RunListModel. The page shows the details of the chosen run, or compares several.

    Signals:
        open_requested(folder): emitted on a double click or Enter.
        delete_requested: emitted on Del, for the chosen runs.
        chosen_changed: emitted when other runs were chosen.
        typed(text): emitted when the user typed letters, which search the list.
    """

    open_requested = Signal(object)
    delete_requested = Signal()
    chosen_changed = Signal()
    typed = Signal(str)

    def __init__(self, model: RunListModel, painter: RunListDelegate, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("runList")
        self._runs, self._painter = model, painter
        self._swallow_release = False
        self.setModel(model)
        self.setItemDelegate(painter)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Runs"))
        self.setAccessibleDescription(
            tr("Enter opens a run, Space chooses several to compare, F2 renames, Del deletes, Esc chooses none")
        )
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(self.chosen_changed)
        theme.changed.connect(self.viewport().update)

    def chosen(self) -> list[RunSummary]:
        """The runs that are chosen, from top to bottom."""
        indexes = sorted(self.selectionModel().selectedIndexes(), key=QModelIndex.row)
        return [index.data(SUMMARY_ROLE) for index in indexes]

    def choose(self, folder: Path | None) -> None:
        """Choose one run and bring it into view, or choose none."""
        index = QModelIndex() if folder is None else self._runs.index_of(folder)
        if index.isValid():
            self.selectionModel().setCurrentIndex(index, _FLAG.ClearAndSelect)
            self.scrollTo(index)
        else:
            self.clearSelection()

    def show_runs(self, summaries: Sequence[RunSummary]) -> None:
        """Show these summaries; visible rows keep their position unless the list is scrolled to its top."""
        bar = self.verticalScrollBar()
        top = QPersistentModelIndex(self.indexAt(QPoint(PROBE_X, 0))) if bar.value() else QPersistentModelIndex()
        offset = self.visualRect(top).top() if top.isValid() else 0
        self._runs.show(summaries)
        if top.isValid():
            self.doItemsLayout()
            bar.setValue(bar.value() + self.visualRect(top).top() - offset)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index = self.indexAt(point)
        on_check = index.isValid() and self._painter.check_rect(self.visualRect(index)).contains(point)
        self._swallow_release = on_check and event.button() == Qt.MouseButton.LeftButton
        if self._swallow_release:
            self._toggle(index)
        else:
            super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._swallow_release:  # otherwise a small move on a check box would choose only its row
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._swallow_release:
            self._swallow_release = False
        else:
            super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        index = self.indexAt(point)
        if index.isValid() and self._painter.check_rect(self.visualRect(index)).contains(point):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index, key = self.currentIndex(), event.key()
        if index.isValid() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(index)
        elif index.isValid() and key == Qt.Key.Key_F2:
            self.edit(index)
        elif index.isValid() and key == Qt.Key.Key_Space:
            self._toggle(index)
        elif key == Qt.Key.Key_Delete and self.selectionModel().hasSelection():
            self.delete_requested.emit()
        elif key == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, text: str) -> None:
        """Pass typed letters on to the search field."""
        if text.strip() and text.isprintable():
            self.typed.emit(text)

    def _toggle(self, index: QModelIndex) -> None:
        self.selectionModel().setCurrentIndex(index, _FLAG.NoUpdate)
        self.selectionModel().select(index, _FLAG.Toggle)

    def _open(self, index: QModelIndex) -> None:
        self.open_requested.emit(index.data(SUMMARY_ROLE).folder)
