"""Compare runs: their loss curves in one plot, and a table of differences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from i3core.runs.reader import RunSummary
from i3desk.curves.lazy_import import import_plots, plots_are_ready
from i3desk.language import tr
from i3desk.runs.comparison_table import SAME, ComparisonTable, CurveStyle
from i3desk.runs.config_diff import setting_differences
from i3desk.runs.loss_loader import LossLoader
from i3desk.style.theme import Theme
from i3desk.widgets.basics import button, column_in, icon_button, label, named, row
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.workers.background import BackgroundJobs

if TYPE_CHECKING:
    from i3desk.curves.plot import CurvePlot
    from i3desk.runs.loss_history import LossCurves

MARGIN = 16
MIN_TABLE_HEIGHT = 92
# Colour tokens with contrast in light and dark themes, solid, then dashed. More curves could not be distinguished.
CURVE_STYLES = tuple(
    CurveStyle(token, dashed)
    for dashed in (False, True)
    for token in ("series_1", "series_2", "series_3", "bad", "muted", "text")
)
LOSSES = {
    "validation": (tr("Validation"), tr("Loss on validation text, which is never trained on")),
    "training": (tr("Training"), tr("Loss on the training text, smoothed")),
}
XS = {
    "step": (tr("Steps"), tr("By training steps")),
    "tokens": (tr("Tokens"), tr("By training tokens")),
    "seconds": (tr("Time"), tr("By training time, without pauses and stops")),
}
NOTHING = {
    "validation": tr("None of these runs has been evaluated yet. Choose “Training” to see their training loss."),
    "training": tr("None of these runs has trained a step yet."),
}


class RunComparison(QWidget):
    """Compares as many runs as there are CURVE_STYLES.

    Attributes:
        plot: the CurvePlot; None until pyqtgraph is loaded.
        loss, x_unit: what is drawn: keys of LOSSES and XS.
        curves: read so far, by run folder.
    Signals:
        removal_requested: emitted when the user wants to delete these runs; ask first.
        closed: emitted when the user closes the comparison.
        styles_changed: emitted when `style_of` changed.
    """

    removal_requested = Signal()
    closed = Signal()
    styles_changed = Signal()

    def __init__(self, theme: Theme, background: BackgroundJobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._background = theme, background
        self.plot: CurvePlot | None = None
        self.loss, self.x_unit = "validation", "step"
        self._loss_chosen = False
        self.summaries: list[RunSummary] = []
        self.curves: dict[Path, LossCurves] = {}
        self._drawn: dict[Path, tuple[str, CurveStyle]] = {}
        self._styles: dict[Path, CurveStyle] = {}
        self._loading = False
        self._loader = LossLoader(background, self)
        self._loader.loaded.connect(self._on_loaded_curves)
        self._build()

    # ------------------------------------------------------------------ its parts

    def _build(self) -> None:
        self.title = label(grade="title")
        self.left_out = label(tone="muted", grade="small")
        self.delete_button = button(tr("Delete…"), tr("Delete all chosen runs, or take them off the list (Del)"))
        self.delete_button.clicked.connect(self.removal_requested)
        self.close_button = icon_button("close", tr("Close comparison"), tr("Close comparison (Esc)"), size=16)
        self.close_button.clicked.connect(self.closed)
        head = QWidget()
        line = row(
            self.title, self.left_out, None, self.delete_button, self.close_button, margins=(MARGIN, 10, MARGIN - 4, 0)
        )
        head.setLayout(line)

        self.loss_choice = SegmentedControl(tr("Loss"), LOSSES)
        self.loss_choice.setFixedWidth(160)
        self.loss_choice.chosen.connect(self._choose_loss)
        self.x_choice = SegmentedControl(tr("Horizontal axis"), XS)
        self.x_choice.setFixedWidth(172)
        self.x_choice.chosen.connect(self._choose_x)
        self.log_button = button("log", tr("A logarithmic scale for the loss"), kind="quiet", name=tr("Logarithmic"))
        self.log_button.setCheckable(True)
        self.log_button.toggled.connect(self._set_log)
        self.reset_button = button(
            tr("Show all"), tr("Show the whole curves again (Home, or a double click)"), kind="quiet"
        )
        self.reset_button.clicked.connect(self._reset_zoom)
        self.reset_button.hide()
        plot_card = named(QFrame(), "card")
        self._stack = QStackedWidget()
        self.nothing = label(tr("Loading the curves…"), tone="muted", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack.addWidget(self.nothing)
        column_in(
            plot_card,
            row(self.loss_choice, self.x_choice, None, self.reset_button, self.log_button),
            (self._stack, 1),
            margins=(12, 10, 12, 8),
            spacing=8,
        )

        self.table = ComparisonTable(self._theme)
        self.table.setMinimumHeight(MIN_TABLE_HEIGHT)
        self.same = label(SAME, tone="muted", grade="small")
        self._table_card = named(QFrame(), "card")
        self._table_column = column_in(self._table_card, (self.table, 1), self.same, margins=(8, 6, 8, 8), spacing=4)
        outer = column_in(self, head)
        body = QWidget()
        column_in(body, (plot_card, 3), (self._table_card, 2), margins=(MARGIN, 12, MARGIN, MARGIN), spacing=12)
        outer.addWidget(body, 1)
        self.loss_choice.show_choice(self.loss)
        self.x_choice.show_choice(self.x_unit)

    # ------------------------------------------------------------------ what it shows

    def show_runs(self, summaries: Sequence[RunSummary]) -> None:
        """Compare these runs, or update them; an empty list ends the comparison."""
        chosen = list(summaries)
        shown = self._in_order(chosen)
        if shown != self.summaries:
            self.summaries = shown
            self._assign_styles()
            for folder in [folder for folder in self.curves if folder not in self._styles]:
                del self.curves[folder]
            if not self._loss_chosen:  # show what is available until the user chooses
                evaluated = any(each.best_val_loss is not None for each in shown)
                self.loss = "validation" if evaluated or not shown else "training"
                self.loss_choice.show_choice(self.loss)
            self.table.show_runs(shown, [self._styles[each.folder] for each in shown])
            self.same.setVisible(not setting_differences([each.config for each in shown]))
            self.table.setMaximumHeight(self.table.whole_height())
            self._table_card.setMaximumHeight(self._table_column.maximumSize().height())
            self._draw()
        count = len(chosen)
        self.title.setText(tr("Comparing {count} runs").format(count=min(count, len(CURVE_STYLES))))
        self.left_out.setText(
            tr("the first of {count} chosen").format(count=count) if count > len(CURVE_STYLES) else ""
        )
        self.delete_button.setText(tr("Delete {count} runs…").format(count=count))
        growing = [each.folder for each in shown if each.status.state.is_alive]
        self._loader.watch([each.folder for each in shown], growing)
        if shown and self.plot is None:
            self._load_plot()

    def style_of(self, folder: Path) -> CurveStyle | None:
        """The style of a run's curve; None if the run is not compared."""
        return self._styles.get(folder)

    def _in_order(self, chosen: list[RunSummary]) -> list[RunSummary]:
        """Runs that are compared already come first, so that they keep their colours and columns."""
        before = {each.folder: index for index, each in enumerate(self.summaries)}
        chosen = sorted(chosen, key=lambda each: before.get(each.folder, len(before)))
        return chosen[: len(CURVE_STYLES)]

    def _assign_styles(self) -> None:
        kept = {each.folder: self._styles[each.folder] for each in self.summaries if each.folder in self._styles}
        free = [style for style in CURVE_STYLES if style not in kept.values()]
        styles = {each.folder: kept.get(each.folder) or free.pop(0) for each in self.summaries}
        if styles != self._styles:
            self._styles = styles
            self.styles_changed.emit()

    # ------------------------------------------------------------------ the plot

    def _load_plot(self) -> None:
        if plots_are_ready():
            self._make_plot()
        elif not self._loading:
            self._loading = True
            self._background.run(import_plots, self._on_loaded, self._on_not_loaded)

    def _on_loaded(self, _nothing: object) -> None:
        if self.plot is None:
            self._make_plot()

    def _on_not_loaded(self, error: object) -> None:
        self._loading = False
        self.nothing.setText(tr("The curves cannot be shown. {error}").format(error=error))

    def _make_plot(self) -> None:
        from i3desk.curves.plot import CurvePlot  # imported already by the background job

        plot = self.plot = CurvePlot(self._theme, tr("Loss of the compared runs"))
        plot.setToolTip(
            tooltip_text(tr("Wheel zooms, dragging moves, a double click shows all; arrow keys move the cursor"))
        )
        plot.set_log(self.log_button.isChecked())
        plot.set_units(self.x_unit)
        plot.zoom_changed.connect(self.reset_button.setVisible)
        self._stack.addWidget(plot)
        self._draw()

    @Slot(object, object)
    def _on_loaded_curves(self, folder: Path, curves: LossCurves) -> None:
        self.curves[folder] = curves
        self._draw()

    def _draw(self) -> None:
        if self.plot is None:
            return
        wanted = {each.folder: (each.name, self._styles[each.folder]) for each in self.summaries}
        if wanted != self._drawn:
            self.plot.clear_curves()
            for folder, (name, style) in wanted.items():
                self.plot.add_curve(str(folder), name, style.token, 2.0, points=True, dashed=style.dashed)
            self._drawn = wanted
        from i3desk.curves.series import ordered
        from i3desk.runs.loss_history import X_COLUMNS

        column = X_COLUMNS.index(self.x_unit)
        for folder in wanted:
            curves = self.curves.get(folder)
            if curves is not None:
                lines = curves.validation if self.loss == "validation" else curves.training
                self.plot.show_series(str(folder), *ordered(lines[column], lines[-1]))
        known = len(self.curves) >= len(wanted)
        self.nothing.setText(NOTHING[self.loss] if known else tr("Loading the curves…"))
        self._stack.setCurrentWidget(self.plot if self.plot.has_points else self.nothing)

    @Slot(str)
    def _choose_loss(self, loss: str) -> None:
        self.loss, self._loss_chosen = loss, True
        self._draw()

    @Slot(str)
    def _choose_x(self, x_unit: str) -> None:
        self.x_unit = x_unit
        if self.plot is not None:
            self.plot.set_units(x_unit)
        self._draw()

    @Slot(bool)
    def _set_log(self, log: bool) -> None:
        if self.plot is not None:
            self.plot.set_log(log)

    @Slot()
    def _reset_zoom(self) -> None:
        if self.plot is not None:
            self.plot.reset_zoom()
            self.plot.setFocus()

    # ------------------------------------------------------------------ keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
