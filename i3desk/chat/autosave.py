"""Saves conversations as they change: user messages at once, replies several times a second."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3desk.conversations.conversation import Conversation, Message
from i3desk.conversations.store import Store, StoreBusyError

SAVE_EVERY_MS = 250
RETRY_MS = 3000
BUSY_RETRY_MS = 200
PATIENCE_S = 3.0  # with a file that is being written by others


class Autosave(QObject):
    """Writes changes to the store. A failed write is kept in memory and tried again.

    Signals:
        stored(conversation): Emitted when a conversation has been written.
        failed(what, remedy): Emitted at the first failed write; again only after a successful one. While others write
            the file, not before PATIENCE_S.

    Attributes:
        error: why the last write failed; None if it did not.
    """

    stored = Signal(object)
    failed = Signal(str, str)

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._unsaved: list[tuple[Conversation, set[int]]] = []
        self.error: I3Error | None = None
        self._busy_since: float | None = None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.save_now)

    def keep(self, conversation: Conversation, *messages: Message) -> None:
        """Schedule these messages to be written; a new conversation is written at once, a temporary one never."""
        if conversation.temporary or not conversation.messages:
            return
        numbers = self._numbers_of(conversation)
        numbers.update(message.number for message in messages)
        if conversation.id is None:
            self.save_now()
        elif not self._timer.isActive():
            self._timer.start(SAVE_EVERY_MS)

    @property
    def has_unsaved(self) -> bool:
        """True if there are unwritten changes."""
        return bool(self._unsaved)

    def find(self, number: int) -> Conversation | None:
        """The conversation with this id if it has unwritten changes."""
        return next((conversation for conversation, _ in self._unsaved if conversation.id == number), None)

    def drop(self, conversation: Conversation) -> None:
        """Discard the unwritten changes of a conversation."""
        self._unsaved = [entry for entry in self._unsaved if entry[0] is not conversation]

    @Slot()
    def save_now(self) -> None:
        """Write all changes."""
        self._timer.stop()
        while self._unsaved:
            conversation, numbers = self._unsaved[0]
            try:
                if conversation.id is None:
                    self._store.add(conversation)
                else:
                    for number in sorted(numbers):
                        self._store.save_message(conversation, conversation.messages[number])
                    self._store.save_conversation(conversation)
            except I3Error as error:
                self._on_error(error)
                return
            self._unsaved.pop(0)
            self.error = self._busy_since = None
            self.stored.emit(conversation)

    def _on_error(self, error: I3Error) -> None:
        if isinstance(error, StoreBusyError):
            self._busy_since = self._busy_since or time.monotonic()
            if time.monotonic() - self._busy_since < PATIENCE_S:
                self._timer.start(BUSY_RETRY_MS)
                return
        self._timer.start(RETRY_MS)
        is_new, self.error = self.error is None, error
        if is_new:
            self.failed.emit(error.what, error.remedy)

    def _numbers_of(self, conversation: Conversation) -> set[int]:
        for known, numbers in self._unsaved:
            if known is conversation:
                return numbers
        self._unsaved.append((conversation, set()))
        return self._unsaved[-1][1]
