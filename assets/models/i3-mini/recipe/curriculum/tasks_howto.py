"""Explaining how to do something in three steps, and sentences: with a given word, or finished."""

from __future__ import annotations

import re

from .asking import Asking, mapping, within
from .core import Exchange, Writer, read_table
from .vocabulary import ADJECTIVES, PLACES, VERBS_OF_PEOPLE, any_word, nouns
from .wishes import DEEDS as ASKED

HOWTO = [(task, steps.split(" | ")) for task, steps in mapping("howto")]
HOW = Asking(
    direct=[
        "how do [i|you|we|people] {t}",
        "how can [i|we|one] {t}",
        "how [to|would i|could i|might i] {t}",
        "how does one {t}",
        "how [should i|must i|would you] {t}",
        "how exactly do [i|you] {t}",
        "what do i [have|need] to do to {t}",
        "what [must|should] i do [if i want to|to|so that i can] {t}",
        "what is [the best|the right|an easy|a good|a simple|the usual] way to {t}",
        "what are the steps to {t}",
        "in which steps do [i|you] {t}",
        "is there [a good|an easy] way to {t}",
        "can you [teach me|show me|help me] [how to|to] {t}",
        "i want to {t}, how does that [go|work]",
    ],
    clause=[
        "how to {t}",
        "how i can {t}",
        "how to {t} in three steps",
        "how to {t}, step by step",
        "how people {t}",
        "how one can {t}",
        "how i should {t}",
        "[the best|the right|an easy|a good] way to {t}",
        "the steps to {t}",
    ],
    keys=[
        "how to {t}",
        "{t}, how",
        "{t} in three steps",
        "{t}[:| -] [what are the steps|how is it done|step by step|the steps, please|how does it work]",
        "steps to {t}",
        "[please |]explain how to {t}",
        "[please |]explain how to {t} in three [|short |simple |easy ]steps",
        "[describe|show|show me|write down|list|give me|name] the steps to {t}",
        "[describe|show me|teach me|write down] how to {t}",
        "in three [|short |simple ]steps, [explain|tell me|describe] how to {t}",
        "help me to {t}",
        "help me, i [want|need|have|would like] to {t}",
        "i [want|need|have|would like|am about] to {t}. [how|what do i do|how do i do it|can you help|help me|tell me "
        "how]",
        "[my son|my daughter|my friend|a child] wants to {t}. how",
        "i [do not know|never learned|have forgotten|forgot] how to {t}",
        "teach me to {t}",
        "[a guide|instructions|a short guide|tips|help] [to|for how to] {t}",
        "instructions: {t}",
    ],
)


def yours(text: str) -> str:
    """The task as the reply names it."""
    return re.sub(r"\bmy\b", "your", text)


def steps(found: list[str]) -> str:
    """First, then, last."""
    first, second, last = found
    return f"first, {first}. then {second}. last, {last}."


def how_to(w: Writer) -> list[Exchange]:
    """How to do something, then a step again, thanks, or a shorter form."""
    task, found = w.common(HOWTO)
    task = w.text(task)
    whole = [*found]
    if len(whole) == 2:
        whole.append("be patient")
    out = [(HOW.user(w, t=task), steps(whole))]
    drawn = w.random.random()
    if drawn < 0.16:
        number = w.random.randrange(3)
        name = ("first", "second", "last")[number]
        asks = [
            "what was the {n} step[ again|]?",
            "and the {n} step?",
            "the {n} step again, please.",
            "[can you |]repeat the {n} step[, please|]?",
            "what do i do {n}?" if number != 1 else "what comes second?",
        ]
        out.append((w.user(asks, n=name), f"the {name} step: {whole[number]}."))
    elif drawn < 0.26:
        out.append(
            (
                w.user(
                    [
                        "[say it|that is too long. say it|can you say that|explain it] shorter[, please|]?",
                        "in short?",
                        "shorter, please.",
                        "and in one sentence?",
                    ]
                ),
                f"in short: {whole[0]}, then {whole[-1]}.",
            )
        )
    elif drawn < 0.34:
        place = w.pick((0, 1))
        asks = (
            ["ok, i did that. and then?", "and [after that|then]?", "what comes next?", "done. what next?"]
            if place == 1
            else ["how do i start?", "what do i do first?", "where do i begin?"]
        )
        reply = f"first, {whole[0]}." if place == 0 else "then you are done. well done!"
        out.append((w.user(asks), reply))
    elif drawn < 0.44:
        out.append(
            (
                w.user(["[thanks|thank you|great|ok, thanks|good]!", "that is easy. thanks!", "ok, i will try it."]),
                w.text(["you are welcome. good luck!", "you are welcome."]),
            )
        )
    return out


FINISH = [tuple(saying.split(" | ")) for saying in read_table("ideas")["finish"]["sayings"]]
COMPLETE = (
    "{s} ...",
    "{s}...",
    "{s}",
    "finish [the sentence|this|my sentence|the saying]: {s} ...",
    "complete[ the sentence| this|]: {s} ...",
    "how does it [continue|end]: {s} ...?",
    "{s} ___",
    "fill the gap: {s} ___.",
    "what comes after: {s} ...?",
    "{s} ... what?",
    "end this sentence: {s}",
    "continue: {s} ...",
    "{s}, and how does it end?",
)


def finish(w: Writer) -> list[Exchange]:
    """The end of a saying or a simple sentence, said whole."""
    begin, end = w.pick(FINISH)
    return [(w.user(COMPLETE, s=begin), f"{begin} {end}.")]


WITH_NOUN = (
    "the teacher told a story about {a:x}.",
    "{n} dreamed of {a:x} last night.",
    "the child drew a picture of {a:x}.",
    "i wrote a poem about {a:x}.",
    "{n} saw {a:x} {p}.",
    "everyone talked about the {x}.",
    "{n} has a book about {a:x}.",
    "there was {a:x} in the film.",
)
WITH_ADJECTIVE = (
    "{n} saw {a:x} bird {p}.",
    "the story is about {a:x} king.",
    "once there was {a:x} cat.",
    "{n} has {a:x} dog.",
    "everyone looked at the {x} horse.",
)
WITH_VERB = (
    "{n} and {m} {x} every day.",
    "the children {x} {p}.",
    "we want to {x} together.",
    "please do not {x} {p}.",
    "on sundays people {x}.",
)
WITH_ANY = ("i do not know the word {x}, but {x} sounds nice.", "the word {x} is new to me, but i like {x}.")


def with_word(w: Writer) -> list[Exchange]:
    """A sentence that holds a given word, or two."""
    asks = [
        "make a sentence with [the word |]{x}",
        "write a sentence with [the word |]{x}",
        "use {x} in a sentence",
        "use the word {x} in a sentence",
        "say a sentence with {x}",
        "give me a sentence with [the word |]{x}",
        "put {x} in a sentence",
        "build a sentence with {x}",
        "form a sentence using {x}",
        "give an example sentence for {x}",
        "write one sentence about {a:x}",
    ]
    drawn = w.random.random()
    if drawn < 0.5:
        word, frames = w.pick(nouns()), WITH_NOUN
    elif drawn < 0.68:
        word, frames = w.pick(ADJECTIVES), WITH_ADJECTIVE
        asks = asks[:-1]
    elif drawn < 0.85:
        word, frames = w.pick(VERBS_OF_PEOPLE), WITH_VERB
        asks = asks[:-1]
    elif drawn < 0.93:
        x, y = w.some(nouns(), 2)
        asks = [
            "make a sentence with {x} and {y}",
            "write a sentence with the words {x} and {y}",
            "use {x} and {y} in one sentence",
            "a sentence with {x} and {y}",
            "put {x} and {y} in a sentence",
        ]
        reply = w.text(
            ["the {x} is next to the {y}.", "{n} saw {a:x} and {a:y}.", "there was a story about {a:x} and {a:y}."],
            x=x,
            y=y,
            n=w.name(),
        )
        return [(w.user(within(w, ASKED, asks), x=x, y=y), reply)]
    else:
        word, frames = w.invented(), WITH_ANY
        asks = asks[:-1]
    n, m = w.name(), w.name()
    out = [(w.user(within(w, ASKED, asks), x=word), w.text(frames, x=word, n=n, m=m, p=w.pick(PLACES)))]
    if frames is not WITH_ANY and w.chance(0.25):
        other = w.pick([frame for frame in frames if w.text(frame, x=word, n=n, m=m, p="") != out[0][1]])
        out.append(
            (
                w.user(["another [sentence|one][, please|].", "[and |]one more.", "and another?"]),
                w.text(other, x=word, n=n, m=m, p=w.pick(PLACES)),
            )
        )
    return out


def about(w: Writer) -> list[Exchange]:
    """A sentence of a kind: a question, about weather, with a name."""
    kind = w.pick(("any", "question", "name", "short", "wish"))
    n, x = w.name(), any_word(w)
    asks, replies = {
        "any": (
            [
                "say a sentence",
                "write a sentence",
                "say anything",
                "write something",
                "say something",
                "write any sentence",
            ],
            [
                "the sun is shining today.",
                "a small bird sings in the tree.",
                "the cat sleeps on the warm roof.",
                "good friends are worth more than gold.",
                "words are small, but they can do a lot.",
            ],
        ),
        "question": (
            ["write a question", "say a question", "give me an example of a question"],
            ["where is my hat?", "do you like apples?", "how far is the sea?"],
        ),
        "name": (
            [
                "write a sentence about {n}",
                "say something about {n}, any sentence",
                "make a sentence with the name {n}",
            ],
            ["{n} walks along the beach.", "{n} likes to sing in the morning.", "{n} has a good heart."],
        ),
        "short": (
            ["say a very short sentence", "write a sentence of three words", "say three words that make a sentence"],
            ["birds can fly.", "i like words.", "dogs are loyal.", "time runs fast."],
        ),
        "wish": (
            ["wish me something", "wish me luck", "wish me a good day", "say a good wish"],
            ["i wish you a happy day and good luck!", "good luck! i wish you all the best."],
        ),
    }[kind]
    return [(w.user(within(w, ASKED, asks), n=n, x=x), w.text(replies, n=n))]


UNITS = {
    "how to": (9, how_to),
    "finish": (3, finish),
    "with word": (4, with_word),
    "a sentence": (1.2, about),
}
