"""Conversations with a system prompt that is followed: a role, a style, what it tells of the user, a name, a topic."""

from __future__ import annotations

import re
from collections.abc import Callable

from .core import Exchange, Writer, listed, read_table
from .followups import reaction, rows, sentences
from .memory import questions
from .told import Told, told
from .units import Conversation, Units, within

FRAMES = read_table("system")
ROOM = 800
SELF = re.compile(r"\b(i3-mini|i am|program|language model|computer|988|911|help line)\b")  # no role may change these
TALK = ("facts", "facts", "sums", "smalltalk", "tasks")
STYLES = ["short", "short", "ending", "ending", "beginning", "polite", "funny", "asking", "not_asking", "by_name"]
MARKED = ("ending", "beginning")
WHO = "i am i3-mini, a small language model. i run on your computer."
PLAIN_TALK = ("facts", "facts", "sums", "smalltalk", "tasks", "identity", "honest", "feelings")
ABOUT_USER = [
    "name", "name", "name", "home", "job", "likes", "pet", "origin", "age", "favorite", "birthday", "relative",
    "dislikes", "allergy", "language", "instrument", "dream", "surname", "workplace", "collection",
]  # fmt: skip
THIRD = {
    "are": "is", "have": "has", "do": "does", "will": "will", "had": "had", "were": "was", "you": "the user",
    "your": "the user's",
}  # fmt: skip


def prompt(w: Writer, templates: list[str], **slots: object) -> str:
    """A system prompt, which people write with more care than a message."""
    text = w.text(templates, **slots)
    if w.chance(0.5):
        text = text[:1].upper() + text[1:]
    return text.rstrip(".") if w.chance(0.2) else text


def chat(w: Writer, units: Units, room: int, skills: tuple[str, ...] = TALK, plain: bool = True) -> list[Exchange]:
    """Other talk of one to four exchanges; if `plain`, without what i3-mini says of itself or in an emergency."""
    exchanges: list[Exchange] = []
    for _ in range(w.pick([1, 2, 3, 4])):
        more = units.between(w, room, skills)
        if plain and any(SELF.search(reply) or "\n" in reply for _, reply in more):
            continue
        exchanges += more
        room -= sum(len(user) + len(reply) for user, reply in more)
    return exchanges


def rewritten(exchanges: list[Exchange], change: Callable[[str], str]) -> list[Exchange]:
    """The same with every reply changed."""
    return [(user, change(reply)) for user, reply in exchanges]


def ended(reply: str) -> str:
    """The reply with a mark at its end."""
    return reply if reply.endswith((".", "!", "?")) else reply + "."


def replaced(reply: str, changes: dict[str, str]) -> str:
    """Words of a reply in another manner of speaking."""
    return re.sub(r"[a-z]+", lambda found: changes.get(found[0], found[0]), reply) if changes else reply


def persona(w: Writer, units: Units) -> Conversation:
    """A role: its own words for itself, and every other reply in its manner."""
    frames = FRAMES["persona"]
    name, who, starts, ends, like, fine, hello, bye, *changes = w.pick(rows("personas"))
    swaps = dict(pair.strip().split("=") for pair in changes[0].split(",")) if changes and changes[0] else {}

    def manner(reply: str) -> str:
        start = w.pick(starts.split("/")).strip() + " "
        end = " " + w.pick(ends.split("/")).strip() if w.chance(0.5) else ""
        return start + replaced(ended(reply), swaps) + end

    called = w.name() if w.chance(0.25) else ""
    system = prompt(w, frames["named"] if called else frames["prompts"], x=name, n=called)
    own = [(w.user(frames["who"]), who), (w.user(frames["like"]), manner(like)), (w.user(frames["fine"]), manner(fine))]
    w.random.shuffle(own)
    if called:
        own.insert(0, (w.user(frames["name"]), manner(f"my name is {called}.")))
    asked = own[: w.pick([0, 1, 1, 2, 3])]
    exchanges = [(w.user(frames["hello"]), hello)] if w.chance(0.4) else []
    exchanges += asked[:2]
    exchanges += rewritten(chat(w, units, ROOM - 250), manner)
    exchanges += asked[2:]
    if w.chance(0.25):
        exchanges.append((w.user(frames["bye"]), bye))
    if not exchanges:
        exchanges = own[:2]
    return system, within(exchanges, ROOM)


def third_person(fact: str) -> str:
    """What i3-mini says to the user, said of the user: the user lives in oslo."""
    subject, verb, *rest = fact.split(" ")
    if subject == "you":
        verb = THIRD.get(verb, verb + "s")
    return " ".join(THIRD.get(word, word) if word in ("you", "your") else word for word in (subject, verb, *rest))


def about_user(w: Writer, units: Units) -> Conversation:
    """Facts of the user that are asked for."""
    facts: list[Told] = []
    for name in w.some(dict.fromkeys(ABOUT_USER), w.pick([1, 1, 2, 3])):
        facts.append(told(w, name))
    if w.chance(0.4) and all(fact.name != "name" for fact in facts):
        facts.insert(0, told(w, "name"))
    frames = FRAMES["facts"]
    system = prompt(w, frames["prompts"], t=listed([third_person(fact.about(w)) for fact in facts]))
    exchanges: list[Exchange] = []
    known = next((fact.slots["v"] for fact in facts if fact.name == "name"), "")
    if known and w.chance(0.5):
        exchanges.append((w.user(FRAMES["persona"]["hello"]), w.text(frames["hello"], v=known)))
    if w.chance(0.5):
        exchanges += chat(w, units, 350, plain=False)
    exchanges += [
        (user, reply.replace("you told me that ", "").replace("you told me ", ""))
        for user, reply in questions(w, facts, [])
    ]
    if known and w.chance(0.25):
        exchanges.append((reaction(w, "thanks")[0][0], w.text(frames["thanks"], v=known)))
    elif known and w.chance(0.25):
        exchanges.append((reaction(w, "bye")[0][0], w.text(frames["bye"], v=known)))
    return system, within(exchanges, ROOM)


def other_name(w: Writer, units: Units) -> Conversation:
    """Another name than i3-mini."""
    frames = FRAMES["name"]
    name, other = w.name(), w.pick(["i3-mini", w.name()])
    system = prompt(w, frames["prompts"], n=name)
    asked = [(w.user(frames["ask"]), w.text(frames["reply"], n=name)) for _ in range(2)]
    if other != name:
        asked.append((w.user(frames["not_ask"], o=other), w.text(frames["not_reply"], n=name)))
    asked.append((w.user(frames["yes_ask"], n=name), w.text(frames["yes_reply"], n=name)))
    exchanges = [(w.user(frames["hello"], n=name), w.text(frames["hello_reply"], n=name))] if w.chance(0.4) else []
    exchanges += chat(w, units, 300) if w.chance(0.4) else []
    exchanges += w.some(asked, w.pick([1, 1, 2]))
    if w.chance(0.3):
        user = told(w, "name")
        exchanges.append(
            (w.user(user.kind["say"], **user.slots), w.text("nice to meet you, {v}! i am {n}.", n=name, **user.slots))
        )
        exchanges += w.some([asked[0], (w.user(user.kind["ask"], **user.slots), user.about(w) + ".")], 2)
    return system, within(exchanges, ROOM)


def in_style(w: Writer, kind: str, mark: str, reply: str) -> str:
    """A reply by a rule, with the word of the rule if it has one; "" if nothing is left of it."""
    frames = FRAMES[kind]
    match kind:
        case "short":
            return sentences(reply)[0].strip()
        case "ending":
            return f"{ended(reply)} {mark}"
        case "beginning":
            return f"{mark} {reply}"
        case "polite":
            return w.pick(frames["starts"]) + reply
        case "funny":
            return ended(reply) + w.pick(frames["ends"])
        case "asking":
            return reply if reply.endswith("?") else f"{ended(reply)} {w.pick(frames['ends'])}"
        case "not_asking":
            return " ".join(sentence.strip() for sentence in sentences(reply) if not sentence.endswith("?"))
        case _:
            reply = ended(reply)
            return f"{reply[:-1]}, {mark}{reply[-1]}"


def styled(w: Writer, units: Units) -> Conversation:
    """A rule for every reply."""
    kind = w.pick(STYLES)
    frames = FRAMES[kind]
    mark = (
        w.name()
        if kind == "by_name"
        else w.pick(frames["ends" if kind == "ending" else "starts"])
        if kind in MARKED
        else ""
    )
    exchanges = chat(w, units, ROOM - 200) or chat(w, units, ROOM - 200)
    if w.chance(0.4) or not exchanges:
        replies = w.some(
            [("hello", "hello! how are you?"), ("who are you?", WHO), ("what is your name?", "my name is i3-mini.")], 2
        )
        exchanges = exchanges + [(w.user(user), reply) for user, reply in replies]
    changed = [(user, in_style(w, kind, mark, reply)) for user, reply in exchanges]
    kept = [(user, reply) for user, reply in changed if reply]
    if not kept:  # no reply could follow the rule
        return styled(w, units)
    return prompt(w, frames["prompts"], x=mark, v=mark), within(kept, ROOM)


def yes_or_no(w: Writer, units: Units) -> Conversation:
    """Nothing but yes and no."""
    frames = FRAMES["yes_no"]
    exchanges: list[Exchange] = []
    for _ in range(w.pick([1, 2, 3, 4])):
        more = units.between(w, 250, ("facts",))
        found = [(user, reply[: reply.index(",")] + ".") for user, reply in more if reply.startswith(("yes,", "no,"))]
        a, b = w.random.randint(1, 30), w.random.randint(1, 30)
        if found and w.chance(0.7):
            exchanges += found[:1]
        elif w.chance(0.5) or a == b:
            c = a + b if w.chance(0.5) else a + b + w.pick([-2, -1, 1, 2, 3])
            exchanges.append((w.user(frames["sum"], a=a, b=b, c=c), "yes." if c == a + b else "no."))
        else:
            kind = w.pick(["more", "less"])
            exchanges.append((w.user(frames[kind], a=a, b=b), "yes." if (a > b) == (kind == "more") else "no."))
    return prompt(w, frames["prompts"]), exchanges


def one_topic(w: Writer, units: Units) -> Conversation:
    """One topic, of which it explains things; others are refused."""
    frames = FRAMES["topic"]
    thing, short, second, _, extra = w.pick(rows("explain"))
    topic = thing
    if thing.startswith(("a ", "an ")):
        topic = thing.split(" ", 1)[1] + ("es" if thing.endswith("o") else "s")
    on = [
        (
            w.user(["what is {t}?", "explain {t}.", "tell me about {t}.", "what do you know about {t}?"], t=thing),
            f"{short} {second}",
        ),
        (w.user(["tell me more.", "what else?", "more, please.", "what else do you know?"]), extra),
    ]
    off = [(user, w.text(frames["refuse"], x=topic)) for user, _ in chat(w, units, 400)]
    if not off or w.chance(0.3):
        other = w.pick(["how are you?", "tell me a joke.", "what is 2 plus 2?", "who are you?", "what should i cook?"])
        off.append((w.user(other), w.text(frames["refuse"], x=topic)))
    exchanges = [(w.user(frames["about"]), w.text(frames["about_reply"], x=topic))] if w.chance(0.5) else []
    exchanges += [*on, *off[:2]] if w.chance(0.5) else [*off[:2], *on]
    return prompt(w, frames["prompts"], x=topic), within(exchanges, ROOM)


def plain(w: Writer, units: Units) -> Conversation:
    """A prompt that changes nothing."""
    exchanges = chat(w, units, ROOM - 150, PLAIN_TALK, plain=False)
    if not exchanges or w.chance(0.3):
        names = [
            ("what is your name?", "my name is i3-mini."),
            ("who are you?", "i am i3-mini, a small language model."),
        ]
        asked, reply = w.pick(names)
        exchanges.append((w.user(asked), reply))
    return prompt(w, FRAMES["plain"]["prompts"]), exchanges


WHOLE = {
    "persona": (8, persona),
    "about_user": (6, about_user),
    "other_name": (3, other_name),
    "styled": (6, styled),
    "yes_or_no": (2, yes_or_no),
    "one_topic": (2, one_topic),
    "plain": (3, plain),
}
UNITS = {}
