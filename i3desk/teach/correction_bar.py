"""The bar above the composer: what can be taught, the lesson as it goes, and what it did."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from i3desk.teach.corrections import Correction
from i3desk.teach.lesson import Lesson, LessonState, Outcome
from i3desk.widgets.basics import button, column_in, named, row
from i3desk.widgets.before_after import BeforeAfter
from i3desk.widgets.elided_label import ElidedLabel

TALLEST = 220  # of the list that unfolds


class CorrectionBar(QFrame):
    """One line, and a list that unfolds from it.

    Signals:
        teach_requested, stop_requested, undo_requested, close_requested: what the buttons say.
        show_run_requested: show the lesson's run.
        remove_requested(Correction): take one out of the set.
    """

    teach_requested = Signal()
    stop_requested = Signal()
    undo_requested = Signal()
    close_requested = Signal()
    show_run_requested = Signal()
    remove_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("teachBar")
        self.setAccessibleName("Corrections")
        self._unfolded = self._shows_outcome = False
        self._content: tuple = ()
        self.words = ElidedLabel()
        self.words.setProperty("grade", "small")
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedSize(120, 6)
        self.progress.setAccessibleName("Progress of the lesson")
        self.show_button = button("Show", "Show what was corrected", "quiet")
        self.teach_button = button(
            "Teach", "Train the model in use on the corrections, for half a minute or so", "primary"
        )
        self.stop_button = button("Stop", "End the lesson; the model stays as it was", "quiet")
        self.undo_button = button("Undo", "Go back to the model as it was before the lesson", "quiet")
        self.run_button = button(
            "Show run", "Show its curves on the Train page, where it can be kept as a model", "quiet"
        )
        self.close_button = button("Close", "Go on with the model as it is now", "quiet")
        self.show_button.clicked.connect(self._unfold)
        self.teach_button.clicked.connect(self.teach_requested)
        self.stop_button.clicked.connect(self.stop_requested)
        self.undo_button.clicked.connect(self.undo_requested)
        self.run_button.clicked.connect(self.show_run_requested)
        self.close_button.clicked.connect(self.close_requested)
        self._buttons = (
            self.show_button, self.undo_button, self.run_button, self.stop_button, self.teach_button, self.close_button,
        )  # fmt: skip
        line = row(self.words, self.progress, *self._buttons, spacing=6)
        line.setStretch(0, 1)
        column = column_in(self, 12, 6, 6, 6, spacing=6)
        column.addLayout(line)
        self.list = named(QScrollArea(), "plain")
        self.list.setWidgetResizable(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName("What was corrected")
        column.addWidget(self.list)
        self.list.hide()
        self.hide()

    def show_state(self, lesson: Lesson, corrections: Sequence[Correction], model: str) -> None:
        """Show what there is to teach, or how the lesson goes."""
        state, count = lesson.state, len(corrections)
        shown = {self.show_button} if count else set()
        self.progress.setVisible(state is LessonState.TEACHING)
        if state is LessonState.NONE:
            things = "1 correction" if count == 1 else f"{count} corrections"
            self.words.setText(f"{things} to teach {model}")
            shown.add(self.teach_button)
        elif state is LessonState.STARTING:
            self.words.setText(f"The lesson {lesson.note or 'begins'}…")
            shown = {self.stop_button}
        elif state is LessonState.TEACHING:
            self.words.setText(f"Teaching… step {lesson.step} of {lesson.total_steps}")
            self.progress.setRange(0, max(1, lesson.total_steps))
            self.progress.setValue(lesson.step)
            shown = {self.stop_button}
        elif state is LessonState.TAUGHT:
            self.words.setText(f"Taught. {_general(lesson.outcome())}")
            shown = {self.show_button, self.undo_button, self.run_button, self.close_button}
        else:
            self.words.setText(" ".join(filter(None, lesson.error)))
            shown.add(self.teach_button)
            shown.add(self.close_button)
        self.words.setToolTip(self.words.text())
        for each in self._buttons:
            each.setVisible(each in shown)
        self.teach_button.setText("Try again" if state is LessonState.FAILED else "Teach")
        content = lesson.outcome().answers if state is LessonState.TAUGHT else tuple(corrections)
        self._show_list(content, taught=state is LessonState.TAUGHT)
        self.setVisible(bool(count) or state is not LessonState.NONE)

    def _show_list(self, content: tuple, taught: bool) -> None:
        if (content, taught) != (self._content, self._shows_outcome):
            self._content, self._shows_outcome = content, taught
            inside = named(QWidget(), "plainColumn")
            column = column_in(inside, 0, 4, 8, 4, spacing=12)
            for entry in content:
                column.addWidget(BeforeAfter(*entry) if taught else self._correction(entry))
            column.addStretch(1)
            inside.installEventFilter(self)
            self.list.setWidget(inside)
            self._unfolded = taught  # what the lesson did is what one wants to see
        self._fold()

    def _fold(self) -> None:
        is_open = self._unfolded and bool(self._content) and self.show_button.isVisibleTo(self)
        self.show_button.setText("Hide" if is_open else "Show")
        self.list.setVisible(is_open)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        if not self.list.isHidden() and self.list.widget() is not None:
            self.list.setFixedHeight(min(TALLEST, self.list.widget().sizeHint().height() + 4))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # an answer found out how tall it is at its width
            QTimer.singleShot(0, self, self._fit)
        return super().eventFilter(watched, event)

    def _correction(self, entry: Correction) -> QWidget:
        inside = QWidget()
        remove = button("Remove", "Take it out of what is taught; the chat stays as it is", "quiet")
        remove.setAccessibleName(f"Remove the correction of: {entry.asked}")
        remove.clicked.connect(self._on_remove)
        remove.setProperty("entry", self._content.index(entry))
        head = row(BeforeAfter(entry.asked, entry.said, entry.wanted, ("said", "should have said")), remove)
        head.setStretch(0, 1)
        head.setAlignment(remove, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(head)
        return inside

    @Slot()
    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._fold()

    @Slot()
    def _on_remove(self) -> None:
        self.remove_requested.emit(self._content[self.sender().property("entry")])


def _general(outcome: Outcome) -> str:
    if outcome.general is None:
        return ""
    before, after = outcome.general
    return f"General text: perplexity {before:.1f} → {after:.1f}."
