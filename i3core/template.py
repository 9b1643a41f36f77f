"""Conversations to token ids: the one function that training and chat share.

Chunks depend on their neighbours, so every turn is encoded on its own and the ids are concatenated. Earlier turns
therefore keep their ids while a conversation grows, cached state stays valid, and training sees the boundaries of chat.

Two kinds of template:
    special_tokens   <|user|> text <|assistant|> text <|end|>      models trained here
    text             [INST] {user} [/INST] {assistant}             the TinyChat form that i3-80M was trained on
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import CheckpointError, PromptError
from .tokenizer import ChunkTokenizer

ROLES = ("user", "assistant")
SPECIAL_ROLES = ("user", "assistant", "end")
DEFAULT_TEXT_FORM = "[INST] {user} [/INST] {assistant} "

Message = dict[str, str]  # {"role": "user" | "assistant", "content": text}


def check_messages(messages: Sequence[Message]) -> None:
    """Raises PromptError unless `messages` is a list of user and assistant turns with text."""
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise PromptError('A message must look like {"role": "user", "content": "text"}.')
        if message.get("role") not in ROLES:
            raise PromptError(f"A message has the role {message.get('role')!r}.", "Known roles: user, assistant.")


@dataclass(frozen=True)
class ChatTemplate:
    """How turns become ids for one tokenizer.

    Attributes:
        tokenizer: the vocabulary; its special tokens are used by kind "special_tokens".
        kind: "special_tokens" or "text".
        form: for kind "text", one exchange with the places {user} and {assistant} in this order.
    """

    tokenizer: ChunkTokenizer
    kind: str
    form: str = DEFAULT_TEXT_FORM

    def __post_init__(self) -> None:
        if self.kind == "special_tokens":
            absent = [role for role in SPECIAL_ROLES if role not in self.tokenizer.special_tokens]
            if absent:
                raise CheckpointError(f"The chat template needs special tokens that the vocabulary lacks: {absent}.")
        elif self.kind == "text":
            before, found, after = self.form.partition("{user}")
            if not found or "{assistant}" not in after or "{user}" in after or "{assistant}" in before:
                raise CheckpointError(f"The chat template {self.form!r} must hold {{user}}, then {{assistant}}.")
        else:
            raise CheckpointError(f"Unknown chat template kind {self.kind!r}.", "Known: special_tokens, text.")

    @classmethod
    def for_model(cls, tokenizer: ChunkTokenizer, declared: object = None) -> ChatTemplate:
        """The template that a config.json declares, or the default for what the tokenizer has."""
        if isinstance(declared, dict) and isinstance(declared.get("kind"), str):
            form = declared.get("form", DEFAULT_TEXT_FORM)
            if not isinstance(form, str):
                raise CheckpointError("The chat template's form in config.json is not text.")
            return cls(tokenizer, declared["kind"], form)
        if all(role in tokenizer.special_tokens for role in SPECIAL_ROLES):
            return cls(tokenizer, "special_tokens")
        return cls(tokenizer, "text")

    def to_json(self) -> dict:
        return {"kind": self.kind} if self.kind == "special_tokens" else {"kind": self.kind, "form": self.form}

    @property
    def end_id(self) -> int | None:
        """The token that ends a reply, if the model has one."""
        return self.tokenizer.special_tokens["end"] if self.kind == "special_tokens" else None

    @property
    def stop_texts(self) -> tuple[str, ...]:
        """Texts that end a reply where there is no end token: the start of the next user turn."""
        if self.kind == "special_tokens":
            return ()
        opening = self.form.partition("{user}")[0].strip().lower()
        return (opening,) if opening else ()

    def encode_turn(self, message: Message) -> list[int]:
        """Ids of one whole turn, role marks included."""
        content, encode = message["content"].strip(), self.tokenizer.encode
        if self.kind == "special_tokens":
            special = self.tokenizer.special_tokens
            if message["role"] == "user":
                return [special["user"], *encode(content)]
            return [special["assistant"], *encode(content), special["end"]]
        opening, _, rest = self.form.partition("{user}")
        middle, _, closing = rest.partition("{assistant}")
        return encode(opening + content + middle) if message["role"] == "user" else encode(content + closing)

    def prompt_opening(self) -> list[int]:
        """Ids that mark the beginning of a user turn."""
        if self.kind == "special_tokens":
            return [self.tokenizer.special_tokens["user"]]
        return self.tokenizer.encode(self.form.partition("{user}")[0])

    def reply_opening(self) -> list[int]:
        """Ids that follow the last user turn and make the model answer."""
        return [self.tokenizer.special_tokens["assistant"]] if self.kind == "special_tokens" else []

    def encode_turns(self, messages: Sequence[Message]) -> list[list[int]]:
        """Ids turn by turn. Raises PromptError for anything that is not a conversation."""
        check_messages(messages)
        return [self.encode_turn(message) for message in messages]

    def encode_document(self, text: str) -> list[int]:
        """Ids of plain text for training: enclosed in end tokens where the model has them."""
        ids = self.tokenizer.encode(text)
        return ids if self.end_id is None else [self.end_id, *ids, self.end_id]
