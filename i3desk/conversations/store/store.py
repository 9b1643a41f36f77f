"""What is done with stored conversations. One Store is used in one thread; its reads and writes take milliseconds."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from i3core.errors import I3Error
from i3core.generation.outputs import Chunk
from i3desk.conversations import serialization
from i3desk.conversations.conversation import Conversation, Message
from i3desk.conversations.store import search_index
from i3desk.conversations.store.database import LIST, UNFINISHED, connect, explained, transaction
from i3desk.conversations.store.message_rows import MESSAGE_FIELDS, message_from, values_of
from i3desk.conversations.store.recovery import open_or_salvage

log = logging.getLogger(__name__)
PREVIEW_LENGTH = 120
NO_TITLE = Conversation().shown_title
AT_ONCE = 100  # messages in one transaction, so that no other thread waits long

_INSERT_MESSAGE = f"""
    INSERT INTO messages (conversation, {", ".join(MESSAGE_FIELDS)}) VALUES (?, {", ".join("?" * len(MESSAGE_FIELDS))})
    ON CONFLICT (conversation, number) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in MESSAGE_FIELDS)}
    RETURNING id"""


@dataclass(frozen=True)
class ConversationRow:
    """A conversation in the list. `preview` is the first line of its last message on screen."""

    id: int
    title: str
    preview: str
    pinned: bool
    updated_at: float
    message_count: int


def preview_of(conversation: Conversation) -> str:
    """The first line of the last message on screen that says something."""
    for message in reversed(conversation.path()):
        text = message.text.strip()
        if text:
            return serialization.encodable(text.split("\n", 1)[0][:PREVIEW_LENGTH].rstrip())
    return ""


class Store:
    """The stored conversations. Every method raises I3Error, with what to do, if the disk or the file refuses; what was
    stored before stays, and the next write is tried anew.

    Attributes:
        path: the database file.
        notice: what the user should be told about opening it, for example that it was damaged; else "".
    """

    def __init__(self, path: Path | str, salvage: bool = True) -> None:
        """`salvage`: replace a damaged file by what can be read of it. Not while another Store has the file open, which
        would go on writing into the damaged one."""
        self.path = Path(path)
        # (conversation, message number) -> how many chunks are stored, and the last of them
        self._stored_chunks: dict[tuple[int, int], tuple[int, Chunk | None]] = {}
        with explained(self.path):
            self._connection, self.notice = open_or_salvage(self.path) if salvage else (connect(self.path), "")

    def close(self) -> None:
        """Let go of the file. Call `checkpoint` in the background before, then this takes no time."""
        self._connection.close()

    def rows(self) -> list[ConversationRow]:
        """All conversations for the list: pinned ones first, then the newest."""
        with explained(self.path):
            rows = self._connection.execute(LIST).fetchall()
        return [
            ConversationRow(number, title or NO_TITLE, preview, bool(pinned), updated_at, count)
            for number, title, preview, pinned, updated_at, count in rows
        ]

    def open(self, number: int) -> Conversation:
        """A conversation with all its messages; their chunks stay unread, see `load_chunks`."""
        with explained(self.path), self._reading() as connection:
            row = connection.execute(
                "SELECT title, has_own_title, pinned, created_at, updated_at, settings, leaf, draft, window_used, "
                "window, first_seen FROM conversations WHERE id = ?",
                (number,),
            ).fetchone()
            if row is None:
                raise I3Error("This conversation is no longer there.", "Open another one from the list.")
            stored = connection.execute(
                f"SELECT {', '.join(MESSAGE_FIELDS)} FROM messages WHERE conversation = ? ORDER BY number", (number,)
            ).fetchall()
        messages: dict[int, Message] = {}
        for values in stored:
            message = message_from(values)
            if message.parent not in messages:  # only a salvaged tree has gaps
                message.parent = None
            messages[message.number] = message
        title, has_own_title, pinned, created_at, updated_at, settings, leaf, draft, used, window, first_seen = row
        return Conversation(
            id=number,
            title=title,
            has_own_title=bool(has_own_title),
            pinned=bool(pinned),
            created_at=created_at,
            updated_at=updated_at,
            settings=serialization.decode_settings(settings),
            messages=messages,
            leaf=leaf,
            draft=draft,
            window_used=used,
            window=window,
            first_seen=first_seen if first_seen in messages else None,
        )

    def open_whole(self, number: int) -> Conversation:
        """A conversation with the chunks of all its replies: for export, in the background."""
        conversation = self.open(number)
        for message in conversation.messages.values():
            message.chunks = self.load_chunks(number, message.number)
        return conversation

    def load_chunks(self, conversation: int, message: int) -> list[Chunk]:
        """The chunks of a reply, as far as they are stored."""
        with explained(self.path):
            row = self._connection.execute(
                "SELECT id FROM messages WHERE conversation = ? AND number = ?", (conversation, message)
            ).fetchone()
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
        """The highest id of a conversation so far; 0 if there is none."""
        with explained(self.path):
            return self._connection.execute("SELECT coalesce(max(id), 0) FROM conversations").fetchone()[0]

    def add(self, conversation: Conversation) -> int:
        """Store a new conversation with what it has already; sets and returns its id."""
        number = self.import_conversation(conversation)
        conversation.id = number
        return number

    def import_conversation(self, conversation: Conversation) -> int:
        """Store a copy of a conversation as a new one; returns its id. `conversation` itself stays as it is."""
        if conversation.temporary:
            raise ValueError("A temporary conversation is never stored.")
        messages = sorted(conversation.messages.values(), key=lambda message: message.number)
        if messages and messages[-1].number > search_index.MOST_MESSAGES:
            raise I3Error(
                f"A conversation can have at most {search_index.MOST_MESSAGES:,} messages.", "Begin a new chat."
            )
        title = serialization.encodable(conversation.title)
        one_step = len(messages) <= AT_ONCE
        with self._writing() as connection:
            number = connection.execute(
                "INSERT INTO conversations (created_at, updated_at, deleted_at) VALUES (?, ?, ?) RETURNING id",
                (conversation.created_at, conversation.updated_at, None if one_step else time.time()),
            ).fetchone()[0]
            self._write_conversation(connection, number, conversation)
            search_index.put(connection, number, search_index.TITLE, title)
            for message in messages[:AT_ONCE]:
                self._write_message(connection, number, message)
        # The rest in steps, hidden until it is complete: a long import must not lock out the one who is writing.
        for start in range(AT_ONCE, len(messages), AT_ONCE):
            with self._writing() as connection:
                for message in messages[start : start + AT_ONCE]:
                    self._write_message(connection, number, message)
        if not one_step:
            self.restore(number)
        return number

    def save_message(self, conversation: Conversation, message: Message) -> None:
        """Store a message as it is now, and where the conversation stands. Cheap enough for a reply that streams.

        Chunks are only ever appended; without chunks, those that are stored stay.
        """
        if conversation.temporary:
            return
        with self._writing() as connection:
            if self._save(connection, conversation, own_things=False):
                self._write_message(connection, conversation.id, message)

    def save_conversation(self, conversation: Conversation) -> None:
        """Store everything of a conversation but its messages."""
        if conversation.temporary:
            return
        with self._writing() as connection:
            self._save(connection, conversation, own_things=True)

    def rename(self, number: int, title: str) -> None:
        """Give a conversation a title of its own."""
        title = serialization.encodable(title)
        with self._writing() as connection:
            connection.execute("UPDATE conversations SET title = ?, has_own_title = 1 WHERE id = ?", (title, number))
            search_index.put(connection, number, search_index.TITLE, title)

    def set_pinned(self, number: int, pinned: bool) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        with self._writing() as connection:
            connection.execute("UPDATE conversations SET pinned = ? WHERE id = ?", (pinned, number))

    def delete(self, number: int) -> None:
        """Hide a conversation; `restore` brings it back until `purge_deleted`."""
        with self._writing() as connection:
            connection.execute("UPDATE conversations SET deleted_at = ? WHERE id = ?", (time.time(), number))

    def restore(self, number: int) -> None:
        """Bring back a deleted conversation."""
        with self._writing() as connection:
            connection.execute("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (number,))

    def purge_deleted(self, undo_s: float = 0.0) -> int:
        """Remove what was deleted more than `undo_s` ago for good, in steps; returns how many conversations.

        Can take long: `tidy` does it in the background.
        """
        with explained(self.path):
            deleted = self._connection.execute(
                "SELECT id FROM conversations WHERE deleted_at <= ?", (time.time() - undo_s,)
            ).fetchall()
        for (number,) in deleted:
            self._purge(number)
        return len(deleted)

    def delete_all(self, newest: int) -> None:
        """Remove every conversation up to the id `newest` for good; cannot be undone. Takes long if there are many.

        Those that were begun since the user asked stay.
        """
        self._stored_chunks.clear()
        with self._writing() as connection:
            connection.execute("DELETE FROM conversations WHERE id <= ?", (newest,))  # and what belongs to them
            connection.execute("DROP TABLE texts")
            search_index.create(connection)
            search_index.fill(connection)
        with explained(self.path):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def duplicate(self, number: int) -> int:
        """Copy a conversation with everything in it; returns the id of the copy."""
        names = ", ".join(name for name in MESSAGE_FIELDS if name != "state")
        with self._writing() as connection:
            row = connection.execute(
                """
                INSERT INTO conversations (title, has_own_title, created_at, updated_at, settings, leaf, draft,
                                           window_used, window, first_seen, preview, message_count)
                SELECT iif(title = '', '', title || ' (copy)'), title != '', ?2, ?2, settings, leaf, draft,
                       window_used, window, first_seen, preview, message_count
                FROM conversations WHERE id = ?1 RETURNING id, title
                """,
                (number, time.time()),
            ).fetchone()
            if row is None:
                raise I3Error("This conversation is no longer there.", "Choose another one from the list.")
            copy, title = row
            connection.execute(
                f"INSERT INTO messages (conversation, {names}, state) "
                f"SELECT ?, {names}, iif(state IN {UNFINISHED}, 'cut', state) FROM messages WHERE conversation = ?",
                (copy, number),
            )
            connection.execute(
                """
                INSERT INTO chunk_blocks (message, first, count, data)
                SELECT new.id, first, count, data FROM chunk_blocks
                JOIN messages AS old ON old.id = message
                JOIN messages AS new ON new.conversation = ? AND new.number = old.number
                WHERE old.conversation = ?
                """,
                (copy, number),
            )
            search_index.put(connection, copy, search_index.TITLE, title)
            search_index.fill(connection, copy)
        return copy

    def mark_cut(self) -> int:
        """At the start: mark replies that were under way when i3desk ended; returns how many there were."""
        with self._writing() as connection:
            cut = connection.execute(
                f"UPDATE messages SET state = 'cut' WHERE state IN {UNFINISHED} RETURNING conversation, number, text"
            ).fetchall()
            for conversation, number, text in cut:
                search_index.put(connection, conversation, number, text)
        return len(cut)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with explained(self.path), transaction(self._connection) as connection:
                yield connection
        except BaseException:
            self._stored_chunks.clear()  # what was counted may have been rolled back
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Several reads that see the same moment."""
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        finally:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def _save(self, connection: sqlite3.Connection, conversation: Conversation, own_things: bool) -> bool:
        """Bring the stored conversation up to date; False if it is there no more."""
        if conversation.id is None:
            raise ValueError("Add the conversation first.")
        stored = connection.execute("SELECT title FROM conversations WHERE id = ?", (conversation.id,)).fetchone()
        if stored is None:
            return False
        self._write_conversation(connection, conversation.id, conversation, own_things)
        title = serialization.encodable(conversation.title)
        if title != stored[0]:
            search_index.put(connection, conversation.id, search_index.TITLE, title)
        return True

    def _write_conversation(
        self, connection: sqlite3.Connection, number: int, conversation: Conversation, own_things: bool = True
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
        if own_things:
            values["pinned"] = conversation.pinned
            values["settings"] = serialization.encode_settings(conversation.settings)
            values["draft"] = serialization.encodable(conversation.draft)
        names = ", ".join(f"{name} = ?" for name in values)
        connection.execute(f"UPDATE conversations SET {names} WHERE id = ?", (*values.values(), number))

    def _write_message(self, connection: sqlite3.Connection, conversation: int, message: Message) -> None:
        text = serialization.encodable(message.text)
        identity = connection.execute(_INSERT_MESSAGE, (conversation, *values_of(message, text))).fetchone()[0]
        self._write_chunks(connection, identity, (conversation, message.number), message)
        if message.ended:
            search_index.put(connection, conversation, message.number, text)

    def _write_chunks(
        self, connection: sqlite3.Connection, identity: int, key: tuple[int, int], message: Message
    ) -> None:
        """Append what is not stored yet. Chunks that were replaced (a reply begun anew) are written anew."""
        chunks = message.chunks
        if key in self._stored_chunks:
            count, last = self._stored_chunks[key]
            replaced = chunks and (len(chunks) < count or (last is not None and chunks[count - 1] != last))
        else:  # for the first time since it was read; probabilities are stored with fewer digits
            stored = [(chunk.token_id, chunk.text) for chunk in self._chunks_of(identity)]
            count = connection.execute(
                "SELECT coalesce(sum(count), 0) FROM chunk_blocks WHERE message = ?", (identity,)
            ).fetchone()[0]
            replaced = chunks and [(chunk.token_id, chunk.text) for chunk in chunks[:count]] != stored
        begun_anew = not chunks and not message.text and count
        if begun_anew or replaced:
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
        """Remove a conversation for good, a hundred messages at a time."""
        last = 0
        with explained(self.path):
            numbers = self._connection.execute(
                "SELECT number FROM messages WHERE conversation = ? ORDER BY number", (number,)
            ).fetchall()
        for start in range(0, len(numbers), AT_ONCE):
            first, last = numbers[start][0], numbers[start : start + AT_ONCE][-1][0]
            with self._writing() as connection:
                search_index.forget(connection, number, first, last)
                connection.execute(
                    "DELETE FROM messages WHERE conversation = ? AND number BETWEEN ? AND ?", (number, first, last)
                )
        with self._writing() as connection:
            search_index.forget(connection, number, search_index.TITLE, search_index.MOST_MESSAGES)
            connection.execute("DELETE FROM conversations WHERE id = ?", (number,))
