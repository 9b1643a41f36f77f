"""Time, memory and disk of the run that is set up."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from i3desk.style.palette import tabular
from i3desk.widgets.basics import BusyBar, column_in, label

ROWS = {
    "time": ("Time", "From Start to the end, evaluations and checkpoints included; less if it ends early"),
    "memory": ("Memory", "Of this computer or its graphics card, while a step is done"),
    "disk": ("Disk", "For the checkpoints, of what is free"),
}


class EstimateCard(QFrame):
    """Three figures and a line about the measurement.

    Attributes:
        values: the labels of the figures by "time", "memory" and "disk".
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName("Estimate")
        column = column_in(self, 12, 10, 12, 12, spacing=6)
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        self.values = {}
        for number, (key, (name, tooltip)) in enumerate(ROWS.items()):
            title = label(name, tone="muted")
            value = self.values[key] = tabular(label(grade="value"))
            for part in (title, value):
                part.setToolTip(tooltip)
            value.setAlignment(value.alignment().AlignRight)
            grid.addWidget(title, number, 0)
            grid.addWidget(value, number, 1)
        column.addLayout(grid)
        self.busy = BusyBar()
        self.note = label(tone="muted", grade="small", wrap=True)
        column.addWidget(self.busy)
        column.addWidget(self.note)

    def show_values(self, time: str, memory: str, disk: str, note: str, measuring: bool) -> None:
        """Show these; an empty one is a dash."""
        for key, text in (("time", time), ("memory", memory), ("disk", disk)):
            self.values[key].setText(text or "–")
            self.values[key].setAccessibleName(f"{ROWS[key][0]}: {text or 'not known'}")
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.busy.setVisible(measuring)
