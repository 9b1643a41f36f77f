"""Bodies of requests and responses of the OpenAI API, as far as a small text model supports them. Needs pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

MAX_CHOICES = 8
MAX_STOPS = 4
Number = StrictFloat | StrictInt
TokenId = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
UNSUPPORTED = {  # field that other servers accept -> why this one refuses it
    "tools": "This model cannot call tools.",
    "functions": "This model cannot call functions.",
    "tool_choice": "This model cannot call tools.",
    "logit_bias": "logit_bias is not supported.",
    "suffix": "This model cannot fill in before a suffix.",
    "audio": "This model knows text only.",
}


# ----------------------------------------------------------------------------------------------------------- requests


class StreamOptions(BaseModel):
    include_usage: StrictBool | None = None


class ResponseFormat(BaseModel):
    type: StrictStr


class RequestBase(BaseModel):
    """Fields of both kinds of request. Numbers have the ranges of the window's settings; the last three are ours."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr | None = Field(None, description="the served model; another name is an error")
    max_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, description="less than 0.01 counts as 0.01")
    n: Annotated[int, Field(strict=True, ge=1, le=MAX_CHOICES)] | None = None
    stop: StrictStr | Annotated[list[StrictStr], Field(max_length=MAX_STOPS)] | None = None
    seed: Annotated[int, Field(strict=True, ge=-(2**63), lt=2**63)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: Number | None = Field(None, description="only 0: see repetition_penalty")
    presence_penalty: Number | None = Field(None, description="only 0: see repetition_penalty")
    user: StrictStr | None = None
    top_k: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None
    min_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[Number, Field(ge=1, le=2)] | None = None

    @property
    def stop_strings(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def token_limit(self) -> tuple[str, int | None]:
        """Name and value of the field that limits the reply's length."""
        return "max_tokens", self.max_tokens

    @property
    def includes_usage(self) -> bool:
        """True if a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def unsupported(self) -> tuple[str, str] | None:
        """Name of the first field that this server cannot honour, and the reason; None if there is none."""
        extra = self.model_extra or {}
        for key, reason in UNSUPPORTED.items():
            if extra.get(key) not in (None, [], {}, "", "none", "auto"):
                return key, reason
        for key in ("frequency_penalty", "presence_penalty"):
            if getattr(self, key):
                return key, f"{key} is not supported; use repetition_penalty (1 to 2)."
        if any(not text for text in self.stop_strings):
            return "stop", "A stop text must not be empty."
        return None


class TextPart(BaseModel):
    type: StrictStr
    text: StrictStr | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: StrictStr | list[TextPart] | None = None

    def to_message(self) -> dict[str, str]:
        """Convert to a message of i3core. Raises ValueError for anything but text."""
        content = self.content
        if isinstance(content, list):
            texts = [part.text for part in content if part.type == "text" and part.text is not None]
            if len(texts) < len(content):
                raise ValueError("This model knows text only.")
            content = "".join(texts)
        return {"role": "system" if self.role == "developer" else self.role, "content": content or ""}


class ChatCompletionRequest(RequestBase):
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=4096)]
    max_completion_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(strict=True, ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None

    @property
    def token_limit(self) -> tuple[str, int | None]:
        if self.max_completion_tokens is not None:
            return "max_completion_tokens", self.max_completion_tokens
        return super().token_limit

    def unsupported(self) -> tuple[str, str] | None:
        if self.response_format is not None and self.response_format.type != "text":
            return "response_format", "This model answers in plain text only."
        return super().unsupported()


class CompletionRequest(RequestBase):
    prompt: (
        StrictStr
        | Annotated[list[StrictStr], Field(min_length=1, max_length=64)]
        | Annotated[list[TokenId], Field(min_length=1)]
        | Annotated[list[Annotated[list[TokenId], Field(min_length=1)]], Field(min_length=1, max_length=64)]
    )
    logprobs: Annotated[int, Field(strict=True, ge=0, le=5)] | None = None
    echo: StrictBool | None = Field(None, description="not together with logprobs")

    def unsupported(self) -> tuple[str, str] | None:
        if self.echo and self.logprobs is not None:
            return "echo", "The probabilities of a prompt are not given; leave out echo or logprobs."
        return super().unsupported()

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts one by one, each a text or token ids."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        token_ids = [item for item in self.prompt if isinstance(item, int)]
        return [token_ids] if token_ids else [item for item in self.prompt if not isinstance(item, int)]


# ---------------------------------------------------------------------------------------------------------- responses


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorResponse(BaseModel):
    error: ErrorDetail


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    running: int
    waiting: int


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChoiceBase(BaseModel):
    index: int
    finish_reason: Literal["stop", "length"]
    logprobs: dict[str, Any] | None = None


class ChatCompletionMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatCompletionChoice(ChoiceBase):
    message: ChatCompletionMessage


class CompletionChoice(ChoiceBase):
    text: str


class ResponseBase(BaseModel):
    id: str
    created: int
    model: str
    system_fingerprint: str
    usage: Usage


class ChatCompletion(ResponseBase):
    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatCompletionChoice]


class Completion(ResponseBase):
    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]
