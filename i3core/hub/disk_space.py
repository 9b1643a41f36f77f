from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..checkpoints.registry import DOWNLOAD_FILE
from ..net.http import DiskFullError, DownloadError
from ..net.hub_errors import answers_explained
from ..system.files import read_json
from ..system.humanize import size_text

KEPT = "What was downloaded is kept: the same download goes on where it stopped."
_ROOM_TO_SPARE = 1_000_000  # bytes


@contextmanager
def explained(repo: str, revision: str, partial: Path) -> Iterator[None]:
    """The same for a download of files into the folder `partial`, and for what the disk raises."""
    try:
        with answers_explained(repo, revision, lambda: _kept(partial)):
            yield
    except BrokenPipeError:  # of whoever reads the progress
        raise
    except DiskFullError as error:
        needed = _missing_bytes(partial)
        raise _no_room(partial, needed, shutil.disk_usage(partial).free) from error
    except OSError as error:
        raise DownloadError(
            f"{error.filename or partial} cannot be written: {error.strerror or error}.",
            f"Choose another folder, or change its permissions. {_kept(partial)}",
        ) from error


def _kept(partial: Path) -> str:
    return KEPT if partial.exists() else ""


def _missing_bytes(partial: Path) -> int:
    total = read_json(partial / DOWNLOAD_FILE)["total_bytes"]
    return max(0, total - sum(p.stat().st_size for p in partial.iterdir() if p.name != DOWNLOAD_FILE))


def check_room(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial).free
    if free < needed + _ROOM_TO_SPARE:
        raise _no_room(partial, needed, free)


def _no_room(partial: Path, needed: int, free: int) -> DownloadError:
    missing = max(needed + _ROOM_TO_SPARE - free, 0)
    wanted = f"{size_text(needed)} are still to come, {size_text(free)} are free"
    if not missing:
        wanted = f"{size_text(needed)} are still to come, and the system allows no more (a quota or limit)"
    remedy = f"Free {size_text(missing)}" if missing else "Raise the limit"
    return DownloadError(
        f"There is not enough room in {partial.parent}: {wanted}.", f"{remedy}, or choose another folder. {KEPT}"
    )
