"""The corrections of replies, stored as training data."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from i3core.errors import I3Error
from i3core.system.files import read_file, replaced
from i3desk.conversations import serialization
from i3desk.conversations.conversation import ASSISTANT, CORRECTED, USER, Conversation
from i3desk.language import tr

log = logging.getLogger(__name__)
MAX_CONTEXT = 6  # stored messages before a corrected reply


@dataclass(frozen=True)
class Correction:
    """A corrected reply; as JSON, it is a training record.

    Attributes:
        messages: the persona that the model read, the messages before, and at the end the correction; earlier replies
            have weight 0: they are not learned.
        said: the model's reply.
        chat, message: id of the conversation (None if it is not stored), and number of the message.
        time: seconds since 1970.
        taught: name of the run that learned it; "" if none has.
    """

    messages: tuple[dict, ...]
    said: str
    chat: int | None = None
    message: int = 0
    time: float = field(default_factory=time.time)
    taught: str = ""

    @property
    def question(self) -> str:
        """The last message of the user."""
        return next((each["content"] for each in reversed(self.messages) if each["role"] == USER), "")

    @property
    def correction(self) -> str:
        """The corrected reply."""
        return self.messages[-1]["content"]


class Corrections(QObject):
    """All corrections, in a JSON Lines file.

    Attributes:
        entries: the corrections, oldest first.
    Signals:
        changed: Emitted when `entries` has changed.
        failed(what, remedy): Emitted when the file could not be read or written.
    """

    changed = Signal()
    failed = Signal(str, str)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self.entries: tuple[Correction, ...] = ()

    @property
    def untaught(self) -> tuple[Correction, ...]:
        """The corrections that no run has learned."""
        return tuple(entry for entry in self.entries if not entry.taught)

    def load(self) -> None:
        """Read the file; if it has invalid lines, they are skipped and the file is set aside."""
        try:
            lines = read_file(self.path).splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            self.failed.emit(
                tr("The corrections in {path} cannot be read: {strerror}.").format(
                    path=self.path, strerror=error.strerror
                ),
                tr("Check the file."),
            )
            return
        entries = [_read(line) for line in lines if line.strip()]
        self.entries = tuple(entry for entry in entries if entry is not None)
        if None in entries:
            aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time():.0f}.jsonl")
            try:
                self.path.rename(aside)
                self._save()
            except OSError as error:
                log.error("%s cannot be set aside: %s", self.path, error)
            self.failed.emit(
                tr("Some corrections cannot be read."), tr("The old file is kept as {name}.").format(name=aside.name)
            )
        self.changed.emit()

    def add(self, conversation: Conversation, number: int, old: int) -> None:
        """Add message `number` of a conversation as the correction of reply `old`."""
        *before, corrected = conversation.path(number)
        if not any(message.role == USER for message in before):
            return  # there is no question
        original = conversation.messages[old]
        same = (conversation.id, old)
        earlier = next((entry for entry in self.entries if (entry.chat, entry.message) == same), None)
        said = earlier.said if earlier and original.finish_reason == CORRECTED else original.shown_text
        persona = conversation.settings.persona.strip()
        messages = [{"role": "system", "content": serialization.encodable(persona)}] if persona else []
        messages += [
            {"role": message.role, "content": serialization.encodable(message.shown_text)}
            | ({"weight": 0} if message.role == ASSISTANT else {})
            for message in before[-MAX_CONTEXT:]
            if message.shown_text
        ]
        messages.append({"role": ASSISTANT, "content": serialization.encodable(corrected.shown_text)})
        entry = Correction(tuple(messages), serialization.encodable(said), conversation.id, number)
        self._change([each for each in self.entries if each is not earlier] + [entry])

    def remove(self, entry: Correction) -> None:
        """Remove a correction; the chat stays unchanged."""
        self._change(each for each in self.entries if each != entry)

    def clear(self) -> None:
        """Remove all corrections."""
        self._change(())

    def mark(self, entries: Iterable[Correction], taught: str) -> None:
        """Set the run that has learned these corrections; "" for none."""
        chosen = {(entry.chat, entry.message, entry.time) for entry in entries}
        self._change(
            replace(each, taught=taught) if (each.chat, each.message, each.time) in chosen else each
            for each in self.entries
        )

    def _change(self, entries: Iterable[Correction]) -> None:
        self.entries = tuple(entries)
        try:
            self._save()
        except I3Error as error:
            self.failed.emit(error.what, error.remedy)
        self.changed.emit()

    def _save(self) -> None:
        write_records(self.path, self.entries)


def write_records(path: Path, entries: Iterable[Correction]) -> None:
    """Write corrections as training data. Raises I3Error if that fails; the old file then stays."""
    lines = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
    with replaced(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def _read(line: bytes) -> Correction | None:
    try:
        values = json.loads(line)
        messages = tuple(values["messages"])
        roles = [each["role"] for each in messages]
        texts = [each["content"] for each in messages]
        if roles[-1] != ASSISTANT or len(roles) < 2 or not all(isinstance(text, str) for text in texts):
            return None
        return Correction(
            messages,
            str(values["said"]),
            values["chat"] if isinstance(values["chat"], int) else None,
            int(values["message"]),
            float(values["time"]),
            str(values["taught"]),
        )
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        return None
