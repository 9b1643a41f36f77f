"""A growing reply for screen readers: by sentence, not by token."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QWidget

from i3desk.chat.session import ChatSession
from i3desk.conversations.conversation import USER
from i3desk.widgets.toast import announce

_END = re.compile(r"[.!?…。！？]+[\"'”’)\]]*(?=\s|$)|\n")  # of a sentence


def whole_sentences(text: str, ended: bool) -> int:
    """Length of the part of `text` that is whole sentences; all of it once the reply has ended.

    A mark at the end of a growing text may be followed by more, as in "3.5", so it does not count.
    """
    if ended:
        return len(text)
    return max((match.end() for match in _END.finditer(text) if match.end() < len(text)), default=0)


class ReplyReader(QObject):
    """Announces the reply on screen while it grows, if a screen reader is in use."""

    def __init__(self, session: ChatSession, widget: QWidget) -> None:
        super().__init__(widget)
        self._session, self._widget = session, widget
        self._number: int | None = None
        self._said = 0
        session.path_changed.connect(self._find_growing)
        session.conversation_opened.connect(self._find_growing)
        session.message_changed.connect(self._on_changed)

    @Slot()
    def _find_growing(self) -> None:
        last = self._session.conversation.last
        self._number = None
        if last is not None and last.role != USER and not last.ended:
            self._number, self._said = last.number, len(last.text.lstrip())

    @Slot(object)
    def _on_changed(self, number: int) -> None:
        if number != self._number or not QAccessible.isActive():
            return
        message = self._session.conversation.messages[number]
        text = message.shown_text if message.ended else message.text.lstrip()
        end = whole_sentences(text, message.ended)
        new = text[self._said : end].strip()
        self._said = max(self._said, end)
        if new:
            announce(self._widget, new)
        if message.ended:
            self._number = None
            if message.what_failed:
                announce(self._widget, message.what_failed)
