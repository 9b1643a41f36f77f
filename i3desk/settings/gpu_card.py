"""A graphics card that this installation cannot use: what it lacks, and the line that mends it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from i3core.system.gpu import UnusableGpu
from i3desk.widgets.card import Card
from i3desk.widgets.copy_field import CopyField


class GpuCard(Card):
    """Hidden as long as there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Graphics card", parent)
        self.what = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.column.addWidget(self.what)
        self._line = CopyField("Command that makes the card usable", "A line for a terminal")
        self.command, self.copy_button = self._line.field, self._line.button
        self.column.addWidget(self._line)
        self.hide()

    def show_unused(self, card: UnusableGpu | None) -> None:
        """Say what can be done about this card; None if there is none, or it is in use."""
        self.setVisible(card is not None)
        if card is not None:
            self.what.setText(f"{card.name} is not used: {card.reason}. {card.remedy}")
            self._line.show_text(card.command)
            self._line.setVisible(bool(card.command))
