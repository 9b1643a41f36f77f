"""The writer of the curriculum: spintax, slots, names, and how people type.

A template is text with [one|another|] of several alternatives, which may be nested, and {slots}; {a:slot} puts a or an
before it. All chance comes from the writer's own generator, so a seed gives the same text every time.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

Exchange = tuple[str, str]  # what the user says, what i3-mini replies
Part = Any  # of a template: text, a slot as (name, with an article), or a list of alternatives, each a list of parts
T = TypeVar("T")

TABLES = Path(__file__).parent / "tables"
MOST_TEMPLATES = 20_000  # kept ready; frames that are built at run time may not fill the memory

_MARK = re.compile(r"[\[\]|]|\{(a:)?(\w+)\}")
_SPACES = re.compile(r" +(?=[ .,?!\n])|(?<=\n) +")
_A_BEFORE_VOWEL = re.compile(r"(one|uni(?!n|m)|use|usu|uten|eu|ukulele|ufo)")
_AN = re.compile(r"([aeiou]|hour|honest|heir|8|1[18](?!\d))")
_SLOT_EDGE = "\x01"  # around what fills a slot in a user's turn: no typo falls there

CONTRACTIONS = {
    "what is": "what's", "i am": "i'm", "do not": "don't", "does not": "doesn't", "can not": "can't", "cannot": "can't",
    "it is": "it's", "that is": "that's", "who is": "who's", "where is": "where's", "i have got": "i've got",
    "did not": "didn't", "is not": "isn't", "you are": "you're", "i will": "i'll", "let us": "let's", "i would": "i'd",
    "how is": "how's", "are not": "aren't", "was not": "wasn't", "will not": "won't", "there is": "there's",
    "want to": "wanna", "she is": "she's", "he is": "he's", "we are": "we're",
    "they are": "they're", "when is": "when's", "could not": "couldn't", "should not": "shouldn't",
}  # fmt: skip
SHORT = {"you": "u", "are": "r", "please": "pls", "your": "ur", "thanks": "thx", "because": "cuz", "okay": "ok"}
OPENERS = ("hey, ", "so, ", "ok, ", "well, ", "hm, ", "um, ", "oh, ", "hey i3-mini, ", "alright, ", "hi, ", "listen, ")
QUESTION_OPENERS = (
    "quick question: ", "question: ", "hey, ", "so, ", "i have a question. ", "one question: ", "just wondering, ",
    "tell me, ", "sorry, ", "by the way, ", "ok, ", "hey i3-mini, ", "excuse me, ", "um, ", "i3-mini, ", "hm, ",
)  # fmt: skip
QUESTION_ENDINGS = (" please", ", please?", ", please", ", do you know?", ", hm?", ", any idea?", " pls")
GREETINGS = ("hi", "hello", "hey", "good ", "ok", "so ", "well", "and ", "but ", "sorry", "please", "no", "yes", "um")

_CONTRACTED = re.compile(r"\b(" + "|".join(CONTRACTIONS) + r")\b(?!$)")
_SHORTENED = re.compile(r"\b(" + "|".join(SHORT) + r")\b")

ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]  # fmt: skip
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def article(word: str) -> str:
    """The word with a or an before it."""
    an = _AN.match(word) and not _A_BEFORE_VOWEL.match(word)
    return ("an " if an else "a ") + word


def in_words(number: int) -> str:
    """A number from 0 to 999 in words; larger ones as digits."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + ("-" + ONES[number % 10] if number % 10 else "")
    if number < 1000:
        rest = " and " + in_words(number % 100) if number % 100 else ""
        return ONES[number // 100] + " hundred" + rest
    return str(number)


def listed(items: Sequence[str], last: str = "and") -> str:
    """The items with commas, and `last` before the last one: a, b and c."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}"


@cache
def read_table(name: str) -> Any:
    """A file of tables/: NAME.toml as a dict, or NAME.txt as a list of its lines without comments. Do not modify it."""
    toml, text = TABLES / f"{name}.toml", TABLES / f"{name}.txt"
    if toml.exists() and text.exists():
        raise ValueError(f"Two tables have the name {name}: {toml.name} and {text.name}. Rename one of them.")
    if toml.exists():
        return tomllib.loads(toml.read_text(encoding="utf-8"))
    lines = (line.strip() for line in text.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@cache
def held_out() -> frozenset[str]:
    """Single words of the table of what never occurs in the curriculum, so that recall can be measured on it."""
    return frozenset(word for words in read_table("held_out").values() for word in words)


def parse(template: str) -> list[Part]:
    """The parts of a template. Raises ValueError for brackets that do not match or a stray mark."""
    stack: list[list[list[Part]]] = [[[]]]
    end = 0
    for mark in _MARK.finditer(template):
        if mark.start() > end:
            stack[-1][-1].append(template[end : mark.start()])
        end = mark.end()
        if mark[2]:
            stack[-1][-1].append((mark[2], bool(mark[1])))
        elif mark[0] == "[":
            stack.append([[]])
        elif len(stack) == 1:
            raise ValueError(f"A stray {mark[0]!r} in the template {template!r}.")
        elif mark[0] == "|":
            stack[-1].append([])
        else:
            alternatives = stack.pop()
            stack[-1][-1].append(alternatives)
    if len(stack) > 1:
        raise ValueError(f"A bracket is not closed in the template {template!r}.")
    parts = stack[0][0]
    parts.append(template[end:])
    if re.search(r"[{}]", _MARK.sub("", template)):
        raise ValueError(f"A stray brace in the template {template!r}.")
    return parts


def phrasings(template: str | Iterable[str]) -> int:
    """How many texts a template, or all of several, can give, slots aside."""

    def count(parts: list[Part]) -> int:
        number = 1
        for part in parts:
            if isinstance(part, list):
                number *= sum(map(count, part))
        return number

    return count(parse(template)) if isinstance(template, str) else sum(map(phrasings, template))


class Writer:
    """Writes text by chance; the same seed writes the same.

    Attributes:
        random: the only source of chance.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._chance = self.random.random
        self._templates: dict[str, list[Part]] = {}

    def pick(self, items: Sequence[T]) -> T:
        """One of a sequence."""
        return items[int(self._chance() * len(items))]

    def common(self, items: Sequence[T]) -> T:
        """One of the items, the first ones far more often: tables begin with what people ask about most."""
        return items[int(len(items) * self.random.random() ** 1.5)]

    def several(self, items: Sequence[T], n: int) -> list[T]:
        """`n` different ones, the first ones of the items more often."""
        found: list[T] = []
        while len(found) < n:
            item = items[int(len(items) * self.random.random() ** 2)]
            if item not in found:
                found.append(item)
        return found

    def chance(self, share: float) -> bool:
        """True in this share of calls."""
        return self._chance() < share

    def some(self, items: Iterable[T], n: int) -> list[T]:
        """`n` different ones, in any order."""
        return self.random.sample(items if isinstance(items, Sequence) else list(items), n)

    def table(self, name: str) -> Any:
        """See `read_table`."""
        return read_table(name)

    def text(self, template: str | Sequence[str], /, **slots: object) -> str:
        """Expands a template, or one of several."""
        out: list[str] = []
        self._expand(self._parsed(template), slots, out, "")
        return _SPACES.sub("", "".join(out)).strip()

    def user(self, template: str | Sequence[str], /, **slots: object) -> str:
        """Expands a template as people type: see the steps of `_typed`. What fills a slot stays as it is."""
        out: list[str] = []
        self._expand(self._parsed(template), slots, out, _SLOT_EDGE)
        return self._typed(_SPACES.sub("", "".join(out)).strip())

    def name(self, kind: str = "") -> str:
        """A first name: of kind "female" or "male", or any, which is an invented one in two of five."""
        if not kind and self.chance(0.4):
            return self.invented()
        return self.pick(read_table("names")[kind or ("female" if self.chance(0.5) else "male")])

    def invented(self) -> str:
        """A name or word of 3 to 11 letters that nobody has, so that it must be copied and cannot be known."""
        sounds = read_table("names")["sounds"]
        while True:
            shape = self.pick(sounds["shapes"])
            word = "".join(self.pick(sounds[kind]) for kind in shape.split("-"))
            if self.chance(0.3):
                word += self.pick(sounds["endings"])
            if 3 <= len(word) <= 11 and word not in held_out() and not any(bad in word for bad in sounds["unwanted"]):
                return word

    def _parsed(self, template: str | Sequence[str]) -> list[Part]:
        if not isinstance(template, str):
            template = self.pick(template)
        parts = self._templates.get(template)
        if parts is None:
            if len(self._templates) >= MOST_TEMPLATES:
                self._templates.clear()
            parts = self._templates[template] = parse(template)
        return parts

    def _expand(self, parts: list[Part], slots: dict[str, object], out: list[str], edge: str) -> None:
        for part in parts:
            if type(part) is str:
                out.append(part)
            elif type(part) is list:
                self._expand(part[int(self._chance() * len(part))], slots, out, edge)
            else:
                name, with_article = part
                value = str(slots[name])
                out.append(edge + (article(value) if with_article else value) + edge)

    def _typed(self, text: str) -> str:
        chance = self._chance
        pieces = text.split(_SLOT_EDGE)  # those at odd places fill slots
        words = range(0, len(pieces), 2)
        if chance() < 0.1:
            pieces = self._around(pieces)
        if chance() < 0.5:
            for i in words:
                pieces[i] = _CONTRACTED.sub(self._contracted, pieces[i])
        if chance() < 0.25:
            for i in words:
                pieces[i] = pieces[i].replace("'", "")
        if chance() < 0.12:
            for i in words:
                pieces[i] = pieces[i].replace(",", "")
        if chance() < 0.06:
            for i in words:
                pieces[i] = _SHORTENED.sub(lambda found: SHORT[found[0]] if chance() < 0.8 else found[0], pieces[i])
        if chance() < 0.08:
            self._misspell(pieces)
        drawn = chance()
        if drawn < 0.45:
            pieces[-1] = pieces[-1].rstrip(".?!") or pieces[-1]
        elif drawn < 0.5 and pieces[-1][-1:] in (".", "?", "!"):
            ends = ("??", "?!", "???", " ?", "..") if pieces[-1][-1] == "?" else ("!", "!!", "..", "...", " .")
            pieces[-1] = pieces[-1].rstrip(".?!") + self.pick(ends)
        text = "".join(pieces).strip() or "ok"
        drawn = chance()
        if drawn < 0.45:
            return text[0].upper() + text[1:]
        return text.upper() if drawn < 0.465 else text

    def _around(self, pieces: list[str]) -> list[str]:
        """A few words before or after a sentence."""
        first, last = pieces[0], pieces[-1]
        if len(first) + len(last) < 10 or first.startswith(GREETINGS) or "\n" in first:
            return pieces
        question = last.endswith("?")
        if question and self.chance(0.25):
            return [*pieces[:-1], last[:-1] + self.pick(QUESTION_ENDINGS)]
        return [self.pick(QUESTION_OPENERS if question else OPENERS) + first, *pieces[1:]]

    def _contracted(self, found: re.Match[str]) -> str:
        return CONTRACTIONS[found[0]] if self._chance() < 0.75 else found[0]

    def _misspell(self, pieces: list[str]) -> None:
        """One word with two letters swapped, one lost, doubled or wrong."""
        place = self.random.randrange(0, len(pieces), 2)
        words = pieces[place].split(" ")
        long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
        if not long:
            return
        i = self.pick(long)
        word = words[i]
        at = self.random.randrange(1, len(word) - 1)
        changed = (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + self.pick("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :],
        )
        words[i] = self.pick(changed)
        pieces[place] = " ".join(words)


Unit = Callable[[Writer], list[Exchange]]
