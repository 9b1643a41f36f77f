"""What the server answers: replies of a model in the forms of the OpenAI API. Needs pydantic."""

from __future__ import annotations

import math
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator

from ..checkpoints.checkpoint import Model
from ..errors import I3Error
from ..generation.config import SamplingConfig
from ..generation.context import FittedContext, fit_context, fit_turns
from ..generation.outputs import Chunk, Piece
from ..generation.sequence import TokenSequence
from ..version import __version__
from . import schemas as api

MAX_REPLIES = 64  # of one request


class RequestError(I3Error):
    """A request that is well-formed, and still cannot be answered."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, "")
        self.status, self.code, self.param = status, code, param


class ShownTokens:
    """Which tokens the text that was shown so far is made of. Those of a stop text or of the end mark never come."""

    def __init__(self) -> None:
        self._held: deque[tuple[Piece, int]] = deque()  # with the place where each begins
        self._made = self._shown = 0  # characters of all tokens, and of the text

    def push(self, piece: Piece, trimmed: int) -> Iterator[tuple[Piece, int]]:
        """The tokens whose text begins to be shown with this piece, and where in the text each begins.

        `trimmed` characters of the first tokens are never shown.
        """
        self._shown += len(piece.text)
        if piece.chunk is not None:
            self._held.append((piece, self._made))
            self._made += len(piece.chunk.text)
        while self._held and max(0, self._held[0][1] - trimmed) < self._shown:
            token, start = self._held.popleft()
            if start + len(token.chunk.text) > trimmed:
                yield token, max(0, start - trimmed)


class ResponseBuilder:
    """Makes answers of one kind: what `chat` and `completions` have in common, and what each has of its own.

    Attributes:
        kind, chunk_kind, prefix: how answers, streamed chunks and their names begin.
        prompt_field: where a request has its prompt.
        note: what of the request is left out, for whoever wonders; "" for nothing.
    """

    kind: str
    chunk_kind: str
    prefix: str
    prompt_field: str
    note = ""

    def __init__(self, body: api.ChatRequest | api.CompletionRequest, name: str, max_tokens: int) -> None:
        self.body, self.max_tokens = body, max_tokens
        self.count = body.n or 1  # replies to each prompt
        self._tokens: defaultdict[int, ShownTokens] = defaultdict(ShownTokens)
        self.head = {
            "id": f"{self.prefix}-{uuid.uuid4().hex[:24]}",
            "created": int(time.time()),
            "model": name,
            "system_fingerprint": f"i3core-{__version__}",
        }

    def config(self, index: int) -> SamplingConfig:
        """Settings of the reply number `index` to a prompt. What is not asked for is as in the window."""
        body, given = self.body, {}
        for key in ("temperature", "top_p", "top_k", "min_p", "repetition_penalty"):
            if getattr(body, key) is not None:
                given[key] = getattr(body, key)
        if "top_p" in given:
            given["top_p"] = max(given["top_p"], 0.01)
        newer = getattr(body, "max_completion_tokens", None)
        asked = newer or body.max_tokens
        if asked is not None and asked > self.max_tokens:
            name = "max_completion_tokens" if newer else "max_tokens"
            raise RequestError(400, f"At most {self.max_tokens} tokens can be asked for.", "above_maximum", name)
        given["max_new_tokens"] = asked or min(SamplingConfig().max_new_tokens, self.max_tokens)
        if body.seed is not None:
            given["seed"] = (body.seed + index) % 2**31
        return SamplingConfig(**given, stop=body.stops)

    @property
    def opening(self) -> list[dict]:
        """Choices of the chunks that come before the first token."""
        return []

    def delta(self, index: int, piece: Piece, reply: TokenSequence) -> dict:
        """The choice of a streamed chunk."""
        raise NotImplementedError

    def choice(self, index: int, pieces: list[Piece], reply: TokenSequence) -> dict:
        """The choice of an answer."""
        raise NotImplementedError

    def answer(self, pieces: list[list[Piece]], replies: list[TokenSequence]) -> dict:
        choices = [self.choice(index, *both) for index, both in enumerate(zip(pieces, replies, strict=True))]
        return {**self.head, "object": self.kind, "choices": choices, "usage": self.usage(replies)}

    def chunk(self, choices: list[dict], used: dict | None = None) -> dict:
        content = {**self.head, "object": self.chunk_kind, "choices": choices}
        if self.body.stream_options is not None and self.body.stream_options.include_usage:
            content["usage"] = used
        return content

    def shown(self, index: int, pieces: list[Piece], reply: TokenSequence) -> list[tuple[Piece, int]]:
        """The tokens of the reply number `index` that these pieces show, and where each begins in its text."""
        return [found for piece in pieces for found in self._tokens[index].push(piece, reply.trimmed)]

    def usage(self, replies: list[TokenSequence]) -> dict[str, int]:
        """Tokens of the prompts, each counted once for all replies to it, and of the replies."""
        read = sum(len(reply.plan.ids) for reply in replies[:: self.count])
        new = sum(len(reply.said) - len(reply.plan.ids) for reply in replies)
        return {"prompt_tokens": read, "completion_tokens": new, "total_tokens": read + new}


class Chat(ResponseBuilder):
    kind, chunk_kind, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"
    prompt_field = "messages"
    body: api.ChatRequest

    def replies(self, model: Model) -> list[TokenSequence]:
        try:
            messages = [message.plain() for message in self.body.messages]
        except ValueError as error:
            raise RequestError(400, str(error), param="messages") from error
        if not model.template.has_system:
            told = len(messages)
            messages = [message for message in messages if message["role"] != "system"]
            if len(messages) < told:
                self.note = "This model has no place for a system prompt, so it was left out."
        alternatives = (self.body.top_logprobs or 0) if self.body.logprobs else 0
        return [
            TokenSequence(model, messages, self.config(index), alternatives=alternatives) for index in range(self.count)
        ]

    @property
    def opening(self) -> list[dict]:
        delta = {"role": "assistant", "content": ""}
        choices = range(self.count)
        return [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None} for index in choices]

    def delta(self, index: int, piece: Piece, reply: TokenSequence) -> dict:
        content = {"content": piece.text} if piece.text or piece.finish_reason is None else {}
        logprobs = self._logprobs(index, [piece], reply)
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": piece.finish_reason}

    def choice(self, index: int, pieces: list[Piece], reply: TokenSequence) -> dict:
        message = {"role": "assistant", "content": "".join(piece.text for piece in pieces), "refusal": None}
        logprobs, reason = self._logprobs(index, pieces, reply), pieces[-1].finish_reason
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": reason}

    def _logprobs(self, index: int, pieces: list[Piece], reply: TokenSequence) -> dict | None:
        if not self.body.logprobs:
            return None
        entries = []
        for piece, _ in self.shown(index, pieces, reply):
            others = [_entry(other.text, log(other.probability)) for other in piece.chunk.alternatives]
            entries.append({**_entry(piece.chunk.text, piece.logprob), "top_logprobs": others})
        return {"content": entries, "refusal": None}


class Completion(ResponseBuilder):
    kind, chunk_kind, prefix = "text_completion", "text_completion", "cmpl"
    prompt_field = "prompt"
    body: api.CompletionRequest

    def replies(self, model: Model) -> list[TokenSequence]:
        prompts = self.body.prompts
        if len(prompts) * self.count > MAX_REPLIES:
            raise RequestError(400, f"At most {MAX_REPLIES} replies can be asked for at once.", param="n")
        plans = [self._plan(model, prompt) for prompt in prompts]
        return [
            TokenSequence(model, plan, self.config(index), alternatives=self.body.logprobs or 0)
            for plan in plans
            for index in range(self.count)
        ]

    def _plan(self, model: Model, prompt: str | list[int]) -> FittedContext:
        template, window = model.template, model.config.window
        if isinstance(prompt, str):
            return fit_context(template, prompt, 1, window)
        size = model.tokenizer.vocab_size
        if max(prompt) >= size:
            raise RequestError(400, f"Token ids of this model are below {size}.", param="prompt")
        started = prompt if template.end_id is None else [template.end_id, *prompt]
        return FittedContext(fit_turns([started], [], window)[0], (len(started),), 0)

    def _echo(self, index: int, reply: TokenSequence) -> str:
        """The prompt as it was sent, before its reply."""
        if not self.body.echo:
            return ""
        prompt = self.body.prompts[index // self.count]
        if isinstance(prompt, str):
            return prompt.encode(errors="replace").decode()  # JSON can say what is no Unicode text
        return reply.model.tokenizer.decode(prompt)

    def delta(self, index: int, piece: Piece, reply: TokenSequence) -> dict:
        text = (self._echo(index, reply) if piece.new_tokens == 1 else "") + piece.text
        logprobs = self._logprobs(index, [piece], reply)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": piece.finish_reason}

    def choice(self, index: int, pieces: list[Piece], reply: TokenSequence) -> dict:
        text = self._echo(index, reply) + "".join(piece.text for piece in pieces)
        logprobs = self._logprobs(index, pieces, reply)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": pieces[-1].finish_reason}

    def _logprobs(self, index: int, pieces: list[Piece], reply: TokenSequence) -> dict | None:
        if self.body.logprobs is None:
            return None
        shown = self.shown(index, pieces, reply)
        return {
            "tokens": [piece.chunk.text for piece, _ in shown],
            "token_logprobs": [piece.logprob for piece, _ in shown],
            "top_logprobs": [_top(piece.chunk) for piece, _ in shown] if self.body.logprobs else None,
            "text_offset": [start for _, start in shown],
        }


def _entry(text: str, logprob: float) -> dict:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _top(chunk: Chunk) -> dict[str, float]:
    return {other.text: log(other.probability) for other in chunk.alternatives}


def log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -9999.0  # as the OpenAI API writes what has none
