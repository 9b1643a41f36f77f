"""A prompt with two answers side by side, in which different words are marked."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import column, column_in, label, row, scroll_column
from i3desk.widgets.diff_text import DiffText
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.word_diff import diff_words

NARROW = 400  # pixels; below it the answers stand one below the other
GAP = 24
MARGIN = 16


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
        names: tuple[str, str] = (tr("before"), tr("after")),
        parent: QWidget | None = None,
    ) -> None:
        """`names` of the answers are shown only if the answers are below each other."""
        super().__init__(parent)
        self.setObjectName("beforeAfter")
        self.prompt = ElidedLabel(tone="muted", grade="small")
        self.note = label(tone="muted", grade="small")
        self.before = DiffText(names[0], QPalette.ColorRole.PlaceholderText)
        self.after = DiffText(names[1])
        self._names = [ElidedLabel(grade="small") for _ in names]
        self._sides = row(spacing=GAP)
        for name, answer in zip(self._names, (self.before, self.after), strict=True):
            name.hide()
            self._sides.addLayout(column(name, answer, None, spacing=2), 1)
        column_in(self, row((self.prompt, 1), self.note), self._sides, spacing=4)
        self.show_prompt(prompt)
        self.show_names(*names)
        self.show_answers(before, after)

    def show_prompt(self, prompt: str) -> None:
        """Show the prompt."""
        self.prompt.setText(prompt)
        self.prompt.setToolTip(tooltip_text(prompt))
        self.prompt.setAccessibleName(tr("Prompt: {prompt}").format(prompt=prompt))
        self.prompt.setVisible(bool(prompt))

    def show_names(self, before: str, after: str) -> None:
        """Show the names of the answers."""
        for shown, answer, name in zip(self._names, (self.before, self.after), (before, after), strict=True):
            shown.setText(name)
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
        self.note.setText(tr("the same answer") if same else "")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = event.size().width() < NARROW
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        if direction != self._sides.direction():
            self._sides.setDirection(direction)
            self._sides.setSpacing(8 if narrow else GAP)
            for name in self._names:
                name.setVisible(narrow)


class AnswersColumn(QWidget):
    """A scrolled column of answers side by side, below two heads that stay above them.

    Attributes:
        column: the layout of the answers, with a stretch at its end.
        area: what scrolls.
    """

    def __init__(self, name: str, left: QWidget, right: QWidget, below: int = 0) -> None:
        """`below` is the space between heads and answers."""
        super().__init__()
        self._below = below
        self._heads = row((left, 1), (right, 1), margins=(MARGIN, 0, MARGIN, below), spacing=GAP)
        self.column = column(None, margins=(MARGIN, 4, MARGIN, 8), spacing=14)
        self.area = scroll_column(name, self.column)
        self.area.verticalScrollBar().rangeChanged.connect(self._on_range)
        column_in(self, self._heads, (self.area, 1))

    @Slot(int, int)
    def _on_range(self, _: int, most: int) -> None:
        taken = self.area.verticalScrollBar().sizeHint().width() if most else 0
        self._heads.setContentsMargins(MARGIN, 0, MARGIN + taken, self._below)
