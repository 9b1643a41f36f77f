"""Run the server's application on uvicorn: socket, time limits of connections, shutdown."""

from __future__ import annotations

import asyncio
import errno
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
    """Open a listening socket; port 0 means any free port. Raises ConfigError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=512)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise ConfigError(f"Port {port} is in use.", "Choose another port.") from error
        raise ConfigError(f"Cannot listen on {host}, port {port}: {error}.", "Check address and port.") from error


class Connection(H11Protocol):
    """A connection that is closed if a request's head does not arrive in time, or an answer is not read in time.

    uvicorn waits for both without end; each such connection holds a file handle, and an unread one a reply too.
    uvicorn also stops reading when a request arrives before the last one is answered, and then does not notice that
    the client has left.
    """

    limits = Limits()
    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

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
        """Continue reading while a request is answered, up to the head of the next one."""
        ahead, _ = self.conn.trailing_data
        if len(ahead) > HEAD_BYTES:
            self.transport.abort()
        elif self.conn.their_state is h11.DONE:
            self.flow.resume_reading()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self.limits.read_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = _cancelled(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._unread = _cancelled(self._head), _cancelled(self._unread)
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._head = self._head or self.loop.call_later(self.limits.head_s, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """Serve an application on a listening socket until a signal or `stop`."""

    def __init__(self, app: Any, engine: Engine, limits: Limits, listening: socket.socket) -> None:
        self._engine, self._listening = engine, listening
        connection = type("LimitedConnection", (Connection,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app, http=connection, ws="none", loop="asyncio", lifespan="off",
                log_config=None, access_log=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_S, h11_max_incomplete_event_size=HEAD_BYTES,
            )
        )  # fmt: skip

    @property
    def url(self) -> str:
        """The address for clients."""
        host, port = self._listening.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        super().run(sockets or [self._listening])

    def stop(self, *_: Any) -> None:
        """End all streams with an error, then the server. May be called from any thread."""
        self.should_exit = True
        threading.Thread(target=self._engine.close, daemon=True).start()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on Ctrl-C and SIGTERM; unlike uvicorn, do not raise the signal again afterwards."""
        in_main = threading.current_thread() is threading.main_thread()  # others cannot set handlers
        signals = [signal.SIGINT, signal.SIGTERM] if in_main else []
        previous = {number: signal.signal(number, self.stop) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
