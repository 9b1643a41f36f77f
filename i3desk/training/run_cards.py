"""The cards in the panel of a run: how far it is, what it is, what went wrong, what it waits for."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QProgressBar, QSizePolicy, QWidget

from i3core.runs.reader import RunState, RunStatus, RunSummary
from i3desk.runs.labels import model_text, trouble_text
from i3desk.style.palette import tabular
from i3desk.training import run_labels
from i3desk.widgets.basics import BusyBar, button, column_in, label, named, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.facts import FactRows

MOST_LINES, LEAST_LINES = 9, 2  # of the last words that are seen at once
CHARACTERS = 30  # that go into one of them
COPIED_TEXT, COPY_TEXT = "Copied", "Copy"


class ProgressCard(QFrame):
    """How far the run is, and what it does if it has not begun yet."""

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

    def show_run(self, summary: RunSummary | None, status: RunStatus, step: int, eta_s: float | None) -> None:
        """Show how far it is."""
        starting = status.state is RunState.STARTING
        total = summary.total_steps if summary is not None else 0
        if starting and not step:
            note = status.note or "Starting"
            self.step.setText(note[:1].upper() + note[1:] + ("" if note.endswith("…") else "…"))
            self.share.setText("")
        else:
            self.step.setText(f"Step {step:,} of {total:,}" if total else f"Step {step:,}")
            self.share.setText(run_labels.done_text(step, total))
        self.busy.setVisible(starting)
        self.bar.setVisible(not starting)
        self.bar.setRange(0, max(1, min(total, 2**31 - 1)))
        self.bar.setValue(min(step, self.bar.maximum()) if total else 0)
        rows = [] if summary is None or (starting and not step) else run_labels.figures(summary, status, step, eta_s)
        self.rows.show_rows(rows)
        self.rows.setVisible(bool(rows))

    def show_notice(self, text: str) -> None:
        """A passing remark under the numbers; empty for none."""
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
        start_requested, leave_requested: now, or not at all.
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

    def show_waiting(self, name: str, before: int, is_new: bool) -> None:
        """It waits for the run called `name` (empty: for its turn in a moment), and `before` others come before it."""
        others = {0: "", 1: ", and for one other run before it"}.get(before, f", and for {before} other runs before it")
        text = f"Waits for “{name}” to end{others}." if name else f"Has its turn in a moment{others}."
        self.text.setText(text)
        self.setAccessibleName(text)
        self.leave_button.setToolTip(
            "Do not start this run; it has not begun and is removed" if is_new else "Leave the run as it is"
        )


class TroubleCard(QFrame):
    """A run that failed, died, or whose folder is gone: what happened, its last words, what to do."""

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
        self.log_tail.setAccessibleName("The last words of the training process")
        self.log_tail.setTabChangesFocus(True)
        self.log_tail.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.copy_button = button(COPY_TEXT, "Copy what happened and the last words", "quiet")
        self.copy_button.clicked.connect(self._copy)
        self._head = QWidget()
        self._head.setLayout(row(label("Its last words", tone="muted", grade="small"), None, self.copy_button))
        column = column_in(self, 14, 11, 14, 13, spacing=7)
        for part in (self.title, self.what, self._head, self.log_tail, self.remedy):
            column.addWidget(part)
        self.hide()

    def show_trouble(self, status: RunStatus, place: str) -> None:
        """Show what went wrong, if anything did."""
        bad = status.state in (RunState.FAILED, RunState.DIED, RunState.MISSING)
        self.setVisible(bad)
        if not bad:
            return
        titles = {RunState.FAILED: "The run failed", RunState.DIED: "The run ended unexpectedly"}
        title = titles.get(status.state, "The folder of this run is gone")
        what = place if status.state is RunState.MISSING else trouble_text(status)
        self.title.setText(title)
        self.what.setText(what)
        self.remedy.setText(run_labels.remedy_text(status))
        self.setAccessibleName(f"{title}. {what} {self.remedy.text()}")
        said = status.log_tail.strip()
        for part in (self._head, self.log_tail):
            part.setVisible(bool(said))
        if said != self.log_tail.toPlainText():
            self.log_tail.setPlainText(said)
            lines = sum(len(line) // CHARACTERS + 1 for line in said.splitlines())
            lines = max(LEAST_LINES, min(MOST_LINES, lines))
            self.log_tail.setFixedHeight(self.log_tail.fontMetrics().lineSpacing() * lines + 24)
            self.log_tail.verticalScrollBar().setValue(self.log_tail.verticalScrollBar().maximum())
            self.copy_button.setText(COPY_TEXT)

    @Slot()
    def _copy(self) -> None:
        text = "\n".join((self.title.text(), self.what.text(), "", self.log_tail.toPlainText()))
        QGuiApplication.clipboard().setText(text)
        self.copy_button.setText(COPIED_TEXT)
