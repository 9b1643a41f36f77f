"""Start trainers that outlive the window, and check that they came up. For the background thread.

A run is started in steps, each of which leaves the folder readable if the window is killed right after it:

    queue.json                  the run is queued
    + .launch.json              the start begins (by which window, when)
    - queue.json
    the process starts
    .launch.json with "pid"     the process was started
    - .launch.json              the trainer has written status.json (if it ended before, this is written for it)

If .launch.json has no pid, the window was killed in between: `settle` finds the process or queues the run again.
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
from i3core.system.files import open_file, read_json, write_json
from i3desk.language import tr
from i3desk.runs import queue
from i3desk.runs.queue import QueueEntry
from i3desk.workers.core_process import child_command

LAUNCH_FILE = ".launch.json"
LOG_FILE = "trainer.log"
REQUEST_FILE = "request.json"
SPAWN_S = 10.0  # longer than it takes from the mark to the process
START_NOTE = tr("starting the engine")
_DETACHED = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


@dataclass(frozen=True)
class Launch:
    """The content of .launch.json.

    Attributes:
        at: when the file was written, Unix time.
        waiting: the queue entry, to queue the run again.
        log_from: size of the log before this start.
        by: process id of the window.
        pid, process_started: of the trainer; 0 while unknown.
    """

    at: float
    waiting: QueueEntry
    log_from: int = 0
    by: int = 0
    pid: int = 0
    process_started: float = 0.0


def read_launch(folder: Path) -> Launch | None:
    """Read .launch.json of a start that is not settled; None without one."""
    path = folder / LAUNCH_FILE
    if not path.exists():
        return None
    try:
        content = read_json(path)
        waiting = QueueEntry.from_dict(content["waiting"])
        numbers = {name: int(content[name]) for name in ("log_from", "by", "pid")}
        return Launch(float(content["at"]), waiting, process_started=float(content["process_started"]), **numbers)
    except (I3Error, KeyError, TypeError, ValueError, OverflowError):
        return Launch(0.0, QueueEntry(time.time(), (folder / "run.json").exists()))


def _write_launch(folder: Path, launch: Launch) -> None:
    content = {**vars(launch), "waiting": launch.waiting.as_dict()}
    write_json(folder / LAUNCH_FILE, content)


def launch(folder: Path, waiting: QueueEntry) -> int:
    """Start the trainer of a queued run; returns its pid. Raises I3Error if it fails; the run has failed then."""
    log = folder / LOG_FILE
    started = Launch(time.time(), waiting, log.stat().st_size if log.exists() else 0, os.getpid())
    _write_launch(folder, started)
    queue.remove(folder)
    try:
        pid = spawn(train_command(folder, waiting), folder)
    except I3Error as error:
        _write_end(folder, started, str(error))
        raise
    _write_launch(folder, replace(started, pid=pid, process_started=_start_time(pid)))
    return pid


def train_command(folder: Path, waiting: QueueEntry) -> list[str]:
    """Arguments of `i3core`. A run that ended before its first step starts again."""
    if waiting.resume and (folder / "run.json").exists():
        target = ["--resume", str(folder)]
    else:
        target = ["--config", str(folder / REQUEST_FILE), "--out", str(folder)]  # it may have been moved
    return ["train", *target, *_options(waiting.changes if waiting.resume else {}), "--low-priority", "--json"]


def _options(changes: dict[str, Any]) -> list[str]:
    """Convert changed settings to command line options."""
    options: list[str] = []
    for name, value in changes.items():
        values = value if isinstance(value, list | tuple) else [value]
        options += [f"--{name.replace('_', '-')}", *map(str, values)]
    return options


def spawn(arguments: list[str], folder: Path) -> int:
    """Start `i3core ARGUMENTS` in a new session and append its standard error to the log; returns its pid.

    QProcess.startDetached is no alternative: PySide does not return the pid if output is redirected.
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
            tr("The training could not start: {filename}: {strerror}.").format(
                filename=error.filename or program, strerror=error.strerror or error
            ),
            tr("Check that i3desk is installed completely and the disk has free space."),
        ) from error
    process.returncode = 0  # it is never waited for: Python would warn when this object is deleted
    return process.pid


def _environment() -> dict[str, str]:
    """The window's environment, with a path by which the trainer imports the same i3core."""
    if is_packaged():
        return dict(os.environ)
    paths = [str(Path(i3core.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def reap(pid: int) -> bool:
    """Reap a trainer process of this window; returns whether it has ended."""
    if os.name == "nt":
        return True
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # started by another window
        return True


# ------------------------------------------------------------------------------------------------- settling a start


def settle(folder: Path) -> RunStatus | None:
    """Follow up a start: None once status.json is valid, else the status to show until then."""
    started = read_launch(folder)
    if started is None:
        return None
    try:
        return _settle(folder, started)
    except (I3Error, OSError) as error:  # the disk is full, or the folder is being deleted
        return None if not folder.is_dir() else _starting(started, str(error))


def _settle(folder: Path, started: Launch) -> RunStatus | None:
    if _last_heartbeat(folder) > started.at:
        _remove_launch(folder)
        return None
    if started.pid:
        if is_running(started.pid, started.process_started):
            return _starting(started, START_NOTE)
        if _last_heartbeat(folder) <= started.at:  # it may have written its status and ended in between
            _write_end(folder, started, "")
        _remove_launch(folder)
        return None
    if started.by != os.getpid() and psutil.pid_exists(started.by) and time.time() - started.at < SPAWN_S:
        return _starting(started, START_NOTE)  # another window is starting it
    pid = find_trainer(folder)
    if pid:
        _write_launch(folder, replace(started, pid=pid, process_started=_start_time(pid)))
        return _starting(started, START_NOTE)
    queue.write(folder, started.waiting)
    _remove_launch(folder)
    return None


def read_status(folder: Path) -> RunStatus:
    """The status of a run, including an unsettled start; never raises."""
    return settle(folder) or reader.read_status(folder)


def is_running(pid: int, started: float) -> bool:
    """Whether this very process is running; a zombie is not."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and (not started or abs(process.create_time() - started) < 2)
    except psutil.Error:
        return False


def find_trainer(folder: Path) -> int:
    """The pid of the process that trains in `folder`, found by its command line; 0 if none. Takes tens of ms."""
    targets = {str(folder), str(folder / REQUEST_FILE)}
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "train" in words and targets & set(words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            return process.info["pid"]
    return 0


def _starting(started: Launch, note: str) -> RunStatus:
    return RunStatus(RunState.STARTING, note=note, pid=started.pid, heartbeat=started.at)


def _start_time(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:  # it has ended already
        return 0.0


def _remove_launch(folder: Path) -> None:
    (folder / LAUNCH_FILE).unlink(missing_ok=True)


def _last_heartbeat(folder: Path) -> float:
    """When the trainer last wrote its status, Unix time; 0 if never."""
    try:
        return float(read_json(folder / "status.json")["heartbeat"])
    except (I3Error, KeyError, TypeError, ValueError, OverflowError):
        return 0.0


def _write_end(folder: Path, started: Launch, error: str) -> None:
    """Write the status for a trainer that ended before it could, with its error if known."""
    try:
        before = read_json(folder / "status.json")
        step = int(before["step"])
    except (I3Error, KeyError, TypeError, ValueError, OverflowError):
        before, step = {}, 0
    error = error or _last_error_line(folder / LOG_FILE, started.log_from)
    now = {"state": "failed" if error else "starting", "step": step, "pid": started.pid, "heartbeat": time.time()}
    now |= {"process_started": started.process_started, "error": error}
    write_json(folder / "status.json", {**before, **now})
    _remove_launch(folder)


def _last_error_line(log: Path, start: int) -> str:
    """The last line of the log since byte `start` that is not JSON."""
    try:
        with open_file(log) as source:
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
