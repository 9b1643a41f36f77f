"""Turn requests of the OpenAI API into sequences to generate, and what they yield into responses. Needs pydantic."""

from __future__ import annotations

import math
import time
import uuid
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..generation.config import SamplingConfig
from ..generation.context import FittedContext, fit_context, fit_ids
from ..generation.outputs import Chunk, Piece
from ..generation.sequence import TokenSequence
from ..version import __version__
from .conversation import as_conversation
from .middleware import error_body
from .schemas import ChatCompletionRequest, ChatMessage, CompletionRequest, RequestBase

SAMPLING_FIELDS = (
    "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
)  # fmt: skip
MAX_REPLIES = 64  # to one request
Shown = tuple[Chunk, float, int]  # a token, its logprob, and where it starts in the text
Event = tuple[str | None, dict[str, Any]]  # name and content of a server-sent event
RequestT = TypeVar("RequestT", bound=RequestBase)


class RequestError(I3Error):
    """A well-formed request that cannot be answered."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, "")
        self.status, self.code, self.param = status, code, param


class ShownTokens:
    """The tokens of the text shown so far. Tokens of a stop text or of the end mark are never among them."""

    def __init__(self) -> None:
        self._held: deque[Shown] = deque()
        self._generated = self._shown = 0  # characters of all tokens, and of the text

    def push(self, piece: Piece, trimmed: int) -> Iterator[Shown]:
        """Yield the tokens that become visible with this piece: token, logprob, and where it starts in the text.

        `trimmed` characters of the first tokens are never shown.
        """
        self._shown += len(piece.text)
        if piece.chunk is not None:
            self._held.append((piece.chunk, piece.logprob, self._generated))
            self._generated += len(piece.chunk.text)
        while self._held and max(0, self._held[0][2] - trimmed) < self._shown:
            chunk, logprob, start = self._held.popleft()
            if start + len(chunk.text) > trimmed:
                yield chunk, logprob, max(0, start - trimmed)


class ResponseBuilder(ABC, Generic[RequestT]):
    """Build the responses to one request, whole or streamed.

    Attributes:
        kind, chunk_kind, prefix: `object` of responses and of streamed chunks; beginning of their ids.
        prompt_field: the request's field that holds the prompt.
        ends_with_done: True if `[DONE]` follows the last event of a stream.
        notes: parts of the request that are left out or changed, in words.
    """

    kind: str
    chunk_kind: str
    prefix: str
    prompt_field: str
    ends_with_done = True

    def __init__(self, body: RequestT, name: str, max_tokens: int) -> None:
        self.body, self.max_tokens = body, max_tokens
        self.notes: list[str] = []
        if (body.token_limit[1] or 0) > max_tokens:
            self.notes.append(f"Replies end after {max_tokens} tokens here.")
        self.count = body.n or 1  # replies to each prompt
        self._shown_tokens: defaultdict[int, ShownTokens] = defaultdict(ShownTokens)
        self.head = {
            "id": f"{self.prefix}-{uuid.uuid4().hex[:24]}",
            "created": int(time.time()),
            "model": name,
            "system_fingerprint": f"i3core-{__version__}",
        }

    def config(self, index: int) -> SamplingConfig:
        """The settings of reply number `index` to a prompt. Absent ones have the defaults of the window."""
        body = self.body
        given: dict[str, Any] = {}
        for key in SAMPLING_FIELDS:
            if getattr(body, key) is not None:
                given[key] = getattr(body, key)
        if "top_p" in given:
            given["top_p"] = max(given["top_p"], 0.01)
        given["top_k"] = max(given.get("top_k", SamplingConfig().top_k), 0)
        _, asked = body.token_limit
        asked = SamplingConfig().max_new_tokens if asked is None else asked
        given["max_new_tokens"] = self.max_tokens if asked < 0 else min(max(asked, 1), self.max_tokens)
        if body.seed is not None and body.seed != -1:
            given["seed"] = (body.seed + index) % 2**31
        return SamplingConfig(**given, stop=body.stop_strings)

    @abstractmethod
    def sequences(self, model: Model) -> list[TokenSequence]:
        """The sequences to generate: `count` for each prompt. Raises PromptError, RequestError."""

    def conversation_sequences(
        self, model: Model, messages: Sequence[ChatMessage], alternatives: int | None = None
    ) -> list[TokenSequence]:
        """The sequences that answer a conversation."""
        try:
            conversation = as_conversation(messages)
        except ValueError as error:
            raise RequestError(400, str(error), param=self.prompt_field) from error
        self.notes += conversation.notes
        prefix_ids = model.template.encode_text(conversation.reply_start)
        return [
            TokenSequence(model, conversation.messages, self.config(index), prefix_ids, alternatives)
            for index in range(self.count)
        ]

    def opening_events(self) -> Iterator[Event]:
        """Events of a stream that precede the first token."""
        yield from ()

    def piece_events(self, index: int, piece: Piece, sequence: TokenSequence) -> Iterator[Event]:
        """Events of a stream for a piece of reply number `index`."""
        yield None, self.chunk([self.chunk_choice(index, piece, sequence)])

    def closing_events(self, sequences: list[TokenSequence]) -> Iterator[Event]:
        """Events of a stream that follow the last token."""
        if self.body.includes_usage:
            yield None, self.chunk([], self.usage(sequences))

    def error_event(self, message: str) -> Event:
        """The event that ends a stream whose reply failed."""
        return None, error_body(500, message)

    def chunk_choice(self, index: int, piece: Piece, sequence: TokenSequence) -> dict:
        """The choice of a streamed chunk."""
        raise NotImplementedError

    @abstractmethod
    def choice(self, index: int, pieces: list[Piece], sequence: TokenSequence) -> dict:
        """The choice of a whole response."""

    def response(self, pieces: list[list[Piece]], sequences: list[TokenSequence]) -> dict:
        choices = [self.choice(index, *both) for index, both in enumerate(zip(pieces, sequences, strict=True))]
        return {**self.head, "object": self.kind, "choices": choices, "usage": self.usage(sequences)}

    def chunk(self, choices: list[dict], usage: dict | None = None) -> dict:
        content = {**self.head, "object": self.chunk_kind, "choices": choices}
        if self.body.includes_usage:
            content["usage"] = usage
        return content

    def shown(self, index: int, pieces: Iterable[Piece], sequence: TokenSequence) -> list[Shown]:
        """The tokens of choice number `index` that become visible with these pieces; see `ShownTokens.push`."""
        tokens = self._shown_tokens[index]
        return [shown for piece in pieces for shown in tokens.push(piece, sequence.trimmed)]

    def usage(self, sequences: list[TokenSequence]) -> dict[str, int]:
        """Tokens of the prompts, each counted once for all replies to it, and of the replies."""
        read = sum(sequence.given_tokens for sequence in sequences[:: self.count])
        new = sum(sequence.new_tokens for sequence in sequences)
        return {"prompt_tokens": read, "completion_tokens": new, "total_tokens": read + new}


class ChatCompletionBuilder(ResponseBuilder[ChatCompletionRequest]):
    kind, chunk_kind, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"
    prompt_field = "messages"

    def sequences(self, model: Model) -> list[TokenSequence]:
        alternatives = (self.body.top_logprobs or 0) if self.body.logprobs else None
        return self.conversation_sequences(model, self.body.messages, alternatives)

    def opening_events(self) -> Iterator[Event]:
        delta = {"role": "assistant", "content": ""}
        for index in range(self.count):
            yield None, self.chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])

    def chunk_choice(self, index: int, piece: Piece, sequence: TokenSequence) -> dict:
        delta = {"content": piece.text} if piece.text or piece.finish_reason is None else {}
        logprobs = self._logprobs(index, [piece], sequence)
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": piece.finish_reason}

    def choice(self, index: int, pieces: list[Piece], sequence: TokenSequence) -> dict:
        message = {"role": "assistant", "content": "".join(piece.text for piece in pieces), "refusal": None}
        logprobs, reason = self._logprobs(index, pieces, sequence), pieces[-1].finish_reason
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason}

    def _logprobs(self, index: int, pieces: list[Piece], sequence: TokenSequence) -> dict | None:
        if not self.body.logprobs:
            return None
        entries = []
        for chunk, logprob, _ in self.shown(index, pieces, sequence):
            others = [_logprob_entry(other.text, log(other.probability)) for other in chunk.alternatives]
            entries.append({**_logprob_entry(chunk.text, logprob), "top_logprobs": others})
        return {"content": entries, "refusal": None}


class CompletionBuilder(ResponseBuilder[CompletionRequest]):
    kind, chunk_kind, prefix = "text_completion", "text_completion", "cmpl"
    prompt_field = "prompt"

    def sequences(self, model: Model) -> list[TokenSequence]:
        prompts = self.body.prompts
        if len(prompts) * self.count > MAX_REPLIES:
            raise RequestError(400, f"At most {MAX_REPLIES} replies can be asked for at once.", param="n")
        contexts = [self._context(model, prompt) for prompt in prompts]
        scored = bool(self.body.echo) and self.body.logprobs is not None
        return [
            TokenSequence(
                model, context, self.config(index), alternatives=self.body.logprobs,
                score_prompt=scored, only_prompt=self.body.only_prompt,
            )
            for context in contexts
            for index in range(self.count)
        ]  # fmt: skip

    def _context(self, model: Model, prompt: str | list[int]) -> FittedContext:
        template, window = model.template, model.config.window
        if isinstance(prompt, str):
            return fit_context(template, prompt, 1, window)
        size = model.tokenizer.vocab_size
        if max(prompt) >= size:
            raise RequestError(400, f"Token ids of this model are below {size}.", param="prompt")
        ids = prompt if template.end_id in (None, prompt[0]) else [template.end_id, *prompt]
        return fit_ids(ids, window)

    def _echo(self, index: int, sequence: TokenSequence) -> str:
        """The prompt as it was sent, if it is to precede its reply."""
        if not self.body.echo:
            return ""
        prompt = self.body.prompts[index // self.count]
        if isinstance(prompt, str):
            return prompt.encode(errors="replace").decode()  # JSON can hold surrogates, which are no Unicode text
        return sequence.model.tokenizer.decode(prompt)

    def chunk_choice(self, index: int, piece: Piece, sequence: TokenSequence) -> dict:
        return self._choice(index, [piece], sequence, echoes=piece.new_tokens <= 1)

    def choice(self, index: int, pieces: list[Piece], sequence: TokenSequence) -> dict:
        return self._choice(index, pieces, sequence, echoes=True)

    def _choice(self, index: int, pieces: list[Piece], sequence: TokenSequence, echoes: bool) -> dict:
        text = (self._echo(index, sequence) if echoes else "") + "".join(piece.text for piece in pieces)
        logprobs, reason = self._logprobs(index, pieces, sequence, echoes), pieces[-1].finish_reason
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}

    def _logprobs(self, index: int, pieces: list[Piece], sequence: TokenSequence, echoes: bool) -> dict | None:
        if self.body.logprobs is None:
            return None
        prompt = self._prompt_tokens(index, sequence)
        length = sum(len(chunk.text) for chunk, _ in prompt)
        entries = list(prompt) if echoes else []
        offsets = list(accumulate((len(chunk.text) for chunk, _ in entries[:-1]), initial=0)) if entries else []
        for chunk, logprob, start in self.shown(index, pieces, sequence):
            entries.append((chunk, logprob))
            offsets.append(length + start)
        top = [None if logprob is None else _top_logprobs(chunk) for chunk, logprob in entries]
        return {
            "tokens": [chunk.text for chunk, _ in entries],
            "token_logprobs": [logprob for _, logprob in entries],
            "top_logprobs": top if self.body.logprobs else None,
            "text_offset": offsets,
        }

    def _prompt_tokens(self, index: int, sequence: TokenSequence) -> list[tuple[Chunk, float | None]]:
        """The tokens of the prompt as it was sent, with their logprobs; the first has none if nothing precedes it."""
        if sequence.prompt_scores is None:
            return []
        prompt, scores = self.body.prompts[index // self.count], list(sequence.prompt_scores)
        if sequence.model.template.end_id is not None and (isinstance(prompt, str) or len(prompt) == len(scores)):
            return [*scores]  # the first token of the context is the template's
        first = sequence.context.ids[0]
        return [(Chunk(first, sequence.model.tokenizer.decode([first]), 1.0), None), *scores]


def _logprob_entry(text: str, logprob: float) -> dict:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _top_logprobs(chunk: Chunk) -> dict[str, float]:
    return {other.text: log(other.probability) for other in chunk.alternatives}


def log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -9999.0  # as the OpenAI API writes a probability of 0
