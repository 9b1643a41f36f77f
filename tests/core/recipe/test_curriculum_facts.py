"""Facts, sums and tasks of i3-mini's curriculum: units can be written, replies are true and plain."""

import re
from itertools import pairwise

import pytest
from curriculum import (
    facts_general,
    facts_kinds,
    facts_nature,
    facts_things,
    facts_time,
    facts_uses,
    facts_words,
    facts_world,
    sums,
    sums_numbers,
    sums_stories,
    tasks_copy,
    tasks_howto,
    tasks_ideas,
    tasks_letters,
    tasks_lists,
    tasks_notes,
    tasks_quiz,
    tasks_words,
)
from curriculum.core import Writer, held_out, in_words, read_table

MODULES = (
    facts_general, facts_kinds, facts_nature, facts_things, facts_time, facts_uses, facts_words, facts_world, sums,
    sums_numbers, tasks_copy, tasks_howto, tasks_ideas, tasks_letters, tasks_lists, tasks_notes, tasks_quiz,
    tasks_words,
)  # fmt: skip
UNITS = [
    pytest.param(unit, id=f"{module.__name__.split('.')[-1]}: {name}")
    for module in MODULES
    for name, (_, unit) in module.UNITS.items()
]
ALLOWED = re.compile(r"[a-z0-9.,?!' :\n-]+")
SIGNS = {"plus": lambda a, b: a + b, "minus": lambda a, b: a - b, "times": lambda a, b: a * b}


@pytest.mark.parametrize("unit", UNITS)
def test_unit_writes_plain_short_exchanges(unit):
    w = Writer(7)
    for _ in range(200):
        exchanges = unit(w)
        assert 1 <= len(exchanges) <= 6
        assert sum(len(user) + len(reply) for user, reply in exchanges) < 700
        for user, reply in exchanges:
            assert user.strip() == user != ""
            assert not re.search(r"[\[\]|{}\x01]|  ", user), user
            assert ALLOWED.fullmatch(reply), reply
            assert "  " not in reply


@pytest.mark.parametrize("unit", UNITS)
def test_same_seed_writes_the_same(unit):
    assert unit(Writer(3)) == unit(Writer(3))


def sums_in(text):
    return re.findall(r"(-?\d+) (plus|minus|times|divided by) (\d+) is (minus )?(\d+)\.", text)


def test_sums_in_replies_are_right():
    w = Writer(1)
    seen = 0
    for module in (sums, tasks_quiz):
        for _, unit in module.UNITS.values():
            for _ in range(300):
                for _, reply in unit(w):
                    if "plus" in reply and reply.count("plus") + reply.count("minus") > 1 and "is minus" not in reply:
                        continue
                    for a, sign, b, below, result in sums_in(reply):
                        seen += 1
                        value = -int(result) if below else int(result)
                        if sign == "divided by":
                            assert int(b) * value == int(a), reply
                        else:
                            assert SIGNS[sign](int(a), int(b)) == value, reply
    assert seen > 1000


def test_sums_of_stories_are_of_the_numbers_told():
    w = Writer(14)
    for write in (sums_stories.change, sums_stories.on_a_place, sums_stories.two_kinds, sums_stories.two_people):
        for _ in range(200):
            user, reply = write(w)[0]
            ((a, _, b, _, result),) = sums_in(reply)
            for number in (a, b):
                assert number in user or in_words(int(number)) in user.lower(), (user, reply)
            assert re.search(rf"\b{result if result != '0' else 'no'}\b", reply.split(". ")[1]), reply


def test_sums_of_three_and_chains_are_right():
    w = Writer(2)
    for _ in range(300):
        ((_, reply),) = sums.UNITS["three"][1](w)
        a, b, sign, c, result = re.fullmatch(r"(\d+) plus (\d+) (plus|minus) (\d+) is (\d+)\.", reply).groups()
        assert SIGNS[sign](int(a) + int(b), int(c)) == int(result)
    for _ in range(300):
        replies = [reply for _, reply in sums.UNITS["chained"][1](w)]
        for before, after in pairwise(replies):
            assert before.rsplit(" ", 1)[1].rstrip(".") == after.split(" ", 1)[0]


@pytest.mark.parametrize(("name", "step"), [("after", 1), ("before", -1)])
def test_number_neighbors_are_right(name, step):
    w = Writer(3)
    found = 0
    for _ in range(400):
        for _, reply in sums_numbers.UNITS["neighbors"][1](w):
            if match := re.fullmatch(rf"(\d+) comes {name} (\d+)\.", reply):
                found += 1
                assert int(match[1]) == int(match[2]) + step
    assert found > 50


def test_days_and_months_follow_each_other():
    w = Writer(4)
    rows = (facts_time.DAYS, facts_time.MONTHS, facts_time.SEASONS)
    for _ in range(500):
        for _, reply in facts_time.UNITS["before after"][1](w):
            match = re.search(r"(\w+) comes (after|before) (\w+)\.", reply)
            if match:
                row = next(row for row in rows if match[1] in row)
                step = 1 if match[2] == "after" else -1
                assert row[(row.index(match[3]) + step) % len(row)] == match[1], reply


@pytest.mark.parametrize(
    ("relation", "subject", "answer"),
    [
        (facts_world.CAPITAL, "france", "paris"),
        (facts_world.CAPITAL, "australia", "canberra"),
        (facts_world.LANGUAGE, "brazil", "portuguese"),
        (facts_world.CONTINENT, "kenya", "africa"),
        (facts_nature.YOUNG, "sheep", "lamb"),
        (facts_nature.LEGS, "spider", "eight legs"),
        (facts_nature.SOUND, "cow", "moo"),
        (facts_things.COLOR, "a banana", "yellow"),
        (facts_words.OPPOSITE, "big", "small"),
        (facts_words.OPPOSITE, "cold", "hot"),
        (facts_words.PLURAL, "mouse", "mice"),
        (facts_words.PAST, "go", "went"),
    ],
)
def test_well_known_facts(relation, subject, answer):
    assert dict(relation.pairs)[subject] == answer


@pytest.mark.parametrize(
    "relation", [facts_world.CAPITAL, facts_world.LANGUAGE, facts_nature.YOUNG, facts_words.OPPOSITE]
)
def test_answer_to_a_yes_no_question_fits_the_truth(relation):
    w = Writer(5)
    facts = dict(relation.pairs)
    for _ in range(500):
        for user, reply in relation(w):
            if reply.startswith(("yes, ", "true. ")):
                said = user.lower().replace("'", "")
                told = [facts[subject].replace("'", "") for subject in facts if subject in reply]
                assert any(answer in said for answer in told), (user, reply)


def test_opposites_and_countries_are_listed_once():
    countries = [line.split("|")[0] for line in read_table("countries")]
    assert len(countries) == len(set(countries)) > 180


def test_letters_are_counted_and_turned_right():
    w = Writer(6)
    for _ in range(400):
        for name in ("spell", "length", "reverse", "letter of"):
            for _, reply in tasks_letters.UNITS[name][1](w):
                if match := re.fullmatch(r"(\w+) is spelled (.+)\.", reply):
                    assert match[2].replace("-", "") == match[1]
                elif match := re.fullmatch(r"(.+): (\w+) has (\d+) letters\.", reply):
                    assert len(match[2]) == int(match[3])
                    assert match[1].replace("-", "") == match[2]
                elif match := re.fullmatch(r"(.+) backwards is (.+): (\w+)\.", reply):
                    assert match[1].replace("-", "") == match[3][::-1]
                elif match := re.search(r"the (first|last) letter of (\w+) is (\w)\.", reply):
                    assert match[2][0 if match[1] == "first" else -1] == match[3]


def test_repeating_copies_what_was_asked_for():
    w = Writer(8)
    for _ in range(500):
        user, reply = tasks_copy.UNITS["repeat"][1](w)[0]
        first = reply.rstrip(".").split(", ")[0]
        assert first in user.lower()


def test_choice_is_one_of_those_named():
    w = Writer(9)
    for _ in range(300):
        user, reply = tasks_ideas.UNITS["choose"][1](w)[0]
        chosen = re.fullmatch(r"i would choose (.+)\.|(.+), i would say\.", reply)
        assert (chosen[1] or chosen[2]) in user.lower()


def test_clothes_greeted_and_present_take_up_what_was_said():
    w = Writer(11)
    for _ in range(200):
        user, reply = tasks_ideas.UNITS["wear"][1](w)[0]
        assert all(word in user.lower() for word in reply.removeprefix("i would choose the ").rstrip(".").split())
        user, reply = tasks_copy.UNITS["greet"][1](w)[0]
        greeted = re.search(r", ([a-z ]+)!", reply)[1].removeprefix("dear ")
        assert greeted in user.lower() or greeted == "everyone"
        assert tasks_ideas.UNITS["present"][1](w)[0][1].startswith(("how about", "what about", "maybe", "my idea"))


def test_what_does_not_fit_is_of_another_kind():
    w = Writer(12)
    for _ in range(300):
        user, reply = facts_kinds.UNITS["odd one"][1](w)[0]
        odd, many = re.fullmatch(r"(.+) does not fit\. the others are (.+)\.", reply).groups()
        kind = next(kind for kind, name in facts_kinds.MANY.items() if name == many)
        assert odd in user.lower()
        assert odd not in facts_kinds.KINDS[kind]
        assert sum(bool(re.search(rf"\b{re.escape(m)}\b", user.lower())) for m in facts_kinds.KINDS[kind]) >= 2


def test_things_are_asked_for_in_many_ways():
    w = Writer(13)
    asked = {re.sub(r"\W", " ", tasks_lists.UNITS["list things"][1](w)[0][0].lower()) for _ in range(1000)}
    assert len({tuple(text.split()[:2]) for text in asked}) > 200


def test_listed_things_are_of_the_kind():
    w = Writer(10)
    lines = [text.split(" = ")[1] for text in read_table("kinds")]
    members = {member for line in lines for member in line.split(", ")}
    for _ in range(300):
        for _, reply in tasks_lists.UNITS["list things"][1](w):
            assert all(
                thing in members for thing in re.split(r", | and (?=\w)", reply.rstrip(".")) if "gretel" not in reply
            )


def test_tables_hold_no_word_that_is_kept_for_measuring():
    names = (
        "animals", "colors", "countries", "dates", "definitions", "howto", "kinds", "orders", "people", "places", "qa",
        "quantities", "why", "works",
    )  # fmt: skip
    for name in names:
        words = set(re.findall(r"[a-z]+", " ".join(read_table(name))))
        assert not words & held_out(), name
    for name in ("words", "parts", "ideas", "lists"):
        words = set(re.findall(r"[a-z]+", repr(read_table(name)).lower()))
        assert not words & held_out(), name
