"""The card about a GPU that this installation cannot use, with a command that fixes it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from i3core.system.gpu import UnusableGpu
from i3desk.language import tr
from i3desk.settings.card import Card
from i3desk.widgets.basics import label
from i3desk.widgets.copy_field import CopyField


class GpuCard(Card):
    """Shows why a GPU is not used; hidden if none is unused."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Graphics card"), parent)
        self.what = label(wrap=True)
        self.column.addWidget(self.what)
        self._line = CopyField(tr("Command that makes the card usable"), tr("Run this command in a terminal"))
        self.command, self.copy_button = self._line.field, self._line.button
        self.column.addWidget(self._line)
        self.hide()

    def show_unused(self, card: UnusableGpu | None) -> None:
        """Show why `card` is not used and what to do; None hides this."""
        self.setVisible(card is not None)
        if card is not None:
            self.what.setText(
                tr("{name} is not used: {reason}. {remedy}").format(
                    name=card.name, reason=card.reason, remedy=card.remedy
                )
            )
            self._line.show_text(card.command)
            self._line.setVisible(bool(card.command))
