"""A conversation as plain data: turns of a user's text and i3's reply."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class ReplyState(enum.Enum):
    """Where a reply stands."""

    QUEUED = "queued"  # waits for the model to load
    WAITING = "waiting"  # asked for, nothing said yet
    STREAMING = "streaming"
    DONE = "done"
    STOPPED = "stopped"  # by the user; what was said so far stays
    FAILED = "failed"


ENDED = (ReplyState.DONE, ReplyState.STOPPED, ReplyState.FAILED)


@dataclass
class Reply:
    """What i3 answered, and how it went. `text` is exactly what the model said; show `shown_text`."""

    state: ReplyState = ReplyState.QUEUED
    text: str = ""
    new_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds_to_first_token: float | None = None
    seed: int | None = None
    finish_reason: str | None = None
    what_failed: str = ""
    remedy: str = ""

    @property
    def shown_text(self) -> str:
        """The text without the blank space that chunks may leave around it."""
        return self.text.strip()

    def facts(self) -> str:
        """One line about an ended reply, for example "34 tokens · 181/s · seed 7321"."""
        if not self.new_tokens:
            return "stopped" if self.state is ReplyState.STOPPED else ""
        parts = [f"{self.new_tokens:,} token{'' if self.new_tokens == 1 else 's'}"]
        if self.tokens_per_second:
            parts.append(f"{self.tokens_per_second:,.0f}/s")
        if self.seed is not None:
            parts.append(f"seed {self.seed}")
        if self.state is ReplyState.STOPPED:
            parts.append("stopped")
        elif self.finish_reason == "length":
            parts.append("reached the length limit")
        return " · ".join(parts)


@dataclass
class Turn:
    """A user's message and the reply to it."""

    user: str
    reply: Reply = field(default_factory=Reply)


@dataclass(frozen=True)
class Prompt:
    """Messages for the model, and for each the turn that it comes from."""

    messages: list[dict[str, str]]
    turns: list[int]


@dataclass
class Conversation:
    """Turns in order, and what of them the model sees.

    Attributes:
        window_used, window: tokens in the model's window after the last reply, and its size; 0 if not known yet.
        first_seen: the first message the model sees, as (turn, role); None while it sees all.
    """

    turns: list[Turn] = field(default_factory=list)
    window_used: int = 0
    window: int = 0
    first_seen: tuple[int, str] | None = None

    @property
    def title(self) -> str:
        """The first line of the first message."""
        return self.turns[0].user.strip().splitlines()[0] if self.turns else "New chat"

    def prompt(self) -> Prompt:
        """All turns that have a reply, and the last user message. Turns without an answer are left out: a model
        trained on alternating messages should not meet two questions in a row."""
        messages, turns = [], []
        for index, turn in enumerate(self.turns):
            last = index == len(self.turns) - 1
            if not last and not turn.reply.shown_text:
                continue
            messages.append({"role": "user", "content": turn.user})
            turns.append(index)
            if not last:
                messages.append({"role": "assistant", "content": turn.reply.text})
                turns.append(index)
        return Prompt(messages, turns)
