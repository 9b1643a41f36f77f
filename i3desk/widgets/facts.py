"""Names with their values: rows below each other, or a grid of pairs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QWidget

from i3desk.style.palette import tabular
from i3desk.widgets.basics import label, named
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text

Fact = tuple[str, str, str]  # name, value, tooltip

NAME_WIDTH = 96
PAIRS_IN_A_ROW, PAIRS_IN_A_NARROW_ROW = 3, 2
BETWEEN_PAIRS = 10


class FactRows(QWidget):
    """Names on the left, values on the right, changed in place so that a selection stays.

    Attributes:
        values: the widget of each value, by its name.
    """

    def __init__(self, figures: bool = False, paths: Collection[str] = (), parent: QWidget | None = None) -> None:
        """Lay out no rows yet.

        Args:
            figures: values are short and aligned right; otherwise they wrap and can be selected.
            paths: names of values that have no place to break a line.
        """
        super().__init__(parent)
        self.values: dict[str, QLabel | QLineEdit] = {}
        self._figures, self._paths = figures, paths
        self._names: list[QLabel] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setColumnStretch(1, 1)
        if figures:
            self._grid.setVerticalSpacing(3)
        else:
            self._grid.setHorizontalSpacing(12)
            self._grid.setVerticalSpacing(6)
            self._grid.setColumnMinimumWidth(0, NAME_WIDTH)

    def show_rows(self, rows: Sequence[Fact]) -> None:
        """Show these rows. If the names are those shown already, only values change."""
        if [name for name, _, _ in rows] != list(self.values):
            self._rebuild([name for name, _, _ in rows])
        for name_label, (name, text, tooltip) in zip(self._names, rows, strict=True):
            value = self.values[name]
            if value.text() != text:
                value.setText(text)
                if isinstance(value, QLineEdit):
                    value.setCursorPosition(0)
            value.setAccessibleName(f"{name}: {text}")
            for part in (name_label, value):
                part.setToolTip(tooltip_text(tooltip))

    def _rebuild(self, names: list[str]) -> None:
        for widget in (*self._names, *self.values.values()):
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._names, self.values = [], {}
        for line, name in enumerate(names):
            name_label = label(name, tone="muted") if self._figures else _small_text(name, "muted")
            value = _figure() if self._figures else _path() if name in self._paths else _selectable_text()
            self._names.append(name_label)
            self.values[name] = tabular(value)
            top = Qt.AlignmentFlag(0) if self._figures else Qt.AlignmentFlag.AlignTop
            self._grid.addWidget(name_label, line, 0, top)
            self._grid.addWidget(value, line, 1)


def _figure() -> QLabel:
    value = ElidedLabel(grade="value")
    value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return value


def _small_text(text: str = "", tone: str = "") -> QLabel:
    made = label(text, tone=tone, grade="small", wrap=True)
    # Otherwise a long word widens the window, and all of them below each other, a word a line, heighten the page.
    made.setMinimumSize(1, 1)
    return made


def _selectable_text() -> QLabel:
    made = _small_text()
    made.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return made


def _path() -> QLineEdit:
    made = named(QLineEdit(readOnly=True), "path")
    made.setTextMargins(-3, 0, 0, 0)  # in line with the labels above
    return made


class FactsGrid(QWidget):
    """The few facts on a card: pairs of a name and a figure, three in a row, or two in a narrow card.

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

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts; hide the grid if there are none."""
        count = len(self.pairs)
        while len(self.pairs) > len(facts):
            for text in self.pairs.pop():
                text.deleteLater()
        while len(self.pairs) < len(facts):
            value = ElidedLabel(grade="figure")
            self.pairs.append((label(tone="muted", grade="small"), tabular(value)))
        for (name, value), (name_text, value_text, tooltip) in zip(self.pairs, facts, strict=True):
            name.setText(name_text)
            value.setText(value_text)
            value.setAccessibleName(f"{name_text}: {value_text}")
            for text in (name, value):
                text.setToolTip(tooltip_text(tooltip))
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
