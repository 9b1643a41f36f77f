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
from i3desk.runs.queue import Waiting
from i3desk.runs.scanner import RunScanner, Scan
from i3desk.workers.background import BackgroundJobs

REFRESH_MS = 1000
ASK_AGAIN_S = 1.5  # a trainer that is starting throws away what it was told before


@dataclass
class PendingCommand:
    """What the user asked of a run and its state does not show yet: "pause", "resume" or "stop"."""

    control: str
    asked: float

    def is_met_by(self, state: RunState) -> bool:
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
    wish_changed = Signal(str)
    failed = Signal(str, str)
    deleted = Signal(str)

    def __init__(self, paths: Paths, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = paths.runs_folder.resolve()  # as known_runs names it
        self._background = background
        self._looker = RunScanner(self.folder)
        self.summaries: list[RunSummary] = []
        self._by_folder: dict[Path, RunSummary] = {}
        self._wishes: dict[Path, PendingCommand] = {}
        self._open: set[Path] = set()  # alive or waiting, when last seen
        self._watched = self._looking = self._look_again = False
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

    def wish(self, folder: str | Path) -> str:
        """What is asked of a run and not done yet: "pause", "resume", "stop", or nothing."""
        wish = self._wishes.get(Path(folder))
        return wish.control if wish else ""

    @property
    def background(self) -> BackgroundJobs:
        """Where run folders are read."""
        return self._background

    def set_watched(self, watched: bool) -> None:
        """Somebody looks at the list: keep it fresh even while nothing trains."""
        self._watched = watched
        if watched:
            self.refresh()
        self._keep_looking()

    @Slot()
    def refresh(self) -> None:
        """Read all again, and start what has its turn."""
        if self._looking:
            self._look_again = True
            return
        self._looking, self._look_again = True, False
        self._background.run(self._looker.look, self._on_looked, self._on_look_failed)

    def _on_looked(self, look: Scan) -> None:
        self._looking = False
        before, self._by_folder = self._by_folder, {each.folder: each for each in look.summaries}
        is_new = look.summaries != self.summaries
        self.summaries = look.summaries
        for folder in look.started:
            self._open.add(folder)
            self.started.emit(str(folder))
        for what, remedy in look.problems:
            self.failed.emit(what, remedy)
        self._follow_wishes()
        if is_new:
            self.changed.emit()
        self._tell_ends(before)
        self._keep_looking()
        if self._look_again:
            self.refresh()

    def _on_look_failed(self, error: I3Error) -> None:
        self._looking = False
        self.failed.emit(error.what, error.remedy)

    def _tell_ends(self, before: dict[Path, RunSummary]) -> None:
        is_open = {each.folder for each in self.summaries if _is_open(each.status.state)}
        closed, self._open = self._open - is_open, is_open
        for folder in closed:
            now = self._by_folder.get(folder)
            if now is not None:
                self.ended.emit(str(folder), now.status)
            elif folder in before:
                self.ended.emit(str(folder), RunStatus(RunState.MISSING))

    def _keep_looking(self) -> None:
        if self._watched or self._open or self._wishes:
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._timer.stop()

    def shut_down(self) -> None:
        """The window closes: a look that is under way ends at once. Training goes on."""
        self._timer.stop()
        self._looker.cancelled.set()

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
        self._do(partial(operations.enqueue, Path(folder), Waiting(time.time(), True, changes or {})))

    def start_now(self, folder: str | Path) -> None:
        """Start a run that waits, whatever else is alive."""
        self._looker.start_next(Path(folder))
        self.refresh()

    def leave_queue(self, folder: str | Path) -> None:
        """Let a run wait no longer; one that never began is removed."""
        self._do(partial(operations.leave_queue, Path(folder)), self._on_gone)

    def pause(self, folder: str | Path) -> None:
        """Ask the trainer to save and wait."""
        self._ask(Path(folder), "pause")

    def go_on(self, folder: str | Path) -> None:
        """Ask a paused trainer to go on."""
        self._ask(Path(folder), "resume")

    def stop(self, folder: str | Path) -> None:
        """Ask the trainer to save and end."""
        self._ask(Path(folder), "stop")

    def checkpoint(self, folder: str | Path) -> None:
        """Ask the trainer to save now."""
        self._try(partial(steering.drop, Path(folder), "checkpoint"))

    def sample(self, folder: str | Path, prompts: Sequence[str] | None = None) -> None:
        """Ask the trainer to answer its sample prompts now; `prompts` are those from now on."""
        if prompts is not None:
            self.set_prompts(folder, prompts)
        self._try(partial(steering.drop, Path(folder), "sample"))

    def set_prompts(self, folder: str | Path, prompts: Sequence[str]) -> None:
        """Tell the trainer the sample prompts from now on."""
        self._try(partial(steering.drop_prompts, Path(folder), prompts))

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

    def _do(self, work: Callable[[], Any], done: Callable[[Any], None] | None = None) -> None:
        """Do something in the background and read all again; what goes wrong is told."""
        self._background.run(work, done or self._on_done, self._on_failed)

    def _on_done(self, _result: object) -> None:
        self.refresh()

    def _on_gone(self, folder: Path | None) -> None:
        if folder is not None:
            self._open.discard(folder)
            self._wishes.pop(folder, None)
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
        if self._try(partial(steering.drop, folder, control)):
            self._wishes[folder] = PendingCommand(control, time.monotonic())
            self.wish_changed.emit(str(folder))
            self._keep_looking()

    def note_status(self, folder: str | Path, status: RunStatus) -> None:
        """A state is known, perhaps before the summaries have it: see whether it is what was wished for."""
        folder = Path(folder)
        summary = self._by_folder.get(folder)
        if summary is not None and summary.status.state is not status.state:
            self.refresh()
        wish = self._wishes.get(folder)
        if wish is None:
            return
        if wish.is_met_by(status.state):
            del self._wishes[folder]
            self.wish_changed.emit(str(folder))
        elif time.monotonic() - wish.asked > ASK_AGAIN_S:
            wish.asked = time.monotonic()
            self._background.run(partial(steering.drop_again, folder, wish.control), _ignore, _ignore)

    def _follow_wishes(self) -> None:
        for folder in list(self._wishes):
            summary = self._by_folder.get(folder)
            self.note_status(folder, summary.status if summary else RunStatus(RunState.MISSING))


def _is_open(state: RunState) -> bool:
    return state.is_alive or state is RunState.QUEUED


def _ignore(_result: object) -> None:
    """A wish that could not be repeated is repeated later."""
