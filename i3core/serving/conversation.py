"""Turn the messages that clients of the OpenAI API send into a conversation that a model reads. Needs pydantic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..text.chat_template import Message
from .schemas import ChatMessage

SYSTEM_JOINED = "Later system prompts were moved to the front."
TOOLS_AS_TEXT = "Calls of tools were left out; their results were read as text of the user."


@dataclass(frozen=True)
class Conversation:
    """A conversation whose next message is the model's.

    Attributes:
        messages: the turns, perhaps after a system message.
        reply_start: the start of the reply; "" unless the last message sent was the assistant's.
        notes: what was left out or changed, in words.
    """

    messages: list[Message]
    reply_start: str
    notes: tuple[str, ...]


def as_conversation(sent: Sequence[ChatMessage]) -> Conversation:
    """Arrange messages of any roles in any order. Raises ValueError for parts that are no text.

    System and developer messages are joined at the front. Calls of tools are left out; their results continue the
    user's turn, as the model knows no other role.
    """
    turns: list[Message] = []
    system: list[str] = []
    notes: dict[str, None] = {}  # ordered, each once
    for message in sent:
        text = message.text
        if message.role in ("system", "developer"):
            system.append(text)
            notes |= dict.fromkeys([SYSTEM_JOINED] if turns else [])
        elif message.role in ("tool", "function"):
            notes[TOOLS_AS_TEXT] = None
            if turns and turns[-1]["role"] == "user":
                turns[-1] = {"role": "user", "content": f"{turns[-1]['content']}\n{text}"}
            else:
                turns.append({"role": "user", "content": text})
        else:
            notes |= dict.fromkeys([TOOLS_AS_TEXT] if message.calls_tools else [])
            if text or not message.calls_tools:
                turns.append({"role": message.role, "content": text})
    reply: list[str] = []
    while turns and turns[-1]["role"] == "assistant":
        reply.insert(0, turns.pop()["content"])
    prompt = "\n\n".join(text for text in system if text.strip())
    opening: list[Message] = [{"role": "system", "content": prompt}] if prompt else []
    return Conversation([*opening, *turns], "\n".join(reply).lstrip(), tuple(notes))
