"""Text from a model, token by token, with cached state.

A `Generator` remembers which tokens its state has read. A prompt that begins with them costs only its new tokens.
Positions are absolute, so the window cannot slide: a prompt drops its oldest whole turns until it and the reply's
budget fit; generation that reaches the end of the window keeps the last half, reads it anew from position 0, goes on.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from .checkpoint import Model
from .device import is_out_of_memory
from .errors import I3Error, PromptError
from .model import NetworkState
from .sampling import choose
from .settings import SamplingConfig
from .template import Message

SMALL_NETWORK = 20_000_000  # parameters


@dataclass(frozen=True)
class Piece:
    """A step of generation, in plain values.

    Attributes:
        text: what this step adds to the reply; may be empty while a stop text could still begin.
        token_id: the token chosen; -1 on a last piece that only says why generation ended.
        logprob: its log-probability in nats under the model itself (before temperature and filters).
        prompt_tokens: tokens of the prompt as the model read it.
        new_tokens: tokens produced so far.
        window_used, window: tokens the model has in view, and how many fit.
        dropped_turns: oldest messages that the model does not have in view: left out of the prompt, or fallen out
            since, when generation re-anchored.
        tokens_per_second: decoding speed so far, without the prompt.
        seconds_to_first_token: time from the call to the first token.
        seed: the seed that repeats this reply.
        finish_reason: None, and on the last piece "stop", "length" or "cancelled".
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


def fit_turns(turns: Sequence[Sequence[int]], opening: Sequence[int], room: int) -> tuple[list[int], int]:
    """Joins turns and the reply's opening, dropping oldest whole turns until at most `room` ids are left.

    Returns ids and the number of turns dropped. Raises PromptError if the last turn alone does not fit.
    """
    total = sum(len(turn) for turn in turns) + len(opening)
    dropped = 0
    while total > room and dropped < len(turns) - 1:
        total -= len(turns[dropped])
        dropped += 1
    if total > room:
        raise PromptError(
            f"The prompt is {total} tokens long, but only {room} fit into the model's window.",
            "Shorten it, or allow fewer new tokens.",
        )
    return [i for turn in turns[dropped:] for i in turn] + list(opening), dropped


class StopTexts:
    """Holds text back while it could be the beginning of a stop text."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.stops = [stop.lower() for stop in stops]
        self.held = ""

    def push(self, text: str) -> tuple[str, bool]:
        """Text that may be shown now, and whether a stop text was reached."""
        self.held += text
        found = [place for place in (self.held.find(stop) for stop in self.stops) if place >= 0]
        if found:
            return self.held[: min(found)], True
        keep = 0
        for stop in self.stops:
            for length in range(min(len(stop) - 1, len(self.held)), keep, -1):
                if self.held.endswith(stop[:length]):
                    keep = length
                    break
        shown = self.held[: len(self.held) - keep]
        self.held = self.held[len(self.held) - keep :]
        return shown, False


class Generator:
    """Answers prompts with one model, reusing the state of what it has already read. Not thread-safe."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._state: NetworkState | None = None
        self._read: list[int] = []  # what the state has read

    @property
    def window(self) -> int:
        return self.model.config.window

    def prompt_ids(self, prompt: str | Sequence[Message], max_new_tokens: int) -> tuple[list[int], int]:
        """Ids the model will read for `prompt`, and how many of the oldest messages do not fit.

        A conversation is rendered by the model's template and leaves room for the reply (at most half the window).
        Plain text is read raw and whole.

        Raises PromptError if the prompt is empty, or if it (or its last message alone) does not fit the window.
        """
        template = self.model.template
        if isinstance(prompt, str):
            ids = self.model.tokenizer.encode(prompt)
            if not ids:
                raise PromptError("The prompt is empty.", "Type some text first.")
            if template.end_id is not None:
                ids = [template.end_id, *ids]  # as documents begin in training
            return fit_turns([ids], [], self.window)
        if not prompt:
            raise PromptError("The conversation is empty.", "Type a message first.")
        turns = template.encode_turns(prompt)
        if prompt[-1]["role"] != "user":
            raise PromptError("The last message must be the user's.")
        if not prompt[-1]["content"].strip():
            raise PromptError("The message is empty.", "Type some text first.")
        room = self.window - min(max_new_tokens, self.window // 2)
        return fit_turns(turns, template.reply_opening(), room)

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> Tensor:
        """Brings the state to the end of `ids` and returns the logits (V,) after the last one.

        Reads only what the state has not read yet. ids: 1 to window tokens.
        """
        common = 0
        if self._state is not None and self._read == list(ids[: len(self._read)]) and len(self._read) < len(ids):
            common = len(self._read)
        else:
            self._state, self._read = self.model.network.new_state(), []
        fresh = torch.tensor([ids[common:]], device=self.model.device.name)
        read, state, self._state, self._read = list(ids), self._state, None, []  # forgotten if this fails
        with self.model.device.autocast(), self._threads(fresh.shape[1]):
            logits = self.model.network(fresh, state, last_only=True)[0, -1]
        self._state, self._read = state, read
        return logits

    @contextmanager
    def _threads(self, tokens: int) -> Iterator[None]:
        """One thread for single tokens of a small network.

        Sharing out so little work gains less than 20 %, and costs three quarters of the speed when another program
        needs a core: the faster thread waits for the one that is held up, 60 times a token.
        """
        before = torch.get_num_threads()
        alone = tokens == 1 and before > 1 and self.model.parameters < SMALL_NETWORK
        if alone:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if alone:
                torch.set_num_threads(before)

    def step(self, token: int) -> Tensor:
        """Reads one more token and returns the logits (V,) after it.

        A token that does not fit re-anchors: the last half window, this token included, is read anew at position 0.
        """
        ids = [*self._read, token]
        return self.prefill(ids if len(ids) <= self.window else ids[-max(1, self.window // 2) :])

    def snapshot(self) -> tuple[NetworkState | None, list[int]]:
        """The present state, for `restore`. Valid until tokens before it are replaced by another continuation."""
        return (None if self._state is None else self._state.snapshot()), list(self._read)

    def restore(self, snapshot: tuple[NetworkState | None, list[int]]) -> None:
        """Goes back to a snapshot of this generator; what was read after it is forgotten."""
        state, read = snapshot
        self._state, self._read = (None if state is None else state.snapshot()), list(read)

    def stream(
        self,
        prompt: str | Sequence[Message],
        config: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """Answers `prompt`, a piece at a time. The last piece has a finish_reason.

        Args:
            prompt: messages, or plain text to be continued as it stands.
            cancelled: asked before every token.

        Raises:
            PromptError: the prompt is empty or too long.
            I3Error: the device ran out of memory.
        """
        config = config or SamplingConfig()
        began = time.perf_counter()
        ids, dropped = self.prompt_ids(prompt, config.max_new_tokens)
        seed = secrets.randbelow(2**31) if config.seed is None else config.seed
        source = torch.Generator().manual_seed(seed)
        template, decode = self.model.template, self.model.tokenizer.decode
        is_chat = not isinstance(prompt, str)
        stops = StopTexts([*config.stop, *(template.stop_texts if is_chat else ())])
        forbidden = [i for role, i in self.model.tokenizer.special_tokens.items() if role != "end"]
        ends = list(accumulate(map(len, template.encode_turns(prompt[dropped:])))) if is_chat else []
        recent = list(ids)
        count, first_at, last_at = 0, 0.0, 0.0
        leading = is_chat and template.kind == "text"  # a text template leaves a space before the reply

        def piece(text: str, token: int, logprob: float, reason: str | None = None) -> Piece:
            waited = first_at - began if count else 0.0
            speed = (count - 1) / (last_at - first_at) if count > 1 and last_at > first_at else 0.0
            used = len(self._read)
            start = len(recent) - 1 - used  # how far generation has moved on from the prompt's beginning
            gone = dropped + sum(end <= start for end in ends)
            return Piece(text, token, logprob, len(ids), count, used, self.window, gone, speed, waited, seed, reason)

        try:
            logits = None if cancelled() else self.prefill(ids)
            while logits is not None and not cancelled():
                token = choose(logits, recent, config, source, forbidden)
                logprob = float(logits.log_softmax(0)[token])
                count += 1
                last_at = time.perf_counter()
                first_at = first_at or last_at
                recent.append(token)
                if token == template.end_id:
                    yield piece(stops.held, token, logprob, "stop")
                    return
                text = decode([token])
                if leading:
                    text = text.lstrip()
                    leading = not text
                shown, stopped = stops.push(text)
                if stopped:
                    yield piece(shown, token, logprob, "stop")
                    return
                ended = count == config.max_new_tokens
                yield piece(shown + stops.held if ended else shown, token, logprob, "length" if ended else None)
                if ended:
                    return
                logits = self.step(token)
            yield piece(stops.held, -1, 0.0, "cancelled")
        except (RuntimeError, MemoryError) as error:
            self._state, self._read = None, []
            if not is_out_of_memory(error):
                raise
            raise I3Error("The device ran out of memory.", "Close other programs, or use --device cpu.") from error


def generate(
    model: Model,
    prompt: str | Sequence[Message],
    config: SamplingConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Piece]:
    """One reply from a fresh state; see `Generator.stream`."""
    return Generator(model).stream(prompt, config, cancelled)
