"""A message as a row of the database and back."""

from __future__ import annotations

import dataclasses

from i3desk.conversations import serialization
from i3desk.conversations.conversation import Message, ReplyState

MESSAGE_FIELDS = tuple(field.name for field in dataclasses.fields(Message) if field.name != "chunks")

_STATES = {state.value: state for state in ReplyState}
_STATE, _SAMPLING = MESSAGE_FIELDS.index("state"), MESSAGE_FIELDS.index("sampling")


def values_of(message: Message, text: str) -> list:
    """What is stored for MESSAGE_FIELDS; `text` is the message's as UTF-8 can hold it."""
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
    """The message of a row, without its chunks."""
    fields = dict(zip(MESSAGE_FIELDS, values, strict=True))
    fields["state"] = _STATES.get(values[_STATE], ReplyState.CUT)
    fields["sampling"] = serialization.decode_sampling(values[_SAMPLING])
    return Message(**fields)
