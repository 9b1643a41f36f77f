"""Read a run folder: state, description, figures, samples.

Changes nothing; needs no torch.

The folder may be changed, replaced or deleted at any moment; missing or damaged parts are reported or left out.
"""

from __future__ import annotations

import enum
import json
import math
import mmap
import os
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from ..errors import I3Error
from ..net.dataset_name import display_name
from ..system.disk_space import free_bytes
from ..system.files import open_file, read_json
from .folder import process_is_at_work
from .metrics_log import (
    STEP_COLUMNS,
    MetricsPart,
    MetricsReader,
    SamplesReader,
    evaluation,
    last_records,
    number,
    parse,
    records_at_places,
)  # fmt: skip

__all__ = [
    "STEP_COLUMNS", "MetricsPart", "MetricsReader", "RunState", "RunStatus", "RunSummary", "SamplesReader",
    "folder_bytes", "read_description", "read_status", "read_summary",
]  # fmt: skip

SILENT_S = 120.0  # a trainer writes a heartbeat every 5 s, between steps
STARTING_S = 30.0  # a requested run that shows no sign of life by then did not start
SPARKLINE = 60
LOG_LINES, LOG_BYTES = 15, 1 << 16
WEIGHT = re.compile(r":[\d.]+$")  # of PATH:WEIGHT
FULL_BYTES = 1 << 20  # a disk with less space is full
OUR_ERROR, OUR_WARNING = "i3core: ", "i3core: warning:"
ENDED_FROM_OUTSIDE = "The training process was ended from outside, probably because memory ran out."
SWITCHED_OFF = "The computer was switched off."
DISK_FULL = "The training process ended, and the disk is full: free some space."
DID_NOT_START = "The training process did not start."
NOT_KNOWN = "How this run ended is not known: its status.json is missing or damaged."


class RunState(enum.StrEnum):
    """State of a run.

    DIED: its process ended without a reason on record (killed, out of memory, power lost).
    """

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # stopped and saved
    FAILED = "failed"
    DIED = "died"
    MISSING = "missing"  # the folder is gone, or holds no run

    @property
    def is_alive(self) -> bool:
        """Whether a process trains it (or is paused)."""
        return self in (RunState.STARTING, RunState.RUNNING, RunState.PAUSED, RunState.STOPPING)

    @property
    def can_resume(self) -> bool:
        """Whether it ended early and can continue."""
        return self in (RunState.INTERRUPTED, RunState.FAILED, RunState.DIED)


@dataclass(frozen=True)
class RunStatus:
    """Current state of a run.

    Attributes:
        error: why it failed, in plain words with the remedy; for DIED the probable cause.
        note: what a starting run is doing.
        log_tail: the last lines of its log, for FAILED and DIED.
        saved_step: step of checkpoints/last; None without one.
        warnings: (what, remedy) of each warning, the newest last.
        silent_minutes: since the last sign of life of a process that seems to hang; 0 if it does not.
    """

    state: RunState
    step: int = 0
    error: str = ""
    note: str = ""
    log_tail: str = ""
    pid: int = 0
    heartbeat: float = 0.0
    saved_step: int | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    silent_minutes: int = 0


@dataclass(frozen=True)
class RunSummary:
    """A run as shown in a list.

    Attributes:
        name: given by the user (notes.json), otherwise the folder's name; note: by the user.
        config: TrainingConfig as in run.json (or request.json while it is queued).
        data: names of the data files; model: name of the base model, empty if trained from scratch.
        started: Unix time; seconds: training time so far.
        total_steps: 0 while unknown.
        loss: the last one; best_val_loss, best_step: None without validation.
        sparkline: at most 60 training losses, evenly spaced over the run.
    """

    folder: Path
    name: str
    note: str
    status: RunStatus
    model: str = ""
    data: tuple[str, ...] = ()
    config: dict = field(default_factory=dict)
    device: str = ""
    started: float = 0.0
    seconds: float = 0.0
    step: int = 0
    total_steps: int = 0
    loss: float | None = None
    best_val_loss: float | None = None
    best_step: int | None = None
    tokens_per_second: float | None = None
    sparkline: tuple[float, ...] = ()


def read_status(folder: Path) -> RunStatus:
    """Read the current state of a run; never raises."""
    status, saved = _content(folder / "status.json"), saved_step(folder)
    is_queued = (folder / "queue.json").exists()
    try:
        state = RunState(status.get("state"))
    except ValueError:
        return RunStatus(RunState.QUEUED, saved_step=saved) if is_queued else _without_status(folder, saved)
    found = RunStatus(
        state=state,
        step=_int(status.get("step")),
        error=_text(status.get("error")),
        note=_text(status.get("note")),
        pid=_int(status.get("pid")),
        heartbeat=_float(status.get("heartbeat")),
        saved_step=saved,
        warnings=_pairs(status.get("warnings")),
    )
    if state.is_alive and process_is_at_work(status):
        silence_s = time.time() - found.heartbeat
        return replace(found, silent_minutes=int(silence_s // 60)) if silence_s > SILENT_S else found
    if is_queued:
        return replace(found, state=RunState.QUEUED, error="", note="")
    tail = log_tail(folder)
    if state is RunState.FAILED:
        return replace(found, log_tail=tail)
    if not state.is_alive:
        if saved is None and state in (RunState.FINISHED, RunState.INTERRUPTED) and _has_checkpoint(folder):
            return replace(found, saved_step=found.step)  # made by a version whose checkpoints hold no step
        return found
    if error := _error_in(tail):  # status.json could not be written any more
        return replace(found, state=RunState.FAILED, error=error, note="", log_tail=tail)
    return replace(found, state=RunState.DIED, error=_probable_cause(folder, found), note="", log_tail=tail)


def _without_status(folder: Path, saved: int | None) -> RunStatus:
    """Status of a run that is being started, did not start, or was damaged."""
    if (folder / "request.json").exists():
        tail = log_tail(folder)
        if error := _error_in(tail):
            return RunStatus(RunState.FAILED, error=error, log_tail=tail, saved_step=saved)
        if time.time() - _requested(folder) < STARTING_S:
            return RunStatus(RunState.STARTING, saved_step=saved)
        return RunStatus(RunState.DIED, error=DID_NOT_START, log_tail=tail, saved_step=saved)
    if (folder / "run.json").exists():
        return RunStatus(RunState.DIED, error=NOT_KNOWN, log_tail=log_tail(folder), saved_step=saved)
    return RunStatus(RunState.MISSING)


def _requested(folder: Path) -> float:
    """Time of the last request to start: leaving the queue changes the folder, and starting makes a log."""
    times = []
    for path in (folder, folder / "request.json", folder / "trainer.log"):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)


def _probable_cause(folder: Path, status: RunStatus) -> str:
    if psutil.boot_time() > status.heartbeat:
        return SWITCHED_OFF
    try:
        return DISK_FULL if free_bytes(folder) < FULL_BYTES else ENDED_FROM_OUTSIDE
    except OSError:
        return ENDED_FROM_OUTSIDE


def saved_step(folder: Path) -> int | None:
    """Step of the last checkpoint.

    None if there is none, or if it holds no step.
    """
    for name in ("last", "last.old"):  # set aside by a killed run
        for file in ("config.json", "adapter_config.json"):
            step = _content(folder / "checkpoints" / name / file).get("step")
            if isinstance(step, int):
                return step
    return None


def _has_checkpoint(folder: Path) -> bool:
    return any((folder / "checkpoints" / name).is_dir() for name in ("last", "last.old"))


def log_tail(folder: Path) -> str:
    """The last lines of the trainer's log, without JSON."""
    try:
        with open_file(folder / "trainer.log") as source:
            start = max(0, source.seek(0, os.SEEK_END) - LOG_BYTES)
            source.seek(start)
            text = source.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.split("\n")[1 if start else 0 :]]
    return "\n".join([line for line in lines if line and not _is_json(line)][-LOG_LINES:])


def _is_json(line: str) -> bool:
    try:
        return line.startswith("{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _error_in(tail: str) -> str:
    """The error message of the command line in the last line of a log.

    Empty if there is none.
    """
    last = tail.rpartition("\n")[2]
    return last.removeprefix(OUR_ERROR) if last.startswith(OUR_ERROR) and not last.startswith(OUR_WARNING) else ""


def read_description(folder: Path) -> dict:
    """Read run.json, or request.json as {"config": ...}; {} if there is neither.

    Never raises.
    """
    description = _content(folder / "run.json")
    if description:
        return description
    request = _content(folder / "request.json")
    return {"config": request} if request else {}


def read_summary(folder: Path) -> RunSummary:
    """Read what a list shows.

    Never raises. Fast for a million lines: reads only their end and some places.
    """
    status, description = read_status(folder), read_description(folder)
    figures, notes = _content(folder / "status.json"), _content(folder / "notes.json")
    config = description.get("config")
    config = config if isinstance(config, dict) else {}
    metrics = folder / "metrics.jsonl"
    ends = last_records(metrics)
    steps = [record for record in ends if "loss" in record]
    last = steps[-1] if steps else {}
    is_known = "total_steps" in figures and ("best_val_loss" in figures) == (figures.get("best_step") is not None)
    best = figures if is_known or not ends else _best_evaluation(metrics)  # older versions wrote no figures
    started = _float(description.get("started")) or _requested(folder)
    seconds = _float(ends[-1].get("seconds")) if ends else 0.0
    if not seconds and ends and "resumed" not in description:  # made by a version that did not count seconds
        seconds = max(0.0, status.heartbeat - started)
    losses = [number(record["loss"]) for record in records_at_places(metrics, SPARKLINE)]
    return RunSummary(
        folder=folder,
        name=_text(notes.get("name")) or folder.name,
        note=_text(notes.get("note")),
        status=status,
        model=_model_name(description, config),
        data=_data_names(config.get("data")),
        config=config,
        device=_text(description.get("device")),
        started=started,
        seconds=seconds,
        step=max(status.step, _int(last.get("step")))
        if status.state.is_alive
        else status.step or _int(last.get("step")),
        total_steps=_int(figures.get("total_steps")) or _int(last.get("total_steps")) or _int(config.get("steps")),
        loss=_float(last["loss"]) if last else None,
        best_val_loss=_number_or_none(best.get("best_val_loss")),
        best_step=_int(best.get("best_step")) if best.get("best_step") is not None else None,
        tokens_per_second=_number_or_none(last.get("tokens_per_second")),
        sparkline=tuple(losses),
    )


def _best_evaluation(metrics: Path) -> dict[str, Any]:
    """Best loss and its step, from the last evaluation marked as best in metrics.jsonl."""
    try:
        with open_file(metrics) as source:
            size = source.seek(0, os.SEEK_END)
            with mmap.mmap(source.fileno(), size, access=mmap.ACCESS_READ) as content:
                found = content.rfind(b'"is_best": true')
                start = content.rfind(b"\n", 0, max(0, found)) + 1
                line = content[start : content.find(b"\n", start) + 1] if found >= 0 else b""
    except (OSError, ValueError):
        return {}
    best = next((e for record in parse([line]) if (e := evaluation(record)) is not None), None)
    return {"best_val_loss": best.val_loss, "best_step": best.step} if best else {}


def _model_name(description: dict, config: dict) -> str:
    base = Path(_text(config.get("model")))
    if base.parent.name == "checkpoints":  # a checkpoint has the name of its run
        return base.parent.parent.name
    return (_text(description.get("model")) or base.name) if base.name else ""


def _data_names(data: object) -> tuple[str, ...]:
    places = [place for place in data if isinstance(place, str)] if isinstance(data, list) else []
    return tuple(display_name(WEIGHT.sub("", place)) for place in places)


def folder_bytes(folder: Path) -> int:
    """Total size of the files in a folder."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # deleted meanwhile
                continue
    return total


def _content(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; {} if it is missing or damaged."""
    try:
        content = read_json(path)
    except I3Error as error:
        if not isinstance(error.__cause__, PermissionError):
            return {}
        time.sleep(0.01)  # Windows denies reading a file while it is replaced
        try:
            content = read_json(path)
        except I3Error:
            return {}
    return content if isinstance(content, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    pairs = [each for each in value if isinstance(each, list) and len(each) == 2] if isinstance(value, list) else []
    return tuple((_text(first), _text(second)) for first, second in pairs)


def _number_or_none(value: object) -> float | None:
    found = number(value)
    return found if math.isfinite(found) else None


def _float(value: object) -> float:
    return _number_or_none(value) or 0.0


def _int(value: object) -> int:
    return int(_float(value))
