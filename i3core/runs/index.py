"""Index of the runs on this computer: the window's runs and those made by `i3core train`."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs

from ..errors import I3Error
from ..system.files import read_json, write_json

MOST = 1000  # the oldest are forgotten


def runs_folder() -> Path:
    """The folder in which the window creates its runs."""
    return Path(platformdirs.user_data_dir("i3desk", appauthor=False)) / "runs"


def list_file() -> Path:
    """The list of the other runs; the environment variable I3DESK_RUNS_FILE names another file."""
    named = os.environ.get("I3DESK_RUNS_FILE")
    return Path(named).expanduser() if named else runs_folder().with_name("runs.json")


def known_runs(runs_folder: Path | None) -> list[Path]:
    """List existing run folders, newest first: those in `runs_folder` and the registered ones."""
    return _newest_first([*(_inside(runs_folder) if runs_folder else ()), *_registered()])


def runs_in(folder: Path) -> list[Path]:
    """List the run folders in `folder`, newest first."""
    return _newest_first(_inside(folder))


def _inside(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError:  # it does not exist yet
        return []


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    started: dict[Path, float] = {}
    for path in folders:
        try:
            folder = Path(os.path.realpath(path))  # Path.resolve fails for a link to itself
        except (OSError, ValueError):  # a name that no file can have
            continue
        if folder not in started and (time := _started(folder)) is not None:
            started[folder] = time
    return sorted(started, key=lambda folder: (-started[folder], folder.name))


def register(folder: str | Path) -> None:
    """Add a run folder to the list.

    Failure to write the list is ignored: it must not stop a run.
    """
    folder, known = Path(folder).resolve(), _registered()
    if folder not in known:
        _write([*known, folder][-MOST:])


def forget(folder: str | Path) -> None:
    """Remove a folder from the list; the folder itself stays."""
    folder, known = Path(folder).resolve(), _registered()
    if folder in known:
        _write([path for path in known if path != folder])


def _registered() -> list[Path]:
    try:
        content = read_json(list_file())
    except I3Error:
        return []
    return (
        [Path(path) for path in content if isinstance(path, str) and "\0" not in path]
        if isinstance(content, list)
        else []
    )


def _write(folders: list[Path]) -> None:
    try:
        write_json(list_file(), [str(folder) for folder in folders])
    except I3Error:
        return


def _started(folder: Path) -> float | None:
    """Time when the run in `folder` was started or requested.

    None if there is no run.
    """
    try:
        started = float(read_json(folder / "run.json")["started"])
        if math.isfinite(started):
            return started
    except (I3Error, KeyError, TypeError, ValueError, OverflowError):
        pass
    for name in ("request.json", "run.json"):
        try:
            return (folder / name).stat().st_mtime
        except (OSError, ValueError):
            continue
    return None
