"""Recovery of a damaged database: set it aside and copy all readable rows."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from i3desk.conversations.store import search_index
from i3desk.conversations.store.database import DAMAGED, LIST, code_of, connect, damage_mark, transaction

log = logging.getLogger(__name__)
MAX_MISSES = 100_000  # consecutive unused row numbers that end the search for rows
TABLES = ("conversations", "messages", "chunk_blocks")


def open_or_recover(path: Path) -> tuple[sqlite3.Connection, str]:
    """Open the database; if it is damaged, replace it by its readable rows and return a notice for the user.

    Raises sqlite3.Error or OSError if the disk fails; a damaged file is always kept.
    """
    notice = _recover(path) if damage_mark(path).exists() and path.exists() else ""
    try:
        return _connect_and_read(path), notice
    except sqlite3.DatabaseError as error:
        if code_of(error) not in DAMAGED:
            raise
        log.error("The database of conversations is damaged: %s", error)
    notice = _recover(path)
    return connect(path), notice


def _connect_and_read(path: Path) -> sqlite3.Connection:
    """Open the database and read the list, which detects most damage; `maintenance.check` reads the rest later."""
    connection = connect(path)
    try:
        for query in ("SELECT * FROM conversations", LIST):
            for _ in connection.execute(query):
                pass
        connection.execute("SELECT max(id) FROM messages").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _recover(path: Path) -> str:
    aside = _set_aside(path)
    log.error("The damaged database is kept as %s", aside)
    with closing(connect(path)) as target:
        count = _copy_readable(aside, target)
    damage_mark(path).unlink(missing_ok=True)
    if not count:
        return f"The stored conversations were damaged and could not be read. The damaged file was kept: {aside}"
    chats = "1 conversation" if count == 1 else f"{count:,} conversations"
    return f"The stored conversations were damaged. {chats} could be recovered. The damaged file was kept: {aside}"


def _set_aside(path: Path) -> Path:
    """Rename the database and its log; returns the new name."""
    stem = f"{path.stem}-damaged-{time.strftime('%Y-%m-%d-%H%M%S')}"
    aside, number = path.with_name(stem + path.suffix), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    path.rename(aside)
    log_file = Path(f"{path}-wal")
    if log_file.exists():
        log_file.rename(f"{aside}-wal")
    Path(f"{path}-shm").unlink(missing_ok=True)  # created again from the log
    return aside


def _copy_readable(damaged: Path, target: sqlite3.Connection) -> int:
    """Copy all readable rows; returns the number of conversations."""
    target.execute("PRAGMA foreign_keys = OFF")
    with closing(sqlite3.connect(damaged, isolation_level=None)) as source, transaction(target):
        source.text_factory = lambda data: data.decode("utf-8", "replace")
        for table in TABLES:
            names = [column[1] for column in target.execute(f"PRAGMA table_info({table})")]
            command = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            for row in _readable_rows(source, table, names):
                try:
                    target.execute(command, row)
                except sqlite3.IntegrityError as error:  # an invalid row
                    log.warning("A row of %s was not usable: %s", table, error)
        _repair(target)
        search_index.fill(target)
    return target.execute("SELECT count(*) FROM conversations WHERE deleted_at IS NULL").fetchone()[0]


def _readable_rows(source: sqlite3.Connection, table: str, names: list[str]) -> Iterator[tuple]:
    """Yield rows from the start to the first damage, from the end back to the last, and single rows between."""
    columns = ", ".join(names)
    first_unread, last_unread = 0, None
    for ascending in (True, False):
        order = "ASC" if ascending else "DESC"
        try:
            rows = source.execute(f"SELECT {columns} FROM {table} WHERE id >= ? ORDER BY id {order}", (first_unread,))
            for row in rows:
                if ascending:
                    first_unread = row[0] + 1
                else:
                    last_unread = row[0] - 1
                yield row
            return
        except sqlite3.Error as error:
            log.warning("Damage in table %s: %s", table, error)
            if code_of(error) not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR):
                return  # not a database, or without this table
    number, misses = first_unread, 0
    while misses < MAX_MISSES and (last_unread is None or number <= last_unread):
        try:
            row = source.execute(f"SELECT {columns} FROM {table} WHERE id = ?", (number,)).fetchone()
        except sqlite3.Error:
            row = None
        misses = misses + 1 if row is None else 0
        if row is not None:
            yield row
        number += 1


def _repair(target: sqlite3.Connection) -> None:
    """Recreate lost conversations, remove chunks without message, and reconnect messages without parent."""
    target.execute(
        """
        INSERT INTO conversations (id, title, has_own_title, created_at, updated_at)
        SELECT conversation, 'Recovered chat ' || conversation, 1, min(created_at), max(created_at) FROM messages
        WHERE conversation NOT IN (SELECT id FROM conversations) GROUP BY conversation
        """
    )
    target.execute("DELETE FROM chunk_blocks WHERE message NOT IN (SELECT id FROM messages)")
    # A message whose parent is lost follows the newest one before it, so it stays on the path on screen.
    target.execute(
        """
        UPDATE messages SET parent = (
            SELECT max(number) FROM messages AS earlier
            WHERE earlier.conversation = messages.conversation AND earlier.number < messages.number
        )
        WHERE parent IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM messages AS other
            WHERE other.conversation = messages.conversation AND other.number = messages.parent
        )
        """
    )
    target.execute(
        """
        UPDATE conversations SET message_count =
            (SELECT count(*) FROM messages WHERE messages.conversation = conversations.id)
        """
    )
