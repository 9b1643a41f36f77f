"""The curves of one run: a large plot, and cards of all other metrics. Imports pyqtgraph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QStackedLayout, QWidget

from i3core.errors import I3Error
from i3core.runs.reader import MetricsPart, RunStatus, RunSummary
from i3desk.curves.csv_export import csv_steps
from i3desk.curves.header import CurvesHeader
from i3desk.curves.legend import LegendEntry
from i3desk.curves.metric_strip import MetricStrip
from i3desk.curves.metrics import METRICS, History
from i3desk.curves.number_format import X_UNITS, position_text
from i3desk.curves.plot import CurvePlot
from i3desk.curves.png_export import write_png
from i3desk.curves.progress import RunProgress
from i3desk.language import tr
from i3desk.style.theme import Theme
from i3desk.widgets.basics import column_in
from i3desk.workers.background import BackgroundJobs

DRAW_EVERY_MS = 100
MAIN = "loss"
DEFAULT_SMOOTHING = 0.9
FAINT = 0.4
EVALUATED = ("val_loss", *(name for metric in METRICS.values() for name, _, _ in metric.evaluated))


class CurvesDashboard(QWidget):
    """Shows the metrics that are added to it. The plot takes time to make, so it follows in the next event.

    Attributes:
        history: all metrics read of the run.
        plot: the large plot; None until the next event.
        metric_key: the metric in the large plot.
    Signals:
        exported(path): emitted when a picture or a table was written.
        failed(what, remedy): emitted when it could not be written.
    """

    exported = Signal(str)
    failed = Signal(str, str)

    def __init__(self, theme: Theme, background: BackgroundJobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._background = theme, background
        self.history = History(DEFAULT_SMOOTHING)
        self.plot: CurvePlot | None = None
        self.metric_key = MAIN
        self._unit = "step"
        self._hidden: set[str] = set()
        self._curves: tuple[LegendEntry, ...] = ()
        self._status: RunStatus | None = None
        self._summary: RunSummary | None = None
        self._dialog: QFileDialog | None = None
        self._build()
        self._draw_timer = QTimer(self, singleShot=True, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self.refresh)
        QTimer.singleShot(0, self, self._make_plot)

    def _build(self) -> None:
        self.header = CurvesHeader(self._theme)
        self.strip = MetricStrip(self._theme)
        card = QFrame()
        card.setObjectName("card")
        inside = column_in(card, self.header, margins=(16, 12, 14, 8), spacing=4)
        self._stack = QStackedLayout()
        inside.addLayout(self._stack, 1)
        self._stack.addWidget(QWidget())  # the first widget is shown at once: as a window if it had no parent yet
        column_in(self, (card, 1), self.strip, spacing=12)

        header = self.header
        header.legend.toggled.connect(self._on_toggled)
        header.smoothing_chosen.connect(self._on_smoothing)
        header.unit_chosen.connect(self._on_unit)
        header.log_y.toggled.connect(self._on_log)
        header.log_x.toggled.connect(self._on_log)
        header.reset.triggered.connect(self._on_reset)
        header.png.triggered.connect(self._ask_png)
        header.csv.triggered.connect(self._ask_csv)
        self.strip.chosen.connect(self.show_metric)
        self.strip.page_changed.connect(self._draw_soon)

    # -------------------------------------------------------------------------------------------------- what is shown

    def clear(self) -> None:
        """Forget the run."""
        self.history.clear()
        self._status = self._summary = None
        self._hidden.clear()
        self._forget_curves()
        self.metric_key = MAIN

    def add(self, part: MetricsPart) -> None:
        """Add what was read of the run; it is drawn within a tenth of a second."""
        self.history.add(part)
        self._draw_soon()

    def show_status(self, status: RunStatus) -> None:
        """Show a newer state of the run."""
        self._status = status
        self._draw_soon()

    def show_summary(self, summary: RunSummary) -> None:
        """Show the name, folder and number of steps of the run."""
        self._summary = summary
        self._draw_soon()

    @Slot(str)
    def show_metric(self, key: str) -> None:
        """Show this metric in the large plot; its card is replaced by one of the loss."""
        self.metric_key = key
        self._forget_curves()
        self.refresh()

    @Slot()
    def _draw_soon(self) -> None:
        if not self._draw_timer.isActive() and self.isVisible():
            self._draw_timer.start(DRAW_EVERY_MS)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_timer.start(0)

    @Slot()
    def _make_plot(self) -> None:
        self.plot = CurvePlot(self._theme, tr("Curves of the run"))
        self.plot.zoom_changed.connect(self.header.show_zoomed)
        self._stack.addWidget(self.plot)
        self._stack.setCurrentWidget(self.plot)
        self._on_log()
        self._draw_timer.start(0)

    # -------------------------------------------------------------------------------------------------------- drawing

    @Slot()
    def refresh(self) -> None:
        """Draw now, instead of at the next timer event."""
        self._draw_timer.stop()
        history = self.history
        if not history.has_unit(self._unit):
            self._unit = "step"
        if len(history) or history.evaluations:
            self._show_header()
            self._show_cards()
            if self.plot is not None:
                self._show_plot(self.plot)

    @property
    def _is_alive(self) -> bool:
        status = self._status or (self._summary.status if self._summary else None)  # the former is newer
        return status is not None and status.state.is_alive

    def _show_header(self) -> None:
        history, header = self.history, self.header
        steps = history.xs("step")
        step = int(steps[-1]) if len(steps) else history.evaluations[-1].step
        total = (self._summary.total_steps or None) if self._summary else None
        config = self._summary.config if self._summary else {}
        epoch = step * config["epochs"] / total if total and config.get("epochs") and not config.get("steps") else None
        eta_s = tokens_per_second = None
        if self._is_alive:
            eta_s, tokens_per_second = history.eta_s, history.latest("tokens_per_second")
        best = history.best
        best_loss = best.val_loss if best else None
        header.progress.show_progress(RunProgress(step, total, epoch, eta_s, tokens_per_second, best_loss))
        header.title.setText(METRICS[self.metric_key].title)
        header.show_unit(self._unit, [unit for unit in X_UNITS if history.has_unit(unit)])
        header.offer_smoothing(METRICS[self.metric_key].noisy)

    def _show_cards(self) -> None:
        history = self.history
        keys = [key for key in METRICS if key not in (MAIN, self.metric_key) and history.has(key)]
        if self.metric_key != MAIN:
            order = [key for key in METRICS if key != MAIN and (history.has(key) or key == self.metric_key)]
            keys.insert(order.index(self.metric_key), MAIN)
        self.strip.show_keys(keys)
        for key, card in self.strip.visible_cards.items():
            if METRICS[key].evaluated:
                xs, ys = history.evaluated(self._unit, METRICS[key].evaluated[0][0])
            else:
                xs = history.xs(self._unit)
                ys = history.values(key)
            card.show_curve(xs, ys, history.latest(key))

    def _show_plot(self, plot: CurvePlot) -> None:
        """Show the curves of the chosen metric, the best point, and the current position."""
        history, unit = self.history, self._unit
        curves = list(self._series())
        entries = tuple(entry for entry, _, _ in curves)
        if [entry.key for entry in entries] != [entry.key for entry in self._curves]:
            plot.clear_curves()
            for entry in entries:
                width, points = 1.0 if entry.key == "each" else 2.0, entry.key in EVALUATED
                plot.add_curve(entry.key, entry.name, entry.token, width, entry.opacity, points)
            plot.setAccessibleName(tr("Curves: {title}").format(title=METRICS[self.metric_key].title))
        self._curves = entries
        self.header.legend.show_entries(sorted(entries, key=lambda entry: entry.key == "each"))
        plot.set_units(unit, METRICS[self.metric_key].text)
        for entry, xs, ys in curves:
            plot.show_series(entry.key, xs, ys)
            plot.set_curve_visible(entry.key, entry.visible)
        self._mark_best(plot)
        xs = history.xs(unit)
        total = self._summary.total_steps if self._summary else 0
        continues = self._is_alive and len(xs) > 0 and history.xs("step")[-1] < total
        plot.mark_now(float(xs[-1]) if continues else None)
        plot.set_end(float(xs[-1] * total / history.xs("step")[-1]) if continues else None)

    def _series(self) -> Iterator[tuple[LegendEntry, np.ndarray, np.ndarray]]:
        """The curves of the chosen metric, from back to front."""
        history, unit, metric = self.history, self._unit, METRICS[self.metric_key]
        for name, title, token in metric.evaluated:
            points = history.evaluated(unit, name)
            if len(points[0]):
                yield self._entry(name, title, token), *points
        if metric.evaluated:
            return
        xs, ys = history.xs(unit), history.values(metric.key)
        if metric.noisy and history.smoothing:
            yield self._entry("each", tr("each step"), metric.token, FAINT), xs, ys
            yield self._entry("smooth", metric.name, metric.token), xs, history.smoothed(metric.key)
        else:
            yield self._entry("only", metric.name, metric.token), xs, ys
        points = history.evaluated(unit, "val_loss")
        if metric.key == MAIN and len(points[0]):
            yield self._entry("val_loss", tr("validation"), "series_2"), *points

    def _entry(self, key: str, name: str, token: str, opacity: float = 1.0) -> LegendEntry:
        return LegendEntry(key, name, token, opacity, key not in self._hidden)

    def _mark_best(self, plot: CurvePlot) -> None:
        best, metric = self.history.best, METRICS[self.metric_key]
        evaluated = "val_loss" if metric.key == MAIN else metric.evaluated[0][0] if metric.evaluated else None
        value = None if best is None or evaluated is None else getattr(best, evaluated)
        if best is None or value is None or evaluated in self._hidden:
            plot.mark_point(None)
        else:
            text = tr("best {text} at {position}").format(
                text=metric.text(value), position=position_text("step", best.step)
            )
            plot.mark_point(float(getattr(best, self._unit)), value, text)

    def _forget_curves(self) -> None:
        self._curves = ()
        if self.plot is not None:
            self.plot.clear_curves()

    # ------------------------------------------------------------------------------------------------- what is chosen

    @Slot(str, bool)
    def _on_toggled(self, key: str, visible: bool) -> None:
        (self._hidden.discard if visible else self._hidden.add)(key)
        self.refresh()

    @Slot(float)
    def _on_smoothing(self, weight: float) -> None:
        self.history.smoothing = weight
        self._hidden -= {"each", "smooth", "only"}
        self.refresh()

    @Slot(str)
    def _on_unit(self, unit: str) -> None:
        self._unit = unit
        self.refresh()

    @Slot()
    def _on_log(self) -> None:
        if self.plot is not None:
            self.plot.set_log(self.header.log_y.isChecked())
            self.plot.set_log_x(self.header.log_x.isChecked())

    @Slot()
    def _on_reset(self) -> None:
        if self.plot is not None:
            self.plot.reset_zoom()

    # ---------------------------------------------------------------------------------------------------------- files

    @property
    def _name(self) -> str:
        return self._summary.name if self._summary else "run"

    @Slot()
    def _ask_png(self) -> None:
        if self.plot is not None:
            name = f"{self._name} {METRICS[self.metric_key].title.lower()}"
            self._ask(tr("Save the plot"), name, "png", tr("Pictures (*.png)"), self.save_png)

    @Slot()
    def _ask_csv(self) -> None:
        if self._summary is not None:
            self._ask(tr("Save all steps"), self._name, "csv", tr("Tables (*.csv)"), self.save_csv)

    def _ask(self, title: str, name: str, suffix: str, kinds: str, save: Callable[[str], None]) -> None:
        safe = "".join(c if c.isalnum() or c in " -_" else "" for c in name).strip()[:60] or "run"
        dialog = self._dialog = QFileDialog(self, title, f"{safe}.{suffix}", kinds)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.fileSelected.connect(save)
        dialog.open()

    @Slot(str)
    def save_png(self, path: str) -> None:
        """Write the visible part of the plot at twice its size."""
        if self.plot is not None:
            image = self.plot.picture(f"{METRICS[self.metric_key].title} · {self._name}")
            self._background.run(partial(write_png, image, path), self.exported.emit, self._on_failed)

    @Slot(str)
    def save_csv(self, path: str) -> None:
        """Write all steps of the run in parts, between which other background jobs run."""
        if self._summary is not None:
            self._write_next(csv_steps(self._summary.folder, path), path)

    def _write_next(self, parts: Iterator[int], path: str) -> None:
        def written(rows: int | None) -> None:
            if rows is None:
                self.exported.emit(path)
            else:
                self._write_next(parts, path)

        self._background.run(partial(next, parts, None), written, self._on_failed)

    def _on_failed(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)
