"""Cards and marks at a message: failed, interrupted, and the start of the context."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from i3desk.widgets.basics import named


class FailureCard(QFrame):
    """An error and its remedy, with a button to try again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.what = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.what.setProperty("tone", "bad")
        self.remedy = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        for label in (self.what, self.remedy):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton("Try again")
        self.button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.button.setAccessibleName("Try again")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.what)
        column.addWidget(self.remedy)
        column.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)

    def show_error(self, what: str, remedy: str) -> None:
        """Show an error and its remedy."""
        self.what.setText(what)
        self.remedy.setText(remedy)
        self.remedy.setVisible(bool(remedy))


class InterruptedCard(QFrame):
    """A note that i3desk ended during a reply, with a button to continue it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("interrupted")
        self.what = QLabel(
            "i3desk ended while this was being written.", textFormat=Qt.TextFormat.PlainText, wordWrap=True
        )
        self.button = QPushButton("Continue")
        self.button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.button.setAccessibleName("Continue this reply")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(12)
        row.addWidget(self.what, 1)
        row.addWidget(self.button)


class ContextMark(QWidget):
    """Lines above a message where the context begins, or will begin after the next message."""

    GONE = "i3 no longer sees the turns above"
    FALLING = "will drop out of view when you send"

    def __init__(self, gone: bool, falling: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown = (gone, falling)
        self.setToolTip("A model sees only so many tokens at once. When its window is full, the oldest turns drop out.")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        if gone:
            row = QHBoxLayout()
            row.setSpacing(12)
            row.addWidget(named(QFrame(), "line"), 1)
            row.addWidget(_small_label(self.GONE, "muted"))
            row.addWidget(named(QFrame(), "line"), 1)
            column.addLayout(row)
        if falling:
            column.addWidget(_small_label(self.FALLING, "warn"))


def _small_label(text: str, tone: str) -> QLabel:
    label = QLabel(text, textFormat=Qt.TextFormat.PlainText)
    label.setProperty("tone", tone)
    label.setProperty("grade", "small")
    return label
