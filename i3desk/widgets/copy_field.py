"""A read-only line of text with a Copy button."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLineEdit, QWidget

from i3desk.language import tr
from i3desk.style.palette import tabular
from i3desk.widgets.basics import button, named, row_in
from i3desk.widgets.plain_text import tooltip_text


class CopyField(QWidget):
    """A line to copy; `name` is its accessible name."""

    def __init__(self, name: str, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = tabular(named(QLineEdit(readOnly=True), "field"))
        self.field.setAccessibleName(name)
        self.field.setToolTip(tooltip_text(tooltip))
        self.button = button(tr("Copy"), tr("Copy this line"), name=tr("Copy: {name}").format(name=name))
        self.button.clicked.connect(self._copy)
        row_in(self, (self.field, 1), self.button)

    def show_text(self, text: str) -> None:
        """Show `text` from its start."""
        if text != self.field.text():
            self.field.setText(text)
            self.field.setCursorPosition(0)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.field.text())
