"""The queue of runs: queue.json in the run folder. New folders appear complete or not at all."""

from __future__ import annotations

import json
import re
import shutil
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from i3core.errors import I3Error, TrainingError
from i3core.system.disk_space import write_remedy
from i3core.system.files import free_folder, read_json, write_json
from i3core.training.config import TrainingConfig
from i3desk.language import tr

QUEUE_FILE = "queue.json"
NOTES_FILE = "notes.json"
LONGEST_FOLDER_NAME = 48
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}  # on Windows
_NEW = ".new-"
LEFTOVER_AFTER_S = 60.0


@dataclass(frozen=True)
class QueueEntry:
    """The content of queue.json.

    Attributes:
        since: Unix time; the run that waits longest is next.
        resume: whether to continue from the last checkpoint.
        changes: settings that change when it continues.
    """

    since: float
    resume: bool = False
    changes: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The JSON content, with `changes` only if there are any."""
        return {key: value for key, value in asdict(self).items() if key != "changes" or value}

    @classmethod
    def from_dict(cls, content: dict) -> QueueEntry:
        """Read the JSON content. Raises KeyError, TypeError or ValueError if it is damaged."""
        changes = content.get("changes", {})
        if not isinstance(changes, dict):
            raise ValueError("changes")
        return cls(float(content["since"]), bool(content["resume"]), changes)


def read(folder: Path) -> QueueEntry | None:
    """Read the queue entry of a run; None if it is not queued. A damaged entry counts as the newest."""
    path = folder / QUEUE_FILE
    if not path.exists():
        return None
    try:
        return QueueEntry.from_dict(read_json(path))
    except (I3Error, KeyError, TypeError, ValueError, OverflowError):
        return QueueEntry(time.time(), (folder / "run.json").exists())


def write(folder: Path, waiting: QueueEntry) -> None:
    """Queue the run. Raises I3Error if the file cannot be written."""
    write_json(folder / QUEUE_FILE, waiting.as_dict())


def remove(folder: Path) -> None:
    """Take the run out of the queue."""
    (folder / QUEUE_FILE).unlink(missing_ok=True)


def make_run(runs_folder: Path, config: dict[str, Any], name: str) -> Path:
    """Make a queued run folder named after `name`, completely or not at all. Takes milliseconds.

    Raises ConfigError for invalid settings, TrainingError if the folder cannot be written.
    """
    folder = free_folder(runs_folder, _folder_name(name))
    config = {**config, "out": str(folder)}
    TrainingConfig.from_dict(config)
    notes = {"name": name.strip() or folder.name, "note": ""}
    files = {"request.json": config, NOTES_FILE: notes, QUEUE_FILE: QueueEntry(time.time()).as_dict()}
    fresh = runs_folder / f".{folder.name}{_NEW}{uuid.uuid4().hex[:8]}"
    try:
        fresh.mkdir(parents=True)
        for file, content in files.items():
            (fresh / file).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        fresh.rename(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise TrainingError(
            tr("The run folder {folder} cannot be made: {strerror}.").format(
                folder=folder, strerror=error.strerror or error
            ),
            write_remedy(error),
        ) from error
    return folder


def _folder_name(name: str) -> str:
    """A folder name close to `name`, in characters that every file system accepts."""
    short = re.sub(r"[^\w.-]+", "-", name.lower()).strip("-._")[:LONGEST_FOLDER_NAME].rstrip("-._") or "run"
    return f"run-{short}" if short.partition(".")[0] in RESERVED else short


def remove_leftovers(runs_folder: Path) -> None:
    """Remove folders whose window was killed while it made them."""
    for folder in runs_folder.glob(f".*{_NEW}*"):
        try:
            if time.time() - folder.stat().st_mtime > LEFTOVER_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass
