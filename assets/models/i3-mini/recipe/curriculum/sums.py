"""Sums: plus, minus, times and divided, in digits, words and small stories; chains, neighbors, comparisons, rows."""

from __future__ import annotations

from .asking import checked, within
from .core import Exchange, Writer, in_words
from .sums_stories import story

SIGNS = {
    "plus": ("+", "plus", "and", "added to"),
    "minus": ("-", "minus", "take away", "less"),
    "times": ("*", "x", "times", "multiplied by"),
    "divided by": ("/", ":", "divided by", "over"),
}
ASK = (
    "{}",
    "{}?",
    "{}?",
    "{} =",
    "{} = ?",
    "what is {}?",
    "what is {}?",
    "what is {}?",
    "how much is {}?",
    "[calculate|compute|work out|solve|please solve|please calculate|do the sum] {}.",
    "{} [is|makes|gives|equals] [what|how much]?",
    "[can|could] you [calculate|work out|solve|do|tell me|compute] {}[| for me]?",
    "what does {} [make|give|equal]?",
    "[tell me|please tell me|say|i need|give me the answer to|give me the result of] {}.",
    "do you know [what {} is|{}]?",
    "[i want to know|i wonder|i forgot|i need to know|help me, i do not know|do you know] [what|how much] {} is.",
    "[quick|easy|math question|a sum|another one|next one|now|so|ok]: {}?",
    "what do [you|i|we] get [for|from|if i do] {}?",
    "[what is|give me] the [answer to|result of|value of] {}?",
    "how much does {} make?",
    "{}, please.",
    "{}... [what is it|help]?",
    "[are you good at math|can you do sums|let us do math|let us calculate|math time]? [what is|how much is] {}?",
)
NEXT = (
    "[and|and what is|and how much is|what about|ok, and|now|how about|next:|and now] {}?",
    "{}?",
    "{}",
    "and {}",
    "and {} =",
)
RIGHT = (
    "[is {e} {n}|{e} is {n}, right|is it true that {e} is {n}|{e} is {n}, correct|does {e} make {n}|{e} = {n}, yes]?"
)


def operands(w: Writer, name: str) -> tuple[int, int, int]:
    """Two numbers and the result."""
    r = w.random.randint
    if name == "plus":
        top = w.pick((10, 10, 10, 20, 20, 20, 20, 50, 99))
        if w.chance(0.04):
            a, b = 100 * r(1, 9), 100 * r(1, 9)
            return a, b, a + b
        a, b = (
            (r(0, top), r(0, top)) if top <= 20 else (r(1, top), r(1, top)) if w.chance(0.6) else (r(10, 90), r(1, 9))
        )
        if top == 20 and a + b > 20 and w.chance(0.7):  # most sums of everyday life are small
            a, b = max(0, a - 10), max(0, b - 10)
        return a, b, a + b
    if name == "minus":
        top = w.pick((10, 10, 10, 20, 20, 20, 20, 50, 100))
        a = r(1 if top <= 20 else 10, top)
        b = r(0, a) if top <= 20 or w.chance(0.5) else r(1, 9)
        return a, b, a - b
    a, b = (r(1, 10), r(1, 10)) if w.chance(0.7) else (r(0, 12), r(0, 12))
    if name == "times":
        return a, b, a * b
    a, b = max(1, a), max(1, b)
    return a * b, b, a


def shown(w: Writer, number: int, words: bool) -> str:
    """A number as people write it."""
    return in_words(number) if words else str(number)


def expression(w: Writer, a: int, name: str, b: int) -> str:
    """The sum as people write it: 7 plus 5, 7+5, seven and five."""
    words = w.chance(0.3)
    signs = SIGNS[name]
    if words or w.chance(0.45):
        sign = w.pick(signs[-2:] if w.chance(0.25) else [s for s in signs if len(s) > 2][:1])
        return f"{shown(w, a, words)} {sign} {shown(w, b, words)}"
    sign = w.pick([s for s in signs if len(s) < 2])
    return w.pick(("{} {} {}", "{}{}{}")).format(a, sign, b)


def told(a: int, name: str, b: int, result: int) -> str:
    """The reply to a sum."""
    return f"{a} {name} {b} is {result}."


def kind(w: Writer) -> str:
    """A sign, addition most often."""
    return w.pick(("plus", "plus", "plus", "minus", "minus", "times", "times", "divided by"))


def sums(w: Writer) -> list[Exchange]:
    """One to three sums."""
    out: list[Exchange] = []
    name = kind(w)
    for number in range(w.pick((1, 1, 1, 2, 3))):
        if w.chance(0.4):
            name = kind(w)
        a, b, result = operands(w, name)
        sum_ = expression(w, a, name, b)
        if name == "minus" and " less " in sum_:
            sum_ = f"{a} minus {b}"
        frames = NEXT if number else ASK
        out.append((w.user(within(w, frames, "{e}"), e=sum_), told(a, name, b, result)))
    return out


def other_words(w: Writer) -> list[Exchange]:
    """The sum of, the difference between, take from, share."""
    name = kind(w)
    a, b, result = operands(w, name)
    forms = {
        "plus": [
            "the sum of {a} and {b}",
            "{a} and {b} together",
            "{b} added to {a}",
            "{b} more than {a}",
            "{a} increased by {b}",
            "{b} on top of {a}",
        ],
        "minus": [
            "the difference between {a} and {b}",
            "{b} [taken|subtracted] from {a}",
            "{b} less than {a}",
            "{a} without {b}",
        ],
        "times": ["the product of {a} and {b}", "{a} multiplied by {b}", "{a} times {b}"],
        "divided by": ["{a} split by {b}", "{a} shared by {b}", "{a} divided into {b} parts"],
    }[name]
    if w.chance(0.25):
        forms = {
            "plus": [
                "if i add {b} to {a}",
                "when you put {a} and {b} together",
                "if you add {a} and {b}",
                "by adding {b} to {a}",
                "when i count {a} and {b} together",
            ],
            "minus": [
                "if i take {b} away from {a}",
                "when you subtract {b} from {a}",
                "if i remove {b} from {a}",
                "when {b} is taken from {a}",
            ],
            "times": ["if i multiply {a} by {b}", "when you multiply {a} and {b}"],
            "divided by": [
                "if i divide {a} by {b}",
                "when you share {a} among {b}",
                "if you split {a} into {b} equal parts",
            ],
        }[name]
        frames = (
            "what do [i|you|we] get {}?",
            "{}, what do [i|you|we] get?",
            "how much is it {}?",
            "{}, how much is it?",
            "what is it {}?",
        )
    else:
        frames = [frame for frame in ASK if "{} [" not in frame and "= " not in frame]
    words = w.chance(0.3)
    asked = w.user(within(w, frames, forms), a=shown(w, a, words), b=shown(w, b, words))
    return [(asked, told(a, name, b, result))]


def checked_sum(w: Writer) -> list[Exchange]:
    """A sum with an answer to be checked, or a user who doubts."""
    name = kind(w)
    a, b, result = operands(w, name)
    truth = told(a, name, b, result)
    wrong = max(0, result + w.pick((-2, -1, 1, 2, 3, 10)))
    wrong += wrong == result
    if w.chance(0.6):
        right = w.chance(0.5)
        slots = {"e": expression(w, a, name, b), "n": str(result if right else wrong)}
        if w.chance(0.5):
            return [(w.user(RIGHT, **slots), ("yes, " if right else "no, ") + truth)]
        return [checked(w, right, ["is {e} {n}", "does {e} make {n}"], ["{e} is {n}"], truth, **slots)]
    out = [(w.user(within(w, ASK, "{e}"), e=expression(w, a, name, b)), truth)]
    doubt = [
        "are you sure?",
        "really?",
        "is that right?",
        "[i think it is|is it not|no, it is|are you sure it is not] {n}.",
    ]
    out.append((w.user(doubt, n=wrong), ("i am sure. " if w.chance(0.5) else "yes, i am sure. ") + truth))
    return out


def chained(w: Writer) -> list[Exchange]:
    """A sum, then steps from its result."""
    name = w.pick(("plus", "plus", "minus", "times"))
    a, b, result = operands(w, name)
    out = [(w.user(within(w, ASK, "{e}"), e=expression(w, a, name, b)), told(a, name, b, result))]
    for _ in range(w.pick((1, 1, 2, 3))):
        drawn = w.random.random()
        b = w.random.randint(1, 10)
        if drawn < 0.5 or result == 0:
            asked, new = (
                w.user(
                    [
                        "[and|now|then|ok, and|] [plus|add] {b}[?|.]",
                        "and {b} more?",
                        "add {b} to that.",
                        "+ {b}",
                        "plus {b} is?",
                    ],
                    b=b,
                ),
                result + b,
            )
            said = told(result, "plus", b, new)
        elif drawn < 0.75:
            b = min(b, result)
            asked, new = (
                w.user(
                    [
                        "[and|now|then|ok, and|] [minus|take away] {b}[?|.]",
                        "subtract {b} from that.",
                        "- {b}",
                        "minus {b} is?",
                    ],
                    b=b,
                ),
                result - b,
            )
            said = told(result, "minus", b, new)
        elif drawn < 0.9 and result <= 30:
            b = w.pick((2, 2, 3, 10))
            asked, new = (
                w.user(
                    [
                        "[and|now|then|] times {b}[?|.]",
                        "[and|now|then] multiply that by {b}.",
                        "x {b}",
                        "times {b} is?",
                    ],
                    b=b,
                ),
                result * b,
            )
            said = told(result, "times", b, new)
        elif result % 2 == 0:
            asked, new = (
                w.user(["[and|now|] half of that[?|.]", "[and|now] divide that by 2.", "and divided by 2?"]),
                result // 2,
            )
            said = told(result, "divided by", 2, new)
        else:
            asked, new = (
                w.user(["[and|now|] double that[?|.]", "[and|what is] twice that?", "and times 2?"]),
                result * 2,
            )
            said = told(result, "times", 2, new)
        out.append((asked, said))
        result = new
    return out


def three(w: Writer) -> list[Exchange]:
    """Sums of three small numbers."""
    a, b, c = (w.random.randint(1, 10) for _ in range(3))
    minus = a + b >= c and w.chance(0.3)
    words = w.chance(0.2)
    A, B, C = (shown(w, n, words) for n in (a, b, c))
    plus = " plus " if words or w.chance(0.5) else w.pick((" + ", "+"))
    last = (" minus " if plus == " plus " else plus.replace("+", "-")) if minus else plus
    result = a + b - c if minus else a + b + c
    return [
        (
            w.user(within(w, ASK, "{e}"), e=A + plus + B + last + C),
            f"{a} plus {b} {'minus' if minus else 'plus'} {c} is {result}.",
        )
    ]


def missing(w: Writer) -> list[Exchange]:
    """A sum with a gap."""
    name = w.pick(("plus", "plus", "minus", "times"))
    a, b, result = operands(w, name)
    if name == "times":
        a, b = max(1, a), max(1, b)
        result = a * b
    sign = {"plus": "+", "minus": "-", "times": "x"}[name] if w.chance(0.5) else name
    asks = [
        "{a} {s} what is {c}?",
        "{a} {s} ? = {c}",
        "{a} {s} ___ = {c}",
        "what do i have to add to {a} to get {c}?" if name == "plus" else "{a} {s} which number is {c}?",
        "what is missing: {a} {s} ... = {c}?",
    ]
    return [(w.user(asks, a=a, s=sign, c=result), told(a, name, b, result))]


def too_hard(w: Writer) -> list[Exchange]:
    """Sums beyond what it has learned, and what helps."""
    r = w.random.randint
    name = w.pick(("times", "times", "divided by", "plus", "minus"))
    if w.chance(0.5):
        a, b = r(1000, 99999), r(100, 99999)
    elif name in ("plus", "minus"):
        a, b = r(211, 999), r(111, 999)
    else:
        a, b = (r(113, 999), r(113, 999)) if w.chance(0.5) else (r(13, 99), r(13, 99))
    sum_ = expression_large(w, a, name, b)
    if w.chance(0.2):
        sum_ = w.pick(
            (
                f"the square root of {r(101, 9999)}",
                f"{r(12, 99)} to the power of {r(3, 12)}",
                f"{r(13, 97)} percent of {r(101, 9999)}",
                f"the cube root of {r(29, 999)}",
            )
        )
    answers = [
        "that is too hard for me. a calculator can tell you {e}.",
        "{e} is too big a sum for me. a calculator knows it.",
        "i am only good at small sums. for {e} you need a calculator.",
    ]
    said = (
        sum_.replace("*", " times ")
        .replace("/", " divided by ")
        .replace("+", " plus ")
        .replace(" - ", " minus ")
        .replace(" x ", " times ")
    )
    return [(w.user(within(w, ASK, "{e}"), e=sum_), w.text(answers, e=" ".join(said.split())))]


def expression_large(w: Writer, a: int, name: str, b: int) -> str:
    """A large sum in digits."""
    sign = {"plus": "+", "minus": " - ", "times": w.pick(("*", " x ")), "divided by": "/"}[name]
    return f"{a} {name} {b}" if w.chance(0.6) else f"{a}{sign}{b}"


def negative(w: Writer) -> list[Exchange]:
    """Less than zero, and nothing divided."""
    a = w.random.randint(0, 12)
    b = a + w.random.randint(1, 8)
    if w.chance(0.7):
        return [
            (
                w.user(within(w, ASK, "{e}"), e=w.pick((f"{a} minus {b}", f"{a} - {b}", f"{a}-{b}"))),
                f"{a} minus {b} is minus {b - a}.",
            )
        ]
    a = w.random.randint(1, 100)
    return [
        (
            w.user(within(w, ASK, "{e}"), e=w.pick((f"{a} divided by 0", f"{a}/0", f"{a} / 0"))),
            f"{a} can not be divided by 0.",
        )
    ]


UNITS = {
    "sums": (18, sums),
    "other words": (3, other_words),
    "checked": (3, checked_sum),
    "chained": (4, chained),
    "three": (1.2, three),
    "story": (11, story),
    "missing": (1.2, missing),
    "too hard": (1.2, too_hard),
    "negative": (0.4, negative),
}
