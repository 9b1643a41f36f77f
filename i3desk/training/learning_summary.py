"""What a run learned and forgot: a sentence, and the perplexity of its data and of general text, before and now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from i3core.runs.events import Evaluated
from i3core.runs.outcome import outcome_text
from i3desk.language import figure, tr
from i3desk.style.palette import tabular
from i3desk.widgets.basics import label, restyle, row, row_in
from i3desk.widgets.plain_text import tooltip_text

A_LITTLE_FORGOTTEN, MUCH_FORGOTTEN = 1.05, 1.3  # general perplexity now, as a multiple of what it was
PERPLEXITY = tr("Perplexity: how many equally likely tokens the model chooses among on average. Lower is better.")
DATA = tr("Of the part of your data that is kept for validation and never trained on.")
GENERAL = tr("Of a general text that is not in your data: if it rises, the model forgets what it knew.")


class PerplexityChange(NamedTuple):
    """A perplexity at the start and later; `later` is None while there is only one evaluation."""

    first: float
    later: float | None


def evaluation_to_show(evaluations: Sequence[Evaluated]) -> Evaluated | None:
    """The evaluation to compare with the first: the best so far, which is the one exported, else the newest."""
    best = [each for each in evaluations[1:] if each.is_best]
    return (best or evaluations)[-1] if len(evaluations) > 1 else None


def learned_tone(change: PerplexityChange) -> str:
    """ "ok" for a lower perplexity, "warn" for a higher one."""
    if change.later is None or change.later == change.first:
        return ""
    return "ok" if change.later < change.first else "warn"


def forgot_tone(change: PerplexityChange) -> str:
    """ "warn" if the model forgot a little, "bad" if it forgot much."""
    if change.later is None or change.later <= change.first * A_LITTLE_FORGOTTEN:
        return "" if change.later is None or change.later >= change.first else "ok"
    return "bad" if change.later > change.first * MUCH_FORGOTTEN else "warn"


def perplexity_text(value: float) -> str:
    """A perplexity with a useful number of digits."""
    return figure(value, ",.1f") if value < 100 else figure(value, ",.0f") if value < 1e6 else f"{value:.1e}"


def change_text(change: PerplexityChange) -> str:
    """The change as an arrow from the first to the later value."""
    if change.later is None:
        return perplexity_text(change.first)
    return f"{perplexity_text(change.first)} → {perplexity_text(change.later)}"


class LearningSummary(QWidget):
    """A sentence about what it knows and how it talks, and a line of two figures; hidden before the first evaluation.

    Attributes:
        outcome: the sentence; hidden if nothing was asked.
        data_value, general_value: the labels of the figures.
        note: says why there are none.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._data, self.data_value = _figure(tr("Your text"), tr("(lower = learned)"), f"{PERPLEXITY} {DATA}")
        self._general, self.general_value = _figure(
            tr("General text"), tr("(higher = forgotten)"), f"{PERPLEXITY} {GENERAL}"
        )
        self.note = label(tone="muted", grade="small")
        self.outcome = label(wrap=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.outcome)
        column.addLayout(row(self._data, self._general, self.note, None, spacing=24))
        self.show_evaluations(())

    def show_evaluations(self, evaluations: Sequence[Evaluated]) -> None:
        """Compare the first evaluation with the best or newest."""
        later = evaluation_to_show(evaluations)
        data = _perplexity_change(evaluations, later, "val_perplexity")
        general = _perplexity_change(evaluations, later, "general_perplexity")
        text, is_good = outcome_text(later) if later is not None else ("", True)
        self.outcome.setText(text)
        self.outcome.setVisible(bool(text))
        restyle(self.outcome, tone="ok" if is_good else "warn")
        step = (
            ""
            if later is None
            else tr(" At step {step}{best}.").format(
                step=figure(later.step), best=tr(", the best so far") if later.is_best else ""
            )
        )
        self._show(self._data, self.data_value, data, learned_tone, f"{PERPLEXITY} {DATA}{step}")
        self._show(self._general, self.general_value, general, forgot_tone, f"{PERPLEXITY} {GENERAL}{step}")
        self.note.setText(tr("No text is kept for validation, so learning is not measured.") if not data else "")
        self.note.setVisible(bool(evaluations) and not data)
        self.setVisible(bool(evaluations))

    def _show(self, part: QWidget, value: QLabel, change: PerplexityChange | None, tone_of, tooltip: str) -> None:
        part.setVisible(change is not None)
        if change is None:
            return
        text, tone = change_text(change), tone_of(change)
        value.setText(text)
        part.setToolTip(tooltip_text(tooltip))
        value.setAccessibleName(f"{part.accessibleName()}: {text}")
        restyle(value, tone=tone)


def _perplexity_change(evaluations: Sequence[Evaluated], later: Evaluated | None, name: str) -> PerplexityChange | None:
    first = next((getattr(each, name) for each in evaluations if getattr(each, name) is not None), None)
    if first is None:
        return None
    return PerplexityChange(first, None if later is None else getattr(later, name))


def _figure(name: str, direction: str, tooltip: str) -> tuple[QWidget, QLabel]:
    """A name, the label of its figure, and which direction means what."""
    part = QWidget()
    part.setAccessibleName(name)
    part.setToolTip(tooltip_text(tooltip))
    value = tabular(label(grade="figure"))
    row_in(part, label(name, "muted", "small"), value, label(direction, "muted", "small"), spacing=4)
    return part, value
