"""Read the loss curves of a run in parts and bounded memory. Needs numpy; for the background thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from i3core.runs.reader import MetricsReader
from i3desk.curves.series import BoundedCurve, smoothed

PART_BYTES = 1 << 19
X_COLUMNS = ("step", "tokens", "seconds")
SMOOTHED_SHARE = 50  # the average covers a fiftieth of the run
MAX_SMOOTHING = 0.98


@dataclass(frozen=True)
class LossCurves:
    """The curves of one run, with a row for each of X_COLUMNS and the loss as the last row.

    Attributes:
        training: smoothed and downsampled.
        complete: whether the log was read to its end.
    """

    training: np.ndarray
    validation: np.ndarray
    complete: bool


class LossReader:
    """Reads the curves of one run."""

    def __init__(self, folder: Path) -> None:
        self._metrics = MetricsReader(folder)
        self._curve = BoundedCurve(len(X_COLUMNS) + 1)
        self._evaluations: list[tuple[float, ...]] = []

    def read(self) -> LossCurves:
        """Read the next part of the log; returns the curves so far."""
        part = self._metrics.read(PART_BYTES)
        if part.restarted:
            self._curve, self._evaluations = BoundedCurve(len(X_COLUMNS) + 1), []
        if len(part.steps["loss"]):
            rows = np.column_stack([part.steps[name] for name in (*X_COLUMNS, "loss")])
            self._curve.extend(rows[np.isfinite(rows[:, -1])])
        for each in part.evaluations:
            if each.val_loss is not None:
                self._evaluations.append((each.step, each.tokens, each.seconds, each.val_loss))
        training = self._curve.points.T.copy()
        weight = min(MAX_SMOOTHING, 1 - SMOOTHED_SHARE / max(SMOOTHED_SHARE, training.shape[1]))
        training[-1] = smoothed(training[-1], weight)
        validation = np.array(self._evaluations, np.float64).reshape(-1, len(X_COLUMNS) + 1).T
        return LossCurves(training, validation, part.complete)
