"""Edit the user's note about a run; saved automatically."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QHideEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from i3desk.widgets.basics import FileDropsPass
from i3desk.widgets.plain_text import tooltip_text

SAVE_AFTER_MS = 800
HEIGHT = 88


class NoteEdit(FileDropsPass, QPlainTextEdit):
    """The note of one run at a time.

    Signals:
        note_changed(folder, text): emitted when the note should be saved.
    """

    note_changed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runNote")
        self.setFixedHeight(HEIGHT)
        self.setTabChangesFocus(True)
        self.setPlaceholderText("What was this run for? What was the result?")
        self.setAccessibleName("Note")
        self.setToolTip(tooltip_text("Your note about this run, saved while you write"))
        self._folder: Path | None = None
        self._saved = ""
        self._timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._timer.timeout.connect(self.save)
        self.textChanged.connect(self._timer.start)

    def show_note(self, folder: Path | None, note: str) -> None:
        """Show the note of a run, unless the user is editing it."""
        if folder == self._folder and (note == self._saved or self._timer.isActive() or self.hasFocus()):
            return
        self.save()
        self._folder, self._saved = folder, note
        if note != self.toPlainText():
            self.setPlainText(note)
        self._timer.stop()

    @Slot()
    def save(self) -> None:
        """Emit `note_changed` if the text has changed."""
        self._timer.stop()
        text = self.toPlainText().strip()
        if self._folder is not None and text != self._saved.strip():
            self._saved = text
            self.note_changed.emit(self._folder, text)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.save()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.save()
