"""Database files as a whole: which file is at a path, whole copies, setting one aside."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PAGES = 100  # copied in one step: some milliseconds
PAUSE_S = 0.002
COMPANIONS = ("-wal", "-shm", "-journal")


def file_id(path: Path) -> tuple[int, int] | None:
    """What tells files at the same path apart; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def copy(source: sqlite3.Connection, path: Path, step: Callable[[], None] = lambda: None) -> None:
    """Write a whole copy of a database in small steps; `step` is called after each. Raises sqlite3.Error or OSError."""
    remove(path)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(path, isolation_level=None)) as target:
        source.backup(target, pages=PAGES, progress=lambda *_: step(), sleep=PAUSE_S)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log


def remove(path: Path) -> None:
    """Delete a database with its log."""
    for name in (path, *(Path(f"{path}{suffix}") for suffix in COMPANIONS)):
        name.unlink(missing_ok=True)


def set_aside(path: Path, why: str) -> Path:
    """Rename a database and its log; returns the new name, which holds `why` and the time."""
    stem = f"{path.stem}-{why}-{time.strftime('%Y-%m-%d-%H%M%S')}"
    aside, number = path.with_name(stem + path.suffix), 1
    while aside.exists() or Path(f"{aside}-wal").exists():
        number += 1
        aside = path.with_name(f"{stem}-{number}{path.suffix}")
    for suffix in ("", "-wal", "-journal"):
        if Path(f"{path}{suffix}").exists():
            os.replace(f"{path}{suffix}", f"{aside}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)  # created again from the log
    return aside


def write_again(connection: sqlite3.Connection, path: Path, own_log: tuple[int, int] | None) -> Path | None:
    """Write what `connection` reads to `path`; returns where another file that is there now is kept.

    Args:
        own_log: the `file_id` of the connection's write-ahead log, which must not be applied to the other file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}-again")
    copy(connection, unfinished)
    log = Path(f"{path}-wal")
    if file_id(log) == own_log:
        log.unlink(missing_ok=True)
    other = set_aside(path, "replaced") if path.exists() else None
    remove(path)
    os.replace(unfinished, path)
    return other
