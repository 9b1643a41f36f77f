"""Facts of all kinds: what things are, who people were, why things are so, who does what, and what belongs to what."""

from __future__ import annotations

import re
from functools import cache

from .asking import ABOUT, NEXT, QUESTION, Asking, checked, columns, mapping, within
from .core import Exchange, Writer, listed, read_table
from .words import bare, plural

DEFINITIONS = mapping("definitions")
EXPLAINED = {row[0]: row[1] for row in columns("explain")}  # one answer for a thing that both tables have
DEFINE = Asking(
    direct=[
        "what is {s}",
        "what is {s}, [in simple words|in short|for a child|exactly|in one sentence]",
        "[can you explain|what is] {s} like i am five",
        "what exactly is {s}",
        "what does the word {b} mean",
        "what does {b} mean",
        "what do people mean by {b}",
        "how would you explain {s}",
        "can you [explain|define|describe] {s}",
        "what is meant by {s}",
        "what kind of thing is {s}",
        "what are {t}",
    ],
    clause=["what {s} is", "what {b} means", "what the word {b} means", "what {t} are"],
    keys=[
        "{b}",
        "{b} meaning",
        "meaning of {b}",
        "define {b}",
        "definition of {b}",
        "{s}",
        "explain {s}",
        "describe {s}",
    ],
)
DEFINE_MASS = Asking([text for text in DEFINE.direct if "{t}" not in text], DEFINE.clause[:3], DEFINE.noun, DEFINE.keys)


def define(w: Writer) -> list[Exchange]:
    """What a thing is."""
    out: list[Exchange] = []
    for thing, meaning in w.some(DEFINITIONS, w.pick((1, 1, 1, 2))):
        reply = EXPLAINED.get(thing, f"{thing} is {meaning}.")
        if out:
            out.append((w.user(within(w, NEXT, "{s}"), s=thing), reply))
        elif thing not in EXPLAINED and w.chance(0.1):
            asked = ["what do you call {m}", "what is the word for {m}", "which word means {m}", "{m}: what is it"]
            out.append((w.user(within(w, QUESTION, asked), m=meaning), reply))
        elif w.chance(0.15):
            out.append((w.user(within(w, ABOUT, "{s}"), s=thing), reply))
        else:
            asking = DEFINE if re.match(r"an? ", thing) and " or " not in meaning else DEFINE_MASS
            out.append((asking.user(w, s=thing, b=bare(thing), t=plural(bare(thing))), reply))
    return out


PEOPLE = columns("people")
WHO = Asking(
    direct=[
        "who {v} {s}",
        "who exactly {v} {s}",
        "what did {s} do",
        "why is {s} [famous|known|well known]",
        "what is {s} known for",
        "can you tell me who {s} {v}",
        "what do you know about {s}",
        "what can you tell me about {s}",
        "do you know who {s} {v}",
    ],
    clause=["who {s} {v}", "who exactly {s} {v}", "why {s} is famous", "what {s} is known for"],
    keys=["{s}", "who {s}", "about {s}", "tell me about {s}", "tell me something about {s}", "talk about {s}"],
)


def who(w: Writer) -> list[Exchange]:
    """Who a person is or was."""
    out: list[Exchange] = []
    for name, known, verb in w.some(PEOPLE, w.pick((1, 1, 1, 2))):
        reply = f"{name} {verb} {known}."
        if out:
            out.append((w.user(within(w, (*NEXT, "and who {v} {}?"), "{s}"), s=name, v=verb), reply))
        elif w.chance(0.12):
            right = w.chance(0.5)
            says = known if right else w.pick(PEOPLE)[1]
            if says != known and set(says.split()) & set(known.split()) - {"a", "an", "the", "of", "who", "in"}:
                right, says = True, known
            out.append(checked(w, right, [f"{verb} {{s}} {{o}}"], [f"{{s}} {verb} {{o}}"], reply, s=name, o=says))
        elif w.chance(0.2):
            out.append((w.user(within(w, (*ABOUT, "[do you know|have you heard of] {}?"), "{s}"), s=name), reply))
        else:
            out.append((WHO.user(w, s=name, v="were" if verb == "were" else w.pick((verb, verb, "is"))), reply))
    return out


WORKS = columns("works")
BASE = {
    "wrote": "write",
    "painted": "paint",
    "composed": "compose",
    "invented": "invent",
    "discovered": "discover",
    "explained": "explain",
    "thought up": "think up",
    "created": "create",
    "founded": "found",
    "made": "make",
    "directed": "direct",
    "sang": "sing",
}
PARTICIPLE = {"wrote": "written", "sang": "sung"}
ROLE = {"wrote": "author", "painted": "painter", "composed": "composer", "invented": "inventor", "founded": "founder"}


def works(w: Writer) -> list[Exchange]:
    """Who wrote, painted, composed or invented something."""
    work, verb, person = w.common(WORKS)
    reply = f"{person} {verb} {work}."
    done = PARTICIPLE.get(verb, verb)
    said = bare(work) if w.chance(0.15) and work.startswith("the ") else work  # mona lisa, light bulb
    slots = {"s": said, "v": verb, "o": person, "d": done, "b": BASE[verb], "r": ROLE.get(verb, "")}
    drawn = w.random.random()
    if drawn < 0.18:
        others = {p for _, v, p in WORKS if v == verb} | {"william shakespeare", "albert einstein", "mozart"}
        right = w.chance(0.5)
        slots["o"] = person if right else w.pick(sorted(others - {person}))
        questions = ["did {o} {b} {s}", "was {s} {d} by {o}"]
        return [checked(w, right, questions, ["{o} {v} {s}", "{s} was {d} by {o}"], reply, **slots)]
    if drawn < 0.3:
        known = [title for title, v, p in WORKS if v == verb and p == person]
        asks = ["what did {o} {b}", "what [was|is something that was] {d} by {o}", "{o} {v} what"]
        if verb == "wrote":
            asks += ["[which|what] [book|book or play] did {o} write", "what are the works of {o}"]
        return [(Asking(asks, ["what {o} {v}"]).user(w, **slots), f"{person} {verb} {listed(known[:2])}.")]
    if drawn < 0.37:
        return [
            (w.user(["{s} was {d} by ...", "{s} was {d} by who?", "complete: {s} was {d} by ___."], **slots), reply)
        ]
    asks = [
        "who {v} {s}",
        "by [who|whom] was {s} {d}",
        "{s} was {d} by [who|whom]",
        "who was it that {v} {s}",
        "which [person|man or woman] {v} {s}",
    ]
    clauses = ["who {v} {s}", "by whom {s} was {d}", "which person {v} {s}", "who it was that {v} {s}"]
    nouns, keys = [], ["who {v} {s}", "{s}, who {v} it"]
    if slots["r"]:
        asks += ["who was the {r} of {s}", "what is the name of the {r} of {s}"]
        nouns = ["the {r} of {s}", "the name of the {r} of {s}"]
        keys += ["{s} {r}", "{r} of {s}"]
    out = [(Asking(asks, clauses, nouns, keys).user(w, **slots), reply)]
    if w.chance(0.25):
        other, _, person = w.pick([row for row in WORKS if row[1] == verb and row[0] != work] or WORKS)
        if (
            other != work
            and (work, verb, person) != (other, verb, person)
            and verb in [v for t, v, _ in WORKS if t == other]
        ):
            out.append(
                (
                    w.user([*(frame.replace("{}", "{s}") for frame in NEXT), "and who {v} {s}?"], s=other, v=verb),
                    f"{person} {verb} {other}.",
                )
            )
    return out


WHY = columns("why")


def why(w: Writer) -> list[Exchange]:
    """Why things are as they are."""
    question, statement, reply = w.pick(WHY)
    asks = [
        f"why {question}",
        f"why {question}",
        f"why is it that {statement}",
        f"how come {statement}",
        f"what is the reason that {statement}",
        f"for what reason {question}",
        f"{statement}. why",
        f"why exactly {question}",
    ]
    clauses = [
        f"why {statement}",
        f"the reason why {statement}",
        f"why it is that {statement}",
        f"how come {statement}",
    ]
    return [(Asking(direct=asks, clause=clauses).user(w), reply)]


QA = [line.split(" => ", 1) for line in read_table("qa")]
PLAIN = re.compile(r"(?:\[[^\]]*what[^\]]*\]|what) (?:is|are) (the [^\[]+.*)")


SUBJECT = re.compile(  # questions for the subject, which need no inversion
    r"(?:who|(?:which|what|\[which\|what\]) (?:animals?|planet|country|month|river|bird|day)) (\w+)"
    r"|what (?:happens|shines|floats|sinks|comes|came|helps|gives)"
)
AUXILIARY = ("is", "are", "do", "does", "did", "was", "were", "can")


@cache
def asking_of(question: str) -> Asking:
    """Ways to ask a question of the table: as it is, and without inversion where that needs no grammar."""
    noun = PLAIN.fullmatch(question)
    nouns = (
        [noun[1].replace("[| called]", "")] if noun and not re.search(r" (of|called|for|made of|in)$", noun[1]) else []
    )
    clauses = []
    subject = SUBJECT.match(question)
    if subject and subject[1] not in AUXILIARY:
        clauses = [question]
    elif found := re.fullmatch(r"(.*\b(?:how|where|what|when)) do (.+)", question):
        clauses = [f"{found[1]} {found[2]}"]
    elif found := re.fullmatch(r"(when) is (.+)", question):
        clauses = [f"{found[1]} {found[2]} is"]
    return Asking([question], clauses, nouns, [phrase.removeprefix("the ") for phrase in nouns])


def general(w: Writer) -> list[Exchange]:
    """A question of the table of questions and answers."""
    question, reply = w.common(QA) if w.chance(0.5) else w.pick(QA)
    out = [(asking_of(question).user(w), w.text(reply))]
    if w.chance(0.2):
        question, reply = w.common(QA) if w.chance(0.5) else w.pick(QA)
        out.append(
            (
                w.user(within(w, ("{}?", "{}?", "and {}?", "ok, and {}?", "thanks. {}?", "now {}?"), question)),
                w.text(reply),
            )
        )
    return out


UNITS = {
    "define": (6, define),
    "who": (3.5, who),
    "works": (4, works),
    "why": (4.5, why),
    "general": (16, general),
}
