"""The left column of the Train page while a run is shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from i3core.runs.reader import MetricsPart, RunStatus, RunSummary
from i3desk.language import figure, tr
from i3desk.runs.controller import RunController
from i3desk.runs.delete_confirmation import DeleteConfirmation
from i3desk.runs.trouble_card import TroubleCard
from i3desk.style.icons import Dot
from i3desk.style.theme import Theme
from i3desk.training.controls import RunControls
from i3desk.training.export_card import ExportCard
from i3desk.training.run_cards import ProgressCard, SettingsCard, WaitingCard
from i3desk.training.run_view_model import Remark, RunAction, RunViewModel
from i3desk.widgets.basics import column, column_in, label, named, row, scroll_page
from i3desk.widgets.links import open_folder
from i3desk.widgets.name_and_note import NameEdit
from i3desk.widgets.notices import Notices
from i3desk.widgets.question import Question

WIDTH = 316
REMARK_MS = 4000


class RunPanel(QFrame):
    """Paints the view model of a run, and hands what the user does to the controller.

    Attributes:
        model: what is shown; None before the first run.
    Signals:
        chat_requested(folder), compare_requested(folder): emitted when the user wants to chat with the run, or to
            compare it with its base model.
        exported(folder): emitted when a model was made of the run, in this folder.
        new_requested: emitted when the user wants to set up another run.
    """

    chat_requested = Signal(str)
    compare_requested = Signal(str)
    exported = Signal(str)
    new_requested = Signal()

    def __init__(self, runs: RunController, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runPanel")
        self.setFixedWidth(WIDTH)
        self._runs, self._theme = runs, theme
        self.model: RunViewModel | None = None
        self._remark = Remark()

        self.name = NameEdit("shownRunName")
        self.dot, self.state = Dot(), label(grade="figure")
        self.chip = QWidget()
        self.progress, self.settings_card = ProgressCard(), SettingsCard()
        self.trouble, self.waiting = TroubleCard(), WaitingCard()
        self.warnings = Notices(tr("What should be known about this run"))
        self.export_card = ExportCard()
        self.removal = DeleteConfirmation(runs.background, runs.folder)
        self.kill_question = Question(tr("Force quit"), tr("End the process without saving"), tr("Keep running"))
        self.controls = RunControls()
        self._remark_timer = QTimer(self, singleShot=True, interval=REMARK_MS)
        self._remark_timer.timeout.connect(self._clear_remark)
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        line = row(self.dot, self.state, None, margins=(6, 0, 0, 0))
        self.chip.setLayout(line)
        head = column(self.name, self.chip, margins=(10, 12, 16, 10), spacing=1)
        body = named(QWidget(), "backdropColumn")
        column_in(
            body,
            self.trouble,
            self.waiting,
            self.progress,
            self.warnings,
            self.settings_card,
            None,
            margins=(16, 0, 16, 16),
            spacing=12,
        )
        self._cards = scroll_page(body)
        questions = QWidget()
        column_in(questions, self.export_card, self.removal, self.kill_question, margins=(16, 0, 16, 0), spacing=8)
        column_in(self, head, (self._cards, 1), questions, self.controls)

    def _connect(self) -> None:
        self.controls.requested.connect(self._on_requested)
        self.name.renamed.connect(self._rename)
        self.waiting.start_requested.connect(self._start_now)
        self.waiting.leave_requested.connect(self._leave_queue)
        self.export_card.exported.connect(self.exported)
        self.removal.removal_confirmed.connect(self._runs.remove)
        self.kill_question.confirmed.connect(self._kill)
        self._runs.pending_changed.connect(self._on_pending_changed)
        self._runs.changed.connect(self._on_runs_changed)
        self._theme.changed.connect(self._show)

    # ---------------------------------------------------------------------------------------------- what is shown

    def show_run(self, folder: Path | str) -> None:
        """Show another run."""
        model = self.model = RunViewModel(Path(folder))
        self.removal.close_question()
        self.kill_question.hide()
        if not self.export_card.process.running:
            self.export_card.hide()
        self.name.setModified(False)
        self.name.show_name(model.folder.name)
        self.settings_card.hide()
        summary = self._runs.summary(model.folder)
        if summary is not None:
            self.show_summary(summary)
        else:
            self._show()
        self._cards.verticalScrollBar().setValue(0)

    def show_status(self, status: RunStatus) -> None:
        """Show a newer state of the run."""
        if self.model is not None:
            self.model.update_status(status)
            self._runs.observe_status(self.model.folder, status)
            self._show()

    def show_summary(self, summary: RunSummary) -> None:
        """Show what the list of runs knows, if it is about the run that is shown."""
        if self.model is None or summary.folder != self.model.folder:
            return
        self.name.show_name(summary.name)
        self.settings_card.show_run(summary)
        self.settings_card.setVisible(bool(summary.config))
        self.model.update_summary(summary)
        self._runs.observe_status(self.model.folder, summary.status)
        self._show()

    def show_metrics(self, part: MetricsPart) -> None:
        """Show the newest of these steps."""
        if self.model is not None and self.model.add_metrics(part):
            self._show()

    def shut_down(self) -> None:
        """End the processes of the panel; the training continues."""
        self.export_card.shut_down()

    @Slot()
    def _show(self) -> None:
        model = self.model
        if model is None:
            return
        model.pending_command = self._runs.pending_command(model.folder)
        self.state.setText(model.state_text)
        self.chip.setAccessibleName(tr("State: {state_text}").format(state_text=model.state_text))
        self.dot.show_colour(getattr(self._theme.tokens, model.state_token))
        self._show_waiting(model)
        self.trouble.show_trouble(**vars(model.trouble) if model.trouble else {"what": ""})
        self.warnings.show_notices(model.notices)
        progress = model.progress
        self.progress.setVisible(progress is not None)
        if progress is not None:
            self.progress.show_progress(progress)
        self._show_remark(model.remark)
        self.controls.show_state(model.controls)
        if not model.status.state.is_alive:
            self.kill_question.hide()
        if not self.removal.isHidden() and model.current_summary is not None:
            self.removal.show_states([model.current_summary])

    def _show_waiting(self, model: RunViewModel) -> None:
        waiting = model.waiting(self._runs.summaries)
        self.waiting.setVisible(waiting is not None)
        if waiting is not None:
            self.waiting.show_waiting(waiting)

    def _show_remark(self, remark: Remark) -> None:
        if remark is not self._remark:
            self._remark = remark
            self.progress.show_notice(remark.text)
            self._remark_timer.stop()
            if remark.passing:
                self._remark_timer.start()

    @Slot()
    def _clear_remark(self) -> None:
        if self.model is not None:
            self.model.clear_remark()
            self._show_remark(self.model.remark)

    @Slot()
    def _on_runs_changed(self) -> None:
        if self.model is None:
            return
        summary = self._runs.summary(self.model.folder)
        if summary is not None and summary != self.model.summary:
            self.show_summary(summary)
        else:
            self._show_waiting(self.model)

    @Slot(str)
    def _on_pending_changed(self, folder: str) -> None:
        if self.model is not None and self.model.folder == Path(folder):
            self._show()

    # -------------------------------------------------------------------------------------------- what the user does

    @Slot(object)
    def _on_requested(self, action: RunAction) -> None:
        model, runs = self.model, self._runs
        if model is None:
            return
        folder = model.folder
        match action:
            case RunAction.PAUSE:
                runs.pause(folder)
            case RunAction.UNPAUSE:
                runs.unpause(folder)
            case RunAction.STOP:
                runs.stop(folder)
            case RunAction.RESUME:
                model.request_resume()
                runs.resume(folder)
            case RunAction.CHECKPOINT:
                runs.checkpoint(folder)
                model.request_checkpoint()
            case RunAction.SAMPLE:
                runs.sample(folder)
                model.request_sample()
            case RunAction.CHAT:
                self.chat_requested.emit(str(folder))
            case RunAction.COMPARE:
                self.compare_requested.emit(str(folder))
            case RunAction.EXPORT:
                self.export_card.ask(folder, self.name.text() or folder.name)
            case RunAction.NEW:
                self.new_requested.emit()
            case RunAction.OPEN:
                open_folder(folder, self)
            case RunAction.KILL:
                saved = model.status.saved_step
                lost = (
                    tr("everything so far")
                    if saved is None
                    else tr("what it learned since step {saved}").format(saved=figure(saved))
                )
                self.kill_question.put(tr("End the training without saving? That loses {lost}.").format(lost=lost))
            case RunAction.DELETE if model.current_summary is not None:
                self.removal.ask([model.current_summary])
        self._show_remark(model.remark)

    @Slot()
    def _kill(self) -> None:
        if self.model is not None:
            self._runs.kill(self.model.folder)

    @Slot()
    def _start_now(self) -> None:
        if self.model is not None:
            self._runs.start_now(self.model.folder)

    @Slot()
    def _leave_queue(self) -> None:
        if self.model is not None:
            self._runs.leave_queue(self.model.folder)

    @Slot(str)
    def _rename(self, name: str) -> None:
        if self.model is not None:
            self._runs.rename(self.model.folder, name)
