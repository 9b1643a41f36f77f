"""ASGI middleware of our own, around the server's routes. Imports no library of the extra `server`.

Starlette's middleware decides which host names the server answers to and which web site may read its answers. Three
things are left: requests of other web sites are refused before they cost anything (CORS only hides the answer from
them), bodies are limited in size and time, and refusals look as in the OpenAI API.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A body up to so many times too large is read to its end and discarded: if the connection closes while a client is
# still sending, the client may see a reset connection in place of the answer.
DISCARDED = 16
KEY_VARIABLE = "I3DESK_API_KEY"  # in the environment
WRONG_ORIGIN = "Pages of other web sites may not ask (see --cors)."
WRONG_HOST = "This server answers only to localhost."
RequestLog = Callable[[str, str, int, int, float], None]  # method, path, status, tokens of the replies, seconds


@dataclass(frozen=True)
class Limits:
    """Limits for each client.

    Attributes:
        head_s: time until the headers of a request are complete.
        body_bytes: size of a request's body.
        body_s: time until the body is complete.
        read_s: time until the client has read a part of the answer.
    """

    head_s: float = 10.0
    body_bytes: int = 1_000_000
    body_s: float = 20.0
    read_s: float = 30.0


class _RefusedError(Exception):
    def __init__(self, status: int, message: str, code: str) -> None:
        self.status, self.message, self.code = status, message, code


class RequestGuardMiddleware:
    """Check origin and key of each request, and read its body within the limits.

    Args:
        api_key: required in every request but /health; None requires none.
        origin: the web site whose pages may ask.
        names: host names whose own pages may ask; None for the name that the request was sent to.
    """

    def __init__(
        self, app: ASGIApp, api_key: str | None, origin: str | None, names: Collection[str] | None, limits: Limits
    ) -> None:
        self.app, self.api_key, self.origin, self.names, self.limits = app, api_key, origin, names, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._check_origin(headers)
            self._check_key(scope["path"], headers)
            body = await self._body(headers, receive)
        except _RefusedError as error:
            await _send_error(send, error.status, error.message, error.code)
            return
        delivered = False

        async def receive_body_first() -> Message:
            nonlocal delivered
            if not delivered:
                delivered = True
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        await self.app(scope, receive_body_first, send)

    def _check_origin(self, headers: dict[str, str]) -> None:
        origin = headers.get("origin")
        if origin is None or origin == self.origin:
            return
        own = {_host_name(headers.get("host", ""))} if self.names is None else self.names
        if _host_name(origin.partition("://")[2]) not in own:
            raise _RefusedError(403, WRONG_ORIGIN, "wrong_origin")

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
        if not length.isdecimal() or int(length) > DISCARDED * limit:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.limits.body_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedError(400, "The client left.", "client_left")
                    part = message.get("body", b"")
                    size += len(part)
                    if size <= limit:
                        parts.append(part)
                    elif size > DISCARDED * limit:
                        raise too_large
                    more = message.get("more_body", False)
        except TimeoutError:
            raise _RefusedError(408, "The body did not arrive in time.", "timeout") from None
        if size > limit:
            raise too_large
        return b"".join(parts)


class HeadMiddleware:
    """Answer HEAD as GET; the HTTP server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        await self.app({**scope, "method": "GET"} if is_head else scope, receive, send)


class RefusalMiddleware:
    """Send a refusal of the Starlette middleware inside, which is plain text, as an error of the OpenAI API."""

    def __init__(self, app: ASGIApp, message: str, code: str) -> None:
        self.app, self.message, self.code = app, message, code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_refused = False

        async def send_in_form(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] == 400:
                kind = dict(message["headers"]).get(b"content-type", b"")
                if kind.startswith(b"text/plain"):  # the server's own errors are JSON
                    is_refused = True
                    await _send_error(send, 403, self.message, self.code)
            if not is_refused:
                await send(message)

        await self.app(scope, receive, send_in_form)


class RequestLogMiddleware:
    """Call `log_request` after each request."""

    def __init__(self, app: ASGIApp, log_request: RequestLog) -> None:
        self.app, self.log_request = app, log_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, send_noting_status)
        finally:
            seconds = time.monotonic() - started
            self.log_request(scope["method"], scope["path"], status, scope.get("i3_tokens", 0), seconds)


def is_loopback(host: str) -> bool:
    """True if only programs on this computer can reach a server that listens on `host`."""
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


def error_body(status: int, message: str, code: str | None = None, param: str | None = None) -> dict:
    """An error in the form of the OpenAI API."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


async def _send_error(send: Send, status: int, message: str, code: str) -> None:
    body = json.dumps(error_body(status, message, code)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of a refused body is not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
