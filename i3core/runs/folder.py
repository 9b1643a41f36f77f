"""The run folder: one format for the command line, the window and a cluster.

    run.json          configuration, base model, data, versions, device
    metrics.jsonl     one line per logged step and per evaluation
    samples.jsonl     fixed prompts, answered at every evaluation
    status.json       starting | running | paused | stopping | finished | failed | interrupted; which process, how far
    control/          commands, read between steps: pause, resume, stop, checkpoint, sample, prompts.json
    checkpoints/      last and best: complete model folders; last also holds trainer.pt
    request.json      configuration of a run that was requested in the window
    queue.json        exists while such a run waits in the queue
    trainer.log       output of the trainer of such a run
    notes.json        name and note by the user

The folder on disk is the only source of truth about a run; programs that show runs only read it (reader.py).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, TypeGuard

import psutil

from ..errors import I3Error, TrainingError
from ..system.files import read_json, replaced, write_json
from . import index

COMMANDS = ("pause", "resume", "stop", "checkpoint", "sample")
PROMPTS = "prompts.json"  # also in control: a list of texts
PARTS = (
    "run.json", "metrics.jsonl", "samples.jsonl", "status.json", "control", "checkpoints", "tensorboard", "wandb",
    "request.json", "queue.json", "trainer.log", "notes.json",
)  # fmt: skip
ALIVE = ("starting", "running", "paused", "stopping")
CLOCK_S = 2.0  # tolerance of a process's start time
SILENCE_S = 600.0  # without a start time: after such a silence an equal number is another process
FIGURES = ("total_steps", "best_val_loss", "best_step", "warnings")  # in status.json once known
MOST_WARNINGS = 8


def process_is_at_work(status: dict) -> bool:
    """Whether the process that wrote this status.json is still running.

    Its number may have been reused.
    """
    try:
        process = psutil.Process(int(status["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        heartbeat, started = float(status["heartbeat"]), process.create_time()
        if "process_started" in status:
            return abs(started - float(status["process_started"])) < CLOCK_S
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False
    return started < heartbeat + CLOCK_S and time.time() - heartbeat < SILENCE_S


class RunFolder:
    """Reads and writes one run folder.

    Attributes:
        figures: progress of the run (see FIGURES), part of the next status.json.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.figures: dict[str, Any] = {}
        self._proof: Path | None = None  # if it is missing, the folder was deleted
        self.metrics = self.folder / "metrics.jsonl"
        self.samples = self.folder / "samples.jsonl"
        self.last = self.folder / "checkpoints" / "last"
        self.best = self.folder / "checkpoints" / "best"

    def create(self) -> None:
        """Create the folder.

        Raises TrainingError if it already holds a run that started.
        """
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
                f"The run folder {self.folder} cannot be created: {error.strerror}.", "Choose another with --out."
            ) from error
        self._proof = self.folder / "control"

    def open(self) -> int:
        """Open a stopped run and return the step it had reached.

        Raises TrainingError if there is no run, or if it is still running.
        """
        self.refuse_if_running()
        self.description()
        self._proof = self.folder / "run.json"
        try:
            before = read_json(self.folder / "status.json")
            self.figures = {name: before[name] for name in FIGURES if name in before}
            return int(before["step"])
        except (I3Error, KeyError, TypeError, ValueError, OverflowError):
            return 0

    def describe(self, description: dict) -> None:
        """Write run.json and register the run on this computer.

        From now on the folder holds a run.
        """
        self.refuse_if_deleted()
        write_json(self.folder / "run.json", description, make_folder=False)
        self._proof = self.folder / "run.json"
        index.register(self.folder)

    def refuse_if_deleted(self) -> None:
        """Raise TrainingError if the folder is gone: writing now would create parts of it again."""
        if self._proof is not None and not self._proof.exists():
            raise TrainingError(
                f"The run folder {self.folder} was deleted or moved during the run.",
                "Training has ended. If it was moved, resume it at its new place.",
            )

    def description(self) -> dict:
        """Read run.json. Raises TrainingError if it is missing or damaged."""
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
        """Replace status.json; `note` says what a starting run is doing."""
        self.refuse_if_deleted()
        status = {"state": state, "step": step, "pid": os.getpid(), "heartbeat": time.time(), "error": error}
        status |= {"process_started": psutil.Process().create_time()}  # moves with the clock, as the reader's does
        status |= {"note": note} if note else {}
        write_json(self.folder / "status.json", status | self.figures, make_folder=False)

    def note_warning(self, what: str, remedy: str) -> None:
        """Add a warning to the next status.json, each one once."""
        warning = [what, remedy]
        known = [each for each in self.figures.get("warnings", ()) if each != warning]
        self.figures["warnings"] = [*known, warning][-MOST_WARNINGS:]

    def append(self, path: Path, record: dict[str, Any]) -> None:
        """Append a record to a JSONL file.

        Raises TrainingError if it cannot be written.
        """
        self.refuse_if_deleted()
        try:
            with open(path, "a", encoding="utf-8") as lines:
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
        except OSError as error:
            raise TrainingError(
                f"{path} could not be written: {error.strerror}.",
                "Free some disk space and resume; the last checkpoint is intact.",
            ) from error

    def truncate_after(self, step: int) -> None:
        """Drop lines of steps after `step` (and an incomplete line), so that a resumed run does not repeat them."""
        for path in (self.metrics, self.samples):
            if not path.is_file():
                continue
            with replaced(path) as temporary, open(path, "rb") as lines, open(temporary, "wb") as kept:
                for line in lines:
                    try:
                        if line.endswith(b"\n") and json.loads(line)["step"] <= step:
                            kept.write(line)
                    except (ValueError, KeyError, TypeError):
                        break  # an incomplete line after a crash

    def refuse_if_running(self) -> None:
        """Raise TrainingError if another process trains in this folder."""
        try:
            status = read_json(self.folder / "status.json")
            pid, state = status["pid"], status["state"]
        except (I3Error, KeyError, TypeError):
            return
        if state in ALIVE and pid != os.getpid() and process_is_at_work(status):
            raise TrainingError(
                f"The run in {self.folder} is still running (process {pid}).", "Stop it first, or let it finish."
            )

    def poll_commands(self) -> set[str]:
        """Names of the command files found; they are removed."""
        found = set()
        for name in COMMANDS:
            path = self.folder / "control" / name
            if path.exists():
                path.unlink(missing_ok=True)
                found.add(name)
        return found

    def take_prompts(self) -> tuple[str, ...] | None:
        """New sample prompts from the control folder, or None; the file is removed."""
        path = self.folder / "control" / PROMPTS
        if not path.exists():
            return None
        try:
            content = read_json(path)
        except I3Error:  # not one of ours
            content = None
        path.unlink(missing_ok=True)
        return tuple(content) if _is_list_of_texts(content) else None


def _is_list_of_texts(content: object) -> TypeGuard[list[str]]:
    return isinstance(content, list) and all(isinstance(text, str) for text in content)


class SilentRunFolder(RunFolder):
    """Run folder of a dry run or of a rank other than 0: writes nothing and gets no commands."""

    def create(self) -> None: ...
    def describe(self, description: dict) -> None: ...
    def write_status(self, state: str, step: int, error: str = "", note: str = "") -> None: ...
    def append(self, path: Path, record: dict[str, Any]) -> None: ...
    def truncate_after(self, step: int) -> None: ...
    def refuse_if_running(self) -> None: ...
    def refuse_if_deleted(self) -> None: ...

    def open(self) -> int:
        return 0

    def poll_commands(self) -> set[str]:
        return set()

    def take_prompts(self) -> tuple[str, ...] | None:
        return None
