"""Short notes and invitations, and a sentence said shorter or in another form."""

from __future__ import annotations

from .asking import within
from .core import Exchange, Writer
from .facts_words import PAST
from .vocabulary import ADJECTIVES, PLACES, VERBS_OF_PEOPLE, objects
from .wishes import DEEDS as ASKED
from .words import listing

EVENTS = listing("events")

GIFTS = listing("gifts")

WRITE = (
    "[write|compose|draft|make] {}.",
    "[please|can you|could you|would you|help me] write {}.",
    "[i need|i want|give me] {}.",
    "{}, please.",
    "write {} for me.",
    "{}",
)


def note(w: Writer) -> list[Exchange]:
    """An invitation, a thank-you note, a wish or an apology in two sentences."""
    name = w.name()
    kind = w.pick(
        (
            "invitation",
            "thanks",
            "birthday",
            "sorry",
            "well",
            "congratulation",
            "christmas",
            "goodbye",
            "sick",
            "miss",
            "love",
        )
    )
    event, gift = w.pick(EVENTS), w.pick(GIFTS)
    asks, reply = {
        "invitation": (
            [
                "an invitation [to|for] {n} [to|for] {e}",
                "an invitation to {e} for {n}",
                "a short invitation: {n}, {e}",
                "a note that invites {n} to {e}",
            ],
            "dear {n}, i would like to invite you to {e}. [i hope you can come!|it would be lovely to see you there.]",
        ),
        "thanks": (
            [
                "a thank-you note to {n} for the {g}",
                "a thank you note for {n} and the {g}",
                "a note to thank {n} for the {g}",
                "a short thank-you letter to {n} for the {g}",
            ],
            "dear {n}, thank you so much for the {g}. [it made me very happy.|you made my day.]",
        ),
        "birthday": (
            [
                "a birthday [card|greeting|wish|message] [for|to] {n}",
                "a happy birthday message to {n}",
                "something for the birthday of {n}",
            ],
            "dear {n}, happy birthday! [i wish you a year full of joy.|may all your wishes come true.]",
        ),
        "sorry": (
            [
                "an apology to {n}",
                "a note to say sorry to {n}",
                "a short sorry letter to {n}",
                "a message to {n} that i am sorry",
            ],
            "dear {n}, i am sorry for what i did. [please forgive me.|i hope we can be friends again.]",
        ),
        "well": (
            [
                "a get-well [card|note|wish] [for|to] {n}",
                "a get well soon message to {n}",
                "a card for {n}, who is sick",
            ],
            "dear {n}, i heard that you are sick. [get well soon!|rest well and feel better soon.]",
        ),
        "congratulation": (
            [
                "a congratulation to {n}",
                "a note to congratulate {n}",
                "a card to congratulate {n} on the [new job|exam|prize]",
            ],
            "dear {n}, congratulations! [you worked hard for it and i am proud of you.|i am so happy for you.]",
        ),
        "christmas": (
            [
                "a christmas [card|greeting|wish] [for|to] {n}",
                "christmas greetings to {n}",
                "a merry christmas card for {n}",
            ],
            "dear {n}, i wish you a merry christmas. [have a warm and happy time!|and a happy new year, too!]",
        ),
        "goodbye": (
            ["a goodbye [card|note|letter] to {n}", "a farewell note to {n}", "a farewell message for {n}"],
            "dear {n}, it was a good time with you. [i wish you all the best!|i will miss you.]",
        ),
        "sick": (
            [
                "a note to my boss {n} that i am sick",
                "a message to {n} that i am sick and stay home",
                "an email to {n} that i am ill today",
            ],
            "dear {n}, i am sick today and have to stay at home. i hope to be back soon.",
        ),
        "miss": (
            [
                "a note to {n} that i miss [him|her|them]",
                "a short letter to {n}, my friend far away",
                "a message for {n}, whom i miss",
            ],
            "dear {n}, i think of you and miss you. [write to me soon!|i hope to see you soon.]",
        ),
        "love": (
            ["a love [letter|note] to {n}", "a short love letter for {n}", "a valentine's card for {n}"],
            "dear {n}, you make my days bright. [i am so glad that i have you.|i love you with all my heart.]",
        ),
    }[kind]
    return [(w.user(within(w, WRITE, asks), n=name, e=event, g=gift), w.text(reply, n=name, e=event, g=gift))]


def shorter(w: Writer) -> list[Exchange]:
    """A long sentence in few words."""
    x, y = w.some(objects(), 2)
    j, k = w.some(ADJECTIVES, 2)
    n, p = w.name(), w.pick(PLACES)
    cases = (
        ("yesterday evening, {n} bought {a:j} {x} {p}", "{n} bought {a:x}"),
        ("my {j} and {k} neighbor {n} has lost the {x} somewhere {p}", "{n} lost the {x}"),
        ("{n} is so tired today that it is time to go to bed very early", "{n} is tired"),
        ("in the middle of the night, {n} heard {a:j} {x} {p}", "{n} heard {a:x}"),
        ("the {j} {x} that {n} found {p} last week is {k}", "the {x} is {k}"),
        ("because it was raining all day, {n} stayed at home and read", "{n} stayed at home"),
        ("i would really like to say that i like the {j} {x} very much", "i like the {x}"),
        ("if you have time tomorrow, please meet me {p} and bring the {x}", "please bring the {x}"),
        ("{n} told me that there was {a:j} {x} {p}", "there was {a:x} {p}"),
        ("this morning we saw {a:x} and {a:y} {p} when we took a walk", "we saw {a:x} and {a:y}"),
    )
    long, short = w.pick(cases)
    slots = {"n": n, "x": x, "y": y, "j": j, "k": k, "p": p}
    asks = [
        "[say it shorter|make this shorter|shorten this|say this in fewer words|make it short|sum this up]: {s}.",
        "{s}. [say it shorter|make it shorter|shorter, please|in few words, please|say that in short].",
        "[can|could] you [shorten|make shorter|sum up] this: {s}?",
    ]
    return [(w.user(asks, s=w.text(long, **slots)), w.text(short, **slots) + ".")]


def changed(w: Writer) -> list[Exchange]:
    """A sentence as a question, in the past, as its opposite, with another name or word."""
    kind = w.random.randrange(5)
    n, x, p = w.name(), w.pick(objects()), w.pick(PLACES)
    if kind == 0:
        j = w.pick(ADJECTIVES)
        asks = [
            "make a question from: the {x} is {j}",
            "turn this into a question: the {x} is {j}",
            "as a question: the {x} is {j}",
        ]
        return [(w.user(within(w, ASKED, asks), x=x, j=j), f"is the {x} {j}?")]
    if kind == 1:
        verb = w.pick(VERBS_OF_PEOPLE)
        past = dict(PAST.pairs)[verb]
        asks = [
            "say in the past: we {v} {p}",
            "put this in the past: we {v} {p}",
            "change to the past tense: we {v} {p}",
        ]
        return [(w.user(within(w, ASKED, asks), v=verb, p=p), f"we {past} {p}.")]
    if kind == 2:
        old, new = w.name(), w.name()
        asks = [
            "replace {o} with {n}: {o} has {a:x}",
            "put {n} in place of {o}: {o} has {a:x}",
            "{o} has {a:x}. now with {n} instead of {o}",
        ]
        return [(w.user(within(w, ASKED, asks), o=old, n=new, x=x), w.text("{n} has {a:x}.", n=new, x=x))]
    if kind == 3:
        j = w.pick(ADJECTIVES)
        asks = [
            "say the opposite: the {x} is {j}",
            "make it negative: the {x} is {j}",
            "negate this: the {x} is {j}",
            "say that it is not so: the {x} is {j}",
        ]
        return [(w.user(within(w, ASKED, asks), x=x, j=j), f"the {x} is not {j}.")]
    j = w.pick(ADJECTIVES)
    asks = [
        "make this longer with the word {j}: {n} has {a:x}",
        "add the word {j}: {n} has {a:x}",
        "put the word {j} before {x}: {n} has {a:x}",
    ]
    return [(w.user(within(w, ASKED, asks), n=n, x=x, j=j), w.text("{n} has {a:j} {x}.", n=n, x=x, j=j))]


UNITS = {
    "note": (4, note),
    "shorter": (2.5, shorter),
    "changed": (2.5, changed),
}
