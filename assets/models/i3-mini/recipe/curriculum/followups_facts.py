"""And germany? The same question again for another thing, another question for the same thing, and spelling it."""

from __future__ import annotations

from .core import Exchange, Writer, article, read_table
from .followups import AFTER, rows

FRAMES = read_table("followups")["facts"]
COUNTRY = {  # column of the table, and the reply
    "capital": (1, "the capital of {x} is {v}."),
    "language": (2, "people in {x} speak {v}."),
    "continent": (3, "{x} is in {v}."),
}
ANIMAL = {
    "young": (3, "a young {x} is called {a:v}."),
    "sound": (4, "{a:x} says {v}."),
    "home": (5, "{a:x} lives {v}."),
    "food": (6, "{a:x} eats {v}."),
}


def same_again(w: Writer) -> list[Exchange]:
    """A question for one country or animal, then for another one in few words."""
    table, questions = w.pick([("countries", COUNTRY), ("countries", COUNTRY), ("animals", ANIMAL)])
    kind = w.pick(list(questions))
    column, reply = questions[kind]
    known = [row for row in rows(table) if row[column]]
    exchanges: list[Exchange] = []
    asked = FRAMES[kind]
    for row in w.some(known, w.pick([2, 2, 3, 3, 4])):
        slots = {"x": row[0], "v": row[column]}
        exchanges.append((w.user(asked, **slots), w.text(reply, **slots)))
        asked = FRAMES["next" if table == "countries" or w.chance(0.3) else "next_animal"]
    if w.chance(0.25):
        exchanges.append((w.user(AFTER["sure"]), w.text(AFTER["sure_replies"], r=exchanges[-1][1])))
    return exchanges


def another_question(w: Writer) -> list[Exchange]:
    """Two questions about one country or animal; the second names it no more."""
    table, questions = w.pick([("countries", COUNTRY), ("animals", ANIMAL)])
    row = w.pick([row for row in rows(table) if all(row[column] for column, _ in questions.values())])
    exchanges: list[Exchange] = []
    for kind in w.some(questions, w.pick([2, 2, 3])):
        column, reply = questions[kind]
        slots = {"x": row[0], "v": row[column], "q": kind}
        later = "and_its" if table == "countries" and kind != "continent" else f"then_{kind}"
        exchanges.append((w.user(FRAMES[later if exchanges else kind], **slots), w.text(reply, **slots)))
    return exchanges


def spelled(w: Writer) -> list[Exchange]:
    """A capital, then its letters."""
    row = w.pick([row for row in rows("countries") if " " not in row[1]])
    capital = row[1]
    first = (w.user(FRAMES["capital"], x=row[0]), f"the capital of {row[0]} is {capital}.")
    return [first, (w.user(FRAMES["spell"]), "-".join(capital) + ".")]


def compared(w: Writer) -> list[Exchange]:
    """Two countries' capitals asked at once."""
    a, b = w.some(rows("countries"), 2)
    asks = [
        "what are the capitals of {a} and {b}?",
        "the capitals of {a} and {b}?",
        "tell me the capitals of {a} and {b}.",
    ]
    reply = f"the capital of {a[0]} is {a[1]} and the capital of {b[0]} is {b[1]}."
    return [(w.user(asks, a=a[0], b=b[0]), reply)]


def which_of_them(w: Writer) -> list[Exchange]:
    """Two animals told by what one of them eats or says."""
    column, asks, reply = w.pick(
        [(4, "which of them says {v}?", "{a:x} says {v}."), (6, "which of them eats {v}?", "{a:x} eats {v}.")]
    )
    known = [row for row in rows("animals") if row[column]]
    a, b = w.some(known, 2)
    while a[column] == b[column]:
        a, b = w.some(known, 2)
    both = w.text("{x} and {y}", x=article(a[0]), y=article(b[0]))
    first = w.user(["i am thinking of {x}.", "take {x}.", "let us talk about {x}.", "here are {x}."], x=both)
    one = w.pick([a, b])
    then = (w.user(asks, v=one[column]), w.text(reply, x=one[0], v=one[column]))
    return [(first, w.text(["{x}, gladly. what would you like to know?", "all right: {x}."], x=both)), then]


UNITS = {
    "same_again": (8, same_again),
    "another_question": (4, another_question),
    "spelled": (2, spelled),
    "compared": (1, compared),
    "which_of_them": (1, which_of_them),
}
