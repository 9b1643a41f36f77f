"""Manual pages of i3desk and i3core, made from what `--help` prints."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator

FILES = r"""
.SH FILES
.TP
.I ~/.local/share/i3desk
conversations, downloaded models and training runs
.TP
.I ~/.config/i3desk
settings
.TP
.I ~/.cache/i3desk
prepared training data; can be deleted at any time
"""


def manual_page(name: str, summary: str, parser: argparse.ArgumentParser, date: str, version: str) -> str:
    """A section 1 page in roff, with all options and commands of the parser."""
    parts = [
        f'.TH {name.upper()} 1 "{date}" "i3desk {version}" "User Commands"',
        ".SH NAME",
        f"{name} \\- {_text(summary)}",
    ]
    commands = commands_of(parser)
    parts += [".SH SYNOPSIS", ".B " + name, "[options]" + (" command [arguments]" if commands else "")]
    if parser.description:
        parts += [".SH DESCRIPTION", _text(parser.description)]
    parts += [".SH OPTIONS", *_options(parser)]
    if commands:
        parts.append(".SH COMMANDS")
        for command, (what, options) in commands.items():
            parts += [f".SS {name} {command}", _text(what), *_options(options)]
    return "\n".join(parts) + FILES


def commands_of(parser: argparse.ArgumentParser) -> dict[str, tuple[str, argparse.ArgumentParser]]:
    """Name -> summary and parser of each command."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
            return {name: (summaries.get(name, ""), sub) for name, sub in action.choices.items()}
    return {}


def options_of(
    parser: argparse.ArgumentParser, actions: Iterable[argparse.Action] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield each argument (by default all) as it is written, such as "--port PORT", and its help."""
    for action in parser._actions if actions is None else actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or (action.dest.upper() if action.option_strings else action.dest)
        value = " ".join(value) if isinstance(value, tuple) else value
        if action.choices and not action.metavar:
            value = "|".join(map(str, action.choices))
        names = ", ".join(action.option_strings)
        head = " ".join(filter(None, [names, value if action.nargs != 0 else ""]))
        yield head, parser._get_formatter()._expand_help(action) if action.help else ""


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [line for head, text in options_of(parser) for line in (".TP", ".B " + _text(head), _text(text))]


def _text(text: str) -> str:
    """Escape text for roff: hyphens can be copied, no line is taken for a request."""
    text = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + text if text.startswith((".", "'")) else text
