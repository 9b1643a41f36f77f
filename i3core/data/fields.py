"""Names of the fields in datasets that people share, the most specific first."""

from __future__ import annotations

QUESTIONS = ("prompt", "question", "instruction", "input", "user", "query", "human")
ANSWERS = ("completion", "response", "answer", "output", "assistant", "reply", "bot")
CONTEXTS = ("input", "context")
# All fields that `documents` looks at.
KNOWN_FIELDS = tuple(
    dict.fromkeys(("text", "messages", "conversations", "ids", *QUESTIONS, *ANSWERS, *CONTEXTS, "src"))
)
