"""One download from the hub: a child process that can be ended at any moment and goes on where it was.

The window itself never opens a connection; only the child does, and only when the user asked for it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.checkpoints import registry
from i3core.errors import I3Error
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.core_process import CoreProcess, plain

SUGGESTION = "i3-80m"  # a name that i3core.hub knows the repository of


class DownloadState(enum.Enum):
    """Where a download stands."""

    STARTING = "starting"  # asks the hub
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


ACTIVE = (DownloadState.STARTING, DownloadState.RUNNING)


class Download(QObject):
    """Attributes:
        name, revision: what was asked for, such as "i3-80m" or "author/name", and which of its versions.
        state, done_bytes, total_bytes, bytes_per_second, seconds_left: None where it is not known.
        what: why it failed.
        folder: where the model is, once it is there.
    Signals:
        changed: one of these is another now.
        done(folder): the model is there, whole and verified.
        cancelled: nothing of it is left.
    """

    changed = Signal()
    done = Signal(str)
    cancelled = Signal()

    def __init__(
        self,
        name: str,
        models_folder: Path,
        background: BackgroundJobs,
        environment: Mapping[str, str] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.name, self.revision = name, "main"
        self.state = DownloadState.PAUSED
        self.done_bytes = 0
        self.total_bytes: int | None = None
        self.bytes_per_second: float | None = None
        self.seconds_left: float | None = None
        self.what = ""
        self.folder = ""
        self._models_folder = models_folder
        self._background = background
        self._process = CoreProcess("download", self, environment)
        self._process.reported.connect(self._on_reported)
        self._process.finished.connect(self._on_finished)
        self._process.failed.connect(self._on_failed)

    @property
    def partial_folder(self) -> Path:
        """Where the files are until all of them are there."""
        return self._models_folder / (folder_name(self.name) + registry.PARTIAL)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (DownloadState.CANCELLED, DownloadState.DONE)

    def show_interrupted(self, found: registry.InterruptedDownload) -> None:
        """It was begun before, and this much of it is there."""
        self.revision, self.done_bytes, self.total_bytes = found.revision, found.done_bytes, found.total_bytes
        self.changed.emit()

    def begin(self, name: str) -> None:
        """Start with this name, unless something goes on: models of two authors may have the same folder."""
        if not self._process.running:
            self.name, self.revision = name, "main"
            self.start()

    @Slot()
    def start(self) -> None:
        """Begin, or go on."""
        if not self._process.running and self.state is not DownloadState.CANCELLING:
            self.what = ""
            self._set(DownloadState.STARTING)
            options = ["--revision", self.revision, "--to", str(self._models_folder), "--replace", "--json"]
            self._process.start(["download", self.name, *options])

    @Slot()
    def pause(self) -> None:
        """End the child; what it got stays."""
        if self.state in ACTIVE:
            self._set(DownloadState.PAUSING)
            self._process.end()

    @Slot()
    def cancel(self) -> None:
        """End the child and remove what it got."""
        if self.state in (DownloadState.CANCELLING, DownloadState.CANCELLED, DownloadState.DONE):
            return
        self._set(DownloadState.CANCELLING)
        if self._process.running:
            self._process.end()
        else:
            self._remove()

    def shut_down(self) -> None:
        """End the child at once; what it got stays. Only after the event loop: it blocks."""
        self._process.blockSignals(True)
        self._process.kill()

    def _set(self, state: DownloadState) -> None:
        self.state = state
        if state is not DownloadState.RUNNING:
            self.bytes_per_second = self.seconds_left = None
        self.changed.emit()

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        if report.get("event") == "progress":
            self.done_bytes = report.get("done_bytes") or 0
            self.total_bytes = report.get("total_bytes")
            if self.state in ACTIVE:
                self.bytes_per_second = report.get("bytes_per_second")
                self.seconds_left = report.get("seconds_left")
                self.state = DownloadState.RUNNING
                self.changed.emit()
        elif report.get("event") == "done":
            self.folder = str(report.get("folder", ""))

    @Slot()
    def _on_finished(self) -> None:
        if self.state is DownloadState.CANCELLING and not self.folder:
            self._remove()
        elif self.state is DownloadState.PAUSING and not self.folder:
            self._set(DownloadState.PAUSED)
        else:  # also if it was done before it could be ended
            self._set(DownloadState.DONE)
            self.done.emit(self.folder)

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        if self.state is DownloadState.CANCELLING:
            self._remove()
        elif self.state is DownloadState.PAUSING:
            self._set(DownloadState.PAUSED)
        else:
            self.what = plain(what)
            self._set(DownloadState.FAILED)

    def _remove(self) -> None:
        work = partial(_remove_partial, self.partial_folder, self._models_folder)
        self._background.run(work, self._on_removed, self._on_not_removed)

    def _on_removed(self, _: None) -> None:
        self._set(DownloadState.CANCELLED)
        self.cancelled.emit()

    def _on_not_removed(self, error: I3Error) -> None:
        self.what = error.what
        self._set(DownloadState.FAILED)


def folder_name(name: str) -> str:
    """The name of the folder that a download becomes: a repository's without its author."""
    short = name.rsplit("/", 1)[-1]
    return SUGGESTION if name.lower() == SUGGESTION else short


def _remove_partial(folder: Path, models_folder: Path) -> None:
    if folder.exists():
        registry.delete(folder, models_folder)
