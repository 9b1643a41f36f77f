"""Cache of tokens and chunk counts: files named after the content that they were made from."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from ..errors import DataError, I3Error
from ..system.files import file_sha256, read_json, replaced, write_json

CACHE_BYTES = 20 * 10**9  # the least recently used entries above this are removed
_LARGEST_REHASHED = 64_000_000  # bytes; larger files are recognized by size and time, without reading them again
_ABANDONED_S = 24 * 3600  # age at which unfinished files of killed processes are removed


def cache_folder() -> Path:
    """Folder of tokens and counts; the environment variable I3DESK_CACHE names another."""
    named = os.environ.get("I3DESK_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("i3desk", appauthor=False)) / "tokens"


def content_hash(path: Path) -> str:
    """SHA-256 of a file; that of a large file is remembered."""
    hashes_file, name = cache_folder() / "hashes.json", str(path.resolve())
    try:
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        if status.st_size <= _LARGEST_REHASHED:
            return file_sha256(path)
        try:
            hashes = read_json(hashes_file)
            *remembered, value = hashes[name]
            if remembered == state:
                return value
        except (I3Error, ValueError, KeyError, TypeError):  # absent, damaged, or another file
            hashes = {}
        value = file_sha256(path)
    except OSError as error:
        raise DataError(f"The data file {path} cannot be read: {error.strerror}.", "Check the name.") from error
    try:
        write_json(hashes_file, dict([*hashes.items(), (name, [*state, value])][-1000:]))
    except I3Error:
        pass  # then the file is read again; a cache that cannot be written is reported with the tokens
    return value


def mark_used(stored: Path) -> None:
    try:
        os.utime(stored)
    except OSError:
        pass  # a cache on a read-only disk is still readable


@contextmanager
def cache_entry(stored: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes the entry `stored`; then remove old entries.

    Raises DataError if the disk refuses.
    """
    complete = False
    try:
        with replaced(stored) as temporary:
            yield temporary
            complete = True
    except DataError:
        raise
    except I3Error as error:
        if complete and isinstance(error.__cause__, PermissionError) and stored.exists():
            return  # another process made the same entry and has it open; Windows does not let us replace it
        raise DataError(
            f"The cache {stored.parent} cannot be written: {getattr(error.__cause__, 'strerror', None) or error.what}.",
            "Free some disk space (the files in this folder may be deleted), or name another folder in I3DESK_CACHE.",
        ) from error
    _remove_unused(stored)


def _remove_unused(new_entry: Path) -> None:
    entries = []
    for path in new_entry.parent.iterdir():
        try:
            status = path.stat()
            if path.name.endswith(".partial") and time.time() - status.st_mtime > _ABANDONED_S:
                path.unlink()
            elif path.suffix in (".rows", ".counts"):
                entries.append((status.st_mtime, status.st_size, path))
        except OSError:
            continue  # another process was faster
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total > CACHE_BYTES and path != new_entry:
            try:
                path.unlink()
                total -= size
            except OSError:
                continue  # in use
