"""The field that a message turns into while it is edited."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QTextEdit, QVBoxLayout, QWidget

from i3desk.chat.message_actions import BUSY_HINT
from i3desk.widgets.basics import quiet_button

TALLEST = 240


@dataclass(frozen=True)
class Purpose:
    """What a message is edited for, in words.

    Attributes:
        heading: above the field; "" for none.
        field, field_hint: name and tooltip of the field.
        done, done_name, done_hint: the button that ends the editing.
        keep_hint: tooltip of Cancel.
    """

    heading: str
    field: str
    field_hint: str
    done: str
    done_name: str
    done_hint: str
    keep_hint: str = "Keep what was said (Esc)"


SAY_ANEW = Purpose(
    heading="",
    field="Edit your message",
    field_hint="Enter sends, Shift+Enter begins a new line, Esc keeps what was said",
    done="Send",
    done_name="Send the edited message",
    done_hint="Send as a new version; what was said before stays (Enter)",
)
CORRECT = Purpose(
    heading="It should have said…",
    field="What i3 should have said",
    field_hint="Enter keeps the correction, Shift+Enter begins a new line, Esc leaves the reply as it is",
    done="Correct",
    done_name="Keep the correction",
    done_hint="Keep it as a new version, and remember it to teach i3 (Enter)",
)


class _Field(QTextEdit):
    submitted = Signal()
    cancelled = Signal()

    def __init__(self, purpose: Purpose) -> None:
        super().__init__()
        self.setObjectName("text")
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(purpose.field)
        self.setToolTip(purpose.field_hint)
        self.document().documentLayout().documentSizeChanged.connect(self.fit_height)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape:
            event.accept()  # it ends the editing; the window's shortcut would stop a reply
            return True
        return super().event(event)

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
        submitted(text): this instead.
        cancelled(): keep what was said.
    """

    submitted = Signal(str)
    cancelled = Signal()

    def __init__(self, text: str, parent: QWidget | None = None, purpose: Purpose = SAY_ANEW) -> None:
        super().__init__(parent)
        self.setObjectName("bubbleEditor")
        self._busy = False
        self._purpose = purpose
        self.field = _Field(purpose)
        self.field.setPlainText(text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.cancel_button = quiet_button("Cancel", purpose.keep_hint)
        self.send_button = QPushButton(purpose.done)
        self.send_button.setProperty("kind", "primary")
        self.send_button.setAccessibleName(purpose.done_name)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.send_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 10, 10, 10)
        column.setSpacing(8)
        if purpose.heading:
            heading = QLabel(purpose.heading)
            heading.setProperty("tone", "muted")
            heading.setProperty("grade", "small")
            column.addWidget(heading)
        column.addWidget(self.field)
        column.addLayout(buttons)
        self.field.submitted.connect(self._submit)
        self.field.cancelled.connect(self.cancelled)
        self.field.textChanged.connect(self._show_state)
        self.send_button.clicked.connect(self._submit)
        self.cancel_button.clicked.connect(self.cancelled)
        self._show_state()

    def place(self, x: int, y: int, width: int) -> int:
        """Take this place, as high as the text; returns where it ends."""
        self.resize(width, self.height())
        self.field.fit_width(width)
        height = self.layout().totalSizeHint().height()
        self.setGeometry(x, y, width, height)
        return y + height

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
        self.send_button.setToolTip(BUSY_HINT if self._busy else self._purpose.done_hint)
