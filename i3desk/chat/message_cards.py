"""The card of an interrupted reply, and the mark at the start of the context."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import button, column_in, label, named, row, row_in
from i3desk.widgets.plain_text import tooltip_text


class InterruptedCard(QFrame):
    """A note that i3desk ended during a reply, with a button to continue it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("interrupted")
        self.what = label(tr("i3desk closed before this reply was finished."), wrap=True)
        self.button = button(
            tr("Continue"), tr("Continue this reply where it was cut off"), name=tr("Continue this reply")
        )
        self.button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        row_in(self, (self.what, 1), self.button, margins=(16, 8, 8, 8), spacing=12)


class ContextMark(QWidget):
    """Lines above a message where the context begins, or will begin after the next message."""

    GONE = tr("i3 no longer sees the messages above")
    FALLING = tr("will drop out of view when you send")

    def __init__(self, gone: bool, falling: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown = (gone, falling)
        self.setToolTip(
            tooltip_text(
                tr(
                    "A model sees only so many tokens at once. When its window is full, the oldest messages are "
                    "forgotten."
                )
            )
        )
        column = column_in(self, spacing=8)
        if gone:
            before, after = named(QFrame(), "line"), named(QFrame(), "line")
            column.addLayout(row((before, 1), label(self.GONE, "muted", "small"), (after, 1), spacing=12))
        if falling:
            column.addWidget(label(self.FALLING, "warn", "small"))
