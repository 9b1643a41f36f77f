"""A label that elides its text if there is too little room."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle

LEAST_WIDTH = 24


class ElidedLabel(QLabel):
    """Plain text on one line that never widens the window. `text()` is the whole text."""

    def __init__(self, text: str = "", tone: str = "", grade: str = "") -> None:
        """Show `text` in a tone and grade of the style sheet."""
        super().__init__(text, textFormat=Qt.TextFormat.PlainText)
        self.setProperty("tone", tone or None)
        self.setProperty("grade", grade or None)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST_WIDTH, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setLayoutDirection(Qt.LayoutDirection.LayoutDirectionAuto)  # of the text, not of the window
        room = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        flags = QStyle.visualAlignment(self.layoutDirection(), self.alignment())
        self.style().drawItemText(painter, room, flags, self.palette(), self.isEnabled(), text, self.foregroundRole())
