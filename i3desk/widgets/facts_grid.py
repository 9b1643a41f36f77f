"""Pairs of a name and a figure, three in a row, or two where room is short."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from i3desk.style.palette import tabular
from i3desk.widgets.basics import label
from i3desk.widgets.elided_label import ElidedLabel

PAIRS_IN_A_ROW, PAIRS_IN_A_NARROW_ROW = 3, 2
BETWEEN_PAIRS = 10


class FactsGrid(QWidget):
    """The few facts on a card.

    Attributes:
        pairs: the labels of each, name and figure.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pairs: list[tuple[QLabel, ElidedLabel]] = []
        self._in_a_row = PAIRS_IN_A_ROW
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(2 * PAIRS_IN_A_ROW, 1)

    def show_facts(self, facts: list[tuple[str, str, str]]) -> None:
        """Show facts by name, value and tooltip."""
        count = len(self.pairs)
        while len(self.pairs) > len(facts):
            for text in self.pairs.pop():
                text.deleteLater()
        while len(self.pairs) < len(facts):
            value = ElidedLabel()
            value.setProperty("grade", "figure")
            self.pairs.append((label(tone="muted", grade="small"), tabular(value)))
        for (name, value), (name_text, value_text, tooltip) in zip(self.pairs, facts, strict=True):
            name.setText(name_text)
            value.setText(value_text)
            value.setAccessibleName(f"{name_text}: {value_text}")
            for text in (name, value):
                text.setToolTip(tooltip)
        if len(facts) != count:
            self._arrange()
        self.setVisible(bool(facts))

    def set_narrow(self, narrow: bool) -> None:
        """Put fewer pairs in a row."""
        in_a_row = PAIRS_IN_A_NARROW_ROW if narrow else PAIRS_IN_A_ROW
        if in_a_row != self._in_a_row:
            self._in_a_row = in_a_row
            self._arrange()

    def _arrange(self) -> None:
        while self._grid.count():
            self._grid.takeAt(0)
        for number, (name, value) in enumerate(self.pairs):
            line, pair = divmod(number, self._in_a_row)
            name.setContentsMargins(BETWEEN_PAIRS if pair else 0, 0, 0, 0)
            self._grid.addWidget(name, line, 2 * pair)
            self._grid.addWidget(value, line, 2 * pair + 1)
