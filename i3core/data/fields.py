"""Names of the fields in datasets that people share, the most specific first."""

from __future__ import annotations

from collections.abc import Container

CONVERSATIONS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "contents")
QUESTIONS = ("prompt", "question", "instruction", "input", "user", "query", "human")
ANSWERS = ("completion", "response", "answer", "output", "assistant", "reply", "bot")
CONTEXTS = ("input", "context")
SYSTEMS = ("system", "system_prompt", "system_message", "system_instruction", "systemInstruction")
ROLES = ("role", "from", "sender", "author", "speaker")  # of a turn
CONTENTS = ("content", "value", "text", "message", "mes", "parts")  # of a turn
CONVERSATION_IDS = ("conversation_id", "conversation", "chat_id", "thread_id", "dialogue_id", "dialog_id", "session_id")
# All fields of a record that `documents` looks at.
KNOWN_FIELDS = tuple(
    dict.fromkeys(("text", *CONVERSATIONS, "ids", *QUESTIONS, *ANSWERS, *CONTEXTS, *SYSTEMS, "history", "src"))
)


def first_of(names: tuple[str, ...], present: Container[str]) -> str | None:
    """The first of `names` that is present."""
    return next((name for name in names if name in present), None)
