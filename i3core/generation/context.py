"""Fit conversations and replies into the context window.

Positions are absolute, so the window cannot slide. A prompt drops its oldest whole messages until it and the reply's
budget fit. A reply that reaches the end of the window keeps the last half, which is read again from position 0.
Imports no torch, so that a window can show this before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ..errors import PromptError, PromptTooLongError
from ..text.chat_template import ChatTemplate, Message


@dataclass(frozen=True)
class FittedContext:
    """The part of a prompt that the model reads.

    Attributes:
        ids: the tokens in view when the reply starts, with the template's own.
        ends: the end in `ids` of each message in view; empty for plain text.
        dropped_turns: how many of the oldest messages are left out. A system message stays and never counts.
    """

    ids: list[int]
    ends: tuple[int, ...] = ()
    dropped_turns: int = 0

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
            return FittedContext(ids[-room:])
        return fit_ids(ids, window)
    if not prompt:
        raise PromptError("The conversation is empty.", "Type a message first.")
    template.check_messages(prompt)
    if prompt[-1]["role"] != "user":
        raise PromptError("The last message must be the user's.")
    if not template.fold(prompt[-1]["content"]).strip():
        raise PromptError("The message is empty.", "Type some text first.")
    opening = template.reply_opening()
    turns, dropped_turns = fit_turns(template, prompt, room - len(opening))
    ends = list(accumulate(map(len, turns)))
    in_view = len(prompt) - (prompt[0]["role"] == "system") - dropped_turns
    return FittedContext([*(i for turn in turns for i in turn), *opening], tuple(ends[-in_view:]), dropped_turns)


def fit_ids(ids: list[int], window: int) -> FittedContext:
    """Take a prompt of tokens whole. Raises PromptTooLongError if it does not fit."""
    if len(ids) > window:
        raise _too_long(len(ids), window)
    return FittedContext(ids)


def fit_turns(template: ChatTemplate, messages: Sequence[Message], room: int) -> tuple[list[list[int]], int]:
    """Encode a conversation without its oldest whole messages that exceed `room` ids.

    The system prompt stays: as the first turn, or in front of the oldest question kept, which then comes first, as in
    training. Returns the turns and the number of messages dropped. Raises PromptTooLongError if the last message does
    not fit.
    """
    system = list(messages[:1]) if messages[0]["role"] == "system" else []
    said = messages[len(system) :]
    dropped, total = len(said), 0
    while dropped and total <= room:  # from the newest on: most of a long conversation is never encoded
        dropped -= 1
        total += len(template.cached_turn(said[dropped]))
    question_first = bool(system) and not template.has_system_turn
    while True:
        while question_first and 0 < dropped < len(said) - 1 and said[dropped]["role"] != "user":
            dropped += 1
        turns = [template.cached_turn(message) for message in template.as_turns([*system, *said[dropped:]])]
        used = sum(map(len, turns))
        if used <= room:
            return turns, dropped
        if dropped == len(said) - 1:
            raise _too_long(used, room, used - len(template.cached_turn(said[-1])))
        dropped += 1


def _too_long(tokens: int, room: int, system: int = 0) -> PromptTooLongError:
    parts = f", {system} of them the system prompt" if system else ""
    return PromptTooLongError(
        f"The prompt is {tokens} tokens long{parts}, but only {room} fit into the model's window.",
        "Shorten it, or allow fewer new tokens.",
    )


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
