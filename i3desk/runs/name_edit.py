"""Edit the name of a run in place."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from i3desk.widgets.list_painting import TitleEditing
from i3desk.widgets.plain_text import tooltip_text


class NameEdit(QLineEdit):
    """The name of a run: Enter saves what was typed, Esc restores the old name.

    Signals:
        renamed(name): emitted when the user changed the name.
    """

    renamed = Signal(str)

    def __init__(self, look: str, parent: QWidget | None = None) -> None:
        """`look` is its name in the style sheet."""
        super().__init__(parent, maxLength=TitleEditing.longest_title)
        self.setObjectName(look)
        self.setAccessibleName("Name of the run")
        self.setToolTip(tooltip_text("Rename (F2): Enter saves the name, Esc restores the old one"))
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
