"""What can go wrong between this computer and the hub, in words that say what to do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .files import read_json
from .model_library import DOWNLOAD_FILE
from .transfer import DiskFullError, DownloadError

KEPT = "What was downloaded is kept: the same download goes on where it stopped."
_ROOM_TO_SPARE = 1_000_000  # bytes


def endpoint() -> str:
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


@contextmanager
def answers_explained(repo: str, revision: str, kept: Callable[[], str], data_set: bool = False) -> Iterator[None]:
    """Makes of everything that network and hub raise a message that says what to do; `kept` says what is not lost."""
    from huggingface_hub import errors

    host = endpoint().split("://")[-1]
    page = f"{endpoint()}/{'datasets/' if data_set else ''}{repo}"
    try:
        yield
    except errors.GatedRepoError as error:
        raise gated(repo, page) from error
    except errors.RevisionNotFoundError as error:
        raise DownloadError(
            f"{repo} has no revision {revision!r}.", "Leave the revision out for the newest."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(
            f"There is no public {'data set' if data_set else 'model'} {repo} on {host}.",
            "Check the name; a private one needs a token (HF_TOKEN).",
        ) from error
    except errors.HfHubHTTPError as error:
        raise DownloadError(_status(error, repo, host), f"Try again later. {kept()}".rstrip()) from error
    except errors.HTTPError as error:
        raise DownloadError(
            f"{host} cannot be reached, or the connection broke: {_reason(error)}.",
            f"Check the network connection and try again. {kept()}".rstrip(),
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise DownloadError(
            "Downloads are switched off: HF_HUB_OFFLINE is set.", "Unset this environment variable to download."
        ) from error


def gated(repo: str, page: str) -> DownloadError:
    """The error of a repository with conditions that the user has not accepted."""
    return DownloadError(
        f"{repo} is given only to those who accept its conditions.",
        f"Accept them on {page}, then log in with `i3core hub-login` (or set HF_TOKEN) and try again.",
    )


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


def _status(error: Any, repo: str, host: str) -> str:
    code = error.response.status_code
    if code in (401, 403):
        return f"{host} does not give {repo} to this computer (status {code})."
    if code == 404:
        return f"A file of {repo} is no longer on {host}."
    return f"{host} is busy or out of order (status {code})."


def _reason(error: Exception) -> str:
    if "Bearer" in str(error):  # of the request's headers, which have the token
        return type(error).__name__
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__


def _missing_bytes(partial: Path) -> int:
    total = read_json(partial / DOWNLOAD_FILE)["total_bytes"]
    return max(0, total - sum(p.stat().st_size for p in partial.iterdir() if p.name != DOWNLOAD_FILE))


def check_room(partial: Path, needed: int) -> None:
    free = shutil.disk_usage(partial).free
    if free < needed + _ROOM_TO_SPARE:
        raise _no_room(partial, needed, free)


def _no_room(partial: Path, needed: int, free: int) -> DownloadError:
    missing = max(needed + _ROOM_TO_SPARE - free, 0)
    wanted = f"{_megabytes(needed)} are still to come, {_megabytes(free)} are free"
    if not missing:
        wanted = f"{_megabytes(needed)} are still to come, and the system allows no more (a quota or limit)"
    remedy = f"Free {_megabytes(missing)}" if missing else "Raise the limit"
    return DownloadError(
        f"There is not enough room in {partial.parent}: {wanted}.", f"{remedy}, or choose another folder. {KEPT}"
    )


def _megabytes(count: int) -> str:
    return f"{max(count, 100_000) / 1e6:,.1f} MB" if count < 10_000_000 else f"{count / 1e6:,.0f} MB"
