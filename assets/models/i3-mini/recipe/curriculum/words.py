"""Forms of words that frames need: plurals, and the right verb for a thing with or without an article."""

from __future__ import annotations

import re
from functools import cache

from .core import read_table


def listing(name: str) -> list[str]:
    """A list of the table of lists."""
    return read_table("lists")[name].replace("\n", " ").strip().split(", ")


def pairs(text: str) -> list[tuple[str, ...]]:
    """The groups of words of a table's text: "a b, c d" as tuples."""
    return [tuple(group.split()) for group in text.replace("\n", " ").split(",") if group.strip()]


@cache
def _irregular() -> dict[str, str]:
    return {word: plural for word, plural in pairs(read_table("words")["plurals"])}  # noqa: C416


def plural(noun: str) -> str:
    """The plural of a noun without article."""
    first, space, last = noun.rpartition(" ")
    if last in _irregular():
        return first + space + _irregular()[last]
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


def bare(thing: str) -> str:
    """The thing without its article."""
    return re.sub(r"^(an?|the) ", "", thing)


def is_plural(thing: str) -> bool:
    """True for things such as "french fries" that take "are"."""
    return (
        bool(re.search(r"[^sui]s$", thing)) and not re.match(r"(an?|the) ", thing) and thing not in ("glass", "grass")
    )
