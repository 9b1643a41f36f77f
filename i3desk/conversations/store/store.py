"""The store of conversations. A Store is used in one thread; its reads and writes take milliseconds."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from i3core.errors import I3Error
from i3core.generation.outputs import Chunk
from i3desk.conversations import serialization
from i3desk.conversations.conversation import Conversation, Message
from i3desk.conversations.store import copying, folders, placing, search_index
from i3desk.conversations.store.database import (
    LIST,
    UNFINISHED,
    StoreBusyError,
    connect,
    explain_errors,
    transaction,
)
from i3desk.conversations.store.recovery import connect_and_read, make_usable
from i3desk.conversations.store.rows import (
    CONVERSATION_FIELDS,
    INSERT_MESSAGE,
    MESSAGE_FIELDS,
    ConversationRow,
    conversation_from,
    preview_of,
    values_of,
)
from i3desk.language import figure, tr

log = logging.getLogger(__name__)
NO_TITLE = Conversation().shown_title
GUI_BUSY_S = 0.03  # wait for another write in the GUI thread; what is not written is kept and tried again
KEPT_S = 30 * 86_400.0  # deleted conversations can be restored for so long
BATCH = 100  # messages in one transaction, so that no other thread waits long


class Store:
    """The stored conversations.

    All methods raise I3Error with a remedy if the disk or file fails; stored data stays, and writes can be repeated.

    Attributes:
        path: the database file.
        notice: a note for the user about opening it, for example that it was damaged; otherwise "".
        held: while True, all writes raise StoreBusyError: the chats are being moved to another file.
    """

    def __init__(self, path: Path | str, recover: bool = True, connection: sqlite3.Connection | None = None) -> None:
        """With `recover`, make a missing file and repair a damaged one; no other Store may have the file open."""
        path = Path(path)
        self.held = False
        self.notice = ""
        # (conversation, message number) -> number of stored chunks, and the last one
        self._stored_chunks: dict[tuple[int, int], tuple[int, Chunk | None]] = {}
        if connection is None:
            with explain_errors(path):
                self.notice = make_usable(path) if recover else ""
                connection = connect(path, create=recover)
        self._use(path, connection)

    @classmethod
    def open_at_once(cls, path: Path) -> Store:
        """Open the file in the GUI thread: without waiting for other programs, and without recovery.

        Raises StoreDamagedError, StoreBusyError or another I3Error if it cannot be used now.
        """
        with explain_errors(path):
            return cls(path, connection=connect_and_read(path, GUI_BUSY_S))

    def switch(self, path: Path) -> None:
        """Use another file; the open one is closed. Raises I3Error if it cannot be used now; then nothing changes."""
        with explain_errors(path):
            connection = connect_and_read(path, GUI_BUSY_S)
        self.close()
        self._use(path, connection)
        self.held = False

    def _use(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection
        self._file, self._log = placing.file_id(path), placing.file_id(Path(f"{path}-wal"))
        self._stored_chunks.clear()

    def close(self) -> None:
        """Close the file; this is fast after a `checkpoint` in the background."""
        self._connection.close()

    def is_in_place(self) -> bool:
        """Whether the open file still is at its path: another program may delete or replace it."""
        return placing.file_id(self.path) == self._file

    def write_again(self) -> Path | None:
        """Write a deleted or replaced file again, in the background while `held`; returns where the other is kept."""
        with explain_errors(self.path):
            return placing.write_again(self._connection, self.path, self._log)

    def rows(self) -> list[ConversationRow]:
        """All conversations of the list, pinned ones first, then the newest."""
        return self._rows(LIST)

    def folders(self) -> list[folders.Folder]:
        """All folders of the list."""
        with explain_errors(self.path):
            return folders.read(self._connection)

    def open(self, number: int) -> Conversation:
        """Read a conversation with its messages but without chunks, see `load_chunks`."""
        with explain_errors(self.path), self._reading() as connection:
            query = f"SELECT {CONVERSATION_FIELDS} FROM conversations WHERE id = ?"
            row = connection.execute(query, (number,)).fetchone()
            if row is None:
                raise I3Error(tr("This conversation no longer exists."), tr("Open another one from the list."))
            stored = connection.execute(
                f"SELECT {', '.join(MESSAGE_FIELDS)} FROM messages WHERE conversation = ? ORDER BY number", (number,)
            ).fetchall()
        return conversation_from(number, row, stored)

    def open_with_chunks(self, number: int) -> Conversation:
        """Read a conversation with all chunks, for export in the background."""
        conversation = self.open(number)
        for message in conversation.messages.values():
            message.chunks = self.load_chunks(number, message.number)
        return conversation

    def load_chunks(self, conversation: int, message: int) -> list[Chunk]:
        """Read the stored chunks of a reply."""
        with explain_errors(self.path):
            query = "SELECT id FROM messages WHERE conversation = ? AND number = ?"
            row = self._connection.execute(query, (conversation, message)).fetchone()
            return [] if row is None else self._chunks_of(row[0])

    def _chunks_of(self, identity: int) -> list[Chunk]:
        chunks: list[Chunk] = []
        try:
            for first, data in self._connection.execute(
                "SELECT first, data FROM chunk_blocks WHERE message = ? ORDER BY first", (identity,)
            ):
                if first != len(chunks):
                    raise ValueError("A block of chunks is missing")
                chunks += serialization.unpack_chunks(data)
        except ValueError as error:
            log.warning("The chunks of message %s cannot be read: %s", identity, error)
        return chunks

    def newest_id(self) -> int:
        """The highest id of a conversation; 0 if there is none."""
        with explain_errors(self.path):
            return self._connection.execute("SELECT coalesce(max(id), 0) FROM conversations").fetchone()[0]

    def add(self, conversation: Conversation) -> int:
        """Store a new conversation; sets and returns its id."""
        conversation.id = self.import_conversation(conversation)
        return conversation.id

    def import_conversation(self, conversation: Conversation) -> int:
        """Store a copy of a conversation as a new one; returns its id. `conversation` is not changed."""
        if conversation.temporary:
            raise ValueError("A temporary conversation is never stored.")
        messages = sorted(conversation.messages.values(), key=lambda message: message.number)
        if messages and messages[-1].number > search_index.MAX_MESSAGES:
            raise I3Error(
                tr("A conversation can have at most {most} messages.").format(most=figure(search_index.MAX_MESSAGES)),
                tr("Start a new chat."),
            )
        title = serialization.encodable(conversation.title)
        one_step = len(messages) <= BATCH
        with self.writing() as connection:
            number = connection.execute(
                "INSERT INTO conversations (created_at, updated_at, deleted_at) VALUES (?, ?, ?) RETURNING id",
                (conversation.created_at, conversation.updated_at, None if one_step else 0.0),
            ).fetchone()[0]
            self._write_conversation(connection, number, conversation)
            if conversation.folder:
                folders.move(connection, [number], conversation.folder)
            search_index.put(connection, number, search_index.TITLE, title)
            for message in messages[:BATCH]:
                self._write_message(connection, number, message)
        # The rest in steps, hidden until it is complete: a long import must not block other writers.
        for start in range(BATCH, len(messages), BATCH):
            with self.writing() as connection:
                for message in messages[start : start + BATCH]:
                    self._write_message(connection, number, message)
        if not one_step:
            self.restore(number)
        return number

    def save_message(self, conversation: Conversation, message: Message) -> None:
        """Store a message and the state of its conversation; fast enough for a streaming reply.

        Chunks are only appended; without chunks, the stored ones stay.
        """
        if conversation.temporary:
            return
        with self.writing() as connection:
            number = self._save(connection, conversation, with_settings=False)
            if number is not None:
                self._write_message(connection, number, message)

    def save_conversation(self, conversation: Conversation) -> None:
        """Store a conversation without its messages."""
        if conversation.temporary:
            return
        with self.writing() as connection:
            self._save(connection, conversation, with_settings=True)

    def rename(self, number: int, title: str) -> None:
        """Set the title of a conversation."""
        title = serialization.encodable(title)
        with self.writing() as connection:
            connection.execute("UPDATE conversations SET title = ?, has_own_title = 1 WHERE id = ?", (title, number))
            search_index.put(connection, number, search_index.TITLE, title)

    def set_pinned(self, number: int, pinned: bool) -> None:
        """Pin or unpin a conversation."""
        with self.writing() as connection:
            connection.execute("UPDATE conversations SET pinned = ? WHERE id = ?", (pinned, number))

    def delete(self, number: int, for_good: bool = False) -> None:
        """Hide a conversation; `restore` undoes it until `purge_deleted`, which can follow at once with `for_good`."""
        moment = 0.0 if for_good else time.time()
        with self.writing() as connection:
            connection.execute("UPDATE conversations SET deleted_at = ? WHERE id = ?", (moment, number))

    def restore(self, number: int) -> None:
        """Undo the deletion of a conversation."""
        with self.writing() as connection:
            connection.execute("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (number,))

    def deleted(self) -> list[ConversationRow]:
        """The conversations that can be restored, the latest deletion first; `updated_at` is when they were deleted."""
        return self._rows(
            "SELECT id, title, preview, pinned, deleted_at, message_count, folder FROM conversations "
            "WHERE deleted_at > 0 ORDER BY deleted_at DESC"
        )

    def _rows(self, query: str) -> list[ConversationRow]:
        with explain_errors(self.path):
            rows = self._connection.execute(query).fetchall()
        return [
            ConversationRow(number, title or NO_TITLE, preview, bool(pinned), *rest)
            for number, title, preview, pinned, *rest in rows
        ]

    def purge_deleted(self, kept_s: float = 0.0) -> int:
        """Permanently remove conversations deleted more than `kept_s` ago, in steps; returns their number.

        This can take long: `tidy` does it in the background.
        """
        with explain_errors(self.path):
            query = "SELECT id FROM conversations WHERE deleted_at <= ?"
            deleted = self._connection.execute(query, (time.time() - kept_s,)).fetchall()
        for (number,) in deleted:
            self._purge(number)
        return len(deleted)

    def delete_all(self, newest: int) -> None:
        """Permanently remove all conversations up to the id `newest`; this takes long if there are many.

        Conversations started after the request stay.
        """
        self._stored_chunks.clear()
        with self.writing() as connection:
            connection.execute("DELETE FROM conversations WHERE id <= ?", (newest,))  # cascades to their messages
            connection.execute("DROP TABLE texts")
            search_index.create(connection)
            search_index.fill(connection)
        with explain_errors(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def duplicate(self, number: int) -> int:
        """Copy a conversation with all its messages; returns the id of the copy."""
        with self.writing() as connection:
            copy = copying.duplicate(connection, number)
        if copy is None:
            raise I3Error(tr("This conversation no longer exists."), tr("Choose another one from the list."))
        return copy

    def mark_cut(self) -> int:
        """Mark unfinished replies of the last session as cut; returns their number."""
        with self.writing() as connection:
            cut = connection.execute(
                f"UPDATE messages SET state = 'cut' WHERE state IN {UNFINISHED} RETURNING conversation, number, text"
            ).fetchall()
            for conversation, number, text in cut:
                search_index.put(connection, conversation, number, text)
        return len(cut)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Group writes in a transaction, rolled back on an exception."""
        if self.held:
            raise StoreBusyError(tr("The chats are being moved to another file."), tr("Try again in a moment."))
        try:
            with explain_errors(self.path), transaction(self._connection) as connection:
                if not self.is_in_place():
                    raise StoreBusyError(
                        tr("The file {path} was deleted or replaced.").format(path=self.path),
                        tr("It is written again."),
                    )
                yield connection
        except BaseException:
            self._stored_chunks.clear()  # the counted chunks may be rolled back
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Group reads so that they see the same state."""
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def _save(self, connection: sqlite3.Connection, conversation: Conversation, with_settings: bool) -> int | None:
        """Update the stored conversation; returns its id, or None if it was deleted."""
        if conversation.id is None:
            raise ValueError("Add the conversation first.")
        stored = connection.execute("SELECT title FROM conversations WHERE id = ?", (conversation.id,)).fetchone()
        if stored is None:
            return None
        self._write_conversation(connection, conversation.id, conversation, with_settings)
        title = serialization.encodable(conversation.title)
        if title != stored[0]:
            search_index.put(connection, conversation.id, search_index.TITLE, title)
        return conversation.id

    def _write_conversation(
        self, connection: sqlite3.Connection, number: int, conversation: Conversation, with_settings: bool = True
    ) -> None:
        values = {
            "title": serialization.encodable(conversation.title),
            "has_own_title": conversation.has_own_title,
            "updated_at": conversation.updated_at,
            "leaf": conversation.leaf,
            "window_used": conversation.window_used,
            "window": conversation.window,
            "first_seen": conversation.first_seen,
            "preview": preview_of(conversation),
            "message_count": len(conversation.messages),
        }
        if with_settings:
            values["pinned"] = conversation.pinned
            values["settings"] = serialization.encode_settings(conversation.settings)
            values["draft"] = serialization.encodable(conversation.draft)
        names = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE conversations SET {names} WHERE id = ?", (*values.values(), number))

    def _write_message(self, connection: sqlite3.Connection, conversation: int, message: Message) -> None:
        text = serialization.encodable(message.text)
        identity = connection.execute(INSERT_MESSAGE, (conversation, *values_of(message, text))).fetchone()[0]
        self._write_chunks(connection, identity, (conversation, message.number), message)
        if message.ended:
            search_index.put(connection, conversation, message.number, text)

    def _write_chunks(
        self, connection: sqlite3.Connection, identity: int, key: tuple[int, int], message: Message
    ) -> None:
        """Append chunks that are not stored yet; if a reply was restarted, write all of them again."""
        chunks = message.chunks
        if key in self._stored_chunks:
            count, last = self._stored_chunks[key]
            replaced = chunks and (len(chunks) < count or (last is not None and chunks[count - 1] != last))
        else:  # the first write since reading; probabilities are stored with fewer digits
            stored = [(chunk.token_id, chunk.text) for chunk in self._chunks_of(identity)]
            count = connection.execute(
                "SELECT coalesce(sum(count), 0) FROM chunk_blocks WHERE message = ?", (identity,)
            ).fetchone()[0]
            replaced = chunks and [(chunk.token_id, chunk.text) for chunk in chunks[:count]] != stored
        restarted = not chunks and not message.text and count
        if restarted or replaced:
            connection.execute("DELETE FROM chunk_blocks WHERE message = ?", (identity,))
            count = 0
        if len(chunks) > count:
            connection.execute(
                "INSERT INTO chunk_blocks (message, first, count, data) VALUES (?, ?, ?, ?)",
                (identity, count, len(chunks) - count, serialization.pack_chunks(chunks[count:])),
            )
        if chunks and not message.ended:
            self._stored_chunks[key] = (len(chunks), chunks[-1])
        else:
            self._stored_chunks.pop(key, None)

    def _purge(self, number: int) -> None:
        """Permanently remove a conversation, a hundred messages at a time."""
        with explain_errors(self.path):
            query = "SELECT number FROM messages WHERE conversation = ? ORDER BY number"
            numbers = self._connection.execute(query, (number,)).fetchall()
        for start in range(0, len(numbers), BATCH):
            first, last = numbers[start][0], numbers[start : start + BATCH][-1][0]
            with self.writing() as connection:
                search_index.remove(connection, number, first, last)
                connection.execute(
                    "DELETE FROM messages WHERE conversation = ? AND number BETWEEN ? AND ?", (number, first, last)
                )
        with self.writing() as connection:
            search_index.remove(connection, number, search_index.TITLE, search_index.MAX_MESSAGES)
            connection.execute("DELETE FROM conversations WHERE id = ?", (number,))
