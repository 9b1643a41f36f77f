"""`i3core serve`: a model behind the API of OpenAI, for other programs."""

from __future__ import annotations

import argparse
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ..errors import ConfigError, I3Error
from ..serving.middleware import KEY_VARIABLE, is_loopback
from ..system.extras import install_hint
from .options import Commands, add_command, add_device, add_heads, add_json, add_model, load
from .output import print_json

if TYPE_CHECKING:
    from ..serving.server import Server

DEFAULT_PORT = 8010
RANGES = {"port": (0, 65535), "slots": (1, 256), "max_waiting": (0, 10**6), "max_tokens": (1, 4096)}
SERVE_EPILOG = (
    "Only this computer can reach the server unless --host says otherwise; then an API key is needed, in the "
    f"environment variable {KEY_VARIABLE} or a file (--api-key-file). The address for clients is http://HOST:PORT/v1."
)


def add_serve(commands: Commands) -> None:
    summary = "answer other programs through the API of OpenAI"
    parser = add_command(commands, "serve", serve, summary, epilog=SERVE_EPILOG)
    add_model(parser)
    add_heads(parser)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=DEFAULT_PORT, help="0 for any free port (default: %(default)s)")
    add("--api-key-file", metavar="FILE", help="file with the key that clients must send")
    add("--cors", metavar="ORIGIN", help="allow pages of this web site to ask, such as http://localhost:3000")
    add(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another host name of this computer, such as host.docker.internal; repeatable",
    )  # fmt: skip
    add(
        "--slots", type=int, default=16, metavar="N",
        help="replies generated at the same time; one client gets all but one (default: %(default)s)",
    )  # fmt: skip
    add(
        "--max-waiting", type=int, default=512, metavar="N",
        help="replies that may wait for a slot; half as many of one client (default: %(default)s)",
    )  # fmt: skip
    add("--max-tokens", type=int, default=4096, metavar="N", help="longest reply (default: %(default)s)")
    add("--until-stdin-closes", action="store_true", help="stop when standard input is closed, as by a parent program")
    add_device(parser)
    add_json(parser, "print the address and each request as JSON lines")


def serve(arguments: argparse.Namespace) -> None:
    with open_server(arguments) as server:
        if arguments.until_stdin_closes:
            threading.Thread(target=_wait_for_end_of_input, args=(server.stop,), daemon=True).start()
        server.run()


@contextmanager
def open_server(arguments: argparse.Namespace) -> Iterator[Server]:
    """Check the options, bind the port, load the model and print the address. Raises I3Error.

    Yields the server, whose `run` returns after `stop`.
    """
    for name, (least, most) in RANGES.items():
        value = getattr(arguments, name)
        if not least <= value <= most:
            raise ConfigError(f"--{name.replace('_', '-')} must be from {least} to {most}, not {value}.")
    key = _api_key(arguments.api_key_file)
    if key is None and not is_loopback(arguments.host):
        raise ConfigError(
            f"Without an API key the server listens on this computer alone, not on {arguments.host}.",
            f"Set {KEY_VARIABLE}, or name a file with --api-key-file.",
        )
    origin = None if arguments.cors is None else _origin(arguments.cors)
    names = [_host(name) for name in arguments.allow_host]
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise I3Error(
            f"The server needs the package {error.name}.", install_hint("server", "Install i3core with pip for it.")
        ) from error
    from ..serving.app import ServerSettings, build_app
    from ..serving.engine import Engine
    from ..serving.server import Server, listen

    with listen(arguments.host, arguments.port) as listening:  # first: a port in use is reported at once
        model = load(arguments)
        engine = Engine(model, arguments.slots, arguments.max_waiting)
        settings = ServerSettings(model.name, arguments.max_tokens, arguments.host, key, origin, names)
        log_request = _log_json if arguments.json else _log_text
        server = Server(build_app(engine, settings, log_request), engine, settings.limits, listening)
        if arguments.json:
            print_json({"event": "ready", "url": server.url, "model": model.name, "device": model.device.describe()})
        else:
            print(f"{model.name}, {model.device.describe()}: {server.url} (Ctrl-C ends)", flush=True)
        try:
            yield server
        finally:
            engine.close()


def _api_key(path: str | None) -> str | None:
    if path is None:
        return os.environ.get(KEY_VARIABLE, "").strip() or None
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file of the API key {path} cannot be read: {error}.") from error
    if not key:
        raise ConfigError(f"The file of the API key {path} is empty.", "Write a long random text into it.")
    return key


def _origin(text: str) -> str:
    """Normalize a web site's address to the origin that browsers send. Raises ConfigError."""
    try:
        parts = urlsplit(text)
        is_plain = parts.username is None and parts.path in ("", "/") and not (parts.query or parts.fragment)
        if parts.scheme and parts.hostname and parts.port != 0 and is_plain:
            origin = f"{parts.scheme}://{parts.netloc}".lower()
            default_port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
            return origin.removesuffix(default_port)
    except ValueError:
        pass
    raise ConfigError(f"--cors names one web site, which {text!r} is not.", "Such as http://localhost:3000.")


def _host(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
        return name.lower()
    raise ConfigError(f"--allow-host names a computer, which {name!r} is not.", "Such as host.docker.internal.")


def _log_text(method: str, path: str, status: int, tokens: int, seconds: float) -> None:
    with suppress(OSError):  # the reader has closed the pipe
        print(f"{method} {quote(path)} {status} {tokens} tokens {seconds:.2f} s", file=sys.stderr, flush=True)


def _log_json(method: str, path: str, status: int, tokens: int, seconds: float) -> None:
    line = {"event": "request", "method": method, "path": path, "status": status, "tokens": tokens, "seconds": seconds}
    with suppress(OSError):
        print_json(line)


def _wait_for_end_of_input(stop: Callable[[], None]) -> None:
    while os.read(0, 4096):  # not through sys.stdin, whose lock would still be held when Python ends
        pass
    stop()
