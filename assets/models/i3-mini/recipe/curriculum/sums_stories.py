"""Sums in small stories: who has how many, and how many there are in the end."""

from __future__ import annotations

from .core import Exchange, Writer, article, in_words
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
HOW_MANY = "how many [{k} |]{d} {s} have{n}?"


def counted(number: int, thing: str, words: bool) -> str:
    """Three apples, 1 apple."""
    return f"{in_words(number) if words else number} {thing if number == 1 else plural(thing)}"


def story(w: Writer) -> list[Exchange]:
    """One of the kinds of stories."""
    return w.pick(STORIES)(w)


def person(w: Writer) -> tuple[str, str, str]:
    """Who has something, in the question, later in it, and in the reply: (i, i, you), (tom, he, tom)."""
    if w.chance(0.55):
        return "i", "i", "you"
    kind = "female" if w.chance(0.5) else "male"
    name = w.name(kind)
    return name, "she" if kind == "female" else "he", name


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
        n=w.pick(("", " now", " then")) if up else w.pick(("", " left", " now")),
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
            f"you have {a - b} more {thing if a - b == 1 else plural(thing)} than {name}.",
        )
    ]


SOLD = [thing for thing in EATEN + KEPT if thing != "coin"]


def money(w: Writer) -> list[Exchange]:
    """Prices, change and what is left."""
    coin = w.pick(("dollar", "dollar", "euro", "cent", "coin"))
    a, b = w.random.randint(2, 20), w.random.randint(1, 10)
    drawn = w.random.random()
    if drawn < 0.4:
        b = min(a, b)
        asks = [
            "i have {a} and spend {b}. how [much|much money|many {k}] do i have left?",
            "i have {a}. i [buy something for|pay|spend] {b}. how much is left?",
            "if i pay {b} and had {a}, how much do i have left?",
        ]
        left = a - b
        number = f"{left or 'no'} {coin if left == 1 else plural(coin)}"
        return [(w.user(asks, a=counted(a, coin, False), b=b, k=plural(coin)), f"you have {number} left.")]
    if drawn < 0.75:
        thing = w.pick(SOLD)
        n = w.random.randint(2, 10)
        asks = [
            "{t} costs {b}. how much [are|do i pay for] {n}?",
            "one {x} costs {b}. what do {n} cost?",
            "if {t} costs {b}, how much are {n}?",
        ]
        asked = w.user(asks, t=article(thing), x=thing, b=counted(b, coin, False), n=counted(n, thing, False))
        return [(asked, f"{n} {plural(thing)} cost {counted(n * b, coin, False)}.")]
    things = w.some(SOLD, 2)
    asks = [
        "{x} costs {a} and {y} costs {b}. how much [is that|are both] together?",
        "what do i pay for {x} for {a} and {y} for {b}?",
    ]
    asked = w.user(
        asks, x=article(things[0]), y=article(things[1]), a=counted(a, coin, False), b=counted(b, coin, False)
    )
    return [(asked, f"together that is {counted(a + b, coin, False)}.")]


def ages(w: Writer) -> list[Exchange]:
    """How old somebody will be, or is."""
    a, b = w.random.randint(3, 40), w.random.randint(1, 10)
    drawn = w.random.random()
    if drawn < 0.5:
        years = f"in {b} years" if b > 1 else "next year"
        if w.chance(0.6):
            asks = [
                "if i am {a}, how old will i be {y}?",
                "i am {a} now. how old will i be {y}?",
                "how old am i {y} if i am {a} today?",
            ]
            who = "you"
        else:
            asks = [
                "someone is {a} years old. how old is that person {y}?",
                "a person is {a}. how old will this person be {y}?",
            ]
            who = "that person"
        return [(w.user(asks, a=a, y=years), f"{years} {who} will be {a + b}.")]
    kind = w.pick(("female", "male"))
    name, other = w.name(kind), w.name()
    older = w.chance(0.6) or b >= a
    asks = [
        "{n} is {a}. {o} is {b} {y} {k}. how old is {o}?",
        "{o} is {b} {y} {k} than {n}, who is {a}. how old is {o}?",
    ]
    slots = {
        "n": name,
        "o": other,
        "a": a,
        "b": b,
        "y": "year" if b == 1 else "years",
        "k": "older" if older else "younger",
    }
    return [(w.user(asks, **slots), f"{other} is {a + b if older else a - b}.")]


def clock(w: Writer) -> list[Exchange]:
    """What time it is some hours later or before."""
    now, hours = w.random.randint(1, 12), w.random.randint(1, 6)
    later = w.chance(0.7)
    then = (now + hours - 1) % 12 + 1 if later else (now - hours - 1) % 12 + 1
    h = "hour" if hours == 1 else "hours"
    if later:
        asks = [
            "it is {n} o'clock. what time is it in {d} {h}?",
            "if it is {n} o'clock now, what time is it {d} {h} later?",
            "what time is it {d} {h} after {n} o'clock?",
        ]
        reply = f"{hours} {h} after {now} o'clock it is {then} o'clock."
    else:
        asks = ["it is {n} o'clock. what time was it {d} {h} ago?", "what time is it {d} {h} before {n} o'clock?"]
        reply = f"{hours} {h} before {now} o'clock it is {then} o'clock."
    return [(w.user(asks, n=now, d=hours, h=h), reply)]


UNITS_OF_TIME = (
    ("day", "week", 7),
    ("hour", "day", 24),
    ("minute", "hour", 60),
    ("month", "year", 12),
    ("second", "minute", 60),
    ("year", "century", 100),
)


def units_of_time(w: Writer) -> list[Exchange]:
    """How many days are in three weeks."""
    small, big, each = w.pick(UNITS_OF_TIME)
    n = w.random.randint(2, 10 if each <= 12 else 5)
    asks = [
        "how many {s} are in {n} {b}?",
        "how many {s} do {n} {b} have?",
        "{n} {b}: how many {s} [is that|are that]?",
        "how many {s} is {n} {b}?",
    ]
    return [(w.user(asks, s=plural(small), b=plural(big), n=n), f"{n} {plural(big)} have {n * each} {plural(small)}.")]


STORIES = (
    change,
    change,
    change,
    two_people,
    groups,
    shared,
    on_a_place,
    difference,
    money,
    money,
    ages,
    clock,
    units_of_time,
)
