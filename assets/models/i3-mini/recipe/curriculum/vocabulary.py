"""Words of the tables by class, for copying, spelling, sorting and making sentences."""

from __future__ import annotations

from functools import cache

from .asking import columns, mapping
from .core import Writer, held_out, read_table
from .words import bare, listing, pairs

ADJECTIVES = listing("adjectives")
VERBS_OF_PEOPLE = listing("verbs_of_people")
PLACES = listing("places")


def _clean(words: list[str]) -> list[str]:
    """Single words of letters, each once."""
    return sorted({word for word in words if word.isalpha() and word.isascii()} - held_out())


@cache
def nouns() -> list[str]:
    """Things that can be counted."""
    found = [bare(thing) for thing, _ in mapping("definitions") if thing.startswith(("a ", "an "))]
    found += [row[0] for row in columns("animals")]
    found += [bare(thing) for thing in read_table("parts")["tools"] if thing.startswith(("a ", "an "))]
    found += list(read_table("parts")["jobs"])
    mass = {"half", "million", "pair", "dozen", "past", "future", "cold", "zoo"}
    return [word for word in _clean(found) if word not in mass]


@cache
def objects() -> list[str]:
    """Animals, tools and other things that somebody can have."""
    found = [row[0] for row in columns("animals")] + listing("kept") + listing("eaten")
    return _clean(found + [bare(thing) for thing in read_table("parts")["tools"] if thing.startswith(("a ", "an "))])


@cache
def words() -> list[str]:
    """Words of all classes."""
    found = nouns() + ADJECTIVES + [word for group in pairs(read_table("words")["opposites"]) for word in group]
    found += [word for group in pairs(read_table("words")["pasts"]) for word in group]
    found += [member for _, members in mapping("kinds") for member in members.split(", ")]
    return [word for word in _clean(found) if len(word) > 1]


@cache
def short_words(longest: int) -> list[str]:
    """Words of three letters up to `longest`."""
    return [word for word in words() if 3 <= len(word) <= longest]


def any_word(w: Writer) -> str:
    """A word, or in one of four an invented one."""
    return w.invented() if w.chance(0.25) else w.pick(words())


def sentence(w: Writer) -> str:
    """A short sentence without its point, of words by chance."""
    templates = (
        "{n} has {a:j} {x}",
        "the {x} is {p}",
        "the {j} {x} is {k}",
        "{n} likes to {v} {p}",
        "i see {a:x} and {a:y}",
        "my {x} is {j}",
        "{n} and {m} {v} together",
        "there is {a:j} {x} {p}",
        "we {v} every day",
        "{n} lives {p}",
        "today is a {j} day",
        "i like it {p}",
        "{n} gave me {a:x}",
        "the {x} and the {y} are friends",
        "please bring the {x}",
        "where is the {x}",
        "i am {j} today",
        "{n} found {a:x} {p}",
        "never {v} {p}",
        "her {x} is {j} and {k}",
    )
    j, k = w.some(ADJECTIVES, 2)
    x, y = w.some(objects(), 2)
    return w.text(templates, n=w.name(), m=w.name(), x=x, y=y, j=j, k=k, p=w.pick(PLACES), v=w.pick(VERBS_OF_PEOPLE))
