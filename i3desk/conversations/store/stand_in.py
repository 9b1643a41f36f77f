"""Stand-ins: databases that take the chats while the database itself cannot be written.

A stand-in is beside the database, or in the system's temporary folder if nothing can be written there. It is moved over
by `copying.move_over` as soon as the database can be used, at the latest by a later start.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import shutil
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

from i3core.errors import I3Error
from i3core.system.disk_space import check_disk_space, write_remedy
from i3desk.conversations.store import copying, placing
from i3desk.conversations.store.database import code_of, connect_read_only
from i3desk.language import tr

log = logging.getLogger(__name__)
SPARE_BYTES = 20_000_000  # that must stay free on the disk


def stand_ins(path: Path) -> list[Path]:
    """All stand-ins of a database, the oldest first."""
    found = [file for folder in _folders(path) if _is_ours(folder) for file in folder.glob("*.sqlite3")]
    return sorted(found, key=lambda file: (file.stat().st_mtime, file.name))


def make(path: Path) -> Path:
    """Make an empty stand-in. Raises I3Error if it cannot be written anywhere."""
    problem: I3Error | None = None
    for folder in _folders(path):
        try:
            new = _new_file(folder)
            copying.track(new)
            return new
        except OSError as error:
            problem = I3Error(
                tr("Chats cannot be stored in {folder}: {strerror}.").format(
                    folder=folder, strerror=error.strerror or error
                ),
                write_remedy(error),
            )
        except I3Error as error:
            problem = error
    assert problem is not None
    raise problem


def make_copy(path: Path) -> Path | None:
    """Make a stand-in with all that can be read in the database; None if it cannot be read or there is no room."""
    for folder in _folders(path):
        new: Path | None = None
        try:
            new = _new_file(folder)
            check_disk_space(folder, path.stat().st_size, SPARE_BYTES)
            _copy(path, new)
            copying.track(new)
            return new
        except (OSError, sqlite3.Error, I3Error) as error:
            log.warning("No copy of the conversations could be made: %s", error)
            if new is not None:
                placing.remove(new)
                remove(new)
    return None


def _copy(path: Path, new: Path) -> None:
    try:
        with closing(connect_read_only(path)) as source:
            placing.copy(source, new)
    except sqlite3.OperationalError as error:
        if code_of(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        # SQLite does not open a file with a log on a disk that cannot be written. Nobody else can write there either.
        placing.remove(new)
        for suffix in ("", "-wal"):
            if Path(f"{path}{suffix}").exists():
                shutil.copyfile(f"{path}{suffix}", f"{new}{suffix}")
        new.chmod(0o600)


def remove(file: Path) -> None:
    """Remove a stand-in that is moved over or empty."""
    try:
        placing.remove(file)
        file.parent.rmdir()  # unless another one is in it
    except OSError:
        pass


def _folders(path: Path) -> tuple[Path, ...]:
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    return path.parent / "not-stored-yet", Path(tempfile.gettempdir()) / f"i3desk-chats-{name}"


def _is_ours(folder: Path) -> bool:
    """Whether this is a folder that no other user can write, as the temporary folder is open to all."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and (
        os.name == "nt" or (found.st_uid == os.getuid() and not found.st_mode & 0o22)
    )


def _new_file(folder: Path) -> Path:
    """The first free name in a folder, which is made. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(13, "it belongs to somebody else", str(folder))
    return next(file for n in itertools.count(1) if not (file := folder / f"chats-{n}.sqlite3").exists())
