"""Edit a name in place, and a note."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QHideEvent, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import FileDropsPass
from i3desk.widgets.list_painting import TitleEditing
from i3desk.widgets.plain_text import tooltip_text

SAVE_AFTER_MS = 800
HEIGHT = 88


class NameEdit(QLineEdit):
    """A name: Enter saves what was typed, Esc restores the old name.

    Signals:
        renamed(name): emitted when the user changed the name.
    """

    renamed = Signal(str)

    def __init__(self, look: str, parent: QWidget | None = None, of: str = "run") -> None:
        """`look` is its name in the style sheet, `of` what it is the name of."""
        super().__init__(parent, maxLength=TitleEditing.longest_title)
        self.setObjectName(look)
        self.setAccessibleName({"run": tr("Name of the run"), "set": tr("Name of the set")}[of])
        self.setToolTip(tooltip_text(tr("Rename (F2): Enter saves the name, Esc restores the old one")))
        self._name = ""
        self.editingFinished.connect(self._finish)

    def show_name(self, name: str) -> None:
        """Show the name, unless the user is editing it."""
        self._name = name
        if not self.isModified() and self.text() != name:
            self.setText(name)
            self.setCursorPosition(0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.isModified():
            self.setText(self._name)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _finish(self) -> None:
        name = " ".join(self.text().split())
        changed = self.isModified() and bool(name) and name != self._name
        self.setModified(False)
        if changed:
            self._name = name
            self.renamed.emit(name)
        self.setText(self._name)
        self.setCursorPosition(0)


class NoteEdit(FileDropsPass, QPlainTextEdit):
    """The note of one run or model at a time.

    Signals:
        note_changed(folder, text): emitted when the note should be saved.
    """

    note_changed = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("runNote")
        self.setFixedHeight(HEIGHT)
        self.setTabChangesFocus(True)
        self.setPlaceholderText(tr("What was this run for? What was the result?"))
        self.setAccessibleName(tr("Note"))
        self.setToolTip(tooltip_text(tr("Your note about this run, saved while you write")))
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
