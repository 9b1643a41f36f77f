"""Letters and words: spelling, first and last letters, counting and turning letters, the alphabet, sorting."""

from __future__ import annotations

from .asking import QUESTION, Asking, checked, within
from .core import Exchange, Writer, listed
from .vocabulary import short_words, words
from .wishes import DEEDS as ASKED

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
ORDINALS = ("first", "second", "third", "fourth", "fifth")


def spelled(word: str) -> str:
    """h-a-t."""
    return "-".join(word)


def a_word(w: Writer, longest: int = 9) -> str:
    """A word of three letters or more, sometimes an invented one or a name."""
    drawn = w.random.random()
    word = w.pick(short_words(longest)) if drawn < 0.75 else w.invented() if drawn < 0.88 else w.name()
    return word if len(word) <= longest and word.isalpha() and word.isascii() else w.pick(short_words(longest))


SPELL = Asking(
    direct=[
        "how do you spell {s}",
        "how [do|would|can] [i|you|we|people] [spell|write] [the word |]{s}",
        "[what|which] letters [make|are in|make up] the word {s}",
        "the word {s} [is spelled how|is written how|has which letters]",
        "[what is|can you give me] the [correct|right] spelling of {s}",
        "how is {s} spelled",
        "how do i write {s}",
        "what are the letters of {s}",
        "can you spell {s}",
        "how is the word {s} written",
    ],
    clause=["how to spell {s}", "how {s} is spelled", "how you spell {s}"],
    noun=["the spelling of {s}", "the letters of {s}"],
    keys=[
        "spell {s}",
        "spell the word {s}",
        "spelling of {s}",
        "spell {s} for me",
        "[please |now |just |]spell [the word |the name |]{s}[, please| please| letter by letter| slowly|, letter for "
        "letter|]",
        "[can|could|will|would] you [please |]spell [the word |the name |]{s}[ for me| please|]",
        "i [need|want|would like] [to know how to spell|to spell|the spelling of|the letters of] {s}",
        "say {s} letter by letter",
        "{s}, letter by letter",
        "letters of {s}",
    ],
)


def spell(w: Writer) -> list[Exchange]:
    """Spells one or two words."""
    out = []
    for number in range(w.pick((1, 1, 2))):
        word = a_word(w, 11)
        asked = (
            w.user(["and {s}?", "now {s}", "[and|now] spell {s}", "what about {s}?", "{s}?"], s=word)
            if number
            else SPELL.user(w, s=word)
        )
        out.append((asked, f"{word} is spelled {spelled(word)}."))
    return out


def unspell(w: Writer) -> list[Exchange]:
    """The word that letters make."""
    word = a_word(w, 8)
    letters = w.pick(("-", " ", ", ")).join(word)
    asks = [
        "what word is {l}",
        "which word do the letters {l} make",
        "{l} makes which word",
        "{l}: what is the word",
        "what does {l} spell",
    ]
    return [(w.user(within(w, QUESTION, asks), l=letters), f"{spelled(word)} makes {word}.")]


def letter_of(w: Writer) -> list[Exchange]:
    """First, last, second letter."""
    word = a_word(w, 10)
    out = []
    drawn = w.some(("first", "last", "first", "last", "second", "third"), 6)
    kinds = list(dict.fromkeys(drawn))[: w.pick((1, 1, 2))]
    for number, kind in enumerate(kinds):
        letter = word[-1] if kind == "last" else word[ORDINALS.index(kind)]
        reply = f"the {kind} letter of {word} is {letter}."
        if number:
            out.append(
                (
                    w.user(["and the {k} [letter|one|]?", "and the {k} letter?", "what about the {k} one?"], k=kind),
                    reply,
                )
            )
            continue
        if w.chance(0.15):
            right = w.chance(0.5)
            says = letter if right else w.pick([other for other in ALPHABET if other != letter])
            out.append(
                checked(
                    w,
                    right,
                    [
                        "is {o} the {k} letter of {s}",
                        "does {s} [start|begin] with {o}" if kind == "first" else "is the {k} letter of {s} {o}",
                    ],
                    ["the {k} letter of {s} is {o}"],
                    reply,
                    s=word,
                    o=says,
                    k=kind,
                )
            )
            continue
        direct = [
            "what is the {k} letter [of|in] [the word |]{s}",
            "[which|what] letter [is|comes] {k} in {s}",
            "{s}: what is the {k} letter",
            "[which|what] is the {k} letter if you [write|spell] {s}",
            "{s} has [which|what] letter [as its {k} one|in {k} place]",
            "the word {s} has what {k} letter",
            "the {k} letter of {s} is [what|which one|which]",
            "[which|what] letter do you write {k} in {s}",
        ]
        if kind in ("first", "last"):
            verb, place = ("[start|begin]", "beginning") if kind == "first" else ("end", "end")
            direct += [
                f"[what|which] letter does [the word |]{{s}} {verb} with",
                f"with [what|which] letter does [the word |]{{s}} {verb}",
                f"[the word |]{{s}} {verb.replace(']', ']s') if kind == 'first' else 'ends'} [with|in] what letter",
                f"the word {{s}} {verb.replace(']', ']s') if kind == 'first' else 'ends'} with which letter",
                f"[which|what] letter [is|stands|comes] at the {place} of {{s}}",
                f"at the {place} of {{s}} [is|stands|comes] [which|what] letter",
                f"how does {{s}} {verb}, with [which|what] letter",
            ]
        asking = Asking(
            direct,
            ["what the {k} letter of {s} is", "which letter [is|comes] {k} in {s}", "the {k} letter of {s}"],
            ["the {k} letter [of|in] {s}"],
            ["{k} letter {s}", "{k} letter of {s}", "{s} {k} letter", "{s}, {k} letter", "{s}: {k} letter"],
        )
        out.append((asking.user(w, s=word, k=kind), reply))
    return out


def length(w: Writer) -> list[Exchange]:
    """How many letters; whether a letter is in a word; which word is longer."""
    word = a_word(w, 10)
    drawn = w.random.random()
    if drawn < 0.6:
        asking = Asking(
            [
                "how many letters does {s} have",
                "how many letters are in [the word |]{s}",
                "how long is the word {s}",
                "{s} has how many letters",
                "count the letters in {s}",
                "of how many letters is {s} made",
            ],
            ["how many letters {s} has", "how many letters are in {s}"],
            ["the number of letters in {s}"],
            ["letters in {s}", "{s} how many letters", "count the letters of {s}"],
        )
        return [(asking.user(w, s=word), f"{spelled(word)}: {word} has {len(word)} letters.")]
    if drawn < 0.8:
        letter = w.pick(word) if w.chance(0.5) else w.pick(ALPHABET)
        right = letter in word
        truth = (
            f"{spelled(word)} has {'an' if letter in 'aefhilmnorsx' else 'a'} {letter}."
            if right
            else f"{spelled(word)} has no {letter}."
        )
        return [
            checked(
                w,
                right,
                ["is there {a:o} in {s}", "does {s} have {a:o}", "is the letter {o} in {s}"],
                ["{s} has the letter {o}"],
                truth,
                s=word,
                o=letter,
            )
        ]
    other = a_word(w, 10)
    if len(other) == len(word):
        return spell(w)
    long, short = sorted((word, other), key=len, reverse=True)
    up = w.chance(0.65)
    asks = ["which word is {k}, {x} or {y}", "is {x} or {y} the {k} word", "which has {m} letters, {x} or {y}"]
    asked = w.user(
        within(w, QUESTION, asks), k="longer" if up else "shorter", x=word, y=other, m="more" if up else "fewer"
    )
    return [(asked, f"{long if up else short} is {'longer' if up else 'shorter'}.")]


def reverse(w: Writer) -> list[Exchange]:
    """A short word backwards."""
    word = a_word(w, 6)
    asks = [
        "reverse {s}",
        "reverse the word {s}",
        "say {s} backwards",
        "write {s} backwards",
        "spell {s} backwards",
        "turn {s} around",
        "what is {s} backwards",
        "how do you say {s} backwards",
        "read {s} from the end",
    ]
    back = word[::-1]
    return [
        (w.user(within(w, (*ASKED, "{}?"), asks), s=word), f"{spelled(word)} backwards is {spelled(back)}: {back}.")
    ]


def alphabet(w: Writer) -> list[Exchange]:
    """Neighbors in the alphabet, the whole of it, vowels."""
    drawn = w.random.random()
    if drawn < 0.07:
        asks = [
            "say the alphabet",
            "tell me the alphabet",
            "write the alphabet",
            "what are the letters of the alphabet?",
            "do you know the alphabet?",
            "list all letters",
            "say your abc",
            "recite the alphabet",
        ]
        return [(w.user(asks), ", ".join(ALPHABET) + ".")]
    if drawn < 0.25:
        letter = w.pick(ALPHABET)
        vowel = letter in "aeiou"
        says = w.pick(("vowel", "consonant"))
        if letter == "y":
            letter, vowel = "a", True
        return [
            checked(
                w,
                vowel == (says == "vowel"),
                ["is {s} a {o}", "is the letter {s} a {o}"],
                ["{s} is a {o}"],
                f"{letter} is a {'vowel' if vowel else 'consonant'}.",
                s=letter,
                o=says,
            )
        ]
    if drawn < 0.32:
        place = w.random.randrange(1, 11)
        asks = [
            "what is letter number {n} of the alphabet?",
            "which letter is number {n} in the alphabet?",
            "[what|which] is the letter number {n}?",
        ]
        return [(w.user(asks, n=place), f"letter number {place} is {ALPHABET[place - 1]}.")]
    after = w.chance(0.6)
    place = w.random.randrange(0, 25) if after else w.random.randrange(1, 26)
    where = "after" if after else "before"
    out = []
    for number in range(w.pick((1, 1, 2))):
        letter = ALPHABET[place]
        place += 1 if after else -1
        if not 0 <= place < 26:
            break
        asking = Asking(
            [
                "[what|which] letter [comes|is] [right |]{w} {s}",
                "what comes {w} {s} in the alphabet",
                "what is the letter {w} {s}",
                "in the alphabet, what comes {w} {s}",
                "{w} {s} comes [which|what] letter",
                "{w} {s} in the alphabet [comes|is] [what|which letter]",
                "[which|what] letter [stands|comes|do you say] {w} the letter {s}",
                "i am at {s} in the alphabet, what comes {w} it",
                "when i say the abc, what [comes|letter comes] {w} {s}",
            ]
            + (["[what|which] is the next letter after {s}", "[which|what] letter follows {s}"] if after else []),
            ["which letter comes {w} {s}", "what letter is {w} {s}"],
            ["the letter {w} {s}"],
            ["letter {w} {s}", "{w} {s} in the alphabet", "the letter {w} {s}", "alphabet: {w} {s}"],
        )
        asked = (
            w.user(["and {w} {s}?", "and {w} that?", "what comes {w} {s}?"], w=where, s=letter)
            if number
            else asking.user(w, s=letter, w=where)
        )
        out.append((asked, f"{ALPHABET[place]} comes {where} {letter}."))
    return out


def next_letters(w: Writer) -> list[Exchange]:
    """Continues a row of letters."""
    place = w.random.randrange(0, 22)
    row = ALPHABET[place : place + 3]
    asks = [
        "{r}, ...",
        "what comes next: {r}?",
        "[continue|complete]: {r}, ...",
        "{r} and then?",
        "which letter is next: {r}?",
    ]
    return [(w.user(asks, r=", ".join(row)), f"{ALPHABET[place + 3]} comes next.")]


def starting_with(w: Writer) -> list[Exchange]:
    """Words that begin with a letter."""
    letter = w.pick("abcdefghlmnoprstw")
    known = [word for word in words() if word[0] == letter and len(word) > 2]
    n = w.pick((1, 1, 1, 2, 3))
    some = w.some(known, n)
    number = ("", "a", "two", "three")[n]
    asks = [
        "[say|tell me|give me|name|write] {n} {k} that [begins|starts] with {l}."
        if n == 1
        else "[say|tell me|give me|name] {n} {k} that [begin|start] with {l}.",
        "[do you know|can you think of|can you name] {n} {k} with the letter {l}?",
        "[which|what] word [begins|starts] with {l}?" if n == 1 else "what are {n} words with {l}?",
        "{n} {k} [with|beginning with|starting with] {l}, please.",
    ]
    out = [
        (
            w.user(asks, n=number, k="word" if n == 1 else "words", l=letter),
            f"{listed(some)} {'begins' if n == 1 else 'begin'} with {letter}.",
        )
    ]
    rest = [word for word in known if word not in some]
    if w.chance(0.3):
        out.append(
            (
                w.user(["[and |]another one[, please|]?", "one more.", "and one more?"]),
                f"{w.pick(rest)} begins with {letter}, too.",
            )
        )
    return out


def sort(w: Writer) -> list[Exchange]:
    """Sorts numbers or words."""
    n = w.pick((3, 3, 3, 3, 4, 5))
    if w.chance(0.7):
        row = w.some(range(w.pick((10, 10, 10, 20, 20, 100)) + 1), n)
        up = w.chance(0.75)
        if up:
            asks = [
                "[sort|order|arrange|line up|rank] [these numbers|the numbers|these|this list]: {r}",
                "[sort|order|arrange] {r}",
                "[put|bring|set] [these|these numbers|the numbers|them|the following numbers] in[to the right|] "
                "order: {r}",
                "put {r} in [order|the right order|order, smallest first]",
                "sort [from small to big|from low to high|by size|from the smallest to the biggest|upward]: {r}",
                "sort the numbers {r}",
                "[arrange|order|list|write] {r} from [smallest to biggest|low to high|small to large]",
                "[say|write|list] these numbers [in order|by size|from small to big|with the smallest first]: {r}",
                "start with the smallest: {r}",
            ]
            plain = [
                "[in order|smallest first|sorted|in the right order|from small to big], please: {r}",
                "{r}[:|,|.] [sort them|put them in order|in order, please|smallest first|in the right order|order "
                "them]",
                "[what is|tell me] the right order of {r}?",
                "in [which|what] order [do these numbers go|do they go|do these come]: {r}?",
                "how do you [sort|order] {r}?",
            ]
        else:
            asks = [
                "sort [from big to small|from high to low|downward|from the biggest to the smallest]: {r}",
                "[put|bring] these in order, [biggest|largest|highest] first: {r}",
                "[arrange|order|write] {r} from [biggest to smallest|high to low|large to small]",
                "[sort|order|list] these numbers [downward|with the biggest first]: {r}",
                "start with the biggest: {r}",
            ]
            plain = [
                "{r}, [the biggest first|from big to small|biggest first][, please|].",
                "biggest first, please: {r}",
            ]
        if w.chance(0.3):
            return [(w.user(plain, r=", ".join(map(str, row))), ", ".join(map(str, sorted(row, reverse=not up))) + ".")]
        return [
            (
                w.user(within(w, ASKED, asks), r=w.pick((", ", ", ", " ")).join(map(str, row))),
                ", ".join(map(str, sorted(row, reverse=not up))) + ".",
            )
        ]
    row = []
    for letter in w.some("abcdefghlmnoprstw", n):
        row.append(w.pick([word for word in short_words(8) if word[0] == letter]))
    asks = [
        "sort these words: {r}",
        "sort by the alphabet: {r}",
        "put these words in alphabetical order: {r}",
        "alphabetical order, please: {r}",
        "order these words from a to z: {r}",
    ]
    return [(w.user(within(w, ASKED, asks), r=", ".join(row)), ", ".join(sorted(row)) + ".")]


def pick_out(w: Writer) -> list[Exchange]:
    """The first, last or third of some words; how many they are."""
    row = w.some(short_words(9), w.pick((3, 3, 4, 5)))
    kind = w.pick(("first", "last", "second", "third", "many", "turned"))
    shown = ", ".join(row) if w.chance(0.6) else " ".join(row)
    if kind == "many":
        asks = ["how many words are these: {r}?", "how many words: {r}", "count these words: {r}"]
        return [(w.user(asks, r=shown), f"these are {('three', 'four', 'five')[len(row) - 3]} words.")]
    if kind == "turned":
        asks = [
            "say these words in the opposite order: {r}",
            "turn the order around: {r}",
            "reverse the order: {r}",
            "backwards, from the last to the first: {r}",
        ]
        return [(w.user(within(w, ASKED, asks), r=", ".join(row)), ", ".join(row[::-1]) + ".")]
    word = row[-1] if kind == "last" else row[ORDINALS.index(kind)]
    asks = [
        "what is the {k} word: {r}?",
        "which word is the {k}: {r}?",
        "say the {k} word of these: {r}.",
        "{r}. [what|which] was the {k} word?",
        "the {k} word of {r}?",
    ]
    return [(w.user(asks, k=kind, r=shown), f"the {kind} word is {word}.")]


UNITS = {
    "spell": (5, spell),
    "unspell": (1, unspell),
    "letter of": (6, letter_of),
    "length": (4, length),
    "reverse": (2, reverse),
    "alphabet": (4.5, alphabet),
    "next letters": (0.8, next_letters),
    "starting with": (2, starting_with),
    "sort": (5, sort),
    "pick out": (2, pick_out),
}
