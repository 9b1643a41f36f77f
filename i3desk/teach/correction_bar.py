"""The bar above the composer: corrections to teach, the progress of a lesson, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QWidget

from i3desk.language import tr, trn
from i3desk.teach.corrections import Correction
from i3desk.teach.lesson import Lesson, LessonState
from i3desk.widgets.basics import button, column_in, named, restyle, row
from i3desk.widgets.before_after import BeforeAfter
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text

MAX_LIST_HEIGHT = 220
LATER = tr("Hide this until the next correction. The corrections stay; the Train page can use them too.")


class CorrectionBar(QFrame):
    """A line with buttons, and a list that opens below it.

    Signals:
        teach_requested, stop_requested, undo_requested, close_requested, show_run_requested: Emitted by the buttons.
        remove_requested(Correction): Emitted when a correction is to be removed.
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
        self.setAccessibleName(tr("Corrections"))
        self._opened = self._shows_outcome = False
        self._content: tuple = ()
        self._waiting: tuple[Correction, ...] = ()  # corrections that can be taught now
        self._put_away: tuple[Correction, ...] = ()  # those that the user wants to teach later
        self.label = ElidedLabel(grade="small")
        self.progress = QProgressBar(textVisible=False)
        self.progress.setFixedSize(120, 6)
        self.progress.setAccessibleName(tr("Progress of the lesson"))
        self.show_button = button(tr("Show"), tr("Show the corrections"), "quiet")
        self.teach_button = button(
            tr("Teach"), tr("Train the model in use on the corrections, for about half a minute"), "primary"
        )
        self.stop_button = button(tr("Stop"), tr("Stop the lesson; the model stays unchanged"), "quiet")
        self.undo_button = button(tr("Undo"), tr("Return to the model before the lesson"), "quiet")
        self.run_button = button(
            tr("Show run"), tr("Show its curves on the Train page, where it can be exported as a model"), "quiet"
        )
        self.close_button = button(tr("Close"), tr("Keep the model as it is now"), "quiet")
        self.show_button.clicked.connect(self._toggle_list)
        self.teach_button.clicked.connect(self.teach_requested)
        self.stop_button.clicked.connect(self.stop_requested)
        self.undo_button.clicked.connect(self.undo_requested)
        self.run_button.clicked.connect(self.show_run_requested)
        self.close_button.clicked.connect(self._close)
        self._buttons = (
            self.show_button, self.undo_button, self.run_button, self.stop_button, self.teach_button, self.close_button,
        )  # fmt: skip
        line = row(self.label, self.progress, *self._buttons, spacing=6)
        line.setStretch(0, 1)
        column = column_in(self, line, margins=(12, 6, 6, 6), spacing=6)
        self.list = named(QScrollArea(), "plain")
        self.list.setWidgetResizable(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setAccessibleName(tr("List of corrections"))
        column.addWidget(self.list)
        self.list.hide()
        self.hide()

    def show_state(self, lesson: Lesson, corrections: Sequence[Correction], model: str) -> None:
        """Show the corrections to teach, or the state of the lesson."""
        state, count = lesson.state, len(corrections)
        self._waiting = tuple(corrections) if state is LessonState.NONE else ()
        shown: set[QWidget] = {self.show_button} if count else set()
        self.progress.setVisible(state is LessonState.TEACHING)
        if state is LessonState.NONE:
            things = trn("1 correction", "{n} corrections", count)
            self.label.setText(tr("Teach {model} {things}").format(model=model, things=things))
            shown |= {self.teach_button, self.close_button}
        elif state is LessonState.STARTING:
            note = lesson.note or "starting"
            self.label.setText(f"{note[0].upper()}{note[1:]}…")
            shown = {self.stop_button}
        elif state is LessonState.TEACHING:
            self.label.setText(
                tr("Teaching… step {step} of {total_steps}").format(step=lesson.step, total_steps=lesson.total_steps)
            )
            self.progress.setRange(0, max(1, lesson.total_steps))
            self.progress.setValue(lesson.step)
            shown = {self.stop_button}
        elif state is LessonState.TAUGHT:
            self.label.setText(lesson.outcome().sentence)
            shown = {self.show_button, self.undo_button, self.run_button, self.close_button}
        else:
            self.label.setText(" ".join(filter(None, lesson.error)))
            shown.add(self.teach_button)
            shown.add(self.close_button)
        self.label.setToolTip(tooltip_text(self.label.text()))
        if any(each.hasFocus() and each not in shown for each in self._buttons):
            self.setFocus()  # to the composer; Qt would choose the next control, wherever it is
        for each in self._buttons:
            each.setVisible(each in shown)
        is_later = state is LessonState.NONE
        self.close_button.setText(tr("Later") if is_later else tr("Close"))
        self.close_button.setToolTip(tooltip_text(LATER if is_later else tr("Keep the model as it is now")))
        self.teach_button.setText(tr("Try again") if state is LessonState.FAILED else tr("Teach"))
        outcome = lesson.outcome() if state is LessonState.TAUGHT else None
        restyle(self.undo_button, kind="primary" if outcome and outcome.did_harm else "quiet")
        content = outcome.answers + outcome.near if outcome else tuple(corrections)
        self._show_list(content, taught=state is LessonState.TAUGHT)
        self.setVisible(state is not LessonState.NONE or (bool(count) and self._waiting != self._put_away))

    @Slot()
    def _close(self) -> None:
        if self._waiting:
            self._put_away = self._waiting
            self.setFocus()
            self.hide()
        else:
            self.close_requested.emit()

    def _show_list(self, content: tuple, taught: bool) -> None:
        if (content, taught) != (self._content, self._shows_outcome):
            self._content, self._shows_outcome = content, taught
            inside = named(QWidget(), "plainColumn")
            column = column_in(inside, margins=(0, 4, 8, 4), spacing=12)
            for entry in content:
                column.addWidget(BeforeAfter(*entry) if taught else self._correction(entry))
            column.addStretch(1)
            inside.installEventFilter(self)
            self.list.setWidget(inside)
            self._opened = taught  # opens by itself to show the outcome
        self._show_or_hide_list()

    def _show_or_hide_list(self) -> None:
        is_open = self._opened and bool(self._content) and self.show_button.isVisibleTo(self)
        self.show_button.setText(tr("Hide") if is_open else tr("Show"))
        self.list.setVisible(is_open)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        inside = self.list.widget()
        if inside is not None and not self.list.isHidden():
            self.list.setFixedHeight(min(MAX_LIST_HEIGHT, inside.sizeHint().height() + 4))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # an answer has a new height
            QTimer.singleShot(0, self, self._fit)
        return super().eventFilter(watched, event)

    def _correction(self, entry: Correction) -> QWidget:
        inside = QWidget()
        remove = button(
            tr("Remove"),
            tr("Remove this correction; the chat stays unchanged"),
            "quiet",
            name=tr("Remove the correction of: {question}").format(question=entry.question),
        )
        remove.clicked.connect(lambda: self.remove_requested.emit(entry))
        head = row(
            (BeforeAfter(entry.question, entry.said, entry.correction, (tr("said"), tr("should have said"))), 1), remove
        )
        head.setAlignment(remove, Qt.AlignmentFlag.AlignTop)
        column_in(inside, head)
        return inside

    @Slot()
    def _toggle_list(self) -> None:
        self._opened = not self._opened
        self._show_or_hide_list()
