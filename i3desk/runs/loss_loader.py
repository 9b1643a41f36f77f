"""Load the loss curves of several runs in the background, one part of one run at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3desk.workers.background import BackgroundJobs

if TYPE_CHECKING:
    from i3desk.runs.loss_history import LossCurves, LossReader

AGAIN_MS = 1000


class _LazyLossReader:
    """The reader of one run, created in the background because it imports numpy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._reader: LossReader | None = None

    def read(self) -> LossCurves:
        """Read one more part; returns the curves so far."""
        from i3desk.runs.loss_history import LossReader

        if self._reader is None:
            self._reader = LossReader(self._folder)
        return self._reader.read()


class LossLoader(QObject):
    """Reads some runs in turn, and continues while they grow.

    Signals:
        loaded(folder, LossCurves): emitted after each part of a run.
    """

    loaded = Signal(object, object)

    def __init__(self, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._readers: dict[Path, _LazyLossReader] = {}
        self._queue: list[Path] = []
        self._growing: set[Path] = set()
        self._job: int | None = None
        self._current: Path | None = None
        self._timer = QTimer(self, singleShot=True, interval=AGAIN_MS)
        self._timer.timeout.connect(self._again)

    def watch(self, folders: Sequence[Path], growing: Sequence[Path]) -> None:
        """Read these runs; `growing` are those that are alive. Curves that were read already are kept."""
        for folder in [folder for folder in self._readers if folder not in folders]:
            del self._readers[folder]
        for folder in folders:
            if folder not in self._readers:
                self._readers[folder] = _LazyLossReader(folder)
                self._queue.append(folder)
        self._queue = [folder for folder in self._queue if folder in self._readers]
        # A run that has just ended is read once more, to its end.
        ended = self._growing - set(growing)
        self._growing = set(growing) & set(folders)
        self._queue += [folder for folder in ended if folder in self._readers and folder not in self._queue]
        if self._growing and not self._timer.isActive():
            self._timer.start()
        self._next()

    def _next(self) -> None:
        if self._job is None and self._queue:
            self._current = self._queue.pop(0)
            self._job = self._background.run(self._readers[self._current].read, self._on_read, self._on_failed)

    def _on_read(self, curves: LossCurves) -> None:
        folder, self._job = self._current, None
        if folder is not None and folder in self._readers:
            if not curves.complete and folder not in self._queue:
                self._queue.append(folder)
            self.loaded.emit(folder, curves)
        self._next()

    def _on_failed(self, _error: object) -> None:
        self._job = None
        self._next()

    @Slot()
    def _again(self) -> None:
        self._queue += [folder for folder in self._growing if folder not in self._queue]
        if self._growing:
            self._timer.start()
        self._next()
