"""The cards in the panel of a run: progress, settings, queue."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QProgressBar, QWidget

from i3core.runs.reader import RunSummary
from i3desk.language import tr
from i3desk.runs.labels import model_text
from i3desk.style.palette import tabular
from i3desk.training import run_labels
from i3desk.training.run_view_model import ProgressState, WaitingState
from i3desk.widgets.basics import BusyBar, add, button, column_in, label, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.facts import FactRows
from i3desk.widgets.plain_text import tooltip_text


class ProgressCard(QFrame):
    """How far the run is, or what it does before its first step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(tr("Progress"))
        self.step = tabular(label(grade="name", wrap=True))
        self.share = tabular(label(tone="muted"))
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName(tr("Progress of the run"))
        self.busy = BusyBar()
        self.rows = FactRows(figures=True)
        self.notice = label(tone="muted", grade="small", wrap=True)
        column = column_in(self, margins=(14, 11, 14, 13), spacing=8)
        line = row((self.step, 1), self.share)
        add(column, line, self.bar, self.busy, 2, self.rows, self.notice)
        self.show_notice("")

    def show_progress(self, state: ProgressState) -> None:
        """Show how far the run is."""
        self.step.setText(state.title)
        self.share.setText(state.share)
        self.busy.setVisible(state.busy)
        self.bar.setVisible(not state.busy)
        self.bar.setRange(0, state.maximum)
        self.bar.setValue(state.value)
        self.rows.show_rows(state.figures)
        self.rows.setVisible(bool(state.figures))

    def show_notice(self, text: str) -> None:
        """Show a remark under the figures; empty for none."""
        self.notice.setText(text)
        self.notice.setVisible(bool(text))


class SettingsCard(QFrame):
    """Model, data and the settings that matter most."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(tr("What is trained"))
        self.model = ElidedLabel(grade="name")
        self.data = ElidedLabel(tone="muted", grade="small")
        self.rows = FactRows(figures=True)
        column_in(self, self.model, self.data, 6, self.rows, margins=(14, 11, 14, 13), spacing=2)

    def show_run(self, summary: RunSummary) -> None:
        """Show what is trained, and how."""
        self.model.setText(model_text(summary))
        self.model.setToolTip(tooltip_text(str(summary.config.get("model") or "")))
        data, places = run_labels.data_lines(summary)
        self.data.setText(tr("on {data}").format(data=data) if data else "")
        self.data.setToolTip(tooltip_text(places))
        self.rows.show_rows(run_labels.settings(summary))


class WaitingCard(QFrame):
    """What a run waits for.

    Signals:
        start_requested: emitted when the user wants it to start now.
        leave_requested: emitted when the user wants it out of the queue.
    """

    start_requested = Signal()
    leave_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.text = label(wrap=True)
        self.start_button = button(tr("Start now"), tr("Train beside the other run; both are slower then"))
        self.leave_button = button(tr("Leave the queue"), tr("Do not start this run"))
        self.start_button.clicked.connect(self.start_requested)
        self.leave_button.clicked.connect(self.leave_requested)
        column_in(
            self, self.text, row(self.start_button, self.leave_button, None), margins=(14, 12, 14, 14), spacing=10
        )
        self.hide()

    def show_waiting(self, state: WaitingState) -> None:
        """Show what the run waits for."""
        self.text.setText(state.text)
        self.setAccessibleName(state.text)
        self.leave_button.setToolTip(tooltip_text(state.leave_tooltip))
