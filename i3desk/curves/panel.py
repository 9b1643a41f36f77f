"""The panel of a run's curves, or the reason why there are none yet.

Importing this needs neither numpy nor pyqtgraph: both are imported in the background when the panel is first shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QStackedLayout, QVBoxLayout, QWidget

from i3core.errors import I3Error
from i3core.runs.events import Evaluated
from i3core.runs.reader import MetricsPart, RunState, RunStatus, RunSummary
from i3desk.curves.lazy_import import import_plots
from i3desk.language import tr
from i3desk.style.theme import Theme
from i3desk.widgets.basics import label
from i3desk.workers.background import BackgroundJobs

if TYPE_CHECKING:
    from i3desk.curves.dashboard import CurvesDashboard

NOTHING_YET = tr("Curves appear here as soon as a run takes its first step")
LOADING = tr("Loading the curves…")
_HINTS = {
    RunState.QUEUED: tr("Queued"),
    RunState.STARTING: tr("The run is starting"),
    RunState.RUNNING: tr("Running the first step…"),
    RunState.MISSING: tr("This folder contains no run any more"),
}
_ENDED_EARLY = tr("This run ended before its first step")


class CurvesPanel(QWidget):
    """Shows the metrics that are added to it.

    Attributes:
        evaluations: all evaluations read of the run, in order.
        dashboard: the curves; None until their code is loaded.
    Signals:
        exported(path): emitted when a picture or a table was written.
        failed(what, remedy): emitted when it could not be written.
    """

    exported = Signal(str)
    failed = Signal(str, str)

    def __init__(self, theme: Theme, background: BackgroundJobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._background = theme, background
        self.evaluations: list[Evaluated] = []
        self.dashboard: CurvesDashboard | None = None
        self._parts: list[MetricsPart] = []  # added before the dashboard was loaded
        self._steps = 0
        self._status: RunStatus | None = None
        self._summary: RunSummary | None = None
        self._loading = False
        self._trouble = ""
        self.hint = label(tone="muted", wrap=True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty = QFrame()
        self._empty.setObjectName("card")
        QVBoxLayout(self._empty).addWidget(self.hint)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        self._show()

    def clear(self) -> None:
        """Show no run."""
        self._forget()
        self._status = self._summary = None
        if self.dashboard is not None:
            self.dashboard.clear()
        self._show()

    def add(self, part: MetricsPart) -> None:
        """Add what was read of the run; it is drawn within a tenth of a second."""
        if part.restarted:
            self._forget()
        self._steps += len(part.steps["step"])
        self.evaluations.extend(part.evaluations)
        if self.dashboard is None:
            self._parts.append(part)
        else:
            self.dashboard.add(part)
        self._show()

    def show_status(self, status: RunStatus) -> None:
        """Show a newer state of the run."""
        self._status = status
        if self.dashboard is not None:
            self.dashboard.show_status(status)
        self._show()

    def show_summary(self, summary: RunSummary) -> None:
        """Show the name, folder and number of steps of the run."""
        self._summary = summary
        if self.dashboard is not None:
            self.dashboard.show_summary(summary)
        self._show()

    def _forget(self) -> None:
        self._parts.clear()
        self.evaluations.clear()
        self._steps = 0

    def _show(self) -> None:
        something = self._steps > 0 or bool(self.evaluations)
        self.hint.setText(self._trouble or (LOADING if something else self._hint_text()))
        self._stack.setCurrentWidget(self.dashboard if something and self.dashboard is not None else self._empty)

    def _hint_text(self) -> str:
        status = self._status or (self._summary.status if self._summary else None)  # the former is newer
        if status is None:
            return NOTHING_YET
        if status.state == RunState.STARTING and status.note:
            return tr("The run is starting: {note}").format(note=status.note)
        return _HINTS.get(status.state, _ENDED_EARLY)

    # -------------------------------------------------------------------------------------------------------- loading

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.dashboard is None and not self._loading:
            self._loading = True
            self._background.run(import_plots, self._on_loaded, self._on_not_loaded)

    def _on_loaded(self, _nothing: None) -> None:
        from i3desk.curves.dashboard import CurvesDashboard  # imported already by the background job

        dashboard = self.dashboard = CurvesDashboard(self._theme, self._background)
        dashboard.exported.connect(self.exported)
        dashboard.failed.connect(self.failed)
        self._stack.addWidget(dashboard)
        for part in self._parts:
            dashboard.add(part)
        self._parts.clear()
        if self._summary is not None:
            dashboard.show_summary(self._summary)
        if self._status is not None:
            dashboard.show_status(self._status)
        self._show()

    def _on_not_loaded(self, error: I3Error) -> None:
        self._trouble = tr("The curves cannot be shown. {error}").format(error=error)
        self._show()
