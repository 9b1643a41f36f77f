"""Files and folders: replaced as a whole or not at all, synced, hashed, and named without clashes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import secrets
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ConfigError, I3Error
from .disk_space import write_remedy

UNFINISHED = ".unfinished"  # in a folder that is being written: what is there so far

MOST_JSON_BYTES = 64_000_000
_SHOWN_NAME = 40  # characters of a file's name in that of its temporary one, which must not be longer than allowed
MOST_LEVELS = 50  # of lists and objects in each other


@contextmanager
def replaced(path: str | Path, make_folder: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path`, on failure nothing changes.

    Without `make_folder`, a missing folder is an error.

    Raises I3Error with a remedy if the disk is full, read-only or similar.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name[:_SHOWN_NAME]}.{secrets.token_hex(4)}.partial")
        handle = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # less the umask, as any new file
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        os.close(handle)
        temporary = unfinished
        yield temporary
        sync(temporary)
        os.chmod(temporary, mode)  # the file may have been recreated while it was written
        os.replace(temporary, path)
    except OSError as error:
        raise I3Error(
            f"{path} could not be written: {error.strerror or error}.",
            f"{write_remedy(error)} What was there before is untouched.",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def filled(folder: Path, overwrite: bool, stale: Collection[str] = ()) -> Iterator[Path]:
    """Yield a new folder whose files move into `folder` on success; on failure `folder` is as it was.

    Args:
        overwrite: whether `folder` may hold other files; those of the same names are replaced.
        stale: names of files that are removed from `folder` unless they are replaced.

    Raises ConfigError if `folder` holds other files. What a killed process left is removed.
    """
    unfinished, is_new = folder / UNFINISHED, not folder.exists()
    others = [] if is_new else sorted(path.name for path in folder.iterdir() if path.name != UNFINISHED)
    if others and not overwrite:
        raise ConfigError(
            f"{folder} holds other files already ({', '.join(others[:3])}).",
            "Name a new folder, or add --overwrite to replace what has the same name.",
        )
    try:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        yield unfinished
        written = sorted(unfinished.iterdir(), key=lambda path: path.stat().st_mtime_ns)  # weights come last
        for path in written:
            os.replace(path, folder / path.name)
        for name in set(stale) - {path.name for path in written}:
            (folder / name).unlink(missing_ok=True)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):
                folder.rmdir()  # unless it holds the result


def write_json(path: str | Path, content: Any, indent: int | None = 2, make_folder: bool = True) -> None:
    """Replace `path` with `content` as JSON; see `replaced`."""
    with replaced(path, make_folder) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


def open_file(path: str | Path) -> BinaryIO:
    """Open a regular file to read. Raises OSError for anything else: a pipe or a device might never end."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileNotFoundError(errno.EINVAL, "it is not a regular file", str(path))
    return open(path, "rb")


def read_file(path: str | Path, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    """Read a regular file of the program's own. Raises OSError if it is something else, or far too large."""
    with open_file(path) as source:
        content = source.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, "it is far larger than such a file can be", str(path))
    return content


def read_json(path: str | Path) -> Any:
    """Read a JSON file. Raises I3Error naming the file if it is missing, damaged, far too large or no file."""
    try:
        with open_file(path) as source:
            size = os.fstat(source.fileno()).st_size
            if size > MOST_JSON_BYTES:
                raise I3Error(f"{path} has {size:,} bytes, far more than such a file needs.", "Download it again.")
            content = json.loads(source.read().decode("utf-8-sig"))  # editors of Windows write a mark first
        if _is_deep(content):  # later work on it would fail
            raise ValueError("too deep")
        return content
    except OSError as error:
        raise I3Error(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        wrong = stand_in(path) or (f"{path} is damaged (not JSON).", "Copy or download it again.")
        raise I3Error(*wrong) from error


def _is_deep(content: Any) -> bool:
    """True if lists and objects are nested in more than MOST_LEVELS levels."""
    level = [content] if isinstance(content, dict | list) else []
    for _ in range(MOST_LEVELS):
        inside = (each.values() if isinstance(each, dict) else each for each in level)
        level = [value for values in inside for value in values if isinstance(value, dict | list)]
    return bool(level)


def stand_in(path: str | Path, may_be_page: bool = False) -> tuple[str, str] | None:
    """What was saved in place of a downloaded file, and the remedy; None if there is no sign of that.

    `may_be_page`: whether the file itself may be a web page.
    """
    try:
        with open_file(path) as source:
            start = source.read(512).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    except (OSError, ValueError):  # a path with a NUL
        start = b""
    if start.startswith(b"version https://git-lfs"):
        return (
            f"{path} is a pointer of Git LFS, not the file itself.",
            "Run `git lfs pull` there, or download the file.",
        )
    if not may_be_page and start.startswith((b"<!doctype html", b"<html")):
        return f"{path} is a web page, not the file itself.", "Download the file again, by its download link."
    return None


def sync(path: str | Path) -> None:
    """Make a file's content, or a folder's names, survive a loss of power."""
    path = Path(path)
    if not path.is_dir():
        with open(path, "r+b") as file:
            os.fsync(file.fileno())
    elif os.name != "nt":  # folders cannot be opened there
        handle = os.open(path, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):  # some network file systems cannot
                os.fsync(handle)
        finally:
            os.close(handle)


def free_folder(parent: Path, name: str, reserved: Collection[Path | None] = ()) -> Path:
    """A path in `parent` that neither exists nor is `reserved`: `name`, or the first of NAME-2, NAME-3 ..."""
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(path for path in map(parent.joinpath, names) if path not in reserved and not path.exists())


def file_sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
