"""What people say in the middle of a conversation: why, and then, another one, are you sure, thanks, hm, and the rest.

What needs the exchange before it takes a unit of any skill and continues it; the rest are units of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial

from .core import Exchange, Unit, Writer, read_table
from .memory import about_talk
from .told import words
from .units import Conversation, Units

FRAMES = read_table("followups")
AFTER = FRAMES["after"]
NTH = ["first", "second", "third"]
LETTERS = "asdfghjklqwertyuiopzxcvbnm"
SYMBOLS = {"plus": "+", "minus": "-", "times": "x"}
DOING = {"plus": "add", "minus": "take away", "times": "take it times"}
CHOICES = ["foods", "fruits", "drinks", "hobbies", "animals", "colors", "sports", "languages", "flowers", "gifts"]
KINDS = {  # what a line of life.toml lists
    "foods": "things to eat", "fruits": "fruits", "drinks": "drinks", "hobbies": "hobbies", "animals": "animals",
    "colors": "colors", "sports": "sports", "languages": "languages", "flowers": "flowers", "cities": "cities",
    "countries": "countries", "instruments": "instruments", "subjects": "school subjects", "pets": "pets",
    "jobs": "jobs", "gifts": "gifts", "words": "words", "pet_names": "names for a pet", "groceries": "things to buy",
}  # fmt: skip
FITTING = {  # reactions to a statement, and to a question of i3-mini
    False: ["ok", "wow", "agree", "thanks", "praise", "laugh", "rude", "quiet", "never_mind", "wait", "smile"],
    True: ["yes", "no", "quiet", "never_mind", "yes", "no", "ok", "smile", "frown"],
}
WEIGHTS = {"thanks": 3.0, "ok": 2.5, "praise": 2.0, "rude": 2.5, "bye": 3.0, "quiet": 1.5, "night": 1.5}


@cache
def rows(table: str) -> list[list[str]]:
    """The lines of a table whose columns are split by |."""
    return [[cell.strip() for cell in line.split("|")] for line in read_table(table)]


def sentences(text: str) -> list[str]:
    """The sentences of a reply."""
    return re.findall(r"[^.!?]+[.!?]+", text) or [text]


def reaction(w: Writer, name: str) -> list[Exchange]:
    """Thanks, ok, hm, and their like."""
    frames = FRAMES["reactions"][name]
    return [(w.user(frames["say"]), w.text(frames["replies"]))]


def explained(w: Writer) -> list[Exchange]:
    """Something is explained, then asked about."""
    thing, short, second, because, extra = w.pick(rows("explain"))
    whole = f"{short} {second}"
    ask = w.user(AFTER["explain"], x=thing)
    exchanges = [(ask, whole if w.chance(0.8) else short)]
    wanted = w.some(["why", "more", "sure", "know", "mean", "shorter", "again", "laugh"], w.pick([1, 1, 2, 2, 3]))
    for follow in wanted:
        replies: dict[str, str | list[str]] = {
            "why": f"because {because}.",
            "more": extra,
            "sure": AFTER["sure_replies"],
            "know": AFTER["know_replies"],
            "mean": AFTER["mean_replies"],
            "shorter": short,
            "again": exchanges[-1][1],
        }
        if follow == "laugh":
            exchanges += reaction(w, w.pick(["wow", "ok", "thanks", "agree"]))
        elif follow == "again":
            exchanges += about_talk(w, exchanges)
        elif follow != "shorter" or exchanges[-1][1] == whole:
            exchanges.append((w.user(AFTER[follow]), w.text(replies[follow], r=short, s=short)))
    return exchanges


def advised(w: Writer) -> list[Exchange]:
    """Advice, and why, another, or are you sure."""
    ask, advice, because, other = w.pick(rows("reasons"))
    exchanges = [(w.user(AFTER["advise"], x=ask), advice)]
    for follow in w.some(["why", "another", "sure", "thanks"], w.pick([1, 1, 2])):
        if follow == "thanks":
            exchanges += reaction(w, w.pick(["thanks", "ok", "agree"]))
        elif follow == "sure" and exchanges[-1][1] == advice:
            exchanges.append((w.user(AFTER["sure"]), w.text("yes, because {b}.", b=because)))
        elif follow == "another" or exchanges[-1][1] == advice:
            reply = f"because {because}." if follow == "why" else other
            exchanges.append((w.user(AFTER[follow]), reply))
    return exchanges


def second_one(w: Writer) -> list[Exchange]:
    """Several are named, and the user takes or asks for one by its place."""
    frames = FRAMES["second"]
    line = w.pick(list(KINDS))
    items = w.some(dict.fromkeys(words(line)), 3)
    named = w.text(frames["list"], a=items[0], b=items[1], c=items[2], k=KINDS[line])
    exchanges = [(w.user(frames["ask"], k=KINDS[line]), named)]
    for ask, reply in w.some([("take", "took"), ("was", "was_replies"), ("was", "was_replies")], w.pick([1, 1, 2])):
        place = w.random.randrange(3)
        nth = "last" if place == 2 and w.chance(0.5) else NTH[place]
        slots = {"nth": nth, "x": items[place], "number": place + 1}
        exchanges.append((w.user(frames[ask], **slots), w.text(frames[reply], **slots)))
    return exchanges


def other_one(w: Writer) -> list[Exchange]:
    """A or b, and then the other one."""
    frames = FRAMES["choice"]
    a, b = w.some(dict.fromkeys(words(w.pick(CHOICES))), 2)
    x, y = (a, b) if w.chance(0.5) else (b, a)
    exchanges = [(w.user(frames["ask"], a=a, b=b), w.text(frames["reply"], x=x))]
    if w.chance(0.6):
        exchanges.append((w.user(AFTER["other"]), w.text(frames["other"], y=y)))
    else:
        exchanges.append((w.user(AFTER["why"]), w.text(frames["why"], x=x)))
    return exchanges


def more_sums(w: Writer) -> list[Exchange]:
    """A sum, then another one asked for in few words."""
    frames = FRAMES["sums"]

    def drawn() -> tuple[int, str, int, int]:
        kind = w.pick(["plus", "plus", "minus", "minus", "times"])
        a, b = w.random.randint(1, 20 if kind != "times" else 9), w.random.randint(1, 12 if kind != "times" else 9)
        if kind == "minus":
            a, b = max(a, b), min(a, b)
        return a, kind, b, {"plus": a + b, "minus": a - b, "times": a * b}[kind]

    a, kind, b, result = drawn()
    exchanges: list[Exchange] = []
    asked = frames["ask"]
    for _ in range(w.pick([2, 2, 3])):
        slots = {"a": a, "b": b, "op": kind, "sign": SYMBOLS[kind]}
        exchanges.append((w.user(asked, **slots), w.text("{a} {op} {b} is {r}.", r=result, **slots)))
        if w.chance(0.4) and result <= 30:
            a, b = result, w.random.randint(1, 9)
            kind = "minus" if b <= a and w.chance(0.4) else "plus"
            result = a - b if kind == "minus" else a + b
            slots = {"a": a, "b": b, "op": kind, "do": DOING[kind]}
            exchanges.append((w.user(frames["step"], **slots), w.text("{a} {op} {b} is {r}.", r=result, **slots)))
        a, kind, b, result = drawn()
        asked = frames["next"]
    if w.chance(0.3):
        exchanges.append((w.user(AFTER["sure"]), w.text(AFTER["sure_replies"], r=exchanges[-1][1])))
    return exchanges


def tale(w: Writer) -> list[Exchange]:
    """A story in parts, asked on by and then."""
    frames = FRAMES["tale"]
    hero, place, thing = (w.pick(frames[line].split(", ")) for line in ("heroes", "places", "things"))
    slots = {"h": hero, "p": place, "o": thing, "n": w.name()}
    parts = w.pick(frames["parts"])
    exchanges: list[Exchange] = []
    for number, part in enumerate(parts[: w.pick([2, 3, 4, 4])]):
        user = w.user(AFTER["then"]) if number else w.user(frames["ask"], **slots)
        exchanges.append((user, w.text(part, **slots)))
    drawn = w.random.random()
    if drawn < 0.2:
        exchanges.append((w.user(frames["who"]), w.text(frames["who_reply"], **slots)))
    elif drawn < 0.4:
        exchanges.append((w.user(frames["name"], **slots), w.text(frames["name_reply"], **slots)))
    elif drawn < 0.5 and len(exchanges) == len(parts):
        exchanges.append((w.user(AFTER["then"]), w.text(frames["over"])))
    return exchanges


def asked_by_model(w: Writer) -> list[Exchange]:
    """i3-mini asks, the user answers in a word, and it takes the word up."""
    frames = FRAMES["asks"]
    question, line = w.pick(list(frames["questions"].items()))
    the = "the " if line in ("animal", "instrument") else ""
    value = the + w.pick(words(line + "s" if the else line))
    start = w.pick(["start", "start", "hello"])
    first = (
        w.user(frames["start"])
        if start == "start"
        else w.user(["hello", "hi", "hey", "good day", "hi there", "hello!"])
    )
    opening = ["all right. {q}", "gladly. {q}", "{q}"] if start == "start" else ["hello! {q}", "hi! {q}"]
    acks = [
        "{v}! [how nice.|tell me more.|what do you like about it?]",
        "{v}, how nice. [why do you like it?|tell me more.]",
    ]
    if "eat" in question:
        acks = ["{v}! [was it good?|did you like it?]"]
    elif "born" in question:
        acks = ["so you were born in {v}.", "{v}, how nice."]
    exchanges = [(first, w.text(opening, q=question)), (w.user(frames["answer"], v=value), w.text(acks, v=value))]
    drawn = w.random.random()
    if drawn < 0.25:
        exchanges.append((w.user(frames["you"]), w.text(frames["you_replies"])))
    elif drawn < 0.4:
        exchanges.append((w.user(frames["again"]), w.text(["you said: {v}.", "your answer was {v}."], v=value)))
    return exchanges


def changed_subject(w: Writer) -> list[Exchange]:
    """Another subject is wanted, and perhaps named."""
    frames = FRAMES["change"]
    exchanges = [(w.user(frames["say"]), w.text(frames["replies"]))]
    if w.chance(0.6):
        topic = w.pick(frames["topics"].split(", "))
        exchanges.append((w.user(frames["topic"], x=topic), w.text(frames["topic_replies"], x=topic)))
    return exchanges


def foreign(w: Writer) -> list[Exchange]:
    """Another language, of which it says that it only speaks english."""
    frames = FRAMES["foreign"]
    language = w.pick(list(FRAMES["languages"]))
    if w.chance(0.2):
        language = w.pick(words("languages"))
        while language in ("english", "latin"):
            language = w.pick(words("languages"))
        return [(w.user(frames["ask"], l=language), w.text(frames["ask_replies"], l=language))]
    user = w.user(FRAMES["languages"][language], n=w.name())
    return [(user, w.text(frames["replies"], l=language))]


def nonsense(w: Writer) -> list[Exchange]:
    """Keys struck at random, or a number or a word alone."""
    drawn = w.random.random()
    if drawn < 0.1:
        number = str(w.random.randint(0, 9999))
        return [(number, w.text(FRAMES["nonsense"]["digits"], x=number))]
    if drawn < 0.25:
        word = w.pick(words("words"))
        return [(w.user("{x}", x=word), w.text(FRAMES["nonsense"]["word"], x=word))]
    lengths = [w.random.randint(3, 9) for _ in range(w.pick([1, 1, 1, 2, 3]))]
    user = " ".join("".join(w.pick(LETTERS) for _ in range(length)) for length in lengths)
    if drawn < 0.35:
        user = w.pick(
            ["asdf", "qwerty", "blah blah", "lalala", "bla bla bla", "aaaa", "xyz", "hjkl", "abc", "foo bar", "zzz"]
        )
    return [(user.upper() if w.chance(0.1) else user, w.text(FRAMES["nonsense"]["replies"]))]


def after(w: Writer, exchanges: list[Exchange]) -> list[Exchange]:
    """A word or two of the user on the last reply."""
    reply = exchanges[-1][1]
    question = reply.rstrip().endswith("?")
    told = [sentence.strip() for sentence in sentences(reply) if not sentence.endswith("?")]
    drawn = w.random.random()
    if question or drawn < 0.3 or not told or len(reply) > 150:
        return reaction(w, w.pick(FITTING[question]))
    if drawn < 0.4:
        return about_talk(w, exchanges)
    if drawn < 0.55:
        return [(w.user(AFTER["sure"]), w.text(AFTER["sure_replies"], r=" ".join(told)))]
    if drawn < 0.65:
        return [(w.user(AFTER["know"]), w.text(AFTER["know_replies"]))]
    if drawn < 0.75:
        return [(w.user(AFTER["mean"]), w.text(AFTER["mean_replies"], s=told[0]))]
    if drawn < 0.85:
        user = (w.user(AFTER["wrong"]), w.text(AFTER["wrong_replies"]))
        word = w.pick(words("words")) if w.chance(0.5) else str(w.random.randint(1, 30))
        then = (w.user(AFTER["wrong_then"], x=word), w.text(AFTER["wrong_thanks"], x=word))
        return [user, then] if w.chance(0.5) else [user]
    if len(told) > 1:
        return [(w.user(AFTER["shorter"]), told[0])]
    return changed_subject(w)


def continued(w: Writer, units: Units) -> Conversation:
    """A unit of any skill, and a word or two on it."""
    exchanges = units.between(w, 350) if w.chance(0.4) else []
    exchanges += units.between(w, 350, ("facts", "sums", "facts", "sums", "identity", "honest", "smalltalk"))
    if not exchanges:
        exchanges = explained(w)
    exchanges += after(w, exchanges)
    if w.chance(0.5):
        exchanges += units.between(w, 250)
        exchanges += after(w, exchanges) if w.chance(0.5) else []
    return "", exchanges


def one_more(w: Writer, units: Units) -> Conversation:
    """Another one of the same."""
    unit = units.again(w)
    if unit is None:
        return "", advised(w)
    exchanges = units.between(w, 250) if w.chance(0.3) else []
    exchanges += unit(w)
    for _ in range(w.pick([1, 1, 2, 3])):
        more = unit(w)[-1][1]
        if all(more != reply for _, reply in exchanges):
            exchanges.append((w.user(AFTER["another"]), more))
    if w.chance(0.3):
        exchanges += reaction(w, w.pick(["laugh", "thanks", "ok", "wow"]))
    return "", exchanges


def reacting(w: Writer, units: Units) -> Conversation:
    """Words of a conversation that answer no question, between other talk."""
    exchanges = units.between(w, 250)
    for _ in range(w.pick([1, 1, 2, 3])):
        exchanges += reaction(w, w.pick(FITTING[bool(exchanges) and exchanges[-1][1].endswith("?")]))
        exchanges += units.between(w, 250)
    return "", exchanges


REACTIONS: dict[str, tuple[float, Unit]] = {
    name: (WEIGHTS.get(name, 0.8), partial(reaction, name=name)) for name in FRAMES["reactions"]
}
CLOSING = {"bye", "night"}
OPENING = {"back"}
UNITS: dict[str, tuple[float, Callable[[Writer], list[Exchange]]]] = {
    "explained": (9, explained),
    "advised": (4, advised),
    "second_one": (4, second_one),
    "other_one": (3, other_one),
    "more_sums": (6, more_sums),
    "tale": (4, tale),
    "asked_by_model": (5, asked_by_model),
    "changed_subject": (3, changed_subject),
    "foreign": (3, foreign),
    "nonsense": (3, nonsense),
    **REACTIONS,
}
WHOLE = {"continued": (4, continued), "one_more": (2, one_more), "reacting": (2, reacting)}
