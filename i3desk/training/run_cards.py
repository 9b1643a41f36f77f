"""The cards in the panel of a run: progress, settings, queue, trouble."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QProgressBar, QSizePolicy, QWidget

from i3core.runs.reader import RunSummary
from i3desk.runs.labels import model_text
from i3desk.style.palette import tabular
from i3desk.training import run_labels
from i3desk.training.run_view_model import ProgressState, TroubleState, WaitingState
from i3desk.widgets.basics import BusyBar, button, column_in, label, named, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.facts import FactRows

MAX_LINES, MIN_LINES = 9, 2  # of the end of the log in view
LINE_CHARACTERS = 30
COPIED_TEXT, COPY_TEXT = "Copied", "Copy"


class ProgressCard(QFrame):
    """How far the run is, or what it does before its first step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName("Progress")
        self.step = tabular(label(grade="name", wrap=True))
        self.share = tabular(label(tone="muted"))
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName("Progress of the run")
        self.busy = BusyBar()
        self.rows = FactRows(figures=True)
        self.notice = label(tone="muted", grade="small", wrap=True)
        column = column_in(self, 14, 11, 14, 13, spacing=8)
        line = row(self.step, self.share)
        line.setStretch(0, 1)
        column.addLayout(line)
        column.addWidget(self.bar)
        column.addWidget(self.busy)
        column.addSpacing(2)
        column.addWidget(self.rows)
        column.addWidget(self.notice)
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
        self.setAccessibleName("What is trained")
        self.model = ElidedLabel()
        self.model.setProperty("grade", "name")
        self.data = ElidedLabel()
        self.data.setProperty("tone", "muted")
        self.data.setProperty("grade", "small")
        self.rows = FactRows(figures=True)
        column = column_in(self, 14, 11, 14, 13, spacing=2)
        column.addWidget(self.model)
        column.addWidget(self.data)
        column.addSpacing(6)
        column.addWidget(self.rows)

    def show_run(self, summary: RunSummary) -> None:
        """Show what is trained, and how."""
        self.model.setText(model_text(summary))
        self.model.setToolTip(str(summary.config.get("model") or ""))
        data, places = run_labels.data_lines(summary)
        self.data.setText(f"on {data}" if data else "")
        self.data.setToolTip(places)
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
        self.start_button = button("Start now", "Train beside the other run; both are slower then")
        self.leave_button = button("Leave the queue", "Do not start this run")
        self.start_button.clicked.connect(self.start_requested)
        self.leave_button.clicked.connect(self.leave_requested)
        column = column_in(self, 14, 12, 14, 14, spacing=10)
        column.addWidget(self.text)
        column.addLayout(row(self.start_button, self.leave_button, None))
        self.hide()

    def show_waiting(self, state: WaitingState) -> None:
        """Show what the run waits for."""
        self.text.setText(state.text)
        self.setAccessibleName(state.text)
        self.leave_button.setToolTip(state.leave_tooltip)


class TroubleCard(QFrame):
    """A run that failed, died or is gone: what happened, the end of its log, what to do."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.title = label(tone="bad", grade="name", wrap=True)
        self.what = label(wrap=True)
        self.remedy = label(tone="muted", wrap=True)
        for text in (self.what, self.remedy):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log_tail = named(QPlainTextEdit(readOnly=True), "details")
        self.log_tail.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.log_tail.setAccessibleName("End of the training log")
        self.log_tail.setTabChangesFocus(True)
        self.log_tail.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.copy_button = button(COPY_TEXT, "Copy what happened and the end of the log", "quiet")
        self.copy_button.clicked.connect(self._copy)
        self._head = QWidget()
        self._head.setLayout(row(label("End of the log", tone="muted", grade="small"), None, self.copy_button))
        column = column_in(self, 14, 11, 14, 13, spacing=7)
        for part in (self.title, self.what, self._head, self.log_tail, self.remedy):
            column.addWidget(part)
        self.hide()

    def show_trouble(self, state: TroubleState | None) -> None:
        """Show what went wrong; None hides the card."""
        self.setVisible(state is not None)
        if state is None:
            return
        self.title.setText(state.title)
        self.what.setText(state.what)
        self.remedy.setText(state.remedy)
        self.setAccessibleName(f"{state.title}. {state.what} {state.remedy}")
        for part in (self._head, self.log_tail):
            part.setVisible(bool(state.log_tail))
        if state.log_tail != self.log_tail.toPlainText():
            self.log_tail.setPlainText(state.log_tail)
            lines = sum(len(line) // LINE_CHARACTERS + 1 for line in state.log_tail.splitlines())
            lines = max(MIN_LINES, min(MAX_LINES, lines))
            self.log_tail.setFixedHeight(self.log_tail.fontMetrics().lineSpacing() * lines + 24)
            self.log_tail.verticalScrollBar().setValue(self.log_tail.verticalScrollBar().maximum())
            self.copy_button.setText(COPY_TEXT)

    @Slot()
    def _copy(self) -> None:
        text = "\n".join((self.title.text(), self.what.text(), "", self.log_tail.toPlainText()))
        QGuiApplication.clipboard().setText(text)
        self.copy_button.setText(COPIED_TEXT)
