"""Bodies of requests and responses of the OpenAI API, as far as a small text model supports them. Needs pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

MAX_CHOICES = 8
Number = StrictFloat | StrictInt
# JavaScript and some settings dialogs write whole numbers as 40.0
Whole = Annotated[
    int,
    BeforeValidator(lambda value: int(value) if isinstance(value, float) and value.is_integer() else value),
    Field(strict=True),
]
TokenLimit = Annotated[Whole, Field(ge=-1)]
TokenId = Annotated[int, Field(strict=True, ge=0, lt=2**31)]
NO_TOOLS = "This model cannot call tools; send tool_choice: none, or leave them out."
TOOL_FIELDS = ("tools", "functions")
UNSUPPORTED = {  # field that other servers accept -> why this one refuses it; nothing, "none" and "auto" are accepted
    "tools": NO_TOOLS,
    "functions": NO_TOOLS,
    "tool_choice": NO_TOOLS,
    "function_call": NO_TOOLS,
    "logit_bias": "logit_bias is not supported.",
    "suffix": "This model cannot fill in before a suffix.",
    "audio": "This model knows text only.",
}
TEXT_PARTS = ("text", "input_text", "output_text")


# ----------------------------------------------------------------------------------------------------------- requests


class StreamOptions(BaseModel):
    include_usage: StrictBool | None = None


class ResponseFormat(BaseModel):
    type: StrictStr


class RequestBase(BaseModel):
    """Fields of all kinds of request. Numbers have the ranges of the window's settings; the last three are ours.

    Fields that are not declared are ignored, see `ignored`, or refused, see `unsupported`.
    """

    model_config = ConfigDict(extra="allow")

    model: StrictStr | None = Field(None, description="the served model; another name is an error")
    max_tokens: TokenLimit | None = Field(None, description="-1 for the longest reply; more than that is cut to it")
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(ge=0, le=1)] | None = Field(None, description="less than 0.01 counts as 0.01")
    n: Annotated[Whole, Field(ge=1, le=MAX_CHOICES)] | None = None
    stop: StrictStr | list[StrictStr] | None = Field(None, description="any number; empty ones are left out")
    seed: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] | None = Field(None, description="-1 for a new one each time")
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    top_k: Annotated[Whole, Field(ge=-1, le=2**31 - 1)] | None = Field(None, description="0 or -1 allows all")
    min_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[Number, Field(ge=1, le=2)] | None = None

    @property
    def stop_strings(self) -> tuple[str, ...]:
        texts = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in texts if text)

    @property
    def token_limit(self) -> tuple[str, int | None]:
        """Name and value of the field that limits the reply's length."""
        return "max_tokens", self.max_tokens

    @property
    def only_prompt(self) -> bool:
        """True if no reply is asked for, only the prompt's own probabilities."""
        return False

    @property
    def includes_usage(self) -> bool:
        """True if a stream ends with the token counts."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def unsupported(self) -> tuple[str, str] | None:
        """Name of the first field that this server cannot honour, and the reason; None if there is none."""
        extra = self.model_extra or {}
        may_call = "none" not in (extra.get("tool_choice"), extra.get("function_call"))
        for key, reason in UNSUPPORTED.items():
            if extra.get(key) not in (None, [], {}, "", "none", "auto") and (may_call or key not in TOOL_FIELDS):
                return key, reason
        name, limit = self.token_limit
        if limit == 0 and not self.only_prompt:
            return name, f"{name} must be at least 1, or -1 for the longest reply."
        return None

    def ignored(self) -> list[str]:
        """Names of the fields sent that this server does not know, with values other than nothing and false."""
        return [key for key, value in (self.model_extra or {}).items() if value and key not in UNSUPPORTED]


class TextPart(BaseModel):
    type: StrictStr
    text: StrictStr | None = None


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: StrictStr | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The text of the message, "" for none. Raises ValueError for parts that are no text."""
        if not isinstance(self.content, list):
            return self.content or ""
        texts = [part.text for part in self.content if part.type in TEXT_PARTS and part.text is not None]
        if len(texts) < len(self.content):
            raise ValueError("This model knows text only.")
        return "".join(texts)

    @property
    def calls_tools(self) -> bool:
        extra = self.model_extra or {}
        return bool(extra.get("tool_calls") or extra.get("function_call"))

    def ignored(self) -> list[str]:
        """As for a request. Parts of tool calls are told of in another way."""
        known = {"tool_calls", "function_call", "tool_call_id"}
        return [f"messages.{key}" for key, value in (self.model_extra or {}).items() if value and key not in known]


class ChatCompletionRequest(RequestBase):
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=4096)]
    max_completion_tokens: TokenLimit | None = Field(None, description="as max_tokens, before which it counts")
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[Whole, Field(ge=0, le=20)] | None = None
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

    def ignored(self) -> list[str]:
        of_messages = (name for message in self.messages for name in message.ignored())
        return [*super().ignored(), *dict.fromkeys(of_messages)]


class CompletionRequest(RequestBase):
    prompt: (
        StrictStr
        | Annotated[list[StrictStr], Field(min_length=1, max_length=64)]
        | Annotated[list[TokenId], Field(min_length=1)]
        | Annotated[list[Annotated[list[TokenId], Field(min_length=1)]], Field(min_length=1, max_length=64)]
    )
    logprobs: Annotated[Whole, Field(ge=0, le=5)] | None = None
    echo: StrictBool | None = Field(None, description="with logprobs also those of the prompt")

    @property
    def only_prompt(self) -> bool:
        return self.max_tokens == 0

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
