"""Find words in the chat on screen, with the next and the previous message that has them."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from i3desk.chat.session import ChatSession
from i3desk.language import figure, tr, trn
from i3desk.style.palette import tabular
from i3desk.widgets.basics import icon_button, label, named, restyle, row_in
from i3desk.widgets.plain_text import tooltip_text

SEARCH_AFTER_MS = 150
MARGIN = 24


class FindBar(QFrame):
    """A line above the transcript; hidden until `open` is called.

    Signals:
        found(number, text): Emitted when a message that contains `text` is to be shown.
        closed: Emitted when the user has closed it.
    """

    found = Signal(object, str)
    closed = Signal()

    def __init__(self, session: ChatSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setAccessibleName(tr("Find in this chat"))
        self._session = session
        self._places: list[int] = []
        self._at = 0
        self.field = named(QLineEdit(), "field")
        self.field.setPlaceholderText(tr("Find in this chat"))
        self.field.setAccessibleName(tr("Find in this chat"))
        self.field.setToolTip(tooltip_text(tr("Enter: next message, Shift+Enter: previous one, Esc: close")))
        self.field.textEdited.connect(self._on_edited)
        self.count = tabular(label(tone="muted", grade="small"))
        self.previous_button = icon_button("up", tr("Previous match"), tr("Previous match (Shift+Enter)"))
        self.previous_button.clicked.connect(self._show_previous)
        self.next_button = icon_button("down", tr("Next match"), tr("Next match (Enter)"))
        self.next_button.clicked.connect(self._show_next)
        self.close_button = icon_button("close", tr("Close the search"), tr("Close the search (Esc)"))
        self.close_button.clicked.connect(self.close_search)
        parts = (self.count, self.previous_button, self.next_button, self.close_button)
        row_in(self, (self.field, 1), *parts, margins=(MARGIN, 6, 16, 6))
        self._timer = QTimer(self, singleShot=True, interval=SEARCH_AFTER_MS)
        self._timer.timeout.connect(self._search)
        session.conversation_opened.connect(self.hide)
        self.hide()

    def open(self) -> None:
        """Show the bar with the focus in its field."""
        self.show()
        self.field.setFocus()
        self.field.selectAll()
        self._search()

    @Slot()
    def close_search(self) -> None:
        """Hide the bar."""
        self._timer.stop()
        self.hide()
        self.closed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_search()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._timer.isActive():
                self._search()
            elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._show_previous()
            else:
                self._show_next()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_edited(self) -> None:
        self._timer.start()

    @Slot()
    def _search(self) -> None:
        """Find the messages, and show the first of them."""
        self._timer.stop()
        text = self.field.text().strip().casefold()
        path = self._session.conversation.path() if text else ()
        self._places = [message.number for message in path if text in message.shown_text.casefold()]
        self._at = 0
        self._show()

    @Slot()
    def _show_next(self) -> None:
        self._at += 1
        self._show()

    @Slot()
    def _show_previous(self) -> None:
        self._at -= 1
        self._show()

    def _show(self) -> None:
        count, text = len(self._places), self.field.text().strip()
        if count:
            self._at %= count
            self.found.emit(self._places[self._at], text)
        messages = trn("1 message", "{n} messages", count)
        self.count.setText(
            (tr("{at} of {messages}").format(at=figure(self._at + 1), messages=messages) if count else tr("No matches"))
            if text
            else ""
        )
        restyle(self.count, tone="muted" if count else "warn")
        for button in (self.previous_button, self.next_button):
            button.setEnabled(count > 1)
