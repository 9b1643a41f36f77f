"""What the database needs now and then and may take long: for a background thread, while the window goes on writing.

Everything here works in steps of a few milliseconds and pauses between them, because a writer in the GUI thread waits
for the step under way.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from i3desk.conversations.store import database
from i3desk.conversations.store.database import connect, connect_read_only, explained

log = logging.getLogger(__name__)
MERGE_PAGES = 8  # a step of merging the index: some 10 ms
PAUSE_S = 0.03
TIDY_S = 20.0
UNDO_S = 60.0  # younger deletions can still be undone, or are an import under way


def checkpoint(path: Path | str) -> None:
    """Move what was written from the write-ahead log into the database, and wait for the disk.

    The first write into an emptied log waits for the disk too, so one is made here.
    """
    path = Path(path)
    if not path.exists():
        return
    with explained(path), closing(connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # holds up nobody
        connection.execute("PRAGMA busy_timeout = 0")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # has little left to do
        if not busy:
            try:
                connection.execute(f"PRAGMA user_version = {database.version_of(connection)}")
            except sqlite3.OperationalError as error:
                if database.code_of(error) != sqlite3.SQLITE_BUSY:  # else another thread has just made that write
                    raise


def tidy(path: Path | str, cancelled: Callable[[], bool] = lambda: False, undo_s: float = UNDO_S) -> None:
    """Remove what was deleted more than `undo_s` ago for good, merge the search index, checkpoint.

    Stops early when cancelled, or after TIDY_S; the next call goes on.
    """
    from i3desk.conversations.store.store import Store

    path = Path(path)
    if not path.exists():
        return
    with closing(Store(path, salvage=False)) as store:
        purged = store.purge_deleted(undo_s)
    _merge_index(path, everything=purged > 0, cancelled=cancelled)
    checkpoint(path)


def _merge_index(path: Path, everything: bool, cancelled: Callable[[], bool]) -> None:
    """Merge the parts of the index; all of them after a purge, for the old parts still hold the purged words."""
    give_up = time.monotonic() + TIDY_S
    with explained(path), closing(connect(path)) as connection:
        pages = -MERGE_PAGES if everything else MERGE_PAGES
        while time.monotonic() < give_up and not cancelled():
            before = connection.total_changes
            connection.execute("INSERT INTO texts (texts, rank) VALUES ('merge', ?)", (pages,))
            if connection.total_changes - before < 2:  # FTS5's sign that nothing was left to merge
                break
            pages = MERGE_PAGES
            time.sleep(PAUSE_S)


def check(path: Path | str) -> bool:
    """Read the whole database; False if it is damaged. It is then marked, and the next start salvages it."""
    path = Path(path)
    if not path.exists():
        return True
    try:
        with closing(connect_read_only(path)) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        if database.code_of(error) not in database.DAMAGED:
            log.warning("The conversations could not be checked: %s", error)
            return True
        sound = False
    if not sound:
        log.error("The database of conversations is damaged.")
        database.mark_damaged(path)
    return sound
