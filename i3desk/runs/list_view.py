"""The list of runs: chooses one or several, by mouse and keyboard; stays where it is while its rows change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QListView

from i3core.runs.reader import RunSummary
from i3desk.runs.list_delegate import RunListDelegate
from i3desk.runs.list_model import SUMMARY_ROLE, RunListModel
from i3desk.style.theme import Theme

PROBE = 20  # from the left, where the row at the top of the list is looked for
_FLAG = QItemSelectionModel.SelectionFlag


class RunListView(QListView):
    """Rows of a RunModel. The selection is what the side shows: details of one run, or several compared.

    Signals:
        open_asked(folder): double-clicked, or Enter pressed.
        delete_asked: Del was pressed; it concerns the chosen runs.
        chosen_changed: other runs are chosen.
        typed(str): letters were typed; nothing was done with them.
    """

    open_asked = Signal(object)
    delete_asked = Signal()
    chosen_changed = Signal()
    typed = Signal(str)

    def __init__(self, model: RunListModel, painter: RunListDelegate, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("runList")
        self._painter = painter
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
        self.setAccessibleName("Runs")
        self.setAccessibleDescription(
            "Enter opens a run, Space chooses several to compare, F2 renames, Del deletes, Esc chooses none"
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
        index = QModelIndex() if folder is None else self.model().index_of(folder)
        if index.isValid():
            self.selectionModel().setCurrentIndex(index, _FLAG.ClearAndSelect)
            self.scrollTo(index)
        else:
            self.clearSelection()

    def edit_name(self, folder: Path) -> None:
        """Let the user type another name for a run."""
        index = self.model().index_of(folder)
        if index.isValid():
            self.scrollTo(index)
            self.edit(index)

    def show_runs(self, summaries: Sequence[RunSummary]) -> None:
        """Show other summaries; what is on screen stays there, unless the list is at its top."""
        bar = self.verticalScrollBar()
        top = QPersistentModelIndex(self.indexAt(QPoint(PROBE, 0))) if bar.value() else QPersistentModelIndex()
        offset = self.visualRect(QModelIndex(top)).top() if top.isValid() else 0
        self.model().show(summaries)
        if top.isValid():
            self.doItemsLayout()
            bar.setValue(bar.value() + self.visualRect(QModelIndex(top)).top() - offset)

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
        if not self._swallow_release:  # else a small move on a check box would choose its row alone
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
            self.delete_asked.emit()
        elif key == Qt.Key.Key_Escape and self.selectionModel().hasSelection():
            self.clearSelection()
        else:
            super().keyPressEvent(event)

    def keyboardSearch(self, text: str) -> None:
        """What is typed here is meant for the search field."""
        if text.strip() and text.isprintable():
            self.typed.emit(text)

    def _toggle(self, index: QModelIndex) -> None:
        self.selectionModel().setCurrentIndex(index, _FLAG.NoUpdate)
        self.selectionModel().select(index, _FLAG.Toggle)

    def _open(self, index: QModelIndex) -> None:
        self.open_asked.emit(index.data(SUMMARY_ROLE).folder)
