"""Counting and listing: numbers up and down, some things of a kind, another one, the days and months."""

from __future__ import annotations

from .asking import Asking, within
from .core import Exchange, Writer, article, in_words, listed
from .facts_kinds import KINDS, MANY, named
from .facts_time import DAYS, MONTHS, PLANETS, SEASONS
from .wishes import DEEDS as ASKED
from .wishes import things

ROWS = {
    "days of the week": DAYS,
    "months of the year": MONTHS,
    "seasons": SEASONS,
    "planets": PLANETS,
    "months": MONTHS,
    "weekdays": DAYS[:5],
}
EVERYDAY = (  # kinds that people ask for every day, the most common first
    "fruit", "animal", "vegetable", "color", "drink", "food", "pet", "bird", "country", "city", "flower", "tool",
    "sport", "girl's name", "boy's name", "name", "job", "hobby", "farm animal", "wild animal", "musical instrument",
    "fish", "piece of clothing", "insect", "toy", "day of the week", "month", "season", "shape", "vehicle", "number",
    "tree", "piece of furniture", "part of the body", "planet", "language", "gift", "dessert", "breakfast food",
    "hot drink", "thing in a kitchen", "fairy tale", "feeling", "thing that is red", "thing that flies",
)  # fmt: skip
ONE = (
    *("{n} {k}",) * 5,
    "the name of {a:k}",
    "[a random|any|some|a nice|a common|a well-known|just one|a good] {k}",
    "an example of {a:k}",
    "one of the {m} [that|] you know",
    "one of all {m}",
)
MORE_THAN_ONE = (
    *("{n} {k}",) * 6,
    "{n} [different|nice|common|random|well-known|other|good|simple] {k}",
    "[the names of|any|just] {n} {k}",
    "{n} examples of {k}",
    "{n} of the {k} [that|] you know",
)
SOME = (
    "[some|a few|several|different|a list of|examples of|a couple of] {k}",
    "[some|a few] [different|nice|common|random|well-known] {k}",
)
WHICH = (
    "[which|what] {m} do you know? [say|name|tell me|give me|list] {c}[|, please].",
    "there are many {m}. [say|name|tell me|give me|list|write] {c}[|, please].",
    "[{m}|think of {m}|i like {m}|let us talk about {m}]: [name|say|give me|tell me|list] {c}.",
    "{m}, {c}[ of them|][, please|].",
    "{c} of the {m}[, please| please|].",
    "of all {m}, [name|say|tell me|give me] {c}.",
)
ANOTHER = (
    "[and |]another one[, please|]?",
    "[and |]one more[, please|].",
    "[and |]another[, please|]?",
    "[now |and |]another {k}[, please|].",
    "[give me|tell me|name|say|do you know|can you name] [one more|another one|another|another {k}|one more {k}].",
    "a different [one|{k}], please.",
    "[more|more please|and more|more of them]?",
    "and one more {k}?",
    "[no, not that|not that one|i know that one|i do not like that]. another one[, please|].",
)


def count(w: Writer) -> list[Exchange]:
    """Counts to a number, from one to another, down, or in steps."""
    words = w.chance(0.12)
    drawn = w.random.random()
    if drawn < 0.45:
        n = w.pick((3, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 10, 12, 15, 20))
        numbers = list(range(1, n + 1))
        asks = [
            "count to {n}",
            "count up to {n}",
            "count from [one|1] to {n}",
            "count to {n} for me",
            "say the numbers from [one|1] to {n}",
            "list the numbers from [one|1] to {n}",
            "count until {n}",
            "show me how you count to {n}",
            "write the numbers [one|1] to {n}",
        ]
        asked = w.user(within(w, ASKED, asks), n=in_words(n) if w.chance(0.4) else n)
    elif drawn < 0.65:
        n = w.pick((3, 4, 5, 5, 6, 8, 10, 10, 12))
        numbers = list(range(n, 0, -1))
        asks = [
            "count [down|backwards|backward] from {n}",
            "count down from {n} to [one|1]",
            "do a countdown from {n}",
            "count from {n} to [one|1]",
            "count backwards, start with {n}",
            "say the numbers from {n} down to [one|1]",
            "make a countdown from {n}",
        ]
        asked = w.user(within(w, ASKED, asks), n=in_words(n) if w.chance(0.4) else n)
    elif drawn < 0.88:
        a = w.random.randint(2, 40)
        b = a + w.random.randint(2, 8)
        if w.chance(0.25):
            a, b = b, a
        numbers = list(range(a, b + 1)) if a < b else list(range(a, b - 1, -1))
        words = False
        asks = [
            "count from {a} to {b}",
            "say the numbers from {a} to {b}",
            "list the numbers from {a} to {b}",
            "count {a} to {b}",
            "start at {a} and count to {b}",
            "write the numbers from {a} to {b}",
        ]
        asked = w.user(within(w, ASKED, asks), a=a, b=b)
    else:
        step = w.pick((2, 2, 5, 10, 3))
        n = step * w.pick((4, 5, 6))
        numbers = list(range(step, n + 1, step))
        asks = ["count [by|in] {s} to {n}", "count to {n} [by|in] {s}", "count to {n} in steps of {t}"]
        plural = {2: "twos", 3: "threes", 5: "fives", 10: "tens"}[step]
        asked = w.user(within(w, ASKED, asks), s=plural if w.chance(0.6) else f"{step}s", t=step, n=n)
        if step == 2 and w.chance(0.4):
            kind, first = w.pick((("even", 2), ("odd", 1)))
            numbers = [first + 2 * i for i in range(5)]
            asked = w.user(
                ["[say|name|list|tell me|give me] the first five {k} numbers.", "what are the first five {k} numbers?"],
                k=kind,
            )
    words = words and max(numbers) <= 20
    if words:
        asked = asked.rstrip(".?! ") + w.pick((" in words", ", in words", " in words, not digits"))
    return [(asked, ", ".join(in_words(i) if words else str(i) for i in numbers) + ".")]


def list_things(w: Writer) -> list[Exchange]:
    """Some things of a kind, and perhaps another one."""
    kind = w.common(EVERYDAY) if w.chance(0.6) else w.pick(list(KINDS))
    members, many = KINDS[kind], MANY[kind]
    n = min(w.pick((1, 1, 1, 2, 2, 3, 3, 3, 4, 5)), len(members))
    some = w.several(members, n)
    number = in_words(n) if w.chance(0.6) else str(n)
    if n == 1:
        slots = {"n": article(kind).split(" ", 1)[0] if w.chance(0.65) else "one", "k": kind, "c": "one", "m": many}
    else:
        slots = {"n": number, "k": many, "c": number, "m": many}
    if w.chance(0.12):
        asked = w.user(WHICH, **slots)
    elif n == 3 and w.chance(0.2):
        asked = things(w, SOME, True, **slots)
    elif n == 1:
        asked = things(w, ONE, False, **slots)
    else:
        asked = things(w, MORE_THAN_ONE, True, **slots)
    out = [(asked, f"{listed(some)}.")]
    rest = [member for member in members if member not in some]
    for _ in range(2):
        if not rest or not w.chance(0.3):
            break
        other = rest.pop(w.random.randrange(len(rest)))
        out.append((w.user(ANOTHER, k=kind), f"{other}."))
    return out


def rows(w: Writer) -> list[Exchange]:
    """All days, months, seasons or planets, from the first or the last on."""
    name = w.pick(list(ROWS))
    row = list(ROWS[name])
    if w.chance(0.2):
        asks = [
            "[say|list|tell me] the {k} backwards",
            "[say|list] the {k} in the opposite order",
            "list the {k} from the last to the first",
        ]
        return [(w.user(within(w, ASKED, asks), k=name), ", ".join(row[::-1]) + ".")]
    if w.chance(0.2) and len(row) > 4:
        n = w.pick((2, 3, 4))
        asks = ["[say|list|name|tell me] the first {n} {k}", "name the first {n} of the {k}"]
        return [(w.user(within(w, ASKED, asks), n=in_words(n), k=name), listed(row[:n]) + ".")]
    asks = [
        "list the {k}",
        "name the {k}",
        "say the {k}",
        "tell me the {k}",
        "tell me all the {k}",
        "list all {k}",
        "name all the {k}",
        "write down the {k}",
        "give me the {k} in order",
    ]
    asked = w.user(
        within(w, ASKED, asks)
        if w.chance(0.7)
        else ["what are the {k}?", "which {k} are there?", "do you know the {k}?", "the {k}, please"],
        k=name,
    )
    return [(asked, listed(row) + ".")]


def not_that(w: Writer) -> list[Exchange]:
    """One of a kind that is not the one that the user names."""
    kind = w.pick([kind for kind, members in KINDS.items() if len(members) > 4])
    known, other = w.some(KINDS[kind], 2)
    asks = [
        "name {a:k} that is not {x}",
        "tell me {a:k}, but not {x}",
        "give me {a:k} other than {x}",
        "name {a:k} besides {x}",
        "say {a:k}. not {x}",
        "i know {x}. name another {k}",
        "what is another {k} like {x}",
    ]
    return [(w.user(within(w, ASKED[:4], asks), k=kind, x=known), f"{other}.")]


def one_of_each(w: Writer) -> list[Exchange]:
    """One of each of two kinds."""
    a, b = w.several(EVERYDAY, 2)
    x, y = w.pick(KINDS[a]), w.pick(KINDS[b])
    if x == y:
        return list_things(w)
    asks = [
        "name {a:a} and {a:b}",
        "tell me {a:a} and {a:b}",
        "give me one {a} and one {b}",
        "say {a:a} and also {a:b}",
        "i need {a:a} and {a:b}",
    ]
    return [(w.user(within(w, ASKED[:4], asks), a=a, b=b), f"{x} and {y}.")]


def is_there(w: Writer) -> list[Exchange]:
    """Of what kind the words of a row are."""
    kind = w.pick(
        (
            "fruit",
            "vegetable",
            "bird",
            "color",
            "country",
            "tool",
            "flower",
            "metal",
            "musical instrument",
            "sport",
            "job",
            "planet",
        )
    )
    some = w.some([m for m in KINDS[kind] if m not in ("orange", "mercury", "violet", "rose", "turkey")], 3)
    asking = Asking(
        direct=[
            "what are {r}",
            "what do {r} have in common",
            "what kind of things are {r}",
            "{r}: what are they",
            "what is the word for {r} together",
        ],
        clause=["what {r} are", "what {r} have in common"],
        keys=["{r}: kind?"],
    )
    names = [named(kind, m) if w.chance(0.5) and kind not in ("country", "color") else m for m in some]
    return [(asking.user(w, r=listed(names)), f"{listed(names)} are {MANY[kind]}.")]


UNITS = {
    "count": (6, count),
    "list things": (14, list_things),
    "rows": (1.5, rows),
    "not that": (1.5, not_that),
    "one of each": (1.2, one_of_each),
    "what are": (1, is_there),
}
