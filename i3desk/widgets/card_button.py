"""A card that is one button."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from i3desk.widgets.basics import column_in, label
from i3desk.widgets.plain_text import tooltip_text


class CardButton(QPushButton):
    """A title, an example line, and a note that is also the tooltip."""

    def __init__(self, title: str, example: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(tooltip_text(note))
        self.setAccessibleName(f"{title}: {example}")
        self.setAccessibleDescription(note)
        parts = [label(title, grade="name"), label(example, wrap=True), label(note, "muted", "small", wrap=True)]
        for part in parts:
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._column = column_in(self, *parts, None, margins=(14, 12, 14, 12), spacing=4)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def sizeHint(self) -> QSize:
        return self._column.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._column.minimumSize()

    def heightForWidth(self, width: int) -> int:
        return self._column.totalHeightForWidth(width)
