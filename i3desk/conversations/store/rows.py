"""Rows of the database: conversations in the list, and messages."""

from __future__ import annotations

from dataclasses import dataclass, fields

from i3desk.conversations import serialization
from i3desk.conversations.conversation import Conversation, Message, ReplyState

PREVIEW_LENGTH = 120
MESSAGE_FIELDS = tuple(field.name for field in fields(Message) if field.name != "chunks")

_STATES = {state.value: state for state in ReplyState}
_STATE, _SAMPLING = MESSAGE_FIELDS.index("state"), MESSAGE_FIELDS.index("sampling")


@dataclass(frozen=True)
class ConversationRow:
    """A conversation in the list; `preview` is the first line of its last message on screen."""

    id: int
    title: str
    preview: str
    pinned: bool
    updated_at: float
    message_count: int


def preview_of(conversation: Conversation) -> str:
    """The first line of the last message on screen that has text."""
    for message in reversed(conversation.path()):
        text = message.text.strip()
        if text:
            return serialization.encodable(text.split("\n", 1)[0][:PREVIEW_LENGTH].rstrip())
    return ""


def values_of(message: Message, text: str) -> list:
    """The values of MESSAGE_FIELDS to store; `text` is the message's text, encodable in UTF-8."""
    special = {
        "text": text,
        "state": message.state.value,
        "sampling": serialization.encode_sampling(message.sampling),
        "what_failed": serialization.encodable(message.what_failed),
        "remedy": serialization.encodable(message.remedy),
        "model": serialization.encodable(message.model),
    }
    return [special[name] if name in special else getattr(message, name) for name in MESSAGE_FIELDS]


def message_from(values: tuple) -> Message:
    """Make the message of a row, without chunks."""
    by_name = dict(zip(MESSAGE_FIELDS, values, strict=True))
    by_name["state"] = _STATES.get(values[_STATE], ReplyState.CUT)
    by_name["sampling"] = serialization.decode_sampling(values[_SAMPLING])
    return Message(**by_name)
