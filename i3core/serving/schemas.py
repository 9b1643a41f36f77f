"""Bodies of requests and answers of the OpenAI API, as far as a small text model has them. Needs pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ..generation.config import SAMPLING_SETTINGS

_RANGES = {setting.key: setting for setting in SAMPLING_SETTINGS}
MAX_CHOICES = 8
MAX_STOPS = 4
Number = StrictFloat | StrictInt
Id = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
NOT_HERE = {  # what other servers can, and why this one refuses it
    "tools": "This model cannot call tools.",
    "functions": "This model cannot call functions.",
    "tool_choice": "This model cannot call tools.",
    "logit_bias": "logit_bias is not supported.",
    "suffix": "This model cannot fill in before a suffix.",
    "audio": "This model knows text only.",
}


class StreamOptions(BaseModel):
    include_usage: StrictBool | None = None


class ResponseFormat(BaseModel):
    type: StrictStr


class Sampling(BaseModel):
    """What both kinds of request share. Numbers have the ranges of the window's settings; the last three are ours."""

    model_config = ConfigDict(extra="allow")

    model: StrictStr | None = Field(None, description="the served model; another name is an error")
    max_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, description="below 0.01 is as 0.01")
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
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def refused(self) -> tuple[str, str] | None:
        """The first thing asked for that this server cannot do: its name, and why; None if there is none."""
        extra = self.model_extra or {}
        for key, reason in NOT_HERE.items():
            if extra.get(key) not in (None, [], {}, "", "none", "auto"):
                return key, reason
        for key in ("frequency_penalty", "presence_penalty"):
            if getattr(self, key):
                return key, f"{key} is not supported; use repetition_penalty (1 to 2)."
        if any(not text for text in self.stops):
            return "stop", "A stop text must not be empty."
        return None


class TextPart(BaseModel):
    type: StrictStr
    text: StrictStr | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: StrictStr | list[TextPart] | None = None

    def plain(self) -> dict[str, str]:
        """As i3core has messages. Raises ValueError for anything but text."""
        parts = self.content
        if isinstance(parts, list):
            if any(part.type != "text" or part.text is None for part in parts):
                raise ValueError("This model knows text only.")
            parts = "".join(part.text for part in parts)
        return {"role": "system" if self.role == "developer" else self.role, "content": parts or ""}


class ChatRequest(Sampling):
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=4096)]
    max_completion_tokens: Annotated[int, Field(strict=True, ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(strict=True, ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None

    def refused(self) -> tuple[str, str] | None:
        if self.response_format is not None and self.response_format.type != "text":
            return "response_format", "This model answers in plain text only."
        return super().refused()


class CompletionRequest(Sampling):
    prompt: (
        StrictStr
        | Annotated[list[StrictStr], Field(min_length=1, max_length=64)]
        | Annotated[list[Id], Field(min_length=1)]
        | Annotated[list[Annotated[list[Id], Field(min_length=1)]], Field(min_length=1, max_length=64)]
    )
    logprobs: Annotated[int, Field(strict=True, ge=0, le=5)] | None = None
    echo: StrictBool | None = Field(None, description="not together with logprobs")

    def refused(self) -> tuple[str, str] | None:
        if self.echo and self.logprobs is not None:
            return "echo", "The probabilities of a prompt are not given; leave out echo or logprobs."
        return super().refused()

    @property
    def prompts(self) -> list[str | list[int]]:
        if isinstance(self.prompt, str) or isinstance(self.prompt[0], int):
            return [self.prompt]
        return list(self.prompt)


# ------------------------------------------------------------------------------------------------------------ answers


class ErrorContent(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    error: ErrorContent


class ModelObject(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelObject]


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    running: int
    waiting: int


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Choice(BaseModel):
    index: int
    finish_reason: Literal["stop", "length"]
    logprobs: dict[str, Any] | None = None


class AnswerMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(Choice):
    message: AnswerMessage


class CompletionChoice(Choice):
    text: str


class ResponseBase(BaseModel):
    id: str
    created: int
    model: str
    system_fingerprint: str
    usage: Usage


class ChatAnswer(ResponseBase):
    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]


class CompletionAnswer(ResponseBase):
    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]
