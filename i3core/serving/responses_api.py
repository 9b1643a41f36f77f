"""The Responses API of OpenAI in its simple form: text in, one text out, nothing stored. Needs pydantic."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr

from ..checkpoints.checkpoint import Model
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence
from .middleware import error_body
from .responses import Event, RequestError, ResponseBuilder
from .schemas import ChatMessage, RequestBase, ResponseFormat, TextPart, TokenLimit

NOT_STORED = "Responses are not stored here; send the whole conversation as input."
UNSUPPORTED = {
    "previous_response_id": NOT_STORED,
    "conversation": NOT_STORED,
    "background": NOT_STORED,
    "prompt": "Prompts are not stored here; send the text as input.",
}
PLACE = {"output_index": 0, "content_index": 0}  # of the one text in a response


class InputItem(BaseModel):
    """A message, or what a tool was asked or answered."""

    model_config = ConfigDict(extra="allow")

    type: StrictStr = "message"
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: StrictStr | list[TextPart] | None = None
    output: StrictStr | list[TextPart] | None = None

    def to_message(self) -> ChatMessage | None:
        """The message of the chat API; None for thoughts, which the model does not read. Raises ValueError."""
        if self.type == "message" and self.role is not None:
            return ChatMessage(role=self.role, content=self.content)
        if self.type == "function_call":
            return ChatMessage.model_validate({"role": "assistant", "tool_calls": [self.type]})
        if self.type == "function_call_output":
            return ChatMessage(role="tool", content=self.output)
        if self.type == "reasoning":
            return None
        raise ValueError(f"An item of the input is no message with a role, but {self.type[:40]!r}.")


class TextSettings(BaseModel):
    format: ResponseFormat | None = None


class ResponsesRequest(RequestBase):
    """A request of the Responses API. Fields that it shares with the other requests have the same meaning."""

    input: StrictStr | Annotated[list[InputItem], Field(min_length=1, max_length=4096)]
    instructions: StrictStr | None = Field(None, description="a system prompt")
    max_output_tokens: TokenLimit | None = Field(None, description="as max_tokens of the other requests")
    text: TextSettings | None = None
    metadata: dict[str, Any] | None = Field(None, description="returned with the response")

    @property
    def token_limit(self) -> tuple[str, int | None]:
        if self.max_output_tokens is not None:
            return "max_output_tokens", self.max_output_tokens
        return super().token_limit

    def unsupported(self) -> tuple[str, str] | None:
        for key, reason in UNSUPPORTED.items():
            if (self.model_extra or {}).get(key):
                return key, reason
        if (self.n or 1) > 1:
            return "n", "A response has one text; /v1/chat/completions gives several."
        if self.text is not None and self.text.format is not None and self.text.format.type != "text":
            return "text.format", "This model answers in plain text only."
        return super().unsupported()

    def messages(self) -> list[ChatMessage]:
        """The conversation as the chat API has it. Raises ValueError."""
        given = [] if not self.instructions else [ChatMessage(role="system", content=self.instructions)]
        if isinstance(self.input, str):
            return [*given, ChatMessage(role="user", content=self.input)]
        return [*given, *(message for item in self.input if (message := item.to_message()) is not None)]


class InputDetails(BaseModel):
    cached_tokens: int


class OutputDetails(BaseModel):
    reasoning_tokens: int


class ResponsesUsage(BaseModel):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class OutputText(BaseModel):
    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class OutputMessage(BaseModel):
    type: Literal["message"] = "message"
    id: str
    role: Literal["assistant"] = "assistant"
    status: Literal["in_progress", "completed", "incomplete"]
    content: list[OutputText]


class Response(BaseModel):
    """The fields of a response that a text model fills; those of OpenAI's that never apply are null or empty."""

    model_config = ConfigDict(extra="allow")

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Literal["in_progress", "completed", "incomplete"]
    model: str
    output: list[OutputMessage]
    usage: ResponsesUsage | None = None


class ResponsesBuilder(ResponseBuilder[ResponsesRequest]):
    """Build a response, whole or as the named events of a stream."""

    kind, chunk_kind, prefix = "response", "response", "resp"
    prompt_field, ends_with_done = "input", False

    def __init__(self, body: ResponsesRequest, name: str, max_tokens: int) -> None:
        super().__init__(body, name, max_tokens)
        self._message_id = f"msg_{uuid.uuid4().hex[:24]}"
        self._text: list[str] = []
        self._events = 0
        self._reason: str | None = None

    def sequences(self, model: Model) -> list[TokenSequence]:
        try:
            messages = self.body.messages()
        except ValueError as error:
            raise RequestError(400, str(error), param=self.prompt_field) from error
        return self.conversation_sequences(model, messages)

    def choice(self, index: int, pieces: list[Piece], sequence: TokenSequence) -> dict:
        """The message of a whole response."""
        return self._message("incomplete" if pieces[-1].finish_reason == "length" else "completed", pieces)

    def response(self, pieces: list[list[Piece]], sequences: list[TokenSequence]) -> dict:
        message = self.choice(0, pieces[0], sequences[0])
        return self._response(message["status"], [message], sequences)

    def opening_events(self) -> Iterator[Event]:
        for kind in ("response.created", "response.in_progress"):
            yield self._event(kind, response=self._response("in_progress", [], []))
        yield self._event("response.output_item.added", output_index=0, item=self._message("in_progress"))
        yield self._event("response.content_part.added", **self._place(), part=_output_text(""))

    def piece_events(self, index: int, piece: Piece, sequence: TokenSequence) -> Iterator[Event]:
        self._reason = piece.finish_reason
        if piece.text:
            self._text.append(piece.text)
            yield self._event("response.output_text.delta", **self._place(), delta=piece.text, logprobs=[])

    def closing_events(self, sequences: list[TokenSequence]) -> Iterator[Event]:
        status, text = "incomplete" if self._reason == "length" else "completed", "".join(self._text)
        message = self._message(status) | {"content": [_output_text(text)]}
        yield self._event("response.output_text.done", **self._place(), text=text, logprobs=[])
        yield self._event("response.content_part.done", **self._place(), part=_output_text(text))
        yield self._event("response.output_item.done", output_index=0, item=message)
        yield self._event(f"response.{status}", response=self._response(status, [message], sequences))

    def error_event(self, message: str) -> Event:
        return self._event("error", **error_body(500, message)["error"] | {"type": "error"})

    def _event(self, kind: str, **content: Any) -> Event:
        self._events += 1
        return kind, {"type": kind, "sequence_number": self._events - 1, **content}

    def _place(self) -> dict[str, Any]:
        return {"item_id": self._message_id, **PLACE}

    def _message(self, status: str, pieces: list[Piece] | None = None) -> dict[str, Any]:
        content = [] if pieces is None else [_output_text("".join(piece.text for piece in pieces))]
        return {"type": "message", "id": self._message_id, "role": "assistant", "status": status, "content": content}

    def _response(self, status: str, output: list[dict], sequences: list[TokenSequence]) -> dict[str, Any]:
        body, config = self.body, self.config(0)
        return {
            "id": self.head["id"].replace("-", "_"),
            "object": "response",
            "created_at": self.head["created"],
            "status": status,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": body.instructions,
            "max_output_tokens": body.token_limit[1],
            "metadata": body.metadata or {},
            "model": self.head["model"],
            "output": output,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "store": False,
            "temperature": config.temperature,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": config.top_p,
            "truncation": "auto",
            "usage": _usage(self.usage(sequences)) if sequences else None,
        }


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": counts["total_tokens"],
    }
