"""A question in place of a dialog, before something is lost."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import button, column_in, label, row


class Question(QFrame):
    """A question with two answers; hidden while it is not asked. The focus is on the answer that loses nothing.

    Signals:
        confirmed: Emitted when the user wants it.
        closed: Emitted when the question is closed, with any answer.
    """

    confirmed = Signal()
    closed = Signal()

    def __init__(self, yes: str, tooltip: str, no: str = tr("Cancel"), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.what = label(wrap=True)
        self.details = label(tone="muted", grade="small", wrap=True)
        for text in (self.what, self.details):
            text.setMinimumSize(1, 1)
        self.yes_button = button(yes, tooltip, "danger")
        self.no_button = button(no, tr("Change nothing (Esc)"))
        self.yes_button.clicked.connect(self._confirm)
        self.no_button.clicked.connect(self.close_question)
        answers = row(self.yes_button, self.no_button, None)
        column_in(self, self.what, self.details, answers, margins=(14, 12, 14, 14), spacing=8)
        self.hide()

    def show_question(self, what: str, details: str = "") -> None:
        """Ask this, and leave the focus where it is."""
        self.what.setText(what)
        self.details.setText(details)
        self.details.setVisible(bool(details))
        self.setAccessibleName(f"{what} {details}".strip())
        self.show()

    def put(self, what: str, details: str = "") -> None:
        """Ask this now."""
        self.show_question(what, details)
        self.no_button.setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def close_question(self) -> None:
        """Close the question."""
        if not self.isHidden():
            self.hide()
            self.closed.emit()

    @Slot()
    def _confirm(self) -> None:
        self.close_question()
        self.confirmed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_question()
        else:
            super().keyPressEvent(event)
