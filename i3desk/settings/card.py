"""A card with a title."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QWidget

from i3desk.widgets.basics import column_in, label


class Card(QFrame):
    """A frame with a title and a column for content."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.column = column_in(self, margins=(16, 14, 16, 16), spacing=10)
        self.column.addWidget(label(title, grade="heading"))
