"""Text from a model, token by token, with cached state.

A `Generator` keeps the states of what it read lately (`trails`). A prompt or reply that begins like any of that costs
only its new tokens. What the model has in view of long conversations and replies is worked out in `window`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..system.device import is_out_of_memory
from ..text.chat_template import Message
from .config import SamplingConfig
from .context import fit_context, half_window
from .outputs import Piece
from .prompt_cache import PrefixCache
from .sequence import TokenSequence

SMALL_NETWORK = 20_000_000  # parameters


class Generator:
    """Answers prompts with one model, reusing the states of what it has already read. Not thread-safe."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._prefix_cache = PrefixCache(model.network)
        self._read: list[int] = []  # what `step` goes on from

    @property
    def window(self) -> int:
        return self.model.config.window

    def prompt_ids(
        self, prompt: str | Sequence[Message], max_new_tokens: int, truncate_left: bool = False
    ) -> tuple[list[int], int]:
        """Ids the model will read for `prompt`, and how many of the oldest messages do not fit; see `fit_context`."""
        plan = fit_context(self.model.template, prompt, max_new_tokens, self.window, truncate_left)
        return plan.ids, plan.dropped

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> Tensor:
        """Brings the state to the end of `ids` and returns the logits (V,) after the last one.

        Reads only what no stored state has read yet. ids: 1 to window tokens.
        """
        ids, self._read = list(ids), []
        trail, known = self._prefix_cache.take(ids)
        if known < len(ids):
            fresh = torch.tensor([ids[known:]], device=self.model.device.name)
            state = trail.state(known)
            with self.model.device.autocast(), decoding_threads(self.model, fresh.shape[1]):
                logits = self.model.network(fresh, state, last_only=True)[0, -1]
            trail.add(ids, state, logits if fresh.shape[1] > 1 else None)
        else:
            logits = trail.logits[known]
        self._prefix_cache.keep(trail)
        self._read = ids
        return logits

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
        truncate_left: bool = False,
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
        reply = TokenSequence(self.model, prompt, config or SamplingConfig(), begun, alternatives, truncate_left)
        if reply.is_over:
            yield reply.end("stop")
            return
        try:
            logits = None if cancelled() else self.prefill(reply.context_ids)
            while logits is not None and not cancelled():
                piece = reply.take(logits.float().cpu())
                yield piece
                if piece.finish_reason:
                    return
                logits = self.step(piece.token_id)
            yield reply.end("cancelled")
        except (RuntimeError, MemoryError) as error:
            self._prefix_cache.clear()
            if not is_out_of_memory(error):
                raise
            raise I3Error("The device ran out of memory.", "Close other programs, or use --device cpu.") from error


@contextmanager
def decoding_threads(model: Model, tokens: int) -> Iterator[None]:
    """One thread for a single token of a small network.

    Sharing out so little work gains less than 20 %, and costs three quarters of the speed when another program
    needs a core: the faster thread waits for the one that is held up, 60 times a token.
    """
    before = torch.get_num_threads()
    alone = tokens == 1 and before > 1 and model.parameters < SMALL_NETWORK
    if alone:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if alone:
            torch.set_num_threads(before)


def generate(
    model: Model,
    prompt: str | Sequence[Message],
    config: SamplingConfig | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Piece]:
    """One reply from a fresh state; see `Generator.stream`."""
    return Generator(model).stream(prompt, config, cancelled)
