"""Rows of the database: conversations in the list, and messages."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from i3desk.conversations import serialization
from i3desk.conversations.conversation import ASSISTANT, LATEST, USER, Conversation, Message, ReplyState

PREVIEW_LENGTH = 120
CONVERSATION_FIELDS = (
    "title, has_own_title, pinned, created_at, updated_at, settings, leaf, draft, window_used, window, first_seen, "
    "folder"
)
MESSAGE_FIELDS = tuple(field.name for field in fields(Message) if field.name != "chunks")

INSERT_MESSAGE = f"""
    INSERT INTO messages (conversation, {", ".join(MESSAGE_FIELDS)}) VALUES (?, {", ".join("?" * len(MESSAGE_FIELDS))})
    ON CONFLICT (conversation, number) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in MESSAGE_FIELDS)}
    RETURNING id"""

_STATES = {state.value: state for state in ReplyState}


@dataclass(frozen=True)
class ConversationRow:
    """A conversation in the list; `preview` is the first line of its last message on screen."""

    id: int
    title: str
    preview: str
    pinned: bool
    updated_at: float
    message_count: int
    folder: str = ""


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
    """Make the message of a row, without chunks; what no version has written becomes something usual."""
    number, parent, role, text, created_at, state, *numbers, sampling = values  # a chat may have thousands
    content: list[Any] = [
        number,
        parent,
        USER if role == USER else ASSISTANT,
        text,
        min(max(0.0, created_at), LATEST),
        _STATES.get(state, ReplyState.CUT),
        [],
        *numbers,
        serialization.decode_sampling(sampling),
    ]
    return Message(*content)


def conversation_from(number: int, values: tuple, stored: list[tuple]) -> Conversation:
    """Make a conversation from its row and those of its messages, without chunks."""
    messages: dict[int, Message] = {}
    for row in stored:
        message = message_from(row)
        if message.parent not in messages:  # only a recovered tree has gaps
            message.parent = None
        messages[message.number] = message
    title, has_own_title, pinned, created_at, updated_at, settings, leaf, draft, used, window, first_seen, folder = (
        values
    )
    return Conversation(
        id=number,
        title=title,
        has_own_title=bool(has_own_title),
        pinned=bool(pinned),
        created_at=created_at,
        updated_at=updated_at,
        settings=serialization.decode_settings(settings),
        messages=messages,
        leaf=leaf,
        draft=draft,
        window_used=used,
        window=window,
        first_seen=first_seen if first_seen in messages else None,
        folder=folder,
    )
