"""Daily copies of the database: seven are kept, without the search index, beside the database.

A copy can be put in the place of the database: its index is then made again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from i3core.system.disk_space import check_disk_space
from i3desk.conversations.store import placing
from i3desk.conversations.store.database import connect_read_only, explain_errors

FOLDER = "daily-copies"
MOST = 7
SPARE_BYTES = 50_000_000  # that must stay free on the disk
VERSION_WITHOUT_INDEX = 1  # see MIGRATIONS


class _CancelledError(Exception):
    pass


def daily_copies(path: Path) -> list[Path]:
    """The copies of a database, the newest first."""
    return sorted((path.parent / FOLDER).glob(f"{path.stem}-????-??-??{path.suffix}"), reverse=True)


def copy_daily(path: Path, cancelled: Callable[[], bool] = lambda: False) -> bool:
    """Write today's copy unless it exists, or nothing has changed since the last; removes the oldest.

    For a background thread. Returns False if it was cancelled. Raises I3Error.
    """
    known = daily_copies(path)
    today = path.parent / FOLDER / f"{path.stem}-{time.strftime('%Y-%m-%d')}{path.suffix}"
    if not path.exists() or today in known or (known and _changed(path) <= known[0].stat().st_mtime):
        return True

    def step() -> None:
        if cancelled():
            raise _CancelledError

    unfinished = today.with_name(f".{path.stem}-unfinished{path.suffix}")
    try:
        with explain_errors(today):
            today.parent.mkdir(mode=0o700, exist_ok=True)
            check_disk_space(today.parent, 2 * path.stat().st_size, SPARE_BYTES)
            with closing(connect_read_only(path)) as source:
                source.execute("BEGIN")  # one state, also while the window writes
                placing.copy(source, unfinished, step)
            _shrink(unfinished)
            os.replace(unfinished, today)
    except _CancelledError:
        return False
    finally:
        placing.remove(unfinished)
    for old in daily_copies(path)[MOST:]:
        old.unlink(missing_ok=True)
    return True


def _changed(path: Path) -> float:
    return max(file.stat().st_mtime for file in (path, Path(f"{path}-wal")) if file.exists())


def _shrink(copy: Path) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        for table in ("texts", "old_texts", "index_backlog"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        connection.execute(f"PRAGMA user_version = {VERSION_WITHOUT_INDEX}")
        connection.execute("VACUUM")


def forget(path: Path, numbers: Iterable[int]) -> None:
    """Permanently remove conversations from all copies. Raises I3Error."""
    for copy in daily_copies(path):
        with explain_errors(copy), closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA secure_delete = ON")
            connection.executemany("DELETE FROM conversations WHERE id = ?", [(number,) for number in numbers])


def remove_copies(path: Path) -> None:
    """Remove all copies, and what was set aside as damaged or replaced; the database itself stays. Raises I3Error."""
    with explain_errors(path):
        for why in ("damaged", "replaced"):
            for file in path.parent.glob(f"{path.stem}-{why}-*"):
                file.unlink(missing_ok=True)
        shutil.rmtree(path.parent / FOLDER, ignore_errors=True)
