"""A button that unfolds the widgets below it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from i3desk.style.icons import IconPushButton
from i3desk.widgets.plain_text import tooltip_text


class Fold(IconPushButton):
    """Shows or hides `content`; folded at first.

    Signals:
        unfolded: Emitted when the user has unfolded it.
    """

    unfolded = Signal()

    def __init__(self, text: str, tooltip: str, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", "quiet")
        self.setToolTip(tooltip_text(tooltip))
        self.setAccessibleDescription(tooltip)
        self._content = content
        self.clicked.connect(self._on_clicked)
        self.show_text(text)
        self.show_unfolded(False)

    def show_text(self, text: str) -> None:
        """Change the text of the button."""
        self.setText(f" {text}")
        self.setAccessibleName(text)

    def show_unfolded(self, unfolded: bool) -> None:
        """Show or hide the content."""
        self._content.setVisible(unfolded)
        self.set_icon("unfolded" if unfolded else "right", size=12)

    @Slot()
    def _on_clicked(self) -> None:
        unfolded = self._content.isHidden()
        self.show_unfolded(unfolded)
        if unfolded:
            self.unfolded.emit()
