"""Facts about countries and famous places: capitals, languages, continents, money, neighbors, where things are."""

from __future__ import annotations

from .asking import ABOUT, CLAUSE, NEXT, QUESTION, Asking, Pair, Relation, checked, columns, within
from .core import Exchange, Writer, listed
from .words import listing

COUNTRIES = [row + [""] * (6 - len(row)) for row in columns("countries")]
WELL_KNOWN = listing("well_known_countries")
COUNTRIES.sort(key=lambda row: row[0] not in WELL_KNOWN)
KNOWN = len(WELL_KNOWN)
OTHER_NAMES = {
    "the united states": ("the usa", "america", "the us", "usa"),
    "the united kingdom": ("the uk", "great britain", "britain", "uk"),
    "the netherlands": ("holland",),
    "the czech republic": ("czechia",),
    "the united arab emirates": ("the emirates",),
    "ivory coast": ("the ivory coast",),
    "myanmar": ("burma",),
}


def column(number: int) -> list[Pair]:
    """Countries and what the column of the table says of them, where it says something."""
    return [(row[0], row[number]) for row in COUNTRIES if row[number]]


CAPITAL = Relation(
    column(1),
    ["the capital of {s} is {o}."],
    Asking(
        direct=[
            "[what|which city] is [the capital of {s}|the capital city of {s}|{s}'s capital]",
            "[what|which] city is the [capital|capital city] of {s}",
            "{s} has which [capital|capital city]",
            "what is {s}'s capital [city|]",
            "in {s}, [what|which city] is the capital",
            "what is the name of [the capital of {s}|{s}'s capital]",
            "[how is|what is] the capital of {s} called",
        ],
        clause=[
            "what [the capital of {s}|the capital city of {s}|{s}'s capital] is",
            "which city is the capital of {s}",
            "what the capital of {s} is called",
            "what [city|town] is the capital of {s}",
        ],
        noun=["[the capital of {s}|the capital city of {s}|{s}'s capital]"],
        keys=["{s} capital", "capital {s}", "capital of {s}", "capital city {s}", "{s}: capital", "{s}, capital city"],
    ),
    question=["is {o} the capital [of|city of] {s}", "is the capital of {s} {o}", "is {s}'s capital [called |]{o}"],
    claim=["{o} is the capital of {s}", "the capital of {s} is {o}", "{s}'s capital is {o}"],
    either=[
        "is the capital of {s} {x} or {y}",
        "{x} or {y}, which is the capital of {s}",
        "is {x} or {y} the capital of {s}",
    ],
    gap=["the capital of {s} is", "the capital city of {s} is [called|]", "{s}'s capital is"],
    reverse=Asking(
        direct=[
            "[which|what] country has the capital {o}",
            "{o} is the capital of [which|what] country",
            "of [which|what] country is {o} the capital",
            "[which|what] country is {o} the capital of",
            "in [which|what] country is {o} the capital",
            "what is {o} the capital of",
        ],
        clause=[
            "which country has the capital {o}",
            "what {o} is the capital of",
            "which country {o} is the capital of",
        ],
        keys=["{o} is the capital of ...", "country with capital {o}", "{o} capital of which country"],
    ),
    back=["{o} is the capital of {s}."],
    known=KNOWN,
)

LANGUAGE = Relation(
    column(2),
    ["people in {s} speak {o}."],
    Asking(
        direct=[
            "[what|which] language do [people|they] speak in {s}",
            "[what|which] language is spoken in {s}",
            "what do [people|they] speak in {s}",
            "[what|which] language do [people|most people] in {s} speak",
            "in {s}, what language [is spoken|do people speak]",
            "what is the language of {s}",
            "how do people talk in {s}, in which language",
        ],
        clause=[
            "[what|which] language [people|they] speak in {s}",
            "[what|which] language is spoken in {s}",
            "what [people|they] speak in {s}",
            "what the language of {s} is",
        ],
        noun=["[the language of {s}|the main language of {s}|the language that people speak in {s}]"],
        keys=["{s} language", "language of {s}", "language in {s}", "language {s}", "{s}: language"],
    ),
    question=["do [people|they|most people] [in {s} speak {o}|speak {o} in {s}]", "is {o} spoken in {s}"],
    claim=["people [in {s} speak {o}|speak {o} in {s}]", "they speak {o} in {s}", "the language of {s} is {o}"],
    either=["do [people|they] speak {x} or {y} in {s}", "is it {x} or {y} that people speak in {s}"],
    gap=["people in {s} speak", "the language of {s} is", "in {s} they speak"],
    known=KNOWN,
)

CONTINENT = Relation(
    column(3),
    ["{s} is in {o}."],
    Asking(
        direct=[
            "where is {s}",
            "on [which|what] continent is {s}",
            "[which|what] continent is {s} [in|on]",
            "in [which|what] part of the world is {s}",
            "where on the [map|globe] is {s}",
            "where can i find {s}",
            "where do i find {s} on the map",
            "where [is {s} located|does {s} lie]",
        ],
        clause=[
            "where {s} is",
            "on which continent {s} is",
            "which continent {s} [is in|belongs to]",
            "where {s} lies",
        ],
        noun=["the continent of {s}"],
        keys=["{s} where", "where {s}", "{s} continent", "continent of {s}", "location of {s}"],
    ),
    question=["is {s} in {o}", "does {s} [belong to|lie in] {o}", "is {s} a [country|land] in {o}"],
    claim=["{s} is in {o}", "{s} is a country in {o}", "{s} lies in {o}"],
    either=["is {s} in {x} or {y}", "does {s} lie in {x} or in {y}"],
    gap=["{s} is in", "{s} is a country in", "the continent of {s} is"],
    known=KNOWN,
)

MONEY = Relation(
    column(4),
    ["people in {s} pay with {o}."],
    Asking(
        direct=[
            "what [money|currency] do [people|they] [use|have] in {s}",
            "[what|which] [money|currency] is used in {s}",
            "what do [people|they|you] pay with in {s}",
            "what is the [currency|money] of {s}",
            "how do [people|you] pay in {s}",
            "[what|which] money do i need in {s}",
        ],
        clause=["what [money|currency] they use in {s}", "what the currency of {s} is", "what people pay with in {s}"],
        noun=["the currency of {s}", "the money of {s}"],
        keys=["{s} currency", "currency of {s}", "{s} money", "currency in {s}"],
    ),
    question=["do [people|they] pay with {o} in {s}", "is {o} the [money|currency] of {s}"],
    claim=["people in {s} pay with {o}", "the currency of {s} is {o}", "they use {o} in {s}"],
    either=["do people in {s} pay with {x} or {y}", "is the currency of {s} {x} or {y}"],
    gap=["people in {s} pay with", "the currency of {s} is"],
    known=25,
)

PLACES = columns("places")
PLACE = Relation(
    [(row[0], row[1]) for row in PLACES],
    ["{s} is in {o}."],
    Asking(
        direct=[
            "where is {s}",
            "where can i [find|see|visit] {s}",
            "in [which|what] [country|place|part of the world] is {s}",
            "[which|what] country is {s} in",
            "where in the world is {s}",
            "where do i have to go to see {s}",
            "where is {s} located",
        ],
        clause=[
            "where {s} is",
            "in which country {s} is",
            "where to find {s}",
            "where {s} is located",
            "where i can see {s}",
        ],
        noun=["the place of {s}"],
        keys=["{s} where", "where {s}", "location of {s}", "{s} location", "{s} in which country"],
    ),
    question=["is {s} in {o}", "can i [see|visit|find] {s} in {o}"],
    claim=["{s} is in {o}", "{s} [lies|can be found] in {o}"],
    either=["is {s} in {x} or [in |]{y}"],
    gap=["{s} is in", "you can find {s} in"],
)
WHAT_PLACE = Relation(
    [(row[0], row[2]) for row in PLACES],
    ["{s} is {o}."],
    Asking(
        direct=["what is {s}", "what exactly is {s}", "what kind of thing is {s}", "what sort of place is {s}"],
        clause=["what {s} is", "what exactly {s} is", "what kind of thing {s} is"],
        keys=["what {s}", "{s} meaning", "{s}, what is it"],
    ),
    question=["is {s} {o}"],
    claim=["{s} is {o}"],
    either=["is {s} {x} or {y}"],
    follow=False,
)
WHERE_CITY = Relation(
    [(city, country) for country, city in CAPITAL.unique if city not in country],
    ["{s} is in {o}. it is the capital."],
    Asking(
        direct=[
            "where is {s}",
            "in [which|what] country is {s}",
            "[which|what] country is {s} in",
            "where can i find {s}",
        ],
        clause=["where {s} is", "in which country {s} is", "which country {s} is in"],
        keys=["{s} where", "where {s}", "{s} which country", "{s} country"],
    ),
    question=["is {s} in {o}"],
    claim=["{s} is in {o}", "{s} is a city in {o}"],
    either=["is {s} in {x} or in {y}"],
    gap=["{s} is a city in"],
    known=KNOWN,
)
NEIGHBORS = [(row[0], row[5].split(", ")) for row in COUNTRIES if row[5].count(",") >= 1]
BESIDE = [
    "[what|which] countries are [next to|beside|around|neighbors of] {s}",
    "[what|which] are the neighbors of {s}",
    "who are the neighbors of {s}",
    "[what|which] countries [border|touch] {s}",
    "[what|which] countries does {s} [border|touch]",
    "name some neighbors of {s}",
    "what is next to {s} on the map",
    "[what|which] country is next to {s}",
]


FAR = {  # continents without any border or narrow sea between them
    "europe": ("south america", "oceania"),
    "asia": ("south america", "north america"),
    "africa": ("north america", "oceania"),
    "north america": ("africa", "oceania"),
    "south america": ("europe", "asia"),
    "oceania": ("europe", "africa"),
}


def neighbors(w: Writer) -> list[Exchange]:
    """Countries that touch one."""
    country, around = w.pick(NEIGHBORS[:KNOWN] if w.chance(0.7) else NEIGHBORS)
    if w.chance(0.3):
        near = w.chance(0.5)
        other = w.pick(around) if near else w.pick([row[0] for row in COUNTRIES if row[3] in FAR[COUNTRY[country][3]]])
        truth = f"{other} is next to {country}." if near else f"{other} is in {COUNTRY[other][3]}, far from {country}."
        questions = ["is {o} [next to|a neighbor of|beside] {s}", "does {o} touch {s}", "are {o} and {s} neighbors"]
        claims = ["{o} is next to {s}", "{o} is a neighbor of {s}"]
        return [checked(w, near, questions, claims, truth, s=country, o=other)]
    some = w.some(around, min(len(around), 3))
    reply = f"{listed(some)} are next to {country}."
    return [(w.user(within(w, QUESTION, BESIDE), s=country), reply)]


COUNTRY = {row[0]: row for row in COUNTRIES}


def about_country(w: Writer) -> list[Exchange]:
    """Two or three different questions about one country, the later ones without its name."""
    row = w.pick(COUNTRIES[:KNOWN] if w.chance(0.7) else COUNTRIES)
    name, capital, language, continent = row[:4]
    said = w.pick(OTHER_NAMES.get(name, (name,)))
    asks = {
        "capital": (
            CAPITAL.ask,
            ["what is [its|the] capital", "[its|the] capital", "which city is the capital [there|]"],
        ),
        "language": (LANGUAGE.ask, ["what [language do they|do they|do people] speak [there|]", "[its|the] language"]),
        "place": (CONTINENT.ask, ["where is it", "where is [it|that]", "on which continent is [it|that]"]),
    }
    replies = {
        "capital": f"the capital of {name} is {capital}.",
        "language": f"people in {name} speak {language}.",
        "place": f"{name} is in {continent}.",
    }
    kinds = w.some(sorted(asks), w.pick((2, 2, 3)))
    out = [(asks[kinds[0]][0].user(w, s=said), replies[kinds[0]])]
    for kind in kinds[1:]:
        short = within(w, ("{}?", "{}?", "[and|ok, and|thanks. and|so] {}?", "{}, do you know?"), asks[kind][1])
        out.append((w.user(short), replies[kind]))
    return out


def tell_about(w: Writer) -> list[Exchange]:
    """Something about a country or its capital."""
    row = w.pick(COUNTRIES[:KNOWN] if w.chance(0.75) else COUNTRIES)
    name, capital, language, continent = row[:4]
    if w.chance(0.3) and capital not in name:
        return [(w.user(within(w, ABOUT, "{s}"), s=capital), f"{capital} is in {name}. it is the capital.")]
    said = w.pick(OTHER_NAMES.get(name, (name,)))
    reply = f"{name} is in {continent}. the capital is {capital}, and people speak {language}."
    return [(w.user(within(w, ABOUT, "{s}"), s=said), reply)]


def other_name(w: Writer) -> list[Exchange]:
    """Asks by another common name of a country."""
    name = w.pick(sorted(OTHER_NAMES))
    relation = w.pick((CAPITAL, LANGUAGE, CONTINENT))
    truth = relation.truth[-1]
    answer = dict(relation.pairs)[name]
    return [(relation.ask.user(w, s=w.pick(OTHER_NAMES[name])), w.text(truth, s=name, o=answer))]


def where_spoken(w: Writer) -> list[Exchange]:
    """Countries where one language is spoken."""
    language = w.pick(("spanish", "english", "french", "german", "portuguese", "arabic", "italian", "dutch", "russian"))
    places = [country for country, spoken in LANGUAGE.pairs[:KNOWN] if language in spoken.replace(",", "").split()]
    asked = [
        "where do [people|they] speak {l}",
        "in [which|what] [country|countries] [do people speak|do they speak] {l}",
        "where is {l} spoken",
        "in which [country|countries] is {l} spoken",
        "where can i speak {l}",
    ]
    frames = QUESTION if w.chance(0.8) else CLAUSE
    if frames is CLAUSE:
        asked = ["where [people|they] speak {l}", "where {l} is spoken", "in which countries {l} is spoken"]
    some = w.some(places, min(len(places), w.pick((1, 2, 2, 3))))
    return [(w.user(within(w, frames, asked), l=language), f"people speak {language} in {listed(some)}.")]


def cities(w: Writer) -> list[Exchange]:
    """Names a country, city, capital or continent of a part of the world."""
    continent = w.pick(("europe", "asia", "africa", "south america", "north america"))
    known = [
        row[0] for row in COUNTRIES if row[3] == continent and (row[0] in WELL_KNOWN or continent == "south america")
    ]
    n = min(w.pick((1, 1, 2, 3)), len(known))
    some = w.some(known, n)
    number = ("", "a", "two", "three")[n]
    asks = [
        "[name|tell me|give me|say|please name] {n} {c} in {k}.",
        "[which|what] countries are in {k}?" if n > 1 else "[which|what] country is in {k}?",
        "[do you know|can you name|can you tell me|could you name] {n} {c} in {k}?",
        "{n} {c} in {k}, please.",
    ]
    asked = w.user(asks, n=number, c="country" if n == 1 else "countries", k=continent)
    out = [(asked, f"{listed(some)} {'is' if n == 1 else 'are'} in {continent}.")]
    rest = [name for name in known if name not in some]
    if rest and w.chance(0.35):
        more = w.pick(rest)
        out.append(
            (
                w.user(["[one more|another one|another|and another|more]?", "[and |]one more please."]),
                f"{more} is in {continent}, too.",
            )
        )
    return out


def contrast(w: Writer) -> list[Exchange]:
    """The same kind of question about two countries, then the first again."""
    relation = w.pick((CAPITAL, CAPITAL, LANGUAGE, CONTINENT))
    (s, o), (s2, o2) = relation.fact(w), relation.fact(w)
    if s == s2:
        return relation(w)
    truth = relation.truth[-1]
    out = [(relation.ask.user(w, s=s), w.text(truth, s=s, o=o))]
    out.append((w.user(within(w, NEXT, "{s}"), s=s2), w.text(truth, s=s2, o=o2)))
    if w.chance(0.3):
        again = ["[and|sorry, and|and again,|what was it for] {s}[ again|]?"]
        out.append((w.user(again, s=s), w.text(truth, s=s, o=o)))
    return out


UNITS = {
    "capital": (8, CAPITAL),
    "language": (4, LANGUAGE),
    "continent": (3, CONTINENT),
    "money": (0.7, MONEY),
    "place": (4, PLACE),
    "what place": (1.5, WHAT_PLACE),
    "where city": (2.5, WHERE_CITY),
    "neighbors": (1.5, neighbors),
    "about country": (2, about_country),
    "tell about": (1.5, tell_about),
    "other name": (0.7, other_name),
    "where spoken": (1, where_spoken),
    "countries": (1, cities),
    "contrast": (1.5, contrast),
}
