"""`i3core serve`: a model behind the API of OpenAI, for other programs on this computer."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..errors import ConfigError, I3Error
from ..serving.middleware import KEY_VARIABLE, is_loopback
from ..system.device import PRECISIONS
from ..system.extras import install_hint
from .output import print_json

DEFAULT_PORT = 8010


def add_serve(commands: Any) -> None:
    text = "answer other programs through the API of OpenAI"
    parser = commands.add_parser(
        "serve",
        help=text,
        description=text,
        epilog="Reachable from this computer alone unless --host says otherwise; then an API key is needed: put it "
        f"into the environment variable {KEY_VARIABLE} or a file (--api-key-file). Clients ask http://HOST:PORT/v1.",
    )
    parser.set_defaults(run=serve)
    add = parser.add_argument
    add("model", nargs="?", help="model folder or name; the bundled model if absent")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=DEFAULT_PORT, help="0 for any that is free (default: %(default)s)")
    add("--api-key-file", metavar="FILE", help="file that holds the key which clients must give")
    add("--cors", metavar="ORIGIN", help="let pages of this web site ask from a browser, such as http://localhost:3000")
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name that clients may have for this computer, such as host.docker.internal; repeatable",
    )
    add(
        "--slots",
        type=int,
        default=16,
        metavar="N",
        help="replies made at once; of one client all but one of them (default: %(default)s)",
    )
    add(
        "--max-waiting",
        type=int,
        default=512,
        metavar="N",
        help="replies that may wait; of one client half as many (default: %(default)s)",
    )
    add("--max-tokens", type=int, default=4096, metavar="N", help="longest reply (default: %(default)s)")
    add("--until-stdin-closes", action="store_true", help="end when standard input ends, as a child of a program")
    add("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    add("--precision", default="auto", help=f"{', '.join(PRECISIONS)} (default: auto)")
    add("--json", action="store_true", help="tell where it listens, and each request, as JSON lines")


def serve(arguments: argparse.Namespace) -> None:
    for name, least, most in (
        ("port", 0, 65535),
        ("slots", 1, 256),
        ("max_waiting", 0, 10**6),
        ("max_tokens", 1, 4096),
    ):
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
    from ..checkpoints.checkpoint import load
    from ..serving.app import ServerSettings, build_app
    from ..serving.engine import Engine
    from ..serving.server import Server, listen

    with listen(arguments.host, arguments.port) as listening:  # first: a port in use is told at once
        model = load(arguments.model, arguments.device, arguments.precision)
        for warning in model.warnings:
            print(f"i3core: warning: {warning}", file=sys.stderr)
        engine = Engine(model, arguments.slots, arguments.max_waiting)
        settings = ServerSettings(model.name, arguments.max_tokens, arguments.host, key, origin, names)
        log = _log_json if arguments.json else _log
        server = Server(build_app(engine, settings, log), engine, settings.limits)
        host, port = listening.getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        if arguments.json:
            print_json({"event": "ready", "url": url, "model": model.name, "device": model.device.describe()})
        else:
            print(f"{model.name}, {model.device.describe()}: {url} (Ctrl-C ends)", flush=True)
            if not model.template.has_system:
                print("It has no place for system prompts: those of clients are left out.", flush=True)
        if arguments.until_stdin_closes:
            threading.Thread(target=_wait_for_end, args=(server.stop,), daemon=True).start()
        try:
            server.run(sockets=[listening])
        finally:
            engine.close()


def _api_key(path: str | None) -> str | None:
    if path is None:
        key = os.environ.get(KEY_VARIABLE)
        return key.strip() if key and key.strip() else None
    try:
        key = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file of the API key {path} cannot be read: {error}.") from error
    if not key:
        raise ConfigError(f"The file of the API key {path} is empty.", "Write a long random text into it.")
    return key


def _origin(text: str) -> str:
    """A web site as browsers write it. Raises ConfigError."""
    try:
        parts = urlsplit(text)
        if (
            parts.scheme
            and parts.hostname
            and parts.port != 0
            and parts.username is None
            and parts.path in ("", "/")
            and not (parts.query or parts.fragment)
        ):
            origin = f"{parts.scheme}://{parts.netloc}".lower()
            usual = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
            return origin.removesuffix(usual) if usual else origin
    except ValueError:
        pass
    raise ConfigError(f"--cors names one web site, which {text!r} is not.", "Such as http://localhost:3000.")


def _host(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
        return name.lower()
    raise ConfigError(f"--allow-host names a computer, which {name!r} is not.", "Such as host.docker.internal.")


def _log(method: str, path: str, status: int, tokens: int, seconds: float) -> None:
    with contextlib.suppress(OSError):  # nobody reads it any more
        print(f"{method} {quote(path)} {status} {tokens} tokens {seconds:.2f} s", file=sys.stderr, flush=True)


def _log_json(method: str, path: str, status: int, tokens: int, seconds: float) -> None:
    told = {"event": "request", "method": method, "path": path, "status": status, "tokens": tokens, "seconds": seconds}
    with contextlib.suppress(OSError):
        print_json(told)


def _wait_for_end(stop: Any) -> None:
    while os.read(0, 4096):  # not through sys.stdin, whose lock would be held when Python ends
        pass
    stop()
