"""A table of answers: a row for each step, a column for each prompt. Only visible rows have widgets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QPushButton, QWidget

from i3core.runs.events import Sampled
from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.style.palette import tabular
from i3desk.training.sample_log import SampleLog, step_text
from i3desk.widgets.basics import column_in, icon_button, named, row, row_in
from i3desk.widgets.diff_text import DiffText
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.virtual_list import VirtualList, VirtualRow
from i3desk.widgets.word_diff import diff_words

MARGIN = 16  # that of the card; includes the scroll bar
STEP_WIDTH = 96
GAP = 20  # between columns
ROW_PADDING = 7
MIN_COLUMN_WIDTH = 190
ANY_WIDTH = 100_000  # the table takes the full width
CHARACTER_WIDTH, LINE_HEIGHT = 6.7, 19.5  # estimates for rows without widgets


def columns_in(width: int, count: int) -> list[tuple[int, int]]:
    """Left edge and width of `count` columns, right of the step, in a row of this width."""
    room = max(1, width - STEP_WIDTH)
    each = max(1, (room - GAP * (count - 1)) // max(1, count))
    return [(STEP_WIDTH + number * (each + GAP), each) for number in range(count)]


class StepRow(VirtualRow):
    """The answers at one step.

    Signals:
        chosen(step): emitted when the user wants to compare this step with another.
    """

    chosen = Signal(object)

    def __init__(self, step: int, is_first: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.step = step
        self._is_first = is_first
        self.button = QPushButton(step_text(step), self)
        self.button.setProperty("kind", "step")
        self.button.setToolTip(tooltip_text(tr("See this step beside the first")))
        self.button.setAccessibleName(tr("Compare {step}").format(step=step_text(step)))
        self.button.clicked.connect(self._on_clicked)
        tabular(self.button)
        self.answers: list[DiffText] = []

    def show_answers(self, answers: Sequence[tuple[str, str | None, str | None]]) -> None:
        """Show the columns, given as prompt, answer and previous answer."""
        for prompt, text, before in answers:
            block = DiffText(f"{step_text(self.step)}: {prompt}", parent=self)
            spans = diff_words(before, text)[1] if text is not None and before is not None else ()
            block.show_answer(text, spans)
            self.answers.append(block)

    def fit(self, width: int) -> int:
        height = self.fontMetrics().height()
        for block, (left, room) in zip(self.answers, columns_in(width, len(self.answers)), strict=True):
            block.fit(room)
            block.move(left, ROW_PADDING)
            height = max(height, block.height())
        self.button.setGeometry(0, ROW_PADDING - 3, STEP_WIDTH - 8, self.button.sizeHint().height())
        return height + 2 * ROW_PADDING

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # an answer could be measured only now
            self.updateGeometry()
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._is_first:
            painter = QPainter(self)
            painter.fillRect(0, 0, self.width(), 1, self.palette().color(QPalette.ColorRole.Mid))

    @Slot()
    def _on_clicked(self) -> None:
        self.chosen.emit(self.step)


class _StepRows(VirtualList):
    """The rows below the header.

    Signals:
        step_chosen(step): see StepRow.
        turned(pages): emitted when the user turns to columns that do not fit.
    """

    step_chosen = Signal(object)
    turned = Signal(int)

    def __init__(self, log: SampleLog, parent: QWidget | None = None) -> None:
        super().__init__(ANY_WIDTH, MARGIN, 0, parent)
        self.setObjectName("sampleRows")
        self.setAccessibleName(tr("Answers by step"))
        self._log = log
        self.prompts: tuple[str, ...] = ()  # with a visible column
        self._measured, self._per_line = -1, 1  # a width, and the characters in a line of an answer at that width

    def show_log(self, log: SampleLog) -> None:
        """Show these answers with the current columns."""
        self._log, self._measured = log, -1
        self.replace_rows(0, len(log.steps))

    def make_row(self, index: int) -> StepRow:
        row = StepRow(self._log.steps[index], index == 0, self.viewport())
        row.chosen.connect(self.step_chosen)
        return row

    def prepare_row(self, index: int) -> None:
        row = self.rows[index]
        assert isinstance(row, StepRow)
        given = self._log.answers(row.step)
        row.show_answers(
            [
                (prompt, given.get(prompt), self._log.answer_before(index, prompt) if prompt in given else None)
                for prompt in self.prompts
            ]
        )

    def estimate_height(self, index: int, width: int) -> int:
        if width != self._measured:  # called for thousands of rows at a time
            self._measured = width
            self._per_line = max(1, int(columns_in(width, max(1, len(self.prompts)))[0][1] / CHARACTER_WIDTH))
        lines = 1 + self._log.longest[self._log.steps[index]] // self._per_line
        return round(lines * LINE_HEIGHT) + 2 * ROW_PADDING

    def keyPressEvent(self, event: QKeyEvent) -> None:
        turns = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if event.key() in turns:
            self.turned.emit(turns[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Home and self.count:
            self.scroll_to(0, share=0.0)
        elif event.key() == Qt.Key.Key_End:
            self.jump_to_latest()
        else:
            super().keyPressEvent(event)


class SampleTable(QWidget):
    """A header and rows. If not all prompts fit, arrows turn to the others.

    Attributes:
        log: all answers so far.
        prompts: the columns: current prompts first, then former ones.
    Signals:
        step_chosen(step): emitted when the user wants to compare this step with another.
    """

    step_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.log = SampleLog()
        self.prompts: tuple[str, ...] = ()
        self._asked: tuple[str, ...] = ()
        self._first = 0  # visible column
        self.previous_button = _arrow("left", tr("Earlier prompts"))
        self.next_button = _arrow("right", tr("Further prompts"))
        self.previous_button.clicked.connect(self._turn_back)
        self.next_button.clicked.connect(self._turn_forward)
        self._turns = QWidget()
        self._turns.setFixedWidth(STEP_WIDTH - 8)
        turns = row_in(self._turns, self.previous_button, self.next_button, spacing=0)
        self.place_label = ElidedLabel(tone="muted", grade="small")
        turns.addWidget(self.place_label, 1)
        self._heads_row = row(self._turns, margins=(MARGIN, 0, MARGIN, 4), spacing=GAP)
        self._heads_row.addSpacing(8 - GAP)
        self.heads: list[ElidedLabel] = []
        self.rows = _StepRows(self.log)
        self.rows.step_chosen.connect(self.step_chosen)
        self.rows.turned.connect(self.turn)
        column_in(self, self._heads_row, named(QFrame(), "line"), (self.rows, 1))

    def clear(self) -> None:
        """Forget all answers."""
        self.log = SampleLog()
        self.rows.prompts = ()
        self.rows.show_log(self.log)
        self.rows.jump_to_latest()
        self._arrange()

    def ask(self, prompts: Sequence[str]) -> None:
        """Set the current prompts."""
        self._asked = tuple(dict.fromkeys(prompts))
        self._arrange()

    def add(self, samples: Sequence[Sampled]) -> None:
        """Add answers."""
        first = self.log.add(samples)
        if not self._arrange():
            self.rows.replace_rows(first, len(self.log.steps))

    @Slot(int)
    def turn(self, pages: int) -> None:
        """Turn to columns that do not fit."""
        self._first += pages * self._fitting()
        self._arrange()

    @Slot()
    def _turn_back(self) -> None:
        self.turn(-1)

    @Slot()
    def _turn_forward(self) -> None:
        self.turn(1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _fitting(self) -> int:
        return max(1, (self.width() - 2 * MARGIN - STEP_WIDTH + GAP) // (MIN_COLUMN_WIDTH + GAP))

    def _arrange(self) -> bool:
        """Show the columns that fit; returns whether they changed, so that all rows were made again."""
        self.prompts = (*self._asked, *(prompt for prompt in self.log.prompts if prompt not in self._asked))
        fitting = self._fitting()
        if fitting >= len(self.prompts):
            self._first = 0
        self._first = max(0, min(self._first, len(self.prompts) - fitting))
        shown = self.prompts[self._first : self._first + fitting]
        self._show_turns(len(shown))
        if shown == self.rows.prompts:
            return False
        self.rows.prompts = shown
        self._show_heads(shown)
        self.rows.show_log(self.log)
        return True

    def _show_turns(self, shown: int) -> None:
        some_hidden = shown < len(self.prompts)
        for part in (self.previous_button, self.next_button, self.place_label):
            part.setVisible(some_hidden)
        self.previous_button.setEnabled(self._first > 0)
        self.next_button.setEnabled(self._first + shown < len(self.prompts))
        place = f"{self._first + 1}" if shown == 1 else f"{self._first + 1}–{self._first + shown}"
        self.place_label.setText(f"{place}/{len(self.prompts)}")

    def _show_heads(self, prompts: Sequence[str]) -> None:
        while len(self.heads) < len(prompts):
            head = ElidedLabel(tone="muted", grade="small")
            self._heads_row.addWidget(head, 1)
            self.heads.append(head)
        for number, head in enumerate(self.heads):
            head.setVisible(number < len(prompts))
            if number < len(prompts):
                head.setText(prompts[number])
                head.setToolTip(tooltip_text(prompts[number]))
                head.setAccessibleName(tr("Prompt: {prompts}").format(prompts=prompts[number]))


def _arrow(icon: str, tooltip: str) -> IconToolButton:
    button = icon_button(icon, tooltip, look="version", size=14)
    return button
