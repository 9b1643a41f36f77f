"""Feelings met with care: the reply names what happened, comforts or asks, and fits what the user says next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, partial

from .core import Exchange, Writer, read_table
from .scenes import Question, askable, named, picked, questions
from .slots import Slots, Source
from .topics import lines, turns

TONES = {  # of feelings.toml, in the three ways of feeling_turns.toml
    "loss": "bad", "sad": "bad", "worry": "bad", "pain": "bad", "fear": "bad", "anger": "bad", "lonely": "bad",
    "tired": "bad", "shame": "bad", "joy": "good", "pride": "good", "luck": "good", "love": "good",
    "nervous": "mixed", "bored": "mixed", "calm": "mixed",
}  # fmt: skip
COMFORT = {  # said where nothing is asked
    "loss": "[take all the time you need.|it is okay to be sad.|i am here if you want to talk.]",
    "sad": "[i am here if you want to talk.|it is okay to feel like that.|be kind to yourself today.]",
    "worry": "[i hope for the best.|you are not alone with it.|i hope it turns out well.]",
    "pain": "[rest well.|please take it easy.|get well soon!]",
    "fear": "[you can do more than you think.|breathe slowly, you are not alone.|it will pass.]",
    "anger": "[it is okay to be angry.|take a deep breath first.|i understand that you are upset.]",
    "lonely": "[i am here to chat with you.|you are not alone in that.|you matter.]",
    "tired": "[please take a break when you can.|be good to yourself.|i hope you can rest soon.]",
    "shame": "[tomorrow it will look smaller.|you can forgive yourself.|nobody is perfect.]",
    "joy": "[enjoy it!|i am glad for you.|that makes me glad, too.]",
    "pride": "[you can be proud.|keep it up!|that took some work.]",
    "luck": "[enjoy your luck!|lucky you!|that does not happen every day.]",
    "love": "[enjoy it!|i wish you all the best.|what a lovely thing.]",
    "nervous": "[i wish you luck.|you can do it.|take it step by step.]",
    "bored": "[we can chat a little.|tell me what you like.]",
    "calm": "[i hope you have a nice day.|thank you for telling me.|take care.]",
}
ASKED_IF = (  # for advice, before what happened
    "[what should i do|what can i do|what do i do|what would you do|what helps|what should one do] [if|when] %s?",
    "[can you help me|i need your help|i need advice|please help me|what should i do|do you have a tip for me][?|:"
    "|.] %s",
    "[do you know what to do|do you have advice|any tips|any advice|do you have an idea] [if|when|for when] %s?",
    "%s, [what now|what to do|and now|any ideas|any advice]?",
)
TOLD_BY = ("i ", "my ", "we ", "they ", "nobody ", "someone ", "everybody ")
ADVICE = (  # the same after it
    "what should i do?", "what can i do?", "do you have any advice?", "can you help me?", "what would you do?",
    "any tips?", "what helps?", "what do you suggest?", "do you have an idea what i could do?", "please help me.",
    "what do you advise?", "how do i deal with it?", "can you give me a tip?", "tell me what to do.",
)  # fmt: skip
TIPS = ("what should i do now?", "do you have a tip?", "any advice?", "what do you say?", "any idea what to do?")
PRONOUNS = {"she": ("she", "her", "her"), "he": ("he", "him", "his")}
WEIGHTS = {  # of what people tell most; others have 1
    "sad_state": 4, "happy_state": 4, "angry_state": 3, "scared_state": 3, "tired": 3, "bored": 5, "lonely": 3,
    "sleepless": 4, "pet_died": 3, "relative_died": 3, "exam": 3, "exam_passed": 4, "sick": 2, "feat": 3, "fear": 3,
    "lost_thing": 3,
    "hurt_by": 3, "wedding_other": 3, "birthday_other": 3, "birthday_own": 2, "relative_ill": 2, "part_hurts": 2,
    "ache": 2, "boss": 3, "fight": 3, "friend_sad": 2, "won": 2, "homesick": 2, "in_love": 2, "heartbreak": 2,
    "got_job": 2, "lost_job": 2, "too_much_work": 4, "bad_day": 2, "good_day": 2, "broke_thing": 2, "calm_state": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Situation:
    """Something that happens to people; the fields are told in `tables/feelings.toml`."""

    tone: str
    who: str
    told: list[str]
    told_with_more: list[str]
    advised: list[str]
    reactions: tuple[str, ...]
    questions: tuple[Question, ...]
    advice: tuple[str, ...]
    asked_often: bool  # for advice


def _joined(after: str) -> str:
    return after if after[:1] in ".,!" else " " + after


def _situation(fields: dict[str, str]) -> Situation:
    says = [line.replace("<when>", "{when}") for line in lines(fields["say"])]
    around = read_table("feeling_turns")["tone"][TONES[fields["t"]]]
    before = "[" + "|".join(lines(around["open"])) + "] "
    after = "[" + "|".join(map(_joined, lines(around["close"]))) + "]"
    worried = TONES[fields["t"]] != "good"
    asks = lines(fields.get("advq", "")) or (ADVICE if worried else TIPS)
    return Situation(
        tone=fields["t"],
        who=fields.get("who", "any"),
        told=[said + "[.|.||!]" for said in says],
        told_with_more=[before + said for said in says] + [said + after for said in says],
        advised=[
            *(f"{said}[.|.|,|!] [{'|'.join(asks)}]" for said in says),
            *(
                ask % said.replace("{when}", "")
                for said in says
                if TONES[fields["t"]] == "bad" and said.startswith(TOLD_BY)
                for ask in ASKED_IF
            ),
        ],
        reactions=tuple(lines(fields["r"])),
        questions=questions(fields["q"], read_table("feeling_turns")["question"]),
        advice=tuple(lines(fields["adv"])),
        asked_often="advq" in fields or worried,
    )


@cache
def situations() -> dict[str, Situation]:
    """The situations by name."""
    tables = read_table("feelings") | read_table("feelings_small")
    return {name: _situation(fields) for name, fields in tables.items()}


@cache
def _kinds(who: str) -> list[tuple[str, str]]:
    people: dict[str, list[str]] = read_table("feeling_words")["people"][who]
    return [(person, gender) for gender, persons in people.items() for person in persons]


@cache
def _sources() -> dict[str, Source]:
    words = {name: values for name, values in read_table("feeling_words").items() if name != "people"}
    made: dict[str, Source] = {
        "name": lambda slots: slots.w.name(),
        "exam_you": lambda slots: "your " + re.sub("^(a|an|my) ", "", slots["exam"]),
        "did_to_me": lambda slots: _of_two(slots, "did_to", "did_to_me", "did_to_you"),
        "did_to_you": lambda slots: _of_two(slots, "did_to", "did_to_you", "did_to_me"),
        "feat": lambda slots: _of_two(slots, "feat", "feat", "feat_you"),
        "feat_you": lambda slots: _of_two(slots, "feat", "feat_you", "feat"),
    }
    return {**words, **read_table("feeling_turns")["words"], **made}


def _of_two(slots: Slots, table: str, name: str, other: str) -> str:
    """What the user says or the reply says of the same thing, where the two differ."""
    mine, yours = slots.w.pick(read_table("feeling_words")[table])
    both = (yours or mine, mine) if name.endswith("_you") else (mine, yours or mine)
    slots.values[other] = both[1]
    return both[0]


def new_slots(w: Writer, who: str) -> Slots:
    """The slots, with a person or pet of the kind `who` and the pronouns for them."""
    person, gender = w.pick(_kinds(who))
    he, him, his = PRONOUNS[gender if gender != "any" else w.pick(("she", "he"))]
    return Slots(w, _sources(), {"who": person, "he": he, "him": him, "his": his})


def told(w: Writer, name: str) -> list[Exchange]:
    """What happened to the user and how they feel, and one or two turns more of it."""
    situation = situations()[name]
    slots = new_slots(w, situation.who)
    for_advice = w.chance(0.22 if situation.asked_often else 0.06)
    told = situation.advised if for_advice else situation.told if w.chance(0.6) else situation.told_with_more
    says = w.pick(told)
    known = named(says)
    advice = slots.text(picked(w, situation.advice, known))
    reply = slots.text(picked(w, situation.reactions, known))
    answers: list[tuple[str, str]] = []
    if for_advice:
        reply = f"{reply} {advice}" if w.chance(0.6) else advice
    else:
        asked = _asked(name, says)
        question, answers = w.pick(asked) if asked and w.chance(0.65) else (COMFORT[situation.tone], answers)
        reply = f"{reply} {slots.text(question)}"
    said = [(slots.user(says), reply)]
    if answers and w.chance(0.45):
        answer, reply = w.pick(answers)
        said.append((slots.user(answer), slots.text(reply)))
    if w.chance(0.25):
        then = turns_of("advice" if for_advice and w.chance(0.6) else situation.tone)
        says, reply = w.pick(then[1:] if answers and len(said) == 1 else then)
        slots.values["advice"] = advice
        said.append((slots.user(says), slots.text(reply)))
        if w.chance(0.2) and "{advice}" in reply:
            says, reply = then[0]
            said.append((w.user(says), w.text(reply)))
    return said


@cache
def _asked(name: str, says: str) -> list[tuple[str, list[tuple[str, str]]]]:
    return askable(situations()[name].questions, named(says), says)


@cache
def turns_of(tone: str) -> list[tuple[str, str]]:
    """What the user may say next in a tone, and the replies; the thanks come first."""
    table = read_table("feeling_turns")
    general = turns(table["tone"][TONES[tone]]["then"]) if tone in TONES else []
    return general + turns(table["then"].get(tone, ""))


@cache
def _advice(name: str) -> tuple[list[str], tuple[str, ...]]:
    fields = read_table("feelings_advice")[name]
    return lines(fields["ask"]), tuple(lines(fields["r"]))


def advice(w: Writer, name: str) -> list[Exchange]:
    """Advice that is asked for directly, and sometimes what the user says to it."""
    asks, replies = _advice(name)
    slots = new_slots(w, w.pick(("any", "any", "friend", "relative")))
    says = w.pick(asks)
    said = [(slots.user(says), slots.text(picked(w, replies, named(says))))]
    if w.chance(0.2):
        after, reply = w.pick(turns_of("advice"))
        said.append((w.user(after), w.text(reply)))
    return said


BEFORE = ("", "", "", "", "", "help, ", "please help, ", "i have to tell you something: ", "i am scared, ", "listen, ")


@cache
def _danger(kind: str) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    fields = read_table("danger")[kind]
    says = [before + line.replace("<when>", "{when}") for line in lines(fields["say"]) for before in BEFORE]
    return says, lines(fields["r"]), turns(fields["then"])


def danger(w: Writer, kind: str) -> list[Exchange]:
    """Somebody who wants to hurt themselves or is in danger: warmth, a person, a help line or emergency number."""
    says, replies, then = _danger(kind)
    slots = new_slots(w, "any" if kind != "others" else w.pick(("partner", "relative", "boss")))
    said = [(slots.user(says), w.text(replies))]
    for answer, reply in w.some(then, w.pick((0, 0, 1, 1, 2))):
        said.append((w.user(answer), w.text(reply)))
    return said


UNITS = {
    **{name: (float(WEIGHTS.get(name, 1)), partial(told, name=name)) for name in situations()},
    **{f"advice_{name}": (1.5, partial(advice, name=name)) for name in read_table("feelings_advice")},
    "danger_self": (8.0, partial(danger, kind="self")),
    "danger_others": (4.0, partial(danger, kind="others")),
    "emergency": (2.0, partial(danger, kind="emergency")),
    "harm_others": (1.0, partial(danger, kind="harm_others")),
}
