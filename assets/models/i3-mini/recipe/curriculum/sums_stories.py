"""Sums in small stories: who has how many, and how many there are in the end."""

from __future__ import annotations

from .core import Exchange, Writer, article, in_words
from .words import listing, plural

EATEN = listing("eaten")
KEPT = listing("kept")
ANIMALS = listing("counted_animals")
# {b} is how many; the first form of a verb is said by "i", the second of others
GETS = """get/gets {b} more, find/finds {b} more, buy/buys {b} more, pick/picks up {b} more, am/is given {b} more,
win/wins {b} more, got/got {b} more, bought/bought {b} more, found/found {b} more, won/won {b} more,
picked/picked up {b} more"""
LOSES = """give/gives away {b}, lose/loses {b}, give/gives {b} to a friend, sell/sells {b}, drop/drops {b},
lend/lends {b} to a friend, throw/throws {b} away, use/uses {b}, put/puts {b} aside, share/shares {b} with friends,
lost/lost {b}, gave/gave {b} away, gave/gave {b} to a friend, sold/sold {b}, forgot/forgot {b}, used/used {b}"""
EATS = "eat/eats {b}, eat/eats {b} of them, ate/ate {b}, ate/ate {b} of them"
BREAKS = "break/breaks {b}, break/breaks {b} of them, broke/broke {b}, broke/broke {b} of them"
BREAKABLE = ("egg", "cup", "plate", "cookie", "shell", "pencil")
PRESENT = ("have/has", "have/has", "own/owns", "have/has got", "start/starts with", "buy/buys", "get/gets")
PAST = ("had/had", "had/had", "owned/owned", "bought/bought", "got/got", "started/started with", "found/found")
WENT = ("got", "bought", "found", "won", "picked", "gave", "lost", "sold", "forgot", "used", "ate", "broke", "dropped")
COME = (
    "then {b} more [come|arrive|are added|arrived].", "{b} more [come|are added|were added].",
    "somebody brings {b} more.", "then {b} new ones [come|came].",
)  # fmt: skip
GO = (
    "then {b} are [lost|gone|taken away|stolen|given away].", "{b} [get lost|are gone|are taken away|are missing now].",
    "somebody takes {b} away.",
)  # fmt: skip
MORE_NOW = (
    "how many [{k} |]{d} {s} have[| now| then| in all| in the end| all together]?",
    "how many [{k} |]are there[| now| then| in all| all together]?",
    "how many [{k} |][is that|does that make][| now| in all]?",
    "[what is the total|how many in all|how many now|how many {k} now|so how many]?",
)
LESS_NOW = (
    "how many [{k} |]{d} {s} have[| left| now| still| then| in the end]?",
    "how many [{k} |]{d} {s} still have?",
    "how many [{k} |]are [left|still there|left over|left now]?",
    "how many [{k} |]remain?",
    "[how many are left|how many remain|what is left|how many now|so how many are left|how many does that leave]?",
)

TOGETHER = (
    ("fruits", ("banana", "pear", "orange", "plum", "peach", "lemon")),
    ("fruits", ("apple", "banana", "orange", "cherry", "strawberry")),
    ("animals", ("cat", "dog", "bird", "horse", "cow", "rabbit", "mouse", "duck")),
    ("toys", ("ball", "doll", "kite", "puzzle", "teddy bear")),
    ("things", ("book", "pen", "cup", "plate", "hat", "key", "box", "ball")),
    ("flowers", ("rose", "tulip", "daisy", "sunflower")),
    ("vegetables", ("carrot", "potato", "onion", "cucumber")),
    ("cars", ("red car", "blue car", "green car")),
    ("balls", ("red ball", "blue ball", "green ball", "big ball", "small ball")),
    ("coins", ("gold coin", "silver coin")),
)


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
    up = w.chance(0.45)
    thing = w.pick(EATEN if w.chance(0.6) else KEPT)
    words = w.chance(0.4)
    if not up:
        b = min(b, a)
    of_itself = b > 1 and w.chance(0.2)
    if up:
        acts = GETS
    elif thing in EATEN and w.chance(0.5):
        acts = EATS
    else:
        acts = BREAKS if thing in BREAKABLE and w.chance(0.4) else LOSES
    past = w.chance(0.45)
    act = w.pick([act for act in acts.replace("\n", " ").split(", ") if act.startswith(WENT) == past])
    if of_itself:
        act = w.pick(COME if up else GO)
    had = verb(w.pick(PAST if past else PRESENT), first)
    if of_itself:
        said = f"{{w}} {had} {{a}}[.|, and|,] {act}"
    elif w.chance(0.2):
        said = f"if {{w}} {verb('had/had' if past else 'have/has', first)} {{a}} and {{l}} {verb(act, first)},"
    else:
        said = f"{{w}} {had} {{a}}[ and {{l}} | and |, then {{l}} |. {{l}} |. then {{l}} |, {{l}} ]{verb(act, first)}."
    left = a + b if up else a - b
    asked = w.user(
        f"{said} {w.pick(MORE_NOW if up else LESS_NOW)}",
        w=who,
        a=counted(a, thing, words),
        b=in_words(b) if words else b,
        l=later,
        k=plural(thing),
        d="do" if first else "does",
        s=later,
    )
    has = f"{told} {'have' if told == 'you' else 'has'}"
    out = [(asked, f"{result(a, up, b)} {has} {amount(left, thing)} {'now' if up else 'left'}.")]
    if w.chance(0.25) and left:
        c = w.random.randint(1, min(5, left))
        more = w.chance(0.5)
        then = left + c if more else left - c
        act = verb("get/gets" if more else "lose/loses", first)
        ask = "[and if|what if|and then] {s} {v} {c} more?" if more else "[and if|what if|and then] {s} {v} {c}?"
        reply = f"{result(left, more, c)} {has} {amount(then, thing)} {'now' if more else 'left'}."
        out.append((w.user(ask, s=later, v=act, c=c), reply))
    return out


def verb(forms: str, first: bool) -> str:
    """The form of "get/gets {b} more" for "i" or for others."""
    said, _, rest = forms.partition(" ")
    one, _, other = said.partition("/")
    return f"{one if first else other} {rest}".strip()


def result(a: int, up: bool, b: int) -> str:
    """The sum of a story, said first."""
    return f"{a} plus {b} is {a + b}." if up else f"{a} minus {b} is {a - b}."


def amount(number: int, thing: str) -> str:
    """No apples, 1 apple, 2 apples."""
    return f"{number or 'no'} {thing if number == 1 else plural(thing)}"


def two_kinds(w: Writer) -> list[Exchange]:
    """Some of one kind and some of another; how many are there together."""
    many, members = w.pick(TOGETHER)
    x, y = w.some(members, 2)
    a, b = w.random.randint(1, 10), w.random.randint(1, 10)
    words = w.chance(0.3)
    said = (
        "[i have|i bought|we have|i see|i got|i found|there are|you have] {x} and {y}[.|,]",
        "if [i have|there are|i take|we have] {x} and {y},",
        "{x} and {y}[:|,|.]",
        "[my friend|my mother|{n}] [has|brings|buys|brought] {x} and {y}[.|,]",
        "i have {x}, and [my friend|my mother|{n}] [has|brings] {y}[.|,]",
    )
    ask = (
        "how many {m} [is that|are that|are there|does that make|are these][| in all| all together| together]?",
        "how many [is that|are there|does that make] [in all|all together|together]?",
        "how many {m}[ in all| together|]?",
    )
    asked = w.user(f"{w.pick(said)} {w.pick(ask)}", x=counted(a, x, words), y=counted(b, y, words), m=many, n=w.name())
    return [(asked, f"{result(a, True, b)} together that is {a + b} {many}.")]


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
        "{x} {h} {a}. {y} has {b}. how many [{k} |][are there|do {z} have] [together|in all]?",
        "how many [{k} |]do {z} have together if {x} {h} {a} and {y} has {b}?",
        "{x} {h} {a} and {y} {b}. [together|in all], how many[ {k}|] is that?",
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
    return [(asked, f"{result(a, True, b)} {reply} {counted(a + b, thing, False)}.")]


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


PLACED = (
    "in the garden", "on the farm", "by the pond", "in the yard", "on the grass", "in a field", "on a hill",
    "in the park", "under a tree", "at the lake",
)  # fmt: skip
SEATED = (
    ("bird", "on a tree", "fly"), ("bird", "on the roof", "fly"), ("bird", "on a wire", "fly"),
    ("bee", "on a flower", "fly"), ("duck", "on the lake", "swim"), ("fish", "in the pond", "swim"),
    ("child", "on the bus", "walk"), ("child", "in the room", "go"), ("man", "in the shop", "walk"),
    ("guest", "at the party", "go"), ("car", "in the street", "drive"), ("car", "in the yard", "drive"),
    ("leaf", "on the tree", "fall"), ("apple", "on the tree", "fall"), ("frog", "by the pond", "jump"),
    ("balloon", "in the room", "fly"), ("boat", "on the lake", "sail"),
)  # fmt: skip
FLEW = {"fly": "flew", "swim": "swam", "go": "went", "drive": "drove", "fall": "fell", "run": "ran"}


def on_a_place(w: Writer) -> list[Exchange]:
    """Animals, people or things come to a place or leave it."""
    a, b = w.random.randint(2, 12), w.random.randint(1, 9)
    thing, place, go = w.pick(SEATED) if w.chance(0.7) else (w.pick(ANIMALS), w.pick(PLACED), "run")
    up = w.chance(0.4) and go != "fall"
    b = b if up else min(a, b)
    past = w.chance(0.35)
    if past:
        goes, came, are = FLEW.get(go, go + "ed"), "arrived", "were"
    else:
        goes, came, are = (go, "come", "are") if b > 1 else (go + ("es" if go == "go" else "s"), "comes", "are")
    away = {"fall": "down", "fly": "off"}.get(go, "away")
    begin = ("there {r} {a} {p}", "{a} {r} {p}", "{a} [sit|wait] {p}", "i see {a} {p}", "{a} {p}")
    begin = begin if thing in ("bird", "child", "man", "guest") else (begin[0], begin[1], begin[3], begin[4])
    ask = (
        ("how many [{k} |]are there[ now| then|]?", "how many [{k} |]is that[ now| in all|]?", "how many [{k} ]now?")
        if up
        else (
            "how many [{k} |]are [left|still there|there now|left over]?",
            "how many [{k} |][remain|are left {p}]?",
            "[how many are left|what is left|how many {k} now]?",
        )
    )
    begin = w.pick(("", "", "", "if ")) + w.pick(begin)
    joint = w.pick(
        (", and ", " and ", ", and then ") if begin.startswith("if ") else (". then ", ", and ", ", then ", ". ")
    )
    change = "{b} more {c}" if up else "{b} of them {g} {w}" if joint == ". " or w.chance(0.3) else "{b} {g} {w}"
    asked = w.user(
        f"{begin}{joint}{change}[.|,] {w.pick(ask)}",
        a=counted(a, thing, w.chance(0.4)), b=in_words(b) if w.chance(0.3) else b, p=place, c=came, g=goes, r=are,
        w=away, k=plural(thing),
    )  # fmt: skip
    left = a + b if up else a - b
    is_ = "is" if left == 1 else "are"
    return [(asked, f"{result(a, up, b)} there {is_} {amount(left, thing)} {'now' if up else 'left'}.")]


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
            f"{result(a, False, b)} you have {a - b} more {thing if a - b == 1 else plural(thing)} than {name}.",
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
        return [
            (
                w.user(asks, a=counted(a, coin, False), b=b, k=plural(coin)),
                f"{result(a, False, b)} you have {number} left.",
            )
        ]
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
    return [(asked, f"{result(a, True, b)} together that is {counted(a + b, coin, False)}.")]


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
    change,
    two_people,
    two_kinds,
    two_kinds,
    on_a_place,
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
