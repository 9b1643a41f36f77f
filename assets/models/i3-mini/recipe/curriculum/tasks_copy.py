"""Saying what is asked for: repeat, say, greet somebody, some words, capital letters that it does not have."""

from __future__ import annotations

import re

from .asking import within
from .core import Exchange, Writer, in_words
from .vocabulary import any_word, sentence, words
from .wishes import DEEDS as ASKED
from .words import listing

REPEAT = (
    "say {p}",
    "say: {p}",
    "repeat {p}",
    "repeat: {p}",
    "repeat after me: {p}",
    "repeat [this|these words|what i say]: {p}",
    "write {p}",
    "write: {p}",
    "type {p}",
    "type this: {p}",
    "echo {p}",
    "answer with {p}",
    "reply with {p}",
    "print {p}",
    "say the [word|words] {p}",
    "say [exactly|only|just] {p}",
    "copy this: {p}",
    "copy: {p}",
    "say [this|the following]: {p}",
    "tell me this: {p}",
    "respond with {p}",
    "say after me: {p}",
    "output {p}",
    "[speak|read] this: {p}",
)
NOW = (
    "[and|now|and now|ok, now|then] say {p}.",
    "[and now|ok, now|now]: {p}.",
    "[now|and] repeat: {p}.",
    "now [write|type] {p}.",
)
COPYING = (
    "{}.",
    "{}.",
    "{}",
    "[please|now please|just|now|ok, now|and now|next,|kindly|hey,|ok,|come on,|i3-mini,|first] {}.",
    "[i want you to|i would like you to|i need you to|you should|you could|try to|let me hear you|your task is to"
    "|do me a favor and|be so kind and|would you be so kind and] {}.",
    "[can|could|would|will] you [please|just|kindly|] {}?",
    "[are you able to|is it possible for you to|may i ask you to|can i ask you to] {}?",
)
PLAINLY = ("{}.", "{}.", "{}", "{}!", "[look,|hey,|oh,|well,|so,] {}.")
OCCASIONS = (
    "hello",
    "hello",
    "hi",
    "good morning",
    "good night",
    "goodbye",
    "thank you",
    "happy birthday",
    "sorry",
    "welcome",
    "good luck",
    "merry christmas",
    "congratulations",
    "get well soon",
    "good evening",
    "happy new year",
    "well done",
    "bye",
)
WHOM = listing("whom")


def said(w: Writer) -> str:
    """What is to be copied: a word, some words, a sentence, numbers."""
    drawn = w.random.random()
    if drawn < 0.3:
        return any_word(w)
    if drawn < 0.5:
        return " ".join(any_word(w) for _ in range(w.pick((2, 2, 3, 3, 4, 5))))
    if drawn < 0.85:
        return sentence(w)
    if drawn < 0.93:
        return w.pick((str(w.random.randint(0, 99999)), " ".join(str(w.random.randint(0, 99)) for _ in range(3))))
    return w.pick(
        (
            "hello world",
            "i love you",
            "good morning",
            "yes",
            "no",
            "banana",
            "happy birthday",
            "never give up",
            "peace",
            "la la la",
            "ha ha ha",
            "one two three",
            "abracadabra",
            "i am a robot",
            "cheese",
        )
    )


def repeat(w: Writer) -> list[Exchange]:
    """Says what the user wants to hear, once, twice or three times, and perhaps something else after it."""
    out: list[Exchange] = []
    for number in range(w.pick((1, 1, 1, 2, 3))):
        p = said(w)
        quote = w.pick(("", "", "", "'", '"'))
        shown = quote + p + quote
        if w.chance(0.14):
            n = 2 if " " in p else w.pick((2, 2, 3, 3, 4))
            times = {2: "[twice|two times|2 times]", 3: "[three times|3 times]", 4: "[four times|4 times]"}[n]
            frames = ["say {p} " + times, "repeat {p} " + times, "write {p} " + times, times + ", say {p}"]
            out.append((w.user(within(w, COPYING, frames), p=shown), ", ".join([p] * n) + "."))
            continue
        asked = w.user(NOW, p=shown) if number else w.user(within(w, COPYING, REPEAT), p=shown)
        out.append((asked, p + "."))
    return out


def combined(w: Writer) -> list[Exchange]:
    """Says two things in an order that the user names, or one of them."""
    a, b = any_word(w), any_word(w)
    if a == b:
        return repeat(w)
    kind = w.random.randrange(4)
    if kind == 0:
        return [
            (
                w.user(
                    within(
                        w,
                        ASKED,
                        [
                            "say {a} and then {b}",
                            "say {a}, then {b}",
                            "first say {a}, then {b}",
                            "write {a} and after that {b}",
                        ],
                    ),
                    a=a,
                    b=b,
                ),
                f"{a}, {b}.",
            )
        ]
    if kind == 1:
        return [
            (
                w.user(
                    within(
                        w,
                        ASKED,
                        [
                            "say {a} and not {b}",
                            "say {a}, but not {b}",
                            "do not say {b}, say {a}",
                            "say {a} instead of {b}",
                        ],
                    ),
                    a=a,
                    b=b,
                ),
                f"{a}.",
            )
        ]
    if kind == 2:
        asks = [
            "swap these words: {a} {b}",
            "turn around the order: {a}, {b}",
            "change the order of {a} and {b}",
            "say {a} {b} in the other order",
        ]
        return [(w.user(within(w, ASKED, asks), a=a, b=b), f"{b}, {a}.")]
    asks = [
        "say a sentence with {a} and {b}",
        "put {a} and {b} together",
        "join {a} and {b} with and",
        "connect {a} and {b}",
    ]
    return [(w.user(within(w, ASKED, asks[1:]), a=a, b=b), f"{a} and {b}.")]


def somebody(w: Writer) -> tuple[str, str]:
    """Whom to greet, as the user says it and as the reply does: (my friend lena, lena), (mr brown, mr brown)."""
    drawn = w.random.random()
    if drawn < 0.3:
        name = w.name()
        return name, name
    if drawn < 0.55:
        role = w.pick(listing("named_people"))
        name = w.name()
        return w.text(["my {r} {n}", "my {r} {n}", "our {r} {n}", "{n}, my {r}"], r=role, n=name), name
    if drawn < 0.75:
        name = f"{w.pick(('mr', 'mrs', 'mr', 'mrs', 'doctor'))} {w.pick(listing('surnames'))}"
        role = w.pick(("teacher", "neighbor", "boss", "doctor", "guest", "coach"))
        return w.text(["{n}", "my {r} {n}", "our {r} {n}"], r=role, n=name), name
    if drawn < 0.83:
        to = w.pick(("everyone", "everybody", "all of you", "the world", "my family", "my class", "the team"))
        return to, re.sub(r"^my family", "dear family", re.sub(r"^my class|^the team", "everyone", to))
    to = w.pick(WHOM)
    return "my " + to, to


def greet(w: Writer) -> list[Exchange]:
    """Says hello, thanks or sorry to somebody."""
    what = w.common(OCCASIONS)
    whom, to = somebody(w)
    asks = [
        "say {o} to {t}",
        "say {o} to {t}",
        "say {o} to {t} [for me|from me|, who is here|, who is with me|, who sits next to me]",
        "tell {t} {o}",
        "[write|send|type] {o} to {t}",
    ]
    told = [
        "[{t} is here|{t} is with me|this is {t}|here is {t}|{t} just came in|{t} is listening|{t} wants to meet you]"
        "[.|, so|. please|. now] say {o}",
    ]
    if what in ("hello", "hi", "good morning", "good evening", "welcome") and w.chance(0.5):
        asks = [
            "greet {t}",
            "greet {t} [for me|from me|nicely|in a friendly way]",
            "[welcome|say something friendly to] {t}",
            "[give|write|send] {t} a [friendly|nice|warm|short|] greeting",
            "[write|say] a [friendly|nice|warm|short|] greeting [for|to] {t}",
            "[say something nice|be friendly|be polite] and greet {t}",
        ]
        told = ["[{t} is here|this is {t}|here comes {t}|meet {t}|{t} just came in][.|, so|. please] greet {t}"]
        what = "hello"
    elif what == "happy birthday" and w.chance(0.6):
        asks = [
            "wish {t} a happy birthday",
            "congratulate {t} on the birthday",
            "[write|say|send] a birthday [wish|greeting|message] [for|to] {t}",
        ]
        told = [
            "[it is the birthday of {t}|{t} has a birthday|{t} has a birthday today]"
            ". [say something|say something nice|what do you say]",
        ]
    elif what == "good luck" and w.chance(0.5):
        asks = ["wish {t} [good luck|luck|all the best]"]
        told = [
            "{t} needs luck. say something",
            "{t} has [a test|an exam|a game|a race] [today|tomorrow]. [say something|wish luck]",
        ]
    elif what == "good night" and w.chance(0.5):
        asks = ["wish {t} a good night"]
        told = ["{t} goes to bed. say good night", "{t} is tired and goes to bed. what do you say"]
    frames = PLAINLY if (apart := w.chance(0.2)) else ASKED
    end = w.pick(("", "", " nice to meet you.")) if what in ("hello", "hi") else ""
    return [(w.user(within(w, frames, told if apart else asks), o=what, t=whom), f"{what}, {to}!{end}")]


def capitals(w: Writer) -> list[Exchange]:
    """Capital letters, signs and pictures that it cannot write."""
    p = any_word(w) if w.chance(0.7) else sentence(w)
    asks = [
        "[write|say|type] {p} in [capital letters|capitals|upper case|uppercase|big letters|all caps]",
        "[write|say] {p} in [bold|italics|color]",
        "[make|turn] {p} [uppercase|into capital letters]",
    ]
    reply = ["i only write small letters: {p}.", "i can only write it in small letters: {p}."]
    asked = w.user(within(w, ASKED, asks), p=p)
    if "bold" in asked or "italics" in asked or " color" in asked:
        reply = ["i can only write plain letters: {p}."]
    return [(asked, w.text(reply, p=p))]


def some_words(w: Writer) -> list[Exchange]:
    """One word, a number of words, or a given word as the answer."""
    n = w.pick((1, 2, 3, 3, 4, 5))
    some = w.some(words(), n)
    asks = [
        "say {n} [random |]words",
        "give me {n} [random |]words",
        "write {n} words",
        "tell me {n} words",
        "i need {n} [random |]words",
    ]
    if n == 1:
        asks = [
            "say a [random |]word",
            "give me a [random |]word",
            "tell me any word",
            "say one word",
            "write any word",
        ]
    return [(w.user(within(w, ASKED, asks), n=w.pick((str(n), in_words(n)))), ", ".join(some) + ".")]


UNITS = {
    "repeat": (10, repeat),
    "combined": (2.5, combined),
    "greet": (7, greet),
    "capitals": (0.8, capitals),
    "words": (1, some_words),
}
AGAIN = {"words"}
