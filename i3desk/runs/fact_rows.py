"""Names and values below each other, changed in place: what is selected or read stays where it is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from i3desk.style.palette import tabular
from i3desk.widgets.basics import label

NAME_WIDTH = 96


class FactRows(QWidget):
    """Rows of (name, value, tooltip).

    Attributes:
        values: the label of each value, by its name.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)

    def show_rows(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Show these; where the names are those shown already, only values change."""
        if [name for name, _, _ in rows] != list(self.values):
            self._rebuild([name for name, _, _ in rows])
        for name, value, tooltip in rows:
            shown = self.values[name]
            if shown.text() != value:
                shown.setText(value)
                shown.setAccessibleName(f"{name}: {value}")
            if shown.toolTip() != tooltip:
                shown.setToolTip(tooltip)

    def _rebuild(self, names: list[str]) -> None:
        while self._grid.count():
            widget = self._grid.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        self.values = {}
        for line, name in enumerate(names):
            key, value = _text(tone="muted"), _text()
            key.setText(name)
            value.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            self.values[name] = tabular(value)
            self._grid.addWidget(key, line, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, line, 1)


def _text(tone: str = "") -> QLabel:
    made = label(tone=tone, grade="small", wrap=True)
    # Else a long word widens the window, and all of them below each other, a word a line, heighten the page.
    made.setMinimumSize(1, 1)
    return made
