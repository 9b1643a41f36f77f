"""One prompt and its reply: tokens, visible text, and when it ends."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence

import numpy as np

from ..checkpoints.checkpoint import Model
from ..errors import NotFiniteError, PromptError
from ..text.chat_template import Message
from .config import SamplingConfig
from .context import FittedContext, fit_context, view_start
from .outputs import Alternative, Chunk, Piece
from .sampling import choose, log_sum_exp, top_k, uniform
from .stopping import VisibleText


class TokenSequence:
    """The tokens of a prompt and of its reply, which grows by one token at a time.

    Attributes:
        context: the part of the prompt that fits the window.
        token_ids: tokens of prompt and reply, in view or not.
        is_finished: True if the reply needs no token: `prefix_ids` ends it, or none is asked for.
        prompt_scores: with `score_prompt`, each token of the prompt but the first, and its log-probability in nats.
    """

    def __init__(
        self,
        model: Model,
        prompt: str | Sequence[Message] | FittedContext,
        config: SamplingConfig,
        prefix_ids: Sequence[int] = (),
        alternatives: int | None = 0,
        truncate_left: bool = False,
        score_prompt: bool = False,
        only_prompt: bool = False,
    ) -> None:
        """See `Generator.stream` for the arguments. A FittedContext is a prompt that is tokens already.

        alternatives: None leaves out all probabilities, which take as long as choosing the token.
        Only a BatchGenerator knows the last two: the prompt's tokens are scored; it is read without a reply.

        Raises PromptError: the prompt is empty or too long, or `prefix_ids` has ids outside the vocabulary.
        """
        template, tokenizer = model.template, model.tokenizer
        is_chat = not isinstance(prompt, str | FittedContext)
        if isinstance(prompt, FittedContext):
            self.context = prompt
        else:
            self.context = fit_context(template, prompt, config.max_new_tokens, model.config.window, truncate_left)
        if not all(0 <= token < tokenizer.vocab_size for token in prefix_ids):
            raise PromptError("The reply starts with tokens that this model does not have.", "Let it answer again.")
        self.model, self.config, self.alternatives = model, config, alternatives
        self.seed = secrets.randbelow(2**31) if config.seed is None else config.seed
        stops = [tokenizer.normalized(template.fold(stop)) for stop in config.stop]
        stops += template.stop_texts if is_chat else ()
        self._stream = tokenizer.stream()
        prefix = "".join(map(self._stream.push, prefix_ids))
        self._text = VisibleText(stops, is_chat and template.kind == "text", prefix)
        self._forbidden = [i for role, i in tokenizer.special_tokens.items() if role != "end"]
        self.token_ids = [*self.context.ids, *prefix_ids]
        self.is_finished = only_prompt or self._text.stopped or bool(prefix_ids and prefix_ids[-1] == template.end_id)
        self.end_reason = "length" if only_prompt else "stop"  # if it is finished
        self.prompt_scores: list[tuple[Chunk, float]] | None = [] if score_prompt else None
        self._prefix_length, self._new_tokens = len(prefix_ids), 0
        self._created_at = time.perf_counter()
        self._first_at = self._last_at = 0.0

    @property
    def context_ids(self) -> list[int]:
        """The tokens that the model reads before the next one."""
        return self.token_ids[view_start(len(self.token_ids), self.model.config.window) :]

    @property
    def given_tokens(self) -> int:
        """Tokens of the prompt, and of the start of the reply that was given."""
        return len(self.context.ids) + self._prefix_length

    @property
    def new_tokens(self) -> int:
        """Tokens that were generated so far."""
        return self._new_tokens

    @property
    def trimmed(self) -> int:
        """How many characters of its text come before the visible part."""
        return self._text.trimmed

    def append(self, logits: np.ndarray) -> Piece:
        """Choose the next token from logits (V,), float32. The last piece has a finish_reason.

        Raises NotFiniteError if there is nothing to choose from.
        """
        if not logits.max() < math.inf:
            raise NotFiniteError(
                "The model computes no finite numbers, so it cannot reply.",
                "Its weights are damaged, or were trained with too high a learning rate. Choose another model.",
            )
        draw = uniform(self.seed, self._prefix_length + self._new_tokens)
        counts_reply = self.config.frequency_penalty or self.config.presence_penalty
        reply = self.token_ids[len(self.context.ids) :] if counts_reply else ()
        token = choose(logits, self.token_ids, self.config, draw, self._forbidden, reply)
        is_end = token == self.model.template.end_id
        text = self.model.tokenizer.name(token) if is_end else self._stream.push(token)
        log_total = np.array(np.nan, np.float32) if self.alternatives is None else log_sum_exp(logits)
        chunk, logprob = self._chunk(logits, log_total, token, text), float(logits[token] - log_total)
        self._new_tokens += 1
        self._last_at = time.perf_counter()
        self._first_at = self._first_at or self._last_at
        self.token_ids.append(token)
        if is_end:
            return self._piece(self._rest(), "stop", logprob, chunk)
        text = self._text.push(text)
        if self._text.stopped:
            return self._piece(text, "stop", logprob, chunk)
        if self._new_tokens == self.config.max_new_tokens:
            return self._piece(text + self._rest(), "length", logprob, chunk)
        return self._piece(text, None, logprob, chunk)

    def score(self, logits: np.ndarray, position: int) -> None:
        """Score the prompt's tokens that follow `position` and the next ones. logits: (T, V), after each of them."""
        assert self.prompt_scores is not None, "not asked for"
        ids = self.context.ids[position + 1 : position + 1 + len(logits)]
        rows = zip(ids, logits, log_sum_exp(logits), strict=False)  # the last row may be the reply's
        name = self.model.tokenizer.name
        self.prompt_scores += [
            (self._chunk(row, total, token, name(token)), float(row[token] - total)) for token, row, total in rows
        ]

    def finish(self, reason: str) -> Piece:
        """The last piece of a reply that ends without another token."""
        return self._piece("" if self.is_finished else self._rest(), reason)

    def _rest(self) -> str:
        """The text held back, once nothing follows: of a stop string, or a part of a character."""
        shown = self._text.push(self._stream.rest())
        return shown if self._text.stopped else shown + self._text.rest()

    def _piece(self, text: str, reason: str | None, logprob: float = 0.0, chunk: Chunk | None = None) -> Piece:
        read = len(self.token_ids) - (chunk is not None)  # the token just chosen has not been read
        window, count = self.model.config.window, self._new_tokens
        start = view_start(read, window)
        decoding_s = self._last_at - self._first_at
        return Piece(
            text=text,
            token_id=chunk.token_id if chunk else -1,
            logprob=logprob,
            prompt_tokens=len(self.context.ids),
            new_tokens=count,
            window_used=read - start,
            window=window,
            dropped_turns=self.context.dropped_turns + sum(end <= start for end in self.context.ends),
            tokens_per_second=(count - 1) / decoding_s if count > 1 and decoding_s > 0 else 0.0,
            seconds_to_first_token=self._first_at - self._created_at if count else 0.0,
            seed=self.seed,
            finish_reason=reason,
            chunk=chunk,
        )

    def _chunk(self, logits: np.ndarray, log_total: np.ndarray, token: int, text: str) -> Chunk:
        """The chosen token and the likeliest ones. logits: (V,), of the model itself; `log_total`: their logsumexp."""
        name, alternatives = self.model.tokenizer.name, []
        if self.alternatives:
            values, ids = top_k(logits, min(self.alternatives, len(logits)))
            order = (-values).argsort(kind="stable")
            pairs = zip(ids[order].tolist(), np.exp(values[order] - log_total).tolist(), strict=True)
            alternatives = [Alternative(other, name(other), probability) for other, probability in pairs]
        return Chunk(token, text, float(np.exp(logits[token] - log_total)), tuple(alternatives))
