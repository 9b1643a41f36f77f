"""Sums in small stories: who has how many, and how many there are in the end."""

from __future__ import annotations

from .core import Exchange, Writer, in_words
from .words import listing, plural

EATEN = listing("eaten")
KEPT = listing("kept")
ANIMALS = listing("counted_animals")
GETS = {
    True: (
        "[get|find|buy|am given] {b} more",
        "[my friend|someone|my mother] gives me {b} more",
        "then i get {b} more",
    ),
    False: ("[gets|finds|buys|is given] {b} more", "[a friend|someone] gives {o} {b} more", "then {s} gets {b} more"),
}
GIVES = {
    True: ("[give|lose|give away|drop] {b}", "give {b} to a friend", "[break|lend|sell] {b}"),
    False: ("[gives|loses|gives away|drops] {b}", "gives {b} to a friend", "[breaks|lends|sells] {b}"),
}
HOW_MANY = "how many [{k} |]{d} {s} have [now|then|left|]?"


def counted(number: int, thing: str, words: bool) -> str:
    """Three apples, 1 apple."""
    return f"{in_words(number) if words else number} {thing if number == 1 else plural(thing)}"


def story(w: Writer) -> list[Exchange]:
    """One of the kinds of stories."""
    return w.pick((change, change, change, two_people, groups, shared, on_a_place, difference))(w)


def person(w: Writer) -> tuple[str, str, str]:
    """Who has something, in the question, later in it, and in the reply: (i, i, you), (tom, he, tom)."""
    if w.chance(0.55):
        return "i", "i", "you"
    name = w.name("female" if w.chance(0.5) else "male")
    return name, name, name


def change(w: Writer) -> list[Exchange]:
    """Someone has some and gets or loses some."""
    who, later, told = person(w)
    first = who == "i"
    a, b = w.random.randint(2, 12), w.random.randint(1, 8)
    up = w.chance(0.5)
    thing = w.pick(EATEN if w.chance(0.6) else KEPT)
    words = w.chance(0.4)
    if not up:
        b = min(b, a)
        acts = GIVES[first] + (
            (("eat {b}", "eat {b} of them") if first else ("eats {b}", "eats {b} of them")) * 2
            if thing in EATEN
            else ()
        )
    else:
        acts = GETS[first]
    act = w.pick(acts)
    if "gives me" in act or act.startswith("then ") or "gives {o}" in act:
        joined = "{w} {h} {a}. " + act
    else:
        joined = "{w} {h} {a}" + w.pick((" and {l} ", ", then {l} ", ". {l} ")) + act
    if up and w.chance(0.2):
        joined = "if {w} {h} {a} and {l} {g} {b} more"
    if not up and w.chance(0.2):
        joined = "if {w} {h} {a} and {l} {e} {b}"
    ask = (", " if joined.startswith("if") else ". ") + HOW_MANY
    left = a + b if up else a - b
    has = "have" if first else "has"
    asked = w.user(
        joined + ask,
        w=who,
        h=has,
        a=counted(a, thing, words),
        b=in_words(b) if words else b,
        l=later,
        k=plural(thing),
        d="do" if first else "does",
        s=later,
        o=later,
        g="get" if first else "gets",
        e="lose" if first else "loses",
    )
    number = "no" if left == 0 else str(left)
    reply = f"{told} {'have' if told == 'you' else 'has'} {number} {thing if left == 1 else plural(thing)}"
    out = [(asked, reply + (" now." if up else " left."))]
    if w.chance(0.25) and left:
        c = w.random.randint(1, min(5, left))
        more = w.chance(0.5)
        then = left + c if more else left - c
        verb = ("get" if more else "lose") if first else ("gets" if more else "loses")
        ask2 = ["[and if|what if|and then] {s} {v} {c} more?" if more else "[and if|what if|and then] {s} {v} {c}?"]
        said = f"{told} {'have' if told == 'you' else 'has'} {then or 'no'} {thing if then == 1 else plural(thing)}"
        out.append((w.user(ask2, s=later, v=verb, c=c), said + (" now." if more else " left.")))
    return out


def two_people(w: Writer) -> list[Exchange]:
    """Two people put theirs together."""
    a, b = w.random.randint(1, 10), w.random.randint(1, 10)
    thing = w.pick(EATEN + KEPT)
    one, two = w.name(), w.name()
    if one == two:
        return change(w)
    if w.chance(0.5):
        one, reply = "i", "together you have"
    else:
        reply = "together they have"
    words = w.chance(0.4)
    asks = [
        "{x} {h} {a} and {y} has {b}. how many [{k} |]do {z} have [together|in all|altogether]?",
        "if {x} {h} {a} and {y} has {b}, how many are there [together|in all]?",
        "{x} {h} {a}, {y} has {b}. how many [{k} |]is that [together|in all]?",
    ]
    asked = w.user(
        asks,
        x=one,
        h="have" if one == "i" else "has",
        a=counted(a, thing, words),
        y=two,
        k=plural(thing),
        b=in_words(b) if words else b,
        z="we" if one == "i" else "they",
    )
    return [(asked, f"{reply} {counted(a + b, thing, False)}.")]


def groups(w: Writer) -> list[Exchange]:
    """Some boxes with as many in each."""
    a, b = w.random.randint(2, 10), w.random.randint(2, 10)
    thing = w.pick(EATEN + KEPT)
    box = w.pick([box for box in ("box", "bag", "basket", "plate", "bowl") if box != thing])
    asks = [
        "there are {a} with {b} in each. how many {k} are there[ in all|]?",
        "i have {a} with {b} each. how many {k} do i have?",
        "{a}, each with {b}. how many {k} [is that|are there]?",
        "how many {k} are in {a} with {b} in each?",
    ]
    if w.chance(0.3):
        animal, legs = w.pick(
            (("dog", 4), ("cat", 4), ("bird", 2), ("spider", 8), ("bee", 6), ("cow", 4), ("hen", 2), ("ant", 6))
        )
        a = w.random.randint(2, 6)
        asks = [
            "how many legs do {a} have[ together|]?",
            "{a}: how many legs [is that|in all]?",
            "there are {a}. how many legs do they have?",
        ]
        return [(w.user(asks, a=counted(a, animal, True)), f"{counted(a, animal, True)} have {a * legs} legs.")]
    asked = w.user(asks, a=counted(a, box, w.chance(0.3)), b=counted(b, thing, False), k=plural(thing))
    return [(asked, f"there are {a * b} {plural(thing)}.")]


def shared(w: Writer) -> list[Exchange]:
    """Shared equally."""
    people, each = w.random.randint(2, 10), w.random.randint(1, 10)
    thing = w.pick(EATEN + KEPT)
    asks = [
        "{p} [children|friends|people] share {a}. how many does each [one |]get?",
        "{a} are shared by {p} [children|friends]. how many for each?",
        "if {p} [kids|friends|people] share {a}, how many does each get?",
        "how many {k} does each of {p} [children|people|kids] get if they share {a}?",
    ]
    asked = w.user(asks, p=people, a=counted(people * each, thing, False), k=plural(thing))
    return [(asked, f"each one gets {counted(each, thing, False)}.")]


def on_a_place(w: Writer) -> list[Exchange]:
    """Animals come to a place or leave it."""
    a, b = w.random.randint(2, 10), w.random.randint(1, 9)
    animal = w.pick(ANIMALS)
    place = w.pick(("in the garden", "on the farm", "by the pond", "in the yard", "on the grass"))
    up = w.chance(0.5)
    b = b if up else min(a, b)
    came = "come" if b > 1 else "comes"
    asks = [
        "there are {a} {p}. {b} more {c}. how many are there [now|then]?"
        if up
        else "there are {a} {p}. {b} {g} away. how many are left?",
        "{a} are {p} and {b} more {c}. how many {k} are there?"
        if up
        else "{a} are {p} and {b} {g} away. how many {k} are left?",
    ]
    left = a + b if up else a - b
    asked = w.user(
        asks, a=counted(a, animal, w.chance(0.4)), b=b, p=place, c=came, g="run" if b > 1 else "runs", k=plural(animal)
    )
    are = "is" if left == 1 else "are"
    number = "no" if left == 0 else left
    return [(asked, f"there {are} {number} {animal if left == 1 else plural(animal)} {'now' if up else 'left'}.")]


def difference(w: Writer) -> list[Exchange]:
    """How many more."""
    a, b = sorted(w.some(range(1, 15), 2), reverse=True)
    thing = w.pick(EATEN + KEPT)
    name = w.name()
    asks = [
        "i have {a} and {n} has {b}. how many more do i have?",
        "i have {a} and {n} has {b}. how many [more {k} |more ]do i have than {n}?",
    ]
    return [
        (
            w.user(asks, a=counted(a, thing, False), b=b, n=name, k=plural(thing)),
            f"you have {counted(a - b, thing, False)} more than {name}.",
        )
    ]
