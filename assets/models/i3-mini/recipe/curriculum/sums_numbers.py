"""Numbers: what comes before and after, bigger and smaller, even and odd, double and half, rows, numbers in words."""

from __future__ import annotations

from .asking import QUESTION, checked, within
from .core import Exchange, Writer, in_words
from .sums import shown


def neighbors(w: Writer) -> list[Exchange]:
    """What comes before or after a number."""
    n = w.random.randint(1, 30) if w.chance(0.65) else w.random.randint(30, 200)
    if w.chance(0.06):
        n = w.pick((99, 100, 999, 1000, 500))
    words = n < 100 and w.chance(0.25)
    after = w.chance(0.55)
    out = []
    for number in range(w.pick((1, 1, 2))):
        other = n + 1 if after else n - 1
        where = "after" if after else "before"
        if number:
            asked = w.user(
                ["and {w} {n}?", "and what comes {w} {n}?", "{w} {n}?", "and {w} that?"], w=where, n=shown(w, n, words)
            )
        else:
            asks = [
                "[what|which|what number|which number] [comes|is] [right |just |directly |]{w} {n}",
                "[i count and say|you count and say|when i count and reach] {n}, [what comes next|what is next|what "
                "do i say next]"
                if after
                else "which number do you say [just |right |]before {n} when you count",
                "{w} {n}, [which number comes|what number comes|what comes|what do i say]",
                "when [i|you|we] count[ up|], [what|which number] comes {w} {n}",
                "what is the number {w} {n}",
                "{w} {n} comes [what|which number]",
                "what do you say {w} {n} when you count",
                "what is one more than {n}" if after else "what is one less than {n}",
                "[what|which number] follows {n}" if after else "which number is just below {n}",
                "what is the next number after {n}" if after else "what is the number one below {n}",
            ]
            asked = w.user(within(w, QUESTION, asks), w=where, n=shown(w, n, words))
        out.append((asked, f"{other} comes {where} {n}."))
        n = other
        if n < 1:
            break
    return out


def between(w: Writer) -> list[Exchange]:
    """The number between two."""
    n = w.random.randint(1, 99)
    asks = [
        "[what|which] number is between {a} and {b}",
        "what comes between {a} and {b}",
        "what is between {a} and {b}",
    ]
    return [(w.user(within(w, QUESTION, asks), a=n - 1, b=n + 1), f"{n} is between {n - 1} and {n + 1}.")]


def bigger(w: Writer) -> list[Exchange]:
    """Which of two or three numbers is bigger or smaller; are they the same."""
    top = w.pick((10, 10, 20, 20, 20, 100, 100, 1000))
    a, b, c = w.some(range(top + 1), 3)
    up = w.chance(0.6)
    word = w.pick(
        ("bigger", "bigger", "larger", "more", "greater", "higher") if up else ("smaller", "smaller", "less", "lower")
    )
    tell = "bigger" if up else "smaller"
    first, last = (max(a, b), min(a, b)) if up else (min(a, b), max(a, b))
    reply = f"{first} is {tell} than {last}."
    drawn = w.random.random()
    if drawn < 0.5:
        asks = [
            "[what|which|which number|which one] is {m}, {a} or {b}",
            "is {a} or {b} {m}",
            "is {a} {m} or {b}",
            "{a} or {b}, [which|which one|what] is {m}",
            "of {a} and {b}, which is {m}",
            "which is the {s} number, {a} or {b}",
            "[between|from] {a} and {b}, [which|which one|what] is {m}",
            "[what|which|which one|which number] is {m}: {a} or {b}",
            "[tell me|say|name|find|pick] the {m} [number|one] of {a} and {b}",
            "the {m} [number|one] of {a} and {b} is [which|what]",
            "i have {a} and {b}, which is {m}",
            "[compare|look at] {a} and {b}, which is {m}",
            "is it {a} or {b} that is {m}",
        ]
        return [(w.user(within(w, QUESTION, asks), m=word, a=a, b=b, s=tell), reply)]
    if drawn < 0.75:
        return [
            checked(
                w,
                a == first,
                ["is {a} {m} than {b}", "is {a} a {t} number than {b}"],
                ["{a} is {m} than {b}"],
                reply,
                a=str(a),
                b=str(b),
                m=word,
                t=tell,
            )
        ]
    most = w.pick(("biggest", "largest", "highest") if up else ("smallest", "lowest"))
    top_one = max(a, b, c) if up else min(a, b, c)
    asks = [
        "[which|which number|what] is the {m}: {a}, {b} or {c}?",
        "{a}, {b}, {c}: which is the {m}?",
        "find the {m} number: {a}, {b}, {c}.",
    ]
    return [(w.user(asks, m=most, a=a, b=b, c=c), f"{top_one} is the {'biggest' if up else 'smallest'}.")]


def even_odd(w: Writer) -> list[Exchange]:
    """Even or odd."""
    n = w.random.randint(0, 20) if w.chance(0.7) else w.random.randint(20, 100)
    kind_ = "odd" if n % 2 else "even"
    if w.chance(0.4):
        says = w.pick(("even", "odd"))
        return [
            checked(
                w,
                says == kind_,
                ["is {n} {o}", "is {n} an {o} number"],
                ["{n} is {o}", "{n} is an {o} number"],
                f"{n} is {kind_}.",
                n=str(n),
                o=says,
            )
        ]
    asks = [
        "is {n} [even or odd|odd or even|an even or an odd number]",
        "even or odd: {n}",
        "is the number {n} even or odd",
        "{n}: odd or even",
    ]
    out = [(w.user(within(w, QUESTION, asks), n=shown(w, n, n < 20 and w.chance(0.2))), f"{n} is {kind_}.")]
    if w.chance(0.3):
        n += 1
        out.append((w.user(["and {n}?", "what about {n}?", "{n}?"], n=n), f"{n} is {'odd' if n % 2 else 'even'}."))
    return out


def double_half(w: Writer) -> list[Exchange]:
    """Double, half, three times, a quarter."""
    n = w.random.randint(1, 25) if w.chance(0.75) else w.random.randint(5, 50)
    if w.chance(0.5):
        asks = [
            "what is [double|twice|the double of] {n}",
            "what is {n} doubled",
            "how much is twice {n}",
            "double {n}",
            "can you double {n}",
        ]
        return [(w.user(within(w, QUESTION, asks), n=n), f"double {n} is {2 * n}.")]
    if w.chance(0.8):
        asks = [
            "what is half of {n}",
            "what is the half of {n}",
            "how much is half of {n}",
            "half of {n}",
            "what is one half of {n}",
        ]
        return [(w.user(within(w, QUESTION, asks), n=2 * n), f"half of {2 * n} is {n}.")]
    asks = ["what is a quarter of {n}", "how much is a quarter of {n}", "a quarter of {n}"]
    return [(w.user(within(w, QUESTION, asks), n=4 * n), f"a quarter of {4 * n} is {n}.")]


def row(w: Writer) -> list[Exchange]:
    """The next number of a row."""
    step = w.pick((1, 2, 2, 3, 4, 5, 5, 10, 10, -1, -2))
    start = w.random.randint(1, 10) if step not in (5, 10, 2) or w.chance(0.3) else step
    if step < 0:
        start = w.random.randint(12, 30)
    if w.chance(0.1):
        numbers = [start * 2**i for i in range(5)] if start <= 5 else [2**i for i in range(1, 6)]
    else:
        numbers = [start + i * step for i in range(5)]
    seen = numbers[: w.pick((3, 4))]
    after = numbers[len(seen)]
    asks = [
        "what comes next: {r}?",
        "[what|which number] is next: {r}, ...?",
        "{r}, ... [what comes next|what is next|and then|continue]?",
        "{r}, ...",
        "[continue|complete|finish] the row: {r}, ...",
        "find the next number: {r}",
        "what is the next number in {r}?",
        "{r} and then?",
    ]
    return [(w.user(asks, r=", ".join(map(str, seen))), f"{after} comes next.")]


def in_word_form(w: Writer) -> list[Exchange]:
    """A number in words or in digits."""
    n = w.random.randint(0, 100) if w.chance(0.8) else w.pick((200, 300, 500, 900))
    if w.chance(0.5):
        asks = ["how do you [write|spell|say] {n} in words", "what is {n} in words", "write {n} as a word"]
        return [(w.user(within(w, QUESTION, asks), n=n), f"{n} in words is {in_words(n)}.")]
    asks = ["how do you write {n} in digits", "what is {n} [as a number|in digits|in numbers]", "write {n} in numbers"]
    return [(w.user(within(w, QUESTION, asks), n=in_words(n)), f"{in_words(n)} is {n}.")]


def table_row(w: Writer) -> list[Exchange]:
    """A part of the times table."""
    n = w.random.randint(2, 10)
    asks = [
        "[say|tell me|list|write] the [table of {n}|{n} times table|times table of {n}].",
        "[can|could] you [say|do] the {n} times table?",
    ]
    numbers = [n * i for i in range(1, 11)]
    if w.chance(0.5):
        asks = [
            "what are the first five [numbers of the {n} times table|multiples of {n}]?",
            "count [by|in] {n}s to {e}.",
        ]
        numbers = numbers[:5]
    return [(w.user(asks, n=n, e=numbers[-1]), ", ".join(map(str, numbers)) + ".")]


UNITS = {
    "neighbors": (6, neighbors),
    "between": (0.7, between),
    "bigger": (6, bigger),
    "even odd": (2, even_odd),
    "double half": (2.5, double_half),
    "row": (2, row),
    "in words": (0.8, in_word_form),
    "table row": (0.6, table_row),
}
