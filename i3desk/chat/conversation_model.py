"""The rows of the list of conversations, as a model of Qt."""

from __future__ import annotations

import bisect
import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt, QTimer, Slot

from i3desk.chat.date_groups import Heading, heading_of, heading_of_folder, sort_key
from i3desk.conversations.store import ConversationRow, Folder
from i3desk.language import tr, trn
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import HEADING_FLAGS

CHECK_DATE_MS = 60_000
ID_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
BUSY_ROLE = Qt.ItemDataRole.UserRole + 2
FOLDER_ROLE = Qt.ItemDataRole.UserRole + 4  # a Folder; None for all other rows
COUNT_ROLE = Qt.ItemDataRole.UserRole + 5  # of the conversations in a folder
ROW_FLAGS = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsEditable


class ConversationModel(QStringListModel):
    """Conversations, sorted, with a heading row above each group; a folder is a heading that can be chosen and folded.

    Changes move single rows, so that views keep their place. Qt counts the rows, in a list of empty strings: a view
    asks for their number once a row, and a method in Python takes 20 ms for ten thousand.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: list[ConversationRow | Heading] = []
        self._by_id: dict[int, ConversationRow] = {}
        self._folders: dict[str, bool] = {}  # name -> whether it is folded
        self._counts: Counter[str] = Counter()  # of conversations in each folder
        self._busy: frozenset[int] = frozenset()
        self._today = datetime.date.today()
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        timer.timeout.connect(self.check_date)
        timer.start(CHECK_DATE_MS)
        self._change: Callable[[], object] | None = None
        for done in (self.rowsInserted, self.rowsRemoved, self.rowsMoved):
            done.connect(self._follow)  # before any view is told

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        item = self._items[index.row()] if index.isValid() else None
        return HEADING_FLAGS if item is None or (isinstance(item, Heading) and not item.folder) else ROW_FLAGS

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return item.title
        if isinstance(item, Heading):
            return self._data_of_folder(item.folder, role) if item.folder else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip_text(f"{item.title}\n{item.preview}".strip())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(item)
        if role == ID_ROLE:
            return item.id
        if role == ROW_ROLE:
            return item
        if role == BUSY_ROLE:
            return item.id in self._busy
        return None

    def _data_of_folder(self, name: str, role: int) -> Any:
        count, folded = self._counts[name], self._folders[name]
        if role == FOLDER_ROLE:
            return Folder(name, folded)
        if role == COUNT_ROLE:
            return count
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip_text(
                f"{name}\n" + (tr("Click to show its chats") if folded else tr("Click to hide its chats"))
            )
        if role == Qt.ItemDataRole.AccessibleTextRole:
            chats = trn("1 chat", "{n} chats", count)
            text = tr("Folder {name}. {chats}. Closed") if folded else tr("Folder {name}. {chats}. Open")
            return text.format(name=name, chats=chats)
        return None

    @property
    def rows(self) -> tuple[ConversationRow, ...]:
        """All conversations, in the order of the list; those of closed folders too."""
        return tuple(sorted(self._by_id.values(), key=sort_key))

    @property
    def folders(self) -> list[str]:
        """The names of all folders, in the order of the list."""
        return sorted(self._folders, key=lambda name: (name.casefold(), name))

    def row_of(self, number: int | None) -> int | None:
        """The row of the conversation with this id, or of the closed folder that it is in."""
        found = self.find(number)
        if found is None:
            return None
        return self._row_for(found if self._is_shown(found) else heading_of_folder(found.folder))

    def row_of_folder(self, name: str) -> int:
        """The row of a folder."""
        return self._row_for(heading_of_folder(name))

    def find(self, number: int | None) -> ConversationRow | None:
        """The conversation with this id."""
        return None if number is None else self._by_id.get(number)

    def show(self, rows: Iterable[ConversationRow], folders: Sequence[Folder] | None = None) -> None:
        """Replace all rows, and the folders unless they are None."""
        self._by_id = {row.id: row for row in rows}
        if folders is not None:
            self._folders = {folder.name: folder.folded for folder in folders}
        self._counts = Counter(row.folder for row in self._by_id.values())
        for name in self._counts.keys() - {""}:
            self._folders.setdefault(name, False)
        shown = [row for row in self._by_id.values() if self._is_shown(row)]
        headings = {heading_of(row, self._today) for row in shown} | set(map(heading_of_folder, self._folders))
        self._items = sorted([*shown, *headings], key=sort_key)
        self.setStringList([""] * len(self._items))

    def put(self, row: ConversationRow) -> None:
        """Insert a conversation, or change the one with its id and move it to its place."""
        old = self._by_id.get(row.id)
        if old == row:
            return
        if row.folder:
            self._folders.setdefault(row.folder, False)
        self._insert(heading_of(row, self._today))
        was_shown = old is not None and self._is_shown(old)
        if old is not None and was_shown and self._is_shown(row):
            self._move(old, row)
        else:
            if old is not None and was_shown:
                self._remove(old)
            self._by_id[row.id] = row
            if self._is_shown(row):
                self._insert(row)
        self._count(row.folder, 1)
        if old is not None:
            self._count(old.folder, -1)
            self._remove_empty(heading_of(old, self._today))

    def _move(self, old: ConversationRow, row: ConversationRow) -> None:
        start = self._row_for(old)
        end = self._row_for(row)  # Qt and `sort_key` both count it with the row in its old place
        place = end - 1 if end > start else end

        def move() -> None:
            self._by_id[row.id] = row
            del self._items[start]
            self._items.insert(place, row)

        if place == start:
            move()
        else:
            self._change = move
            self.moveRows(QModelIndex(), start, 1, QModelIndex(), end)
        self.dataChanged.emit(self.index(place), self.index(place))

    def take(self, number: int) -> ConversationRow | None:
        """Remove the conversation with this id and return it."""
        row = self._by_id.get(number)
        if row is not None:
            if self._is_shown(row):
                self._remove(row)
            del self._by_id[number]
            self._count(row.folder, -1)
            self._remove_empty(heading_of(row, self._today))
        return row

    def put_folder(self, name: str, folded: bool = False) -> None:
        """Add a folder, or close or open the one with this name."""
        if name not in self._folders:
            self._folders[name] = folded
            self._insert(heading_of_folder(name))
        elif folded != self._folders[name]:
            inside = sorted((row for row in self._by_id.values() if row.folder == name), key=sort_key)
            first = self.row_of_folder(name) + 1
            self._folders[name] = folded
            if inside and folded:
                self._change = partial(self._splice, first, first + len(inside), [])
                self.removeRows(first, len(inside))
            elif inside:
                self._change = partial(self._splice, first, first, inside)
                self.insertRows(first, len(inside))
            self.dataChanged.emit(self.index(first - 1), self.index(first - 1))

    def replace_folder(self, old: str, new: str) -> None:
        """Give a folder another name, or remove it (""); its conversations stay."""
        changed = {name: folded for name, folded in self._folders.items() if name != old}
        if new:
            changed[new] = self._folders[old]
        rows = [replace(row, folder=new) if row.folder == old else row for row in self._by_id.values()]
        self.show(rows, [Folder(name, folded) for name, folded in changed.items()])

    def _splice(self, first: int, end: int, items: list[ConversationRow]) -> None:
        self._items[first:end] = items

    def _is_shown(self, row: ConversationRow) -> bool:
        return not row.folder or not self._folders[row.folder]

    def _count(self, folder: str, step: int) -> None:
        self._counts[folder] += step
        if folder:
            heading = self.index(self.row_of_folder(folder))
            self.dataChanged.emit(heading, heading)

    def set_busy(self, numbers: Iterable[int]) -> None:
        """Mark the conversations in which a reply is being written."""
        before, self._busy = self._busy, frozenset(numbers)
        for number in before ^ self._busy:
            row = self.row_of(number)
            if row is not None:
                self.dataChanged.emit(self.index(row), self.index(row), [BUSY_ROLE])

    def _row_for(self, item: ConversationRow | Heading) -> int:
        """The row where an item is, or belongs."""
        return bisect.bisect_left(self._items, sort_key(item), key=sort_key)

    def _insert(self, item: ConversationRow | Heading) -> None:
        """Insert an item, unless it is there."""
        row = self._row_for(item)
        if self._items[row : row + 1] != [item]:
            self._change = partial(self._items.insert, row, item)
            self.insertRows(row, 1)

    def _remove(self, item: ConversationRow | Heading) -> None:
        row = self._row_for(item)
        self._change = partial(self._items.pop, row)
        self.removeRows(row, 1)

    @Slot()
    def _follow(self) -> None:
        """Change the items as Qt has changed the rows."""
        change, self._change = self._change, None
        if change is not None:
            change()

    def _remove_empty(self, heading: Heading) -> None:
        """Remove a heading if there is no conversation under it; a folder stays."""
        if heading.folder:
            return
        below = self._row_for(heading) + 1
        if below == len(self._items) or isinstance(self._items[below], Heading):
            self._remove(heading)

    def _spoken(self, row: ConversationRow) -> str:
        marks = [tr("Pinned")] if row.pinned else []
        if row.id in self._busy:
            marks.append(tr("A reply is being written"))
        return ". ".join(part for part in (row.title, row.preview, *marks) if part)

    @Slot()
    def check_date(self) -> None:
        """Replace the headings if the date has changed."""
        if self._today == datetime.date.today():
            return
        self._today = datetime.date.today()
        headings = {heading_of(row, self._today) for row in self._by_id.values()}
        headings |= set(map(heading_of_folder, self._folders))
        for heading in [item for item in self._items if isinstance(item, Heading) and item not in headings]:
            self._remove(heading)
        for heading in headings:
            self._insert(heading)
