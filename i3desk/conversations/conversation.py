"""A conversation: a tree of messages, one path of which is on screen.

All versions of a message are kept: an edited question or another answer is a sibling of the original.
"""

from __future__ import annotations

import enum
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Chunk
from i3desk.language import figure, tr, trn

TITLE_LENGTH = 60
USER, ASSISTANT = "user", "assistant"
LATEST = 1e11  # seconds since 1970: the year 5138; much later dates cannot be shown
CORRECTED = "corrected"  # the finish_reason of a reply written by the user
DRAFT = -1  # the number of a message that is not sent yet


class ReplyState(enum.Enum):
    """The state of a reply; a user's message is always DONE."""

    QUEUED = "queued"  # waiting for the model to load
    WAITING = "waiting"  # requested, no token yet
    STREAMING = "streaming"
    DONE = "done"
    STOPPED = "stopped"  # by the user; the text so far stays
    FAILED = "failed"
    CUT = "cut"  # i3desk ended during the reply


ENDED = (ReplyState.DONE, ReplyState.STOPPED, ReplyState.FAILED, ReplyState.CUT)


@dataclass(frozen=True)
class ChatSettings:
    """The settings of a conversation.

    Attributes:
        sampling: the sampling settings, with stop texts.
        mode: "chat" (with the model's template) or "raw" (the text is continued as it is).
        persona: a system prompt.
    """

    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    mode: str = "chat"
    persona: str = ""

    @property
    def system_messages(self) -> list[dict[str, str]]:
        """The persona as the model reads it, in front of a conversation; empty without one."""
        return [{"role": "system", "content": self.persona}] if self.persona.strip() else []


@dataclass
class Message:
    """A message of the user or the model. `text` is exactly what the model wrote or reads; display `shown_text`.

    Attributes:
        number: identifies the message in its conversation; numbers grow with time.
        parent: number of the message that it follows; None for a first one.
        role: USER or ASSISTANT.
        created_at: seconds since 1970.
        chunks: the tokens of a reply, its prefix included; empty if unknown.
        given_tokens: number of chunks in the prefix of a reply that continues from a chosen place.
        model: name of the model that answered.
        sampling: the settings of the reply; with `seed`, they reproduce it exactly.
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
        """The text without leading and trailing white space."""
        return self.text.strip()

    @property
    def ended(self) -> bool:
        """True when nothing will be added to the message."""
        return self.state in ENDED

    @property
    def can_continue(self) -> bool:
        """True for a reply that ended before the model had finished."""
        return (
            self.role == ASSISTANT
            and bool(self.shown_text)
            and (
                self.state in (ReplyState.CUT, ReplyState.STOPPED, ReplyState.FAILED) or self.finish_reason == "length"
            )
        )

    @property
    def perplexity(self) -> float | None:
        """exp of the mean surprise of the generated tokens; None if unknown."""
        chosen = self.chunks[self.given_tokens :]
        if not chosen:
            return None
        return math.exp(-sum(math.log(max(chunk.probability, 1e-12)) for chunk in chosen) / len(chosen))

    def facts(self) -> str:
        """One line about an ended reply, for example "34 tokens · 181/s · seed 7321"."""
        ended_early = {ReplyState.STOPPED: tr("stopped"), ReplyState.CUT: tr("cut off when i3desk ended")}.get(
            self.state, ""
        )
        if self.finish_reason == CORRECTED:
            return tr("corrected by you")
        if not self.new_tokens:
            return ended_early
        parts = [trn("{n} token", "{n} tokens", self.new_tokens)]
        if self.tokens_per_second:
            parts.append(figure(self.tokens_per_second, ",.0f") + "/s")
        if self.seed is not None:
            parts.append(tr("seed {seed}").format(seed=self.seed))
        if ended_early:
            parts.append(ended_early)
        elif self.finish_reason == "length":
            parts.append(tr("reached the length limit"))
        return " · ".join(parts)


@dataclass(frozen=True)
class Prompt:
    """The input of a reply: messages for the template, or a text to continue (mode "raw").

    `numbers` has the number of the message that each entry comes from; None for the persona.
    """

    content: list[dict[str, str]] | str
    numbers: list[int | None]


@dataclass
class Conversation:
    """A tree of messages with its settings. Only `add` and `select` change the tree.

    Attributes:
        id: id in the store; None if it is not stored.
        title: "" until the first message; `has_own_title` if the user set it.
        temporary: never stored.
        folder: name of its folder in the list when it is stored for the first time; "" for none.
        leaf: number of the last message on screen.
        draft: the unsent text.
        window_used, window: used tokens of the context window after the last reply, and its size; 0 if unknown.
        first_seen: number of the first message that the model sees; None if it sees all.
    """

    id: int | None = None
    title: str = ""
    has_own_title: bool = False
    pinned: bool = False
    temporary: bool = False
    folder: str = ""
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
        """The title, or a placeholder."""
        if self.title:
            return self.title
        return tr("Temporary chat") if self.temporary else tr("New chat")

    @property
    def last(self) -> Message | None:
        """The last message on screen."""
        return None if self.leaf is None else self.messages[self.leaf]

    def path(self, leaf: int | None = None) -> list[Message]:
        """Messages from the first to `leaf`, by default to the last one on screen."""
        number = self.leaf if leaf is None else leaf
        found: list[Message] = []
        while number is not None:
            found.append(self.messages[number])
            number = found[-1].parent
        return found[::-1]

    def versions(self, number: int) -> list[int]:
        """Numbers of all versions of a message, itself included, oldest first."""
        return self._children[self.messages[number].parent]

    def find_version(self, parent: int | None, role: str, text: str) -> Message | None:
        """A message with this text that follows `parent` and is complete."""
        following = (self.messages[number] for number in self._children.get(parent, ()))
        return next((each for each in following if (each.role, each.text) == (role, text) and each.ended), None)

    def is_answered(self, number: int) -> bool:
        """True if another message follows."""
        return bool(self._children.get(number))

    def add(self, role: str, text: str = "", parent: int | None = None, **fields) -> Message:
        """Add a message under `parent` (None: as a first message) and show it as the last one."""
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
        """Show a version of a message, and below it the messages that were last shown there."""
        while self._children.get(number):
            number = self._chosen.get(number, self._children[number][-1])
        self.leaf = number
        self._remember_path()

    def _remember_path(self) -> None:
        for message in self.path():
            self._chosen[message.parent] = message.number

    def prompt(self, leaf: int | None = None, draft: str = "") -> Prompt:
        """Build the model's input to answer `leaf`, a user's message, or a `draft` after it (as number -1).

        Unanswered messages are left out: models are trained on alternating messages.
        """
        path = self.path(leaf)
        if draft:
            path.append(Message(DRAFT, path[-1].number if path else None, USER, draft))
        if self.settings.mode == "raw":
            return Prompt("".join(message.text for message in path), [message.number for message in path])
        content = self.settings.system_messages
        numbers: list[int | None] = [None] * len(content)
        for message in _answered(path):
            content.append({"role": message.role, "content": message.text})
            numbers.append(message.number)
        return Prompt(content, numbers)


def _answered(path: list[Message]) -> Iterator[Message]:
    """The answered exchanges of a path, and its last user message."""
    for index, message in enumerate(path):
        if message.role == USER:
            following = path[index + 1] if index + 1 < len(path) else None
            if following is None or (following.role == ASSISTANT and following.shown_text):
                yield message
        elif message.shown_text:
            yield message


def make_title(text: str) -> str:
    """Make a title from a message: its first line, cut between words."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= TITLE_LENGTH:
        return line
    return line[:TITLE_LENGTH].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
