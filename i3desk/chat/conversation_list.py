"""The list of stored conversations: its Qt model, and changes to it and the store."""

from __future__ import annotations

import bisect
import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QStringListModel, Qt, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3desk.chat.date_groups import Heading, heading_of, sort_key
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import ConversationRow, Hit, Store, preview_of, search
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import HEADING_FLAGS
from i3desk.workers.background import BackgroundJobs

CHECK_DATE_MS = 60_000
HITS_SHOWN = 200
ID_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
BUSY_ROLE = Qt.ItemDataRole.UserRole + 2
ROW_FLAGS = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsEditable


class ConversationModel(QStringListModel):
    """Conversations, sorted, with a heading row above each group.

    Changes move single rows, so that views keep their place. Qt counts the rows, in a list of empty strings: a view
    asks for their number once a row, and a method in Python takes 20 ms for ten thousand.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: list[ConversationRow | Heading] = []
        self._by_id: dict[int, ConversationRow] = {}
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
        if not index.isValid() or isinstance(self._items[index.row()], Heading):
            return HEADING_FLAGS
        return ROW_FLAGS

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return item.title
        if isinstance(item, Heading):
            return None
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

    @property
    def rows(self) -> tuple[ConversationRow, ...]:
        """All conversations, in the order of the list."""
        return tuple(item for item in self._items if isinstance(item, ConversationRow))

    def row_of(self, number: int | None) -> int | None:
        """The row of the conversation with this id."""
        found = self.find(number)
        return None if found is None else self._row_for(found)

    def find(self, number: int | None) -> ConversationRow | None:
        """The conversation with this id."""
        return None if number is None else self._by_id.get(number)

    def show(self, rows: Iterable[ConversationRow]) -> None:
        """Replace all rows."""
        self._by_id = {row.id: row for row in rows}
        headings = {heading_of(row, self._today) for row in self._by_id.values()}
        self._items = sorted([*self._by_id.values(), *headings], key=sort_key)
        self.setStringList([""] * len(self._items))

    def put(self, row: ConversationRow) -> None:
        """Insert a conversation, or change the one with its id and move it to its place."""
        old = self._by_id.get(row.id)
        if old == row:
            return
        self._insert(heading_of(row, self._today))
        if old is None:
            self._by_id[row.id] = row
            self._insert(row)
            return
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
        self._remove_empty(heading_of(old, self._today))

    def take(self, number: int) -> ConversationRow | None:
        """Remove the conversation with this id and return it."""
        row = self._by_id.get(number)
        if row is not None:
            self._remove(row)
            del self._by_id[number]
            self._remove_empty(heading_of(row, self._today))
        return row

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
        """Remove a heading if there is no conversation under it."""
        below = self._row_for(heading) + 1
        if below == len(self._items) or isinstance(self._items[below], Heading):
            self._remove(heading)

    def _spoken(self, row: ConversationRow) -> str:
        marks = ["Pinned"] if row.pinned else []
        if row.id in self._busy:
            marks.append("A reply is being written")
        return ". ".join(part for part in (row.title, row.preview, *marks) if part)

    @Slot()
    def check_date(self) -> None:
        """Replace the headings if the date has changed."""
        if self._today == datetime.date.today():
            return
        self._today = datetime.date.today()
        headings = {heading_of(row, self._today) for row in self._by_id.values()}
        for heading in [item for item in self._items if isinstance(item, Heading) and item not in headings]:
            self._remove(heading)
        for heading in headings:
            self._insert(heading)


class ConversationList(QObject):
    """The conversations of the store. Each change is made in the store and in the rows.

    Attributes:
        model: the rows.
    Signals:
        hits_ready(text, hits): Emitted with the results of the last `search`; hits is list[Hit].
        failed(what, remedy): Emitted when the store raised an error.
        deletions_changed: Emitted when a conversation was deleted or restored.
    """

    hits_ready = Signal(str, object)
    failed = Signal(str, str)
    deletions_changed = Signal()

    def __init__(self, store: Store, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = ConversationModel(self)
        self._store = store
        self._background = background
        self._search_job: int | None = None
        self._deleted: dict[int, ConversationRow] = {}

    def reload(self) -> None:
        """Read all rows from the store."""
        self._try(lambda: self.model.show(self._store.rows()))

    def update(self, conversation: Conversation) -> None:
        """Update the row of an open conversation, without reading the store."""
        if conversation.id is None or conversation.temporary or conversation.id in self._deleted:
            return
        self.model.put(
            ConversationRow(
                id=conversation.id,
                title=conversation.shown_title,
                preview=preview_of(conversation),
                pinned=conversation.pinned,
                updated_at=conversation.updated_at,
                message_count=len(conversation.messages),
            )
        )

    def rename(self, number: int, title: str) -> bool:
        """Set the title of a conversation; False if the store failed."""
        title = " ".join(title.split())
        row = self.model.find(number)
        if row is None or not title or title == row.title:
            return True
        return self._change(row, lambda: self._store.rename(number, title), title=title)

    def set_pinned(self, number: int, pinned: bool) -> bool:
        """Pin or unpin a conversation; False if the store failed."""
        row = self.model.find(number)
        return row is None or self._change(row, lambda: self._store.set_pinned(number, pinned), pinned=pinned)

    def delete(self, number: int) -> bool:
        """Delete a conversation; `restore` undoes it. False if the store failed."""
        row = self.model.find(number)
        if row is None or not self._try(lambda: self._store.delete(number)):
            return False
        self.model.take(number)
        self._deleted[number] = row
        self.deletions_changed.emit()
        return True

    def restore(self, number: int) -> bool:
        """Restore a deleted conversation; False if the store failed."""
        if not self._try(lambda: self._store.restore(number)):
            return False
        row = self._deleted.pop(number, None)
        if row is None:
            self.reload()
        else:
            self.model.put(row)
        self.deletions_changed.emit()
        return True

    def search(self, text: str) -> None:
        """Search titles and messages; `hits_ready` follows, unless another search starts first."""
        self._background.forget(self._search_job)
        self._search_job = None
        if text.strip():
            work = partial(_search, self._store, text)
            self._search_job = self._background.run(work, partial(self.hits_ready.emit, text), self._report)

    def _change(self, row: ConversationRow, write: Callable[[], Any], **fields) -> bool:
        if not self._try(write):
            return False
        self.model.put(replace(row, **fields))
        return True

    def _try(self, work: Callable[[], Any]) -> bool:
        try:
            work()
        except I3Error as error:
            self._report(error)
            return False
        return True

    def _report(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)


def _search(store: Store, text: str) -> list[Hit]:
    return search(store.path, text, HITS_SHOWN)
