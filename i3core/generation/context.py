"""Fit conversations and replies into the context window.

Positions are absolute, so the window cannot slide. A prompt drops its oldest whole messages until it and the reply's
budget fit. A reply that reaches the end of the window keeps the last half, which is read again from position 0.
Imports no torch, so that a window can show this before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import PromptError, PromptTooLongError
from ..text.chat_template import ChatTemplate, Message


@dataclass(frozen=True)
class FittedContext:
    """The part of a prompt that the model reads.

    Attributes:
        ids: the tokens in view when the reply starts, with the template's own.
        tokens: for each message of the prompt (or for the one text) how many tokens it takes, in view or not.
        dropped_turns: how many of the oldest messages are left out. A system message stays and never counts.
    """

    ids: list[int]
    tokens: tuple[int, ...]
    dropped_turns: int

    @property
    def used(self) -> int:
        """Tokens in view when the reply starts."""
        return len(self.ids)


def fit_context(
    template: ChatTemplate,
    prompt: str | Sequence[Message],
    max_new_tokens: int,
    window: int,
    truncate_left: bool = False,
) -> FittedContext:
    """Fit `prompt` into the window of a model with this template.

    A conversation leaves room for the reply (at most half the window). Plain text is read raw and whole; with
    `truncate_left` its beginning is left out until there is as much room as after a conversation.

    Raises PromptError if the prompt is empty, or if it (or the part that must stay) does not fit the window.
    """
    room = window - min(max_new_tokens, window // 2)
    if isinstance(prompt, str):
        ids = template.encode_text(prompt)
        if not ids:
            raise PromptError("The prompt is empty.", "Type some text first.")
        ids = [*template.document_opening, *ids]  # as documents start in training
        if truncate_left:
            return FittedContext(ids[-room:], (len(ids),), 0)
        return FittedContext(fit_turns([ids], [], window)[0], (len(ids),), 0)
    if not prompt:
        raise PromptError("The conversation is empty.", "Type a message first.")
    template.check_messages(prompt)
    if prompt[-1]["role"] != "user":
        raise PromptError("The last message must be the user's.")
    if not template.fold(prompt[-1]["content"]).strip():
        raise PromptError("The message is empty.", "Type some text first.")
    turns = [template.cached_turn(message) for message in prompt]
    fixed = turns[0] if prompt[0]["role"] == "system" else ()
    ids, dropped_turns = fit_turns(turns[1:] if fixed else turns, template.reply_opening(), room, fixed)
    return FittedContext(ids, tuple(map(len, turns)), dropped_turns)


def fit_turns(
    turns: Sequence[Sequence[int]], opening: Sequence[int], room: int, fixed: Sequence[int] = ()
) -> tuple[list[int], int]:
    """Join `fixed`, turns and the reply's opening, without the oldest whole turns that exceed `room` ids.

    Returns the ids and the number of turns dropped. Raises PromptError if the last turn alone does not fit.
    """
    total = len(fixed) + sum(len(turn) for turn in turns) + len(opening)
    dropped_turns = 0
    while total > room and dropped_turns < len(turns) - 1:
        total -= len(turns[dropped_turns])
        dropped_turns += 1
    if total > room:
        parts = f", {len(fixed)} of them the system prompt" if fixed else ""
        raise PromptTooLongError(
            f"The prompt is {total} tokens long{parts}, but only {room} fit into the model's window.",
            "Shorten it, or allow fewer new tokens.",
        )
    return [*fixed, *(i for turn in turns[dropped_turns:] for i in turn), *opening], dropped_turns


def half_window(window: int) -> int:
    """Tokens that stay in view when a reply passes the end of the window."""
    return max(1, window // 2)


def view_start(count: int, window: int) -> int:
    """How many of `count` tokens (prompt and reply) have fallen out of view.

    The first token that does not fit leaves half a window in view, and so each time the window is full again.
    """
    if count <= window:
        return 0
    half = half_window(window)
    return count - half - (count - window - 1) % (window + 1 - half)
