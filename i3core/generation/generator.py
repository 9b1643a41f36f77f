"""Text from a model, token by token, with cached state.

A `Generator` caches the states of recent token sequences (`prompt_cache`). A prompt or reply that starts like one of
them costs only its new tokens. `context` decides what the model has in view of long conversations and replies.
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
from .context import half_window
from .outputs import Piece
from .prompt_cache import PrefixCache
from .sequence import TokenSequence

SMALL_NETWORK = 20_000_000  # parameters


class Generator:
    """Answers prompts with one model, reusing cached states. Not thread-safe.

    Attributes:
        model: the model that answers.
        cache: network states by token prefix.
    """

    def __init__(self, model: Model, cache: PrefixCache | None = None) -> None:
        self.model = model
        self.cache = PrefixCache(model.network) if cache is None else cache
        self._context: list[int] = []  # the tokens that `step` continues from

    @property
    def window(self) -> int:
        return self.model.config.window

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> Tensor:
        """Advance the state to the end of `ids` and return the logits (V,) after the last one.

        Reads only the tokens without a cached state. ids: 1 to window tokens.
        """
        ids, self._context = list(ids), []
        prefix, position = self.cache.take(ids)
        if position < len(ids):
            new = torch.tensor([ids[position:]], device=self.model.device.name)
            state = prefix.state_at(position)
            with self.model.device.autocast(), decoding_threads(self.model, new.shape[1]):
                logits = self.model.network(new, state, last_only=True)[0, -1]
            prefix.record(ids, state, logits if new.shape[1] > 1 else None)
        else:
            logits = prefix.logits[position]
        self.cache.insert(prefix)
        self._context = ids
        return logits

    def step(self, token: int) -> Tensor:
        """Read one more token and return the logits (V,) after it.

        A token that does not fit re-anchors: the last half window, with this token, is read again from position 0.
        """
        ids = [*self._context, token]
        if len(ids) > self.window:
            ids = ids[-half_window(self.window) :]
            if len(ids) > 1:
                self.prefill(ids[:-1])  # apart from the token, so that another one in its place costs one step
        return self.prefill(ids)

    def snapshot(self) -> list[int]:
        """The tokens read so far, for `restore`."""
        return list(self._context)

    def restore(self, snapshot: Sequence[int]) -> None:
        """Let `step` continue from a snapshot, reading again only what is no longer cached."""
        self._context = list(snapshot)

    def stream(
        self,
        prompt: str | Sequence[Message],
        config: SamplingConfig | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        prefix_ids: Sequence[int] = (),
        alternatives: int = 0,
        truncate_left: bool = False,
    ) -> Iterator[Piece]:
        """Answer `prompt`, a piece at a time. The last piece has a finish_reason.

        Args:
            prompt: messages, or plain text to be continued as it is.
            cancelled: called before every token; True ends the reply.
            prefix_ids: tokens that the reply starts with. They count as shown, so they are not yielded.
            alternatives: how many of the likeliest tokens the chunk of each piece lists.
            truncate_left: leave out the beginning of a plain text that is too long, instead of refusing it.

        Raises:
            PromptError: the prompt is empty or too long, or `prefix_ids` has ids outside the vocabulary.
            I3Error: the device ran out of memory.
        """
        config = config or SamplingConfig()
        sequence = TokenSequence(self.model, prompt, config, prefix_ids, alternatives, truncate_left)
        if sequence.is_finished:
            yield sequence.finish("stop")
            return
        try:
            logits = None if cancelled() else self.prefill(sequence.context_ids)
            while logits is not None and not cancelled():
                piece = sequence.append(logits.float().cpu().numpy())
                yield piece
                if piece.finish_reason:
                    return
                logits = self.step(piece.token_id)
            yield sequence.finish("cancelled")
        except (RuntimeError, MemoryError) as error:
            self.cache.clear()
            if not is_out_of_memory(error):
                raise
            raise I3Error("The device ran out of memory.", "Close other programs, or use --device cpu.") from error


@contextmanager
def decoding_threads(model: Model, tokens: int) -> Iterator[None]:
    """Use one thread for a single token of a small network.

    Sharing so little work gains less than 20 %, and costs three quarters of the speed when another program needs a
    core: the faster thread waits for the one that is held up, 60 times a token.
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
