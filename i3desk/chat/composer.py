"""Where the user writes: a growing text field with one button that sends or stops."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QStackedLayout,
    QWidget,
)

from i3desk.icons import IconPushButton

MOST_LINES = 6


class MessageEdit(QPlainTextEdit):
    """Plain text, one to six lines tall. Enter sends, Shift+Enter begins a line, Page Up and Down scroll the chat."""

    submitted = Signal()
    scroll_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Message")
        self.setAccessibleDescription("Enter sends, Shift+Enter begins a new line")
        self.setToolTip("Enter sends · Shift+Enter new line · Esc stops")
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(2)
        self.viewport().setAutoFillBackground(False)
        self.textChanged.connect(self._fit_height)
        self._fit_height()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.submitted.emit()
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.scroll_requested.emit(-1 if event.key() == Qt.Key.Key_PageUp else 1)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    @Slot()
    def _fit_height(self) -> None:
        lines = min(MOST_LINES, max(1, round(self.document().size().height())))  # in lines, for plain text
        height = lines * self.fontMetrics().lineSpacing() + 6
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAsNeeded if lines == MOST_LINES else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        )
        if height != self.height():
            self.setFixedHeight(height)


class Composer(QFrame):
    """The field and its button.

    Signals:
        send_requested(text): the user wants to say this.
        stop_requested: the user wants the reply to end.
        scroll_requested(pages): the user wants to read further up (-1) or down (1).
    """

    send_requested = Signal(str)
    stop_requested = Signal()
    scroll_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self._busy = False
        self.edit = MessageEdit()
        self.edit.submitted.connect(self.submit)
        self.edit.scroll_requested.connect(self.scroll_requested)
        self.edit.textChanged.connect(self._show_state)
        self.edit.installEventFilter(self)

        self.send_button = IconPushButton("Send")
        self.send_button.setProperty("kind", "primary")
        self.send_button.setToolTip("Send the message (Enter)")
        self.send_button.setAccessibleName("Send")
        self.send_button.clicked.connect(self.submit)
        self.stop_button = IconPushButton(" Stop")
        self.stop_button.set_icon("stop", QPalette.ColorRole.Text, 14)
        self.stop_button.setToolTip("Stop the reply; what has been said stays (Esc)")
        self.stop_button.setAccessibleName("Stop")
        self.stop_button.clicked.connect(self.stop_requested)

        # Both buttons share one place, so that the field keeps its width.
        self._buttons = QStackedLayout()
        self._buttons.addWidget(self.send_button)
        self._buttons.addWidget(self.stop_button)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 12, 10)
        row.setSpacing(12)
        row.addWidget(self.edit, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addLayout(self._buttons)
        row.setAlignment(self._buttons, Qt.AlignmentFlag.AlignBottom)
        self._show_state()

    def set_busy(self, busy: bool) -> None:
        """Show Stop while a reply is under way, else Send."""
        self._busy = busy
        if self.stop_button.hasFocus():
            self.edit.setFocus()
        self._buttons.setCurrentWidget(self.stop_button if busy else self.send_button)
        self._show_state()

    def set_model_name(self, name: str) -> None:
        """Name who will answer."""
        self.edit.setPlaceholderText(f"Message {name}…")
        self.edit.viewport().update()  # Qt does not repaint for a new placeholder

    @Slot()
    def submit(self) -> None:
        """Send what is written; does nothing while a reply is under way."""
        text = self.edit.toPlainText()
        if text.strip() and not self._busy:
            self.edit.clear()
            self.send_requested.emit(text)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.edit and event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.setProperty("focused", event.type() == QEvent.Type.FocusIn)
            self.style().unpolish(self)
            self.style().polish(self)
        return super().eventFilter(watched, event)

    @Slot()
    def _show_state(self) -> None:
        self.send_button.setEnabled(bool(self.edit.toPlainText().strip()) and not self._busy)
