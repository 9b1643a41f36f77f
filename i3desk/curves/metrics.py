"""The metrics of a run that have curves, and their history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from i3core.runs.events import Evaluated
from i3core.runs.reader import MetricsPart
from i3desk.curves.number_format import (
    X_UNITS,
    bytes_text,
    count_text,
    exponent_text,
    figure_text,
    percent_text,
    power_text,
)
from i3desk.curves.series import Column, Smoother, rising, with_gaps
from i3desk.language import tr


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        key: a column of MetricsPart.steps, or the name of a metric that evaluations report.
        name: of its curve in the legend.
        token: its colour token on a card.
        text: formats a value.
        noisy: whether smoothing helps.
        evaluated: of a metric that evaluations report: attribute of Evaluated, name and colour token of each curve.
    """

    key: str
    title: str
    name: str
    token: str
    text: Callable[[float], str]
    meaning: str
    noisy: bool = True
    evaluated: tuple[tuple[str, str, str], ...] = ()


METRICS = {
    metric.key: metric
    for metric in (
        Metric("loss", tr("Loss"), tr("training"), "series_1", figure_text,
               tr("How surprised the model is by the training text, in nats per token: lower is better")),
        Metric("perplexity", tr("Perplexity"), tr("your text"), "series_2", figure_text,
               tr("How many equally likely tokens the model chooses among, on validation text: lower is better"),
               noisy=False,
               evaluated=(("val_perplexity", tr("your text"), "series_2"),
                          ("general_perplexity", tr("general text"), "series_3"))),
        Metric("talk", tr("Answers right"), tr("your questions"), "series_2", percent_text,
               tr("Questions about your data that it answers right in the middle of a chat, and everyday talk "
               "that is as "
               "sensible as before: higher is better"), noisy=False,
               evaluated=(("right_percent", tr("your questions"), "series_2"),
                          ("kept_percent", tr("everyday talk"), "series_3"))),
        Metric("lr", tr("Learning rate"), tr("learning rate"), "series_3", exponent_text,
               tr("The size of each step"), noisy=False),
        Metric("grad_norm", tr("Gradient norm"), tr("gradient norm"), "series_1", figure_text,
               tr("The size of the gradient before clipping; peaks are signs of trouble")),
        Metric("tokens_per_second", tr("Tokens/s"), tr("tokens/s"), "series_3", count_text, tr("Training speed")),
        Metric("gpu_memory_bytes", tr("Device memory"), tr("device memory"), "series_3", bytes_text,
               tr("Memory in use on the graphics card")),
        Metric("gpu_utilization_percent", tr("Device load"), tr("device load"), "series_3", percent_text,
               tr("Load of the graphics card")),
        Metric("gpu_power_w", tr("Device power"), tr("device power"), "series_3", power_text,
               tr("Power that the graphics card draws")),
        Metric("rss_bytes", tr("Memory"), tr("memory"), "series_3", bytes_text, tr("Memory of the training process")),
        Metric("cpu_percent", tr("CPU load"), tr("CPU load"), "series_3", percent_text, tr("Load of this whole "
        "computer")),
    )
}  # fmt: skip
_DOUBLE = (*X_UNITS, "loss")  # others are only drawn: single precision saves half the memory


class History:
    """All metrics read of one run. A value that is not finite is a gap."""

    def __init__(self, smoothing: float) -> None:
        self._smoothing = smoothing
        self.clear()

    def __len__(self) -> int:
        return self._count

    def clear(self) -> None:
        """Forget everything."""
        self.evaluations: list[Evaluated] = []
        self.eta_s: float | None = None  # as last logged
        self._columns: dict[str, Column] = {}
        self._smooth: dict[str, tuple[Smoother, Column]] = {}
        self._lacking: set[str] = set()
        self._count = 0

    def add(self, part: MetricsPart) -> None:
        """Append what was read; a restarted log forgets everything before it."""
        if part.restarted:
            self.clear()
        placed = np.isfinite(part.steps["step"])
        count = int(placed.sum())
        for name, values in part.steps.items():
            if name in X_UNITS:
                self._add_x(name, values[placed])
            elif name in METRICS:
                self._add_values(name, values[placed])
        self._count += count
        if count:
            eta_s = float(part.steps["eta_s"][placed][-1])
            self.eta_s = eta_s if np.isfinite(eta_s) else None
        self.evaluations.extend(part.evaluations)

    def _add_x(self, unit: str, values: np.ndarray) -> None:
        column = self._columns.setdefault(unit, Column())
        if not np.isfinite(values).all():
            self._lacking.add(unit)
        last = column.values[-1] if len(column) else -np.inf
        column.extend(rising(values, last))

    def _add_values(self, name: str, values: np.ndarray) -> None:
        if name not in self._columns:
            if name != "loss" and not np.isfinite(values).any():
                return
            column = self._columns[name] = Column(np.float64 if name in _DOUBLE else np.float32)
            column.extend(np.full(self._count, np.nan))
        self._columns[name].extend(with_gaps(values))

    @property
    def smoothing(self) -> float:
        """The weight of earlier values in `smoothed`; see Smoother."""
        return self._smoothing

    @smoothing.setter
    def smoothing(self, weight: float) -> None:
        self._smoothing = weight
        self._smooth.clear()

    def has_unit(self, unit: str) -> bool:
        """Whether every step has an x in this unit."""
        return unit not in self._lacking

    def has(self, metric: str) -> bool:
        """Whether the metric has any values."""
        if METRICS[metric].evaluated:
            name = METRICS[metric].evaluated[0][0]
            return any(getattr(evaluation, name) is not None for evaluation in self.evaluations)
        return len(self.values(metric)) > 0

    def xs(self, unit: str) -> np.ndarray:
        """The x of all steps."""
        return self._columns[unit].values if unit in self._columns else np.empty(0)

    def values(self, name: str) -> np.ndarray:
        """A column, as long as `xs`, or empty."""
        return self._columns[name].values if name in self._columns else np.empty(0)

    def smoothed(self, name: str) -> np.ndarray:
        """A smoothed column; only new values are computed."""
        smoother, smooth = self._smooth.setdefault(name, (Smoother(self._smoothing), Column()))
        smooth.extend(smoother.extend(self.values(name)[len(smooth) :]))
        return smooth.values

    def evaluated(self, unit: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """x and y of a value of the evaluations, such as "val_loss"; those without it are left out."""
        pairs = [(getattr(each, unit), getattr(each, name)) for each in self.evaluations]
        points = [(x, y) for x, y in pairs if x is not None and y is not None and np.isfinite([x, y]).all()]
        xs, ys = np.array(points, np.float64).reshape(-1, 2).T
        return rising(xs), ys

    @property
    def best(self) -> Evaluated | None:
        """The evaluation of the best checkpoint so far."""
        best = [each for each in self.evaluations if each.is_best]
        return best[-1] if best else None

    def latest(self, name: str) -> float | None:
        """The newest finite value of a metric, if there is one."""
        if METRICS[name].evaluated:
            values = self.evaluated("step", METRICS[name].evaluated[0][0])[1]
        else:
            values = self.smoothed(name) if name == "loss" else self.values(name)
        recent = values[-200:]
        finite = recent[np.isfinite(recent)]
        return float(finite[-1]) if len(finite) else None
