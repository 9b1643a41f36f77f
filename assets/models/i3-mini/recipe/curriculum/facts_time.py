"""Facts about days, months, seasons, dates, how many, and which of two is bigger, faster or hotter."""

from __future__ import annotations

from collections.abc import Sequence

from .asking import CLAUSE, NEXT, QUESTION, Asking, Relation, checked, columns, within
from .core import Exchange, Writer, in_words, listed, read_table

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
SEASONS = ["spring", "summer", "autumn", "winter"]
MEALS = ["breakfast", "lunch", "dinner"]
PLANETS = ["mercury", "venus", "earth", "mars", "jupiter", "saturn", "uranus", "neptune"]
ORDINALS = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
]
ROWS: list[tuple[str, Sequence[str]]] = [
    ("day", DAYS),
    ("day", DAYS),
    ("day", DAYS),
    ("month", MONTHS),
    ("month", MONTHS),
    ("season", SEASONS),
]
OF_WHAT = {"day": "of the week", "month": "of the year", "season": "of the year", "planet": "from the sun"}
LENGTHS = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))
SEASON_OF = {
    month: season
    for season, months in {
        "spring": "march april may",
        "summer": "june july august",
        "autumn": "september october november",
        "winter": "december january february",
    }.items()
    for month in months.split()
}
STEP = Asking(
    direct=[
        "[what|which {k}] comes {w} {s}",
        "[what|which] {k} [comes right|comes|is] {w} {s}",
        "what is the {k} {w} {s}",
        "[which|what] {k} [follows|follows|is next after] {s}",
        "{w} {s} comes [what|which {k}]",
        "what comes [right|directly|straight] {w} {s}",
    ],
    clause=["[what|which {k}] comes {w} {s}", "[what|which] {k} is {w} {s}", "what the {k} {w} {s} is"],
    noun=["the {k} {w} {s}", "the name of the {k} {w} {s}"],
    keys=["{k} {w} {s}", "{w} {s}", "{s}, {w} it"],
)
BACK_STEP = Asking(
    direct=[text.replace("[follows|is next after]", "is just before") for text in STEP.direct],
    clause=STEP.clause,
    noun=STEP.noun,
    keys=STEP.keys,
)
TODAY = (
    "if today is {s}, [what|which] day [is|will be] tomorrow?",
    "today is {s}. what [day is|is] tomorrow?",
    "it is {s} today. [and tomorrow|what day is tomorrow|what is tomorrow]?",
    "what day is tomorrow if today is {s}?",
)
YESTERDAY = (
    "if today is {s}, [what|which] day was yesterday?",
    "today is {s}. what [day was|was] yesterday?",
    "it is {s} today. [what day was yesterday|what was yesterday]?",
    "what day was yesterday if today is {s}?",
)


def before_after(w: Writer) -> list[Exchange]:
    """What comes before or after a day, month or season."""
    kind, row = w.pick(ROWS)
    after = w.chance(0.55)
    place = w.random.randrange(len(row))
    step = 1 if after else -1
    where = "after" if after else "before"
    other = row[(place + step) % len(row)]
    reply = f"{other} comes {where} {row[place]}."
    if kind == "day" and w.chance(0.25):
        verb = "tomorrow is" if after else "yesterday was"
        asked = w.user(TODAY if after else YESTERDAY, s=row[place])
        return [(asked, f"if today is {row[place]}, {verb} {other}.")]
    if w.chance(0.15):
        right = w.chance(0.5)
        says = other if right else w.pick([o for o in row if o not in (other, row[place])])
        claims = ["{o} comes right {w} {s}", "the {k} {w} {s} is {o}"]
        questions = ["does {o} come right {w} {s}", "is {o} the {k} {w} {s}"]
        return [checked(w, right, questions, claims, reply, s=row[place], o=says, k=kind, w=where)]
    asking = STEP if after else BACK_STEP
    out = [(asking.user(w, s=row[place], k=kind, w=where), reply)]
    if w.chance(0.3):
        third = row[(place + 2 * step) % len(row)]
        asks = ["and {w} that?", "[and|ok, and|and what comes] {w} {o}?", "what comes {w} that?", "and then?"]
        asked = w.user(asks if after else asks[:-1], w=where, o=other)
        out.append((asked, f"{third} comes {where} {other}."))
    elif w.chance(0.25):
        back = "before" if after else "after"
        third = row[(place - step) % len(row)]
        out.append(
            (
                w.user(["[and|what comes|and what comes] {w} {s}?", "and {w} it?"], w=back, s=row[place]),
                f"{third} comes {back} {row[place]}.",
            )
        )
    return out


def between(w: Writer) -> list[Exchange]:
    """What comes between two."""
    kind, row = w.pick(ROWS[:5])
    place = w.random.randrange(len(row))
    a, b, c = (row[(place + i) % len(row)] for i in range(3))
    asks = ["[what|which {k}] is between {a} and {c}", "[what|which {k}] comes between {a} and {c}"]
    frames = QUESTION if w.chance(0.7) else CLAUSE
    return [(w.user(within(w, frames, asks), a=a, c=c, k=kind), f"{b} is between {a} and {c}.")]


def numbered(w: Writer) -> list[Exchange]:
    """The third month, the last day."""
    kind, row = w.pick([("day", DAYS), ("month", MONTHS), ("month", MONTHS), ("planet", PLANETS)])
    place = w.random.randrange(len(row))
    order = "last" if place == len(row) - 1 and w.chance(0.7) else ORDINALS[place]
    whole = OF_WHAT[kind]
    if kind == "month" and w.chance(0.3):
        asks = [
            "which number is {s}[ of the months|]",
            "what number is the month {s}",
            "is {s} the first or which month",
        ]
        return [(w.user(within(w, QUESTION, asks), s=row[place]), f"{row[place]} is month number {place + 1}.")]
    asks = [
        "[what|which] is the {o} {k} {h}",
        "[what|which] {k} is the {o} [one|] {h}",
        "what is the {o} {k} {h} called",
    ]
    frames, templates = w.pick(
        (
            (QUESTION, asks),
            (CLAUSE, ["what the {o} {k} {h} is", "which {k} is the {o} {h}"]),
            (("{}?", "tell me {}.", "name {}.", "do you know {}?", "what is {}?"), ["the {o} {k} {h}"]),
        )
    )
    return [
        (w.user(within(w, frames, templates), o=order, k=kind, h=whole), f"{row[place]} is the {order} {kind} {whole}.")
    ]


def months(w: Writer) -> list[Exchange]:
    """How long a month is, and its season."""
    month = w.pick(MONTHS)
    if w.chance(0.55):
        days = f"{LENGTHS[month]} days" + (", and 29 in a leap year" if month == "february" else "")
        asks = Asking(
            direct=[
                "how many days does {s} have",
                "how many days are in {s}",
                "how long is {s}",
                "{s} has how many days",
            ],
            clause=["how many days {s} has", "how long {s} is"],
            noun=["the number of days in {s}"],
            keys=["{s} days", "days in {s}"],
        )
        out = [(asks.user(w, s=month), f"{month} has {days}.")]
        if w.chance(0.3) and month != "april":
            out.append((w.user(within(w, NEXT, "{s}"), s="april"), "april has 30 days."))
        return out
    reply = f"{month} is in {SEASON_OF[month]} in the north of the earth."
    if w.chance(0.3):
        right = w.chance(0.5)
        says = SEASON_OF[month] if right else w.pick([s for s in SEASONS if s != SEASON_OF[month]])
        return [checked(w, right, ["is {s} in {o}", "is {s} a {o} month"], ["{s} is in {o}"], reply, s=month, o=says)]
    asks = [
        "in [which|what] season is {s}",
        "[which|what] season is {s} in",
        "is {s} in summer, winter or what",
        "what season is it in {s}",
    ]
    return [(w.user(within(w, QUESTION, asks), s=month), reply)]


def part_of_row(w: Writer) -> list[Exchange]:
    """Is saturday a weekday, is july a month."""
    if w.chance(0.5):
        day = w.pick(DAYS)
        weekend = day in DAYS[5:]
        right = w.chance(0.5)
        says = "the weekend" if weekend == right else "the working week"
        truth = f"{day} {'is part of the weekend' if weekend else 'is a working day for most people'}."
        claims = ["{s} is [part of|in] {o}"]
        return [checked(w, right, ["is {s} [part of|in] {o}"], claims, truth, s=day, o=says)]
    kind, row = w.pick([("day", DAYS), ("month", MONTHS), ("season", SEASONS), ("planet", PLANETS)])
    what = w.pick([item for item in row if item != "earth"])
    right = w.chance(0.5)
    says = kind if right else w.pick([k for k in ("day", "month", "season", "planet") if k != kind])
    return [checked(w, right, ["is {s} a {o}"], ["{s} is a {o}"], f"{what} is a {kind}.", s=what, o=says)]


def number_text(text: str) -> str:
    """Numbers up to ten in words."""
    return in_words(int(text)) if text.isdigit() and int(text) <= 10 else text


QUANTITIES = columns("quantities")


def how_many(w: Writer) -> list[Exchange]:
    """How many of something."""
    out: list[Exchange] = []
    for question, has, number, thing in w.some(QUANTITIES, w.pick((1, 1, 1, 2))):
        reply = f"{has} {number_text(number)} {thing}."
        drawn = w.random.random()
        if out:
            out.append((w.user(within(w, ("and how many {}?", "how many {}?", "ok, how many {}?"), question)), reply))
        elif drawn < 0.15 and number.isdigit():
            right = w.chance(0.5)
            claim = f"{has} {number if right else int(number) + w.pick((1, 2, 3, 5))} {thing}"
            out.append(checked(w, right, [], [claim], reply))
        elif drawn < 0.22:
            out.append((w.user([f"{has} how many {thing}?", f"{has} ... {thing}. how many?"]), reply))
        else:
            frames = QUESTION if w.chance(0.6) or " do " in question or " does " in question else CLAUSE
            out.append((w.user(within(w, frames, "how many " + question)), reply))
    return out


DATE_ROWS = columns("dates")


def dates(w: Writer) -> list[Exchange]:
    """Years that many people know."""
    out: list[Exchange] = []
    for question, statement, year in w.some(DATE_ROWS, w.pick((1, 1, 1, 2))):
        reply = f"{statement} in {year}."
        if not out and w.chance(0.25):
            right = w.chance(0.5)
            says = year if right else str(int(year) + w.pick((-50, -20, -11, -3, 5, 12)))
            out.append(checked(w, right, [question + " in {o}"], [statement + " in {o}"], reply, o=says))
            continue
        asks = [f"when {question}", f"in [which|what] year {question}", f"[which|what] year {question}"]
        clauses = [f"when {statement}", f"in [which|what] year {statement}", f"the year when {statement}"]
        drawn = w.random.random()
        if drawn < 0.12:
            frames, templates = ("{} ...", "{} when?", "{} in ...", "{} in ___", "complete: {} in ..."), [statement]
        else:
            frames, templates = (QUESTION, asks) if drawn < 0.65 else (CLAUSE, clauses)
        out.append((w.user(within(w, frames, templates)), reply))
    return out


ORDERS = [
    (*(a.strip() for a in head.split(",")), body.strip().split(", "))
    for head, body in (line.split(": ", 1) for line in read_table("orders"))
]


def compare(w: Writer) -> list[Exchange]:
    """Which of two or three is bigger, hotter, faster; or whether one is."""
    _, more, less, most, least, items = w.pick(ORDERS)
    small, big = sorted(w.random.sample(range(len(items)), 2))
    low, high = items[small], items[big]
    x, y = w.some((low, high), 2)
    drawn = w.random.random()
    up = w.chance(0.65)
    word = more if up else less
    winner, other = (high, low) if up else (low, high)
    reply = f"{winner} is {word} than {other}."
    if drawn < 0.55:
        asks = [
            "[what|which|which one] is {m}, {x} or {y}",
            "is {x} {m} or [is |]{y}[ {m}|]",
            "is {x} or {y} {m}",
            "{x} or {y}, [which|which one|what] is {m}",
            "[what|which] of the two is {m}, {x} or {y}",
            "between {x} and {y}, which is {m}",
            "[compare|think of] {x} and {y}. which is {m}",
        ]
        frames, templates = (
            (QUESTION, asks) if w.chance(0.7) else (CLAUSE, ["[what|which] is {m}, {x} or {y}", "if {x} or {y} is {m}"])
        )
        out = [(w.user(within(w, frames, templates), m=word, x=x, y=y), reply)]
        if w.chance(0.2):
            word2 = less if up else more
            asked = w.user(["and [which|which one|what] is {m}?", "and {m}?", "so which is {m}?"], m=word2)
            out.append((asked, f"{other} is {word2} than {winner}."))
        return out
    if drawn < 0.82:
        right = x == winner
        claims = ["{x} is {m} than {y}"]
        return [checked(w, right, ["is {x} {m} than {y}"], claims, reply, x=x, y=y, m=word)]
    three = [items[i] for i in sorted(w.random.sample(range(len(items)), min(3, len(items))))]
    top = three[-1] if up else three[0]
    a, b, c = w.some(three, 3)
    asks = [
        "[what|which|which one] is the {m}: {a}, {b} or {c}?",
        "{a}, {b} or {c}: [which|which one] is the {m}?",
        "[which of these|what] is the {m}, {a}, {b} or {c}?",
    ]
    superlative = most if up else least
    if w.chance(0.3):
        asked = w.user(
            ["sort these from {s} to {b}: {x}.", "put these in order, {s} first: {x}."],
            s=least,
            b=most,
            x=listed([a, b, c]),
        )
        return [(asked, f"from {least} to {most}: {listed(three)}.")]
    return [(w.user(asks, m=superlative, a=a, b=b, c=c), f"{top} is the {superlative} of the three.")]


SIDES = Relation(
    [(shape, in_words(n)) for shape, n in read_table("parts")["sides"].items()],
    ["{a:s} has {o} sides."],
    Asking(
        direct=[
            "how many [sides|corners|edges] does {a:s} have",
            "how many [sides|corners] are there [in|on] {a:s}",
            "how many [sides|corners] can [you|i] count on {a:s}",
            "{a:s}, how many [sides|corners] has it got",
            "how many sides has {a:s} got",
            "{a:s} has how many [sides|corners]",
            "what number of sides does {a:s} have",
        ],
        clause=["how many [sides|corners] {a:s} has", "how many [sides|corners] there are on {a:s}"],
        noun=["the number of sides of {a:s}"],
        keys=["{s} sides", "sides of {a:s}", "{s} corners", "count all sides of {a:s}", "count the corners of {a:s}"],
    ),
    question=["does {a:s} have {o} sides"],
    claim=["{a:s} has {o} sides"],
    either=["does {a:s} have {x} or {y} sides"],
    reverse=Asking(
        direct=["[which|what] shape has {o} sides", "what do you call a shape with {o} sides", "what has {o} sides"],
        clause=["which shape has {o} sides"],
    ),
    back=["{a:s} has {o} sides."],
)
WHEELS = Relation(
    [
        (vehicle, "no wheels" if n == 0 else "one wheel" if n == 1 else in_words(n) + " wheels")
        for vehicle, n in read_table("parts")["wheels"].items()
    ],
    ["{a:s} has {o}."],
    Asking(
        direct=[
            "how many wheels does {a:s} have",
            "how many wheels has {a:s} got",
            "on how many wheels does {a:s} stand",
            "{a:s} has how many wheels",
        ],
        clause=["how many wheels {a:s} has"],
        noun=["the number of wheels of {a:s}"],
        keys=["{s} wheels", "wheels of {a:s}", "how many wheels {s}"],
    ),
    question=["does {a:s} have {o}"],
    claim=["{a:s} has {o}"],
    either=["does {a:s} have {x} or {y}"],
    wrong=lambda w, s, o: w.pick([n for n in ("two wheels", "three wheels", "four wheels", "five wheels") if n != o]),
)
UNITS = {
    "before after": (9, before_after),
    "between": (1, between),
    "numbered": (1.5, numbered),
    "months": (1.5, months),
    "part of row": (0.8, part_of_row),
    "how many": (7, how_many),
    "dates": (2.5, dates),
    "compare": (6, compare),
    "sides": (3, SIDES),
    "wheels": (1, WHEELS),
}
