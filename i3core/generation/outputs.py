"""The values that generation yields. Imports no torch, so that a window can use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Alternative:
    """A token that could have been chosen. `probability` is the model's own, before temperature."""

    token_id: int
    text: str
    probability: float


@dataclass(frozen=True)
class Chunk:
    """A chosen token and its likeliest alternatives.

    Attributes:
        token_id, text: the token and its own text, whether or not all of it is shown yet. A character that takes
            several tokens is the text of its last one.
        probability: the model's own, before temperature and filters; NaN if nobody asked for it.
        alternatives: the likeliest tokens at this position, likeliest first, with the chosen one if it is among them.
    """

    token_id: int
    text: str
    probability: float
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Piece:
    """A step of generation, in plain values.

    Attributes:
        text: what this step adds to the reply; may be empty while a stop string is possible.
        token_id: the token chosen; -1 on a last piece that only says why generation ended.
        logprob: its log-probability in nats under the model itself (before temperature and filters); NaN if nobody
            asked for it.
        prompt_tokens: tokens of the prompt as the model read it.
        new_tokens: tokens produced so far, without those that the reply started with.
        window_used, window: tokens the model has in view, and how many fit.
        dropped_turns: oldest messages that the model does not have in view: left out of the prompt, or fallen out
            since, when generation re-anchored.
        tokens_per_second: decoding speed so far, without the prompt.
        seconds_to_first_token: time from the call to the first token.
        seed: the seed that repeats this reply.
        finish_reason: None, and on the last piece "stop", "length" or "cancelled".
        chunk: the token with its alternatives; None on a piece without a token.
    """

    text: str
    token_id: int
    logprob: float
    prompt_tokens: int
    new_tokens: int
    window_used: int
    window: int
    dropped_turns: int
    tokens_per_second: float
    seconds_to_first_token: float
    seed: int
    finish_reason: str | None = None
    chunk: Chunk | None = None
