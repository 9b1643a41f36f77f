"""A background thread for functions that take longer than a frame."""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from i3core.errors import I3Error
from i3desk.language import tr
from i3desk.workers.model_worker import log


class _BackgroundWorker(QObject):
    """Runs functions in the background thread, one after the other."""

    done = Signal(object, object)
    failed = Signal(object, object)
    crashed = Signal(str)

    @Slot(object, object)
    def run(self, job: int, work: Callable[[], Any]) -> None:
        try:
            result = work()
        except I3Error as error:
            self.failed.emit(job, error)
        except Exception as error:
            details = "".join(traceback.format_exception(error))
            log.error("A background job failed\n%s", details)
            self.crashed.emit(details)
            self.failed.emit(
                job,
                I3Error(
                    tr("Something went wrong: {name}.").format(name=type(error).__name__),
                    tr("The log has the details."),
                ),
            )
        else:
            self.done.emit(job, result)


class BackgroundJobs(QObject):
    """Runs functions in a background thread, one after the other, and calls back in the GUI thread.

    Signals:
        crashed(details): Emitted when a job raised an unexpected exception; details has its traceback.
        stopped(): Emitted when the thread has ended.
    """

    crashed = Signal(str)
    stopped = Signal()

    _requested = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, tuple[Callable[[Any], None], Callable[[I3Error], None] | None]] = {}
        self._shutting_down = False
        self._thread = QThread(self)
        self._thread.setObjectName("background")
        self._worker = _BackgroundWorker()
        self._worker.moveToThread(self._thread)
        queued = Qt.ConnectionType.QueuedConnection
        self._requested.connect(self._worker.run, queued)
        self._worker.done.connect(self._on_done, queued)
        self._worker.failed.connect(self._on_failed, queued)
        self._worker.crashed.connect(self.crashed, queued)
        self._thread.finished.connect(self.stopped)

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[I3Error], None] | None = None,
    ) -> int:
        """Run `work` in the background; `done(result)` or `failed(I3Error)` is then called in the GUI thread.

        `work` must not touch widgets. Returns a number for `forget`. The first job starts the thread.
        """
        job = next(self._numbers)
        if not self._shutting_down:
            self._waiting[job] = (done, failed)
            self._thread.start()
            self._requested.emit(job, work)
        return job

    @property
    def running(self) -> bool:
        """True while the thread runs."""
        return self._thread.isRunning()

    @property
    def waiting(self) -> int:
        """Number of unfinished jobs."""
        return len(self._waiting)

    def forget(self, job: int | None) -> None:
        """Drop the callbacks of a job whose result is no longer wanted."""
        if job is not None:
            self._waiting.pop(job, None)

    def shut_down(self) -> None:
        """Ask the thread to end after the jobs it has; `stopped` follows."""
        self._shutting_down = True
        self._waiting.clear()
        if self._thread.isRunning():
            self._thread.quit()
        else:
            self.stopped.emit()

    @Slot(object, object)
    def _on_done(self, job: int, result: Any) -> None:
        done, _ = self._waiting.pop(job, (None, None))
        if done is not None:
            done(result)

    @Slot(object, object)
    def _on_failed(self, job: int, error: I3Error) -> None:
        _, failed = self._waiting.pop(job, (None, None))
        if failed is not None:
            failed(error)
