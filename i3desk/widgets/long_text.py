"""A text to read that may have ten thousand lines: put in piece by piece, so that the window never waits for it."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

PIECE = 40_000  # characters: some 4 ms


class LongText(QPlainTextEdit):
    """Read only; the keyboard can move in it, select and copy."""

    def __init__(self, name: str, look: str = "details", parent: QWidget | None = None) -> None:
        """`name` is what screen readers call it, `look` what the style sheet does."""
        super().__init__(parent, readOnly=True)
        self.setObjectName(look)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setTabChangesFocus(True)
        self.setUndoRedoEnabled(False)
        self._rest = ""
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._go_on)

    @property
    def complete(self) -> bool:
        """Whether all of the text is there."""
        return not self._rest

    def show_text(self, text: str) -> None:
        """Show a text from its beginning."""
        self._rest = text[PIECE:]
        self.setPlainText(text[:PIECE])
        if self._rest:
            self._timer.start()
        else:
            self._timer.stop()

    @Slot()
    def _go_on(self) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(self._rest[:PIECE])
        self._rest = self._rest[PIECE:]
        if not self._rest:
            self._timer.stop()
