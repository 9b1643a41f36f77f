"""Recovery of a damaged database: collect all readable rows and those of a daily copy, and set the file aside."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from i3desk.conversations.store import placing, search_index
from i3desk.conversations.store.backups import daily_copies
from i3desk.conversations.store.database import (
    BUSY_S,
    DAMAGED,
    LIST,
    MIGRATIONS,
    code_of,
    connect,
    connect_read_only,
    damage_mark,
    transaction,
)
from i3desk.conversations.store.pages import PageReader
from i3desk.language import tr, trn

log = logging.getLogger(__name__)
TABLES = ("conversations", "messages", "chunk_blocks", "folders")
WITHOUT_FOLDER = 15  # columns of a conversation that was last written before there were folders
STEP = 200  # rows between two reports of the progress
Progress = Callable[[float], None]


def connect_and_read(path: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """Open the database and read the list, which finds most damage; `maintenance.check` reads the rest later.

    Raises sqlite3.DatabaseError if it is damaged, or known to be, or has other tables than ours.
    """
    if needs_recovery(path):
        raise _damaged(tr("it was found to be damaged"))
    try:
        return _connect_and_read(path, busy_s)
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_ERROR:
            raise
        raise _damaged(str(error)) from error  # a table is missing or is another one


def _damaged(why: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _columns_of_tables(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    return {
        (table, column[1])
        for (table,) in connection.execute(tables).fetchall()
        for column in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))
    }


@cache
def _our_columns() -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for migrate in MIGRATIONS:
            migrate(connection)
        return _columns_of_tables(connection)


def _connect_and_read(path: Path, busy_s: float) -> sqlite3.Connection:
    connection = connect(path, busy_s)
    try:
        if missing := _our_columns() - _columns_of_tables(connection):
            raise _damaged(tr("{missing} is missing").format(missing=".".join(min(missing))))
        for query in ("SELECT * FROM conversations", LIST):
            for _ in connection.execute(query):
                pass
        connection.execute("SELECT max(id) FROM messages").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def needs_recovery(path: Path) -> bool:
    """Whether the database is marked as damaged, was being recovered, or was deleted but has a log with chats."""
    if _recovered(path).exists() or (damage_mark(path).exists() and path.exists()):
        return True
    log_file = Path(f"{path}-wal")
    is_gone = not path.exists() or path.stat().st_size == 0
    return is_gone and log_file.exists() and log_file.stat().st_size > 0


def make_usable(path: Path, progress: Progress = lambda share: None, busy_s: float = BUSY_S) -> str:
    """Make sure that the database can be opened and written; returns a notice for the user if it was recovered.

    Args:
        progress: receives the share that is done; an exception that it raises ends the recovery and changes nothing.

    Raises sqlite3.Error or OSError if it cannot be used now; a damaged file is always kept.
    """
    try:
        with closing(connect_and_read(path, busy_s)) as connection, transaction(connection):
            return ""
    except sqlite3.DatabaseError as error:
        if code_of(error) not in DAMAGED:
            raise
        log.error("The database of conversations is damaged: %s", error)
    return _recover(path, progress)


def _recovered(path: Path) -> Path:
    """The complete result of a recovery, until it is in place."""
    return path.with_name(f"{path.stem}-recovered{path.suffix}")


def _recover(path: Path, progress: Progress) -> str:
    recovered = _recovered(path)
    if not recovered.exists():
        unfinished = path.with_name(f"{path.stem}-recovering{path.suffix}")
        placing.remove(unfinished)
        try:
            with closing(connect(unfinished)) as target:
                _collect(path, target, progress)
                target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log
            os.replace(unfinished, recovered)
        finally:
            placing.remove(unfinished)
    aside = placing.set_aside(path, "damaged")
    os.replace(recovered, path)
    damage_mark(path).unlink(missing_ok=True)
    log.error("The damaged database is kept as %s", aside)
    with closing(connect(path)) as connection:
        count = connection.execute("SELECT count(*) FROM conversations WHERE deleted_at IS NULL").fetchone()[0]
    if not count:
        return tr(
            "The stored conversations were damaged and could not be read. The damaged file was kept: {aside}"
        ).format(aside=aside)
    chats = trn("1 conversation", "{n} conversations", count)
    return tr(
        "The stored conversations were damaged. {chats} could be recovered. The damaged file was kept: {aside}"
    ).format(chats=chats, aside=aside)


def _collect(damaged: Path, target: sqlite3.Connection, progress: Progress) -> None:
    """Copy all readable rows; what the file has lost comes from the newest daily copy that can be read."""
    target.execute("PRAGMA foreign_keys = OFF")
    tables = {len(names): (name, names) for name in TABLES if (names := _columns(target, name))}
    tables[WITHOUT_FOLDER] = ("conversations", _columns(target, "conversations")[:WITHOUT_FOLDER])
    with transaction(target), closing(PageReader(damaged)) as reader:
        for number, values in reader.rows(lambda share: progress(0.9 * share)):
            if len(values) in tables and values[0] is None:  # each of our tables is known by its number of columns
                name, names = tables[len(values)]
                _insert(target, name, names, [number, *values[1:]])
        for copy in daily_copies(damaged):
            try:
                _add_missing(copy, target)
                break
            except sqlite3.Error as error:
                log.warning("The copy %s cannot be read: %s", copy, error)
        _repair(target)
        search_index.fill(target)


def _columns(target: sqlite3.Connection, table: str) -> list[str]:
    return [column[1] for column in target.execute(f"PRAGMA table_info({table})")]


def _insert(target: sqlite3.Connection, table: str, names: list[str], row: list[Any] | tuple) -> None:
    places = ", ".join("?" * len(names))
    try:
        target.execute(f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({places})", row)
    except (sqlite3.IntegrityError, OverflowError, UnicodeEncodeError) as error:  # an invalid row
        log.warning("A row of %s was not usable: %s", table, error)


def _add_missing(copy: Path, target: sqlite3.Connection) -> None:
    with closing(connect_read_only(copy)) as source:
        for table in TABLES:
            known = set(_columns(source, table))  # of an earlier version, perhaps
            names = [name for name in _columns(target, table) if name in known]
            for row in source.execute(f"SELECT {', '.join(names)} FROM {table}") if names else ():
                _insert(target, table, names, row)


def _repair(target: sqlite3.Connection) -> None:
    """Recreate lost conversations, remove chunks without message, and reconnect messages without parent."""
    target.execute(
        """
        INSERT INTO conversations (id, title, has_own_title, created_at, updated_at)
        SELECT conversation, 'Recovered chat ' || conversation, 1, min(created_at), max(created_at) FROM messages
        WHERE conversation NOT IN (SELECT id FROM conversations) GROUP BY conversation
        """
    )
    target.execute("INSERT OR IGNORE INTO folders (name) SELECT DISTINCT folder FROM conversations WHERE folder != ''")
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
