"""A download from the hub in a child process; it can be paused and resumed at any time.

The window itself never opens a connection. Only the child does, and only after the user asked for it.
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


class DownloadState(enum.Enum):
    """States of a download."""

    STARTING = "starting"  # waiting for the hub
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"


ACTIVE = (DownloadState.STARTING, DownloadState.RUNNING)


class Download(QObject):
    """One download.

    Attributes:
        name, revision: the requested model, such as "i3-80m" or "author/name", and its version.
        state, done_bytes, total_bytes, bytes_per_second, seconds_left: the progress; None if unknown.
        what: why it failed.
        folder: folder of the model once it is downloaded.
    Signals:
        changed: Emitted when an attribute changed.
        done(folder): Emitted when the model is complete and verified.
        cancelled: Emitted when the partial files are removed.
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
        self._process.tell(self._on_reported, self._on_finished, self._on_failed)

    @property
    def partial_folder(self) -> Path:
        """Folder of the files until the download is complete."""
        return self._models_folder / (folder_name(self.name) + registry.PARTIAL)

    @property
    def ended(self) -> bool:
        """Whether it is done or cancelled."""
        return self.state in (DownloadState.CANCELLED, DownloadState.DONE)

    @property
    def running(self) -> bool:
        """Whether the child process is running."""
        return self._process.running

    def show_interrupted(self, found: registry.InterruptedDownload) -> None:
        """Show the progress of a download that an earlier session started."""
        self.revision, self.done_bytes, self.total_bytes = found.revision, found.done_bytes, found.total_bytes
        self.changed.emit()

    def start_as(self, name: str) -> None:
        """Start under this name unless a download is running: models of two authors may share a folder."""
        if not self._process.running:
            self.name, self.revision = name, "main"
            self.start()

    @Slot()
    def start(self) -> None:
        """Start or continue the download."""
        if not self._process.running and self.state is not DownloadState.CANCELLING:
            self.what = ""
            self._set(DownloadState.STARTING)
            options = ["--revision", self.revision, "--to", str(self._models_folder), "--replace", "--json"]
            self._process.start(["download", self.name, *options])

    @Slot()
    def pause(self) -> None:
        """End the child; keep the partial files."""
        if self.state in ACTIVE:
            self._set(DownloadState.PAUSING)
            self._process.end()

    @Slot()
    def cancel(self) -> None:
        """End the child and remove the partial files."""
        if self.state in (DownloadState.CANCELLING, DownloadState.CANCELLED, DownloadState.DONE):
            return
        self._set(DownloadState.CANCELLING)
        if self._process.running:
            self._process.end()
        else:
            self._remove()

    def shut_down(self) -> None:
        """Kill the child; keep the partial files. Blocks; call only after the event loop."""
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
        else:  # also if it was done before it could be cancelled
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
    """Name of the folder of a download: the repository's name without its author."""
    return registry.SUGGESTED.get(name.lower(), name).rsplit("/", 1)[-1]


def _remove_partial(folder: Path, models_folder: Path) -> None:
    if folder.exists():
        registry.delete(folder, models_folder)
