"""A few choices side by side, of which one is selected."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QPushButton, QWidget

from i3desk.widgets.basics import row_in
from i3desk.widgets.plain_text import tooltip_text


class SegmentedControl(QFrame):
    """A row of buttons, one for each choice.

    Signals:
        chosen(key): Emitted when the user selected a choice.
    """

    chosen = Signal(str)

    def __init__(
        self,
        name: str,
        choices: Mapping[str, tuple[str, str]],
        parent: QWidget | None = None,
        by_length: bool = False,
    ) -> None:
        """Show `choices`: label and tooltip by key; with `by_length`, longer labels have more room."""
        super().__init__(parent)
        self.setObjectName("segments")
        self.setAccessibleName(name)
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        row = row_in(self, margins=(2, 2, 2, 2), spacing=2)
        for key, (label, tooltip) in choices.items():
            button = QPushButton(label)
            button.setCheckable(True)
            button.setToolTip(tooltip_text(tooltip))
            button.setAccessibleName(f"{name}: {label}")
            self._group.addButton(button)
            self.buttons[key] = button
            row.addWidget(button, len(label) if by_length else 1)
        self._group.buttonClicked.connect(self._on_clicked)

    def show_choice(self, key: str | None) -> None:
        """Show `key` as selected; None for none."""
        self._group.setExclusive(False)
        for each, button in self.buttons.items():
            button.setChecked(each == key)
        self._group.setExclusive(True)

    def _on_clicked(self, clicked: QPushButton) -> None:
        self.chosen.emit(next(key for key, button in self.buttons.items() if button is clicked))
