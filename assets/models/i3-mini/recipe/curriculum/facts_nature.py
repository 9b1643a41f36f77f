"""Facts about animals, colors, food and plants."""

from __future__ import annotations

from .asking import ABOUT, NEXT, QUESTION, Asking, Relation, checked, columns, within
from .core import Exchange, Writer, article, in_words, listed
from .words import plural

ANIMALS = [row + [""] * (10 - len(row)) for row in columns("animals")]


def animals(number: int) -> list[tuple[str, str]]:
    """Animals and what a column of their table says."""
    return [(row[0], row[number]) for row in ANIMALS if row[number]]


WRONG_HOMES = ("in a hive", "on the moon", "in a fridge", "in an anthill", "on the ice", "in the desert", "in a stable")


def wrong_home(w: Writer, s: str, o: str) -> str:
    """A place where the animal surely does not live."""
    return w.pick([place for place in WRONG_HOMES if place.split()[-1] not in o])


def wrong_food(w: Writer, s: str, o: str) -> str:
    """Food that the animal surely does not eat."""
    hunter = any(
        word in o for word in ("meat", "fish", "mice", "seals", "insects", "flies", "birds", "worms", "snails")
    )
    food = ("hay", "bamboo", "bread", "chocolate") if hunter else ("meat", "mice", "elephants", "seals")
    return w.pick([eaten for eaten in food if eaten not in o])


YOUNG = Relation(
    animals(3),
    ["a baby {s} is called {a:o}."],
    Asking(
        direct=[
            "what do [you|people|we] call [a baby|a young] {s}",
            "what is [a young|the baby of a|the young of a|the child of a] {s} called",
            "how do you call [a baby|a young] {s}",
            "what is the name for [a baby|a young] {s}",
            "{a:s} has a baby. what is it called",
        ],
        clause=["what a [baby|young] {s} is called", "what you call a [baby|young] {s}", "how a baby {s} is called"],
        noun=["the [name|word] for a [baby|young] {s}", "the young of {a:s}"],
        keys=["baby {s}", "young {s} name", "baby {s} name", "{s} baby", "young of {a:s}"],
    ),
    question=["is a [baby|young] {s} [called |]{a:o}"],
    claim=["a baby {s} is [called |]{a:o}", "{a:o} is a baby {s}"],
    either=["is a [baby|young] {s} [called |]{a:x} or {a:y}"],
    gap=["a [baby|young] {s} is called", "the young of {a:s} is called"],
    reverse=Asking(
        direct=["{a:o} is the baby of [which|what] animal", "what does {a:o} become when it grows up"],
        clause=["which animal {a:o} will become", "what {a:o} grows into"],
    ),
    back=["{a:o} grows up to be {a:s}."],
    known=30,
)
SOUND = Relation(
    animals(4),
    ["{a:s} says {o}."],
    Asking(
        direct=[
            "what [sound|noise] does {a:s} make",
            "what does {a:s} say",
            "how does {a:s} [sound|go]",
            "[which|what] sound do you hear from {a:s}",
            "what is the sound of {a:s}",
            "what sound comes from {a:s}",
        ],
        clause=["what [sound|noise] {a:s} makes", "what {a:s} says", "how {a:s} sounds"],
        noun=["the [sound|noise] of {a:s}", "the sound that {a:s} makes"],
        keys=["{s} sound", "sound of {a:s}", "{s} noise", "{s} says"],
    ),
    question=["does {a:s} say {o}", "does {a:s} go {o}"],
    claim=["{a:s} says {o}", "{a:s} goes {o}"],
    either=["does {a:s} say {x} or {y}"],
    gap=["{a:s} says", "{a:s} goes", "the sound of {a:s} is"],
    reverse=Asking(
        direct=[
            "[which|what] animal says {o}",
            "who says {o}",
            "[which|what] animal [goes|makes] {o}",
            "what animal am i? i say {o}",
        ],
        clause=["[which|what] animal says {o}", "who says {o}"],
        keys=["animal that says {o}"],
    ),
    back=["{a:s} says {o}."],
    known=14,
)
HOME = Relation(
    animals(5),
    ["{a:s} lives {o}."],
    Asking(
        direct=[
            "where does {a:s} live",
            "where is {a:s} at home",
            "where is the home of {a:s}",
            "where can i [find|see] {a:s} in nature",
            "in what kind of place does {a:s} live",
            "where would {a:s} live",
        ],
        clause=["where {a:s} lives", "where {a:s} has its home", "in what place {a:s} lives"],
        noun=["the home of {a:s}", "the place where {a:s} lives"],
        keys=["{s} home", "home of {a:s}", "{s} lives where", "where {s} live"],
    ),
    question=["does {a:s} live {o}"],
    claim=["{a:s} lives {o}"],
    either=["does {a:s} live {x} or {y}"],
    gap=["{a:s} lives", "the home of {a:s} is"],
    wrong=wrong_home,
    known=40,
)
FOOD = Relation(
    animals(6),
    ["{a:s} eats {o}."],
    Asking(
        direct=[
            "what does {a:s} [eat|like to eat|eat mostly|feed on]",
            "what do you feed {a:s}",
            "what is the food of {a:s}",
            "what food does {a:s} [eat|like|need]",
            "on what does {a:s} live, what does it eat",
            "what would {a:s} eat",
        ],
        clause=["what {a:s} eats", "what to feed {a:s}", "what food {a:s} needs", "what {a:s} likes to eat"],
        noun=["the food of {a:s}", "the favorite food of {a:s}"],
        keys=["{s} food", "food for {a:s}", "{s} eats", "{s} eat what"],
    ),
    question=["does {a:s} eat {o}"],
    claim=["{a:s} eats {o}", "the food of {a:s} is {o}"],
    either=["does {a:s} eat {x} or {y}"],
    gap=["{a:s} eats", "{a:s} likes to eat"],
    wrong=wrong_food,
    known=40,
)
LEGS = Relation(
    [(s, "no legs" if o == "0" else in_words(int(o)) + " legs") for s, o in animals(2)],
    ["{a:s} has {o}."],
    Asking(
        direct=[
            "how many legs does {a:s} have",
            "how many legs has {a:s} got",
            "on how many legs does {a:s} [walk|stand]",
            "what number of legs does {a:s} have",
            "{a:s} has how many legs",
        ],
        clause=["how many legs {a:s} has", "on how many legs {a:s} walks", "what number of legs {a:s} has"],
        noun=["the number of legs of {a:s}"],
        keys=["{s} legs", "legs of {a:s}", "how many legs {s}", "{s} how many legs"],
    ),
    question=["does {a:s} have {o}"],
    claim=["{a:s} has {o}"],
    either=["does {a:s} have {x} or {y}"],
    gap=["{a:s} has how many legs? {a:s} has", "the number of legs of {a:s} is"],
)
SKILLS = {"fly": "f", "swim": "s", "climb trees": "c", "lay eggs": "e", "live in water": "w"}
ABLE = {
    **{skill: [row[0] for row in ANIMALS if sign in row[9].split()] for skill, sign in SKILLS.items()},
    "bark": ["dog", "seal"],
    "talk": ["person", "parrot"],
    "give milk": ["cow", "goat", "sheep", "camel"],
    "ring": ["bell", "phone"],
}
UNABLE = {
    "fly": "penguin penguin dog cat cow horse elephant pig sheep ostrich snake mouse rabbit frog giraffe turtle car",
    "swim": "stone chair butterfly bee ant brick",
    "climb trees": "fish cow whale pig elephant horse hippo shark",
    "lay eggs": "dog cat cow horse elephant mouse lion pig sheep rabbit wolf",
    "live in water": "dog cat horse cow lion giraffe camel sheep chicken",
    "bark": "cat fish bird mouse rabbit snake",
    "talk": "stone fish tree table cow chair",
    "give milk": "chicken fish bee duck frog snake",
    "ring": "stone tree cat",
}


def able(w: Writer) -> list[Exchange]:
    """What an animal can and cannot do."""
    skill = w.pick(sorted(ABLE)) if w.chance(0.4) else w.pick(("fly", "swim", "lay eggs"))
    out = []
    for number in range(1 if w.chance(0.75) else 2):
        right = w.chance(0.5)
        who = w.pick(ABLE[skill] if right else UNABLE[skill].split())
        if skill in ("lay eggs", "live in water", "give milk"):
            verb = skill.replace("lay", "lays").replace("live", "lives").replace("give", "gives")
            no = "does not " + skill
        else:
            verb, no = "can " + skill, "can not " + skill
        truth = f"{article(who)} {verb if right else no}."
        if number:
            out.append((w.user(within(w, NEXT, "{a:s}"), s=who), ("yes, " if right else "no, ") + truth))
            continue
        does = skill in ("lay eggs", "live in water", "give milk")
        asks = (
            ["does {a:s} {v}", "do {t} {v}"]
            if does
            else [
                "can {a:s} {v}",
                "are {t} able to {v}",
                "can {t} {v}",
                *(() if skill == "ring" else ("do {t} {v}", "do {t} {v}", "does {a:s} {v}")),
            ]
        )
        claims = ["{t} {v}"] if does else ["{a:s} can {v}", "{t} can {v}"]
        out.append(checked(w, right, asks, claims, truth, s=who, t=plural(who), v=skill))
    return out


def which_can(w: Writer) -> list[Exchange]:
    """One or more animals that can do something."""
    skill = w.pick(list(SKILLS))
    if w.chance(0.5):
        who = w.pick(ABLE[skill])
        verb = {"lay eggs": "lays eggs", "live in water": "lives in water"}.get(skill, "can " + skill)
        asks = [
            "[name|tell me|give me|say] [an animal|one animal] that {v}.",
            "[do you know|can you name|can you think of] an animal that {v}?",
            "[which|what] animal {v}?",
            "i need an animal that {v}.",
        ]
        return [(w.user(asks, v=verb), f"{article(who)} {verb}.")]
    some = [plural(who) for who in w.some(ABLE[skill], w.pick((2, 2, 3)))]
    verb = skill if skill in ("lay eggs", "live in water") else "can " + skill
    asks = [
        "[which|what] animals {v}?",
        "[name|tell me|give me|list] [a few|some] animals that {v}.",
        "[do you know|can you name] [animals|some animals] that {v}?",
    ]
    return [(w.user(asks, v=verb), f"{listed(some)} {verb}.")]


def what_animal(w: Writer) -> list[Exchange]:
    """The kind of an animal: mammal, bird, fish."""
    row = w.pick([row for row in ANIMALS if row[1] not in ("worm", row[0])])
    who, kind = row[:2]
    if w.chance(0.5):
        right = w.chance(0.5)
        says = kind if right else w.pick([k for k in ("mammal", "bird", "fish", "insect", "reptile") if k != kind])
        return [
            checked(
                w, right, ["is {a:s} {a:o}"], ["{a:s} is {a:o}"], f"{article(who)} is {article(kind)}.", s=who, o=says
            )
        ]
    asks = [
        "what kind of animal is {a:s}",
        "what type of animal is {a:s}",
        "is {a:s} a mammal, a bird, a fish or something else",
    ]
    return [(w.user(within(w, QUESTION, asks), s=who), f"{article(who)} is {article(kind)}.")]


def about_animal(w: Writer) -> list[Exchange]:
    """Two or three different questions about one animal, the later ones without its name."""
    row = w.pick([row for row in ANIMALS if all((row[2], row[5], row[6]))])
    who = row[0]
    legs = "no" if row[2] == "0" else in_words(int(row[2]))
    kinds: dict[str, tuple[Asking | None, str, str]] = {
        "food": (FOOD.ask, "what does it eat", f"{article(who)} eats {row[6]}."),
        "home": (HOME.ask, "where does it live", f"{article(who)} lives {row[5]}."),
        "legs": (LEGS.ask, "how many legs does it have", f"{article(who)} has {legs} legs."),
    }
    if row[3]:
        kinds["young"] = (YOUNG.ask, "what is its baby called", f"a baby {who} is called {article(row[3])}.")
    if row[4]:
        kinds["sound"] = (SOUND.ask, "what sound does it make", f"{article(who)} says {row[4]}.")
    if row[7] and row[0] not in ("fox",):
        kinds["color"] = (None, "what color is it", f"{article(who)} is {row[7]}.")
    asked = w.some(sorted(kinds), w.pick((2, 2, 3)))
    out = []
    for kind in sorted(asked, key=lambda k: k == "color"):
        ask, short, reply = kinds[kind]
        if out or ask is None:
            out.append(
                (w.user(within(w, ("{}?", "{}?", "[and|ok, and|thanks. and] {}?", "{}, do you know?"), short)), reply)
            )
        else:
            out.append((ask.user(w, s=who), reply))
    return out


def tell_about(w: Writer) -> list[Exchange]:
    """Something about an animal, and more of it."""
    row = w.pick([row for row in ANIMALS if row[5] and row[6]])
    name = row[0]
    out = [
        (
            w.user(within(w, ABOUT, w.pick(("{t}", "{t}", "{a:s}", "the {s}"))), s=name, t=plural(name)),
            f"{article(name)} lives {row[5]}. it eats {row[6]}.",
        )
    ]
    more = []
    if row[2]:
        more.append("it has no legs." if row[2] == "0" else f"it has {in_words(int(row[2]))} legs.")
    if row[3]:
        more.append(f"its baby is called {article(row[3])}.")
    if row[4]:
        more.append(f"it says {row[4]}.")
    if more and w.chance(0.35):
        asks = [
            "[tell me|say|and] more.",
            "[anything|what] else?",
            "[more|go on|and|what more do you know]?",
            "tell me [more|something else] about it.",
        ]
        out.append((w.user(asks), " ".join(w.some(more, min(2, len(more))))))
    return out


def gives(w: Writer) -> list[Exchange]:
    """What animals give people."""
    who, what = w.pick(animals(8))
    if w.chance(0.5):
        asks = ["what does {a:s} give us", "what do we get from {a:s}", "what do {t} give us", "why do people keep {t}"]
        return [(w.user(within(w, QUESTION, asks), s=who, t=plural(who)), f"{plural(who)} give us {what}.")]
    asks = ["[which|what] animal gives us {o}", "who gives us {o}", "from [which|what] animal do we get {o}"]
    givers = [plural(animal) for animal, gift in animals(8) if gift == what]
    return [(w.user(within(w, QUESTION, asks), o=what), f"{listed(givers[:2])} give us {what}.")]


UNITS = {
    "young": (3, YOUNG),
    "sound": (4, SOUND),
    "home": (3, HOME),
    "food": (3.5, FOOD),
    "legs": (3.5, LEGS),
    "able": (3.5, able),
    "which can": (0.8, which_can),
    "what animal": (1.5, what_animal),
    "about animal": (2.5, about_animal),
    "gives": (0.8, gives),
    "tell about": (2, tell_about),
}
