"""The card "Sample answers": answers at each evaluation, and what was learned and forgotten."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QWidget

from i3core.runs.events import Evaluated, Sampled
from i3desk.language import tr
from i3desk.training.learning_summary import LearningSummary
from i3desk.training.prompts import PromptsEditor
from i3desk.training.sample_table import SampleTable
from i3desk.training.step_comparison import StepComparison
from i3desk.widgets.basics import button, column_in, label, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text

DRAW_MS = 50
MAX_AT_ONCE = 1500  # samples added in one event
SAMPLE_TIMEOUT_MS = 20_000  # after which "Sample now" is enabled again
NARROW = 560
MARGIN = 16
MIN_HEIGHT = 180


class SamplesPanel(QFrame):
    """A table of answers, a comparison of two steps, the editor of the prompts, or the reason why there are none.

    Signals:
        prompts_changed(prompts): emitted with the new prompts, a tuple of texts.
        sample_requested: emitted when the user wants answers now.
    """

    prompts_changed = Signal(object)
    sample_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("samples")
        self.setMinimumHeight(MIN_HEIGHT)
        self.setAccessibleName(tr("Sample answers"))
        self._asked: tuple[str, ...] = ()
        self._editable = self._alive = False
        self._has_run = False
        self._waiting: list[Sampled] = []  # to be drawn
        self._draw_timer = QTimer(self, singleShot=True, interval=DRAW_MS)
        self._draw_timer.timeout.connect(self._draw)
        self._sample_timer = QTimer(self, singleShot=True, interval=SAMPLE_TIMEOUT_MS)
        self._sample_timer.timeout.connect(self._end_sampling)

        self.table = SampleTable()
        self.table.step_chosen.connect(self._compare_with)
        self.comparison = StepComparison()
        self.comparison.closed.connect(self._show_table)
        self.editor = PromptsEditor()
        self.editor.accepted.connect(self._on_prompts)
        self.editor.cancelled.connect(self._show_table)
        self.empty = label(tone="muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setContentsMargins(MARGIN, 0, MARGIN, 0)
        self.body = QStackedWidget()
        for part in (self.table, self.comparison, self.editor, self.empty):
            self.body.addWidget(part)
        self.learned = LearningSummary()
        learned = row(self.learned, margins=(MARGIN, 8, MARGIN, 0), spacing=0)
        column_in(self, self._header(), 6, (self.body, 1), learned, margins=(1, 10, 1, 12))
        self._show_table()

    def _header(self) -> QHBoxLayout:
        title = label(tr("Sample answers"), grade="heading")
        self.same = ElidedLabel(tr("same prompts and seed every time"), tone="muted", grade="small")
        self.same.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.same.setToolTip(
            tooltip_text(
                tr("Every step answers the same prompts with the same seed, so differences come from training.")
            )
        )
        self.compare_button = button(tr("Compare"), tr("Compare the answers of two steps"), kind="quiet")
        self.compare_button.setCheckable(True)
        self.compare_button.clicked.connect(self._on_compare)
        self.edit_button = button(tr("Edit prompts"), tr("Change the prompts of the next evaluations"), kind="quiet")
        self.edit_button.setCheckable(True)
        self.edit_button.clicked.connect(self._on_edit)
        self.sample_button = button(tr("Sample now"), tr("Ask the model now, between two evaluations"), kind="quiet")
        self.sample_button.clicked.connect(self._on_sample)
        return row(
            title,
            None,
            (self.same, 2),
            4,
            self.compare_button,
            self.edit_button,
            self.sample_button,
            margins=(MARGIN - 1, 0, MARGIN - 5, 0),
            spacing=4,
        )

    # ------------------------------------------------------------------------------------------------ what is shown

    def clear(self) -> None:
        """Show no run."""
        self._asked, self._editable, self._alive, self._has_run = (), False, False, False
        self.learned.show_evaluations(())
        self.table.ask(())
        self.clear_samples()

    def clear_samples(self) -> None:
        """Remove the answers, because the run will report them again; an open editor stays open."""
        self._draw_timer.stop()
        self._waiting = []
        self.table.clear()
        if self.body.currentWidget() is not self.editor or not self._can_edit:
            self._show_table()
        self._end_sampling()

    def show_prompts(self, prompts: Sequence[str], editable: bool) -> None:
        """Show the prompts; if `editable`, the user may change them while the run is alive."""
        self._asked, self._editable, self._has_run = tuple(prompts), editable, True
        self.table.ask(self._asked)
        self._refresh()

    def set_alive(self, alive: bool) -> None:
        """Set whether a trainer is running that can answer."""
        if alive != self._alive:
            self._alive = alive
            self._end_sampling()
            self._refresh()

    def add(self, samples: Sequence[Sampled]) -> None:
        """Add answers; they are shown at the next timer event."""
        self._waiting += samples
        if self._waiting and not self._draw_timer.isActive():
            self._draw_timer.start()

    def show_evaluations(self, evaluations: Sequence[Evaluated]) -> None:
        """Show what was learned and forgotten."""
        self.learned.show_evaluations(evaluations)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.same.setVisible(event.size().width() >= NARROW)

    @property
    def _can_edit(self) -> bool:
        return self._editable and self._alive

    @Slot()
    def _draw(self) -> None:
        samples, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
        self.table.add(samples)
        if self._waiting:
            self._draw_timer.start()
        self._end_sampling()
        if self.body.currentWidget() is self.comparison:
            self.comparison.refresh(self.table.prompts)
        self._refresh()

    def _refresh(self) -> None:
        """Show the widgets that fit the state."""
        showing = self.body.currentWidget()
        if showing is self.editor and not self._can_edit:
            showing = None
        if showing not in (self.editor, self.comparison):
            showing = self.table if self.table.log.steps else self.empty
        self.empty.setText(self._reason())
        self.body.setCurrentWidget(showing)
        self.compare_button.setChecked(showing is self.comparison)
        self.edit_button.setChecked(showing is self.editor)
        self.compare_button.setVisible(len(self.table.log.steps) > 1)
        self.edit_button.setVisible(self._can_edit)
        self.sample_button.setVisible(self._alive and bool(self._asked))

    def _reason(self) -> str:
        """The reason why there are no answers."""
        if self._alive and self._asked:
            return tr("First answers in a moment…")
        if self._alive:
            return tr("This run has no sample prompts. Add some with “Edit prompts”.")
        if not self._has_run:
            return tr("While a model learns, its answers to the same prompts appear here")
        return tr("This run has no answers to show.")

    # --------------------------------------------------------------------------------------------- what is asked for

    @Slot()
    def _show_table(self) -> None:
        self.body.setCurrentWidget(self.table)
        self._refresh()

    @Slot(bool)
    def _on_compare(self, wanted: bool) -> None:
        steps = self.table.log.steps
        if wanted and len(steps) > 1:
            self._compare(steps[0], steps[-1])
        else:
            self._show_table()

    @Slot(object)
    def _compare_with(self, step: int) -> None:
        steps = self.table.log.steps
        if len(steps) > 1:
            self._compare(steps[0], step if step != steps[0] else steps[-1])

    def _compare(self, first: int, second: int) -> None:
        self.comparison.compare(self.table.log, self.table.prompts, first, second)
        self.body.setCurrentWidget(self.comparison)
        self._refresh()
        self.comparison.second_box.setFocus()

    @Slot(bool)
    def _on_edit(self, wanted: bool) -> None:
        if wanted:
            self.body.setCurrentWidget(self.editor)
            self._refresh()
            self.editor.edit(self._asked)
        else:
            self._show_table()

    @Slot(object)
    def _on_prompts(self, prompts: tuple[str, ...]) -> None:
        changed = prompts != self._asked
        self._asked = prompts
        self.table.ask(prompts)
        self._show_table()
        if changed:
            self.prompts_changed.emit(prompts)

    @Slot()
    def _on_sample(self) -> None:
        self.sample_button.setEnabled(False)
        self.sample_button.setText(tr("Sampling…"))
        self._sample_timer.start()
        self.sample_requested.emit()

    @Slot()
    def _end_sampling(self) -> None:
        self._sample_timer.stop()
        self.sample_button.setEnabled(True)
        self.sample_button.setText(tr("Sample now"))
