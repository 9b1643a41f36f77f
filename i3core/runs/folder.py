"""The run folder: one format for the command line, the window and a cluster.

    run.json          configuration, base model, data, versions, device
    metrics.jsonl     one line per logged step and per evaluation
    samples.jsonl     fixed prompts, answered at every evaluation
    status.json       starting | running | paused | stopping | finished | failed | interrupted; which process, how far
    control/          files that the trainer obeys between steps: pause, resume, stop, checkpoint, sample, prompts.json
    checkpoints/      last and best: complete model folders; last also holds trainer.pt
    request.json      configuration of a run that was asked for in the window
    queue.json        while it waits for its turn
    trainer.log       what the trainer of such a run said
    notes.json        name and note by the user

The folder on disk is the truth about a run; whoever shows it only reads it (run_reader.py).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import psutil

from ..errors import I3Error, TrainingError
from ..system.files import read_json, replaced, write_json
from . import index

CONTROLS = ("pause", "resume", "stop", "checkpoint", "sample")
PROMPTS = "prompts.json"  # also dropped into control: a list of texts
PARTS = (
    "run.json", "metrics.jsonl", "samples.jsonl", "status.json", "control", "checkpoints", "tensorboard", "wandb",
    "request.json", "queue.json", "trainer.log", "notes.json",
)  # fmt: skip
ALIVE = ("starting", "running", "paused", "stopping")
CLOCK_S = 2.0  # by which the start of one process may seem to differ
SILENCE_S = 600.0  # after which a process of which only the number is known is taken for another
FIGURES = ("total_steps", "best_val_loss", "best_step", "warnings")  # in status.json once known
MOST_WARNINGS = 8


def process_is_at_work(status: dict) -> bool:
    """Whether the process that wrote this status.json still lives. Its number alone may belong to another by now."""
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
        figures: how far the run has come, as FIGURES names it; part of status.json from the next writing on.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.figures: dict[str, Any] = {}
        self._proof: Path | None = None  # without which the folder has been deleted
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
        self._proof = self.folder / "control"

    def open(self) -> int:
        """Takes up a run that stopped; returns the step it had come to.

        Raises TrainingError if there is no run, or it is going on.
        """
        self.refuse_if_running()
        self.description()
        self._proof = self.folder / "run.json"
        try:
            before = read_json(self.folder / "status.json")
            self.figures = {name: before[name] for name in FIGURES if name in before}
            return int(before["step"])
        except (I3Error, KeyError, TypeError, ValueError):
            return 0

    def describe(self, description: dict) -> None:
        """Writes run.json; from now on the folder holds a run, and this computer knows of it."""
        self.refuse_if_deleted()
        write_json(self.folder / "run.json", description, make_folder=False)
        self._proof = self.folder / "run.json"
        index.register(self.folder)

    def refuse_if_deleted(self) -> None:
        """Raises TrainingError if the folder is no longer there; otherwise the next writing would make half of it."""
        if self._proof is not None and not self._proof.exists():
            raise TrainingError(
                f"The run folder {self.folder} was deleted or moved while the run was going on.",
                "Training has ended. If it was moved, resume it where it is now.",
            )

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
        self.refuse_if_deleted()
        status = {"state": state, "step": step, "pid": os.getpid(), "heartbeat": time.time(), "error": error}
        status |= {"process_started": psutil.Process().create_time()}  # moves with the clock, as the reader's view does
        status |= {"note": note} if note else {}
        write_json(self.folder / "status.json", status | self.figures, make_folder=False)

    def note_warning(self, what: str, remedy: str) -> None:
        """Has status.json say so from its next writing on, each warning once."""
        warning = [what, remedy]
        known = [each for each in self.figures.get("warnings", ()) if each != warning]
        self.figures["warnings"] = [*known, warning][-MOST_WARNINGS:]

    def append(self, path: Path, record: dict[str, Any]) -> None:
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
            pid, state = status["pid"], status["state"]
        except (I3Error, KeyError, TypeError):
            return
        if state in ALIVE and pid != os.getpid() and process_is_at_work(status):
            raise TrainingError(
                f"The run in {self.folder} is still going on (process {pid}).", "Stop it first, or let it finish."
            )

    def poll_commands(self) -> set[str]:
        """Names of the control files found; each is removed."""
        found = set()
        for name in CONTROLS:
            path = self.folder / "control" / name
            if path.exists():
                path.unlink(missing_ok=True)
                found.add(name)
        return found

    def take_prompts(self) -> tuple[str, ...] | None:
        """The sample prompts dropped into the control folder, if there are new ones; the file is removed."""
        path = self.folder / "control" / PROMPTS
        if not path.exists():
            return None
        try:
            content = read_json(path)
        except I3Error:  # not one of ours
            content = None
        path.unlink(missing_ok=True)
        known = isinstance(content, list) and all(isinstance(text, str) for text in content)
        return tuple(content) if known else None


class SilentRunFolder(RunFolder):
    """Writes nothing and is never steered: a rank that is not the first, or a dry run."""

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
