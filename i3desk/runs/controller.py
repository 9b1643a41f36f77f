"""All training runs that this computer knows: their states, and everything that can be done with one."""

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
RESEND_S = 1.5  # a trainer that is starting throws away what it was told before


@dataclass
class PendingCommand:
    """What the user asked of a run and its state does not show yet: "pause", "resume" or "stop"."""

    control: str
    sent_at: float

    def is_fulfilled_by(self, state: RunState) -> bool:
        """Whether `state` is what was wished for, or the end of the run."""
        if not state.is_alive:
            return True
        return (self.control == "pause" and state is RunState.PAUSED) or (
            self.control == "resume" and state in (RunState.RUNNING, RunState.STOPPING)
        )


class RunController(QObject):
    """The runs in the runs folder and those that were begun elsewhere. Folders are read in the background.

    One run trains at a time: one that is started while another is alive waits in a queue that is on the disk, so that
    it also has its turn after the window was closed, or killed.

    Attributes:
        folder: where runs are made, a folder each.
        summaries: newest first, as last read.
    Signals:
        changed: the summaries are others now.
        started(folder): a trainer was started on a run by us.
        ended(folder, RunStatus): a run that was alive, or waited, has come to an end.
        wish_changed(folder): what is asked of it, and not done yet, is something else now.
        failed(what, remedy): something that the user asked for could not be done.
        deleted(folder): it is gone.
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
        self._unfinished: set[Path] = set()  # alive or waiting, when last seen
        self._watched = self._scanning = self._scan_again = False
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh)

    # ---------------------------------------------------------------------------------------------- what is known

    @property
    def active(self) -> RunSummary | None:
        """The run that is alive; of several, the one begun last."""
        return next((each for each in self.summaries if each.status.state.is_alive), None)

    def summary(self, folder: str | Path) -> RunSummary | None:
        """What was last read of one run."""
        return self._by_folder.get(Path(folder))

    def pending_command(self, folder: str | Path) -> str:
        """What is asked of a run and not done yet: "pause", "resume", "stop", or nothing."""
        pending_command = self._pending.get(Path(folder))
        return pending_command.control if pending_command else ""

    @property
    def background(self) -> BackgroundJobs:
        """Where run folders are read."""
        return self._background

    def set_watched(self, watched: bool) -> None:
        """Somebody looks at the list: keep it fresh even while nothing trains."""
        self._watched = watched
        if watched:
            self.refresh()
        self._update_timer()

    @Slot()
    def refresh(self) -> None:
        """Read all again, and start what has its turn."""
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
        """The window closes: a look that is under way ends at once. Training goes on."""
        self._timer.stop()
        self._scanner.cancelled.set()

    # ------------------------------------------------------------------------------------------- starting and ending

    def start(self, config: dict[str, Any], name: str) -> Path | None:
        """Train by `config` (without "out"): now, or in its turn. Returns the run folder; None after `failed`."""
        try:
            folder = queue.make_run(self.folder, config, name)
        except I3Error as error:
            self.failed.emit(error.what, error.remedy)
            return None
        self.refresh()
        return folder

    def resume(self, folder: str | Path, changes: dict[str, Any] | None = None) -> None:
        """Go on with a run that ended before its end, now or in its turn."""
        self._do(partial(operations.enqueue, Path(folder), QueueEntry(time.time(), True, changes or {})))

    def start_now(self, folder: str | Path) -> None:
        """Start a run that waits, whatever else is alive."""
        self._scanner.start_next(Path(folder))
        self.refresh()

    def leave_queue(self, folder: str | Path) -> None:
        """Let a run wait no longer; one that never began is removed."""
        self._do(partial(operations.leave_queue, Path(folder)), self._on_gone)

    def pause(self, folder: str | Path) -> None:
        """Ask the trainer to save and wait."""
        self._ask(Path(folder), "pause")

    def unpause(self, folder: str | Path) -> None:
        """Ask a paused trainer to go on."""
        self._ask(Path(folder), "resume")

    def stop(self, folder: str | Path) -> None:
        """Ask the trainer to save and end."""
        self._ask(Path(folder), "stop")

    def checkpoint(self, folder: str | Path) -> None:
        """Ask the trainer to save now."""
        self._try(partial(steering.send, Path(folder), "checkpoint"))

    def sample(self, folder: str | Path, prompts: Sequence[str] | None = None) -> None:
        """Ask the trainer to answer its sample prompts now; `prompts` are those from now on."""
        if prompts is not None:
            self.set_prompts(folder, prompts)
        self._try(partial(steering.send, Path(folder), "sample"))

    def set_prompts(self, folder: str | Path, prompts: Sequence[str]) -> None:
        """Tell the trainer the sample prompts from now on."""
        self._try(partial(steering.send_prompts, Path(folder), prompts))

    def kill(self, folder: str | Path) -> None:
        """End the trainer at once; what it did since its last checkpoint is lost."""
        self._do(partial(operations.kill, Path(folder)))

    # ----------------------------------------------------------------------------------------------- keeping house

    def rename(self, folder: str | Path, name: str) -> None:
        """Call the run something else; its folder keeps its name."""
        self._do(partial(operations.change_notes, Path(folder), name=name.strip()))

    def set_note(self, folder: str | Path, note: str) -> None:
        """Keep what the user wrote about the run."""
        self._do(partial(operations.change_notes, Path(folder), note=note))

    def delete(self, folder: str | Path) -> None:
        """Delete the run for good, unless it is alive."""
        self._do(partial(operations.delete, Path(folder)), self._on_gone)

    def forget(self, folder: str | Path) -> None:
        """Take a run that lies elsewhere off the list; its files stay."""
        self._do(partial(operations.forget, Path(folder)), self._on_done)

    @Slot(object, object)
    def remove(self, to_delete: Sequence[Path], to_forget: Sequence[Path]) -> None:
        """Delete some runs for good, and take others off the list."""
        for folder in to_delete:
            self.delete(folder)
        for folder in to_forget:
            self.forget(folder)

    def _do(self, work: Callable[[], Any], done: Callable[[Any], None] | None = None) -> None:
        """Do something in the background and read all again; what goes wrong is told."""
        self._background.run(work, done or self._on_done, self._on_failed)

    def _on_done(self, _result: object) -> None:
        self.refresh()

    def _on_gone(self, folder: Path | None) -> None:
        if folder is not None:
            self._unfinished.discard(folder)
            self._pending.pop(folder, None)
            self.deleted.emit(str(folder))
        self.refresh()

    def _on_failed(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)
        self.refresh()

    # ----------------------------------------------------------------------------------------------------- wishes

    def _try(self, work: Callable[[], None]) -> bool:
        """Write a small file of a run."""
        try:
            work()
        except I3Error as error:
            self.failed.emit(error.what, error.remedy)
            return False
        return True

    def _ask(self, folder: Path, control: str) -> None:
        if self._try(partial(steering.send, folder, control)):
            self._pending[folder] = PendingCommand(control, time.monotonic())
            self.pending_changed.emit(str(folder))
            self._update_timer()

    def observe_status(self, folder: str | Path, status: RunStatus) -> None:
        """A state is known, perhaps before the summaries have it: see whether it is what was wished for."""
        folder = Path(folder)
        summary = self._by_folder.get(folder)
        if summary is not None and summary.status.state is not status.state:
            self.refresh()
        pending_command = self._pending.get(folder)
        if pending_command is None:
            return
        if pending_command.is_fulfilled_by(status.state):
            del self._pending[folder]
            self.pending_changed.emit(str(folder))
        elif time.monotonic() - pending_command.sent_at > RESEND_S:
            pending_command.sent_at = time.monotonic()
            self._background.run(partial(steering.resend, folder, pending_command.control), _ignore, _ignore)

    def _check_pending(self) -> None:
        for folder in list(self._pending):
            summary = self._by_folder.get(folder)
            self.observe_status(folder, summary.status if summary else RunStatus(RunState.MISSING))


def _is_unfinished(state: RunState) -> bool:
    return state.is_alive or state is RunState.QUEUED


def _ignore(_result: object) -> None:
    """A wish that could not be repeated is repeated later."""
