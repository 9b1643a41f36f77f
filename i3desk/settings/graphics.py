"""A graphics card that this installation cannot use: what it lacks, and the line that mends it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from i3core.graphics_card import UnusedCard
from i3desk.palette import tabular
from i3desk.settings.card import Card


class GraphicsCard(Card):
    """Hidden as long as there is nothing to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Graphics card", parent)
        self.what = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.column.addWidget(self.what)
        self.command = tabular(QLineEdit(objectName="field", readOnly=True))
        self.command.setAccessibleName("Command that makes the card usable")
        self.command.setToolTip("A line for a terminal")
        self.copy_button = QPushButton("Copy")
        self.copy_button.setAccessibleName("Copy the command")
        self.copy_button.setToolTip("Copy the line")
        self.copy_button.clicked.connect(self._copy)
        self._line = QWidget()
        line = QHBoxLayout(self._line)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.command, 1)
        line.addWidget(self.copy_button)
        self.column.addWidget(self._line)
        self.hide()

    def show_unused(self, card: UnusedCard | None) -> None:
        """Say what can be done about this card; None if there is none, or it is in use."""
        self.setVisible(card is not None)
        if card is not None:
            self.what.setText(f"{card.name} is not used: {card.reason}. {card.remedy}")
            self.command.setText(card.command)
            self.command.setCursorPosition(0)
            self._line.setVisible(bool(card.command))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.command.text())
