"""Deleted folders that are kept for a while, in a hidden folder beside the place where they were."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import I3Error
from .files import free_folder

FOLDER = ".recently-deleted"
KEPT_S = 30 * 86_400.0
_NAME = re.compile(r"(\d{13})-(.+)", re.DOTALL)  # milliseconds since 1970, name of the folder


@dataclass(frozen=True)
class DeletedFolder:
    """A deleted folder: where it is now, where it was, and when it was deleted (seconds since 1970)."""

    path: Path
    original: Path
    deleted_at: float


def set_aside(folder: Path, parent: Path | None = None) -> DeletedFolder:
    """Move a folder to the recently deleted ones of `parent` (default: its own).

    Raises I3Error if the disk refuses; then nothing is changed.
    """
    parent = parent or folder.parent
    place = parent / FOLDER
    moment = int(time.time() * 1000)
    try:
        place.mkdir(exist_ok=True)
        while (aside := place / f"{moment:013}-{folder.name}").exists():
            moment += 1
        folder.rename(aside)
    except OSError as error:
        raise I3Error(
            f"{folder} cannot be deleted: {error.strerror or error}.",
            "Close programs that use it, or change its permissions.",
        ) from error
    return DeletedFolder(aside, parent / folder.name, moment / 1000)


def deleted_in(parent: Path) -> list[DeletedFolder]:
    """The deleted folders of `parent`, the latest first."""
    found = []
    try:
        for path in (parent / FOLDER).iterdir():
            if (match := _NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink():
                found.append(DeletedFolder(path, parent / match[2], int(match[1]) / 1000))
    except OSError:  # there is none
        pass
    return sorted(found, key=lambda each: -each.deleted_at)


def restore(deleted: DeletedFolder) -> Path:
    """Move a folder back, to another name if its own is taken; returns where it is. Raises I3Error."""
    folder = free_folder(deleted.original.parent, deleted.original.name)
    try:
        deleted.path.rename(folder)
    except OSError as error:
        raise I3Error(
            f"{deleted.original.name} cannot be restored: {error.strerror or error}.",
            "It may have been restored or removed already.",
        ) from error
    _tidy(deleted.path.parent)
    return folder


def remove(deleted: DeletedFolder) -> None:
    """Permanently remove a deleted folder. Raises I3Error if some of its files cannot be removed."""
    shutil.rmtree(deleted.path, ignore_errors=True)
    if deleted.path.exists():
        raise I3Error(f"Some files of {deleted.original.name} could not be removed.", f"They are in {deleted.path}.")
    _tidy(deleted.path.parent)


def remove_old(parent: Path, kept_s: float = KEPT_S) -> None:
    """Permanently remove what was deleted more than `kept_s` ago."""
    for deleted in deleted_in(parent):
        if deleted.deleted_at < time.time() - kept_s:
            shutil.rmtree(deleted.path, ignore_errors=True)
    _tidy(parent / FOLDER)


def _tidy(place: Path) -> None:
    try:
        os.rmdir(place)
    except OSError:  # other folders are in it, or there is none
        pass
