"""Scan all run folders: settle starts, start the next queued run, read what has changed."""

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
    """The result of a scan.

    Attributes:
        summaries: of all runs, newest first.
        started: runs whose trainer was started by this scan.
        problems: (what, remedy) for each run that could not be started.
    """

    summaries: list[RunSummary]
    started: list[Path]
    problems: list[tuple[str, str]]


class RunScanner:
    """Reads all runs; runs that have ended are read again only if their files changed.

    `scan` runs only in the background thread, so that two scans never start a run each.

    Attributes:
        cancelled: when set, a scan ends without starting anything.
    """

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder = runs_folder
        self._cache: dict[Path, tuple[tuple, RunSummary]] = {}
        self._start_immediately: list[Path] = []  # even if another run is alive; the GUI thread appends
        self._trainers: list[int] = []  # pids of trainers started here
        self._is_first = True
        self.cancelled = threading.Event()

    def start_next(self, folder: Path) -> None:
        """Let the next scan start this run even if another one is alive."""
        self._start_immediately.append(folder)

    def scan(self) -> Scan:
        """Read all runs and start the next queued one; never raises."""
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
        """Runs to start now: those requested immediately, else the longest queued one if nothing is alive."""
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
    """Whether the state can change only together with a file."""
    return not summary.status.state.is_alive


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
