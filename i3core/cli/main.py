"""The `i3core` command line. A command imports torch only if it needs it."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from ..errors import I3Error
from ..system.device import is_out_of_memory
from ..system.ending import skip_last_collection
from ..system.priority import set_torch_environment
from ..version import __version__
from .bench import add_bench
from .chat import add_chat, add_generate
from .compare import add_compare
from .convert import add_convert
from .data import add_data
from .eval import add_eval
from .info import add_info, add_tokenize
from .models import add_download, add_models, add_updates, add_verify
from .push import add_hub_login, add_push
from .runs import add_keep, add_runs
from .serve import add_serve
from .train import add_train
from .vocab import add_vocab

COMMANDS = (
    add_info, add_tokenize, add_generate, add_chat, add_eval, add_train, add_vocab, add_convert, add_data, add_runs,
    add_keep, add_compare, add_serve, add_models, add_download, add_push, add_hub_login, add_verify, add_updates,
    add_bench,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 1 for an error that the user can fix, 130 for Ctrl-C."""
    skip_last_collection()
    set_torch_environment()
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that a console cannot show becomes "?", no failure
    arguments = build_parser().parse_args(argv)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except I3Error as error:
        print(f"i3core: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("i3core: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has closed it, as in `i3core ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ImportError as error:
        if "socksio" not in str(error):
            raise
        proxy = "A SOCKS proxy is set (ALL_PROXY), which needs the package socksio"
        print(f"i3core: {proxy}. Install it with pip, or set an http proxy.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"i3core: {error.filename or 'a file'}: {error.strerror or error}.", file=sys.stderr)
        return 1
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        print("i3core: not enough memory. Close other programs, or use a smaller model or batch.", file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="i3core", description="Chat with, measure and train i3 language models on this computer."
    )
    parser.add_argument("--version", action="version", version=f"i3core {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    return parser
