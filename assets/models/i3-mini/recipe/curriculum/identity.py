"""Who i3-mini is: its name, makers, place, size, parts, talents and limits; no body, no family, no age."""

from __future__ import annotations

from functools import partial

from .core import Exchange, Writer
from .topics import asked, exchanges, new_slots, topics

WEIGHTS = {  # of topics that people ask about first; others have 1
    "name": 7, "who": 6, "what": 4, "maker": 4, "where": 3, "can_do": 6, "human": 4, "robot": 3, "other": 4, "age": 2,
    "feel": 3, "favorite": 3, "family": 2, "body": 2, "hobby": 3, "doing": 2, "eat": 2, "sleep": 2, "languages": 2,
    "private": 4, "learned": 2, "internet": 2, "remember_chats": 2, "size": 2, "friends": 2, "smart": 2, "learn": 2,
    "program_or": 4, "body_part": 4, "kin": 3, "offline": 3, "alive": 3, "bad_at": 2, "gender": 2, "company": 2,
}  # fmt: skip


def about(w: Writer, topic: str) -> list[Exchange]:
    """A question about i3-mini, and sometimes one more that comes out of it."""
    return exchanges(w, topics("identity")[topic], new_slots(w))


def asked_in_a_row(w: Writer) -> list[Exchange]:
    """Two to four short questions of somebody who wants to know whom they talk to."""
    said: list[Exchange] = []
    slots = new_slots(w)
    for topic in w.some([name for name in topics("identity") if name in WEIGHTS], w.pick((2, 2, 3, 3, 4))):
        said.append(asked(w, topics("identity")[topic], slots))
    return said


UNITS = {
    **{name: (float(WEIGHTS.get(name, 1)), partial(about, topic=name)) for name in topics("identity")},
    "asked_in_a_row": (25.0, asked_in_a_row),
}
