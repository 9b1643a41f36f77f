"""The buttons under a run."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import QApplication, QFrame, QMenu, QPushButton, QToolButton, QWidget

from i3desk.language import tr
from i3desk.style.icons import IconPushButton, IconToolButton
from i3desk.training.run_view_model import ButtonState, ControlsState, RunAction
from i3desk.widgets.basics import column_in, named, restyle, row
from i3desk.widgets.plain_text import tooltip_text

MENU = (
    (RunAction.CHECKPOINT, tr("Save checkpoint now"), tr("Save after this step")),
    (RunAction.SAMPLE, tr("Sample now"), tr("Answer the sample prompts after this step")),
    (RunAction.COMPARE, tr("Compare with base"), tr("Answer one prompt before and after the training")),
    (RunAction.EXPORT, tr("Keep as model…"), tr("Make a model of the best checkpoint while the run continues")),
    None,
    (RunAction.NEW, tr("Set up another run"), tr("It waits for this one to end")),
    (RunAction.OPEN, tr("Open folder"), tr("Show the files of this run")),
    None,
    (RunAction.KILL, tr("Force quit…"), tr("End the process without saving; for a run that does not respond")),
    (RunAction.DELETE, tr("Delete…"), tr("Delete the files of this run from the disk")),
)


class RunControls(QFrame):
    """At most one primary button; rare actions are in a menu.

    Attributes:
        menu_actions: the entries of the menu.
    Signals:
        requested(RunAction): emitted when the user presses a button or chooses from the menu.
    """

    requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runFoot")
        self._shown: ControlsState | None = None
        self._focused: QWidget | None = None  # the button that has the focus, or will have it again
        self.chat_button = QPushButton()
        self.compare_button = QPushButton()
        self.export_button = QPushButton()
        self.pause_button = IconPushButton()
        self.stop_button = IconPushButton()
        self.stop_button.setProperty("tone", "bad")
        self.stop_button.set_icon("stop", QPalette.ColorRole.BrightText, 14)
        self.resume_button = IconPushButton()
        self.new_button = QPushButton()
        self.menu_actions: dict[RunAction, QAction] = {}
        self.more_button = self._more()
        for action, each in (
            (RunAction.CHAT, self.chat_button), (RunAction.COMPARE, self.compare_button),
            (RunAction.EXPORT, self.export_button), (RunAction.STOP, self.stop_button),
            (RunAction.RESUME, self.resume_button), (RunAction.NEW, self.new_button),
        ):  # fmt: skip
            each.clicked.connect(partial(self.requested.emit, action))
        self.pause_button.clicked.connect(self._pause_or_unpause)

        column_in(
            self,
            self.chat_button,
            row(self.compare_button, self.export_button),
            row(self.pause_button, self.stop_button, self.resume_button, self.new_button, self.more_button),
            margins=(16, 12, 16, 16),
            spacing=8,
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
        for entry in MENU:
            if entry is None:
                menu.addSeparator()
                continue
            action, text, tooltip = entry
            made = self.menu_actions[action] = menu.addAction(text)
            made.setToolTip(tooltip_text(tooltip))
            made.triggered.connect(partial(self.requested.emit, action))
        more = named(IconToolButton(popupMode=QToolButton.ToolButtonPopupMode.InstantPopup), "boxedTool")
        more.set_icon("more")
        more.setToolTip(tooltip_text(tr("More about this run")))
        more.setAccessibleName(tr("More about this run"))
        more.setMenu(menu)
        return more

    def show_state(self, state: ControlsState) -> None:
        """Show what can be done."""
        if state == self._shown:
            return
        self._shown = state
        holder = QApplication.focusWidget()
        if holder is not None and self.isAncestorOf(holder):
            self._focused = holder
            self.setFocus()  # else Qt gives a disabled button's focus to the next one, which stops the run
        for each, shown in (
            (self.chat_button, state.chat), (self.compare_button, state.compare), (self.export_button, state.export),
            (self.pause_button, state.pause), (self.stop_button, state.stop), (self.resume_button, state.resume),
            (self.new_button, state.new),
        ):  # fmt: skip
            _show(each, shown)
        unpauses = state.pause_action is RunAction.UNPAUSE
        self.pause_button.set_icon("play" if unpauses else "pause", _text_role(state.pause), 14)
        self.resume_button.set_icon("play", _text_role(state.resume), 14)
        for action, made in self.menu_actions.items():
            made.setVisible(action in state.menu)
        delete = self.menu_actions[RunAction.DELETE]
        delete.setEnabled(state.can_delete)
        delete.setText(tr("Delete…") if state.can_delete else tr("Delete… (not while it trains)"))
        self.more_button.setVisible(state.has_menu)
        if self.hasFocus() and self._focused is not None:
            if not self._focused.isVisibleTo(self):
                visible = (self.pause_button, self.resume_button, self.chat_button, self.new_button)
                self._focused = next((each for each in visible if each.isVisibleTo(self)), self.more_button)
            if self._focused.isEnabled():  # otherwise it gets the focus back when it is enabled again
                self._focused.setFocus()

    @Slot()
    def _pause_or_unpause(self) -> None:
        if self._shown is not None:
            self.requested.emit(self._shown.pause_action)


def _show(each: QPushButton, state: ButtonState) -> None:
    each.setText(state.text)
    each.setToolTip(tooltip_text(state.tooltip))
    each.setAccessibleName(state.text.rstrip("…").replace("&&", "&"))
    each.setAccessibleDescription(state.tooltip)
    each.setVisible(state.visible)
    each.setEnabled(state.enabled)
    restyle(each, kind="primary" if state.primary else "")


def _text_role(state: ButtonState) -> QPalette.ColorRole:
    return QPalette.ColorRole.HighlightedText if state.primary else QPalette.ColorRole.ButtonText
