"""The run folder: one format for the command line, the window and a cluster.

    run.json          configuration, base model, data, versions, device
    metrics.jsonl     one line per logged step and per evaluation
    samples.jsonl     fixed prompts, answered at every evaluation
    status.json       starting | running | paused | stopping | finished | failed | interrupted
    control/          files that the trainer obeys between steps: pause, resume, stop, checkpoint, sample
    checkpoints/      last and best: complete model folders; last also holds trainer.pt

The folder on disk is the truth about a run; whoever shows it only reads it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil

from .errors import I3Error, TrainingError
from .files import read_json, replaced, write_json

CONTROLS = ("pause", "resume", "stop", "checkpoint", "sample")
PARTS = (
    "run.json", "metrics.jsonl", "samples.jsonl", "status.json", "control", "checkpoints", "tensorboard", "wandb",
)  # fmt: skip


class RunFolder:
    """Reads and writes one run folder."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.metrics = self.folder / "metrics.jsonl"
        self.samples = self.folder / "samples.jsonl"
        self.last = self.folder / "checkpoints" / "last"
        self.best = self.folder / "checkpoints" / "best"

    def create(self) -> None:
        """Makes the folder. Raises TrainingError if it already holds a run; one that never started does not count."""
        self.refuse_if_running()
        found = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if any(name not in PARTS and not name.startswith(".") for name in found):
            raise TrainingError(f"{self.folder} holds other files.", "Name a new folder with --out.")
        if (self.folder / "run.json").exists():
            raise TrainingError(
                f"{self.folder} already holds a training run.", "Resume it with --resume, or name another folder."
            )
        try:
            for folder in (self.folder / "control", self.last.parent):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"The run folder {self.folder} cannot be made: {error.strerror}.", "Choose another with --out."
            ) from error

    def describe(self, description: dict) -> None:
        """Writes run.json; from now on the folder holds a run."""
        write_json(self.folder / "run.json", description)

    def description(self) -> dict:
        """The content of run.json. Raises TrainingError if there is none."""
        try:
            content = read_json(self.folder / "run.json")
        except I3Error as error:
            if (self.folder / "status.json").exists():
                raise TrainingError(
                    f"The run in {self.folder} ended before its first step.", "Start it again with the same command."
                ) from error
            raise TrainingError(f"{self.folder} is not a training run.", error.what) from error
        if not isinstance(content, dict):
            raise TrainingError(f"{self.folder} is not a training run: its run.json is damaged.")
        return content

    def write_status(self, state: str, step: int, error: str = "", note: str = "") -> None:
        """Replaces status.json; `note` says what a run that is starting is busy with."""
        status = {"state": state, "step": step, "pid": os.getpid(), "heartbeat": time.time(), "error": error}
        status |= {"note": note} if note else {}
        write_json(self.folder / "status.json", status)

    def append(self, path: Path, record: dict[str, Any]) -> None:
        try:
            with open(path, "a", encoding="utf-8") as lines:
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{path} could not be written: {error.strerror}.",
                "Free some disk space and resume; the last checkpoint is intact.",
            ) from error

    def truncate_after(self, step: int) -> None:
        """Drops lines of steps after `step` (and a line cut short), so that a resumed run does not repeat them."""
        for path in (self.metrics, self.samples):
            if not path.exists():
                continue
            with replaced(path) as temporary, open(path, "rb") as lines, open(temporary, "wb") as kept:
                for line in lines:
                    try:
                        if line.endswith(b"\n") and json.loads(line)["step"] <= step:
                            kept.write(line)
                    except (ValueError, KeyError, TypeError):
                        break  # a line cut short by a crash

    def refuse_if_running(self) -> None:
        """Raises TrainingError if another process is at work in this folder."""
        try:
            status = read_json(self.folder / "status.json")
            pid, heartbeat, state = int(status["pid"]), float(status["heartbeat"]), status["state"]
        except (I3Error, KeyError, TypeError, ValueError):
            return
        recent = time.time() - heartbeat < 600 and state in ("starting", "running", "paused", "stopping")
        if recent and pid != os.getpid() and psutil.pid_exists(pid):
            raise TrainingError(
                f"The run in {self.folder} is still going on (process {pid}).", "Stop it first, or let it finish."
            )

    def take_controls(self) -> set[str]:
        """Names of the control files found; each is removed."""
        found = set()
        for name in CONTROLS:
            path = self.folder / "control" / name
            if path.exists():
                path.unlink(missing_ok=True)
                found.add(name)
        return found


class SilentRunFolder(RunFolder):
    """Writes nothing and is never steered: a rank that is not the first, or a dry run."""

    def create(self) -> None: ...
    def describe(self, description: dict) -> None: ...
    def write_status(self, state: str, step: int, error: str = "", note: str = "") -> None: ...
    def append(self, path: Path, record: dict[str, Any]) -> None: ...
    def truncate_after(self, step: int) -> None: ...
    def refuse_if_running(self) -> None: ...

    def take_controls(self) -> set[str]:
        return set()
