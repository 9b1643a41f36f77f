"""Facts about things: their color, what they are made from, how food tastes, where plants grow."""

from __future__ import annotations

from .asking import NEXT, QUESTION, Asking, Relation, checked, mapping, within
from .core import Exchange, Writer, listed, read_table
from .words import is_plural

PARTS_OF = read_table("parts")


def things(name: str) -> list[tuple[str, str]]:
    """Things and answers of a part of the table of parts."""
    return [(key, str(value)) for key, value in PARTS_OF[name].items()]


RANKED = [
    (rank, thing, color) for color, list_ in mapping("colors") for rank, thing in enumerate(list_.split(", "))
]  # the first things of each color are the best known
COLOR_OF = [(thing, color) for _, thing, color in sorted(RANKED, key=lambda row: row[0])]

COLOR = Relation(
    COLOR_OF,
    ["{s} is {o}."],
    Asking(
        direct=[
            "what color is {s}",
            "which color is {s}",
            "what is the color of {s}",
            "what color does {s} have",
            "what color [would|do] you give {s}",
            "what color [can|do] [you|we|i] see on {s}",
            "{s} is what color",
            "{s} has [which|what] color",
            "in what color do you [draw|paint] {s}",
            "what color should i paint {s}",
            "what does {s} look like, what color",
        ],
        clause=["what color {s} is", "which color {s} has", "what color {s} has", "what the color of {s} is"],
        noun=["the color of {s}"],
        keys=["{s} color", "color of {s}", "color {s}", "{s}: color", "{s} what color"],
    ),
    question=["is {s} {o}", "is the color of {s} {o}"],
    claim=["{s} is {o}", "the color of {s} is {o}"],
    either=[
        "is {s} {x} or {y}",
        "{x} or {y}, what color is {s}",
        "what is {s}, {x} or {y}",
        "{s}: {x} or {y}",
        "would you say {s} is {x} or {y}",
        "is {s} rather {x} or {y}",
        "what color is {s}, {x} or {y}",
    ],
    gap=["{s} is", "the color of {s} is"],
    known=40,
)

MADE = Relation(
    things("made"),
    ["{s} is made from {o}."],
    Asking(
        direct=[
            "what is {s} made [of|from|out of]",
            "from what is {s} made",
            "what do you make {s} [from|with|of|out of]",
            "what do you need to make {s}",
            "what goes into {s}",
            "what is in {s}",
        ],
        clause=["what {s} is made [of|from]", "from what {s} is made", "what {s} is made out of"],
        keys=["{s} made of", "{s} made from", "{s} made of what"],
    ),
    question=["is {s} made [of|from] {o}"],
    claim=["{s} is made [of|from] {o}"],
    either=["is {s} made from {x} or from {y}"],
    gap=["{s} is made from", "{s} is made of"],
    known=40,
)

TASTE = Relation(
    things("taste"),
    ["{s} tastes {o}."],
    Asking(
        direct=[
            "how does {s} taste",
            "what does {s} taste like",
            "what is the taste of {s}",
            "what taste does {s} have",
        ],
        clause=["how {s} tastes", "what {s} tastes like", "what the taste of {s} is"],
        noun=["the taste of {s}"],
        keys=["{s} taste", "taste of {s}"],
    ),
    question=["does {s} taste {o}", "is {s} {o}"],
    claim=["{s} tastes {o}", "{s} is {o}"],
    either=["does {s} taste {x} or {y}", "is {s} {x} or {y}"],
    gap=["{s} tastes", "the taste of {s} is"],
    known=40,
)

GROWS = Relation(
    things("grows"),
    ["{s} grow {o}."],
    Asking(
        direct=[
            "where do {s} grow",
            "on what do {s} grow",
            "where can i find {s} growing",
            "where do {s} come from in nature",
        ],
        clause=["where {s} grow", "on what {s} grow", "how {s} grow, on trees or not"],
        keys=["{s} grow where", "where {s} grow", "where do {s} grow"],
    ),
    question=["do {s} grow {o}"],
    claim=["{s} grow {o}"],
    either=["do {s} grow {x} or {y}"],
    gap=["{s} grow"],
    known=40,
)


def made(w: Writer) -> list[Exchange]:
    """What a thing is made from, with the right verb."""
    s, o = MADE.fact(w)
    verb = "are" if is_plural(s) else "is"
    if verb == "is":
        reply = f"{s} is made from {o}."
        if w.chance(0.25):
            right = w.chance(0.5)
            return [checked(w, right, MADE.question, MADE.claim, reply, s=s, o=o if right else MADE.other(w, s, o))]
        out = [(MADE.ask.user(w, s=s), reply)]
    else:
        asks = ["what are {s} made [of|from|out of]", "what do you make {s} from", "what do you need to make {s}"]
        out = [(w.user(within(w, QUESTION, asks), s=s), f"{s} are made from {o}.")]
    if w.chance(0.25):
        s2, o2 = MADE.fact(w)
        out.append((w.user(within(w, NEXT, "{s}"), s=s2), f"{s2} {'are' if is_plural(s2) else 'is'} made from {o2}."))
    return out


def things_of_color(w: Writer) -> list[Exchange]:
    """One or more things of a color."""
    color = w.pick(("white", "blue", "green", "red", "yellow", "orange", "brown", "black", "pink", "gray"))
    known = [thing for thing, c in COLOR_OF if c == color]
    if w.chance(0.5):
        asks = [
            "[name|tell me|give me|say] something {c}.",
            "[name|tell me|give me] [a thing|something] that is {c}.",
            "[do you know|can you name|can you think of] something {c}?",
            "[do you know|can you name] a {c} thing?",
        ]
        return [(w.user(asks, c=color), f"{w.pick(known)} is {color}.")]
    asks = [
        "[what|which] things are {c}?",
        "what [do you know that|can you think of that] is {c}?",
        "[name|list|tell me|give me] [some|a few] {c} things.",
        "[name|list|tell me] [some things|a few things|things] that are {c}.",
    ]
    return [(w.user(asks, c=color), f"{listed(w.some(known, w.pick((2, 2, 3))))} are {color}.")]


PROPERTIES = [(thing, *text.split(", ")) for thing, text in read_table("parts")["properties"].items()]


def properties(w: Writer) -> list[Exchange]:
    """Whether a thing is hot or cold, big or small."""
    out: list[Exchange] = []
    for thing, is_, is_not in w.some(PROPERTIES, w.pick((1, 1, 2))):
        reply = f"{thing} is {is_}."
        if out:
            out.append((w.user(within(w, NEXT, "{s}"), s=thing), reply))
            continue
        x, y = w.some((is_, is_not), 2)
        if w.chance(0.5):
            asks = [
                "is {s} {x} or {y}",
                "{s}: {x} or {y}",
                "would you say that {s} is {x} or {y}",
                "how is {s}, {x} or {y}",
            ]
            out.append((w.user(within(w, QUESTION, asks), s=thing, x=x, y=y), reply))
        else:
            out.append(checked(w, x == is_, ["is {s} {o}"], ["{s} is {o}"], reply, s=thing, o=x))
            break
    return out


UNITS = {
    "color": (9, COLOR),
    "made": (2.5, made),
    "taste": (1, TASTE),
    "grows": (1.5, GROWS),
    "things of color": (1, things_of_color),
    "properties": (3, properties),
}
