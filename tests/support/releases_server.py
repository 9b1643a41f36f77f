"""A server on loopback that answers as the page of the newest release does, and can misbehave.

with ReleasesServer() as server:
    server.publish("v0.2.0", "What is new")
    ... I3DESK_UPDATES_URL=server.url ...
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = "https://example.org/i3desk/releases/0.2.0"


@dataclass
class ReleasesServer:
    """Attributes:
    status, headers, body: what every request is answered with.
    silent: whether responses wait until the server closes.
    dribble: whether the body comes byte by byte, without an end.
    requests: the headers of every request so far.
    """

    status: int = 404
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    silent: bool = False
    dribble: bool = False
    requests: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_": self}))
        self._http.daemon_threads = False
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> ReleasesServer:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/repos/i3desk/i3desk/releases/latest"

    def publish(self, tag: str, notes: str | None = "", page: str = PAGE, day: str = "2026-03-01") -> None:
        """Make this the newest release."""
        release = {"tag_name": tag, "html_url": page, "body": notes, "published_at": f"{day}T10:00:00Z", "id": 7}
        self.status, self.body = 200, json.dumps(release).encode()


class _Handler(BaseHTTPRequestHandler):
    server_: ReleasesServer

    def log_message(self, *message: object) -> None: ...

    def do_GET(self) -> None:
        server = self.server_
        server.requests.append(dict(self.headers))
        if server.silent:
            server.closing.wait()
            return
        try:
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.end_headers()
            while server.dribble and not server.closing.wait(0.02):
                self.wfile.write(b" ")
                self.wfile.flush()
            self.wfile.write(server.body)
        except OSError:  # the reader has gone
            pass
