"""Chat templates of a vocabulary of single letters, with and without a place for a system prompt."""

from __future__ import annotations

from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyz .,?'"


def template_with(*roles: str, **form: str) -> ChatTemplate:
    """A template with special tokens of these roles, or with forms of text."""
    chunks = {text: i for i, text in enumerate(["<UNK>", *(f"<|{role}|>" for role in roles), *LETTERS, "\n"])}
    tokenizer = ChunkTokenizer(chunks, {role: chunks[f"<|{role}|>"] for role in roles})
    return ChatTemplate(tokenizer, "text" if form else "special_tokens", **form)
