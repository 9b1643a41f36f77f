"""What commands have in common: how they are declared, their shared options, and loading the model they name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ..generation.config import SAMPLING_SETTINGS, SamplingConfig
from ..system.device import PRECISIONS

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model
    from ..data.reading import Reading
    from ..text.chat_template import Message

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what `add_subparsers` returns


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], None], summary: str, **options: Any
) -> argparse.ArgumentParser:
    """Add a command that calls `run` with its parsed arguments; `options` are those of ArgumentParser."""
    parser = commands.add_parser(name, help=summary, description=summary, **options)
    parser.set_defaults(run=run)
    return parser


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", help="model folder or name (default: the bundled model)")


def add_heads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--heads", type=int, metavar="N", help="attention heads of a model whose folder does not say (model_iter_N.pt)"
    )


def add_device(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    default: str | None = "auto",
    choices: Sequence[str] | None = None,
) -> None:
    """Options --device and --precision. Without `choices`, a wrong precision is reported when the model is loaded."""
    parser.add_argument("--device", default=default, help="auto, cpu or cuda (default: auto)")
    parser.add_argument(
        "--precision", default=default, choices=choices, metavar="PRECISION",
        help=f"{', '.join(choices or PRECISIONS)} (default: auto)",
    )  # fmt: skip


def add_reading(parser: argparse.ArgumentParser | argparse._ArgumentGroup, default: str | None = "") -> None:
    """Options --columns, --encoding and --i3-is: how to read files that do not say it."""
    add = parser.add_argument
    add(
        "--columns", default=default, metavar="ROLE=NAME,...",
        help="what columns or fields with other names are, as in user=Question,assistant=Answer or text=Story",
    )  # fmt: skip
    add("--encoding", default=default, metavar="NAME", help="of text files, such as cp1252 (default: UTF-8 or UTF-16)")
    add("--i3-is", default=default, metavar="PERSON", help="in chats between people, whose messages i3 learns")


def reading(arguments: argparse.Namespace) -> Reading:
    """Read the options of `add_reading`. Raises DataError."""
    from ..data.reading import Reading

    return Reading.parse(arguments.columns, arguments.encoding, arguments.i3_is)


def add_system(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--system", default="", metavar="TEXT", help="a system prompt, such as a role that the model plays"
    )


def system_messages(arguments: argparse.Namespace) -> list[Message]:
    """The system prompt of `add_system` in front of a conversation, if there is one."""
    return [{"role": "system", "content": arguments.system}] if arguments.system.strip() else []


def add_json(parser: argparse.ArgumentParser, text: str = "print the result as one JSON line") -> None:
    parser.add_argument("--json", action="store_true", help=text)


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
    group.add_argument("--allow-unk", action="store_true", help="allow the model to produce <UNK>")


def sampling_config(arguments: argparse.Namespace) -> SamplingConfig:
    """Read the options of `add_sampling`. Raises ConfigError."""
    values = {setting.key: getattr(arguments, setting.key) for setting in SAMPLING_SETTINGS}
    return SamplingConfig(**values, stop=tuple(arguments.stop), allow_unk=arguments.allow_unk)


def load(arguments: argparse.Namespace, name: str | None = None) -> Model:
    """Load a model (by default the one in `arguments.model`) and print its warnings."""
    from ..checkpoints.checkpoint import load as load_model

    heads = getattr(arguments, "heads", None) if name is None else None
    model = load_model(arguments.model if name is None else name, arguments.device, arguments.precision, heads=heads)
    for warning in model.warnings:
        print_warning(warning)
    return model


def print_warning(text: str) -> None:
    print(f"i3core: warning: {text}", file=sys.stderr)
