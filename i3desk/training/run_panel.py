"""The left column of the Train page while a run is shown: what it is, how far it is, and what can be done with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from i3core.runs.reader import MetricsPart, RunState, RunStatus, RunSummary
from i3desk.runs.controller import RunController
from i3desk.runs.delete_confirmation import DeleteConfirmation
from i3desk.runs.name_edit import NameEdit
from i3desk.style.icons import Dot
from i3desk.style.theme import Theme
from i3desk.training import run_labels
from i3desk.training.controls import KillQuestion, RunControls
from i3desk.training.export_card import ExportCard
from i3desk.training.run_cards import ProgressCard, SettingsCard, TroubleCard, WaitingCard
from i3desk.widgets.basics import column_in, label, named, row, scroll_page
from i3desk.widgets.notices import Notices

WIDTH = 316
NOTICE_MS = 4000


class RunPanel(QFrame):
    """Shows one run. Everything that it does answers at once, and says "…" until the run has followed.

    Attributes:
        folder: the run that is shown; None before the first.
    Signals:
        chat_requested(folder), compare_requested(folder): talk to it, or beside its base model.
        keep_requested(folder, name): it is being made a model.
        kept(folder): the model is in this folder.
        new_requested: set up another run.
    """

    chat_requested = Signal(str)
    compare_requested = Signal(str)
    export_requested = Signal(str, str)
    exported = Signal(str)
    new_requested = Signal()

    def __init__(self, runs: RunController, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runPanel")
        self.setFixedWidth(WIDTH)
        self._runs, self._theme = runs, theme
        self.folder: Path | None = None
        self._summary: RunSummary | None = None
        self._status = RunStatus(RunState.STARTING)
        self._step, self._eta_s = 0, None
        self._saving_from: int | None = None  # step when a checkpoint was asked for

        self.name = NameEdit("shownRunName")
        self.dot, self.state = Dot(), label(grade="figure")
        self.chip = QWidget()
        self.progress, self.settings_card = ProgressCard(), SettingsCard()
        self.trouble, self.waiting = TroubleCard(), WaitingCard()
        self.warnings = Notices("What should be known about this run")
        self.export_card = ExportCard()
        self.removal = DeleteConfirmation(runs.background, runs.folder)
        self.kill_question = KillQuestion()
        self.controls = RunControls()
        self._notice = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._notice.timeout.connect(self._clear_notice)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        line = row(self.dot, self.state, None)
        line.setContentsMargins(6, 0, 0, 0)
        self.chip.setLayout(line)
        head = QVBoxLayout()
        head.setContentsMargins(10, 12, 16, 10)
        head.setSpacing(1)
        head.addWidget(self.name)
        head.addWidget(self.chip)
        body = named(QWidget(), "backdropColumn")
        cards = column_in(body, 16, 0, 16, 16, spacing=12)
        for card in (self.trouble, self.waiting, self.progress, self.warnings, self.settings_card):
            cards.addWidget(card)
        cards.addStretch(1)
        self.scroll = scroll_page(body)
        asked = QWidget()
        questions = column_in(asked, 16, 0, 16, 0, spacing=8)
        for question in (self.export_card, self.removal, self.kill_question):
            questions.addWidget(question)
        column = column_in(self, spacing=0)
        column.addLayout(head)
        column.addWidget(self.scroll, 1)
        column.addWidget(asked)
        column.addWidget(self.controls)

    def _connect(self) -> None:
        controls, runs = self.controls, self._runs
        controls.pause_requested.connect(self._pause)
        controls.unpause_requested.connect(self._unpause)
        controls.stop_requested.connect(self._stop)
        controls.checkpoint_requested.connect(self._checkpoint)
        controls.sample_requested.connect(self._sample)
        controls.kill_requested.connect(self._ask_to_kill)
        controls.resume_requested.connect(self._resume)
        controls.chat_requested.connect(self._chat)
        controls.compare_requested.connect(self._compare)
        controls.export_requested.connect(self._ask_to_export)
        controls.open_requested.connect(self._open_folder)
        controls.delete_requested.connect(self._ask_to_delete)
        controls.new_requested.connect(self.new_requested)
        self.name.renamed.connect(self._rename)
        self.waiting.start_requested.connect(self._start_now)
        self.waiting.leave_requested.connect(self._leave_queue)
        self.export_card.requested.connect(self.export_requested)
        self.export_card.exported.connect(self.exported)
        self.removal.confirmed.connect(self._delete)
        self.kill_question.confirmed.connect(self._kill)
        runs.pending_changed.connect(self._on_pending_changed)
        runs.changed.connect(self._on_runs_changed)
        self._theme.changed.connect(self._show_dot)

    # ---------------------------------------------------------------------------------------------- what is shown

    def show_run(self, folder: Path | str) -> None:
        """Show another run."""
        self.folder = Path(folder)
        self._summary = None
        self._status = RunStatus(RunState.STARTING)
        self._step, self._eta_s, self._saving_from = 0, None, None
        self._clear_notice()
        self.removal.close_question()
        self.kill_question.hide()
        if not self.export_card.process.running:
            self.export_card.hide()
        self.name.setModified(False)
        self.name.show_name(self.folder.name)
        self.settings_card.hide()
        summary = self._runs.summary(self.folder)
        if summary is not None:
            self.show_summary(summary)
        else:
            self._show()
        self.scroll.verticalScrollBar().setValue(0)

    def show_status(self, status: RunStatus) -> None:
        """The state of the run that is shown."""
        if self.folder is None:
            return
        if status.state is RunState.STARTING and not self._status.state.is_alive:
            self._eta_s = None  # of the time before it was resumed
        self._status = status
        # The status is written every few seconds, the log at each step: only a run that ended by itself knows better.
        ended = status.state in (RunState.FINISHED, RunState.INTERRUPTED)
        self._step = status.step if ended else max(self._step, status.step)
        self._runs.observe_status(self.folder, status)
        self._show_saved()
        self._show()

    def show_summary(self, summary: RunSummary) -> None:
        """What the list of runs knows of the run that is shown."""
        if summary.folder != self.folder:
            return
        self._summary = summary
        self.name.show_name(summary.name)
        self.settings_card.show_run(summary)
        self.settings_card.setVisible(bool(summary.config))
        self._step = max(self._step, summary.step) if summary.status.state.is_alive else summary.step
        self.show_status(summary.status)

    def show_metrics(self, part: MetricsPart) -> None:
        """New steps of the run that is shown: finer than its state."""
        if part.restarted:
            self._step, self._eta_s = 0, None
        if len(part.steps["step"]):
            self._step = int(part.steps["step"][-1])
            eta = float(part.steps["eta_s"][-1])
            self._eta_s = eta if eta == eta else None
            self._show()

    def shut_down(self) -> None:
        """End what runs beside the window; the training goes on."""
        self.export_card.shut_down()

    def _show(self) -> None:
        if self.folder is None:
            return
        status, summary, pending_command = self._status, self._summary, self._runs.pending_command(self.folder)
        words, _ = run_labels.state_words(status.state, pending_command)
        self.state.setText(words)
        self.chip.setAccessibleName(f"State: {words}")
        self._show_dot()
        queued = status.state is RunState.QUEUED
        self.waiting.setVisible(queued)
        if queued:
            self._show_waiting()
        self.trouble.show_trouble(status, run_labels.folder_text(self.folder))
        self.warnings.show_notices([(what, remedy, False) for what, remedy in reversed(status.warnings)])
        started = not queued and status.state is not RunState.MISSING and (status.state.is_alive or self._step > 0)
        self.progress.setVisible(started)
        if started:
            self.progress.show_run(summary, status, self._step, self._eta_s)
        has_base = summary is not None and bool(summary.config.get("model"))
        self.controls.show_state(status.state, pending_command, run_labels.has_checkpoint(summary, status), has_base)
        if not status.state.is_alive:
            self.kill_question.hide()
        if not self.removal.isHidden() and summary is not None:
            self.removal.show_states([replace(summary, status=status)])

    def _show_waiting(self) -> None:
        others = [each for each in self._runs.summaries if each.folder != self.folder]
        active = self._runs.active
        waiting = [each for each in others if each.status.state is RunState.QUEUED]
        mine = self._summary.started if self._summary is not None else float("inf")
        before = sum(each.started < mine for each in waiting)
        is_new = self._summary is None or not self._summary.step
        self.waiting.show_waiting(active.name if active is not None else "", before, is_new)

    @Slot()
    def _show_dot(self) -> None:
        pending_command = self._runs.pending_command(self.folder) if self.folder is not None else ""
        _, token = run_labels.state_words(self._status.state, pending_command)
        self.dot.show_colour(getattr(self._theme.tokens, token))

    @Slot()
    def _on_runs_changed(self) -> None:
        summary = self._runs.summary(self.folder) if self.folder is not None else None
        if summary is not None and summary != self._summary:
            self.show_summary(summary)
        elif self._status.state is RunState.QUEUED:
            self._show_waiting()

    @Slot(str)
    def _on_pending_changed(self, folder: str) -> None:
        if self.folder == Path(folder):
            self._show()

    # --------------------------------------------------------------------------------------------- passing remarks

    def _show_notice(self, text: str, stays: bool = False) -> None:
        self.progress.show_notice(text)
        self._notice.stop() if stays else self._notice.start()

    @Slot()
    def _clear_notice(self) -> None:
        self._notice.stop()
        self.progress.show_notice("")

    def _show_saved(self) -> None:
        saved, asked = self._status.saved_step, self._saving_from
        if asked is None:
            return
        if saved is not None and saved >= asked:
            self._saving_from = None
            self._show_notice(f"Saved at step {saved:,}.")
        elif not self._status.state.is_alive:
            self._saving_from = None
            self._clear_notice()

    # -------------------------------------------------------------------------------------------- what the user does

    @Slot()
    def _pause(self) -> None:
        self._runs.pause(self.folder)

    @Slot()
    def _unpause(self) -> None:
        self._runs.unpause(self.folder)

    @Slot()
    def _stop(self) -> None:
        self._runs.stop(self.folder)

    @Slot()
    def _checkpoint(self) -> None:
        self._runs.checkpoint(self.folder)
        self._saving_from = self._step
        self._show_notice("Saving after this step…", stays=True)
        self._show_saved()

    @Slot()
    def _sample(self) -> None:
        self._runs.sample(self.folder)
        self._show_notice("The answers come after this step…")

    @Slot()
    def _resume(self) -> None:
        self._eta_s = None
        self._runs.resume(self.folder)

    @Slot()
    def _start_now(self) -> None:
        self._runs.start_now(self.folder)

    @Slot()
    def _leave_queue(self) -> None:
        self._runs.leave_queue(self.folder)

    @Slot(str)
    def _rename(self, name: str) -> None:
        self._runs.rename(self.folder, name)

    @Slot()
    def _chat(self) -> None:
        self.chat_requested.emit(str(self.folder))

    @Slot()
    def _compare(self) -> None:
        self.compare_requested.emit(str(self.folder))

    @Slot()
    def _ask_to_export(self) -> None:
        self.export_card.ask(self.folder, self.name.text() or self.folder.name)

    @Slot()
    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.folder)))

    @Slot()
    def _ask_to_delete(self) -> None:
        if self._summary is not None:
            self.removal.ask([replace(self._summary, status=self._status)])  # it may have ended since it was listed

    @Slot(object, object)
    def _delete(self, to_delete: list[Path], to_forget: list[Path]) -> None:
        for folder in to_delete:
            self._runs.delete(folder)
        for folder in to_forget:
            self._runs.forget(folder)

    @Slot()
    def _ask_to_kill(self) -> None:
        self.kill_question.ask(self._status.saved_step)

    @Slot()
    def _kill(self) -> None:
        self._runs.kill(self.folder)
