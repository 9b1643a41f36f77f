"""The loss curves of one run, read piece by piece in bounded memory. Needs numpy; used in the background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i3core.runs.reader import MetricsReader
from i3desk.curves.series import smoothed

MOST_POINTS = 4096
PART_BYTES = 1 << 19
X_COLUMNS = ("step", "tokens", "seconds")
SMOOTHED_SHARE = 50  # the average reaches over a fiftieth of the run
MOST_SMOOTHING = 0.98


class BoundedCurve:
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


class LossReader:
    """Reads one run."""

    def __init__(self, folder: Path) -> None:
        self._metrics = MetricsReader(folder)
        self._curve = BoundedCurve(len(X_COLUMNS) + 1)
        self._evaluations: list[tuple[float, ...]] = []

    def read(self) -> LossCurves:
        part = self._metrics.read(PART_BYTES)
        if part.restarted:
            self._curve, self._evaluations = BoundedCurve(len(X_COLUMNS) + 1), []
        if len(part.steps["loss"]):
            rows = np.column_stack([part.steps[name] for name in (*X_COLUMNS, "loss")])
            self._curve.extend(rows[np.isfinite(rows[:, -1])])
        for each in part.evaluations:
            if each.val_loss is not None:
                self._evaluations.append((each.step, each.tokens, each.seconds, each.val_loss))
        training = self._curve.rows.T.copy()
        weight = min(MOST_SMOOTHING, 1 - SMOOTHED_SHARE / max(SMOOTHED_SHARE, training.shape[1]))
        training[-1] = smoothed(training[-1], weight)
        validation = np.array(self._evaluations, np.float64).reshape(-1, len(X_COLUMNS) + 1).T
        return LossCurves(training, validation, part.complete)
