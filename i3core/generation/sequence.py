"""A reply while it comes: what was said, what of it to show, and when it is over. Knows nothing of how logits come."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from itertools import accumulate

from torch import Tensor

from ..checkpoints.checkpoint import Model
from ..errors import PromptError
from ..text.chat_template import Message
from .config import SamplingConfig
from .context import FittedContext, fit_context, view_start
from .outputs import Alternative, Chunk, Piece
from .sampling import choose, uniform
from .stopping import VisibleText


class TokenSequence:
    """The reply to one prompt, a token at a time.

    Attributes:
        plan: what of the prompt the model reads.
        said: tokens of prompt and reply, in view or not.
        is_over: whether what it was begun with ends it already.
    """

    def __init__(
        self,
        model: Model,
        prompt: str | Sequence[Message] | FittedContext,
        config: SamplingConfig,
        begun: Sequence[int] = (),
        alternatives: int = 0,
        truncate_left: bool = False,
    ) -> None:
        """Plans the reply; see `Generator.stream` for the arguments. A plan stands for a prompt that is ids already.

        Raises PromptError: the prompt is empty or too long, or `begun` holds ids outside the vocabulary.
        """
        template, tokenizer = model.template, model.tokenizer
        window = model.config.window
        if isinstance(prompt, FittedContext):
            self.plan, is_chat = prompt, False
        else:
            self.plan = fit_context(template, prompt, config.max_new_tokens, window, truncate_left)
            is_chat = not isinstance(prompt, str)
        if not all(0 <= token < tokenizer.vocab_size for token in begun):
            raise PromptError("The reply begins with tokens that this model does not have.", "Let it answer anew.")
        self.model, self.config, self.alternatives = model, config, alternatives
        self.seed = secrets.randbelow(2**31) if config.seed is None else config.seed
        stops = (*config.stop, *(template.stop_texts if is_chat else ()))
        self._text = VisibleText(stops, is_chat and template.kind == "text", tokenizer.decode(begun))
        self._forbidden = [i for role, i in tokenizer.special_tokens.items() if role != "end"]
        self._ends = _ends_in_view(prompt, self.plan) if is_chat else []
        self.said = [*self.plan.ids, *begun]
        self.is_over = self._text.stopped or bool(begun and begun[-1] == template.end_id)
        self._begun, self._count = len(begun), 0
        self._started = time.perf_counter()
        self._first_at = self._last_at = 0.0

    @property
    def context_ids(self) -> list[int]:
        """The tokens that the model reads before the next one."""
        return self.said[view_start(len(self.said), self.model.config.window) :]

    @property
    def trimmed(self) -> int:
        """How many characters of its tokens come before what is shown."""
        return self._text.trimmed

    def take(self, logits: Tensor) -> Piece:
        """The next token, chosen from logits (V,), float32 on the CPU. The last piece has a finish_reason."""
        draw = uniform(self.seed, self._begun + self._count)
        token = choose(logits, self.said, self.config, draw, self._forbidden)
        logprobs = logits.log_softmax(0)
        chunk, logprob = self._chunk(logprobs, token), float(logprobs[token])
        self._count += 1
        self._last_at = time.perf_counter()
        self._first_at = self._first_at or self._last_at
        self.said.append(token)
        if token == self.model.template.end_id:
            return self._piece(self._text.rest(), "stop", logprob, chunk)
        text = self._text.push(chunk.text)
        if self._text.stopped:
            return self._piece(text, "stop", logprob, chunk)
        if self._count == self.config.max_new_tokens:
            return self._piece(text + self._text.rest(), "length", logprob, chunk)
        return self._piece(text, None, logprob, chunk)

    def end(self, reason: str) -> Piece:
        """The last piece of a reply that ends without another token."""
        return self._piece("" if self.is_over else self._text.rest(), reason)

    def _piece(self, text: str, reason: str | None, logprob: float = 0.0, chunk: Chunk | None = None) -> Piece:
        read = len(self.said) - (chunk is not None)  # what was just chosen is not read yet
        window, count = self.model.config.window, self._count
        start = view_start(read, window)
        taken_s = self._last_at - self._first_at
        return Piece(
            text=text,
            token_id=chunk.token_id if chunk else -1,
            logprob=logprob,
            prompt_tokens=len(self.plan.ids),
            new_tokens=count,
            window_used=read - start,
            window=window,
            dropped_turns=self.plan.dropped + sum(end <= start for end in self._ends),
            tokens_per_second=(count - 1) / taken_s if count > 1 and taken_s > 0 else 0.0,
            seconds_to_first_token=self._first_at - self._started if count else 0.0,
            seed=self.seed,
            finish_reason=reason,
            chunk=chunk,
        )

    def _chunk(self, logprobs: Tensor, token: int) -> Chunk:
        """The chosen token and the likeliest ones. logprobs: (V,), of the model itself."""
        decode, others = self.model.tokenizer.decode, []
        if self.alternatives:
            values, ids = logprobs.topk(min(self.alternatives, len(logprobs)))
            pairs = zip(ids.tolist(), values.exp().tolist(), strict=True)
            others = [Alternative(other, decode([other]), probability) for other, probability in pairs]
        return Chunk(token, decode([token]), float(logprobs[token].exp()), tuple(others))


def _ends_in_view(messages: Sequence[Message], plan: FittedContext) -> list[int]:
    """Where in `plan.ids` each message ends that may still fall out of view; a system prompt is not counted."""
    fixed = int(messages[0]["role"] == "system")
    kept = [*plan.tokens[:fixed], *plan.tokens[fixed + plan.dropped :]]
    return list(accumulate(kept))[fixed:]
