"""The OpenAI-compatible HTTP server: routes over an `Engine`. Needs the extra `server`."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from ..errors import I3Error, PromptError, PromptTooLongError
from ..generation.outputs import Piece
from ..generation.sequence import TokenSequence
from ..version import __version__
from . import schemas
from .engine import Engine
from .error_responses import handle_errors
from .middleware import (
    WRONG_HOST,
    WRONG_ORIGIN,
    HeadMiddleware,
    Limits,
    RefusalMiddleware,
    RequestGuardMiddleware,
    RequestLog,
    RequestLogMiddleware,
    is_loopback,
)
from .responses import ChatCompletionBuilder, CompletionBuilder, Event, RequestError, ResponseBuilder
from .responses_api import Response as ResponsesResponse
from .responses_api import ResponsesBuilder, ResponsesRequest

NOTE, IGNORED = "X-I3-Note", "X-I3-Ignored"  # headers of answers
MOST_NAMED = 30  # ignored fields
OTHER_ROUTES = {  # of OpenAI's API, which this model cannot serve
    "/v1/embeddings": "This model makes no embeddings, only text.",
    "/v1/moderations": "This model judges no text.",
    "/v1/images/generations": "This model knows text only.",
    "/v1/audio/speech": "This model knows text only.",
    "/v1/audio/transcriptions": "This model knows text only.",
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.ErrorResponse} for status in (400, 401, 403, 404, 405, 408, 413, 429, 500, 503)
}


@dataclass(frozen=True)
class ServerSettings:
    """Settings of a server.

    Attributes:
        name: the model's name for clients.
        max_tokens: the longest reply that can be asked for.
        host: the address it listens on. On loopback it answers only to names of this computer, so that no web page
            reaches it through a host name that was made to point here (DNS rebinding).
        api_key: required in every request but /health; None requires none.
        origin: the web site whose pages may ask from a browser; None for no site.
        names: further host names that clients may have for this computer.
    """

    name: str
    max_tokens: int = 4096
    host: str = "127.0.0.1"
    api_key: str | None = None
    origin: str | None = None
    names: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)


class ReplyStream:
    """The pieces of several replies as the engine generates them.

    Raises BusyError from the constructor if too many replies wait already. `close` cancels what is unfinished.
    """

    def __init__(self, engine: Engine, client: str, sequences: Sequence[TokenSequence]) -> None:
        self._engine, self._unfinished = engine, len(sequences)
        self._pieces: asyncio.Queue[tuple[int, Piece | I3Error]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def listener(index: int) -> Callable[[Piece | I3Error], None]:
            def listen(piece: Piece | I3Error) -> None:
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._pieces.put_nowait, (index, piece))

            return listen

        self._tickets = engine.submit(client, [(sequence, listener(i)) for i, sequence in enumerate(sequences)])

    async def __aiter__(self) -> AsyncIterator[tuple[int, Piece]]:
        """Yield the index of the reply, and a piece. Raises I3Error if a reply fails."""
        try:
            while self._unfinished:
                index, piece = await self._pieces.get()
                if isinstance(piece, I3Error):
                    raise piece
                self._unfinished -= piece.finish_reason is not None
                yield index, piece
        finally:
            self.close()

    def close(self) -> None:
        self._engine.cancel(self._tickets)


class EventStream(StreamingResponse):
    """Server-sent events. Cancels the replies even if the client left before the first event was sent."""

    def __init__(self, events: AsyncIterator[str], stream: ReplyStream) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


def build_app(engine: Engine, settings: ServerSettings, log_request: RequestLog | None = None) -> FastAPI:
    """Build the application. `log_request(method, path, status, tokens, seconds)` is called after each request."""
    app = FastAPI(
        title="i3desk", version=__version__, docs_url=None, redoc_url=None,  # those pages load from the network
        description="An i3 language model on this computer, with the API of OpenAI.",
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},  # despite environment
    )  # fmt: skip
    card = schemas.Model(id=settings.name, created=int(time.time()), owned_by="i3desk")

    def check_name(name: str | None) -> None:
        if name not in (None, "", settings.name):
            raise RequestError(
                404, f"There is no model {name!r} here, only {settings.name!r}.", "model_not_found", "model"
            )

    @app.get("/health", responses=_ERRORS)
    async def health() -> schemas.Health:
        """Report that the server answers, and how busy it is."""
        load = engine.load
        return schemas.Health(running=load.running, waiting=load.waiting)

    @app.get("/v1/models/", include_in_schema=False)
    @app.get("/v1/models", responses=_ERRORS)
    async def models() -> schemas.ModelList:
        return schemas.ModelList(data=[card])

    @app.get("/v1/models/{name:path}", responses=_ERRORS)
    async def model(name: str) -> schemas.Model:
        check_name(name)
        return card

    @app.post("/v1/chat/completions", responses=_ERRORS, response_model=schemas.ChatCompletion)
    async def chat(body: schemas.ChatCompletionRequest, request: Request) -> Response:
        """Reply to a conversation; as server-sent events with `stream`."""
        return await respond(ChatCompletionBuilder(body, settings.name, settings.max_tokens), request)

    @app.post("/v1/completions", responses=_ERRORS, response_model=schemas.Completion)
    async def completions(body: schemas.CompletionRequest, request: Request) -> Response:
        """Continue a text; as server-sent events with `stream`."""
        return await respond(CompletionBuilder(body, settings.name, settings.max_tokens), request)

    @app.post("/v1/responses", responses=_ERRORS, response_model=ResponsesResponse)
    async def responses(body: ResponsesRequest, request: Request) -> Response:
        """Reply to a conversation, in OpenAI's newer form; as named server-sent events with `stream`."""
        return await respond(ResponsesBuilder(body, settings.name, settings.max_tokens), request)

    def refuse(path: str, message: str) -> None:
        @app.post(path, include_in_schema=False)
        async def refusal() -> Response:
            raise RequestError(400, message, "unsupported_endpoint")

    for path, message in OTHER_ROUTES.items():
        refuse(path, message)

    async def respond(builder: ResponseBuilder, request: Request) -> Response:
        check_name(builder.body.model)
        sequences = _sequences(builder, engine)
        stream = ReplyStream(engine, client_name(request, settings.host), sequences)
        if builder.body.stream:
            response: Response = EventStream(_events(builder, stream, sequences, request), stream)
        else:
            try:
                pieces = await _collect(stream, len(sequences), request)
            finally:
                request.scope["i3_tokens"] = builder.usage(sequences)["completion_tokens"]
            if pieces is None:
                return Response(status_code=499)
            response = JSONResponse(builder.response(pieces, sequences))
        if builder.notes:
            response.headers[NOTE] = " ".join(builder.notes)
        if ignored := builder.body.ignored():
            response.headers[IGNORED] = _names(ignored)
        return response

    handle_errors(app)
    _declare_400(app)
    _add_middleware(app, settings, log_request)
    return app


def _add_middleware(app: FastAPI, settings: ServerSettings, log_request: RequestLog | None) -> None:
    """Wrap the routes, the innermost layer first."""
    names = {settings.host, "localhost", "127.0.0.1", "::1", *settings.names} if is_loopback(settings.host) else None
    app.add_middleware(HeadMiddleware)
    app.add_middleware(
        RequestGuardMiddleware,
        api_key=settings.api_key, origin=settings.origin, names=names, limits=settings.limits,
    )  # fmt: skip
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[settings.origin] if settings.origin else [],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["*"],  # OpenAI's client sends a dozen of its own
        expose_headers=[NOTE, IGNORED] if settings.origin else [],
        allow_private_network=True,  # a page of the internet that was let in may reach this computer
    )
    app.add_middleware(RefusalMiddleware, message=WRONG_ORIGIN, code="wrong_origin")
    if names is not None:
        hosts = [f"[{name}]" if ":" in name else name for name in names]
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)
        app.add_middleware(RefusalMiddleware, message=WRONG_HOST, code="wrong_host")
    if log_request is not None:
        app.add_middleware(RequestLogMiddleware, log_request=log_request)


def _declare_400(app: FastAPI) -> None:
    """Leave the status 422 out of the schema: an invalid body is answered with 400, as OpenAI does."""
    schema = app.openapi

    def openapi() -> dict[str, Any]:
        content = schema()
        for path in content["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        return content

    app.openapi = openapi


def _sequences(builder: ResponseBuilder, engine: Engine) -> list[TokenSequence]:
    """The sequences that answer a request. Raises RequestError."""
    if (unsupported := builder.body.unsupported()) is not None:
        name, reason = unsupported
        raise RequestError(400, reason, "unsupported_value", name)
    try:
        sequences = builder.sequences(engine.model)
    except PromptError as error:
        code = "context_length_exceeded" if isinstance(error, PromptTooLongError) else "invalid_prompt"
        raise RequestError(400, str(error), code, builder.prompt_field) from error
    if len(sequences) > engine.max_replies:
        raise RequestError(400, f"At most {engine.max_replies} replies can be asked for at once.", param="n")
    return sequences


def client_name(request: Request, host: str) -> str:
    """Name the client for the fair queue.

    On this computer many programs share an address, and are told apart by their headers. From other computers only
    the address counts: a client could invent any number of headers to get more turns.
    """
    address = request.client.host if request.client else ""
    if not is_loopback(host):
        return address
    user = request.headers.get("x-client") or request.headers.get("user-agent") or ""
    return f"{address} {user}"


async def _collect(stream: ReplyStream, count: int, request: Request) -> list[list[Piece]] | None:
    """All pieces of all replies; None if the client left before the end."""
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
    builder: ResponseBuilder, stream: ReplyStream, sequences: list[TokenSequence], request: Request
) -> AsyncIterator[str]:
    try:
        for event in builder.opening_events():
            yield _event(event)
        async for index, piece in stream:
            for event in builder.piece_events(index, piece, sequences[index]):
                yield _event(event)
        for event in builder.closing_events(sequences):
            yield _event(event)
        if builder.ends_with_done:
            yield "data: [DONE]\n\n"
    except I3Error as error:
        yield _event(builder.error_event(str(error)))
    finally:
        request.scope["i3_tokens"] = builder.usage(sequences)["completion_tokens"]
        stream.close()


def _event(event: Event) -> str:
    name, content = event
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _names(fields: Sequence[str]) -> str:
    """Names of fields for a header; names that it cannot hold, and those beyond the first few, are counted."""
    named = [name for name in fields if re.fullmatch(r"[\w.-]{1,64}", name, re.ASCII)][:MOST_NAMED]
    others = len(fields) - len(named)
    return ", ".join([*named, *([f"{others} more"] if others else [])])
