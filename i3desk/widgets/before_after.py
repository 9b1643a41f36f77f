"""A prompt with two answers side by side, in which different words are marked."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QVBoxLayout, QWidget

from i3desk.widgets.diff_text import DiffText
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.word_diff import diff_words

NARROW = 400  # pixels; below it the answers stand one below the other
GAP = 24


class BeforeAfter(QWidget):
    """A prompt and two answers, either of which may be None.

    Attributes:
        before, after: the widgets of the answers.
        note: a remark right of the prompt.
    """

    def __init__(
        self,
        prompt: str = "",
        before: str | None = None,
        after: str | None = None,
        names: tuple[str, str] = ("before", "after"),
        parent: QWidget | None = None,
    ) -> None:
        """`names` of the answers are shown only if the answers are below each other."""
        super().__init__(parent)
        self.setObjectName("beforeAfter")
        self.prompt = ElidedLabel()
        self.prompt.setProperty("tone", "muted")
        self.prompt.setProperty("grade", "small")
        self.note = QLabel(textFormat=Qt.TextFormat.PlainText)
        self.note.setProperty("tone", "muted")
        self.note.setProperty("grade", "small")
        top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        top.setSpacing(8)
        top.addWidget(self.prompt, 1)
        top.addWidget(self.note)
        self.before = DiffText(names[0], QPalette.ColorRole.PlaceholderText)
        self.after = DiffText(names[1])
        self._names = [ElidedLabel() for _ in names]
        self._sides = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        for label, answer in zip(self._names, (self.before, self.after), strict=True):
            label.setProperty("grade", "small")
            label.hide()
            side = QVBoxLayout()
            side.setSpacing(2)
            side.addWidget(label)
            side.addWidget(answer)
            side.addStretch(1)
            self._sides.addLayout(side, 1)
        self._sides.setSpacing(GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addLayout(self._sides)
        self.show_prompt(prompt)
        self.show_names(*names)
        self.show_answers(before, after)

    def show_prompt(self, prompt: str) -> None:
        """Show the prompt."""
        self.prompt.setText(prompt)
        self.prompt.setToolTip(prompt)
        self.prompt.setAccessibleName(f"Prompt: {prompt}")
        self.prompt.setVisible(bool(prompt))

    def show_names(self, before: str, after: str) -> None:
        """Show the names of the answers."""
        for label, answer, name in zip(self._names, (self.before, self.after), (before, after), strict=True):
            label.setText(name)
            answer.setAccessibleName(name)

    def show_answers(self, before: str | None, after: str | None, growing: bool = False) -> None:
        """Show both answers; differences are marked once they are complete."""
        if growing or before is None or after is None:
            self.before.show_answer(before)
            self.after.show_answer(after)
            self.note.clear()
            return
        left, right = diff_words(before, after)
        self.before.show_answer(before, left)
        self.after.show_answer(after, right)
        same = not any(span.differs for span in (*left, *right))
        self.note.setText("the same answer" if same else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if direction != self._sides.direction():
            self._sides.setDirection(direction)
            self._sides.setSpacing(8 if narrow else GAP)
            for label in self._names:
                label.setVisible(narrow)
