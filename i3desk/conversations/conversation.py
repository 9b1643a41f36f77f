"""A conversation as plain data: a tree of messages, of which one path from the root is on screen.

Every version of a message stays: an edited question or another answer is a sibling of the first one.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Chunk

TITLE_LENGTH = 60
USER, ASSISTANT = "user", "assistant"
CORRECTED = "corrected"  # the finish_reason of a reply that the user wrote
DRAFT = -1  # the number of a message that is not said yet


class ReplyState(enum.Enum):
    """Where a reply stands. A user's message is always DONE."""

    QUEUED = "queued"  # waits for the model to load
    WAITING = "waiting"  # asked for, nothing said yet
    STREAMING = "streaming"
    DONE = "done"
    STOPPED = "stopped"  # by the user; what was said so far stays
    FAILED = "failed"
    CUT = "cut"  # i3desk ended while it was said


ENDED = (ReplyState.DONE, ReplyState.STOPPED, ReplyState.FAILED, ReplyState.CUT)


@dataclass(frozen=True)
class ChatSettings:
    """What can be set for each conversation.

    Attributes:
        sampling: how the next token is chosen, stop texts included.
        mode: "chat" (the model's template), or "raw" (the text is continued as it stands).
        persona: a system prompt, for models whose template has a place for it.
    """

    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    mode: str = "chat"
    persona: str = ""


@dataclass
class Message:
    """What one side said. `text` is exactly what the model said or reads; show `shown_text`.

    Attributes:
        number: names the message within its conversation; numbers grow with time.
        parent: the message that it follows; None for a first one.
        role: USER or ASSISTANT.
        created_at: seconds since 1970.
        chunks: of a reply, token by token, those it was begun with included; empty if unknown.
        given_tokens: how many of the chunks the reply was begun with, when it continues from a chosen place.
        model: name of the model that answered.
        sampling: the settings that it answered with; with `seed` they repeat the reply exactly.
    """

    number: int
    parent: int | None
    role: str
    text: str = ""
    created_at: float = field(default_factory=time.time)
    state: ReplyState = ReplyState.DONE
    chunks: list[Chunk] = field(default_factory=list)
    given_tokens: int = 0
    new_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds_to_first_token: float | None = None
    seed: int | None = None
    finish_reason: str | None = None
    what_failed: str = ""
    remedy: str = ""
    model: str = ""
    sampling: SamplingConfig | None = None

    @property
    def shown_text(self) -> str:
        """The text without the blank space that chunks may leave around it."""
        return self.text.strip()

    @property
    def ended(self) -> bool:
        """Whether nothing will be added to it."""
        return self.state in ENDED

    @property
    def can_continue(self) -> bool:
        """Whether it is a reply that ended before the model was done."""
        return (
            self.role == ASSISTANT
            and bool(self.shown_text)
            and (
                self.state in (ReplyState.CUT, ReplyState.STOPPED, ReplyState.FAILED) or self.finish_reason == "length"
            )
        )

    @property
    def perplexity(self) -> float | None:
        """exp of the mean surprise over the tokens that the model chose itself; None if unknown."""
        chosen = self.chunks[self.given_tokens :]
        if not chosen:
            return None
        return math.exp(-sum(math.log(max(chunk.probability, 1e-12)) for chunk in chosen) / len(chosen))

    def facts(self) -> str:
        """One line about an ended reply, for example "34 tokens · 181/s · seed 7321"."""
        ended_early = {ReplyState.STOPPED: "stopped", ReplyState.CUT: "cut off when i3desk ended"}.get(self.state, "")
        if self.finish_reason == CORRECTED:
            return "corrected by you"
        if not self.new_tokens:
            return ended_early
        parts = [f"{self.new_tokens:,} token{'' if self.new_tokens == 1 else 's'}"]
        if self.tokens_per_second:
            parts.append(f"{self.tokens_per_second:,.0f}/s")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        if ended_early:
            parts.append(ended_early)
        elif self.finish_reason == "length":
            parts.append("reached the length limit")
        return " · ".join(parts)


@dataclass(frozen=True)
class Prompt:
    """What the model reads before a reply: messages for its template or one text to continue (mode "raw"), and for
    each message the number of the one that it comes from (None for the persona)."""

    content: list[dict[str, str]] | str
    numbers: list[int | None]


@dataclass
class Conversation:
    """A tree of messages and how to answer in it. Change the tree by `add` and `select` only.

    Attributes:
        id: its number in the store; None if it was never stored.
        title: "" until the first message; `has_own_title` if the user gave it.
        temporary: never stored.
        leaf: number of the last message on screen.
        draft: what the user has written and not sent.
        window_used, window: tokens in the model's window after the last reply, and its size; 0 if not known.
        first_seen: number of the first message that the model sees; None while it sees all.
    """

    id: int | None = None
    title: str = ""
    has_own_title: bool = False
    pinned: bool = False
    temporary: bool = False
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    settings: ChatSettings = field(default_factory=ChatSettings)
    messages: dict[int, Message] = field(default_factory=dict)
    leaf: int | None = None
    draft: str = ""
    window_used: int = 0
    window: int = 0
    first_seen: int | None = None
    _children: dict[int | None, list[int]] = field(default_factory=dict, repr=False, compare=False)
    _chosen: dict[int | None, int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for message in sorted(self.messages.values(), key=lambda message: message.number):
            self._children.setdefault(message.parent, []).append(message.number)
        if self.leaf not in self.messages:
            self.leaf = max(self.messages, default=None)
        self._remember_path()

    @property
    def shown_title(self) -> str:
        """The title, or what stands in for it."""
        if self.title:
            return self.title
        return "Temporary chat" if self.temporary else "New chat"

    @property
    def last(self) -> Message | None:
        """The last message on screen."""
        return None if self.leaf is None else self.messages[self.leaf]

    def path(self, leaf: int | None = None) -> list[Message]:
        """Messages from the first to `leaf`, by default to the last one on screen."""
        number = self.leaf if leaf is None else leaf
        found = []
        while number is not None:
            found.append(self.messages[number])
            number = found[-1].parent
        return found[::-1]

    def versions(self, number: int) -> list[int]:
        """Numbers of all versions of a message, itself included, oldest first."""
        return self._children[self.messages[number].parent]

    def is_answered(self, number: int) -> bool:
        """Whether something was said after a message."""
        return bool(self._children.get(number))

    def add(self, role: str, text: str = "", parent: int | None = None, **fields) -> Message:
        """Append a message under `parent` (None: as a first message) and show it as the last one."""
        message = Message(max(self.messages, default=0) + 1, parent, role, text, **fields)
        self.messages[message.number] = message
        self._children.setdefault(parent, []).append(message.number)
        self.leaf = message.number
        self.updated_at = message.created_at
        self._remember_path()
        if not self.has_own_title and role == USER and not self.title:
            self.title = make_title(text)
        return message

    def select(self, number: int) -> None:
        """Show a version of a message, and below it what was shown last under it."""
        while self._children.get(number):
            number = self._chosen.get(number, self._children[number][-1])
        self.leaf = number
        self._remember_path()

    def _remember_path(self) -> None:
        for message in self.path():
            self._chosen[message.parent] = message.number

    def prompt(self, leaf: int | None = None, has_place_for_persona: bool = False, draft: str = "") -> Prompt:
        """What the model reads to answer `leaf`, a user's message, or `draft` said after it (as number -1).

        Messages without an answer are left out: a model trained on alternating messages should not meet two questions
        in a row.
        """
        path = self.path(leaf)
        if draft:
            path.append(Message(DRAFT, path[-1].number if path else None, USER, draft))
        if self.settings.mode == "raw":
            return Prompt("".join(message.text for message in path), [message.number for message in path])
        content: list[dict[str, str]] = []
        numbers: list[int | None] = []
        if self.settings.persona.strip() and has_place_for_persona:
            content.append({"role": "system", "content": self.settings.persona})
            numbers.append(None)
        for message in _answered(path):
            content.append({"role": message.role, "content": message.text})
            numbers.append(message.number)
        return Prompt(content, numbers)


def _answered(path: list[Message]) -> Iterator[Message]:
    """The exchanges of a path that have two sides, and its last user's message."""
    for index, message in enumerate(path):
        if message.role == USER:
            following = path[index + 1] if index + 1 < len(path) else None
            if following is None or (following.role == ASSISTANT and following.shown_text):
                yield message
        elif message.shown_text:
            yield message


def make_title(text: str) -> str:
    """A title from a first message: its first line, cut between words."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
