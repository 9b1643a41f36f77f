"""The `i3core` command. Each subcommand is a function of its parsed arguments and imports torch only if it needs it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from ..errors import I3Error
from ..net.dataset_name import HELP
from ..system.device import PRECISIONS, is_out_of_memory
from ..version import __version__
from .bench import bench
from .chat import chat, generate
from .compare import add_compare
from .convert import add_convert, convert
from .data import add_data
from .eval import add_eval, evaluate
from .info import info, tokenize
from .models import add_download, add_updates, download, models, updates, verify
from .options import add_sampling
from .push import add_push
from .runs import add_keep, add_runs
from .serve import add_serve
from .train import add_training, train
from .vocab import vocab


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one subcommand and returns the exit status: 0, 1 for an error the user can mend, 130 for Ctrl-C."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # what a console or a pipe cannot tell reads "?" instead of failing
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
    except BrokenPipeError:  # the reader of our output has gone, as in `i3core ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
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

    def command(name: str, run: Callable, text: str, model: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        if model:
            if name != "eval":
                sub.add_argument("model", nargs="?", help="model folder or name; the bundled model if absent")
            sub.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
            sub.add_argument("--precision", default="auto", help=f"{', '.join(PRECISIONS)} (default: auto)")
        return sub

    def printable(sub: argparse.ArgumentParser) -> argparse.ArgumentParser:
        sub.add_argument("--json", action="store_true", help="print the result as one JSON line")
        return sub

    printable(command("info", info, "parameters, sizes, device, template and licence of a model"))

    sub = printable(command("tokenize", tokenize, "the ids and chunks of a text"))
    sub.add_argument("--text", required=True, help="text to cut into chunks")

    sub = printable(command("generate", generate, "one answer, or a raw continuation"))
    sub.add_argument("--prompt", required=True, help="what to say to the model")
    sub.add_argument("--raw", action="store_true", help="continue the prompt as it stands instead of answering it")
    add_sampling(sub)

    sub = command("chat", chat, "a conversation in the terminal; reads lines from a pipe too")
    add_sampling(sub)

    add_eval(printable(command("eval", evaluate, "how well a model predicts held-out text, and how well it talks")))

    add_training(printable(command("train", train, "fine-tune a model, or pre-train one from scratch", model=False)))

    sub = printable(command("vocab", vocab, "build a vocabulary from text", model=False))
    sub.add_argument("--data", nargs="+", required=True, metavar="PATH", help=f"files, folders or {HELP}")
    sub.add_argument("--skip-bad-records", action="store_true", help="leave out records that cannot be read")
    sub.add_argument("--out", required=True, metavar="FILE", help="tokenizer.json to write")
    sub.add_argument("--max-vocab", type=int, metavar="N", help="largest number of ids (default: no limit)")
    sub.add_argument("--min-count", type=int, default=1, metavar="N", help="drop chunks seen less often (default: 1)")
    sub.add_argument("--no-special-tokens", action="store_true", help="leave out the chat's user, assistant and end")

    add_convert(
        printable(
            command("convert", convert, "copy a model into another layout or precision; merges adapters", model=False)
        )
    )

    add_data(commands)
    add_runs(commands)
    add_keep(commands)
    add_compare(commands)
    add_serve(commands)

    printable(command("models", models, "the bundled and downloaded models of this computer", model=False))

    add_download(printable(command("download", download, "get a model from the Hugging Face hub", model=False)))

    add_push(commands)

    sub = printable(
        command("verify", verify, "check a model's files against their checksums, and load it", model=False)
    )
    sub.add_argument("model", nargs="?", help="model folder or name; the bundled model if absent")

    add_updates(printable(command("updates", updates, "look whether there is a newer version of i3desk", model=False)))

    sub = printable(command("bench", bench, "speed of this machine against the plain sequential code", model=False))
    sub.add_argument(
        "--beside-training", action="store_true", help="chat and training on the same processor, alone and together"
    )
    sub.add_argument("--serving", action="store_true", help="the server with one client and with many at once")
    sub.add_argument("--preset", default="i3-80m", help="sizes to measure with random weights (default: %(default)s)")
    sub.add_argument("--quick", action="store_true", help="fewer repetitions")
    return parser
