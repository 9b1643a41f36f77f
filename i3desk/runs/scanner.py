"""One look at all run folders: settles what was started, starts what has its turn, reads what has changed."""

from __future__ import annotations

import dataclasses
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from i3core.errors import I3Error
from i3core.runs import index, reader
from i3core.runs.reader import RunState, RunSummary
from i3desk.runs import launcher, queue

WATCHED_FILES = (
    "run.json", "status.json", "metrics.jsonl", "request.json", "notes.json", "trainer.log", queue.QUEUE_FILE,
    launcher.LAUNCH_FILE,
)  # fmt: skip


@dataclass(frozen=True)
class Scan:
    """What was found.

    Attributes:
        summaries: of all runs, newest first.
        started: runs whose trainer was started in this look.
        problems: (what, remedy) of what could not be started.
    """

    summaries: list[RunSummary]
    started: list[Path]
    problems: list[tuple[str, str]]


class RunScanner:
    """Reads all runs, those at rest only when their files have changed. `scan` runs in the background thread, and
    there alone: so no two looks ever start a run each.

    Attributes:
        cancelled: set when nobody wants to know any more; a look then ends without starting anything.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder = runs_folder
        self._cache: dict[Path, tuple[tuple, RunSummary]] = {}
        self._start_immediately: list[Path] = []  # to be started whatever is alive; the GUI thread appends
        self._trainers: list[int] = []  # pids of those that we started
        self._is_first = True
        self.cancelled = threading.Event()

    def start_next(self, folder: Path) -> None:
        """Let the next look start this run even if another is alive."""
        self._start_immediately.append(folder)

    def scan(self) -> Scan:
        """Read all runs and start what has its turn; never raises."""
        if self._is_first:
            queue.remove_leftovers(self._runs_folder)
            self._is_first = False
        self._trainers = [pid for pid in self._trainers if not launcher.reap(pid)]
        folders = index.known_runs(self._runs_folder)
        summaries: dict[Path, RunSummary] = {}
        for folder in folders:
            if self.cancelled.is_set():
                return Scan([], [], [])
            summaries[folder] = self._read_summary(folder)
        self._cache = {folder: seen for folder, seen in self._cache.items() if folder in summaries}
        started: list[Path] = []
        problems: list[tuple[str, str]] = []
        for folder in self._due(summaries):
            waiting = queue.read(folder)
            if waiting is None:
                continue
            try:
                self._trainers.append(launcher.launch(folder, waiting))
                started.append(folder)
            except I3Error as error:
                problems.append((error.what, error.remedy))
            summaries[folder] = self._read_summary(folder)
        return Scan(list(summaries.values()), started, problems)

    def _due(self, summaries: dict[Path, RunSummary]) -> list[Path]:
        """Runs to start now: those that the user wants at once, else the one that waits longest if nothing is alive."""
        immediate = [self._start_immediately.pop(0) for _ in range(len(self._start_immediately))]
        states = {folder: summary.status.state for folder, summary in summaries.items()}
        wanted = [folder for folder in immediate if states.get(folder) is RunState.QUEUED]
        if wanted or any(state.is_alive for state in states.values()):
            return wanted
        waiting = {folder: queue.read(folder) for folder, state in states.items() if state is RunState.QUEUED}
        in_turn = sorted((entry.since, folder) for folder, entry in waiting.items() if entry is not None)
        return [folder for _, folder in in_turn[:1]]

    def _read_summary(self, folder: Path) -> RunSummary:
        starting = launcher.settle(folder)
        signature = tuple(map(_stamp, (folder / name for name in WATCHED_FILES)))
        seen = self._cache.get(folder)
        if starting is None and seen is not None and seen[0] == signature and _is_at_rest(seen[1]):
            return seen[1]
        summary = reader.read_summary(folder)
        if starting is not None:
            summary = dataclasses.replace(summary, status=starting)
        self._cache[folder] = signature, summary
        return summary


def _is_at_rest(summary: RunSummary) -> bool:
    """Whether its state can only change together with a file."""
    return not summary.status.state.is_alive


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
