"""The composer: a growing text field, a Send or Stop button, and the draft as chunks."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QPalette,
    QResizeEvent,
    QShowEvent,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QPlainTextEdit,
    QSizePolicy,
    QStackedLayout,
    QWidget,
)

from i3core.text.chat_template import ChatTemplate
from i3desk.chat.draft_chunks import DraftChunks
from i3desk.language import tr
from i3desk.style.icons import IconPushButton, IconToolButton
from i3desk.widgets.basics import FileDropsPass, column_in, icon_button, label, named, restyle, row
from i3desk.widgets.plain_text import is_right_to_left, tooltip_text

MIN_ROOM = 6  # lines that the field may always have
MAX_SHARE = 0.4  # of the window's height
HOW_TO_SEND = tr("Enter sends, Shift+Enter starts a new line")


class MessageEdit(FileDropsPass, QPlainTextEdit):
    """A plain text field, as tall as its text, up to MAX_SHARE of the window.

    Enter sends, Shift+Enter starts a new line, Page Up and Down scroll the chat, Up in the empty field edits the last
    message.
    """

    submitted = Signal()
    scroll_requested = Signal(int)
    recall_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._placeholder = ""
        self.setAccessibleName(tr("Message"))
        self.setAccessibleDescription(HOW_TO_SEND)
        self.setToolTip(tooltip_text(tr("Enter sends · Shift+Enter new line · Esc stops")))
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(2)
        self.viewport().setAutoFillBackground(False)
        self.textChanged.connect(self._follow_direction)
        self.textChanged.connect(self._fit_height)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self._fit_height()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and not self.document().isUndoAvailable():
            assert isinstance(event, QKeyEvent)
            if event.matches(QKeySequence.StandardKey.Undo):
                event.ignore()  # the window may have something to undo
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.submitted.emit()
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.scroll_requested.emit(-1 if event.key() == Qt.Key.Key_PageUp else 1)
        elif event.key() == Qt.Key.Key_Up and self.document().isEmpty():
            self.recall_requested.emit()
        else:
            super().keyPressEvent(event)

    def show_placeholder(self, text: str) -> None:
        """Show `text` while the field is empty and nothing is being composed."""
        self._placeholder = text
        self.setPlaceholderText(text)
        self.viewport().update()  # Qt does not repaint for a new placeholder

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        super().inputMethodEvent(event)
        self.setPlaceholderText("" if event.preeditString() else self._placeholder)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # Text set before the first show was wrapped without the scroll bar.
        QApplication.sendEvent(self.viewport(), QResizeEvent(self.viewport().size(), QSize()))

    @Slot()
    def _follow_direction(self) -> None:
        is_rtl = is_right_to_left(self.document().firstBlock().text())
        direction = Qt.LayoutDirection.RightToLeft if is_rtl else Qt.LayoutDirection.LeftToRight
        if direction != self.layoutDirection():
            self.setLayoutDirection(direction)  # of the caret and the scroll bar
            option = self.document().defaultTextOption()
            option.setTextDirection(direction)
            option.setAlignment(Qt.AlignmentFlag.AlignRight if is_rtl else Qt.AlignmentFlag.AlignLeft)
            self.document().setDefaultTextOption(option)

    @Slot()
    def _fit_height(self) -> None:
        line, margins = self.fontMetrics().lineSpacing(), 2 * round(self.document().documentMargin()) + 2
        most = max(MIN_ROOM * line, round(MAX_SHARE * self.window().height()))
        layout, block, needed = self.document().documentLayout(), self.document().begin(), 0.0
        while block.isValid() and needed <= most:  # asking for its height lays a block out
            needed += layout.blockBoundingRect(block).height()
            block = block.next()
        fits = needed <= most
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(policy)
        height = max(line, math.ceil(min(needed, most))) + margins
        if height != self.height():
            self.setFixedHeight(height)


class Composer(QFrame):
    """The text field with its buttons and, optionally, the draft as the model's chunks.

    The draft stays until `accept`, so that a message that cannot be sent is not lost.

    Signals:
        send_requested(text): Emitted when a message is to be sent; `accept` then empties the field. The text is blank
            only in raw mode, where the model then continues the existing text.
        stop_requested: Emitted when the reply is to be stopped.
        scroll_requested(pages): Emitted when the transcript is to scroll up (-1) or down (1).
        text_changed: Emitted when the draft has changed.
        edit_last_requested: Emitted when the last message is to be edited.
        chunks_shown_changed(shown): Emitted when the view of chunks is opened or closed.
    """

    send_requested = Signal(str)
    stop_requested = Signal()
    scroll_requested = Signal(int)
    text_changed = Signal()
    edit_last_requested = Signal()
    chunks_shown_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self._busy = False
        self._blocked = self._unreadable = ""
        self._mode = "chat"
        self._model_name = "i3"
        self.edit = MessageEdit()
        self.edit.submitted.connect(self.submit)
        self.edit.scroll_requested.connect(self.scroll_requested)
        self.edit.recall_requested.connect(self.edit_last_requested)
        self.edit.textChanged.connect(self._on_text_changed)
        self.edit.cursorPositionChanged.connect(self._show_draft)
        self.edit.installEventFilter(self)

        self.send_button = IconPushButton(tr("Send"))
        self.send_button.setProperty("kind", "primary")
        self.send_button.clicked.connect(self.submit)
        self.stop_button = IconPushButton(tr(" Stop"))
        self.stop_button.set_icon("stop", QPalette.ColorRole.Text, 14)
        self.stop_button.setToolTip(tooltip_text(tr("Stop generating; keeps what's written so far (Esc)")))
        self.stop_button.setAccessibleName(tr("Stop"))
        self.stop_button.clicked.connect(self.stop_requested)
        self.prompts_button = icon_button(
            "prompts", tr("Saved prompts"), tr("Saved prompts: use one, or save this message")
        )
        self.prompts_button.setPopupMode(IconToolButton.ToolButtonPopupMode.InstantPopup)
        self.chunks_button = IconToolButton()
        self.chunks_button.set_icon("chunks")
        self.chunks_button.setCheckable(True)
        self.chunks_button.setAccessibleName(tr("Show tokens as I type"))
        self.chunks_button.setToolTip(tooltip_text(tr("Show tokens as I type; what the model can't read is red")))
        self.chunks_button.toggled.connect(self._on_chunks_toggled)

        self.draft_chunks = DraftChunks()
        self.line = named(QFrame(), "line")
        self.notice = label(tone="warn", grade="small", wrap=True)
        for widget in (self.draft_chunks, self.line, self.notice):
            widget.hide()

        # Both buttons have the same place, so that the field keeps its width.
        place = QWidget()
        place.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._buttons = QStackedLayout(place)
        self._buttons.addWidget(self.send_button)
        self._buttons.addWidget(self.stop_button)
        line = row((self.edit, 1), self.prompts_button, self.chunks_button, place)
        line.setAlignment(self.edit, Qt.AlignmentFlag.AlignVCenter)
        for part in (self.prompts_button, self.chunks_button, place):
            line.setAlignment(part, Qt.AlignmentFlag.AlignBottom)
        column_in(self, self.draft_chunks, self.line, line, self.notice, margins=(12, 10, 12, 10), spacing=8)
        self._show_mode()

    def text(self) -> str:
        """The draft."""
        return self.edit.toPlainText()

    def set_text(self, text: str) -> None:
        """Replace the draft, with the caret at its end."""
        if text != self.text():
            self.edit.setPlainText(text)
            self.edit.moveCursor(QTextCursor.MoveOperation.End)

    def type_text(self, text: str) -> None:
        """Insert text that was typed while another widget had the focus, and take the focus."""
        self.edit.setFocus(Qt.FocusReason.OtherFocusReason)
        self.edit.insertPlainText(text)

    @Slot()
    def accept(self) -> None:
        """Empty the field after the message was sent."""
        self.edit.clear()

    def set_busy(self, busy: bool) -> None:
        """Show Stop while a reply is being written, otherwise Send."""
        self._busy = busy
        if self.stop_button.hasFocus():
            self.edit.setFocus()
        self._buttons.setCurrentWidget(self.stop_button if busy else self.send_button)
        self._show_state()

    def set_blocked(self, reason: str) -> None:
        """Show why the draft cannot be sent; "" if it can."""
        self._blocked = reason
        self._show_notice()
        self._show_state()

    def set_unreadable(self, text: str) -> None:
        """Show which characters of the draft the model cannot read; "" if there are none."""
        self._unreadable = text
        self._show_notice()

    def _show_notice(self) -> None:
        lines = [line for line in (self._blocked, self._unreadable) if line]
        self.notice.setText("\n".join(lines))
        self.notice.setVisible(bool(lines))
        self.edit.setAccessibleDescription(". ".join(lines) or HOW_TO_SEND)

    def set_model_name(self, name: str) -> None:
        """Show the name of the model in the placeholder."""
        self._model_name = name
        self._show_mode()

    def set_mode(self, mode: str) -> None:
        """Set the mode: a message ("chat") or a text to continue ("raw")."""
        self._mode = mode
        self._show_mode()

    def set_template(self, template: ChatTemplate | None) -> None:
        """Set the template whose chunks are shown."""
        self.draft_chunks.set_template(template)

    def show_chunks(self, shown: bool) -> None:
        """Open or close the view of chunks."""
        self.chunks_button.setChecked(shown)

    @Slot()
    def submit(self) -> None:
        """Request to send the draft, unless sending is disabled."""
        if self.send_button.isEnabled():
            self.send_requested.emit(self.text())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.edit and event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            restyle(self, focused=event.type() == QEvent.Type.FocusIn)
        return super().eventFilter(watched, event)

    @Slot()
    def _on_text_changed(self) -> None:
        self._show_state()
        self._show_draft()
        self.text_changed.emit()

    @Slot()
    def _show_draft(self) -> None:
        if self.chunks_button.isChecked():
            self.draft_chunks.show_text(self.text(), self.edit.textCursor().position())

    @Slot(bool)
    def _on_chunks_toggled(self, shown: bool) -> None:
        self._show_draft()
        self.draft_chunks.setVisible(shown)
        self.line.setVisible(shown)
        self.chunks_button.setAccessibleName(tr("Hide tokens as I type") if shown else tr("Show tokens as I type"))
        self.chunks_shown_changed.emit(shown)

    def _show_mode(self) -> None:
        raw = self._mode == "raw"
        name = self._model_name
        self.edit.show_placeholder(
            tr("Text for {name} to continue…").format(name=name) if raw else tr("Message {name}…").format(name=name)
        )
        self.edit.setAccessibleName(tr("Text to continue") if raw else tr("Message"))
        self.send_button.setText(tr("Generate") if raw else tr("Send"))
        self.send_button.setAccessibleName(self.send_button.text())
        self.send_button.setToolTip(
            tooltip_text(tr("Generate what follows the text (Enter)") if raw else tr("Send the message (Enter)"))
        )
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        # In raw mode, the existing text can be continued with an empty draft.
        can_send = bool(self.text().strip()) or self._mode == "raw"
        self.send_button.setEnabled(can_send and not self._busy and not self._blocked)
