"""Saying what is asked for: repeat, say, greet somebody, some words, capital letters that it does not have."""

from __future__ import annotations

from .asking import within
from .core import Exchange, Writer, in_words
from .vocabulary import any_word, sentence, words
from .words import listing

ASKED = (
    "{}.",
    "{}.",
    "{}",
    "[please|now please|just|now|ok, now|hey,|i want you to|you should|kindly] {}.",
    "[can|could|would|will] you [please|] {}?",
    "{}, please.",
)
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
    "[please|now please|just|now|ok, now|hey,|i want you to|you should|kindly] {}.",
    "[can|could|would|will] you [please|] {}?",
)
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


def greet(w: Writer) -> list[Exchange]:
    """Says hello, thanks or sorry to somebody."""
    what = w.pick(OCCASIONS)
    if w.chance(0.65):
        whom = to = w.name()
    elif w.chance(0.2):
        whom = to = w.pick(("everyone", "the world", "all of you", "everybody"))
    else:
        to = w.pick(WHOM)
        whom = "my " + to
    asks = [
        "say {o} to {t}",
        "tell {t} {o}",
        "say {o} to {t} for me",
        "say {o} to {t} from me",
        "{t} is here. say {o}",
        "write {o} to {t}",
        "give {t} a {o}" if what in ("hello", "goodbye") else "say {o}, {t} is listening",
        "this is {t}. say {o}",
        "say {o} and the name {t}" if whom == to else "say {o} to {t}, who is with me",
    ]
    if what in ("hello", "hi", "good morning", "good evening", "welcome") and w.chance(0.35):
        asks = [
            "greet {t}",
            "greet {t} for me",
            "welcome {t}",
            "[say something nice|be friendly] to greet {t}",
            "give {t} a greeting",
        ]
        what = "hello"
    if what == "happy birthday" and w.chance(0.5):
        asks = [
            "wish {t} a happy birthday",
            "it is the birthday of {t}. say something",
            "congratulate {t} on the birthday",
        ]
    if what == "good luck" and w.chance(0.5):
        asks = ["wish {t} good luck", "{t} needs luck. say something"]
    end = w.pick(("", "", " nice to meet you.")) if what in ("hello", "hi") else ""
    return [(w.user(within(w, ASKED, asks), o=what, t=whom), f"{what}, {to}!{end}")]


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


def yes_no_word(w: Writer) -> list[Exchange]:
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
    "greet": (5, greet),
    "capitals": (0.8, capitals),
    "words": (1, yes_no_word),
}
AGAIN = {"words"}
