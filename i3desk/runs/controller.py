"""All known training runs of this computer: their states, and the operations on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.paths import Paths
from i3desk.runs import operations, queue, steering
from i3desk.runs.queue import QueueEntry
from i3desk.runs.scanner import RunScanner, Scan
from i3desk.workers.background import BackgroundJobs

REFRESH_MS = 1000
RESEND_S = 1.5  # a starting trainer discards earlier commands


@dataclass
class PendingCommand:
    """A command ("pause", "resume" or "stop") that the run has not followed yet."""

    command: str
    sent_at: float

    def is_fulfilled_by(self, state: RunState) -> bool:
        """Whether `state` is what the command asks for, or the end of the run."""
        if not state.is_alive:
            return True
        return (self.command == "pause" and state is RunState.PAUSED) or (
            self.command == "resume" and state in (RunState.RUNNING, RunState.STOPPING)
        )


class RunController(QObject):
    """The runs in the runs folder and those started elsewhere. Folders are read in the background.

    One run trains at a time. If another run is alive, a new one waits in a queue on the disk, which survives the end
    of the window.

    Attributes:
        folder: contains a folder for each run that is made here.
        summaries: of all runs as last read, newest first.
    Signals:
        changed: emitted when the summaries changed.
        started(folder): emitted when this window started a trainer.
        ended(folder, RunStatus): emitted when a run that was alive or queued has ended.
        pending_changed(folder): emitted when `pending_command` of a run changed.
        failed(what, remedy): emitted when an operation failed.
        deleted(folder): emitted when a run was deleted. It can be restored for 30 days.
    """

    changed = Signal()
    started = Signal(str)
    ended = Signal(str, object)
    pending_changed = Signal(str)
    failed = Signal(str, str)
    deleted = Signal(str)

    def __init__(self, paths: Paths, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = paths.runs_folder.resolve()  # as known_runs names it
        self._background = background
        self._scanner = RunScanner(self.folder)
        self.summaries: list[RunSummary] = []
        self._by_folder: dict[Path, RunSummary] = {}
        self._pending: dict[Path, PendingCommand] = {}
        self._unfinished: set[Path] = set()  # alive or queued at the last scan
        self._watched = self._scanning = self._scan_again = False
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    # ----------------------------------------------------------------------------------------------------- scanning

    @property
    def active(self) -> RunSummary | None:
        """The run that is alive; of several, the newest."""
        return next((each for each in self.summaries if each.status.state.is_alive), None)

    def summary(self, folder: str | Path) -> RunSummary | None:
        """The summary of a run as last read."""
        return self._by_folder.get(Path(folder))

    def pending_command(self, folder: str | Path) -> str:
        """The command that a run has not followed yet: "pause", "resume", "stop", or ""."""
        pending = self._pending.get(Path(folder))
        return pending.command if pending else ""

    @property
    def background(self) -> BackgroundJobs:
        """The jobs that read run folders."""
        return self._background

    def set_watched(self, watched: bool) -> None:
        """While the list is visible, refresh it even if nothing trains."""
        self._watched = watched
        if watched:
            self.refresh()
        self._update_timer()

    @Slot()
    def refresh(self) -> None:
        """Read all runs again, and start the next queued one if nothing trains."""
        if self._scanning:
            self._scan_again = True
            return
        self._scanning, self._scan_again = True, False
        self._background.run(self._scanner.scan, self._on_scanned, self._on_scan_failed)

    def _on_scanned(self, scan: Scan) -> None:
        self._scanning = False
        before, self._by_folder = self._by_folder, {each.folder: each for each in scan.summaries}
        is_new = scan.summaries != self.summaries
        self.summaries = scan.summaries
        for folder in scan.started:
            self._unfinished.add(folder)
            self.started.emit(str(folder))
        for what, remedy in scan.problems:
            self.failed.emit(what, remedy)
        self._check_pending()
        if is_new:
            self.changed.emit()
        self._emit_ended(before)
        self._update_timer()
        if self._scan_again:
            self.refresh()

    def _on_scan_failed(self, error: I3Error) -> None:
        self._scanning = False
        self.failed.emit(error.what, error.remedy)

    def _emit_ended(self, before: dict[Path, RunSummary]) -> None:
        is_open = {each.folder for each in self.summaries if _is_unfinished(each.status.state)}
        closed, self._unfinished = self._unfinished - is_open, is_open
        for folder in closed:
            now = self._by_folder.get(folder)
            if now is not None:
                self.ended.emit(str(folder), now.status)
            elif folder in before:
                self.ended.emit(str(folder), RunStatus(RunState.MISSING))

    def _update_timer(self) -> None:
        if self._watched or self._unfinished or self._pending:
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._timer.stop()

    def shut_down(self) -> None:
        """Cancel a running scan because the window closes. Training continues."""
        self._timer.stop()
        self._scanner.cancelled.set()

    # ------------------------------------------------------------------------------------------- starting and ending

    def start(self, config: dict[str, Any], name: str) -> Path | None:
        """Train with `config` (without "out"), now or from the queue; returns the folder, or None after `failed`."""
        try:
            folder = queue.make_run(self.folder, config, name)
        except I3Error as error:
            self.failed.emit(error.what, error.remedy)
            return None
        self.refresh()
        return folder

    def resume(self, folder: str | Path, changes: dict[str, Any] | None = None) -> None:
        """Continue a run that ended early, now or from the queue."""
        self._run(partial(operations.enqueue, Path(folder), QueueEntry(time.time(), True, changes or {})))

    def start_now(self, folder: str | Path) -> None:
        """Start a queued run even if another one is alive."""
        self._scanner.start_next(Path(folder))
        self.refresh()

    def leave_queue(self, folder: str | Path) -> None:
        """Take a run out of the queue; one that never started is deleted, and can be restored for 30 days."""
        self._run(partial(operations.leave_queue, Path(folder)), self._on_deleted)

    def pause(self, folder: str | Path) -> None:
        """Ask the trainer to save and wait."""
        self._send(Path(folder), "pause")

    def unpause(self, folder: str | Path) -> None:
        """Ask a paused trainer to continue."""
        self._send(Path(folder), "resume")

    def stop(self, folder: str | Path) -> None:
        """Ask the trainer to save and end."""
        self._send(Path(folder), "stop")

    def checkpoint(self, folder: str | Path) -> None:
        """Ask the trainer to save now."""
        self._try(partial(steering.send, Path(folder), "checkpoint"))

    def sample(self, folder: str | Path, prompts: Sequence[str] | None = None) -> None:
        """Ask the trainer to answer its sample prompts now; `prompts` replace them."""
        if prompts is not None:
            self.set_prompts(folder, prompts)
        self._try(partial(steering.send, Path(folder), "sample"))

    def set_prompts(self, folder: str | Path, prompts: Sequence[str]) -> None:
        """Replace the sample prompts of the trainer."""
        self._try(partial(steering.send_prompts, Path(folder), prompts))

    def kill(self, folder: str | Path) -> None:
        """End the trainer at once; its work since the last checkpoint is lost."""
        self._run(partial(operations.kill, Path(folder)))

    # ------------------------------------------------------------------------------------------- names, notes, files

    def rename(self, folder: str | Path, name: str) -> None:
        """Rename the run; its folder keeps its name."""
        self._run(partial(operations.change_notes, Path(folder), name=name.strip()))

    def set_note(self, folder: str | Path, note: str) -> None:
        """Save the user's note about the run."""
        self._run(partial(operations.change_notes, Path(folder), note=note))

    def delete(self, folder: str | Path) -> None:
        """Delete the run, unless it is alive; it can be restored for 30 days."""
        self._run(partial(operations.delete, Path(folder), self.folder), self._on_deleted)

    def forget(self, folder: str | Path) -> None:
        """Take a run outside the runs folder off the list; its files stay."""
        self._run(partial(operations.forget, Path(folder)), self._on_done)

    @Slot(object, object)
    def remove(self, to_delete: Sequence[Path], to_forget: Sequence[Path]) -> None:
        """Delete some runs, and take others off the list."""
        for folder in to_delete:
            self.delete(folder)
        for folder in to_forget:
            self.forget(folder)

    def _run(self, work: Callable[[], Any], done: Callable[[Any], None] | None = None) -> None:
        """Work in the background, then refresh; emits `failed` after an error."""
        self._background.run(work, done or self._on_done, self._on_failed)

    def _on_done(self, _result: object) -> None:
        self.refresh()

    def _on_deleted(self, folder: Path | None) -> None:
        if folder is not None:
            self._unfinished.discard(folder)
            self._pending.pop(folder, None)
            self.deleted.emit(str(folder))
        self.refresh()

    def _on_failed(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)
        self.refresh()

    # ---------------------------------------------------------------------------------------------------- commands

    def _try(self, work: Callable[[], None]) -> bool:
        """Write a command file; returns False after an error."""
        try:
            work()
        except I3Error as error:
            self.failed.emit(error.what, error.remedy)
            return False
        return True

    def _send(self, folder: Path, command: str) -> None:
        if self._try(partial(steering.send, folder, command)):
            self._pending[folder] = PendingCommand(command, time.monotonic())
            self.pending_changed.emit(str(folder))
            self._update_timer()

    def observe_status(self, folder: str | Path, status: RunStatus) -> None:
        """Compare a state, perhaps newer than the summary, with the pending command of the run."""
        folder = Path(folder)
        summary = self._by_folder.get(folder)
        if summary is not None and summary.status.state is not status.state:
            self.refresh()
        pending = self._pending.get(folder)
        if pending is None:
            return
        if pending.is_fulfilled_by(status.state):
            del self._pending[folder]
            self.pending_changed.emit(str(folder))
        elif time.monotonic() - pending.sent_at > RESEND_S:
            pending.sent_at = time.monotonic()
            self._background.run(partial(steering.resend, folder, pending.command), _ignore, _ignore)

    def _check_pending(self) -> None:
        for folder in list(self._pending):
            summary = self._by_folder.get(folder)
            self.observe_status(folder, summary.status if summary else RunStatus(RunState.MISSING))


def _is_unfinished(state: RunState) -> bool:
    return state.is_alive or state is RunState.QUEUED


def _ignore(_result: object) -> None:
    """A command that could not be sent again is sent later."""
