"""Docstrings and texts use plain English: one word for one thing, and none of the turns listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BANNED = (
    "go on", "goes on", "going on", "went on", "gone on",  # continue, keep running, happen
    "under way",  # running
    "anew",  # again
    "is another now",  # changed
    "what of",  # the part that
    "whoever",  # no person for a part of the program
    "lets go", "let go of",  # release, unload
    "gives way", "give way",  # is replaced by
    "begun",  # started
    "comes to its end",  # ends
    "no map of",  # is not a JSON object
)  # fmt: skip
TURN = re.compile(rf"\b({'|'.join(BANNED)})\b", re.IGNORECASE)
MODULES = sorted(path for package in ("i3core", "i3desk") for path in (ROOT / package).rglob("*.py"))


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of every docstring and every string that holds several words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, re.sub(r"\s+", " ", node.value)


@pytest.mark.parametrize("package", sorted({path.parent.relative_to(ROOT).as_posix() for path in MODULES}))
def test_texts_use_plain_english(package):
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]!r} in {text[max(0, match.start() - 40) : match.end() + 40]!r}"
        for path in MODULES
        if path.parent == ROOT / package
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8")))
        for match in TURN.finditer(text)
    ]
    assert not found, "\n".join(found)
