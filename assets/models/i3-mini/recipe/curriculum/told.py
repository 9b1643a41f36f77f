"""What a user tells of themselves: how it is said, and how it is asked for and told again later.

The kinds stand in `tables/remember.toml`, the words that fill them in `tables/life.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .core import Exchange, Writer, in_words, listed, read_table

Slots = dict[str, str]

FAVORITES = {
    "color": "colors", "food": "foods", "drink": "drinks", "animal": "animals", "month": "months", "day": "days",
    "season": "seasons", "fruit": "fruits", "hobby": "hobbies", "sport": "sports", "subject": "subjects",
    "flower": "flowers", "city": "cities", "country": "countries", "instrument": "instruments", "number": "number",
    "word": "word", "book": "title", "song": "title", "film": "title", "game": "title", "band": "title",
    "language": "languages", "toy": "title", "singer": "name", "place": "spot_to_be", "time of day": "time_of_day",
}  # fmt: skip
VERBS = {"bought": "buy", "got": "get", "found": "find", "saw": "see", "made": "make", "lost": "lose", "sold": "sell"}
MEETINGS = [
    "meeting", "lesson", "dentist appointment", "doctor's appointment", "interview", "flight", "train", "exam",
    "bus", "party", "class", "test", "football game", "concert", "dinner", "date", "piano lesson", "haircut", "film",
]  # fmt: skip
FRAMES = read_table("memory")
TITLE_ENDS = ["", "", " of {x}", " and the {x}", " in the {x}"]


@dataclass
class Told:
    """One thing that the user told.

    Attributes:
        kind: its frames, a part of remember.toml; `name` is its heading there.
        key: what it is about; of two with the same key the later one counts.
        slots: what fills the frames.
    """

    name: str
    kind: dict[str, Any]
    key: str
    slots: Slots

    def about(self, w: Writer) -> str:
        """What i3-mini says of it, without a full stop."""
        return w.text(self.kind["about"], **self.slots)


def yours(text: str) -> str:
    """The user's words as i3-mini says them: my keys, your keys."""
    return re.sub(r"\b(my|me)\b", lambda found: {"my": "your", "me": "you"}[found[0]], text)


@cache
def words(name: str) -> list[str]:
    """A line of life.toml."""
    return read_table("life")[name].split(", ")


def _title(w: Writer) -> str:
    first = w.pick(words("colors")) if w.chance(0.5) else w.pick(["old", "last", "lost", "little", "silent", "big"])
    end = w.pick(TITLE_ENDS).replace("{x}", w.invented() if "of" in first else w.pick(words("words")))
    return f"the {first} {w.pick(words('words'))}{end}"


def _digits(w: Writer) -> str:
    digits = "".join(w.pick("0123456789") for _ in range(w.pick([2, 2, 3, 3, 4, 4, 4, 5, 6])))
    if w.chance(0.1):
        return f"{digits[:2]}{w.pick('abcdefgh')}"
    return f"{digits[:3]} {digits[3:]}" if len(digits) > 4 and w.chance(0.3) else digits


def _time(w: Writer) -> str:
    hour = w.random.randint(1, 12)
    forms = (str(hour), f"{hour} o'clock", f"{hour}:{w.pick(['15', '30', '45', '20', '10', '05'])}")
    later = (f"half past {in_words(hour)}", f"{hour} {w.pick(['am', 'pm'])}", "noon", f"quarter to {in_words(hour)}")
    return w.pick(forms if w.chance(0.6) else later)


def _birthday(w: Writer) -> str:
    month = w.pick(words("months"))
    if w.chance(0.5):
        return f"in {month}"
    day = w.random.randint(1, 28)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
    return w.text("on [{m} {d}|the {d}{e} of {m}]", m=month, d=day, e=ending)


def _person(w: Writer, kept: Slots) -> Slots:
    relation = kept.get("p") or w.pick(words(w.pick(["female", "male", "others"])))
    sex = next((kind for kind in ("female", "male") if relation in words(kind)), "")
    return {"p": relation, "v": w.invented() if w.chance(0.35) else w.name(sex)}


def _thing(w: Writer, kept: Slots) -> Slots:
    several = kept["b"] == "are" if kept else w.chance(0.3)
    forms = {"b": "are", "it": "they", "do": "do"} if several else {"b": "is", "it": "it", "do": "does"}
    return {"t": kept.get("t") or w.pick(words("pairs" if several else "things")), **forms}


def _spot(w: Writer, kept: Slots) -> Slots:
    spot = w.pick(words("spots"))
    return {"v": spot, "y": yours(spot)}


def _activity(w: Writer, kept: Slots) -> Slots:
    activity = w.pick(words("activities"))
    return {"v": activity, "y": yours(activity)}


def _favorite(w: Writer, kept: Slots) -> Slots:
    kind = kept.get("k") or w.pick(list(FAVORITES))
    value = draw(w, FAVORITES[kind], {})["v"]
    return {"k": kind, "v": ("the " if kind in ("animal", "instrument") else "") + value}


def _bought(w: Writer, kept: Slots) -> Slots:
    thing, color, verb = w.pick(words("bought")), w.pick(words("colors")), w.pick(list(VERBS))
    return {"t": thing, "c": color, "v": w.text("{a:x}", x=f"{color} {thing}"), "verb": verb, "base": VERBS[verb]}


def _shopping(w: Writer, kept: Slots) -> Slots:
    *things, other = w.some(words("groceries"), w.pick([3, 3, 4, 4, 5]))
    many = in_words(len(things))
    return {"v": listed(things), "first": things[0], "last": things[-1], "not": other, "many": many}


def _meeting(w: Writer, kept: Slots) -> Slots:
    return {"n": kept.get("n") or w.pick(MEETINGS)}


SOURCES: dict[str, Callable[[Writer], str]] = {
    "name": lambda w: w.name(),
    "surname": lambda w: w.invented() if w.chance(0.35) else w.pick(words("surnames")),
    "two_names": lambda w: f"{w.name()} and {w.name()}",
    "pet_name": lambda w: w.pick(words("pet_names")) if w.chance(0.4) else w.name(),
    "invented_name": lambda w: w.invented() if w.chance(0.5) else w.pick(words("pet_names")),
    "city": lambda w: w.invented() + w.pick(words("towns_endings")) if w.chance(0.25) else w.pick(words("cities")),
    "city_or_country": lambda w: w.pick(words("countries")) if w.chance(0.35) else SOURCES["city"](w),
    "digits": _digits,
    "word": lambda w: w.invented() if w.chance(0.4) else w.pick(words("words")),
    "number": lambda w: str(w.random.randint(1, 99 if w.chance(0.8) else 999)),
    "age": lambda w: (str if w.chance(0.75) else in_words)(w.random.randint(4, 95)),
    "few": lambda w: (str if w.chance(0.4) else in_words)(w.random.randint(2, 12)),
    "birthday": _birthday,
    "time": _time,
    "title": _title,
    "spot_to_be": lambda w: "the " + w.pick(words("places")),
    "time_of_day": lambda w: w.pick(["the morning", "noon", "the evening", "the night", "the afternoon"]),
}
SEVERAL: dict[str, Callable[[Writer, Slots], Slots]] = {
    "person": _person, "thing": _thing, "spot": _spot, "activity": _activity, "favorite": _favorite,
    "bought": _bought, "shopping": _shopping, "meeting": _meeting,
}  # fmt: skip


def draw(w: Writer, source: str, kept: Slots, name: str = "v") -> Slots:
    """What a source gives: a template, a function of this module, or a line of life.toml."""
    if "[" in source:
        return {name: w.text(source)}
    if source in SEVERAL:
        return SEVERAL[source](w, kept)
    return {name: SOURCES[source](w) if source in SOURCES else w.pick(words(source))}


@cache
def _kinds() -> tuple[list[str], list[float]]:
    kinds = read_table("remember")
    return list(kinds), [kind["weight"] for kind in kinds.values()]


def told(w: Writer, name: str = "", value: str = "") -> Told:
    """Something of a kind, or of any; with this value in place of a drawn one."""
    if not name:
        names, weights = _kinds()
        name = w.random.choices(names, weights)[0]
    kind = read_table("remember")[name]
    slots: Slots = {}
    for slot, source in kind["slots"].items():
        slots = draw(w, source, {}, slot) | slots  # what is drawn for itself counts: a job, not the relative's name
        if slot == "v":
            slots |= draw(w, source, {}, slot)
    if value:
        slots |= {"v": value, "y": yours(value)}
    return Told(name, kind, f"{name} {slots.get(kind.get('apart', ''), '')}".strip(), slots)


def changed(w: Writer, fact: Told) -> Told | None:
    """The same with another value; None if its kind has none that could be corrected."""
    sources = fact.kind["slots"]
    if "bought" in sources or "shopping" in sources:
        return None
    name, source = ("v", sources["v"]) if "v" in sources else list(sources.items())[-1]
    if source == "activity" or "v" not in sources:
        source = next(source for source in sources.values() if source in ("spot", "activity", "favorite", "person"))
    for _ in range(9):
        slots = fact.slots | draw(w, source, fact.slots, name)
        if slots["v"] != fact.slots["v"]:
            return Told(fact.name, fact.kind, fact.key, slots)
    return None


def tell(w: Writer, fact: Told) -> Exchange:
    """The user says it."""
    user = w.user(fact.kind["say"], **fact.slots)
    clause = w.text(fact.kind["clause"], **fact.slots)
    if w.chance(0.06) and (old := changed(w, fact)):
        user = w.user(FRAMES["at_once"], old=w.text(old.kind["clause"], **old.slots), c=clause)
    elif w.chance(0.25):
        user = w.user(FRAMES["told"], c=clause)
    reply = fact.kind["reply"] if w.chance(0.8) else ["{about}. i will remember that.", "so {about}. [good to know.|]"]
    return user, w.text(reply, about=fact.about(w), **fact.slots)


def correct(w: Writer, old: Told, new: Told) -> Exchange:
    """The user corrects it."""
    clause = w.text(new.kind["clause"], **new.slots)
    bare = "{a:v}" not in new.kind["about"] and w.chance(0.5)
    user = w.user(FRAMES["changed_word"] if bare else FRAMES["changed"], c=clause, v=new.slots["v"], old=old.slots["v"])
    replies = ["[ah|oh|all right|okay], {about}.", "[thank you|i see]. {about}.", "now i know: {about}."]
    return user, w.text(replies, about=new.about(w))


def recall(w: Writer, fact: Told, alone: bool = True) -> Exchange:
    """The user asks for it; if `alone`, perhaps by questions that only fit if nothing else of its kind was told."""
    kind, slots, about = fact.kind, fact.slots, fact.about(w)
    drawn = w.random.random()
    if drawn < 0.17 and "more" in kind:
        ask, answer = w.pick(kind["more"])
        return w.user(ask, **slots), w.text(answer, **slots)
    if drawn < 0.26 and "check" in kind:
        return check(w, fact)
    answer = w.text(["{about}.", "{about}.", "{about}.", "you told me [that |]{about}."], about=about)
    if drawn < 0.35 and "short" in kind:
        answer = w.text(kind["short"], **slots)
    if drawn < 0.6:
        asked = w.text(kind["indirect"], **slots)
        user = w.user(FRAMES["indirect"], i=asked)
        if w.chance(0.3) and re.match(r"(do|have|can|are) ", user.lower()):
            answer = w.text("yes, {about}.", about=about)
        return user, answer
    asks = kind["ask"] + kind["only"] if alone and "only" in kind else kind["ask"]
    return w.user(asks, **slots), answer


def check(w: Writer, fact: Told) -> Exchange:
    """The user asks whether it is so: it is, or it is not."""
    other = changed(w, fact)
    right = other is None or w.chance(0.5)
    guess = fact.slots["v"] if other is None or right else other.slots["v"]
    user = w.user(fact.kind["check"], **(fact.slots | {"x": guess}))
    return user, w.text("[yes|yes|that is right], {a}." if right else "no, {a}.", a=fact.about(w))


def ask_untold(w: Writer, fact: Told) -> Exchange:
    """The user asks for what was not told."""
    asked = w.user(FRAMES["indirect"], i=w.text(fact.kind["indirect"], **fact.slots))
    if w.chance(0.6):
        asked = w.user(fact.kind["ask"], **fact.slots)
    unknown = w.text(fact.kind["unknown"], **fact.slots)
    replies = [
        "you have not told me {u} yet.",
        "you have not told me {u} yet. [do you want to tell me?|can you tell me?|]",
        "i do not know {u}. you have not told me yet.",
    ]
    return asked, w.text(replies, u=unknown)
