"""The OpenAI-compatible HTTP server: routes over an `Engine`. Needs the extra `server`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from ..errors import ConfigError, I3Error, PromptError, PromptTooLongError
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence
from ..version import __version__
from . import schemas as api
from .engine import BusyError, ClosingError, Engine
from .middleware import Limits, RequestGuardMiddleware, error_body, is_loopback
from .responses import Chat, Completion, RequestError, ResponseBuilder

RETRY_AFTER_S = 1
_ERRORS = {status: {"model": api.ErrorBody} for status in (400, 401, 403, 404, 405, 408, 413, 429, 500, 503)}
_KINDS = ("str", "int", "float", "bool")  # which pydantic puts into the place of a value that may be of several


@dataclass(frozen=True)
class ServerSettings:
    """How a server answers.

    Attributes:
        name: of the model, as clients ask for it.
        max_tokens: the longest reply that may be asked for.
        host: what it listens on; see `RequestGuardMiddleware` for this and the next three.
    """

    name: str
    max_tokens: int = 4096
    host: str = "127.0.0.1"
    api_key: str | None = None
    origin: str | None = None
    names: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


class Stream:
    """The pieces of several replies as the engine makes them. Whoever stops listening closes it.

    Raises BusyError when it is made, if too many wait already.
    """

    def __init__(self, engine: Engine, client: str, replies: Sequence[TokenSequence]) -> None:
        self._engine, self._left = engine, len(replies)
        self._pieces: asyncio.Queue[tuple[int, Piece | I3Error]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def listener(index: int) -> Callable[[Piece | I3Error], None]:
            def listen(piece: Piece | I3Error) -> None:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._pieces.put_nowait, (index, piece))

            return listen

        self._tickets = engine.submit(client, [(reply, listener(i)) for i, reply in enumerate(replies)])

    async def __aiter__(self) -> AsyncIterator[tuple[int, Piece]]:
        """Index of the reply, and piece. Raises I3Error if one breaks off."""
        try:
            while self._left:
                index, piece = await self._pieces.get()
                if isinstance(piece, I3Error):
                    raise piece
                self._left -= piece.finish_reason is not None
                yield index, piece
        finally:
            self.close()

    def close(self) -> None:
        self._engine.cancel(self._tickets)


def build_app(engine: Engine, settings: ServerSettings, log_request: Callable[..., None] | None = None) -> FastAPI:
    """The application. `log_request(method, path, status, tokens, seconds)` is called after each request."""
    app = FastAPI(
        title="i3desk", version=__version__, docs_url=None, redoc_url=None,  # those pages load from the network
        description="An i3 language model on this computer, with the API of OpenAI.",
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},  # whatever is set
    )  # fmt: skip
    card = api.ModelObject(id=settings.name, created=int(time.time()), owned_by="i3desk")

    @app.get("/health", responses=_ERRORS)
    async def health() -> api.Health:
        """Whether the server answers, and how busy it is."""
        load = engine.load
        return api.Health(running=load.running, waiting=load.waiting)

    @app.get("/v1/models/", include_in_schema=False)
    @app.get("/v1/models", responses=_ERRORS)
    async def models() -> api.ModelList:
        return api.ModelList(data=[card])

    @app.get("/v1/models/{name:path}", responses=_ERRORS)
    async def model(name: str) -> api.ModelObject:
        _check_name(name)
        return card

    @app.post("/v1/chat/completions", responses=_ERRORS, response_model=api.ChatAnswer)
    async def chat(body: api.ChatRequest, request: Request) -> Response:
        """The reply to a conversation; as server-sent events with `stream`."""
        return await respond(Chat(body, settings.name, settings.max_tokens), request)

    @app.post("/v1/completions", responses=_ERRORS, response_model=api.CompletionAnswer)
    async def completions(body: api.CompletionRequest, request: Request) -> Response:
        """What follows a text; as server-sent events with `stream`."""
        return await respond(Completion(body, settings.name, settings.max_tokens), request)

    def _check_name(name: str | None) -> None:
        if name not in (None, settings.name):
            raise RequestError(
                404, f"There is no model {name!r} here, only {settings.name!r}.", "model_not_found", "model"
            )

    async def respond(answering: ResponseBuilder, request: Request) -> Response:
        body = answering.body
        _check_name(body.model)
        refused = body.refused()
        if refused is not None:
            raise RequestError(400, refused[1], "unsupported_value", refused[0])
        try:
            replies = answering.replies(engine.model)
        except PromptError as error:
            code = "context_length_exceeded" if isinstance(error, PromptTooLongError) else "invalid_prompt"
            raise RequestError(400, str(error), code, answering.prompt_field) from error
        if len(replies) > engine.most_at_once:
            raise RequestError(400, f"At most {engine.most_at_once} replies can be asked for at once.", param="n")
        stream = Stream(engine, _client(request, settings.host), replies)
        if body.stream:
            response: Response = EventStream(_events(answering, stream, replies, request), stream)
        else:
            try:
                pieces = await _collect(stream, len(replies), request)
            finally:
                request.scope["i3_tokens"] = answering.usage(replies)["completion_tokens"]
            if pieces is None:
                return Response(status_code=499)
            response = JSONResponse(answering.answer(pieces, replies))
        if answering.note:
            response.headers["X-I3-Note"] = answering.note
        return response

    _handle_errors(app)
    schema = app.openapi

    def openapi() -> dict:
        content = schema()
        for path in content["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)  # it is 400 here, as with OpenAI
        return content

    app.openapi = openapi
    app.add_middleware(
        RequestGuardMiddleware, host=settings.host, api_key=settings.api_key, origin=settings.origin,
        names=settings.names, limits=settings.limits, log_request=log_request,
    )  # fmt: skip
    return app


class EventStream(StreamingResponse):
    """Server-sent events. Ends the replies also where a client left before the first event was asked for."""

    def __init__(self, events: AsyncIterator[str], stream: Stream) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


def _client(request: Request, host: str) -> str:
    """Who asks, for turns. On this computer an address has many programs, which tell themselves apart; from others only
    the address counts, which nobody can make up to get more turns."""
    address = request.client.host if request.client else ""
    if not is_loopback(host):
        return address
    user = request.headers.get("x-client") or request.headers.get("user-agent") or ""
    return f"{address} {user}"


async def _collect(stream: Stream, count: int, request: Request) -> list[list[Piece]] | None:
    """All pieces of all replies; None if the client left meanwhile."""
    pieces: list[list[Piece]] = [[] for _ in range(count)]

    async def gather() -> None:
        async for index, piece in stream:
            pieces[index].append(piece)

    async def client_left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    gathering, leaving = asyncio.create_task(gather()), asyncio.create_task(client_left())
    try:
        await asyncio.wait({gathering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not gathering.done():
            return None
        gathering.result()
        return pieces
    finally:
        stream.close()
        for task in (gathering, leaving):
            task.cancel()
        await asyncio.gather(gathering, leaving, return_exceptions=True)


async def _events(
    answering: ResponseBuilder, stream: Stream, replies: list[TokenSequence], request: Request
) -> AsyncIterator[str]:
    try:
        for choice in answering.opening:
            yield _event(answering.chunk([choice]))
        async for index, piece in stream:
            yield _event(answering.chunk([answering.delta(index, piece, replies[index])]))
        if answering.body.stream_options is not None and answering.body.stream_options.include_usage:
            yield _event(answering.chunk([], answering.usage(replies)))
        yield "data: [DONE]\n\n"
    except I3Error as error:
        yield _event(error_body(500, str(error)))
    finally:
        request.scope["i3_tokens"] = answering.usage(replies)["completion_tokens"]
        stream.close()


def _event(content: dict) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _handle_errors(app: FastAPI) -> None:
    def answer(status: int, message: str, code: str | None = None, param: str | None = None) -> JSONResponse:
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else None
        return JSONResponse(error_body(status, message, code, param), status, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return answer(400, *_explained(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        response = answer(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(I3Error)
    async def ours(_: Request, error: I3Error) -> JSONResponse:
        if isinstance(error, RequestError):
            return answer(error.status, error.what, error.code, error.param)
        if isinstance(error, BusyError):
            return answer(429, str(error), "too_many_requests")
        if isinstance(error, ClosingError):
            return answer(503, str(error), "closing")
        return answer(400 if isinstance(error, ConfigError) else 500, str(error))

    @app.exception_handler(Exception)
    async def bug(_: Request, error: Exception) -> JSONResponse:
        return answer(500, f"The server failed ({type(error).__name__}). Its output says more.")


def _explained(errors: Sequence[dict]) -> tuple[str, str, str | None]:
    """Message, code and name of the field for what is wrong with a body."""
    first = errors[0]
    if first["type"] == "json_invalid":
        place = first["loc"][-1]
        return f"The body is not JSON: {first['ctx']['error']} (behind {place} characters).", first["type"], None
    if first["loc"] == ("body",):
        return "The body must be a JSON object, sent with Content-Type: application/json.", first["type"], None

    def field_of(error: dict) -> str:
        names = [str(part) for part in error["loc"][1:]]
        return ".".join(name for name in names if name not in _KINDS and "[" not in name)

    # A value that may be of several kinds has an error for each: one that fits but for its range or a part says most.
    param = field_of(first)
    same = [error for error in errors if field_of(error) == param or field_of(error).startswith(f"{param}.")]
    near = [error for error in same if not error["type"].endswith("_type")]
    near = near or [error for error in same if field_of(error) != param]
    if near:
        return f"{field_of(near[0])}: {near[0]['msg']}", near[0]["type"], field_of(near[0])
    return f"{param}: {', or: '.join(dict.fromkeys(error['msg'] for error in same))}", first["type"], param
