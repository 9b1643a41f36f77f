"""Write docs/cli.md, the reference of all commands and options, from the parsers of i3desk and i3core.

python packaging/command_reference.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from manual_pages import commands_of, options_of

import i3desk.__main__
from i3core.cli.main import build_parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
HEAD = """\
# Commands and options

<!-- Made by `python packaging/command_reference.py` from the programs' own --help. Edit the parsers, not this file. -->

`i3desk` opens the window. `i3core` does the same work without one; `i3desk i3core ...` is the same as `i3core ...`.
All commands exit with 0, with 1 after an error that they explain, with 2 for wrong options, and with 130 after Ctrl-C.
"""


def reference() -> str:
    """The page in Markdown."""
    window, core = i3desk.__main__.build_parser(), build_parser()
    commands = commands_of(core)
    parts = [HEAD, "## i3desk", *_options(window), "## i3core"]
    rows = [(f"[`{name}`](#i3core-{name})", summary) for name, (summary, _) in commands.items()]
    parts.append(_table("Command", rows))
    shared: dict[str, str] = {}  # title -> table of options that several commands have
    for name, (summary, parser) in commands.items():
        parts += [f"## i3core {name}", f"{summary[:1].upper()}{summary[1:]}.", *_options(parser, shared)]
        if parser.epilog:
            parts.append(parser.epilog)
    for title, table in shared.items():
        parts += [f"## {title.capitalize()} options", table]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _options(parser: argparse.ArgumentParser, shared: dict[str, str] | None = None) -> Iterator[str]:
    """Tables of the parser's options, one for each group; a group in `shared` is only named."""
    first = [action for group in parser._action_groups[:2] for action in group._group_actions]
    if rows := _rows(parser, first):
        yield _table("Option", rows)
    for group in parser._action_groups[2:]:
        table = _table("Option", _rows(parser, group._group_actions))
        title = str(group.title)
        if title == "sampling" and shared is not None:
            shared[title] = table
            yield f"Also the [{title} options](#{title}-options)."
        else:
            yield f"**{title.capitalize()}**"
            yield table


def _rows(parser: argparse.ArgumentParser, actions: Iterable[argparse.Action]) -> list[tuple[str, str]]:
    rows = options_of(parser, [action for action in actions if action.dest != "help"])
    return [(f"`{head}`".replace("|", r"\|"), _escaped(text)) for head, text in rows]


def _table(kind: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"| {kind} | Meaning |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows)])


def _escaped(text: str) -> str:
    """Escape text for a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", r"\<").replace("*", r"\*")


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(reference(), encoding="utf-8", newline="\n")
