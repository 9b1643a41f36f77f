"""The field that a message turns into while it is edited."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QTextEdit, QVBoxLayout, QWidget

from i3desk.chat.message_actions import BUSY_HINT, quiet_button

TALLEST = 240


class _Field(QTextEdit):
    submitted = Signal()
    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__(objectName="text")
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setAccessibleName("Edit your message")
        self.setToolTip("Enter sends, Shift+Enter begins a new line, Esc keeps what was said")
        self.document().documentLayout().documentSizeChanged.connect(self.fit_height)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.submitted.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit_height()

    def fit_width(self, width: int) -> None:
        """Take the room that a bubble of this width leaves."""
        self.resize(width - 24, self.height())
        self.fit_height()

    @Slot()
    def fit_height(self) -> None:
        height = round(self.document().size().height())
        self.setFixedHeight(max(self.fontMetrics().height(), min(height, TALLEST)))


class MessageEditor(QFrame):
    """A bubble to write in, with Send and Cancel.

    Signals:
        submitted(text): say this instead.
        cancelled(): keep what was said.
    """

    submitted = Signal(str)
    cancelled = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, objectName="bubbleEditor")
        self._busy = False
        self.field = _Field()
        self.field.setPlainText(text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.cancel_button = quiet_button("Cancel", "Keep what was said (Esc)")
        self.send_button = QPushButton("Send")
        self.send_button.setProperty("kind", "primary")
        self.send_button.setAccessibleName("Send the edited message")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.send_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addLayout(buttons)
        self.field.submitted.connect(self._submit)
        self.field.cancelled.connect(self.cancelled)
        self.field.textChanged.connect(self._show_state)
        self.send_button.clicked.connect(self._submit)
        self.cancel_button.clicked.connect(self.cancelled)
        self._show_state()

    def set_busy(self, busy: bool) -> None:
        """Sending waits while a reply is under way; writing does not."""
        self._busy = busy
        self._show_state()

    @Slot()
    def _submit(self) -> None:
        if self.send_button.isEnabled():
            self.submitted.emit(self.field.toPlainText())

    @Slot()
    def _show_state(self) -> None:
        self.send_button.setEnabled(not self._busy and bool(self.field.toPlainText().strip()))
        hint = "Send as a new version; what was said before stays (Enter)"
        self.send_button.setToolTip(BUSY_HINT if self._busy else hint)
