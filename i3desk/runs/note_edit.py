"""Where the user writes about a run; what is written is kept by itself."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QHideEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget

KEEP_AFTER_MS = 800
HEIGHT = 88


class NoteEdit(QPlainTextEdit):
    """The note of one run at a time.

    Signals:
        note_changed(folder, text): this is to be kept.
    """

    note_changed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runNote")
        self.setFixedHeight(HEIGHT)
        self.setTabChangesFocus(True)
        self.setPlaceholderText("What was this run for? What came of it?")
        self.setAccessibleName("Note")
        self.setToolTip("Your own words about this run; kept as you write")
        self._folder: Path | None = None
        self._kept = ""
        self._timer = QTimer(self, singleShot=True, interval=KEEP_AFTER_MS)
        self._timer.timeout.connect(self.keep)
        self.textChanged.connect(self._timer.start)

    def show_note(self, folder: Path | None, note: str) -> None:
        """Show the note of a run. What the user writes at this moment is not overwritten by what was read before."""
        if folder == self._folder and (note == self._kept or self._timer.isActive() or self.hasFocus()):
            return
        self.keep()
        self._folder, self._kept = folder, note
        if note != self.toPlainText():
            self.setPlainText(note)
        self._timer.stop()

    @Slot()
    def keep(self) -> None:
        """Keep what is written now."""
        self._timer.stop()
        text = self.toPlainText().strip()
        if self._folder is not None and text != self._kept.strip():
            self._kept = text
            self.note_changed.emit(self._folder, text)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.keep()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.keep()
