"""Runs the server's application on uvicorn: its socket, the patience with each connection, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import functools
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ConfigError
from .engine import Engine
from .middleware import Limits

KEEP_ALIVE_S = 15
SHUTDOWN_S = 4
HEAD_BYTES = 32_768


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any that is free. Raises ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ConfigError(f"Port {port} is in use.", "Choose another port.") from error
        raise ConfigError(f"Cannot listen on {host}, port {port}: {error}.", "Check address and port.") from error


class Connection(H11Protocol):
    """A connection that is cut off if the head of a request is too long in coming, or an answer is not read.

    uvicorn waits for both without end, and each such connection holds a file handle, the second one a reply too. It
    also stops reading when another request comes before the answer is out, and would not see the client leave.
    """

    def __init__(self, *arguments: Any, limits: Limits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._head: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._expect_head()
        else:
            self._head = _cancelled(self._head)
            self._read_on()

    def _read_on(self) -> None:
        """What comes early is kept, as far as it is the head of a request."""
        early, _ = self.conn.trailing_data
        if len(early) > HEAD_BYTES:
            self.transport.abort()
        elif self.conn.their_state is h11.DONE:
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self._limits.read_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = _cancelled(self._unread)

    def connection_lost(self, error: Exception | None) -> None:
        self._head, self._unread = _cancelled(self._head), _cancelled(self._unread)
        super().connection_lost(error)

    def _expect_head(self) -> None:
        self._head = self._head or self.loop.call_later(self._limits.head_s, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Serves an application until a signal or `stop`."""

    def __init__(self, app: Any, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        super().__init__(
            uvicorn.Config(
                app, http=functools.partial(Connection, limits=limits), ws="none", loop="asyncio", lifespan="off",
                log_config=None, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_S, h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )  # fmt: skip

    def stop(self, *_: Any) -> None:
        """Lets no one wait: streams end with an error, then the server. May be called from any thread."""
        self.should_exit = True
        threading.Thread(target=self._engine.close, daemon=True).start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C is how a server ends, so unlike uvicorn's own it is not raised again afterwards."""
        in_main = threading.current_thread() is threading.main_thread()  # the only thread that may
        names = [signal.SIGINT, signal.SIGTERM] if in_main else []
        before = {name: signal.signal(name, self.stop) for name in names}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
