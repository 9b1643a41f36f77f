"""Disk space: how much is free, what happens when it runs out, and what to do if a write fails."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(OSError):
    """The disk has no room.

    Attributes:
        needed: bytes that are still to be written; None if unknown.
        free: bytes that are free.
    """

    def __init__(self, free: int, needed: int | None = None) -> None:
        super().__init__(errno.ENOSPC, "No space left on device")
        self.free, self.needed = free, needed


def is_disk_full(error: OSError) -> bool:
    """Whether a write failed for lack of space, or by a quota or limit."""
    return error.errno in _NO_SPACE


def write_remedy(error: OSError) -> str:
    """What to do about a file or folder that could not be written."""
    if error.errno == errno.ENAMETOOLONG:
        return "Choose a shorter name."
    if is_disk_full(error):
        return "Free some disk space, or choose another folder."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Choose another folder, or change its permissions."
    return "Choose another folder, or check the disk."


def nearest_folder(path: Path) -> Path:
    """`path` if it is a folder, else the nearest folder above it."""
    path = path.resolve()
    return next((folder for folder in (path, *path.parents) if folder.is_dir()), path)


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds `folder`, which need not exist yet."""
    return shutil.disk_usage(nearest_folder(folder)).free


def check_disk_space(folder: Path, needed: int, spare: int) -> None:
    """Raise DiskFullError unless `needed` + `spare` bytes are free at `folder`."""
    free = free_bytes(folder)
    if free < needed + spare:
        raise DiskFullError(free, needed)
