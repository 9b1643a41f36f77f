"""What the server answers: replies of a model in the forms of the OpenAI API. Needs pydantic."""

from __future__ import annotations

import math
import time
import uuid

from . import __version__
from . import api_types as api
from .checkpoint import Model
from .errors import I3Error
from .pieces import Chunk, Piece
from .reply import Reply
from .settings import SamplingConfig
from .window import WindowPlan, fit_turns, plan_window

MAX_REPLIES = 64  # of one request


class RequestError(I3Error):
    """A request that is well-formed, and still cannot be answered."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, "")
        self.status, self.code, self.param = status, code, param


class Answering:
    """Makes answers of one kind: what `chat` and `completions` have in common, and what each has of its own."""

    kind: str
    prefix: str

    def __init__(self, body: api.ChatRequest | api.CompletionRequest, name: str, max_tokens: int) -> None:
        self.body, self.max_tokens = body, max_tokens
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
        asked = getattr(body, "max_completion_tokens", None) or body.max_tokens
        if asked is not None and asked > self.max_tokens:
            raise RequestError(400, f"At most {self.max_tokens} tokens can be asked for.", param="max_tokens")
        if asked is not None:
            given["max_new_tokens"] = asked
        if body.seed is not None:
            given["seed"] = (body.seed + index) % 2**31
        return SamplingConfig(**given, stop=body.stops)

    @property
    def opening(self) -> list[dict]:
        """Choices of the chunks that come before the first token."""
        return []

    def delta(self, index: int, piece: Piece, reply: Reply) -> dict:
        """The choice of a streamed chunk."""
        raise NotImplementedError

    def choice(self, index: int, pieces: list[Piece], reply: Reply) -> dict:
        """The choice of an answer."""
        raise NotImplementedError

    def answer(self, pieces: list[list[Piece]], replies: list[Reply]) -> dict:
        choices = [self.choice(index, *both) for index, both in enumerate(zip(pieces, replies, strict=True))]
        return {**self.head, "object": self.kind, "choices": choices, "usage": usage(replies)}

    def chunk(self, choices: list[dict], used: dict | None = None) -> dict:
        content = {**self.head, "object": self.chunk_kind, "choices": choices}
        if self.body.stream_options is not None and self.body.stream_options.include_usage:
            content["usage"] = used
        return content

    @property
    def chunk_kind(self) -> str:
        return self.kind


class Chat(Answering):
    kind, prefix = "chat.completion", "chatcmpl"
    chunk_kind = "chat.completion.chunk"
    body: api.ChatRequest

    def replies(self, model: Model) -> list[Reply]:
        try:
            messages = [message.plain() for message in self.body.messages]
        except ValueError as error:
            raise RequestError(400, str(error), param="messages") from error
        alternatives = (self.body.top_logprobs or 0) if self.body.logprobs else 0
        return [
            Reply(model, messages, self.config(index), alternatives=alternatives) for index in range(self.body.n or 1)
        ]

    @property
    def opening(self) -> list[dict]:
        delta = {"role": "assistant", "content": ""}
        choices = range(self.body.n or 1)
        return [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None} for index in choices]

    def delta(self, index: int, piece: Piece, reply: Reply) -> dict:
        content = {"content": piece.text} if piece.text or piece.finish_reason is None else {}
        logprobs = self._logprobs([piece])
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": piece.finish_reason}

    def choice(self, index: int, pieces: list[Piece], reply: Reply) -> dict:
        message = {"role": "assistant", "content": "".join(piece.text for piece in pieces), "refusal": None}
        reason = pieces[-1].finish_reason
        return {"index": index, "message": message, "logprobs": self._logprobs(pieces), "finish_reason": reason}

    def _logprobs(self, pieces: list[Piece]) -> dict | None:
        if not self.body.logprobs:
            return None
        entries = []
        for piece in pieces:
            if piece.chunk is not None:
                others = [_entry(other.text, log(other.probability)) for other in piece.chunk.alternatives]
                entries.append({**_entry(piece.chunk.text, piece.logprob), "top_logprobs": others})
        return {"content": entries, "refusal": None}


class Completion(Answering):
    kind, prefix = "text_completion", "cmpl"
    body: api.CompletionRequest

    def replies(self, model: Model) -> list[Reply]:
        prompts, count = self.body.prompts, self.body.n or 1
        if len(prompts) * count > MAX_REPLIES:
            raise RequestError(400, f"At most {MAX_REPLIES} replies can be asked for at once.", param="n")
        plans = [self._plan(model, prompt) for prompt in prompts]
        return [
            Reply(model, plan, self.config(index), alternatives=self.body.logprobs or 0)
            for plan in plans
            for index in range(count)
        ]

    def _plan(self, model: Model, prompt: str | list[int]) -> WindowPlan:
        template, window = model.template, model.config.window
        if isinstance(prompt, str):
            return plan_window(template, prompt, 1, window)
        size = model.tokenizer.vocab_size
        if max(prompt) >= size:
            raise RequestError(400, f"Token ids of this model are below {size}.", param="prompt")
        started = prompt if template.end_id is None else [template.end_id, *prompt]
        return WindowPlan(fit_turns([started], [], window)[0], (len(started),), 0)

    def _echo(self, reply: Reply) -> str:
        if not self.body.echo:
            return ""
        end = reply.model.template.end_id
        return reply.model.tokenizer.decode(reply.plan.ids[end is not None :])

    def delta(self, index: int, piece: Piece, reply: Reply) -> dict:
        text = (self._echo(reply) if piece.new_tokens == 1 else "") + piece.text
        logprobs = self._logprobs([piece], 0)
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": piece.finish_reason}

    def choice(self, index: int, pieces: list[Piece], reply: Reply) -> dict:
        start = self._echo(reply)
        text = start + "".join(piece.text for piece in pieces)
        logprobs = self._logprobs(pieces, len(start))
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": pieces[-1].finish_reason}

    def _logprobs(self, pieces: list[Piece], offset: int) -> dict | None:
        if self.body.logprobs is None:
            return None
        chunks = [(piece.chunk, piece.logprob) for piece in pieces if piece.chunk is not None]
        offsets, at = [], offset
        for chunk, _ in chunks:
            offsets.append(at)
            at += len(chunk.text)
        return {
            "tokens": [chunk.text for chunk, _ in chunks],
            "token_logprobs": [logprob for _, logprob in chunks],
            "top_logprobs": [_top(chunk) for chunk, _ in chunks] if self.body.logprobs else None,
            "text_offset": offsets,
        }


def _entry(text: str, logprob: float) -> dict:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _top(chunk: Chunk) -> dict[str, float]:
    return {other.text: log(other.probability) for other in chunk.alternatives}


def log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -9999.0  # as the OpenAI API writes what has none


def usage(replies: list[Reply]) -> dict[str, int]:
    """Tokens of the prompts, each counted once for all replies to it, and of the replies."""
    read = sum({tuple(reply.plan.ids): len(reply.plan.ids) for reply in replies}.values())
    new = sum(len(reply.said) - len(reply.plan.ids) for reply in replies)
    return {"prompt_tokens": read, "completion_tokens": new, "total_tokens": read + new}
