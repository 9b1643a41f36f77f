"""Slots that are filled when a template first needs them, and keep what they were filled with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from .core import Writer

_SLOT = re.compile(r"\{(?:a:)?(\w+)\}")
Source = Sequence[str] | Callable[["Slots"], str]


@cache
def names(template: str) -> tuple[str, ...]:
    """The slots of a template."""
    return tuple(dict.fromkeys(_SLOT.findall(template)))


class Slots:
    """Writes templates with the same values for the same slots.

    A source is a list to pick from or a function of these slots. NAME2 is filled from the source of NAME, and differs
    from NAME.

    Attributes:
        values: what was chosen so far.
    """

    def __init__(self, w: Writer, sources: Mapping[str, Source], given: Mapping[str, str]) -> None:
        self.w = w
        self.sources = sources
        self.values = dict(given)

    def __getitem__(self, name: str) -> str:
        if name not in self.values:
            self.values[name] = self._chosen(name)
        return self.values[name]

    def text(self, template: str | Sequence[str]) -> str:
        """A reply: see `Writer.text`."""
        template = self._filled(template)
        return self.w.text(template, **self.values)

    def user(self, template: str | Sequence[str]) -> str:
        """What the user says: see `Writer.user`."""
        template = self._filled(template)
        return self.w.user(template, **self.values)

    def forget(self, but: frozenset[str], given: Mapping[str, str]) -> None:
        """Drops what was chosen, except some names and what was given."""
        self.values = {name: value for name, value in self.values.items() if name in but or name in given} | {**given}

    def _filled(self, template: str | Sequence[str]) -> str:
        if not isinstance(template, str):
            template = self.w.pick(template)
        for name in names(template):
            if name not in self.values:
                self.values[name] = self._chosen(name)
        return template

    def _chosen(self, name: str) -> str:
        base = name.removesuffix("2")
        source = self.sources[base]
        if callable(source):
            return source(self)
        value = self.w.pick(source)
        while base != name and value == self[base]:
            value = self.w.pick(source)
        return value
