"""Starts trainers that outlive the window, and knows of each whether it has come to life. For the background thread.

A run is started in steps, each of which leaves the folder readable if the window is killed right after it:

    queue.json                  waits for its turn
    + .launch.json              is about to be started (by whom, from when)
    - queue.json
    the process begins
    .launch.json with "pid"     was started
    - .launch.json              the trainer has written status.json itself (or is gone: what is known is written for it)

A mark without a process and without a pid is one that a window was killed in; `settle` finds the process, or puts the
run back into the queue.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

import i3core
from i3core.errors import I3Error
from i3core.runs import reader
from i3core.runs.reader import RunState, RunStatus
from i3core.system.extras import is_packaged
from i3core.system.files import read_json, write_json
from i3desk.runs import queue
from i3desk.runs.queue import QueueEntry
from i3desk.workers.core_process import child_command

LAUNCH_FILE = ".launch.json"
LOG_FILE = "trainer.log"
REQUEST_FILE = "request.json"
SPAWN_S = 10.0  # longer than it takes from the mark to the process
START_NOTE = "starting the engine"
_DETACHED = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


@dataclass(frozen=True)
class Launch:
    """The content of .launch.json.

    Attributes:
        at: when the mark was written, Unix time.
        waiting: what it waited as, to put it back.
        log_from: size of the log before this start.
        by: the window's process.
        pid, process_started: of the trainer; 0 while it is not known.
    """

    at: float
    waiting: QueueEntry
    log_from: int = 0
    by: int = 0
    pid: int = 0
    process_started: float = 0.0


def read_launch(folder: Path) -> Launch | None:
    """The mark of a start that is not settled; None without one."""
    path = folder / LAUNCH_FILE
    if not path.exists():
        return None
    try:
        content = read_json(path)
        waiting = QueueEntry.from_dict(content["waiting"])
        numbers = {name: int(content[name]) for name in ("log_from", "by", "pid")}
        return Launch(float(content["at"]), waiting, process_started=float(content["process_started"]), **numbers)
    except (I3Error, KeyError, TypeError, ValueError):
        return Launch(0.0, QueueEntry(time.time(), (folder / "run.json").exists()))


def _write_launch(folder: Path, launch: Launch) -> None:
    content = {**vars(launch), "waiting": launch.waiting.as_dict()}
    write_json(folder / LAUNCH_FILE, content)


def launch(folder: Path, waiting: QueueEntry) -> int:
    """Start the trainer of a run that waits; returns its pid. Raises I3Error if it cannot: then it failed."""
    log = folder / LOG_FILE
    mark = Launch(time.time(), waiting, log.stat().st_size if log.exists() else 0, os.getpid())
    _write_launch(folder, mark)
    queue.remove(folder)
    try:
        pid = spawn(train_command(folder, waiting), folder)
    except I3Error as error:
        _write_end(folder, mark, str(error))
        raise
    _write_launch(folder, replace(mark, pid=pid, process_started=_started(pid)))
    return pid


def train_command(folder: Path, waiting: QueueEntry) -> list[str]:
    """Arguments of `i3core`. A run that ended before its first step begins anew."""
    if waiting.resume and (folder / "run.json").exists():
        target = ["--resume", str(folder)]
    else:
        target = ["--config", str(folder / REQUEST_FILE)]
    return ["train", *target, *_options(waiting.changes if waiting.resume else {}), "--low-priority", "--json"]


def _options(changes: dict[str, Any]) -> list[str]:
    """Changed settings as options of the command line."""
    options: list[str] = []
    for name, value in changes.items():
        values = value if isinstance(value, list | tuple) else [value]
        options += [f"--{name.replace('_', '-')}", *map(str, values)]
    return options


def spawn(arguments: list[str], folder: Path) -> int:
    """Start `i3core ARGUMENTS` in a session of its own, its complaints appended to the run's log (the rest is
    in the run folder anyway); returns its pid.

    Not by QProcess.startDetached: PySide does not tell the pid of a process whose output is redirected.
    """
    program, all_arguments = child_command(arguments)
    try:
        with open(folder / LOG_FILE, "ab") as log:
            process = subprocess.Popen(
                [program, *all_arguments], cwd=folder, env=_environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True, creationflags=_DETACHED,
            )  # fmt: skip
    except OSError as error:
        raise I3Error(
            f"The training could not start: {error.filename or program}: {error.strerror or error}.",
            "See whether i3desk is installed completely and the disk has room.",
        ) from error
    process.returncode = 0  # nobody waits for it: Python is not to warn when this object goes
    return process.pid


def _environment() -> dict[str, str]:
    """That of the window; the trainer runs the i3core that the window runs, wherever it was started."""
    if is_packaged():
        return dict(os.environ)
    paths = [str(Path(i3core.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def reap(pid: int) -> bool:
    """Let the system forget a trainer of ours that has ended; whether it has."""
    if os.name == "nt":
        return True
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # another window's
        return True


# ------------------------------------------------------------------------------------------------- has it come to life


def settle(folder: Path) -> RunStatus | None:
    """Look after a start that is marked: None once status.json tells the truth, else what is to be shown until then."""
    mark = read_launch(folder)
    if mark is None:
        return None
    try:
        return _settle(folder, mark)
    except (I3Error, OSError) as error:  # the disk is full, or the folder is being deleted
        return None if not folder.is_dir() else _starting(mark, str(error))


def _settle(folder: Path, mark: Launch) -> RunStatus | None:
    if _last_heartbeat(folder) > mark.at:
        _remove_mark(folder)
        return None
    if mark.pid:
        if is_running(mark.pid, mark.process_started):
            return _starting(mark, START_NOTE)
        if _last_heartbeat(folder) <= mark.at:  # it may have spoken and ended in between
            _write_end(folder, mark, "")
        _remove_mark(folder)
        return None
    if mark.by != os.getpid() and psutil.pid_exists(mark.by) and time.time() - mark.at < SPAWN_S:
        return _starting(mark, START_NOTE)  # another window is at it
    pid = find_trainer(folder)
    if pid:
        _write_launch(folder, replace(mark, pid=pid, process_started=_started(pid)))
        return _starting(mark, START_NOTE)
    queue.write(folder, mark.waiting)
    _remove_mark(folder)
    return None


def read_status(folder: Path) -> RunStatus:
    """Where the run stands, with a start that is under way; never raises."""
    return settle(folder) or reader.read_status(folder)


def is_running(pid: int, started: float) -> bool:
    """Whether this very process is there; one that has ended and is not yet taken note of is not."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (not started or abs(process.create_time() - started) < 2)
    except psutil.Error:
        return False


def find_trainer(folder: Path) -> int:
    """Process that trains in `folder`, by its command line; 0 if there is none. Tens of milliseconds."""
    targets = {str(folder), str(folder / REQUEST_FILE)}
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "train" in words and targets & set(words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            return process.info["pid"]
    return 0


def _starting(mark: Launch, note: str) -> RunStatus:
    return RunStatus(RunState.STARTING, note=note, pid=mark.pid, heartbeat=mark.at)


def _started(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:  # over already
        return 0.0


def _remove_mark(folder: Path) -> None:
    (folder / LAUNCH_FILE).unlink(missing_ok=True)


def _last_heartbeat(folder: Path) -> float:
    """When the trainer last wrote its status; 0 if never."""
    try:
        return float(read_json(folder / "status.json")["heartbeat"])
    except (I3Error, KeyError, TypeError, ValueError):
        return 0.0


def _write_end(folder: Path, mark: Launch, error: str) -> None:
    """Write for a trainer that ended before its first word why it did; without a reason, that it is gone."""
    try:
        before = read_json(folder / "status.json")
        step = int(before["step"])
    except (I3Error, KeyError, TypeError, ValueError):
        before, step = {}, 0
    error = error or _last_error_line(folder / LOG_FILE, mark.log_from)
    now = {"state": "failed" if error else "starting", "step": step, "pid": mark.pid, "heartbeat": time.time()}
    now |= {"process_started": mark.process_started, "error": error}
    write_json(folder / "status.json", {**before, **now})
    _remove_mark(folder)


def _last_error_line(log: Path, start: int) -> str:
    """The last thing that the trainer said for people since byte `start` of its log."""
    try:
        with open(log, "rb") as source:
            source.seek(start)
            lines = source.read(1 << 20).decode("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        text = line.strip()
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            if text:
                return text.removeprefix("i3core: ")
    return ""
