"""The runs as rows of a list: sorted, filtered, and changed in place so that selection and scrolling survive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from i3core.runs.reader import RunState, RunSummary
from i3desk.runs.labels import STATE_WORDS, accessible_text, best_of, made_of_text, state_text

SUMMARY_ROLE = Qt.ItemDataRole.UserRole + 1
ORDERS = {
    "newest": ("Newest", "The run that was started last comes first"),
    "best": ("Best", "The lowest validation loss comes first; runs without one come after, by training loss"),
    "name": ("Name", "In alphabetical order"),
}


def arranged(summaries: Sequence[RunSummary], words: str = "", order: str = "newest") -> list[RunSummary]:
    """Those that have all words in name, note, model, data or state, in one of the ORDERS."""
    wanted = words.casefold().split()
    found = [summary for summary in summaries if all(word in _searched(summary) for word in wanted)]
    keys = {"newest": _by_start, "best": _by_loss, "name": _by_name}
    return sorted(found, key=keys[order])


def _searched(summary: RunSummary) -> str:
    parts = (summary.name, summary.note, made_of_text(summary), *summary.data, STATE_WORDS[summary.status.state])
    return "\n".join(parts).casefold()


def _by_start(summary: RunSummary) -> tuple:
    waiting = summary.status.state is RunState.QUEUED  # not started at all yet: that is newer than any other
    return (not waiting, -summary.started, str(summary.folder))


def _by_loss(summary: RunSummary) -> tuple:
    loss, which = best_of(summary)
    known = loss is not None and math.isfinite(loss)
    return (which != "best loss", not known, loss if known else 0.0, *_by_start(summary))


def _by_name(summary: RunSummary) -> tuple:
    return (summary.name.casefold(), *_by_start(summary))


class RunListModel(QAbstractListModel):
    """The runs that are shown, in their order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RunSummary] = []
        self._places: dict[Path, int] = {}

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        summary = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return summary.name
        if role == SUMMARY_ROLE:
            return summary
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return accessible_text(summary)
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = (summary.name, state_text(summary), made_of_text(summary), str(summary.folder), summary.note)
            return "\n".join(line for line in lines if line)
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def row_of(self, folder: Path) -> int | None:
        """Where a run is; None if it is not shown."""
        return self._places.get(folder)

    def index_of(self, folder: Path) -> QModelIndex:
        """The index of a run; invalid if it is not shown."""
        row = self.row_of(folder)
        return QModelIndex() if row is None else self.index(row)

    def show(self, summaries: Sequence[RunSummary]) -> None:
        """Show these, in this order; what was shown before keeps its selection. Each folder may come once only."""
        coming = {summary.folder: summary for summary in summaries}
        self._remove_all_but(coming)
        self._permute([folder for folder in coming if folder in self._places])
        self._insert_missing(list(coming.values()))
        first = last = -1
        for row, summary in enumerate(coming.values()):
            if self._rows[row] != summary:
                self._rows[row] = summary
                first, last = (row if first < 0 else first), row
        if first >= 0:
            self.dataChanged.emit(self.index(first), self.index(last))

    def _remove_all_but(self, kept: dict[Path, RunSummary]) -> None:
        for row in reversed(range(len(self._rows))):
            if self._rows[row].folder not in kept:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._rows[row]
                self._note_places()
                self.endRemoveRows()

    def _permute(self, folders: list[Path]) -> None:
        if folders == [summary.folder for summary in self._rows]:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        named = [self._rows[index.row()].folder for index in before]
        self._rows = [self._rows[self._places[folder]] for folder in folders]
        self._note_places()
        self.changePersistentIndexList(before, [self.index(self._places[folder]) for folder in named])
        self.layoutChanged.emit()

    def _insert_missing(self, wanted: list[RunSummary]) -> None:
        row = 0
        while row < len(wanted):
            last = row
            while last < len(wanted) and wanted[last].folder not in self._places:
                last += 1
            if last > row:
                self.beginInsertRows(QModelIndex(), row, last - 1)
                self._rows[row:row] = wanted[row:last]
                self._note_places()
                self.endInsertRows()
            row = last + 1

    def _note_places(self) -> None:
        self._places = {summary.folder: row for row, summary in enumerate(self._rows)}
