from __future__ import annotations

# Names of the fields in data sets that people share, the most specific first.
QUESTIONS = ("prompt", "question", "instruction", "input", "user", "query", "human")
ANSWERS = ("completion", "response", "answer", "output", "assistant", "reply", "bot")
CONTEXTS = ("input", "context")
# All fields that `_parse_fields` looks at.
KNOWN_FIELDS = tuple(
    dict.fromkeys(("text", "messages", "conversations", "ids", *QUESTIONS, *ANSWERS, *CONTEXTS, "src"))
)
