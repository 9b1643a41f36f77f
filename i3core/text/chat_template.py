"""Encode conversations as token ids, the same way for training and chat.

Chunks depend on their neighbours, so every turn is encoded on its own and the ids are concatenated. Earlier turns
therefore keep their ids while a conversation grows, cached state stays valid, and training sees the boundaries of chat.

Two kinds of template:
    special_tokens   <|user|> text <|assistant|> text <|end|>      models trained here
    text             [INST] {user} [/INST] {assistant}             the TinyChat form that i3-80M was trained on

Text is folded first to the characters of the vocabulary (see `folding`), unless config.json says `"folding": false`.

A system prompt may come first. If the template has a turn for it, with a special token <|system|> or a form of its own
such as "[SYS] {system} [/SYS] ", it is read there; otherwise in front of the first question, after which a blank line
follows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import CheckpointError, PromptError
from .tokenizer import UNK_ID
from .tokenizers import Tokenizer

ROLES = ("user", "assistant")
SYSTEM_PLACEHOLDER = "{system}"
AFTER_SYSTEM = "\n\n"  # between a system prompt and the question that it stands in front of
SPECIAL_ROLES = ("user", "assistant", "end")
DEFAULT_TEXT_FORM = "[INST] {user} [/INST] {assistant} "

MOST_CACHED_TURNS = 4096
MOST_CACHED_CHARACTERS = 4_000_000
DECLARED_KEYS = {"kind", "form", "system", "folding"}  # of "chat_template" in config.json

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": text}


@dataclass(frozen=True)
class ChatTemplate:
    """How turns are encoded with one tokenizer.

    Attributes:
        tokenizer: the vocabulary; its special tokens are used by kind "special_tokens".
        kind: "special_tokens" or "text".
        form: for kind "text", one exchange with the placeholders {user} and {assistant} in this order.
        system: for kind "text", the system prompt with the placeholder {system}; "" if it has no turn of its own.
        folding: whether characters that the vocabulary lacks are folded to similar ones that it has.
    """

    tokenizer: Tokenizer
    kind: str
    form: str = DEFAULT_TEXT_FORM
    system: str = ""
    folding: bool = True
    _cached_turns: dict[tuple[str, str], list[int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind == "special_tokens":
            absent = [role for role in SPECIAL_ROLES if role not in self.tokenizer.special_tokens]
            if absent:
                raise CheckpointError(f"The chat template needs special tokens that the vocabulary lacks: {absent}.")
            if self.system:
                raise CheckpointError(
                    "A chat template of special tokens marks system prompts by <|system|>, not a form."
                )
        elif self.kind == "text":
            before, found, after = self.form.partition("{user}")
            if not found or "{assistant}" not in after or "{user}" in after or "{assistant}" in before:
                raise CheckpointError(f"The chat template {self.form!r} must hold {{user}}, then {{assistant}}.")
            if self.system and self.system.count(SYSTEM_PLACEHOLDER) != 1:
                raise CheckpointError(f"The chat template's system form {self.system!r} must hold {{system}} once.")
        else:
            raise CheckpointError(f"Unknown chat template kind {self.kind!r}.", "Known: special_tokens, text.")

    @classmethod
    def for_model(cls, tokenizer: Tokenizer, declared: object = None) -> ChatTemplate:
        """The template that config.json declares, or the default for the tokenizer."""
        if isinstance(declared, dict) and isinstance(declared.get("kind"), str):
            unknown = sorted(map(str, declared.keys() - DECLARED_KEYS))
            if unknown:
                raise CheckpointError(
                    f"The chat template in config.json has unknown keys: {', '.join(unknown)}.",
                    f"Known: {', '.join(sorted(DECLARED_KEYS))}.",
                )
            form, system = declared.get("form", DEFAULT_TEXT_FORM), declared.get("system", "")
            if not isinstance(form, str) or not isinstance(system, str):
                raise CheckpointError("The chat template's form or system form in config.json is not text.")
            folding = declared.get("folding", True)
            if not isinstance(folding, bool):
                raise CheckpointError('"folding" of the chat template in config.json is not true or false.')
            return cls(tokenizer, declared["kind"], form, system, folding)
        if all(role in tokenizer.special_tokens for role in SPECIAL_ROLES):
            return cls(tokenizer, "special_tokens")
        return cls(tokenizer, "text")

    def to_json(self) -> dict:
        content: dict = {"kind": self.kind}
        if self.kind == "text":
            content |= {"form": self.form, **({"system": self.system} if self.system else {})}
        return content if self.folding else {**content, "folding": False}

    @property
    def has_system_turn(self) -> bool:
        """Whether a system prompt is a turn of its own, and not a part of the first question."""
        return bool(self.system) if self.kind == "text" else "system" in self.tokenizer.special_tokens

    @property
    def end_id(self) -> int | None:
        """The token that ends a reply; None if the model has none."""
        if self.kind == "special_tokens":
            return self.tokenizer.special_tokens["end"]
        return self.tokenizer.document_end

    @property
    def document_opening(self) -> list[int]:
        """Ids that precede a plain text, in training and as a prompt."""
        return [self.tokenizer.special_tokens["end"]] if self.kind == "special_tokens" else []

    @property
    def stop_texts(self) -> tuple[str, ...]:
        """Texts that end a reply if there is no end token: the start of the next user turn."""
        if self.kind == "special_tokens":
            return ()
        opening = self.tokenizer.normalized(self.form.partition("{user}")[0].strip())
        return (opening,) if opening else ()

    def fold(self, text: str) -> str:
        """`text` as the model reads it: in characters of the vocabulary, as far as there are similar ones."""
        return self.tokenizer.folding(text) if self.folding else text

    def encode_text(self, text: str) -> list[int]:
        """Encode text without marks, such as one to be continued."""
        return self.tokenizer.encode(self.fold(text))

    def unreadable(self, text: str) -> Counter[str]:
        """The characters of `text` that the model cannot read, in the order of the text, and how often."""
        return self.tokenizer.unknown(self.fold(text).strip())

    def encode_turn(self, message: Message) -> list[int]:
        """Encode one whole turn, including role marks."""
        content, encode = message["content"], self.tokenizer.encode
        content = (self.tokenizer.folding(content) if self.folding else content).strip()
        if self.kind == "special_tokens":
            special, role = self.tokenizer.special_tokens, message["role"]
            return [special[role], *encode(content), *([special["end"]] if role == "assistant" else [])]
        if message["role"] == "system":
            return encode(self.system.replace(SYSTEM_PLACEHOLDER, content))
        opening, _, rest = self.form.partition("{user}")
        middle, _, closing = rest.partition("{assistant}")
        if message["role"] == "user":
            return encode(opening + content + middle)
        return encode(content + closing) if self.end_id is None else [*encode(content + closing.rstrip()), self.end_id]

    def cached_turn(self, message: Message) -> list[int]:
        """`encode_turn` with a cache, for a window that asks at every key press. Do not modify the result."""
        key = message["role"], message["content"]
        if key not in self._cached_turns:
            characters = sum(len(content) for _, content in self._cached_turns)
            if len(self._cached_turns) >= MOST_CACHED_TURNS or characters > MOST_CACHED_CHARACTERS:
                self._cached_turns.clear()
            self._cached_turns[key] = self.encode_turn(message)
        return self._cached_turns[key]

    def prompt_opening(self) -> list[int]:
        """Ids that mark the start of a user turn."""
        if self.kind == "special_tokens":
            return [self.tokenizer.special_tokens["user"]]
        return self.tokenizer.encode(self.form.partition("{user}")[0])

    def reply_opening(self) -> list[int]:
        """Ids that follow the last user turn and make the model answer."""
        return [self.tokenizer.special_tokens["assistant"]] if self.kind == "special_tokens" else []

    def user_text(self, ids: Sequence[int]) -> str | None:
        """The text of a user turn and the reply's opening, as the model reads it; None if `ids` are anything else."""
        if UNK_ID in ids:
            return None
        if self.kind == "special_tokens":
            special = self.tokenizer.special_tokens
            inside = ids[1:-1]
            is_turn = len(ids) > 2 and ids[0] == special["user"] and ids[-1] == special["assistant"]
            return self.tokenizer.decode(inside) if is_turn and not set(inside) & set(special.values()) else None
        opening, _, rest = self.tokenizer.normalized(self.form).partition("{user}")
        middle, text = rest.partition("{assistant}")[0], self.tokenizer.decode(ids)
        if not (text.startswith(opening) and text.endswith(middle) and len(text) > len(opening) + len(middle)):
            return None
        inside = text[len(opening) : len(text) - len(middle)]
        return None if opening.strip() and opening.strip() in inside else inside

    def split_system(self, ids: list[int]) -> tuple[list[int], list[int]]:
        """The ids of a system prompt marked by its token, and those from the first user turn on."""
        special = self.tokenizer.special_tokens
        marked = self.kind == "special_tokens" and ids[:1] == [special.get("system")] and special["user"] in ids
        start = ids.index(special["user"]) if marked else 0
        return ids[:start], ids[start:]

    def reply_text(self, ids: Sequence[int]) -> str:
        """The text of a reply without its opening, as the model reads it."""
        if self.kind == "special_tokens":
            return self.tokenizer.decode([i for i in ids if i != self.end_id]).strip()
        closing = self.tokenizer.normalized(self.form.partition("{assistant}")[2])
        text = self.tokenizer.decode(i for i in ids if i != self.end_id)
        return text.removesuffix(closing if self.end_id is None else closing.rstrip()).strip()

    def as_turns(self, messages: Sequence[Message]) -> list[Message]:
        """The turns that the model reads: without one for system prompts, the first question begins with it."""
        if self.has_system_turn or not messages or messages[0]["role"] != "system":
            return list(messages)
        (system, *turns), role = messages, "user"
        asked = next((number for number, turn in enumerate(turns) if turn["role"] == role), None)
        if asked is None:
            return [{**system, "role": role}, *turns]
        texts = (system["content"].strip(), turns[asked]["content"].strip())
        turns[asked] = {"role": role, "content": AFTER_SYSTEM.join(filter(None, texts))}
        return turns

    def encode_turns(self, messages: Sequence[Message]) -> list[list[int]]:
        """Encode each turn that the model reads. Raises PromptError for anything that is not a conversation."""
        self.check_messages(messages)
        return [self.encode_turn(message) for message in self.as_turns(messages)]

    def check_messages(self, messages: Sequence[Message]) -> None:
        """Raise PromptError unless these are user and assistant turns, perhaps after a system message."""
        for index, message in enumerate(messages):
            if not isinstance(message, dict) or not isinstance(message.get("content"), str):
                raise PromptError('A message must look like {"role": "user", "content": "text"}.')
            role = message.get("role")
            if role == "system" and index > 0:
                raise PromptError("A system prompt may only come first.")
            if role != "system" and role not in ROLES:
                raise PromptError(f"A message has the role {role!r}.", f"Known roles: {', '.join(ROLES)}, system.")

    def encode_document(self, text: str) -> list[int]:
        """Encode plain text for training, between end tokens or before one if there are any."""
        ids = [*self.document_opening, *self.encode_text(text)]
        return ids if self.end_id is None else [*ids, self.end_id]
