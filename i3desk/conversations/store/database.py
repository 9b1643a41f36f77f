"""The database file: opening, tables, migrations, and errors explain_errors to the user.

Tables (version 5):
    conversations   one row each; the list needs only `preview` and `message_count`, not the messages;
                    `deleted_at` is set while a deletion can be undone, and 0 while an import is not complete;
                    `folder` is the name of its folder, or empty
    folders         the folders of the list, known by their names, so that a lost row loses no chat
    messages        the tree: (conversation, number) identifies a message, `parent` is the number that it follows
    chunk_blocks    a reply's chunks in blocks of compressed JSON, appended while it streams
    texts           FTS5 index, see search_index.py
    index_backlog   texts of an earlier version that are not in that index yet; empty soon after the first start
The tables are STRICT, so that invalid recovered rows are refused.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from i3core.errors import I3Error
from i3desk.conversations.store import search_index
from i3desk.language import tr

BUSY_S = 2.0  # wait for another thread's write, which is short (see maintenance.py)
UNFINISHED = "('queued', 'waiting', 'streaming')"
LIST = (
    "SELECT id, title, preview, pinned, updated_at, message_count, folder FROM conversations "
    "WHERE deleted_at IS NULL ORDER BY pinned DESC, updated_at DESC, id DESC"
)
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_decode = partial(str, encoding="utf-8", errors="replace")  # a flipped bit in a text costs one character


class StoreBusyError(I3Error):
    """The file is being written, by another program or another thread; the same write works later."""


class StoreDamagedError(I3Error):
    """The file is damaged: see recovery.py."""


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("""
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL DEFAULT '',
            has_own_title INTEGER NOT NULL DEFAULT 0,
            pinned INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL CHECK (created_at BETWEEN 0 AND 1e11),
            updated_at REAL NOT NULL CHECK (updated_at BETWEEN 0 AND 1e11),
            settings TEXT NOT NULL DEFAULT '{}',
            leaf INTEGER,
            draft TEXT NOT NULL DEFAULT '',
            window_used INTEGER NOT NULL DEFAULT 0,
            window INTEGER NOT NULL DEFAULT 0,
            first_seen INTEGER,
            preview TEXT NOT NULL DEFAULT '',
            message_count INTEGER NOT NULL DEFAULT 0,
            deleted_at REAL
        ) STRICT""")
    connection.execute("""
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,
            parent INTEGER,
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            created_at REAL NOT NULL,
            state TEXT NOT NULL,
            given_tokens INTEGER NOT NULL,
            new_tokens INTEGER NOT NULL,
            tokens_per_second REAL NOT NULL,
            seconds_to_first_token REAL,
            seed INTEGER,
            finish_reason TEXT,
            what_failed TEXT NOT NULL,
            remedy TEXT NOT NULL,
            model TEXT NOT NULL,
            sampling TEXT,
            UNIQUE (conversation, number)
        ) STRICT""")
    connection.execute("""
        CREATE TABLE chunk_blocks (
            id INTEGER PRIMARY KEY,
            message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
            first INTEGER NOT NULL,
            count INTEGER NOT NULL,
            data BLOB NOT NULL
        ) STRICT""")
    connection.execute("CREATE INDEX chunk_blocks_of_message ON chunk_blocks (message, first)")
    connection.execute(f"CREATE INDEX unfinished_messages ON messages (state) WHERE state IN {UNFINISHED}")


def _create_first_search_index(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE VIRTUAL TABLE texts USING fts5 "
        "(text, columnsize = 0, prefix = '2 3', tokenize = \"unicode61 remove_diacritics 2\")"
    )  # it is filled, and made otherwise, by `search_index.create_again`


def _create_list_index(connection: sqlite3.Connection) -> None:
    # Covers the list, sorted, without reading the table. Some files of version 2 have it already.
    connection.execute(
        "CREATE INDEX IF NOT EXISTS conversations_in_list ON conversations "
        "(pinned DESC, updated_at DESC, id DESC, title, preview, message_count) WHERE deleted_at IS NULL"
    )


def _add_folders(connection: sqlite3.Connection) -> None:
    # A daily copy says that it is of version 1, and may have all of this.
    columns = {column[1] for column in connection.execute("PRAGMA table_info(conversations)")}
    if "folder" not in columns:
        connection.execute("ALTER TABLE conversations ADD COLUMN folder TEXT NOT NULL DEFAULT ''")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS folders "
        "(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, folded INTEGER NOT NULL DEFAULT 0) STRICT"
    )
    connection.execute("DROP INDEX conversations_in_list")
    connection.execute(
        "CREATE INDEX conversations_in_list ON conversations "
        "(pinned DESC, updated_at DESC, id DESC, title, preview, message_count, folder) WHERE deleted_at IS NULL"
    )


# Entry n converts a database of version n to version n + 1. Only append to this.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _create_tables,
    _create_first_search_index,
    _create_list_index,
    search_index.create_again,
    _add_folders,
)


def connect(path: Path, busy_s: float = BUSY_S, create: bool = True) -> sqlite3.Connection:
    """Open the database and migrate it to the current version; with `create`, make it if it is missing.

    Raises sqlite3.Error or OSError, and I3Error if a newer i3desk wrote it.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # readable by the owner only
    # The lock of SQLite itself keeps threads apart: another one may copy what this connection reads, see placing.py.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", timeout=busy_s, isolation_level=None, uri=True, check_same_thread=False
    )
    connection.text_factory = _decode
    try:
        _refuse_newer(connection, path)  # before anything is written
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(
            "PRAGMA wal_autocheckpoint = 0"
        )  # a checkpoint can wait long for the disk: see maintenance.py
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if version_of(connection) == len(MIGRATIONS):
        return
    with transaction(connection):
        _refuse_newer(connection, path)
        version = version_of(connection)  # again: another thread may have been first
        for number, migrate in enumerate(MIGRATIONS[version:], version + 1):
            migrate(connection)
            connection.execute(f"PRAGMA user_version = {number}")


def _refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    if version_of(connection) > len(MIGRATIONS):
        raise I3Error(
            tr("The conversations in {path} were written by a newer i3desk.").format(path=path),
            tr("Install the newer i3desk again, or move this file away to start with an empty list."),
        )


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 for a new file."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a read-only connection, for another thread."""
    connection = sqlite3.connect(
        f"{Path(path).absolute().as_uri()}?mode=ro", timeout=BUSY_S, isolation_level=None, uri=True
    )
    connection.text_factory = _decode
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the block in a transaction, rolled back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself after some errors
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explain_errors(path: Path) -> Iterator[None]:
    """Convert errors of the file to I3Errors; bugs in our statements are not converted.

    A damaged database is marked, so that the next start recovers it.
    """
    try:
        yield
    except OSError as error:
        raise _cannot_use(path, error.strerror or str(error)) from error
    except sqlite3.Error as error:
        code = code_of(error)
        if code in DAMAGED:
            mark_damaged(path)
            raise StoreDamagedError(
                tr("The conversations in {path} are damaged ({error}).").format(path=path, error=error),
                tr("Restart i3desk: it sets the damaged file aside and recovers what can still be read."),
            ) from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise I3Error(
                tr("The conversation could not be stored in {path}: {error}.").format(path=path, error=error),
                tr(
                    "The disk is probably full: free some space. Stored conversations are safe, and saving is "
                    "tried again."
                ),
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise _cannot_use(path, str(error)) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreBusyError(
                tr("The conversations in {path} are in use by another program.").format(path=path),
                tr("Close the program that has this file open; saving is tried again."),
            ) from error
        raise


def _cannot_use(path: Path, why: str) -> I3Error:
    return I3Error(
        tr("Conversations cannot be stored in {path}: {why}.").format(path=path, why=why),
        tr("Check that the folder exists, that you may write to it, and that the disk is not full."),
    )


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code; -1 for errors of the Python module."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


def damage_mark(path: Path) -> Path:
    """The file whose existence makes the next start recover the database."""
    return path.with_name(path.name + ".damaged")


def mark_damaged(path: Path) -> None:
    """Create the damage mark; if that fails, the damage is found again later."""
    try:
        damage_mark(path).touch()
    except OSError:
        pass
