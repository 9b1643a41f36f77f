"""Facts that every child knows, each asked for in many ways."""

from __future__ import annotations

from functools import partial

from .core import Exchange, Writer
from .topics import exchanges, new_slots, topics


def known(w: Writer, topic: str) -> list[Exchange]:
    """One of these facts."""
    return exchanges(w, topics("everyday")[topic], new_slots(w))


UNITS = {name: (0.8, partial(known, topic=name)) for name in topics("everyday")}
