"""A read-only text of any length, inserted in pieces so that the window never blocks."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from i3desk.widgets.plain_text import tooltip_text

PIECE = 40_000  # characters: some 4 ms


class LongText(QPlainTextEdit):
    """A text to read, select and copy, also with the keyboard."""

    def __init__(self, name: str, look: str = "details", parent: QWidget | None = None) -> None:
        """Show no text yet; `name` is the accessible name, `look` the name in the style sheet."""
        super().__init__(parent, readOnly=True)
        self.setObjectName(look)
        self.setAccessibleName(name)
        self.setToolTip(tooltip_text(name))
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self._rest = ""
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._insert_piece)

    @property
    def complete(self) -> bool:
        """Whether the whole text is inserted."""
        return not self._rest

    def show_text(self, text: str) -> None:
        """Show `text` from its start."""
        self._rest = text[PIECE:]
        self.setPlainText(text[:PIECE])
        if self._rest:
            self._timer.start()
        else:
            self._timer.stop()

    @Slot()
    def _insert_piece(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self._rest[:PIECE])
        self._rest = self._rest[PIECE:]
        if not self._rest:
            self._timer.stop()
