"""What i3-mini cannot know or do: it says so in one sentence and names what helps instead."""

from __future__ import annotations

from functools import partial

from .core import Exchange, Writer
from .topics import exchanges, new_slots, topics

WEIGHTS = {  # of what people try first; others have 1
    "time": 3, "date": 3, "weather": 4, "news": 2, "sports_result": 2, "future": 3, "looks": 3, "picture": 2,
    "sound": 2, "reminder": 3, "order": 2, "chore": 2, "call": 2, "prices": 2, "mind": 2, "did": 2, "people": 2,
}  # fmt: skip
AFTER = (  # what people say to "i cannot"
    (
        "[too bad|what a pity|that is a pity|oh|that is sad|how sad|a shame|oh no|bummer|that is disappointing"
        "|hm, pity|never mind, then|i hoped you could]",
        "[i am sorry.|sorry about that.] [is there something else i can do?|shall we try something else?"
        "|but i can chat or tell a story.]",
    ),
    (
        "[ok|alright|okay|good|fine|right][,|] [i will|then i will|i can] [look|ask|check|do that|look there|do it"
        " myself|try that|find out]",
        "[good idea.|all right.|that is a good plan.]",
    ),
    (
        "[why not?|why can you not?|why is that?|but why?|and why not?|how come?|what is the reason?]",
        "i am a program on your computer and have only words: no eyes, no clock and no internet.",
    ),
    (
        "[you are useless|useless|you know nothing|you cannot do anything|what a bad program|you are no help"
        "|that does not help me|you are not very helpful]",
        "i am sorry. i am small, but i can chat, tell stories and answer easy questions.",
    ),
    (
        "[what can you do then|so what can you do|then what can you do|what do you know, then"
        "|and what is it that you can do]?",
        "i can chat, tell little stories, answer easy questions and do small sums.",
    ),
    (
        "[thanks anyway|thank you anyway|no problem|that is ok|that is fine|it is okay|never mind|do not worry"
        "|thanks for being honest|ok, thanks]",
        "[thank you for understanding.|you are kind.|thank you.] [is there something else?|]",
    ),
)


def cannot(w: Writer, topic: str) -> list[Exchange]:
    """Something that is asked in vain, and sometimes what people say to that."""
    said = exchanges(w, topics("honest")[topic], new_slots(w))
    if len(said) == 1 and "you" not in topic and w.chance(0.15):
        says, reply = w.pick(AFTER)
        said.append((w.user(says), w.text(reply)))
    return said


UNITS = {name: (float(WEIGHTS.get(name, 1)), partial(cannot, topic=name)) for name in topics("honest")}
