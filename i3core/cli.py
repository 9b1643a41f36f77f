"""The `i3core` command. Each subcommand is a function of its parsed arguments and imports torch only if it needs it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import __version__
from .cli_compare import add_compare, add_keep
from .cli_convert import add_convert, convert
from .cli_data import add_data
from .cli_eval import add_eval, evaluate
from .cli_models import add_download, download, models, verify
from .cli_push import add_push
from .cli_runs import add_runs
from .cli_serve import add_serve
from .cli_train import add_training, train
from .cli_updates import add_updates, updates
from .device import PRECISIONS, is_out_of_memory
from .errors import ConfigError, I3Error, PromptError
from .hub_names import HELP
from .settings import SAMPLING_SETTINGS, SamplingConfig
from .terminal import print_json, progress_bar


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


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Options of SamplingConfig, from the same table as the window's settings."""
    group = parser.add_argument_group("sampling")
    for setting in SAMPLING_SETTINGS:
        default = "random" if setting.default is None else setting.default
        group.add_argument(
            f"--{setting.key.replace('_', '-')}",
            type=int if setting.decimals == 0 else float,
            default=setting.default,
            metavar="N" if setting.decimals == 0 else "X",
            help=f"{setting.tooltip} (default: {default})",
        )
    group.add_argument("--stop", action="append", default=[], metavar="TEXT", help="end the reply before this text")
    group.add_argument("--allow-unk", action="store_true", help="let the model produce <UNK>")


def sampling_config(arguments: argparse.Namespace) -> SamplingConfig:
    values = {setting.key: getattr(arguments, setting.key) for setting in SAMPLING_SETTINGS}
    return SamplingConfig(**values, stop=tuple(arguments.stop), allow_unk=arguments.allow_unk)


def load(arguments: argparse.Namespace) -> Any:
    from .checkpoint import load as load_model

    model = load_model(arguments.model, arguments.device, arguments.precision)
    for warning in model.warnings:
        print(f"i3core: warning: {warning}", file=sys.stderr)
    return model


# ---------------------------------------------------------------------------------------------------- subcommands


def info(arguments: argparse.Namespace) -> None:
    model = load(arguments)
    content = {
        "name": model.name,
        "parameters": model.parameters,
        **dataclasses.asdict(model.config),
        "device": model.device.describe(),
        "chat_template": model.template.to_json(),
        "licence": model.details.get("license", "not stated"),
        "warnings": list(model.warnings),
    }
    if model.adapter is not None:
        content |= {
            "adapter_of": str(model.adapter.base),
            "lora_rank": model.adapter.rank,
            "lora_alpha": model.adapter.alpha,
        }
    card = model.device.unused_card
    if card is not None:
        content["unused_card"] = dataclasses.asdict(card)
    if arguments.json:
        print_json(content)
        return
    for key, value in content.items():
        if key not in ("warnings", "unused_card"):
            shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
            print(f"{key.replace('_', ' '):18} {shown}")
    if card is not None:
        print(f"\n{card.remedy}\n    {card.command}".rstrip())


def tokenize(arguments: argparse.Namespace) -> None:
    model = load(arguments)
    ids = model.tokenizer.encode(arguments.text)
    chunks = [model.tokenizer.decode([i]) for i in ids]
    if arguments.json:
        print_json({"ids": ids, "chunks": chunks})
    else:
        print(" ".join(map(str, ids)))
        print("|".join(chunks))


def generate(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    if not arguments.prompt.strip():
        raise PromptError("The prompt is empty.", "Give some text with --prompt.")
    model = load(arguments)
    from .generation import generate as stream

    prompt: Any = arguments.prompt if arguments.raw else [{"role": "user", "content": arguments.prompt}]
    ids, logprobs, text = [], [], ""
    for piece in stream(model, prompt, config):
        text += piece.text
        if piece.token_id >= 0:
            ids.append(piece.token_id)
            logprobs.append(round(piece.logprob, 6))
        if not arguments.json:
            print(piece.text, end="", flush=True)
    if arguments.json:
        print_json(
            {
                "text": text,
                "ids": ids,
                "logprobs": logprobs,
                "prompt_tokens": piece.prompt_tokens,
                "new_tokens": piece.new_tokens,
                "tokens_per_second": round(piece.tokens_per_second, 2),
                "seconds_to_first_token": round(piece.seconds_to_first_token, 4),
                "finish_reason": piece.finish_reason,
                "seed": piece.seed,
            }
        )
    else:
        print()


def chat(arguments: argparse.Namespace) -> None:
    config = sampling_config(arguments)
    model = load(arguments)
    from .generation import Generator

    generator = Generator(model)
    interactive = sys.stdin.isatty()
    if interactive:
        print(f"{model.name}, {model.device.describe()}. /new starts over, /quit or Ctrl-D ends.")
    messages: list[dict[str, str]] = []
    while True:
        try:
            line = input("you: " if interactive else "").strip()
        except EOFError:
            return
        if line == "/quit":
            return
        if line == "/new":
            messages = []
            continue
        if not line:
            continue
        messages.append({"role": "user", "content": line})
        if interactive:
            print(f"{model.name}: ", end="", flush=True)
        try:
            reply = _print_reply(generator.stream(messages, config))
        except PromptError as error:
            print(error, file=sys.stderr)
            messages.pop()
            continue
        messages.append({"role": "assistant", "content": reply})


def _print_reply(pieces: Any) -> str:
    """Prints a reply as it comes; Ctrl-C stops the reply, not the conversation."""
    reply = ""
    try:
        for piece in pieces:
            reply += piece.text
            print(piece.text, end="", flush=True)
    except KeyboardInterrupt:
        if not sys.stdin.isatty():
            raise
    print()
    return reply


def vocab(arguments: argparse.Namespace) -> None:
    from .files import write_json
    from .template import SPECIAL_ROLES
    from .tokenizer import build_tokenizer
    from .vocabulary import count_source_chunks

    if arguments.max_vocab is not None and arguments.max_vocab < 8:
        raise ConfigError(f"--max-vocab must be at least 8, not {arguments.max_vocab}.")
    bad: list[I3Error] = []
    with progress_bar(None, "char", "counting", scale=True) as bar:
        counts = count_source_chunks(
            arguments.data, bar.update, on_bad=bad.append if arguments.skip_bad_records else None
        )
    roles = () if arguments.no_special_tokens else SPECIAL_ROLES
    tokenizer = build_tokenizer(counts, arguments.max_vocab, arguments.min_count, roles)
    write_json(arguments.out, tokenizer.to_json(), indent=None)
    if bad:
        print(f"i3core: warning: bad records left out: {len(bad)}, the first: {bad[0]}", file=sys.stderr)
    content = {"vocab_size": tokenizer.vocab_size, "chunks_counted": counts.total(), "out": arguments.out}
    print_json(content) if arguments.json else print(
        f"{arguments.out}: {content['vocab_size']:,} ids from {content['chunks_counted']:,} chunks"
    )


def bench(arguments: argparse.Namespace) -> None:
    from .bench import report, run_bench

    if arguments.beside_training or arguments.serving:
        from . import bench_serving, bench_sharing

        if arguments.serving:
            figures, table = bench_serving.bench_serving(arguments.quick), bench_serving.report
        else:
            figures, table = bench_sharing.bench_beside_training(arguments.quick), bench_sharing.report
        print_json(figures) if arguments.json else print(table(figures))
        return

    content = run_bench(arguments.preset, quick=arguments.quick)
    print_json(content) if arguments.json else print(report(content))
