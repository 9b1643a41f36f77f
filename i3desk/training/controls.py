"""The buttons under a run: what can be done with it now."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QFrame, QMenu, QPushButton, QToolButton, QWidget

from i3core.runs.reader import RunState
from i3desk.style.icons import IconPushButton, IconToolButton
from i3desk.widgets.basics import button, column_in, label, named, row


class RunControls(QFrame):
    """One primary button at most; what is rare is in a menu.

    Signals:
        pause_requested, go_on_requested, stop_requested, checkpoint_requested, sample_requested, kill_requested,
        resume_requested, chat_requested, compare_requested, keep_requested, open_requested, delete_requested,
        new_requested: what the user wants.
    """

    pause_requested = Signal()
    unpause_requested = Signal()
    stop_requested = Signal()
    checkpoint_requested = Signal()
    sample_requested = Signal()
    kill_requested = Signal()
    resume_requested = Signal()
    chat_requested = Signal()
    compare_requested = Signal()
    export_requested = Signal()
    open_requested = Signal()
    delete_requested = Signal()
    new_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runFoot")
        self._shown: tuple = ()
        self._is_paused = False
        self.chat_button = button("Chat with it", "Talk to the model of this run", "primary")
        self.compare_button = button("Compare with base", "One prompt, answered before and after the training")
        self.export_button = button("Keep as model…", "Make a model of this run, under a name of its own")
        self.pause_button = IconPushButton("Pause")
        self.stop_button = IconPushButton("Stop && save")
        self.stop_button.setProperty("tone", "bad")
        self.stop_button.set_icon("stop", QPalette.ColorRole.BrightText, 14)
        self.resume_button = IconPushButton("Resume")
        self.new_button = button("New run", "Set up another run")
        self.more_button = self._more()

        self.chat_button.clicked.connect(self.chat_requested)
        self.compare_button.clicked.connect(self.compare_requested)
        self.export_button.clicked.connect(self.export_requested)
        self.pause_button.clicked.connect(self._pause_or_unpause)
        self.stop_button.clicked.connect(self.stop_requested)
        self.resume_button.clicked.connect(self.resume_requested)
        self.new_button.clicked.connect(self.new_requested)

        column = column_in(self, 16, 12, 16, 16, spacing=8)
        column.addWidget(self.chat_button)
        self._pair = row(self.compare_button, self.export_button)
        column.addLayout(self._pair)
        column.addLayout(
            row(self.pause_button, self.stop_button, self.resume_button, self.new_button, self.more_button)
        )
        for each in (self.compare_button, self.export_button):
            each.setProperty("grade", "small")
        for each in (
            self.compare_button, self.export_button, self.pause_button, self.stop_button, self.resume_button,
            self.new_button,
        ):  # fmt: skip
            each.setMinimumWidth(0)

    def _more(self) -> QToolButton:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)

        def action(text: str, tooltip: str, signal) -> QAction:
            made = menu.addAction(text)
            made.setToolTip(tooltip)
            made.triggered.connect(signal)
            return made

        self.checkpoint_action = action("Save checkpoint now", "Save after this step", self.checkpoint_requested)
        self.sample_action = action("Sample now", "Answer the sample prompts after this step", self.sample_requested)
        self.compare_action = action(
            "Compare with base", "One prompt, answered before and after the training", self.compare_requested
        )
        self.export_action = action(
            "Keep as model…", "Make a model of the best checkpoint, while the run goes on", self.export_requested
        )
        self._separator = menu.addSeparator()
        self.new_action = action("Set up another run", "It waits for this one to end", self.new_requested)
        action("Open folder", "Show the files of this run", self.open_requested)
        menu.addSeparator()
        self.kill_action = action(
            "End at once…", "End the process without saving; use it if it does not answer", self.kill_requested
        )
        self.delete_action = action("Delete…", "Delete the files of this run from the disk", self.delete_requested)
        more = named(IconToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup), "boxedTool")
        more.set_icon("more")
        more.setToolTip("More about this run")
        more.setAccessibleName("More about this run")
        more.setMenu(menu)
        return more

    def show_state(self, state: RunState, pending_command: str, has_checkpoint: bool, has_base: bool) -> None:
        """Show what can be done in this state, while `pending_command` is being fulfilled."""
        shown = (state, pending_command, has_checkpoint, has_base)
        if shown == self._shown:
            return
        self._shown = shown
        focused = self.focusWidget()
        alive, at_rest = state.is_alive, not state.is_alive and state is not RunState.QUEUED
        talks = has_checkpoint and at_rest and state is not RunState.MISSING
        self._show_alive(state, pending_command)
        self.chat_button.setVisible(talks or state in (RunState.RUNNING, RunState.PAUSED))
        resumes = state.can_resume and state is not RunState.INTERRUPTED
        self._set_kind(self.chat_button, "primary" if talks and not resumes else "")
        self._set_kind(self.resume_button, "primary" if state.can_resume and (resumes or not talks) else "")
        self.compare_button.setVisible(talks and has_base)
        self.export_button.setVisible(talks)
        self.resume_button.setVisible(state.can_resume)
        self._say(self.resume_button, "Resume", "Go on from the last checkpoint" if has_checkpoint else "Begin anew")
        on_primary = self.resume_button.property("kind") == "primary"
        self.resume_button.set_icon("play", _text_role(on_primary), 14)
        self.new_button.setVisible(not alive)
        self._set_kind(self.new_button, "primary" if state is RunState.MISSING else "")
        self._show_menu(state, has_checkpoint, has_base)
        if focused is not None and not focused.isVisibleTo(self):  # the keyboard stays where it was
            visible = (self.pause_button, self.resume_button, self.chat_button, self.new_button)
            next((each for each in visible if each.isVisibleTo(self)), self.more_button).setFocus()

    def _show_alive(self, state: RunState, pending_command: str) -> None:
        self._is_paused = state is RunState.PAUSED
        for each in (self.pause_button, self.stop_button):
            each.setVisible(state.is_alive)
        stopping = pending_command == "stop" or state is RunState.STOPPING
        if pending_command in ("pause", "resume"):
            text, tooltip = {"pause": ("Pausing…", "It saves first"), "resume": ("Resuming…", "In a moment")}[
                pending_command
            ]
        elif self._is_paused:
            text, tooltip = "Resume", "Go on"
        else:
            text, tooltip = "Pause", "Save, and wait"
        self._say(self.pause_button, text, tooltip)
        primary = self._is_paused and not pending_command and not stopping
        self._set_kind(self.pause_button, "primary" if primary else "")
        self.pause_button.set_icon("play" if self._is_paused else "pause", _text_role(primary), 14)
        self.pause_button.setEnabled(not stopping and not pending_command and state is not RunState.STARTING)
        self._say(self.stop_button, "Stopping…" if stopping else "Stop && save", "Save, and end; it can be resumed")
        self.stop_button.setEnabled(not stopping)

    def _show_menu(self, state: RunState, has_checkpoint: bool, has_base: bool) -> None:
        at_work = state in (RunState.RUNNING, RunState.PAUSED)
        for each in (self.checkpoint_action, self.sample_action):
            each.setVisible(at_work)
        self.compare_action.setVisible(state.is_alive and has_checkpoint and has_base)
        self.export_action.setVisible(state.is_alive and has_checkpoint)
        self._separator.setVisible(at_work)
        self.new_action.setVisible(state.is_alive)
        self.kill_action.setVisible(state.is_alive)
        self.delete_action.setEnabled(not state.is_alive)
        self.delete_action.setText("Delete…" if not state.is_alive else "Delete… (not while it trains)")
        self.more_button.setVisible(state is not RunState.MISSING)

    @Slot()
    def _pause_or_unpause(self) -> None:
        (self.unpause_requested if self._is_paused else self.pause_requested).emit()

    @staticmethod
    def _say(each: QPushButton, text: str, tooltip: str) -> None:
        each.setText(text)
        each.setToolTip(tooltip)
        each.setAccessibleName(text.rstrip("…").replace("&&", "&"))
        each.setAccessibleDescription(tooltip)

    @staticmethod
    def _set_kind(each: QPushButton, kind: str) -> None:
        if (each.property("kind") or "") != kind:
            each.setProperty("kind", kind)
            each.style().polish(each)


def _text_role(primary: bool) -> QPalette.ColorRole:
    return QPalette.ColorRole.HighlightedText if primary else QPalette.ColorRole.ButtonText


class KillQuestion(QFrame):
    """Asks, in place, whether a trainer shall be ended without saving.

    Signals:
        confirmed: it shall.
    """

    confirmed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.what = label(wrap=True)
        self.yes_button = button("End at once", "End the process without saving", "danger")
        self.no_button = button("Let it go on", "Change nothing (Esc)")
        self.yes_button.clicked.connect(self._confirm)
        self.no_button.clicked.connect(self.hide)
        column = column_in(self, 14, 12, 14, 14, spacing=8)
        column.addWidget(self.what)
        column.addLayout(row(self.yes_button, self.no_button, None))
        self.hide()

    def ask(self, saved_step: int | None) -> None:
        """Ask, saying what will be lost."""
        lost = "everything so far" if saved_step is None else f"what it learned since step {saved_step:,}"
        self.what.setText(f"End the training without saving? That loses {lost}.")
        self.setAccessibleName(self.what.text())
        self.show()
        self.no_button.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _confirm(self) -> None:
        self.hide()
        self.confirmed.emit()

    def keyPressEvent(self, event) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
