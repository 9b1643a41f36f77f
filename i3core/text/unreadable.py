"""Descriptions of characters that a model cannot read, and what to do about each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

MOST_NAMED = 12
_PICTURES = ("So", "Sk", "Sm", "Sc", "Co")


def notice(counts: Mapping[str, int]) -> str:
    """One line for a text that is about to be sent; "" if the model can read all of it."""
    if not counts:
        return ""
    total = sum(counts.values())
    named = " ".join(map(shown, list(counts)[:MOST_NAMED])) + (" …" if len(counts) > MOST_NAMED else "")
    return f"i3 can't read {total:,} character{'' if total == 1 else 's'}: {named}"


def suggestions(counts: Mapping[str, int]) -> Iterator[str]:
    """A line for each character: how often it occurs, and a suggestion."""
    for character, count in counts.items():
        times = "once" if count == 1 else f"{count:,} times"
        yield f"{shown(character)} ({times}): {_suggestion(character)}"


def shown(character: str) -> str:
    """The character, or its number if it is invisible."""
    return character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"


def _suggestion(character: str) -> str:
    category = unicodedata.category(character)
    if character == "\ufffd":
        return "text was damaged when it was converted; export it again as UTF-8."
    if category in ("Cc", "Cn", "Cs"):
        return "not text; remove it."
    if category in _PICTURES or unicodedata.name(character, "").startswith(("EMOJI", "VARIATION")):
        return "write it in words, or remove it."
    script = unicodedata.name(character, "another script").split()[0].lower()
    if category[0] in "LM" and script not in ("latin", "modifier", "combining"):
        return f"{script} letters need a model trained from scratch on them."
    return "replace it by one that the model knows, or train from scratch with a vocabulary of this data."
