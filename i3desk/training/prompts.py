"""An editable list of the sample prompts, which are answered at every evaluation."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QLineEdit, QWidget

from i3desk.style.icons import IconToolButton
from i3desk.training.setup_state import MOST_PROMPTS
from i3desk.widgets.basics import button, column_in, label, named, row
from i3desk.widgets.setting_rows import TYPED_AFTER_MS

LONGEST = 300  # characters


class PromptList(QWidget):
    """A line for each prompt.

    Signals:
        changed(prompts): emitted when the user changed the prompts, with a tuple of texts.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edits: list[QLineEdit] = []
        self._lines: list[QWidget] = []
        self._pause = QTimer(self, singleShot=True, interval=TYPED_AFTER_MS)
        self._pause.timeout.connect(self._announce)
        self.column = column_in(self, spacing=6)
        self.column.addWidget(label("Answered at every evaluation, with the same seed", "muted", "small", wrap=True))
        self.add_button = button("Add a prompt", f"At most {MOST_PROMPTS}", kind="quiet")
        self.add_button.clicked.connect(self._add_empty)
        self.column.addLayout(row(self.add_button, None))

    def prompts(self) -> tuple[str, ...]:
        """The prompts, without empty lines and repetitions."""
        texts = (edit.text().strip() for edit in self.edits)
        return tuple(dict.fromkeys(text for text in texts if text))

    def show_prompts(self, prompts: tuple[str, ...]) -> None:
        """Show these prompts, unless the lines contain them already."""
        if prompts != self.prompts():
            for line in self._lines:
                line.hide()
                line.deleteLater()
            self.edits, self._lines = [], []
            for prompt in prompts:
                self._add(prompt)
        self._show_add()

    def _add(self, text: str) -> QLineEdit:
        edit = named(QLineEdit(text), "field")
        edit.setMaxLength(LONGEST)
        edit.setPlaceholderText("a prompt")
        edit.setAccessibleName(f"Sample prompt {len(self.edits) + 1}")
        edit.setToolTip("Answered at every evaluation")
        edit.setCursorPosition(0)
        edit.textEdited.connect(self._pause.start)
        edit.editingFinished.connect(self._announce)
        remove = named(IconToolButton(), "leaf")
        remove.set_icon("close", size=14)
        remove.setAccessibleName(f"Remove sample prompt {len(self.edits) + 1}")
        remove.setToolTip("Remove this prompt")
        line = QWidget()
        remove.clicked.connect(partial(self._remove, line))
        content = row(edit, remove, spacing=4)
        content.setStretch(0, 1)
        line.setLayout(content)
        self.edits.append(edit)
        self._lines.append(line)
        self.column.insertWidget(len(self._lines), line)
        return edit

    def _show_add(self) -> None:
        self.add_button.setEnabled(len(self.edits) < MOST_PROMPTS)

    @Slot()
    def _add_empty(self) -> None:
        self._add("").setFocus()
        self._show_add()

    def _remove(self, line: QWidget) -> None:
        number = self._lines.index(line)
        self._lines.pop(number)
        self.edits.pop(number)
        line.hide()
        line.deleteLater()
        self._show_add()
        self._announce()

    @Slot()
    def _announce(self) -> None:
        self._pause.stop()
        self.changed.emit(self.prompts())
