"""The loss curves of several runs, read piece by piece in the background, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.run_reader import MetricsReader
from i3desk.curves.series import smoothed
from i3desk.jobs import BackgroundJobs

MOST_POINTS = 4096
PART_BYTES = 1 << 19
AGAIN_MS = 1000
X_COLUMNS = ("step", "tokens", "seconds")
SMOOTHED_SHARE = 50  # the average reaches over a fiftieth of the run
MOST_SMOOTHING = 0.98


class Trail:
    """Rows of numbers, at most `most` of them: where there are more, neighbours are averaged, 2, 4, 8 ... into one."""

    def __init__(self, columns: int, most: int = MOST_POINTS) -> None:
        self._most = most
        self._stride = 1
        self._means = np.empty((0, columns))
        self._rest = np.empty((0, columns))  # too few yet for a mean

    def extend(self, rows: np.ndarray) -> None:
        """Add rows at the end."""
        rows = np.concatenate((self._rest, rows))
        whole = len(rows) // self._stride * self._stride
        self._means = np.concatenate((self._means, _means(rows[:whole], self._stride)))
        self._rest = rows[whole:]
        while len(self._means) > self._most:
            even = len(self._means) // 2 * 2
            # A mean left over stands for `stride` rows and counts as such again.
            over = np.repeat(self._means[even:], self._stride, axis=0)
            self._means, self._stride = _means(self._means[:even], 2), self._stride * 2
            self._rest = np.concatenate((over, self._rest))

    @property
    def rows(self) -> np.ndarray:
        """The means, and that of what has no whole stride yet: the curve ends where the run does."""
        return np.concatenate((self._means, _means(self._rest, len(self._rest)))) if len(self._rest) else self._means


def _means(rows: np.ndarray, stride: int) -> np.ndarray:
    if stride <= 1 or not len(rows):
        return rows
    return rows.reshape(-1, stride, rows.shape[1]).mean(axis=1)


@dataclass(frozen=True)
class LossCurves:
    """What is known of one run: a row of `training` and `validation` for each of X_COLUMNS, and the loss as the last.

    Attributes:
        training: smoothed, thinned.
    """

    training: np.ndarray
    validation: np.ndarray
    complete: bool


class _Reader:
    """Reads one run; used in the background only."""

    def __init__(self, folder: Path) -> None:
        self._metrics = MetricsReader(folder)
        self._trail = Trail(len(X_COLUMNS) + 1)
        self._evaluations: list[tuple[float, ...]] = []

    def read(self) -> LossCurves:
        part = self._metrics.read(PART_BYTES)
        if part.restarted:
            self._trail, self._evaluations = Trail(len(X_COLUMNS) + 1), []
        if len(part.steps["loss"]):
            rows = np.column_stack([part.steps[name] for name in (*X_COLUMNS, "loss")])
            self._trail.extend(rows[np.isfinite(rows[:, -1])])
        for each in part.evaluations:
            if each.val_loss is not None:
                self._evaluations.append((each.step, each.tokens, each.seconds, each.val_loss))
        training = self._trail.rows.T.copy()
        weight = min(MOST_SMOOTHING, 1 - SMOOTHED_SHARE / max(SMOOTHED_SHARE, training.shape[1]))
        training[-1] = smoothed(training[-1], weight)
        validation = np.array(self._evaluations, np.float64).reshape(-1, len(X_COLUMNS) + 1).T
        return LossCurves(training, validation, part.complete)


class LossReading(QObject):
    """Follows some runs: reads one after the other, a part at a time, and goes on while they grow.

    Signals:
        read(folder, LossCurves): this is known of a run now.
    """

    read = Signal(object, object)

    def __init__(self, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._readers: dict[Path, _Reader] = {}
        self._waiting: list[Path] = []
        self._growing: set[Path] = set()
        self._job: int | None = None
        self._at_work: Path | None = None
        self._timer = QTimer(self, singleShot=True, interval=AGAIN_MS)
        self._timer.timeout.connect(self._again)

    def watch(self, folders: Sequence[Path], growing: Sequence[Path]) -> None:
        """Read these runs; `growing` are those that are alive. Known ones are not read anew."""
        for folder in [folder for folder in self._readers if folder not in folders]:
            del self._readers[folder]
        for folder in folders:
            if folder not in self._readers:
                self._readers[folder] = _Reader(folder)
                self._waiting.append(folder)
        self._waiting = [folder for folder in self._waiting if folder in self._readers]
        # One that has just ended is read once more, to its end.
        ended = self._growing - set(growing)
        self._growing = set(growing) & set(folders)
        self._waiting += [folder for folder in ended if folder in self._readers and folder not in self._waiting]
        if self._growing and not self._timer.isActive():
            self._timer.start()
        self._next()

    def _next(self) -> None:
        if self._job is None and self._waiting:
            self._at_work = self._waiting.pop(0)
            self._job = self._background.run(self._readers[self._at_work].read, self._on_read, self._on_failed)

    def _on_read(self, curves: LossCurves) -> None:
        folder, self._job = self._at_work, None
        if folder in self._readers:
            if not curves.complete and folder not in self._waiting:
                self._waiting.append(folder)
            self.read.emit(folder, curves)
        self._next()

    def _on_failed(self, _error: object) -> None:
        self._job = None
        self._next()

    @Slot()
    def _again(self) -> None:
        self._waiting += [folder for folder in self._growing if folder not in self._waiting]
        if self._growing:
            self._timer.start()
        self._next()
