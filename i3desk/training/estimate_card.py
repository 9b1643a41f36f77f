"""Time, memory and disk of the run that is set up."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import BusyBar, add, column_in, label
from i3desk.widgets.facts import FactRows

ROWS = {
    "time": (tr("Time"), tr("From Start to the end, with evaluations and checkpoints; less if it ends early")),
    "memory": (tr("Memory"), tr("Of this computer or its graphics card, during a step")),
    "disk": (tr("Disk"), tr("For the checkpoints, of the free space")),
}


class EstimateCard(QFrame):
    """Three figures and a line about the measurement.

    Attributes:
        rows: the figures: Time, Memory, Disk.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(tr("Estimate"))
        column = column_in(self, margins=(12, 10, 12, 12), spacing=6)
        self.rows = FactRows(figures=True)
        column.addWidget(self.rows)
        self.busy = BusyBar()
        self.note = label(tone="muted", grade="small", wrap=True)
        add(column, self.busy, self.note)

    def show_values(self, time: str, memory: str, disk: str, note: str, measuring: bool) -> None:
        """Show these; an empty one is a dash."""
        texts = {"time": time, "memory": memory, "disk": disk}
        self.rows.show_rows([(name, texts[key] or "–", tooltip) for key, (name, tooltip) in ROWS.items()])
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.busy.setVisible(measuring)
