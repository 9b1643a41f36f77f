"""Replies that fit what was said: a template is taken only if the user has named what its slots speak of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .core import Writer
from .slots import names
from .topics import lines, turns

_SPOKEN_OF = {  # slots that say something about another one
    **dict.fromkeys(("he", "him", "his"), "who"),
    **dict.fromkeys(("it", "is", "sounds", "s", "T"), "t"),
    **dict.fromkeys(("did_to_me", "did_to_you"), "did_to"),
    **dict.fromkeys(("feat", "feat_you"), "feat"),
    "exam_you": "exam",
}
FREE = frozenset(("bored_idea", "bored_idea2"))  # slots that nobody must have named


@dataclass(frozen=True)
class Question:
    """A question of i3-mini with what the user may answer and the reply to that.

    Attributes:
        text: the question.
        answers: what the user may answer, and the reply to it.
        after: words of which the user must have said one, or not said it after a "!"; none if it always fits.
    """

    text: str
    answers: tuple[tuple[str, str], ...]
    after: tuple[str, ...] = ()


@cache
def named(template: str) -> frozenset[str]:
    """What the slots of a template speak of."""
    return frozenset(_SPOKEN_OF.get(slot, slot) for slot in names(template))


@cache
def fitting(templates: tuple[str, ...], known: frozenset[str]) -> list[str]:
    """The templates that speak only of what is known."""
    return [template for template in templates if named(template) - FREE <= known]


def questions(text: str, common: dict[str, str]) -> tuple[Question, ...]:
    """The questions of a field, those of a $name from `common`.

    A line is "question? :: answer > reply :: answer > reply"; before it may stand "@word/other word: " or "@!word: ".
    """
    found: list[Question] = []
    for line in lines(text):
        if line.startswith("$"):
            found += questions(common[line[1:]], common)
        else:
            asked, *answers = (part.strip() for part in line.split(" :: "))
            after, _, asked = asked[1:].partition(": ") if asked.startswith("@") else ("", "", asked)
            replies = tuple(turns(answer)[0] for answer in answers)
            found.append(Question(asked, replies, tuple(after.split("/")) if after else ()))
    return tuple(found)


def askable(
    asked: Iterable[Question], known: frozenset[str], says: str = ""
) -> list[tuple[str, list[tuple[str, str]]]]:
    """The questions that fit after `says` and speak only of what is known, with the answers whose replies do."""
    found = []
    for question in asked:
        fits = not question.after or any((word.lstrip("!") in says) != word.startswith("!") for word in question.after)
        if fits and named(question.text) <= known:
            answers = [(says, reply) for says, reply in question.answers if named(reply) <= known | named(says)]
            found.append((question.text, answers))
    return found


def picked(w: Writer, templates: tuple[str, ...], known: frozenset[str]) -> str:
    """One template that fits, more often one that takes up what was said. Raises ValueError if none fits."""
    found = fitting(templates, known)
    if not found:
        raise ValueError(f"No reply fits what was said: {sorted(known)} in {templates}")
    taking_up = [template for template in found if named(template)]
    return w.pick(taking_up if taking_up and w.chance(0.75) else found)
