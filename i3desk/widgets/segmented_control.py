"""A few choices side by side, of which one is in use."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QWidget


class SegmentedControl(QFrame):
    """Choices by key.

    Signals:
        chosen(key): the user chose another one.
    """

    chosen = Signal(str)

    def __init__(self, name: str, choices: Mapping[str, tuple[str, str]], parent: QWidget | None = None) -> None:
        """`choices` maps each key to its label and tooltip."""
        super().__init__(parent)
        self.setObjectName("segments")
        self.setAccessibleName(name)
        self.buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for key, (label, tooltip) in choices.items():
            button = QPushButton(label)
            button.setCheckable(True)
            button.setToolTip(tooltip)
            button.setAccessibleName(f"{name}: {label}")
            self._group.addButton(button)
            self.buttons[key] = button
            row.addWidget(button, 1)
        self._group.buttonClicked.connect(self._on_clicked)

    def show_choice(self, key: str | None) -> None:
        """Show which choice is in use; None for none of them."""
        self._group.setExclusive(False)
        for each, button in self.buttons.items():
            button.setChecked(each == key)
        self._group.setExclusive(True)

    def _on_clicked(self, clicked: QPushButton) -> None:
        self.chosen.emit(next(key for key, button in self.buttons.items() if button is clicked))
