"""The stored conversations as the window knows them: a model of their rows, and what can be done with each."""

from __future__ import annotations

import bisect
import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3desk.chat.date_groups import sections_of, sort_key
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import ConversationRow, Store, preview_of, search
from i3desk.widgets.sectioned_list import Section
from i3desk.workers.background import BackgroundJobs

LOOK_AT_THE_DATE_MS = 60_000
HITS_SHOWN = 200
ID_ROLE = Qt.ItemDataRole.UserRole
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
BUSY_ROLE = Qt.ItemDataRole.UserRole + 2


class ConversationModel(QAbstractListModel):
    """One row a conversation, sorted. Changes move single rows, so that views keep their place.

    Signals:
        sections_changed(): another day has begun; the rows are the same.
    """

    sections_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[ConversationRow] = []
        self._busy: frozenset[int] = frozenset()
        self._sections: list[Section] | None = None
        self._today = datetime.date.today()
        timer = QTimer(self)
        timer.setTimerType(Qt.TimerType.VeryCoarseTimer)
        timer.timeout.connect(self._look_at_the_date)
        timer.start(LOOK_AT_THE_DATE_MS)

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        editable = Qt.ItemFlag.ItemIsEditable if index.isValid() else Qt.ItemFlag.NoItemFlags
        return super().flags(index) | editable

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.title}\n{row.preview}".strip()
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row)
        if role == ID_ROLE:
            return row.id
        if role == ROW_ROLE:
            return row
        if role == BUSY_ROLE:
            return row.id in self._busy
        return None

    def sections(self) -> list[Section]:
        """The headings between the rows, in order."""
        if self._sections is None:
            self._sections = sections_of(self._rows, self._today)
        return self._sections

    @property
    def rows(self) -> tuple[ConversationRow, ...]:
        """All rows, in their order."""
        return tuple(self._rows)

    def row_of(self, number: int | None) -> int | None:
        """Where the conversation with this id stands."""
        return next((index for index, row in enumerate(self._rows) if row.id == number), None)

    def find(self, number: int | None) -> ConversationRow | None:
        """The row with this id."""
        index = self.row_of(number)
        return None if index is None else self._rows[index]

    def show(self, rows: Iterable[ConversationRow]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = sorted(rows, key=sort_key)
        self._sections = None
        self.endResetModel()

    def put(self, row: ConversationRow) -> None:
        """Insert a row, or change the one with its id and move it to its place."""
        old = self.row_of(row.id)
        if old is None:
            place = bisect.bisect_left(self._rows, sort_key(row), key=sort_key)
            self.beginInsertRows(QModelIndex(), place, place)
            self._rows.insert(place, row)
            self._sections = None
            self.endInsertRows()
            return
        if self._rows[old] == row:
            return
        others = self._rows[:old] + self._rows[old + 1 :]
        place = bisect.bisect_left(others, sort_key(row), key=sort_key)
        others.insert(place, row)
        if place != old:
            # Qt counts the destination before the row is taken out.
            self.beginMoveRows(QModelIndex(), old, old, QModelIndex(), place if place < old else place + 1)
        self._rows = others
        self._sections = None
        if place != old:
            self.endMoveRows()
        self.dataChanged.emit(self.index(place), self.index(place))

    def take(self, number: int) -> ConversationRow | None:
        """Remove the row with this id and return it."""
        index = self.row_of(number)
        if index is None:
            return None
        self.beginRemoveRows(QModelIndex(), index, index)
        row = self._rows.pop(index)
        self._sections = None
        self.endRemoveRows()
        return row

    def set_busy(self, numbers: Iterable[int]) -> None:
        """Mark the conversations in which a reply is being written."""
        before, self._busy = self._busy, frozenset(numbers)
        for number in before ^ self._busy:
            index = self.row_of(number)
            if index is not None:
                self.dataChanged.emit(self.index(index), self.index(index), [BUSY_ROLE])

    def _spoken(self, row: ConversationRow) -> str:
        marks = ["Pinned"] if row.pinned else []
        if row.id in self._busy:
            marks.append("A reply is being written")
        return ". ".join(part for part in (row.title, row.preview, *marks) if part)

    @Slot()
    def _look_at_the_date(self) -> None:
        if self._today != datetime.date.today():
            self._today = datetime.date.today()
            self._sections = None
            self.sections_changed.emit()


class ConversationList(QObject):
    """The conversations of the store. What is done here is done in the store and in the rows.

    Attributes:
        model: the rows.
    Signals:
        rows_changed(): there are more, fewer or other rows.
        hits_ready(text, hits): what the last `search` found; hits is list[Hit].
        failed(what, remedy): the store refused.
        deleted(id, title): a conversation is gone; `restore` brings it back.
    """

    rows_changed = Signal()
    hits_ready = Signal(str, object)
    failed = Signal(str, str)
    deleted = Signal(object, str)

    def __init__(self, store: Store | None, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = ConversationModel(self)
        self._store = store
        self._background = background
        self._search_job: int | None = None
        self._deleted: dict[int, ConversationRow] = {}
        for changed in (self.model.modelReset, self.model.rowsInserted, self.model.rowsRemoved):
            changed.connect(self._tell_rows)
        self.model.dataChanged.connect(self._tell_rows)

    def reload(self) -> None:
        """Read all rows from the store."""
        if self._store is not None:
            self._try(lambda: self.model.show(self._store.rows()))

    def note(self, conversation: Conversation) -> None:
        """Bring the row of an open conversation up to date, without asking the store."""
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
        """Give a conversation a title of its own; False if the store refused."""
        title = " ".join(title.split())
        row = self.model.find(number)
        if row is None or not title or title == row.title:
            return True
        return self._change(row, lambda: self._store.rename(number, title), title=title)

    def set_pinned(self, number: int, pinned: bool) -> bool:
        """Keep a conversation at the top, or no longer; False if the store refused."""
        row = self.model.find(number)
        return row is None or self._change(row, lambda: self._store.set_pinned(number, pinned), pinned=pinned)

    def delete(self, number: int) -> bool:
        """Take a conversation away; `restore` undoes it. False if the store refused."""
        row = self.model.find(number)
        if row is None or not self._try(lambda: self._store.delete(number)):
            return False
        self._deleted[number] = self.model.take(number)
        self.deleted.emit(number, row.title)
        return True

    def restore(self, number: int) -> bool:
        """Bring a deleted conversation back; False if the store refused."""
        if not self._try(lambda: self._store.restore(number)):
            return False
        row = self._deleted.pop(number, None)
        if row is None:
            self.reload()
        else:
            self.model.put(row)
        return True

    def search(self, text: str) -> None:
        """Look for words in titles and messages; `hits_ready` follows, unless another search is asked for before."""
        self._background.forget(self._search_job)
        self._search_job = None
        if self._store is not None and text.strip():
            work = partial(search, self._store.path, text, HITS_SHOWN)
            self._search_job = self._background.run(work, partial(self.hits_ready.emit, text), self._tell_failure)

    def _change(self, row: ConversationRow, write: Callable[[], Any], **fields) -> bool:
        if not self._try(write):
            return False
        self.model.put(replace(row, **fields))
        return True

    def _try(self, work: Callable[[], Any]) -> bool:
        try:
            work()
        except I3Error as error:
            self._tell_failure(error)
            return False
        return True

    def _tell_failure(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)

    @Slot()
    def _tell_rows(self) -> None:
        self.rows_changed.emit()
