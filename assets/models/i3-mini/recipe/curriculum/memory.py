"""Remembering what was said, over turns: telling, correcting, other talk between, and asking for it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from .core import Exchange, Writer, in_words, listed, read_table
from .told import Told, ask_untold, changed, check, correct, recall, tell, told, words

if TYPE_CHECKING:
    from .units import Conversation, Units

ROOM = 900  # characters of a conversation, about one window of the network
QUESTION = 110  # characters kept for a question and its answer

FRAMES = read_table("memory")
COMMON = frozenset(FRAMES["common"].split())


def unlike(w: Writer, facts: list[Told]) -> Told:
    """Something that none of these tells."""
    while True:
        fact = told(w)
        if all(fact.name != other.name for other in facts):
            return fact


def together(w: Writer, facts: list[Told]) -> Exchange:
    """Several things told in one breath."""
    clauses, slots = [], {}
    for number, fact in enumerate(facts):
        clauses.append(re.sub(r"\{(a:)?(\w+)\}", rf"{{\1\g<2>{number}}}", fact.kind["clause"]))
        slots |= {f"{name}{number}": value for name, value in fact.slots.items()}
    about = listed([fact.about(w) for fact in facts])
    opening = "[|||hello, |hi, |listen: |let me tell you about me: |some things about me: |you should know: ]"
    user = w.user(f"{opening}{listed(clauses)}.", **slots)
    return user, w.text(["so {a}.", "[thank you|good to know|i see]. {a}.", "{a}. i will remember that."], a=about)


def recall_two(w: Writer, facts: list[Told]) -> Exchange:
    """Two things asked at once."""
    asks = []
    for fact in facts:
        direct = [
            ask[:-1] for ask in fact.kind["ask"] if ask.startswith(("what ", "where ", "how ", "when ", "which "))
        ]
        asks.append(w.text(direct or fact.kind["ask"], **fact.slots).rstrip("?."))
    user = w.user(["{a} and {b}?", "{a}, and {b}?", "[tell me|two questions]: {a} and {b}?"], a=asks[0], b=asks[1])
    return user, w.text("{a}.", a=listed([fact.about(w) for fact in facts]))


def sum_up(w: Writer, facts: list[Told]) -> Exchange:
    """Everything that was told."""
    about = listed([fact.about(w) for fact in facts])
    return w.user(FRAMES["about_me"]), w.text(["{a}.", "{a}.", "you told me that {a}."], a=about)


def plain(text: str) -> str:
    """A turn as i3-mini quotes it: lower case, without signs that it does not write, and its last punctuation."""
    return re.sub(r"[^a-z0-9.,?!' :-]", "", text.lower().replace("\n", " ")).strip(" .?!,:-")


def about_talk(w: Writer, exchanges: list[Exchange]) -> list[Exchange]:
    """A question about what was said in this chat."""
    drawn = w.random.random()
    if drawn < 0.35:
        reply = exchanges[-1][1]
        if len(reply) < 120:
            return [(w.user(FRAMES["replied"]), w.text(["i said: {r}", "{r}"], r=reply))]
    ask, said = (FRAMES["said"], exchanges[-1][0]) if drawn < 0.75 else (FRAMES["first"], exchanges[0][0])
    said = plain(said)
    if not 2 < len(said) < 90:
        return []
    asked = w.user(ask)
    verb = (
        "asked"
        if re.search(r"\bask", asked.lower()) and re.match(r"(what|who|where|how|can|do|is|when)\b", said)
        else "said"
    )
    first = " first" if ask is FRAMES["first"] and w.chance(0.5) else ""
    return [(asked, f"you {verb}{first}: {said}.")]


def names_of_both(w: Writer, fact: Told) -> list[Exchange]:
    """My name and yours, mixed up."""
    name = fact.slots["v"]
    drawn = w.random.random()
    mine, own = w.text("your name is {n}.", n=name), "my name is i3-mini."
    if drawn < 0.35:
        both = ["your name is {n} and my name is i3-mini.", "you are {n} and i am i3-mini."]
        return [(w.user(FRAMES["name_and_yours"]), w.text(both, n=name))]
    if drawn < 0.5:
        return [(w.user(["what is your name?", "who are you?", "your name?"]), own), (w.user(FRAMES["mine"]), mine)]
    if drawn < 0.65:
        return [(w.user(["what is my name?", "who am i?", "my name?"]), mine), (w.user(FRAMES["yours"]), own)]
    if drawn < 0.85:
        asked = w.user(
            ["is your name {n}?", "are you {n}?", "are you called {n}, too?", "your name is {n}, right?"], n=name
        )
        return [
            (asked, w.text(["no, your name is {n}. my name is i3-mini.", "no, you are {n}. i am i3-mini."], n=name))
        ]
    return [(w.user(["am i i3-mini?", "is my name i3-mini?"]), w.text("no, your name is {n}. i am i3-mini.", n=name))]


def more_to_buy(w: Writer, fact: Told) -> tuple[Exchange, Told]:
    """One more thing for the shopping list."""
    things = fact.slots["v"].replace(" and ", ", ").split(", ")
    added = fact.slots["not"]
    *_, other = (thing for thing in w.some(words("groceries"), len(things) + 2) if thing not in (*things, added))
    slots = {"v": listed([*things, added]), "last": added, "not": other, "many": in_words(len(things) + 1)}
    new = Told(fact.name, fact.kind, fact.key, fact.slots | slots)
    asks = [
        "[and|also] {x}.",
        "add {x}[ to my list|].",
        "i [also|still] need {x}.",
        "oh, and {x}.",
        "put {x} on it, too.",
    ]
    return (w.user(asks, x=added), w.text(["now your list is {v}.", "[all right|okay]: {v}."], v=new.slots["v"])), new


def asked_untold(w: Writer, facts: list[Told]) -> list[Exchange]:
    """A question for what was not told; then perhaps it is told, and asked again."""
    fact = unlike(w, facts)
    if facts and w.chance(0.4):  # the nearest: another thing, relative or pet than the one told
        near = w.pick(facts)
        if "apart" in near.kind:
            other = told(w, near.name)
            fact = other if other.key != near.key else fact
    exchanges = [ask_untold(w, fact)]
    if w.chance(0.35):
        exchanges.append(tell(w, fact))
        if w.chance(0.7):
            exchanges.append(recall(w, fact, alone=False))
    return exchanges


@cache
def topics(name: str) -> frozenset[str]:
    """Words of which other talk about the same would hold at least one."""
    kind = read_table("remember")[name]
    text = " ".join(kind["ask"] + kind["indirect"] + kind["say"] + kind.get("only", []))
    return frozenset(re.findall(r"[a-z]{2,}", re.sub(r"\{.*?\}", "", text))) - COMMON


def apart(facts: list[Told], exchanges: list[Exchange]) -> bool:
    """Whether other talk leaves true what was told."""
    said = " ".join(user for user, _ in exchanges).lower()
    heard = set(re.findall(r"[a-z]{2,}", said))
    for fact in facts:
        if heard & topics(fact.name) or heard & {fact.slots.get(slot, "") for slot in ("p", "k", "t", "n")}:
            return False
        if fact.name in ("name", "surname", "job", "age", "origin") and re.search(r"\bi'? ?a?m\b", said):
            return False
    return True


def remembering(w: Writer, units: Units) -> Conversation:
    """A conversation in which things are told, perhaps corrected, and asked for again after other talk."""
    exchanges: list[Exchange] = []
    facts: list[Told] = []
    number = w.pick([1, 1, 1, 1, 2, 2, 2, 3, 3, 4])
    while len(facts) < number:
        facts.append(told(w, "name") if not facts and w.chance(0.12) else unlike(w, facts))

    def other_talk(least: int) -> list[Exchange]:
        room = ROOM - sum(len(user) + len(reply) for user, reply in exchanges) - QUESTION * len(facts) - least
        other = units.between(w, room) if room > 60 else []
        return other if apart(facts, other) else []

    if w.chance(0.2):
        exchanges += other_talk(400)
    if w.chance(0.12):
        exchanges += asked_untold(w, [])[:1]
    at_once = facts[: w.pick([2, 2, 3])] if number > 1 and w.chance(0.35) else []
    if at_once:
        exchanges.append(together(w, at_once))
    for fact in facts[len(at_once) :]:
        exchanges.append(tell(w, fact))
        if w.chance(0.2):
            exchanges += other_talk(150)
    if w.chance(0.22):
        place = w.random.randrange(len(facts))
        fact = facts[place]
        if fact.name == "shopping":
            exchange, facts[place] = more_to_buy(w, fact)
            exchanges.append(exchange)
        elif new := changed(w, fact):
            exchanges.append(correct(w, fact, new))
            facts[place] = new
    wanted, start = w.pick([0, 0, 1, 1, 2, 2, 3, 4, 5]), len(exchanges)
    for _ in range(wanted + 4):
        if len(exchanges) - start < wanted:
            exchanges += other_talk(0)
    exchanges += questions(w, facts, exchanges)
    return "", exchanges


def questions(w: Writer, facts: list[Told], exchanges: list[Exchange]) -> list[Exchange]:
    """Asks for all that was told, in any order, in several ways."""
    asked: list[Exchange] = []
    order = w.some(facts, len(facts))
    drawn = w.random.random()
    if len(facts) > 1 and drawn < 0.15:
        asked.append(sum_up(w, order))
    elif len(facts) > 1 and drawn < 0.35:
        asked.append(recall_two(w, order[:2]))
        order = order[2:]
    elif len(facts) == 1 and drawn < 0.04:
        asked.append(sum_up(w, facts))
    for fact in order:
        asked.append(recall(w, fact))
        drawn = w.random.random()
        if drawn < 0.05:
            asked.append((w.user(FRAMES["right"]), w.text(FRAMES["right_replies"])))
        elif drawn < 0.09:
            asked.append((w.user(FRAMES["sure"]), w.text(["yes, {a}.", "yes, you told me that {a}."], a=fact.about(w))))
        elif drawn < 0.15 and "check" in fact.kind:
            asked.append(check(w, fact))
        elif drawn < 0.2:
            asked.append(recall(w, fact))
    name = next((fact for fact in facts if fact.name == "name"), None)
    if name and w.chance(0.3):
        asked += names_of_both(w, name)
    if w.chance(0.15):
        asked += asked_untold(w, facts)
    if w.chance(0.1):
        asked += about_talk(w, [*exchanges, *asked])
    return asked


def told_and_asked(w: Writer) -> list[Exchange]:
    """One thing, told and asked at once."""
    fact = told(w)
    return [tell(w, fact), recall(w, fact)]


def untold(w: Writer) -> list[Exchange]:
    """Asked for what was never told, or for all that is known."""
    if w.chance(0.1):
        return [(w.user(FRAMES["about_me"]), w.text(FRAMES["nothing"]))]
    return asked_untold(w, [])


def said_so_far(w: Writer) -> list[Exchange]:
    """Told something, then asked what was said."""
    first = [tell(w, told(w)) for _ in range(w.pick([1, 2]))]
    return first + about_talk(w, first)


def two_people(w: Writer) -> list[Exchange]:
    """Two persons who differ in one thing; who is it, and what is it."""
    a, b = w.name(), w.name()
    while b == a:
        b = w.name()
    thing = w.pick(words("bought"))
    (x, y) = w.some(words(line := w.pick(["foods", "colors", "cities", "hobbies", "jobs", "pets", "instruments"])), 2)
    says, what, who = {
        "foods": ("likes {x}", "what does {n} like?", "likes {x}"),
        "hobbies": ("likes {x}", "what does {n} like?", "likes {x}"),
        "colors": (f"has {{a:x}} {thing}", f"what color is {{n}}'s {thing}?", f"has the {{x}} {thing}"),
        "cities": ("lives in {x}", "where does {n} live?", "lives in {x}"),
        "jobs": ("is {a:x}", "what is {n}'s job?", "is {a:x}"),
        "pets": ("has {a:x}", "what pet does {n} have?", "has {a:x}"),
        "instruments": ("plays the {x}", "what does {n} play?", "plays the {x}"),
    }[line]
    second = says.replace("x}", "y}")
    said = [f"{{a}} {says} and {{b}} {second}.", f"{{a}} {says}. {{b}} {second}.", f"{{a}} {says}, but {{b}} {second}."]
    user = w.user(said, a=a, b=b, x=x, y=y)
    facts = [w.text(f"{{n}} {says}", n=a, x=x), w.text(f"{{n}} {says}", n=b, x=y)]
    one = w.pick([0, 1])
    n, value = ((a, x), (b, y))[one]
    asked = w.text(what, n=n) if w.chance(0.5) else w.text(f"who {who}?", x=value)
    if w.chance(0.4):  # in one turn
        return [(w.user("{s} {q}", s=user.rstrip(".?! ") + ".", q=asked), facts[one] + ".")]
    reply = w.text(["i see. {f} and {g}.", "[all right|okay]: {f} and {g}."], f=facts[0], g=facts[1])
    exchanges = [(user, reply), (w.user("{q}", q=asked), facts[one] + ".")]
    if w.chance(0.4):
        exchanges.append((w.user(["and {n}?", "and what about {n}?"], n=(b, a)[one]), facts[1 - one] + "."))
    return exchanges


def word_list(w: Writer) -> list[Exchange]:
    """Two to four words to remember."""
    number = w.pick([2, 3, 3, 4])
    items = w.some(words("words"), number)
    if w.chance(0.3):
        items = [w.invented() for _ in items]
    kind = "words"
    if w.chance(0.2):
        items, kind = [str(n) for n in w.some(range(1, 100), number)], "numbers"
    elif w.chance(0.2):
        items, kind = [w.name() for _ in items], "names"
    place = w.random.randrange(number)
    nth = "last" if place == number - 1 and w.chance(0.6) else ["first", "second", "third", "fourth"][place]
    frames, all_items = FRAMES["word_list"], listed(items)
    slots = {"k": kind, "one": kind[:-1], "number": in_words(number), "nth": nth, "x": items[place]}
    told_as = all_items if w.chance(0.5) else ", ".join(items)
    replies = ["[all right|okay]: {l}.", "your {k} are {l}."]
    exchanges = [(w.user(frames["tell"], l=told_as, **slots), w.text(replies, l=all_items, **slots))]
    answers = {"all": "the {k} were {l}.", "one": "the {nth} {one} was {x}.", "count": "you gave me {number} {k}."}
    for asked in w.some(["all", "all", "one", "one", "count"], w.pick([1, 1, 2])):
        exchanges.append((w.user(frames[asked], **slots), w.text(answers[asked], l=all_items, **slots)))
    return exchanges


WHOLE = {"remembering": (1, remembering)}
OPENING = {"untold"}
UNITS: dict[str, tuple[float, Callable[[Writer], list[Exchange]]]] = {
    "told_and_asked": (5, told_and_asked),
    "untold": (1.5, untold),
    "said_so_far": (1, said_so_far),
    "two_people": (2, two_people),
    "word_list": (2, word_list),
}
