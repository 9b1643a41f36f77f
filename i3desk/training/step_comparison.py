"""Compare the answers of a run at two steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSignalBlocker,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QComboBox, QWidget

from i3desk.language import tr
from i3desk.style.icons import pixmap
from i3desk.training.sample_log import SampleLog, step_text
from i3desk.widgets.basics import column_in, icon_button, row_in
from i3desk.widgets.before_after import AnswersColumn, BeforeAfter
from i3desk.widgets.plain_text import tooltip_text

MARGIN = 16
ARROW = 14
NOWHERE = QModelIndex()


class StepComparison(QWidget):
    """Two boxes to choose steps, and below them the answers to every prompt.

    Attributes:
        rows: one for each prompt.
    Signals:
        closed: emitted when the user closes the comparison.
    """

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = SampleLog()
        self._prompts: tuple[str, ...] = ()
        self.rows: list[BeforeAfter] = []
        self._steps = StepsModel(self)
        self.first_box = StepBox(tr("The step on the left"), self._steps)
        self.second_box = StepBox(tr("The step on the right"), self._steps)
        for box in (self.first_box, self.second_box):
            box.currentIndexChanged.connect(self._show_answers)
        self.close_button = icon_button(
            "close", tr("Back to all steps"), tr("Back to all steps (Esc)"), look="version", size=16
        )
        self.close_button.clicked.connect(self.closed)
        right = _at_left(self.second_box, self.close_button)
        answers = AnswersColumn(tr("Answers at two steps"), _at_left(self.first_box), right, below=6)
        self._column = answers.column
        column_in(self, answers)

    @property
    def steps(self) -> tuple[int, int] | None:
        """The compared steps; None before the first comparison."""
        first, second = self.first_box.currentData(), self.second_box.currentData()
        return None if first is None or second is None else (first, second)

    def compare(self, log: SampleLog, prompts: tuple[str, ...], first: int, second: int) -> None:
        """Show the answers at two steps."""
        self._log, self._prompts = log, prompts
        with QSignalBlocker(self.first_box), QSignalBlocker(self.second_box):
            self._steps.show_steps(log.steps)
            self.first_box.setCurrentIndex(log.index(first))
            self.second_box.setCurrentIndex(log.index(second))
        self._show_answers()

    def refresh(self, prompts: tuple[str, ...]) -> None:
        """Update the answers, perhaps for other prompts."""
        chosen = self.steps
        if chosen is not None:
            self.compare(self._log, prompts, *chosen)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _show_answers(self) -> None:
        chosen = self.steps
        if chosen is None:
            return
        before, after = self._log.answers(chosen[0]), self._log.answers(chosen[1])
        prompts = [prompt for prompt in self._prompts if prompt in before or prompt in after]
        while len(self.rows) < len(prompts):
            row = BeforeAfter()
            self._column.insertWidget(len(self.rows), row)
            self.rows.append(row)
        while len(self.rows) > len(prompts):
            row = self.rows.pop()
            row.hide()
            row.deleteLater()
        for row, prompt in zip(self.rows, prompts, strict=True):
            row.show_prompt(prompt)
            row.show_names(step_text(chosen[0]), step_text(chosen[1]))
            row.show_answers(before.get(prompt), after.get(prompt))


class StepsModel(QAbstractListModel):
    """A list of thousands of steps."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps: list[int] = []

    def show_steps(self, steps: Sequence[int]) -> None:
        """Show these steps; the choice is kept if steps were only appended."""
        known = len(self.steps)
        if self.steps == steps[:known]:
            if len(steps) > known:
                self.beginInsertRows(QModelIndex(), known, len(steps) - 1)
                self.steps = list(steps)
                self.endInsertRows()
        else:
            self.beginResetModel()
            self.steps = list(steps)
            self.endResetModel()

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self.steps)

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return step_text(self.steps[index.row()])
        return self.steps[index.row()] if role == Qt.ItemDataRole.UserRole else None


class StepBox(QComboBox):
    """A choice of one of the model's steps."""

    def __init__(self, name: str, steps: StepsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setToolTip(tooltip_text(name))
        self.setMaxVisibleItems(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setModel(steps)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colour = QApplication.palette().color(QPalette.ColorRole.PlaceholderText).name()
        arrow = pixmap("unfolded", colour, ARROW, self.devicePixelRatioF())
        QPainter(self).drawPixmap(self.width() - ARROW - 6, (self.height() - ARROW) // 2, arrow)


def _at_left(*widgets: QWidget) -> QWidget:
    """The first widget at the left of its half, the others at the right."""
    half = QWidget()
    row_in(half, widgets[0], None, *widgets[1:])
    return half
