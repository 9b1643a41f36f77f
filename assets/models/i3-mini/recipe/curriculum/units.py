"""All units of all modules, and the choice among them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from types import ModuleType
from typing import Generic, TypeVar

from .core import Exchange, Unit, Writer

Conversation = tuple[str, list[Exchange]]  # the system prompt or "", and what follows
T = TypeVar("T")
TRIES = 12  # at a unit that fits; then there is none
NOT_BETWEEN = {"memory", "system", "followups", "stories"}  # skills whose units do not stand between others


def length(exchanges: Iterable[Exchange]) -> int:
    """Characters of both sides."""
    return sum(len(user) + len(reply) for user, reply in exchanges)


def within(exchanges: list[Exchange], room: int) -> list[Exchange]:
    """As many of the exchanges as fit, at least one."""
    for number, (user, reply) in enumerate(exchanges):
        room -= len(user) + len(reply)
        if room < 0 and number:
            return exchanges[:number]
    return exchanges


def named(module: ModuleType, attribute: str) -> list[str]:
    """A module's set of names of units, in order; anything else by that name is its own affair."""
    names = getattr(module, attribute, ())
    return sorted(names) if isinstance(names, set | frozenset) else []


class Choice(Generic[T]):
    """Items with weights, to draw from."""

    def __init__(self, weighted: Sequence[tuple[T, float]]) -> None:
        self.items = [item for item, _ in weighted]
        self.sums = list(accumulate(weight for _, weight in weighted))

    def draw(self, w: Writer) -> T:
        return w.random.choices(self.items, cum_weights=self.sums)[0]


class Units:
    """The units of the modules of this package that have any.

    Attributes:
        skills: names of the skills in alphabetical order.
        opening, closing: those that only stand at the start or the end of a conversation.
    """

    def __init__(self, only: Iterable[str] = ()) -> None:
        self.opening: set[Unit] = set()
        self.closing: set[Unit] = set()
        again: list[tuple[Unit, float]] = []
        units: dict[str, list[tuple[Unit, float]]] = {}
        whole: dict[str, list[tuple[Callable[[Writer, Units], Conversation], float]]] = {}
        for found in sorted(
            pkgutil.iter_modules(importlib.import_module(__package__ or "").__path__), key=lambda m: m.name
        ):
            if found.name == "__main__":
                continue
            module = importlib.import_module(f".{found.name}", __package__)
            written: dict[str, tuple[float, Unit]] = getattr(module, "UNITS", {})
            skill = found.name.split("_")[0]
            units.setdefault(skill, []).extend((unit, weight) for weight, unit in written.values())
            whole.setdefault(skill, []).extend((made, weight) for weight, made in getattr(module, "WHOLE", {}).values())
            self.opening |= {written[name][1] for name in named(module, "OPENING")}
            self.closing |= {written[name][1] for name in named(module, "CLOSING")}
            again += [(written[name][1], written[name][0]) for name in named(module, "AGAIN")]
        wanted = set(only)
        self.skills = sorted(s for s in units if (units[s] or whole[s]) and (not wanted or s in wanted))
        self._units = {skill: Choice(found) for skill, found in units.items() if found}
        self._whole = {skill: Choice(found) for skill, found in whole.items() if found}
        self._again = Choice(again) if again else None
        self._between = sorted(self._units.keys() - NOT_BETWEEN)

    def draw(self, w: Writer, skill: str) -> Unit:
        """A unit of a skill."""
        return self._units[skill].draw(w)

    def has_units(self, skill: str) -> bool:
        return skill in self._units

    def whole(self, w: Writer, skill: str) -> Conversation | None:
        """A whole conversation of a skill that writes such; None if it does not."""
        return self._whole[skill].draw(w)(w, self) if skill in self._whole else None

    def between(self, w: Writer, room: int, skills: Sequence[str] = ()) -> list[Exchange]:
        """Other talk of at most so many characters, from any skill or these; [] if none was found that fits."""
        skills = [skill for skill in skills if skill in self._units] or self._between
        for _ in range(TRIES if skills else 0):
            unit = self.draw(w, w.pick(skills))
            if unit in self.opening or unit in self.closing:
                continue
            exchanges = unit(w)
            if length(exchanges) <= room:
                return exchanges
        return []

    def again(self, w: Writer) -> Unit | None:
        """A unit of which one more can be asked for; None if no module has one."""
        return self._again.draw(w) if self._again else None
