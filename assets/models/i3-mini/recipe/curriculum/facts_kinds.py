"""Facts about kinds: whether a thing is a fruit, which of three is a tool, which word does not fit."""

from __future__ import annotations

import re

from .asking import QUESTION, checked, mapping, within
from .core import Exchange, Writer, article, listed
from .words import listing

KINDS: dict[str, list[str]] = {}

MANY: dict[str, str] = {}

for _head, _members in mapping("kinds"):
    _kind, _many = re.fullmatch(r"(.*) \((.*)\)", _head).groups()  # type: ignore[union-attr]
    KINDS[_kind] = _members.split(", ")
    MANY[_kind] = _many

APART = listing("kinds_apart")

NO_ARTICLE = (
    "color",
    "country",
    "drink",
    "metal",
    "sport",
    "language",
    "planet",
    "day of the week",
    "month",
    "season",
    "city",
    "continent",
)

LIVING = ("animal", "bird", "fish", "insect", "reptile")

SAME = {
    frozenset(pair)
    for pair in (
        ("fruit", "color"),
        ("flower", "color"),
        ("metal", "color"),
        ("planet", "metal"),
        ("fruit", "tree"),
        ("job", "room"),
    )
}


def named(kind: str, member: str) -> str:
    """The member with an article if it takes one."""
    return member if kind in NO_ARTICLE or member.startswith(("a ", "the ", "an ")) else article(member)


EITHER = (
    "is {s} {a:x} or {a:y}",
    "{s}: {x} or {y}",
    "{s}, is it {a:x} or {a:y}",
    "what is {s}, {a:x} or {a:y}",
    "{x} or {y}, what is {s}",
    "would you say {s} is {a:x} or {a:y}",
    "is {s} a kind of {x} or of {y}",
    "do you call {s} {a:x} or {a:y}",
)


def is_a(w: Writer) -> list[Exchange]:
    """Whether a thing is of a kind, and of what kind it is."""
    kind = w.pick((*APART, *LIVING))
    member = w.pick(KINDS[kind])
    s = named(kind, member)
    reply = f"{s} is {article(kind)}."
    others = [k for k in (*APART, *LIVING) if member not in KINDS[k] and k != kind and frozenset((k, kind)) not in SAME]
    if kind in LIVING:
        others = [k for k in others if k not in LIVING]
    if member in ("orange", "violet", "rose", "mercury", "turkey", "palm"):
        return [(w.user(["is {s} {a:k}?", "{s} is {a:k}, right?"], s=s, k=kind), "yes, " + reply)]
    drawn = w.random.random()
    if drawn < 0.5:
        right = w.chance(0.5)
        says = kind if right else w.pick(others)
        return [
            checked(
                w,
                right,
                ["is {s} {a:o}", "is {s} {a:o}", "would you call {s} {a:o}"],
                ["{s} is {a:o}"],
                reply,
                s=s,
                o=says,
            )
        ]
    if drawn < 0.7:
        x, y = w.some((kind, w.pick(others)), 2)
        return [(w.user(within(w, QUESTION, EITHER), s=s, x=x, y=y), reply)]
    asks = [
        "what kind of thing is {s}",
        "of what kind is {s}",
        "[which|what] group does {s} belong to",
        "what sort of thing is {s}",
    ]
    return [(w.user(within(w, QUESTION, asks), s=s), reply)]


def which_is(w: Writer) -> list[Exchange]:
    """Which of three is of a kind."""
    kind = w.pick(APART)
    one = w.pick(KINDS[kind])
    rest = [
        m for k in APART if k != kind and frozenset((k, kind)) not in SAME for m in KINDS[k] if m not in KINDS[kind]
    ]
    if kind == "fruit":
        rest = [m for m in rest if m not in KINDS["vegetable"]]
    a, b, c = w.some([one, *w.some(rest, 2)], 3)
    asks = [
        "[which of these|which one|which|what] is {a:k}: {a}, {b} or {c}?",
        "{a}, {b}, {c}: [which|which one] is {a:k}?",
        "[which word|which of these words] is {a:k}, {a}, {b} or {c}?",
        "[find|pick|choose] the {k}: {a}, {b}, {c}.",
    ]
    return [(w.user(asks, k=kind, a=a, b=b, c=c), f"{named(kind, one)} is {article(kind)}.")]


ODD = (
    "[which|what] [word|one|thing|of these] does not [fit|belong|match|go with the others]: {r}?",
    "[which|what] is the odd one out: {r}?",
    "[which|what] is the odd one [out in|of|in] {r}?",
    "[odd one out|the odd one|odd one, please|spot the odd one|what does not fit|which is wrong here]: {r}",
    "{r}: [which one|which word|what|which thing|which of these] does not [fit|belong|belong there|match|go with the "
    "rest]?",
    "{r}. [which one|which word|what|which] is [different|wrong|the odd one|not like the others|the odd one out]?",
    "{r}: [one is wrong|one does not fit|find the odd one|which is not like the others|odd one out].",
    "[find|name|tell me|say|pick|spot|show me] the [odd one|word that does not fit|wrong word|one that is different"
    "|one that does not belong]: {r}.",
    "[can|could] you [find|spot|tell me] the [odd one|word that does not fit|one that does not belong]: {r}?",
    "[one of these does not fit|one of these is different|one word is wrong|one does not belong|here one is wrong]: "
    "{r}."
    " [which one|which|what is it|find it|tell me which].",
    "[among|of] {r}, [which|what] [does not fit|is the odd one|is different|does not go with the rest]?",
    "[throw out|take out|remove|cross out] [what|the word that|the one that] does not [fit|belong]: {r}.",
    "which of these does not belong to the others, {r}?",
)
ALIVE = (*LIVING, "pet", "farm animal")


def odd_one(w: Writer) -> list[Exchange]:
    """Which word does not belong to the others."""
    kinds = (*APART, "part of the body", "building", *["animal"] * 4, "bird", "fish", "pet", "farm animal")
    kind, other = w.some(kinds, 2)
    if kind == other or frozenset((kind, other)) in SAME or {kind, other} == {"fruit", "vegetable"}:
        other = "tool" if kind != "tool" else "season"
    if kind in ALIVE and other in ALIVE:
        other = w.pick(("piece of furniture", "fruit", "tool", "vehicle", "color", "piece of clothing"))
    if {kind, other} == {"room", "building"}:
        other = "animal"
    rest = [m for m in KINDS[other] if m not in KINDS[kind]]
    odd = w.common(rest)
    row = w.several([m for m in KINDS[kind] if m not in KINDS[other]], w.pick((2, 2, 3, 3)))
    row.insert(w.random.randrange(len(row) + 1), odd)
    shown = listed(row, w.pick(("and", "or"))) if w.chance(0.25) else ", ".join(row)
    return [(w.user(ODD, r=shown), f"{odd} does not fit. the others are {MANY[kind]}.")]


UNITS = {
    "is a": (3, is_a),
    "which is": (1.5, which_is),
    "odd one": (3.5, odd_one),
}
