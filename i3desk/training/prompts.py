"""Edit the sample prompts, which are answered at every evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from i3desk.language import tr
from i3desk.training.setup_state import MOST_PROMPTS
from i3desk.widgets.basics import button, column, column_in, icon_button, label, named, row, row_in, scroll_column
from i3desk.widgets.notices import UnreadableNote
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.setting_rows import TYPED_AFTER_MS

LONGEST_PROMPT = 300  # characters
MARGIN = 16


class PromptLine(QWidget):
    """One prompt.

    Signals:
        removed(line): emitted when the user removes it.
    """

    removed = Signal(object)

    def __init__(self, prompt: str, number: int) -> None:
        super().__init__()
        self.edit = named(QLineEdit(prompt, maxLength=LONGEST_PROMPT), "field")
        self.edit.setPlaceholderText(tr("What to ask the model"))
        self.edit.setAccessibleName(tr("Sample prompt {number}").format(number=number))
        self.edit.setToolTip(tooltip_text(tr("Answered at every evaluation")))
        self.edit.setCursorPosition(0)
        name = tr("Remove sample prompt {number}").format(number=number)
        self.remove_button = icon_button("close", name, tr("Remove this prompt"), look="leaf", size=14)
        self.remove_button.clicked.connect(self._on_remove)
        row_in(self, (self.edit, 1), self.remove_button, spacing=4)

    @Slot()
    def _on_remove(self) -> None:
        self.removed.emit(self)


class PromptList(QWidget):
    """A line for each prompt.

    Signals:
        changed(prompts): emitted when the user changed the prompts, with a tuple of texts.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[PromptLine] = []
        self._pause = QTimer(self, singleShot=True, interval=TYPED_AFTER_MS)
        self._pause.timeout.connect(self._announce)
        self.add_button = button(tr("Add a prompt"), tr("At most {most}").format(most=MOST_PROMPTS), kind="quiet")
        self.add_button.clicked.connect(self._add_empty)
        hint = label(tr("Answered at every evaluation, with the same seed"), "muted", "small", wrap=True)
        self.unreadable = UnreadableNote()
        self._column = column_in(self, hint, row(self.add_button, None), self.unreadable, spacing=6)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The prompts, without empty lines and repetitions."""
        texts = (line.edit.text().strip() for line in self.lines)
        return tuple(dict.fromkeys(filter(None, texts)))

    def show_prompts(self, prompts: Sequence[str]) -> None:
        """Show these prompts, unless the lines contain them already."""
        if tuple(prompts) != self.prompts:
            while self.lines:
                self._delete(self.lines[0])
            for prompt in prompts:
                self._add(prompt)
            self._show_unreadable()

    def _add(self, text: str) -> PromptLine:
        line = PromptLine(text, len(self.lines) + 1)
        line.removed.connect(self._remove)
        line.edit.textEdited.connect(self._pause.start)
        line.edit.textChanged.connect(self._show_unreadable)
        line.edit.editingFinished.connect(self._announce)
        self.lines.append(line)
        self._column.insertWidget(len(self.lines), line)
        self.add_button.setEnabled(len(self.lines) < MOST_PROMPTS)
        return line

    def _delete(self, line: PromptLine) -> None:
        self.lines.remove(line)
        line.hide()
        line.deleteLater()
        self.add_button.setEnabled(True)

    @Slot()
    def _add_empty(self) -> None:
        self._add("").edit.setFocus()

    @Slot(object)
    def _remove(self, line: PromptLine) -> None:
        place = self.lines.index(line)
        self._delete(line)
        self._show_unreadable()
        (self.lines[min(place, len(self.lines) - 1)].edit if self.lines else self.add_button).setFocus()
        self._announce()

    @Slot()
    def _show_unreadable(self) -> None:
        self.unreadable.show_texts(*self.prompts)

    @Slot()
    def _announce(self) -> None:
        self._pause.stop()
        self.changed.emit(self.prompts)


class PromptsEditor(QWidget):
    """The prompts of a run, which are used when the user accepts them.

    Signals:
        accepted(prompts): emitted when the user accepts, with a tuple of texts.
        cancelled: emitted when the user cancels.
    """

    accepted = Signal(object)
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = PromptList()
        self.cancel_button = button(tr("Cancel"), tr("Leave the prompts as they are (Esc)"))
        self.cancel_button.clicked.connect(self.cancelled)
        self.accept_button = button(tr("Use these"), tr("Ask these prompts from now on (Enter)"))
        self.accept_button.clicked.connect(self._accept)
        page = scroll_column(tr("Sample prompts"), column(self.list, None, margins=(MARGIN, 0, MARGIN, 4)))
        answers = row(None, self.cancel_button, self.accept_button, margins=(MARGIN, 0, MARGIN, 0))
        column_in(self, (page, 1), answers, spacing=6)

    def edit(self, prompts: Sequence[str]) -> None:
        """Start editing these prompts."""
        self.list.show_prompts(prompts or ("",))
        first = self.list.lines[0].edit
        first.setFocus()
        first.end(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._accept()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _accept(self) -> None:
        self.accepted.emit(self.list.prompts)
