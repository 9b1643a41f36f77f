"""Quizzes and guessing games over two turns and more: it asks, the user answers, it checks."""

from __future__ import annotations

from collections.abc import Callable

from .asking import columns, within
from .core import Exchange, Writer, article, in_words
from .facts_nature import ANIMALS, LEGS, SOUND, YOUNG
from .facts_things import COLOR
from .facts_time import DAYS, MONTHS
from .facts_words import OPPOSITE
from .facts_world import CAPITAL, CONTINENT, LANGUAGE
from .wishes import DEEDS as ASKED

Asked = tuple[str, str, str, str]  # question, answer, a wrong answer, the whole sentence


def of(relation, question: str) -> Callable[[Writer], Asked]:
    """Questions from the pairs of a relation."""

    def ask(w: Writer) -> Asked:
        s, o = w.pick(relation.pairs[: relation.known])
        return w.text(question, s=s), o, relation.other(w, s, o), w.text(relation.truth[-1], s=s, o=o)

    return ask


def sum_question(w: Writer) -> Asked:
    """A small sum."""
    a, b = w.random.randint(1, 10), w.random.randint(1, 10)
    name = w.pick(("plus", "plus", "times", "minus"))
    if name == "minus":
        a, b = max(a, b), min(a, b)
    result = {"plus": a + b, "times": a * b, "minus": a - b}[name]
    return f"what is {a} {name} {b}?", str(result), str(result + w.pick((1, 2, 3))), f"{a} {name} {b} is {result}."


def day_question(w: Writer) -> Asked:
    """The next day or month."""
    row = w.pick((DAYS, MONTHS))
    place = w.random.randrange(len(row))
    after = row[(place + 1) % len(row)]
    return f"what comes after {row[place]}?", after, row[place - 1], f"{after} comes after {row[place]}."


WORKS = [row for row in columns("works") if row[1] in ("wrote", "painted", "invented")]


def work_question(w: Writer) -> Asked:
    """Who wrote, painted or invented it."""
    work, verb, person = w.pick(WORKS)
    wrong = w.pick([p for _, v, p in WORKS if v == verb and p != person])
    return f"who {verb} {work}?", person, wrong, f"{person} {verb} {work}."


TOPICS: dict[str, Callable[[Writer], Asked]] = {
    "capitals": of(CAPITAL, "what is the capital of {s}?"),
    "countries": of(CONTINENT, "on which continent is {s}?"),
    "languages": of(LANGUAGE, "what language do people speak in {s}?"),
    "animals": of(YOUNG, "what is a baby {s} called?"),
    "animal sounds": of(SOUND, "what does {a:s} say?"),
    "colors": of(COLOR, "what color is {s}?"),
    "opposites": of(OPPOSITE, "what is the opposite of {s}?"),
    "legs": of(LEGS, "how many legs does {a:s} have?"),
    "math": sum_question,
    "days and months": day_question,
    "books and art": work_question,
}
ANY = (
    "quiz me",
    "ask me a quiz question",
    "let us play a quiz",
    "let us do a quiz",
    "give me a quiz question",
    "test me",
    "test my knowledge",
    "ask me something difficult",
    "ask me a quiz question, please",
    "i want to play a quiz",
    "start a quiz",
    "play a quiz with me",
    "ask me a question and check my answer",
    "give me a question to answer",
    "let us play trivia",
    "ask me a trivia question",
)
ABOUT = (
    "quiz me on {t}",
    "ask me [something|a question] about {t}",
    "test me on {t}",
    "let us do a quiz about {t}",
    "give me a question about {t}",
    "a quiz about {t}, please",
    "i want to practice {t}. ask me",
    "play a {t} quiz with me",
    "ask me about {t}",
    "let us practice {t}",
)
GIVE_UP = (
    "[i do not know|no idea|i have no idea|i give up|tell me|you tell me|pass|hm, i do not know|not sure|what is it]",
    "i do not know. [tell me|what is it]?",
)
MORE = (
    "[another one|another question|next|next one|next question|one more|again|more|continue][|, please].",
    "[ok|cool|fun|nice|good], [next|another one|one more].",
)
ANSWER = ("{o}.", "{o}", "{o}?", "[is it|i think|i think it is|it is|i would say|maybe|hm,|the answer is|i guess] {o}.")


def quiz(w: Writer) -> list[Exchange]:
    """A question, an answer that is checked, and perhaps more."""
    topic = w.pick(list(TOPICS))
    any_topic = w.chance(0.5)
    asked = w.user(within(w, ASKED[:4], ANY if any_topic else ABOUT), t=topic)
    out: list[Exchange] = []
    for number in range(w.pick((1, 1, 2))):
        question, answer, wrong, truth = TOPICS[w.pick(list(TOPICS)) if any_topic else topic](w)
        out.append((w.user(MORE) if number else asked, question))
        drawn = w.random.random()
        if drawn < 0.45:
            out.append((w.user(ANSWER, o=answer), f"yes, that is right! {truth}"))
        elif drawn < 0.75:
            out.append((w.user(ANSWER, o=wrong), f"no, {truth}"))
        else:
            out.append((w.user(GIVE_UP), truth))
    return out


CLUED = [row for row in ANIMALS if row[6] and row[5] and sum(map(bool, row[2:9])) > 4]


def clues(w: Writer, row: list[str]) -> list[str]:
    """What is said of an animal, each without its name."""
    found = [f"eats {row[6]}", f"lives {row[5]}"]
    if row[2]:
        found.append("has no legs" if row[2] == "0" else f"has {in_words(int(row[2]))} legs")
    if row[4]:
        found.append(f"says {row[4]}")
    if row[7] and row[0] not in row[7]:
        found.append(f"is {row[7]}")
    return w.some(found, min(3, len(found)))


def guess_animal(w: Writer) -> list[Exchange]:
    """It thinks of an animal; the user guesses."""
    row = w.pick(CLUED)
    name = article(row[0])
    first, second, *rest = clues(w, row)
    asks = [
        "play a guessing game with me",
        "let us play a guessing game",
        "let me guess an animal",
        "think of an animal and let me guess",
        "give me an animal riddle",
        "describe an animal and let me guess",
        "i want to guess something",
        "let us play guess the animal",
        "can we play guess what",
        "play with me",
        "let us play a game",
        "think of something and i guess",
    ]
    out = [(w.user(within(w, ASKED[:4], asks)), f"i think of an animal. it {first} and {second}. what is it?")]
    drawn = w.random.random()
    if drawn < 0.2 and rest:
        out.append(
            (
                w.user(
                    [
                        "[another|one more] [clue|hint][, please|].",
                        "give me [a|another] hint.",
                        "tell me more.",
                        "can i have a clue?",
                        "that is hard. a hint?",
                    ]
                ),
                f"it {rest[0]}. what is it?",
            )
        )
        drawn = w.random.random()
    if drawn < 0.5:
        out.append((w.user(ANSWER, o=w.pick((name, row[0]))), f"yes, it is {name}! well done."))
    elif drawn < 0.78:
        wrong = w.pick([r for r in ANIMALS if r[0] != row[0] and r[6] != row[6] and r[5] != row[5]])[0]
        out.append((w.user(ANSWER, o=w.pick((article(wrong), wrong))), f"no, it is {name}. good try!"))
    else:
        out.append((w.user(GIVE_UP), f"it is {name}."))
    return out


def it_guesses(w: Writer) -> list[Exchange]:
    """The user describes an animal; it guesses."""
    kind = w.pick(("sound", "young", "gives"))
    if kind == "sound":
        name, sound = w.pick(SOUND.unique)
        asks = [
            "guess my animal: it says {o}",
            "i think of an animal that says {o}. guess",
            "what animal do i mean? it says {o}",
            "guess: which animal says {o}",
            "i am an animal and i say {o}. who am i",
        ]
        asked = w.user(within(w, ("{}.", "{}?"), asks), o=sound)
    elif kind == "young":
        name, young = w.pick(YOUNG.unique)
        asks = [
            "guess my animal: its baby is {a:o}",
            "i think of an animal. its child is called {a:o}. guess",
            "what animal do i mean? its young is {a:o}",
        ]
        asked = w.user(within(w, ("{}.", "{}?"), asks), o=young)
    else:
        name, what = w.pick(
            [
                ("bee", "honey"),
                ("sheep", "wool"),
                ("giraffe", "a very long neck"),
                ("elephant", "a trunk"),
                ("camel", "a hump"),
                ("spider", "a web"),
                ("kangaroo", "a pouch"),
                ("snail", "a house on its back"),
                ("zebra", "black and white stripes"),
                ("hedgehog", "spines"),
            ]
        )
        asks = [
            "guess my animal: it has {o}",
            "i think of an animal with {o}. guess",
            "what animal do i mean? it has {o}",
            "i am an animal with {o}. who am i",
        ]
        asked = w.user(within(w, ("{}.", "{}?"), asks), o=what)
    out = [(asked, f"is it {article(name)}?")]
    if w.chance(0.5):
        out.append(
            (
                w.user(
                    ["yes!", "[yes|right|correct], [it is|well done].", "yes, {a:s}!", "that is right.", "exactly!"],
                    s=name,
                ),
                "i guessed it! that was fun.",
            )
        )
    return out


def guess_number(w: Writer) -> list[Exchange]:
    """It has a number; the user guesses."""
    top = w.pick((3, 5, 10, 10, 10, 20))
    asks = [
        "think of a number between 1 and {t} and let me guess",
        "let me guess a number from 1 to {t}",
        "play guess the number with me, 1 to {t}",
        "i want to guess your number between 1 and {t}",
        "let us play guess the number, from 1 to {t}",
    ]
    out = [(w.user(within(w, ASKED[:4], asks), t=top), f"i have a number from 1 to {top}. take a guess!")]
    number, guess = w.random.randint(1, top), w.random.randint(1, top)
    reply = f"yes, it is {number}! well done." if number == guess else f"no, it is {number}. good try!"
    out.append((w.user(ANSWER, o=guess if w.chance(0.7) else in_words(guess)), reply))
    return out


def check_answers(w: Writer) -> list[Exchange]:
    """The user quizzes it and says whether it was right."""
    question, _, _, truth = TOPICS[w.pick(list(TOPICS))](w)
    asks = [
        "i [quiz|test] you now: {q}",
        "now i ask you: {q}",
        "let me [quiz|test] you: {q}",
        "a quiz for you: {q}",
        "my turn to ask. {q}",
        "can you answer this? {q}",
    ]
    out = [(w.user(asks, q=question), truth)]
    if w.chance(0.5):
        out.append(
            (
                w.user(["[correct|right|yes|well done|that is right|very good|good job]!", "you are right."]),
                w.text(["i am glad!", "i am glad. ask me another one!"]),
            )
        )
    return out


def rock_paper(w: Writer) -> list[Exchange]:
    """Rock, paper, scissors."""
    hands = ("rock", "paper", "scissors")
    mine, theirs = w.random.randrange(3), w.random.randrange(3)
    out = (
        [
            (
                w.user(
                    [
                        "let us play rock paper scissors.",
                        "rock paper scissors?",
                        "play rock, paper, scissors with me.",
                        "do you want to play rock paper scissors?",
                    ]
                ),
                "yes! you begin: rock, paper or scissors?",
            )
        ]
        if w.chance(0.5)
        else []
    )
    if mine == theirs:
        result = "it is a draw."
    else:
        winner, loser = (mine, theirs) if (mine - theirs) % 3 == 1 else (theirs, mine)
        verb = "beat" if winner == 2 else "beats"
        result = f"{hands[winner]} {verb} {hands[loser]}. " + ("i win!" if winner == mine else "you win!")
    ask = (
        ["{h}.", "{h}!", "i take {h}.", "i choose {h}."]
        if out
        else [
            "rock paper scissors: i take {h}.",
            "rock, paper, scissors. {h}!",
            "let us play rock paper scissors. i choose {h}.",
        ]
    )
    out.append((w.user(ask, h=hands[theirs]), f"i take {hands[mine]}. {result}"))
    return out


UNITS = {
    "quiz": (6, quiz),
    "guess animal": (3.5, guess_animal),
    "it guesses": (1.5, it_guesses),
    "guess number": (1.5, guess_number),
    "check answers": (1.5, check_answers),
    "rock paper": (1, rock_paper),
}
