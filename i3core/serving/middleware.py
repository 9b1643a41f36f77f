"""What stands before the server's routes: who may ask, how much may be sent, how long it may take. An ASGI middleware.

- Without a key the server listens on loopback alone. There it answers only to its own names: a web page whose host name
  was made to point to 127.0.0.1 (DNS rebinding) is refused, and so is a page of another site.
- A body that is too large or too slow is refused before it is whole.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

KEY_VARIABLE = "I3DESK_API_KEY"  # in the environment
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """What a client may do.

    Attributes:
        head_s: time to begin a request in, up to the end of its headers.
        body_bytes: of a request.
        body_s: time to send it in.
        read_s: time to take a part of the answer.
    """

    head_s: float = 10.0
    body_bytes: int = 1_000_000
    body_s: float = 20.0
    read_s: float = 30.0


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str) -> None:
        self.status, self.message, self.code = status, message, code


class RequestGuardMiddleware:
    """See above.

    Args:
        host: what the server listens on.
        api_key: needed in every request but /health, if there is one.
        origin: the web site that may ask from a browser, besides none.
        names: other names than localhost that clients may have for this computer.
        log_request: called after each request with method, path, status, tokens of the replies and seconds.
    """

    def __init__(
        self,
        app: Any,
        host: str,
        api_key: str | None,
        origin: str | None,
        names: Iterable[str],
        limits: Limits,
        log_request: Callable[[str, str, int, int, float], None] | None = None,
    ) -> None:
        self.app, self.api_key, self.origin, self.limits, self.log_request = app, api_key, origin, limits, log_request
        self.names = {host, "localhost", "127.0.0.1", "::1", *names} if is_loopback(host) else None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._handle(scope, receive, noted)
        finally:
            if self.log_request is not None:
                tokens = scope.get("i3_tokens", 0)
                self.log_request(scope["method"], scope["path"], status, tokens, time.monotonic() - started)

    async def _handle(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        shared = []
        if self.origin and origin == self.origin:
            shared = _cors(origin, headers.get("access-control-request-headers"))

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *shared]
            await send(message)

        try:
            self._check_origin(headers, origin)
            if shared and scope["method"] == "OPTIONS":
                await answer({"type": "http.response.start", "status": 204, "headers": []})
                await answer({"type": "http.response.body", "body": b""})
                return
            self._check_key(scope["path"], headers)
            body = await self._body(headers, receive)
        except _RefusedError as error:
            await _send_error(answer, error.status, error.message, error.code)
            return
        given = False

        async def receive_again() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self.app(scope, receive_again, answer)

    def _check_origin(self, headers: dict[str, str], origin: str | None) -> None:
        host = _host_name(headers.get("host", ""))
        if self.names is not None and host not in self.names:
            raise _RefusedError(403, "This server answers only to localhost.", "wrong_host")
        site = _host_name((origin or "").partition("://")[2])
        if origin is not None and origin != self.origin and site not in (self.names or {host}):
            raise _RefusedError(403, "Pages of other web sites may not ask (see --cors).", "wrong_origin")

    def _check_key(self, path: str, headers: dict[str, str]) -> None:
        if self.api_key is None or path == "/health":
            return
        kind, _, key = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(key.strip().encode("latin-1"), self.api_key.encode()):
            raise _RefusedError(401, "The API key is missing or wrong.", "invalid_api_key")

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes:
        limit = self.limits.body_bytes
        too_large = _RefusedError(413, f"The body is larger than {limit:,} bytes.", "body_too_large")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > limit:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.body_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedError(400, "The client left.", "client_left")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise too_large
                    more = message.get("more_body", False)
        except TimeoutError:
            raise _RefusedError(408, "The body did not arrive in time.", "timeout") from None
        return b"".join(parts)


def is_loopback(host: str) -> bool:
    """Whether only programs of this computer reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host_name(value: str) -> str:
    try:
        return urlsplit(f"//{value}").hostname or ""
    except ValueError:
        return ""


def _cors(origin: str, asked: str | None) -> list[tuple[bytes, bytes]]:
    """The site may read the answers, and send what headers it asks for: OpenAI's client has a dozen of its own."""
    return [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-headers", (asked or "authorization, content-type").encode("latin-1")),
        (b"access-control-allow-methods", b"GET, POST"),
        (b"vary", b"origin, access-control-request-headers"),
    ]


def error_body(status: int, message: str, code: str | None = None, param: str | None = None) -> dict:
    """An error as the OpenAI API has it."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


async def _send_error(send: Send, status: int, message: str, code: str) -> None:
    body = json.dumps(error_body(status, message, code)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what is left of a refused body is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
