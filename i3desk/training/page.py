"""The Train page: the set-up, or a run with its curves and samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedLayout, QStackedWidget, QWidget

from i3core.checkpoints.template import model_template
from i3core.errors import I3Error
from i3core.runs.reader import MetricsPart, RunStatus, RunSummary
from i3core.text.chat_template import ChatTemplate
from i3desk.curves.panel import CurvesPanel
from i3desk.datasets.store import DatasetStore
from i3desk.language import figure, tr
from i3desk.paths import Paths
from i3desk.runs.controller import RunController
from i3desk.runs.watcher import RunWatcher
from i3desk.style.theme import Theme
from i3desk.training.model_comparison import ModelComparison
from i3desk.training.run_panel import RunPanel
from i3desk.training.samples_panel import SamplesPanel
from i3desk.training.setup_panel import SetupPanel
from i3desk.widgets.basics import column_in, named, row_in, scroll_page
from i3desk.workers.background import BackgroundJobs

LEFT_WIDTH = 316
MARGIN = 16


class TrainPage(QWidget):
    """Sets up a run, or shows one.

    Attributes:
        folder: the run that is shown; None while a run is set up.
    Signals:
        chat_requested(folder): emitted when the user wants to chat with this run.
        exported(folder): emitted when a model was made of a run.
    """

    chat_requested = Signal(str)
    exported = Signal(str)

    def __init__(
        self,
        runs: RunController,
        background: BackgroundJobs,
        paths: Paths,
        sets: DatasetStore,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("wide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._runs, self._background = runs, background
        self.folder: Path | None = None
        self.watcher = RunWatcher(background, self)
        self.setup = SetupPanel(theme, paths, sets, background)
        self.run_panel = RunPanel(runs, theme)
        self.curves = CurvesPanel(theme, background)
        self.samples = SamplesPanel()
        self.comparison = ModelComparison()

        self.run_panel.setFixedWidth(LEFT_WIDTH)
        self._below = QStackedWidget()
        self._below.addWidget(self.samples)
        self._below.addWidget(self.comparison)
        self._right = QSplitter(Qt.Orientation.Vertical)
        self._right.setChildrenCollapsible(False)
        self._right.setHandleWidth(12)
        self._right.addWidget(self.curves)
        self._right.addWidget(self._below)
        self._right.setStretchFactor(0, 3)
        self._right.setStretchFactor(1, 2)
        self._right.setSizes([3000, 2000])  # shares of the height that there is
        right = named(QWidget(), "backdropColumn")
        column_in(right, self._right, margins=(MARGIN, MARGIN, MARGIN, MARGIN))
        self._run = QWidget()
        shown = scroll_page(right)
        shown.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)  # on a very small screen
        row_in(self._run, self.run_panel, (shown, 1), spacing=0)
        self._parts = QStackedLayout(self)
        self._parts.addWidget(self.setup)
        self._parts.addWidget(self._run)
        self._connect()
        self.show_run(None)

    def _connect(self) -> None:
        self.setup.start_requested.connect(self._start)
        self.setup.model_changed.connect(self._on_model)
        panel = self.run_panel
        panel.chat_requested.connect(self.chat_requested)
        panel.compare_requested.connect(self._compare)
        panel.new_requested.connect(self.show_setup)
        panel.exported.connect(self.exported)
        self.samples.prompts_changed.connect(self._on_prompts)
        self.samples.sample_requested.connect(self._on_sample)
        self.comparison.closed.connect(self._show_samples)
        self.watcher.status_changed.connect(self._on_status)
        self.watcher.described.connect(self._on_described)
        self.watcher.metrics_read.connect(self._on_metrics)
        self.watcher.samples_read.connect(self._on_samples)
        self._runs.started.connect(self._on_started)
        self._runs.changed.connect(self._on_runs_changed)
        self._runs.deleted.connect(self._on_deleted)

    # ---------------------------------------------------------------------------------------------- what is shown

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setup.fit(self.width())

    @Slot()
    def show_setup(self) -> None:
        """Set up a new run."""
        self.show_run(None)

    def show_run(self, folder: Path | str | None) -> None:
        """Show a run from its folder; None to set one up."""
        self.folder = None if folder is None else Path(folder)
        self.curves.clear()
        self.samples.clear()
        self._show_samples()
        self.comparison.shut_down()
        self.watcher.watch(self.folder)
        self.setFocus()  # otherwise the first field of the panel would get it
        if self.folder is None:
            self._parts.setCurrentWidget(self.setup)
        else:
            self.run_panel.show_run(self.folder)
            summary = self._runs.summary(self.folder)
            if summary is not None:
                self._show_summary(summary)
            self._parts.setCurrentWidget(self._run)

    def add_data(self, paths: Sequence[Path]) -> None:
        """Train on these files."""
        self.show_run(None)
        self.setup.add_data(paths)

    def shut_down(self) -> None:
        """End the processes of the page; a training run continues."""
        self.watcher.watch(None)
        self.setup.shut_down()
        self.run_panel.shut_down()
        self.comparison.shut_down()

    # ------------------------------------------------------------------------------------------- news of the run

    @Slot(object, str)
    def _start(self, config: dict, name: str) -> None:
        self._runs.start(config, name)

    @Slot(str)
    def _on_started(self, folder: str) -> None:
        if self.folder is None or self.folder == Path(folder):
            self.show_run(folder)

    @Slot(object)
    def _on_status(self, status: RunStatus) -> None:
        self.run_panel.show_status(status)
        self.curves.show_status(status)
        self.samples.set_alive(status.state.is_alive)

    @Slot(object)
    def _on_described(self, description: dict) -> None:
        prompts = description.get("config", {}).get("sample_prompts", ())
        self.samples.show_prompts(tuple(prompts), editable=True)

        if self.folder is not None:
            places = (str(self.folder), str(description.get("config", {}).get("model") or ""))
            self._background.run(partial(_template, places), partial(self._on_template, self.folder))

    @Slot(str)
    def _on_model(self, model: str) -> None:
        self._background.run(partial(_template, (model,)), self.setup.prompts.unreadable.set_template)

    def _on_template(self, folder: Path, template: ChatTemplate | None) -> None:
        if folder == self.folder:
            self.samples.editor.list.unreadable.set_template(template)
            self.comparison.unreadable.set_template(template)

    @Slot(object)
    def _on_metrics(self, part: MetricsPart) -> None:
        self.curves.add(part)
        self.run_panel.show_metrics(part)
        if part.evaluations or part.restarted:
            self.samples.show_evaluations(self.curves.evaluations)

    @Slot(bool, object)
    def _on_samples(self, restarted: bool, samples: list) -> None:
        if restarted:
            self.samples.clear_samples()
        self.samples.add(samples)

    @Slot()
    def _on_runs_changed(self) -> None:
        active = self._runs.active
        self.setup.show_busy(active.name if active else "")
        summary = None if self.folder is None else self._runs.summary(self.folder)
        if summary is not None:
            self._show_summary(summary)

    def _show_summary(self, summary: RunSummary) -> None:
        self.run_panel.show_summary(summary)
        self.curves.show_summary(summary)

    @Slot(str)
    def _on_deleted(self, folder: str) -> None:
        if self.folder == Path(folder):
            self.show_run(None)

    # --------------------------------------------------------------------------------------------------- answers

    @Slot(object)
    def _on_prompts(self, prompts: tuple[str, ...]) -> None:
        if self.folder is not None:
            self._runs.sample(self.folder, prompts)

    @Slot()
    def _on_sample(self) -> None:
        if self.folder is not None:
            self._runs.sample(self.folder)

    @Slot(str)
    def _compare(self, folder: str) -> None:
        summary = self._runs.summary(folder)
        if summary is not None:
            step = summary.best_step or summary.status.saved_step or summary.step
            self.comparison.show_models(
                summary.config.get("model") or summary.model,
                folder,
                tr("step {step}").format(step=figure(step)),
                summary.name,
            )
            self._below.setCurrentWidget(self.comparison)

    @Slot()
    def _show_samples(self) -> None:
        self._below.setCurrentWidget(self.samples)


def _template(models: Sequence[str]) -> ChatTemplate | None:
    """The template of the first of these models that can be read; None if none can, as before a run's first save."""
    for model in filter(None, models):
        try:
            return model_template(model)[0]
        except I3Error:
            continue
    return None
