"""The runs as rows of a list: sorted, filtered, and updated in place to keep selection and scrolling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from i3core.runs.reader import RunState, RunSummary
from i3desk.language import tr
from i3desk.runs.labels import STATE_WORDS, accessible_text, best_of, made_of_text, state_text
from i3desk.widgets.plain_text import tooltip_text

SUMMARY_ROLE = Qt.ItemDataRole.UserRole + 1
NO_PARENT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex
ORDERS = {
    "newest": (tr("Newest"), tr("Newest runs first")),
    "best": (tr("Best"), tr("Lowest validation loss first, then runs without one by training loss")),
    "name": (tr("Name"), tr("In alphabetical order")),
}


def arranged(summaries: Sequence[RunSummary], words: str = "", order: str = "newest") -> list[RunSummary]:
    """The runs with all words in name, note, model, data or state, in one of the ORDERS."""
    wanted = words.casefold().split()
    found = [summary for summary in summaries if all(word in _search_text(summary) for word in wanted)]
    keys = {"newest": _by_start, "best": _by_loss, "name": _by_name}
    return sorted(found, key=keys[order])


def _search_text(summary: RunSummary) -> str:
    parts = (summary.name, summary.note, made_of_text(summary), *summary.data, STATE_WORDS[summary.status.state])
    return "\n".join(parts).casefold()


def _by_start(summary: RunSummary) -> tuple[Any, ...]:
    queued = summary.status.state is RunState.QUEUED  # not started yet: newer than any other
    return (not queued, -summary.started, str(summary.folder))


def _by_loss(summary: RunSummary) -> tuple[Any, ...]:
    loss, which = best_of(summary)
    known = loss is not None and math.isfinite(loss)
    return (which != tr("best loss"), not known, loss if known else 0.0, *_by_start(summary))


def _by_name(summary: RunSummary) -> tuple[Any, ...]:
    return (summary.name.casefold(), *_by_start(summary))


class RunListModel(QAbstractListModel):
    """The visible runs, in their order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RunSummary] = []
        self._row_of: dict[Path, int] = {}

    def rowCount(self, parent: Index = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
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
            return tooltip_text("\n".join(line for line in lines if line))
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable

    def row_of(self, folder: Path) -> int | None:
        """The row of a run; None if it is not shown."""
        return self._row_of.get(folder)

    def index_of(self, folder: Path) -> QModelIndex:
        """The index of a run; invalid if it is not shown."""
        row = self.row_of(folder)
        return QModelIndex() if row is None else self.index(row)

    def show(self, summaries: Sequence[RunSummary]) -> None:
        """Show these runs, in this order; runs shown before keep their selection. Folders must be unique."""
        wanted = {summary.folder: summary for summary in summaries}
        self._remove_all_but(wanted)
        self._permute([folder for folder in wanted if folder in self._row_of])
        self._insert_missing(list(wanted.values()))
        first = last = -1
        for row, summary in enumerate(wanted.values()):
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
                self._index_rows()
                self.endRemoveRows()

    def _permute(self, folders: list[Path]) -> None:
        if folders == [summary.folder for summary in self._rows]:
            return
        self.layoutAboutToBeChanged.emit()
        before = self.persistentIndexList()
        named = [self._rows[index.row()].folder for index in before]
        self._rows = [self._rows[self._row_of[folder]] for folder in folders]
        self._index_rows()
        self.changePersistentIndexList(before, [self.index(self._row_of[folder]) for folder in named])
        self.layoutChanged.emit()

    def _insert_missing(self, wanted: list[RunSummary]) -> None:
        row = 0
        while row < len(wanted):
            last = row
            while last < len(wanted) and wanted[last].folder not in self._row_of:
                last += 1
            if last > row:
                self.beginInsertRows(QModelIndex(), row, last - 1)
                self._rows[row:row] = wanted[row:last]
                self._index_rows()
                self.endInsertRows()
            row = last + 1

    def _index_rows(self) -> None:
        self._row_of = {summary.folder: row for row, summary in enumerate(self._rows)}
