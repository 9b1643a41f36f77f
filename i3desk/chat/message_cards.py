"""What is shown about a message beside its text: that it failed, that it was cut off, and where i3's view begins."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget


class Failure(QFrame):
    """What went wrong and what to do, with a button that tries again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="failure")
        self.what = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.what.setProperty("tone", "bad")
        self.remedy = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        for label in (self.what, self.remedy):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = QPushButton("Try again", focusPolicy=Qt.FocusPolicy.ClickFocus)
        self.button.setAccessibleName("Try again")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.what)
        column.addWidget(self.remedy)
        column.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignLeft)

    def show_error(self, what: str, remedy: str) -> None:
        """Show what happened and what to do."""
        self.what.setText(what)
        self.remedy.setText(remedy)
        self.remedy.setVisible(bool(remedy))


class Interrupted(QFrame):
    """Says that i3desk ended while a reply was said, with a button that goes on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="interrupted")
        self.what = QLabel("i3desk ended while this was said.", textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.button = QPushButton("Continue", focusPolicy=Qt.FocusPolicy.ClickFocus)
        self.button.setAccessibleName("Continue this reply")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(12)
        row.addWidget(self.what, 1)
        row.addWidget(self.button)


class ViewMark(QWidget):
    """A line of text above a message: where i3's view begins now, or what will fall out of it."""

    def __init__(self, text: str, warns: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = text
        label = QLabel(text, textFormat=Qt.TextFormat.PlainText)
        label.setProperty("tone", "warn" if warns else "muted")
        label.setProperty("grade", "small")
        label.setToolTip(
            "A model sees only so many tokens at once. When its window is full, the oldest turns fall out."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        if not warns:
            row.addWidget(QFrame(objectName="line"), 1)
        row.addWidget(label)
        row.addWidget(QFrame(objectName="line"), 1) if not warns else row.addStretch(1)
