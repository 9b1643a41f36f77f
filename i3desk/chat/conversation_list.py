"""The list of stored conversations: changes to its rows and the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal

from i3core.errors import I3Error
from i3desk.chat.conversation_model import ConversationModel
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import ConversationRow, Hit, Store, folders, preview_of, search
from i3desk.language import tr
from i3desk.workers.background import BackgroundJobs

HITS_SHOWN = 200
NEW_FOLDER = tr("New folder")


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
        self._try(lambda: self.model.show(self._store.rows(), self._store.folders()))

    def update(self, conversation: Conversation) -> None:
        """Update the row of an open conversation, without reading the store."""
        if conversation.id is None or conversation.temporary or conversation.id in self._deleted:
            return
        known = self.model.find(conversation.id)
        self.model.put(
            ConversationRow(
                id=conversation.id,
                title=conversation.shown_title,
                preview=preview_of(conversation),
                pinned=conversation.pinned,
                updated_at=conversation.updated_at,
                message_count=len(conversation.messages),
                folder=conversation.folder if known is None else known.folder,
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

    # -------------------------------------------------------------------------------------------------------- folders

    def new_folder(self) -> str:
        """Create a folder; returns its name, or "" if the store failed."""
        known = {name.casefold() for name in self.model.folders}
        names = (NEW_FOLDER, *(f"{NEW_FOLDER} {number}" for number in range(2, len(known) + 3)))
        name = next(name for name in names if name.casefold() not in known)
        return name if self.fold(name, False) else ""

    def fold(self, name: str, folded: bool) -> bool:
        """Create, open or close a folder; False if the store failed."""
        if not self._write(lambda connection: folders.put(connection, name, folded)):
            return False
        self.model.put_folder(name, folded)
        return True

    def move(self, places: dict[int, str]) -> dict[int, str]:
        """Move conversations to folders, "" for none, by their ids; returns where those that moved were before."""
        rows = [row for number in places if (row := self.model.find(number)) is not None]
        moved = [row for row in rows if row.folder != places[row.id]]

        def write(connection: sqlite3.Connection) -> None:
            for row in moved:
                folders.move(connection, [row.id], places[row.id])

        if not moved or not self._write(write):
            return {}
        for row in moved:
            self.model.put(replace(row, folder=places[row.id]))
        return {row.id: row.folder for row in moved}

    def rename_folder(self, old: str, new: str) -> bool:
        """Give a folder another name; False if another folder has it, or the store failed."""
        new = " ".join(new.split())
        if any(name.casefold() == new.casefold() for name in self.model.folders if name != old):
            self.failed.emit(tr("There is a folder “{new}” already.").format(new=new), tr("Choose another name."))
            return False
        return self._replace_folder(old, new, lambda connection: folders.rename(connection, old, new))

    def remove_folder(self, name: str) -> bool:
        """Remove a folder; its conversations stay, without one. False if the store failed."""
        return self._replace_folder(name, "", lambda connection: folders.remove(connection, name))

    def _replace_folder(self, old: str, new: str, write: Callable[[sqlite3.Connection], None]) -> bool:
        if not self._write(write):
            return False
        for number, row in self._deleted.items():
            if row.folder == old:
                self._deleted[number] = replace(row, folder=new)
        self.model.replace_folder(old, new)
        return True

    def _write(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        def write() -> None:
            with self._store.writing() as connection:
                work(connection)

        return self._try(write)

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
