"""Edit the sample prompts of a run in place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from i3desk.style.icons import IconToolButton
from i3desk.widgets.basics import button, label, named, row

MOST_PROMPTS = 6
LONGEST_PROMPT = 200  # characters
MARGIN = 16


class PromptsEditor(QWidget):
    """A line for each prompt.

    Signals:
        accepted(prompts): emitted when the user accepts, with a tuple without blank prompts and repetitions.
        cancelled: emitted when the user cancels.
    """

    accepted = Signal(object)
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[PromptLine] = []
        hint = label(f"At most {MOST_PROMPTS}, asked at every evaluation from now on.", tone="muted", grade="small")
        self.add_button = button("Add a prompt", "One more line", kind="quiet")
        self.add_button.clicked.connect(self._on_add)
        self.cancel_button = button("Cancel", "Leave the prompts as they are (Esc)")
        self.cancel_button.clicked.connect(self.cancelled)
        self.accept_button = button("Use these", "Ask these prompts from now on (Enter)")
        self.accept_button.clicked.connect(self._accept)
        content = named(QWidget(), "column")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(MARGIN, 0, MARGIN, 4)
        self._column.setSpacing(6)
        self._column.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(content)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        top = QVBoxLayout()
        top.setContentsMargins(MARGIN, 0, MARGIN, 0)
        top.addWidget(hint)
        column.addLayout(top)
        column.addWidget(scroll, 1)
        bottom = row(self.add_button, None, self.cancel_button, self.accept_button)
        bottom.setContentsMargins(MARGIN, 0, MARGIN, 0)
        column.addLayout(bottom)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts in the lines."""
        texts = (line.edit.text().strip() for line in self.lines)
        return tuple(dict.fromkeys(filter(None, texts)))

    def edit(self, prompts: Sequence[str]) -> None:
        """Start editing these prompts."""
        for line in list(self.lines):
            self._remove(line)
        for prompt in prompts[:MOST_PROMPTS] or ("",):
            self._add(prompt)
        self.lines[0].edit.setFocus()
        self.lines[0].edit.end(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._accept()
        else:
            super().keyPressEvent(event)

    def _add(self, prompt: str) -> PromptLine:
        line = PromptLine(prompt)
        line.edit.setAccessibleName(f"Prompt {len(self.lines) + 1}")
        line.removed.connect(self._on_removed)
        self._column.insertWidget(len(self.lines), line)
        self.lines.append(line)
        self._show_room()
        return line

    def _remove(self, line: PromptLine) -> None:
        self.lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()
        self._show_room()

    def _show_room(self) -> None:
        self.add_button.setEnabled(len(self.lines) < MOST_PROMPTS)

    @Slot()
    def _on_add(self) -> None:
        self._add("").edit.setFocus()

    @Slot(object)
    def _on_removed(self, line: PromptLine) -> None:
        place = self.lines.index(line)
        self._remove(line)
        if self.lines:
            self.lines[min(place, len(self.lines) - 1)].edit.setFocus()
        else:
            self.add_button.setFocus()

    @Slot()
    def _accept(self) -> None:
        self.accepted.emit(self.prompts)


class PromptLine(QWidget):
    """One prompt.

    Signals:
        removed(line): emitted when the user removes it.
    """

    removed = Signal(object)

    def __init__(self, prompt: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = named(QLineEdit(prompt, maxLength=LONGEST_PROMPT), "field")
        self.edit.setPlaceholderText("What to ask the model")
        self.edit.setToolTip(f"At most {LONGEST_PROMPT} characters")
        self.remove_button = IconToolButton()
        self.remove_button.set_icon("close", size=14)
        self.remove_button.setToolTip("Do not ask this any more")
        self.remove_button.setAccessibleName("Remove the prompt")
        self.remove_button.clicked.connect(self._on_remove)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(4)
        line.addWidget(self.edit, 1)
        line.addWidget(self.remove_button)

    @Slot()
    def _on_remove(self) -> None:
        self.removed.emit(self)
