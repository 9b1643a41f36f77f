"""The question what to do with a running training run when the window is closed."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QMessageBox, QWidget

from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.runs.controller import RunController


class ClosePrompt(QObject):
    """Asks whether training keeps running without the window, stops, or the window stays open.

    Signals:
        answered: Emitted when the window may be closed.
    """

    answered = Signal()

    def __init__(self, runs: RunController, settings: SettingsStore, window: QWidget) -> None:
        super().__init__(window)
        self._runs, self._settings, self._window = runs, settings, window
        self._decided = False
        self.box: QMessageBox | None = None

    def may_close(self) -> bool:
        """Whether the window may be closed now; if not, the user is asked."""
        run = self._runs.active
        choice = self._settings.preferences.training_on_close
        if run is None or self._decided or choice == "go_on":
            return True
        if choice == "stop":
            self._runs.stop(run.folder)
            return True
        if self.box is None:
            self._ask(run.name)
        return False

    def decide_unasked(self) -> None:
        """Follow the saved choice from now on; without one, training keeps running."""
        if self.box is not None:
            self.box.reject()
        self._decided = self._settings.preferences.training_on_close != "stop"

    def _ask(self, name: str) -> None:
        box = self.box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("“{name}” is still training.").format(name=name))
        box.setInformativeText(
            tr(
                "It can keep running without the window; i3desk shows it again at the next start. "
                "Or it saves and stops, and can be resumed later."
            )
        )
        self.keep_running_button = box.addButton(tr("Keep training"), QMessageBox.ButtonRole.AcceptRole)
        self.stop_button = box.addButton(tr("Save and stop"), QMessageBox.ButtonRole.DestructiveRole)
        stay_button = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(self.keep_running_button)
        box.setEscapeButton(stay_button)
        self.always = QCheckBox(tr("Always do this"))
        box.setCheckBox(self.always)
        box.finished.connect(self._on_answered)
        box.open()

    @Slot(int)
    def _on_answered(self, _result: int) -> None:
        box, self.box = self.box, None
        assert box is not None
        chosen = box.clickedButton()
        run = self._runs.active
        if chosen not in (self.keep_running_button, self.stop_button):
            return
        if chosen is self.stop_button and run is not None:
            self._runs.stop(run.folder)
        if self.always.isChecked():
            self._settings.change(training_on_close="stop" if chosen is self.stop_button else "go_on")
        self._decided = True
        self.answered.emit()
