"""Copies of conversations, inside a database and from one to another."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from i3desk.conversations.store import search_index
from i3desk.conversations.store.database import UNFINISHED, connect, explain_errors, transaction
from i3desk.conversations.store.rows import MESSAGE_FIELDS

_NAMES = ", ".join(name for name in MESSAGE_FIELDS if name != "state")
_ABOUT = (
    "title, has_own_title, pinned, created_at, updated_at, settings, leaf, draft, window_used, window, first_seen, "
    "preview, message_count, deleted_at, folder"
)
# Triggers note each conversation that is written. They are in stand-ins only, so that `move_over` copies just these.
_TRACKING = """
    CREATE TABLE IF NOT EXISTS touched (id INTEGER PRIMARY KEY) STRICT;
    CREATE TRIGGER IF NOT EXISTS touched_new AFTER INSERT ON conversations
        BEGIN INSERT OR IGNORE INTO touched VALUES (new.id); END;
    CREATE TRIGGER IF NOT EXISTS touched_old AFTER UPDATE ON conversations
        BEGIN INSERT OR IGNORE INTO touched VALUES (new.id); END;
    CREATE TRIGGER IF NOT EXISTS touched_gone AFTER DELETE ON conversations
        BEGIN INSERT OR IGNORE INTO touched VALUES (old.id); END;
"""


def duplicate(connection: sqlite3.Connection, number: int) -> int | None:
    """Copy a conversation, in a transaction of the caller; returns the id of the copy, None if it is missing."""
    row = connection.execute(
        """
        INSERT INTO conversations (title, has_own_title, created_at, updated_at, settings, leaf, draft,
                                   window_used, window, first_seen, preview, message_count, folder)
        SELECT iif(title = '', '', title || ' (copy)'), title != '', ?2, ?2, settings, leaf, draft,
               window_used, window, first_seen, preview, message_count, folder
        FROM conversations WHERE id = ?1 RETURNING id, title
        """,
        (number, time.time()),
    ).fetchone()
    if row is None:
        return None
    copy, title = row
    _copy_messages(connection, "main", number, copy, f"iif(state IN {UNFINISHED}, 'cut', state)")
    search_index.put(connection, copy, search_index.TITLE, title)
    return copy


def _copy_messages(connection: sqlite3.Connection, schema: str, source: int, target: int, state: str = "state") -> None:
    connection.execute(
        f"INSERT INTO main.messages (conversation, {_NAMES}, state) "
        f"SELECT ?, {_NAMES}, {state} FROM {schema}.messages WHERE conversation = ?",
        (target, source),
    )
    connection.execute(
        f"""
        INSERT INTO main.chunk_blocks (message, first, count, data)
        SELECT new.id, first, count, data FROM {schema}.chunk_blocks
        JOIN {schema}.messages AS old ON old.id = message
        JOIN main.messages AS new ON new.conversation = ? AND new.number = old.number
        WHERE old.conversation = ?
        """,
        (target, source),
    )
    search_index.fill(connection, target)


def track(path: Path) -> None:
    """Make a database a stand-in, whose changes `move_over` moves to another one. Raises I3Error.

    Its new conversations have numbers from the clock, which no other database of this user has given out.
    """
    with explain_errors(path), closing(connect(path)) as connection:
        connection.executescript(_TRACKING)
        with transaction(connection):
            known = connection.execute("SELECT coalesce(max(id), 0) FROM conversations").fetchone()[0]
            first = max(int(time.time() * 1000), known + 1_000_000)
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'conversations'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('conversations', ?)", (first,))


def has_changes(path: Path) -> bool:
    """Whether a stand-in holds something to move. Raises I3Error."""
    with explain_errors(path), closing(connect(path, create=False)) as connection:
        return bool(_touched(connection, "main"))


def _touched(connection: sqlite3.Connection, schema: str) -> list[tuple[int]]:
    """The conversations to move; none of a stand-in whose window was killed before anything could be written in it."""
    if connection.execute(f"SELECT 1 FROM {schema}.sqlite_master WHERE name = 'touched'").fetchone() is None:
        return []
    return connection.execute(f"SELECT id FROM {schema}.touched ORDER BY id").fetchall()


def move_over(source: Path, target: Path) -> int:
    """Copy all conversations that were written in a stand-in to another database; returns their number.

    A repetition after an interruption gives the same result. `source` must not be written meanwhile. Raises I3Error.
    """
    with explain_errors(target), closing(connect(target, create=False)) as connection:
        connection.execute("ATTACH ? AS other", (f"{source.absolute().as_uri()}?mode=rw",))
        numbers = _touched(connection, "other")
        with transaction(connection):
            connection.execute("INSERT OR IGNORE INTO folders (name, folded) SELECT name, folded FROM other.folders")
        for (number,) in numbers:
            with transaction(connection):
                _replace(connection, number)
        return len(numbers)


def _replace(connection: sqlite3.Connection, number: int) -> None:
    """Replace a conversation by that of the attached database, or remove it if it is not there."""
    new = connection.execute("SELECT created_at FROM other.conversations WHERE id = ?", (number,)).fetchone()
    old = connection.execute("SELECT created_at FROM main.conversations WHERE id = ?", (number,)).fetchone()
    target = number
    if new and old and new != old:  # another conversation with this number, made while the clock was wrong
        # Its place in a move that was interrupted, or else a new one.
        old = connection.execute("SELECT id FROM main.conversations WHERE created_at = ?", new).fetchone()
        target = old[0] if old else connection.execute("SELECT max(id) + 1 FROM main.conversations").fetchone()[0]
    if old:
        search_index.remove(connection, target, search_index.TITLE, search_index.MAX_MESSAGES)
        connection.execute("DELETE FROM main.conversations WHERE id = ?", (target,))
    if new:
        connection.execute(
            f"INSERT INTO main.conversations (id, {_ABOUT}) SELECT ?, {_ABOUT} FROM other.conversations WHERE id = ?",
            (target, number),
        )
        _copy_messages(connection, "other", number, target)
        title = connection.execute("SELECT title FROM main.conversations WHERE id = ?", (target,)).fetchone()[0]
        search_index.put(connection, target, search_index.TITLE, title)
