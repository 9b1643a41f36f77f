"""The note in place of an empty list of runs."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QWidget

from i3desk.language import tr
from i3desk.style import icons
from i3desk.style.theme import Theme
from i3desk.widgets.basics import button, column_in, label, row

ICON_SIZE = 36
NARROWEST, WIDEST = 320, 400


class EmptyState(QWidget):
    """Says why the list is empty, and offers to start a run.

    Signals:
        train_requested: emitted when the user wants to start a run.
    """

    train_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = "runs"
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.title = label(grade="title")
        self.text = label(tone="muted", wrap=True)
        self.text.setMaximumWidth(WIDEST)
        self.text.setMinimumWidth(NARROWEST)
        for each in (self.title, self.text):
            each.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.train_button = button(tr("Train a model…"), tr("Set up a run on the Train page"), kind="primary")
        self.train_button.clicked.connect(self.train_requested)
        column_in(
            self,
            (None, 2),
            self._icon,
            self.title,
            row(None, self.text, None),
            6,
            row(None, self.train_button, None),
            (None, 3),
            margins=(24, 24, 24, 24),
            spacing=10,
        )
        theme.changed.connect(self._tint)

    def show_note(self, icon_name: str, title: str, text: str, may_train: bool) -> None:
        """Show a note; `may_train` offers to start a run."""
        self._icon_name = icon_name
        self.title.setText(title)
        self.text.setText(text)
        self.train_button.setVisible(may_train)
        self._tint()

    @Slot()
    def _tint(self) -> None:
        self._icon.setPixmap(
            icons.pixmap(self._icon_name, self._theme.tokens.muted, ICON_SIZE, self.devicePixelRatioF())
        )
