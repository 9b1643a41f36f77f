"""Small tasks with words: rows that repeat, vowels, the alphabet, wrong letters, sentences to correct."""

from __future__ import annotations

from .asking import QUESTION, Asking, within
from .core import Exchange, Writer, in_words, listed
from .vocabulary import ADJECTIVES, sentence, short_words
from .wishes import DEEDS as ASKED

COLORS = ("red", "blue", "green", "yellow", "white", "black", "pink")


KNOWN = frozenset(short_words(12))


def pattern(w: Writer) -> list[Exchange]:
    """The next of a row that repeats."""
    pool = w.pick(
        (COLORS, ("circle", "square", "star", "triangle"), ("cat", "dog", "bird"), ("a", "b", "c"), ADJECTIVES)
    )
    parts = w.some(pool, w.pick((2, 2, 3)))
    if w.chance(0.2):
        parts = [parts[0], parts[0], parts[1]]
    shown = (parts * 4)[: len(parts) * 2 + w.random.randrange(len(parts))]
    after = parts[len(shown) % len(parts)]
    asks = [
        "what comes next: {r}?",
        "{r}, ... what comes next?",
        "[continue|complete] the pattern: {r}, ...",
        "{r} and then?",
        "which word is next: {r}?",
        "{r}, ...",
    ]
    return [(w.user(asks, r=", ".join(shown)), f"{after} comes next.")]


def vowels(w: Writer) -> list[Exchange]:
    """The vowels of a word."""
    word = w.pick(short_words(7))
    found = [letter for letter in word if letter in "aeiou"]
    if not found:
        return pattern(w)
    if w.chance(0.5):
        asking = Asking(
            direct=["how many vowels does {s} have", "how many vowels are in {s}", "count the vowels in {s}"],
            clause=["how many vowels {s} has", "how many vowels are in {s}"],
            keys=["vowels in {s}", "count the vowels of {s}"],
        )
        number = in_words(len(found))
        reply = f"{'-'.join(word)}: {word} has {number} {'vowel' if len(found) == 1 else 'vowels'}, {listed(found)}."
        return [(asking.user(w, s=word), reply)]
    asks = ["what are the vowels [in|of] {s}", "which vowels does {s} have", "which letters of {s} are vowels"]
    kind = "vowel" if len(found) == 1 else "vowels"
    are = "is" if len(found) == 1 else "are"
    return [(w.user(within(w, QUESTION, asks), s=word), f"the {kind} of {word} {are} {listed(found)}.")]


def first_in_alphabet(w: Writer) -> list[Exchange]:
    """Which of two letters or words comes first in the alphabet."""
    last = w.chance(0.25)
    if w.chance(0.5):
        row = w.some("abcdefghijklmnopqrstuvwxyz", 2)
    else:
        row = [
            w.pick([word for word in short_words(7) if word[0] == letter]) for letter in w.some("abcdefghlmnoprstw", 2)
        ]
    asks = [
        "[which|what] comes {k} in the alphabet, {x} or {y}",
        "[which|what] is {k} in the alphabet, {x} or {y}",
        "does {x} or {y} come {k} in the alphabet",
        "{x} or {y}: which comes {k} in the alphabet",
    ]
    where = "last" if last else "first"
    found = max(row) if last else min(row)
    asked = w.user(within(w, QUESTION, asks), x=row[0], y=row[1], k=where)
    return [(asked, f"{found} comes {where} in the alphabet.")]


def misspelled(w: Writer, word: str) -> str:
    """The word with two letters swapped, one lost, or one doubled; never a word itself."""
    while True:
        at = w.random.randrange(1, len(word) - 1)
        wrong = w.pick(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
        if wrong != word and wrong not in KNOWN:
            return wrong


def spelled_right(w: Writer) -> list[Exchange]:
    """Whether a word is spelled right."""
    word = w.pick([found for found in short_words(9) if len(found) > 4])
    right = w.chance(0.45)
    shown = word if right else misspelled(w, word)
    asks = [
        "is {s} spelled right",
        "is {s} spelled correctly",
        "is {s} right",
        "did i spell {s} right",
        "is this how you spell it: {s}",
    ]
    reply = f"yes, {word} is spelled {'-'.join(word)}." if right else f"no, it is spelled {'-'.join(word)}: {word}."
    return [(w.user(within(w, QUESTION, asks), s=shown), reply)]


def corrected(w: Writer) -> list[Exchange]:
    """A sentence without its mistake."""
    right = sentence(w)
    words = right.split(" ")
    long = [place for place, word in enumerate(words) if len(word) > 4 and word in KNOWN]
    if not long:
        return spelled_right(w)
    place = w.pick(long)
    words[place] = misspelled(w, words[place])
    asks = [
        "correct this: {s}",
        "correct my spelling: {s}",
        "correct the mistake: {s}",
        "fix the spelling: {s}",
        "[find and |]fix the mistake in this sentence: {s}",
        "write this without the mistake: {s}",
        "correct the sentence: {s}",
        "repair this sentence: {s}",
    ]
    return [(w.user(within(w, ASKED[:5], asks), s=" ".join(words)), right + ".")]


def count_in(w: Writer) -> list[Exchange]:
    """How often a word stands in a row."""
    a, b = w.some(short_words(6), 2)
    n = w.random.randint(1, 4)
    row = [a] * n + [b] * w.random.randint(1, 3)
    w.random.shuffle(row)
    asks = ["how often do i say {a} here: {r}?", "how many times is {a} in this row: {r}?", "count the word {a}: {r}."]
    times = {1: "once", 2: "twice"}.get(n, f"{in_words(n)} times")
    return [(w.user(asks, a=a, r=", ".join(row)), f"{a} is there {times}.")]


UNITS = {
    "pattern": (1.5, pattern),
    "vowels": (1, vowels),
    "first in alphabet": (1, first_in_alphabet),
    "spelled right": (1, spelled_right),
    "corrected": (1.5, corrected),
    "count in": (0.6, count_in),
}
