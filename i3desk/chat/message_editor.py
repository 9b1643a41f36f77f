"""The text field of a message that is being edited or corrected."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QResizeEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QPushButton, QTextEdit, QWidget

from i3core.text.chat_template import ChatTemplate
from i3desk.chat.message_actions import BUSY_HINT
from i3desk.language import tr
from i3desk.widgets.basics import FileDropsPass, add, column_in, label, quiet_button, row
from i3desk.widgets.notices import UnreadableNote
from i3desk.widgets.plain_text import tooltip_text

MAX_HEIGHT = 240


@dataclass(frozen=True)
class EditorTexts:
    """The texts of an editor, by its texts.

    Attributes:
        heading: above the field; "" for none.
        field, field_hint: name and tooltip of the field.
        done, done_name, done_hint: label, name and tooltip of the button that submits the text.
        keep_hint: tooltip of Cancel.
    """

    heading: str
    field: str
    field_hint: str
    done: str
    done_name: str
    done_hint: str
    keep_hint: str = tr("Keep the original (Esc)")


EDIT = EditorTexts(
    heading="",
    field=tr("Edit your message"),
    field_hint=tr("Enter sends, Shift+Enter starts a new line, Esc keeps the original"),
    done=tr("Send"),
    done_name=tr("Send the edited message"),
    done_hint=tr("Send as a new version; the original is kept (Enter)"),
)
CORRECT = EditorTexts(
    heading=tr("It should have said…"),
    field=tr("What i3 should have said"),
    field_hint=tr("Enter saves the correction, Shift+Enter starts a new line, Esc keeps the reply"),
    done=tr("Correct"),
    done_name=tr("Save the correction"),
    done_hint=tr("Save it as a new version, for teaching i3 (Enter)"),
)


class _EditField(FileDropsPass, QTextEdit):
    submitted = Signal()
    cancelled = Signal()

    def __init__(self, texts: EditorTexts) -> None:
        super().__init__()
        self.setObjectName("text")
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(texts.field)
        self.setToolTip(tooltip_text(texts.field_hint))
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
        """Set the width that a bubble of this width leaves."""
        self.resize(width - 24, self.height())
        self.fit_height()

    @Slot()
    def fit_height(self) -> None:
        height = round(self.document().size().height())
        self.setFixedHeight(max(self.fontMetrics().height(), min(height, MAX_HEIGHT)))


class MessageEditor(QFrame):
    """A bubble with a text field, Send and Cancel.

    Signals:
        submitted(text): Emitted when the text is to replace the message.
        cancelled(): Emitted when the message is to stay.
    """

    submitted = Signal(str)
    cancelled = Signal()

    def __init__(
        self,
        text: str,
        parent: QWidget | None = None,
        texts: EditorTexts = EDIT,
        template: ChatTemplate | None = None,
    ) -> None:
        """`template` is that of the model in use, which tells what it cannot read."""
        super().__init__(parent)
        self.setObjectName("bubbleEditor")
        self._busy = False
        self._texts = texts
        self.field = _EditField(texts)
        self.field.setPlainText(text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        self.cancel_button = quiet_button(tr("Cancel"), texts.keep_hint)
        self.send_button = QPushButton(texts.done)
        self.send_button.setProperty("kind", "primary")
        self.send_button.setAccessibleName(texts.done_name)
        buttons = row(None, self.cancel_button, self.send_button)
        column = self._column = column_in(self, margins=(14, 10, 10, 10), spacing=8)
        if texts.heading:
            heading = label(texts.heading, tone="muted", grade="small")
            column.addWidget(heading)
        self.unreadable = UnreadableNote()
        self.unreadable.set_template(template)
        add(column, self.field, self.unreadable, buttons)
        self.field.submitted.connect(self._submit)
        self.field.cancelled.connect(self.cancelled)
        self.field.textChanged.connect(self._show_state)
        self.send_button.clicked.connect(self._submit)
        self.cancel_button.clicked.connect(self.cancelled)
        self._show_state()

    def place(self, x: int, y: int, width: int) -> int:
        """Move here, as tall as the text; returns the lower edge."""
        self.resize(width, self.height())
        self.field.fit_width(width)
        with_notice = self._column.hasHeightForWidth() and not self.unreadable.isHidden()
        height = self._column.totalHeightForWidth(width) if with_notice else self._column.totalSizeHint().height()
        self.setGeometry(x, y, width, height)
        return y + height

    def set_busy(self, busy: bool) -> None:
        """Disable sending, but not writing, while a reply is being written."""
        self._busy = busy
        self._show_state()

    @Slot()
    def _submit(self) -> None:
        if self.send_button.isEnabled():
            self.submitted.emit(self.field.toPlainText())

    @Slot()
    def _show_state(self) -> None:
        self.unreadable.show_texts(self.field.toPlainText())
        self.send_button.setEnabled(not self._busy and bool(self.field.toPlainText().strip()))
        self.send_button.setToolTip(tooltip_text(BUSY_HINT if self._busy else self._texts.done_hint))
