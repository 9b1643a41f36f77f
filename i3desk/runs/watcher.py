"""Follow one run folder as it grows, a few times a second."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3core.runs.events import Sampled
from i3core.runs.reader import MetricsPart, MetricsReader, RunState, RunStatus, SamplesReader, read_description
from i3desk.runs.launcher import read_status
from i3desk.workers.background import BackgroundJobs

ALIVE_MS, REST_MS = 200, 500
CATCH_UP_MS = 10  # between two parts of a long log


@dataclass(frozen=True)
class _News:
    status: RunStatus
    description: dict | None  # None while it is as before
    metrics: MetricsPart
    samples_restarted: bool
    samples: list[Sampled]


class _FolderReader:
    """Reads what is new in one folder; for the background thread only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metrics, self._samples = MetricsReader(folder), SamplesReader(folder)
        self._described: tuple | None = None

    def read(self) -> _News:
        """Read what is new. The status is read first, so that nothing of an ended run is missed."""
        described = tuple(map(_stamp, (self.folder / "run.json", self.folder / "request.json")))
        description = None
        if described != self._described:
            self._described, description = described, read_description(self.folder)
        status = read_status(self.folder)
        metrics = self._metrics.read()
        return _News(status, description, metrics, *self._samples.read())


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size


class RunWatcher(QObject):
    """Reports changes of one run folder, which is read in the background at most five times a second.

    Attributes:
        folder: the watched run folder, or None.
        status: as last read; None before that.
        description: run.json, or the requested configuration.
    Signals:
        status_changed(RunStatus): emitted when more than the heartbeat changed.
        described(dict): emitted when `description` changed.
        metrics_read(MetricsPart): emitted for new steps and evaluations; if `restarted`, earlier ones are void.
        samples_read(restarted, list[Sampled]): emitted for new samples.
    """

    status_changed = Signal(object)
    described = Signal(object)
    metrics_read = Signal(object)
    samples_read = Signal(bool, object)

    def __init__(self, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self.status: RunStatus | None = None
        self.description: dict = {}
        self._background = background
        self._reader: _FolderReader | None = None
        self._job: int | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._read)

    def watch(self, folder: Path | None) -> None:
        """Follow this folder from the start of its log; None stops."""
        self._background.forget(self._job)
        self._timer.stop()
        self._job = None
        self.folder, self.status, self.description = folder, None, {}
        self._reader = None if folder is None else _FolderReader(folder)
        self._read()

    @Slot()
    def _read(self) -> None:
        if self._reader is not None and self._job is None:
            self._job = self._background.run(self._reader.read, self._on_read, self._on_failed)

    def _on_read(self, news: _News) -> None:
        self._job = None
        folder, before, self.status = self.folder, self.status, news.status
        parts = news.metrics
        is_moving = news.status.state.is_alive or news.status.state is RunState.QUEUED
        self._timer.start((ALIVE_MS if is_moving else REST_MS) if parts.complete else CATCH_UP_MS)
        if news.description is not None and news.description != self.description:
            self.description = news.description
            self.described.emit(news.description)
        if folder is self.folder and (parts.restarted or len(parts.steps["step"]) or parts.evaluations):
            self.metrics_read.emit(parts)
        if folder is self.folder and (news.samples_restarted or news.samples):
            self.samples_read.emit(news.samples_restarted, news.samples)
        is_new = before is None or replace(before, heartbeat=news.status.heartbeat) != news.status
        if folder is self.folder and is_new:  # last, so that metrics come before the end
            self.status_changed.emit(news.status)

    def _on_failed(self, _error: I3Error) -> None:
        """Already logged; retry at the next poll."""
        self._job = None
        self._timer.start(REST_MS)
