"""Facts about words: opposites, rhymes, synonyms, plurals, past forms, degrees, and words in other languages."""

from __future__ import annotations

from .asking import NEXT, QUESTION, Asking, Relation, checked, within
from .core import Exchange, Writer, read_table
from .words import pairs

WORDS = read_table("words")
QUOTED = ("{}", "{}", "the word {}", "'{}'", '"{}"')


def both_ways(name: str) -> list[tuple[str, str]]:
    """Pairs in both directions; of several answers for a word the first is kept."""
    listed = [(a, b) for a, b in pairs(WORDS[name])]
    forward = dict(reversed(listed))
    found: dict[str, str] = {}
    for a, b in listed:
        found.setdefault(a, forward[a])
        found.setdefault(b, forward.get(b, a))
    return list(found.items())


def one_way(name: str) -> list[tuple[str, str]]:
    """The first two words of every group."""
    return list({group[0]: group[1] for group in pairs(WORDS[name])}.items())


def rhyming() -> dict[str, list[str]]:
    """Words and all that rhyme with them."""
    found: dict[str, list[str]] = {}
    for group in pairs(WORDS["rhymes"]):
        for word in group:
            found.setdefault(word, []).extend(other for other in group if other != word)
    return found


RHYMES = rhyming()
OPPOSITE = Relation(
    [pair for pair in both_ways("opposites") if pair[0] != "early"],  # the evaluation asks it in these very words
    ["the opposite of {s} is {o}."],
    Asking(
        direct=[
            "[what|which word] is the opposite [of|to] [|the word ]{s}",
            "what is the contrary of {s}",
            "[which|what] word means the opposite of {s}",
            "{s} is the opposite of what",
            "what do you call the opposite of {s}",
            "if something is not {s} but the opposite, what is it",
            "[the opposite of {s}|opposite of the word {s}] is [what|which word]",
            "what is [not {s} but the opposite|the other side of {s}|the exact opposite of {s}]",
            "which word is [exactly |]the other way round to {s}",
            "if i do not mean {s} but its opposite, what do i say",
        ],
        clause=["what the opposite of {s} is", "which word is the opposite of {s}", "what means the opposite of {s}"],
        noun=["the opposite of [|the word ]{s}", "the contrary of {s}", "a word that means the opposite of {s}"],
        keys=[
            "opposite of {s}",
            "{s} opposite",
            "opposite {s}",
            "antonym of {s}",
            "{s} antonym",
            "{s}, the opposite",
            "{s} and its opposite",
            "[find|say|think of] the opposite of {s}",
        ],
    ),
    question=["is {o} the opposite of {s}", "is the opposite of {s} {o}"],
    claim=["the opposite of {s} is {o}", "{o} is the opposite of {s}"],
    either=["is the opposite of {s} {x} or {y}", "{x} or {y}, which is the opposite of {s}"],
    gap=["the opposite of {s} is", "not {s}, but"],
    known=120,
)
RHYME = Relation(
    [(word, other) for word, others in RHYMES.items() for other in others],
    ["{o} rhymes with {s}."],
    Asking(
        direct=[
            "[what|which word] rhymes with {s}",
            "what is a [good |]rhyme for {s}",
            "[which|what] word sounds like {s} at the end",
            "[what can i rhyme with|what could rhyme with] {s}",
            "can you [find|think of|make] a rhyme for {s}",
            "do you know a rhyme for {s}",
            "{s} rhymes with [what|which word|what word]",
            "[which|what] words rhyme with {s}",
            "[which|what] word ends like {s}",
            "[with|on] what does {s} rhyme",
            "[which|what] word [makes|would make|gives] a rhyme with {s}",
            "i need a word that rhymes with {s}, [what fits|any ideas|can you help]",
        ],
        clause=["what rhymes with {s}", "which word rhymes with {s}"],
        noun=[
            "[a|any|one] [word that rhymes with|rhyme for|word rhyming with|rhyme with|word to rhyme with] {s}",
            "something that rhymes with {s}",
        ],
        keys=[
            "rhyme {s}",
            "{s} rhyme",
            "rhyme for {s}",
            "{s} rhymes with",
            "[find|think of|suggest|come up with|give me|name] [a rhyme for|a word that rhymes with|something to "
            "rhyme with] {s}",
            "rhyme [something|a word] with {s}",
            "rhymes with {s}",
        ],
    ),
    question=["does {o} rhyme with {s}", "do {s} and {o} rhyme"],
    claim=["{o} rhymes with {s}", "{s} and {o} rhyme"],
    either=["does {x} or {y} rhyme with {s}", "what rhymes with {s}, {x} or {y}"],
    gap=["{s} rhymes with"],
)
SYNONYM = Relation(
    one_way("synonyms"),
    ["another word for {s} is {o}."],
    Asking(
        direct=[
            "what is another word for {s}",
            "what is a synonym [for|of] {s}",
            "[which|what] word means the same as {s}",
            "how else can i say {s}",
            "what can i say instead of {s}",
            "what is a different word for {s}",
        ],
        clause=["what means the same as {s}", "how else to say {s}", "which word means the same as {s}"],
        noun=["another word for {s}", "a synonym [for|of] {s}", "a word like {s}", "a different word for {s}"],
        keys=["synonym {s}", "{s} synonym", "synonym for {s}", "other word for {s}"],
    ),
    question=["does {o} mean the same as {s}", "is {o} another word for {s}"],
    claim=["{o} means the same as {s}", "{o} is another word for {s}"],
    either=["does {x} or {y} mean the same as {s}"],
    gap=["another word for {s} is", "{s} means the same as"],
)
PLURAL = Relation(
    one_way("plurals"),
    ["the plural of {s} is {o}."],
    Asking(
        direct=[
            "what is the plural [of|form of|for] {s}",
            "what do you say for more than one {s}",
            "one {s}, two what",
            "one {s}, many what",
            "how do you [say|write] more than one {s}",
            "what are two of {s} called",
        ],
        clause=["what the plural of {s} is", "how to say more than one {s}", "how the plural of {s} goes"],
        noun=["the plural [of|form of] {s}", "the word for more than one {s}"],
        keys=["plural of {s}", "{s} plural", "plural {s}"],
    ),
    question=["is {o} the plural of {s}", "is the plural of {s} {o}"],
    claim=["the plural of {s} is {o}"],
    either=["is the plural of {s} {x} or {y}"],
    gap=["the plural of {s} is", "one {s}, two"],
    reverse=Asking(
        direct=["what is the singular of {o}", "what is one of {o} called", "what do you call one of the {o}"],
        noun=["the singular of {o}"],
        keys=["singular of {o}", "{o} singular"],
    ),
    back=["the singular of {o} is {s}."],
    wrong=lambda w, s, o: w.pick([s + "en", s + "ies", s + "i"] + ([s + "s"] if o != s + "s" else [s + "es"])),
    known=60,
)
PAST = Relation(
    one_way("pasts"),
    ["the past of {s} is {o}."],
    Asking(
        direct=[
            "what is the past [of|tense of|form of] {s}",
            "today i {s}, and yesterday i what",
            "how do you say {s} in the past",
            "what is {s} in the past[| tense]",
            "what is the past of the verb {s}",
            "how do you put {s} in the past",
        ],
        clause=["what the past of {s} is", "how to say {s} in the past"],
        noun=["the past [of|tense of|form of] {s}"],
        keys=["past of {s}", "{s} past", "past tense {s}", "{s} past tense"],
    ),
    question=["is {o} the past of {s}", "is the past of {s} {o}"],
    claim=["the past of {s} is {o}"],
    either=["is the past of {s} {x} or {y}"],
    gap=["the past of {s} is", "today i {s}, yesterday i"],
    wrong=lambda w, s, o: w.pick(
        [s + "en", s + "eded", s + "t"] + ([s + "ed"] if o not in (s + "ed", s + "d") else [])
    ),
    known=60,
)
DEGREES = pairs(WORDS["degrees"])
LANGUAGES = WORDS["translations"]["languages"]
TRANSLATED = {word: text.split(", ") for word, text in WORDS["translations"].items() if word != "languages"}


def degree(w: Writer) -> list[Exchange]:
    """Big, bigger, the biggest."""
    word, more, most = w.pick(DEGREES)
    kind = w.random.randrange(4)
    if kind == 0:
        asks = [
            "what is the comparative of {s}",
            "what is more than {s}",
            "{s}, and then what",
            "how do you say more {s}",
        ]
        return [(w.user(within(w, QUESTION, asks), s=word), f"{word}, {more}.")]
    if kind == 1:
        asks = ["what is the superlative of {s}", "what is the highest form of {s}", "{s}, {m}, and then what"]
        return [(w.user(within(w, QUESTION, asks), s=word, m=more), f"{word}, {more}, the {most}.")]
    asks = ["{s}, {m}, ...", "finish the row: {s}, {m}, ...", "{s}, {m}, and?", "what comes after {s}, {m}?"]
    return [(w.user(asks, s=word, m=more), f"{word}, {more}, the {most}.")]


SAY_IN = Asking(
    direct=[
        "how do [i|we|people|they] say {s} in {l}",
        "what is {s} in {l}",
        "what is the {l} word for {s}",
        "how does one say {s} in {l}",
        "what do [you|people] say for {s} in {l}",
        "[can|could] you [translate {s} into|translate {s} to|say {s} in] {l}",
        "what does {s} mean in {l}",
        "how would you say {s} in {l}",
    ],
    clause=["how to say {s} in {l}", "what {s} is in {l}", "what the {l} word for {s} is", "how you say {s} in {l}"],
    noun=["the {l} word for {s}", "{s} in {l}", "the {l} for {s}"],
    keys=["{s} in {l}", "{l} {s}", "translate {s} {l}", "{s} {l}", "translate: {s} to {l}"],
)
COMMANDS = (
    "[say|translate|please say|please translate] {s} in {l}.",
    "translate {s} [to|into] {l}.",
    "in {l}, say {s}.",
)


def say_in(w: Writer) -> list[Exchange]:
    """A word in another language, and perhaps in one more, or another word in it."""
    word, number = w.pick(list(TRANSLATED)), w.random.randrange(8)
    if w.chance(0.5):
        number %= 4
    said = w.pick(QUOTED).format(word) if w.chance(0.3) else word
    language = LANGUAGES[number]
    asked = w.user(COMMANDS, s=said, l=language) if w.chance(0.2) else SAY_IN.user(w, s=said, l=language)
    out = [(asked, f"{word} in {language} is {TRANSLATED[word][number]}.")]
    if w.chance(0.3):
        number = w.pick([n for n in range(6) if n != number])
        language = LANGUAGES[number]
        out.append(
            (w.user(within(w, NEXT, "in {l}"), l=language), f"{word} in {language} is {TRANSLATED[word][number]}.")
        )
    elif w.chance(0.3):
        word = w.pick([other for other in TRANSLATED if other != word])
        out.append((w.user(within(w, NEXT, "{s}"), s=word), f"{word} in {language} is {TRANSLATED[word][number]}."))
    return out


def what_language(w: Writer) -> list[Exchange]:
    """The meaning of a foreign word, or whether it is right."""
    word, number = w.pick(list(TRANSLATED)), w.random.randrange(4)
    language, foreign = LANGUAGES[number], TRANSLATED[word][number]
    truth = f"{word} in {language} is {foreign}."
    if w.chance(0.4):
        right = w.chance(0.5)
        says = foreign if right else w.pick([t[number] for other, t in TRANSLATED.items() if t[number] != foreign])
        return [
            checked(w, right, ["does {f} mean {s} in {l}"], ["{s} in {l} is {f}"], truth, s=word, l=language, f=says)
        ]
    if w.chance(0.3):
        asks = [
            "say something in {l}.",
            "[say|tell me|teach me] a word in {l}.",
            "do you know a {l} word?",
            "say [a|any] {l} word.",
        ]
        return [(w.user(asks, l=language), f"{foreign} is {language} and means {word}.")]
    asks = ["what does {f} mean in english", "what does the {l} word {f} mean", "what is {f} in english, it is {l}"]
    means = next(known for known, t in TRANSLATED.items() if t[number] == foreign)
    return [(w.user(within(w, QUESTION, asks), f=foreign, l=language), f"{foreign} is {language} and means {means}.")]


UNITS = {
    "opposite": (6, OPPOSITE),
    "rhyme": (3, RHYME),
    "synonym": (1.5, SYNONYM),
    "plural": (2, PLURAL),
    "past": (2, PAST),
    "degree": (0.7, degree),
    "say in": (4, say_in),
    "what language": (1, what_language),
}
