"""Text from a model, token by token, with cached state.

A `Generator` keeps the states of what it read lately (`trails`). A prompt or reply that begins like any of that costs
only its new tokens. What the model has in view of long conversations and replies is worked out in `window`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import torch
from torch import Tensor

from .checkpoint import Model
from .device import is_out_of_memory
from .errors import I3Error, PromptError
from .pieces import Alternative, Chunk, Piece
from .sampling import choose, uniform
from .settings import SamplingConfig
from .template import Message
from .trails import Trails
from .window import WindowPlan, half_window, plan_window, view_start

__all__ = ["Generator", "Piece", "StopTexts", "generate"]

SMALL_NETWORK = 20_000_000  # parameters


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


class ReplyText:
    """What of a reply to show: not the space before it, not a stop text, and nothing that it was begun with.

    Attributes:
        stopped: whether a stop text was reached.
    """

    def __init__(self, stops: Sequence[str], leading: bool, begun: str = "") -> None:
        self._stops = StopTexts(stops)
        self._leading = leading  # whether only blank space has come yet that the template leaves before a reply
        self._given = 0
        self.stopped = False
        self.push(begun)
        self._given = len(self._stops.held)  # held back, but shown already

    def push(self, text: str) -> str:
        """Text that may be shown now."""
        if self._leading:
            text = text.lstrip()
            self._leading = not text
        shown, self.stopped = self._stops.push(text)
        return self._without_given(shown)

    def rest(self) -> str:
        """What was held back, once nothing follows that could complete a stop text."""
        return self._without_given(self._stops.held)

    def _without_given(self, text: str) -> str:
        known = min(self._given, len(text))
        self._given -= known
        return text[known:]


class Generator:
    """Answers prompts with one model, reusing the states of what it has already read. Not thread-safe."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._trails = Trails(model.network)
        self._read: list[int] = []  # what `step` goes on from

    @property
    def window(self) -> int:
        return self.model.config.window

    def prompt_ids(
        self, prompt: str | Sequence[Message], max_new_tokens: int, keep_end: bool = False
    ) -> tuple[list[int], int]:
        """Ids the model will read for `prompt`, and how many of the oldest messages do not fit; see `plan_window`."""
        plan = plan_window(self.model.template, prompt, max_new_tokens, self.window, keep_end)
        return plan.ids, plan.dropped

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> Tensor:
        """Brings the state to the end of `ids` and returns the logits (V,) after the last one.

        Reads only what no stored state has read yet. ids: 1 to window tokens.
        """
        ids, self._read = list(ids), []
        trail, known = self._trails.take(ids)
        if known < len(ids):
            fresh = torch.tensor([ids[known:]], device=self.model.device.name)
            state = trail.state(known)
            with self.model.device.autocast(), self._threads(fresh.shape[1]):
                logits = self.model.network(fresh, state, last_only=True)[0, -1]
            trail.add(ids, state, logits if fresh.shape[1] > 1 else None)
        else:
            logits = trail.logits[known]
        self._trails.keep(trail)
        self._read = ids
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
        if len(ids) > self.window:
            ids = ids[-half_window(self.window) :]
            if len(ids) > 1:
                self.prefill(ids[:-1])  # apart from the token, so that another one in its place costs one step
        return self.prefill(ids)

    def snapshot(self) -> list[int]:
        """What was read, for `restore`."""
        return list(self._read)

    def restore(self, snapshot: Sequence[int]) -> None:
        """Lets `step` go on from there, reading again only what is no longer stored."""
        self._read = list(snapshot)

    def stream(
        self,
        prompt: str | Sequence[Message],
        config: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        begun: Sequence[int] = (),
        alternatives: int = 0,
        keep_end: bool = False,
    ) -> Iterator[Piece]:
        """Answers `prompt`, a piece at a time. The last piece has a finish_reason.

        Args:
            prompt: messages, or plain text to be continued as it stands.
            cancelled: asked before every token.
            begun: tokens that the reply begins with. They count as shown, so they are not yielded.
            alternatives: how many of the likeliest tokens the chunk of each piece lists.
            keep_end: leave out the beginning of a plain text that is too long, instead of refusing it.

        Raises:
            PromptError: the prompt is empty or too long, or `begun` holds ids outside the vocabulary.
            I3Error: the device ran out of memory.
        """
        config = config or SamplingConfig()
        started = time.perf_counter()
        template, decode = self.model.template, self.model.tokenizer.decode
        plan = plan_window(template, prompt, config.max_new_tokens, self.window, keep_end)
        if not all(0 <= token < self.model.tokenizer.vocab_size for token in begun):
            raise PromptError("The reply begins with tokens that this model does not have.", "Let it answer anew.")
        seed = secrets.randbelow(2**31) if config.seed is None else config.seed
        is_chat = not isinstance(prompt, str)
        stops = (*config.stop, *(template.stop_texts if is_chat else ()))
        reply = ReplyText(stops, is_chat and template.kind == "text", decode(begun))
        forbidden = [i for role, i in self.model.tokenizer.special_tokens.items() if role != "end"]
        ends = _ends_in_view(prompt, plan) if is_chat else []
        said = [*plan.ids, *begun]  # prompt and reply, in view or not
        count, first_at, last_at = 0, 0.0, 0.0

        def piece(text: str, reason: str | None, logprob: float = 0.0, chunk: Chunk | None = None) -> Piece:
            read = len(said) - (chunk is not None)  # what was just chosen is not read yet
            start = view_start(read, self.window)
            return Piece(
                text=text,
                token_id=chunk.token_id if chunk else -1,
                logprob=logprob,
                prompt_tokens=len(plan.ids),
                new_tokens=count,
                window_used=read - start,
                window=self.window,
                dropped_turns=plan.dropped + sum(end <= start for end in ends),
                tokens_per_second=(count - 1) / (last_at - first_at) if count > 1 and last_at > first_at else 0.0,
                seconds_to_first_token=first_at - started if count else 0.0,
                seed=seed,
                finish_reason=reason,
                chunk=chunk,
            )

        if reply.stopped or (begun and begun[-1] == template.end_id):
            yield piece("", "stop")
            return
        try:
            logits = None if cancelled() else self.prefill(said[view_start(len(said), self.window) :])
            while logits is not None and not cancelled():
                logits = logits.float().cpu()
                token = choose(logits, said, config, uniform(seed, len(begun) + count), forbidden)
                logprobs = logits.log_softmax(0)
                chunk, logprob = self._chunk(logprobs, token, alternatives), float(logprobs[token])
                count += 1
                last_at = time.perf_counter()
                first_at = first_at or last_at
                said.append(token)
                if token == template.end_id:
                    yield piece(reply.rest(), "stop", logprob, chunk)
                    return
                text = reply.push(chunk.text)
                if reply.stopped:
                    yield piece(text, "stop", logprob, chunk)
                    return
                if count == config.max_new_tokens:
                    yield piece(text + reply.rest(), "length", logprob, chunk)
                    return
                yield piece(text, None, logprob, chunk)
                logits = self.step(token)
            yield piece(reply.rest(), "cancelled")
        except (RuntimeError, MemoryError) as error:
            self._trails.clear()
            if not is_out_of_memory(error):
                raise
            raise I3Error("The device ran out of memory.", "Close other programs, or use --device cpu.") from error

    def _chunk(self, logprobs: Tensor, token: int, alternatives: int) -> Chunk:
        """The chosen token and the likeliest ones. logprobs: (V,), of the model itself."""
        decode, others = self.model.tokenizer.decode, []
        if alternatives:
            values, ids = logprobs.topk(min(alternatives, len(logprobs)))
            pairs = zip(ids.tolist(), values.exp().tolist(), strict=True)
            others = [Alternative(other, decode([other]), probability) for other, probability in pairs]
        return Chunk(token, decode([token]), float(logprobs[token].exp()), tuple(others))


def _ends_in_view(messages: Sequence[Message], plan: WindowPlan) -> list[int]:
    """Where in `plan.ids` each message ends that may still fall out of view; a system prompt is not counted."""
    fixed = int(messages[0]["role"] == "system")
    kept = [*plan.tokens[:fixed], *plan.tokens[fixed + plan.dropped :]]
    return list(accumulate(kept))[fixed:]


def generate(
    model: Model,
    prompt: str | Sequence[Message],
    config: SamplingConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Piece]:
    """One reply from a fresh state; see `Generator.stream`."""
    return Generator(model).stream(prompt, config, cancelled)
