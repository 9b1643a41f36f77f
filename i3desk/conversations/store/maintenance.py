"""Maintenance of the database, in a background thread while the window continues to write.

All work is done in steps of a few milliseconds with pauses between them, because a writer in the GUI thread waits for
the current step.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from i3desk.conversations.store import database, search_index
from i3desk.conversations.store.database import connect, connect_read_only, explain_errors, transaction
from i3desk.conversations.store.store import KEPT_S, Store

log = logging.getLogger(__name__)
MERGE_PAGES = 8  # in one step of merging the index: some 10 ms
PAUSE_S = 0.03
TIDY_S = 20.0
INDEX_S = 0.3


def checkpoint(path: Path | str) -> None:
    """Move the write-ahead log into the database and wait for the disk.

    The first write to an empty log also waits for the disk, so it is made here.
    """
    path = Path(path)
    if not path.exists():
        return
    with explain_errors(path), closing(connect(path, create=False)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # blocks no other connection
        connection.execute("PRAGMA busy_timeout = 0")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # little is left
        if not busy:
            try:
                connection.execute(f"PRAGMA user_version = {database.version_of(connection)}")
            except sqlite3.OperationalError as error:
                if database.code_of(error) != sqlite3.SQLITE_BUSY:  # otherwise another thread has made that write
                    raise


def tidy(path: Path | str, cancelled: Callable[[], bool] = lambda: False, kept_s: float = KEPT_S) -> None:
    """Permanently remove what was deleted more than `kept_s` ago, merge the search index, checkpoint.

    Stops early when cancelled, or after TIDY_S; the next call continues.
    """
    path = Path(path)
    if not path.exists():
        return
    with closing(Store(path, recover=False)) as store:
        purged = store.purge_deleted(kept_s)
    _merge_index(path, everything=purged > 0, cancelled=cancelled)
    checkpoint(path)


def index_more(path: Path | str) -> bool:
    """Continue the search index of a database of an earlier version for INDEX_S; False if it is complete."""
    path = Path(path)
    if not path.exists():
        return False
    deadline = time.monotonic() + INDEX_S
    with explain_errors(path), closing(connect(path, create=False)) as connection:
        while time.monotonic() < deadline:
            with transaction(connection):
                if not search_index.fill_step(connection):
                    return False
            time.sleep(PAUSE_S)
    return True


def _merge_index(path: Path, everything: bool, cancelled: Callable[[], bool]) -> None:
    """Merge segments of the index; all of them after a purge, because they still contain the purged words."""
    deadline = time.monotonic() + TIDY_S
    with explain_errors(path), closing(connect(path, create=False)) as connection:
        pages = -MERGE_PAGES if everything else MERGE_PAGES
        while time.monotonic() < deadline and not cancelled():
            before = connection.total_changes
            connection.execute("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (pages,))
            if connection.total_changes - before < 2:  # how FTS5 reports that nothing was left to merge
                break
            pages = MERGE_PAGES
            time.sleep(PAUSE_S)


def check(path: Path | str) -> bool:
    """Check the whole database; returns False if it is damaged and marks it, so that the next start recovers it."""
    path = Path(path)
    if not path.exists():
        return True
    try:
        with closing(connect_read_only(path)) as connection:
            is_sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        if database.code_of(error) not in database.DAMAGED:
            log.warning("The conversations could not be checked: %s", error)
            return True
        is_sound = False
    if not is_sound:
        log.error("The database of conversations is damaged.")
        database.mark_damaged(path)
    return is_sound
