"""Choosing and suggesting: ideas, choices between two, decisions by chance, advice, a question for the user."""

from __future__ import annotations

import re

from .asking import QUESTION, within
from .core import Exchange, Writer, in_words, listed, read_table
from .facts_kinds import KINDS
from .tasks_copy import ASKED
from .vocabulary import any_word

TABLE = read_table("ideas")
IDEAS = [(idea["ask"], idea.get("direct", []), idea["items"].split(", ")) for idea in TABLE["idea"]]
SUGGEST = (
    "[suggest|recommend|find|think of|tell me|give me|come up with|propose|name] {}.",
    "[can|could|would] you [suggest|recommend|find|think of|tell me|give me] {}?",
    "[i need|i want|i am looking for|i would like|help me find|help me choose|help me think of|i can not find] {}.",
    "{}, please.",
    "what [is|would be|could be] {}?",
    "do you [have|know] {}?",
    "[any ideas|ideas|an idea|a tip|any tip|any suggestions] for {}?",
    "do you have [an idea|a tip|a suggestion] for {}?",
    "[please|now|i3-mini,] [suggest|recommend] {}.",
    "{}?",
    "what do you suggest for {}?",
)
REPLY = ("how about {c}?", "what about {c}?", "maybe {c}.", "how about {c}?", "my idea: {c}.")
DO = ("you could {c}.", "maybe {c}.", "my idea: {c}.")
ELSE = (
    "[something|anything|what] else?",
    "[another|another one|another idea|one more idea][, please|?]",
    "[i do not like that|not that|no, not that]. [something else|another one]?",
    "[any|do you have] other ideas?",
    "no, something else.",
    "i [know|have] that already. [something else|another idea]?",
    "give me another [one|idea].",
    "and another?",
    "what else?",
)
THANKS = (
    "[thanks|thank you|great|good idea|nice|cool|perfect|i like that|sounds good|ok, thanks|super|love it].",
    "[thanks|good idea], i will [try|take|do] that.",
)
WELCOME = ("you are welcome!", "i am glad that you like it.")


def suggest(w: Writer) -> list[Exchange]:
    """An idea, and perhaps another one, or thanks."""
    ask, direct, items = w.pick(IDEAS)
    if direct and w.chance(0.5):
        asked = w.user(within(w, QUESTION, direct)) if w.chance(0.75) else w.user([text + "?" for text in direct])
    elif w.chance(0.12):
        n = w.pick((2, 3))
        some = w.some(items, n)
        ask = re.sub(r"^(\[something\|an idea\]|an idea) for ", "", ask)
        asked = w.user(
            [
                "[give me|suggest|tell me] {n} ideas for " + ask + ".",
                "{n} ideas for " + ask + ", please.",
                "i need {n} ideas for " + ask + ".",
            ],
            n=in_words(n),
        )
        return [(asked, f"{listed(some, 'or')}.")]
    else:
        asked = w.user(within(w, SUGGEST, ask))
    first, *rest = w.some(items, min(4, len(items)))
    deeds = ask.startswith("something to do")
    out = [(asked, w.text(DO if deeds else REPLY, c=first))]
    drawn = w.random.random()
    while rest and drawn < 0.35:
        other = rest.pop()
        then = (
            ["then you could {c}.", "or maybe {c}."]
            if deeds
            else ["then how about {c}?", "then what about {c}?", "or maybe {c}."]
        )
        out.append((w.user(ELSE), w.text(then, c=other)))
        drawn = w.random.random()
    if drawn > 0.85:
        out.append((w.user(THANKS), w.text((*WELCOME, "have fun!") if deeds else WELCOME)))
    return out


CHOICES = TABLE["choices"]["lists"]
CHOOSE = (
    "{r}?",
    "{r}?",
    "choose: {r}.",
    "[choose|pick|take|select] one: {r}.",
    "[what|which one|which] should i [take|choose|pick|have|get], {r}?",
    "[help me|i can not|please help me] decide: {r}.",
    "[which is|what is] better, {r}?",
    "what do you [prefer|like more|like better], {r}?",
    "would you [rather|] take {r}?",
    "{r}, what do you [think|say|suggest]?",
    "[decide|choose] for me: {r}.",
    "[choose|pick|decide] between {s}.",
    "i have to choose between {s}. [help me|what should i take|which one]?",
    "should i [take|choose] {r}?",
    "[your choice|your pick|you decide]: {r}?",
)


def choose(w: Writer) -> list[Exchange]:
    """Picks one of those that the user names."""
    n = w.pick((2, 2, 2, 2, 3))
    if w.chance(0.3):
        items = list(dict.fromkeys((any_word(w), any_word(w), any_word(w))))
    elif w.chance(0.2):
        items = KINDS[w.pick(list(KINDS))]
    else:
        items = w.pick(CHOICES).split(", ")
    some = w.some(items, min(n, len(items)))
    if len(some) < 2:
        return decide(w)
    chosen = w.pick(some)
    out = [
        (
            w.user(CHOOSE, r=listed(some, "or"), s=listed(some)),
            w.text(["i would choose {c}.", "{c}, i would say."], c=chosen),
        )
    ]
    if w.chance(0.15):
        out.append(
            (
                w.user(["why?", "why {c}?", "why that one?", "how come?"], c=chosen),
                f"it is only a feeling. {chosen} sounds good to me.",
            )
        )
    elif w.chance(0.12):
        other = w.pick([item for item in some if item != chosen])
        out.append(
            (
                w.user(
                    ["[but|i think|no,] i [like|prefer] {o}[ more|].", "no, i take {o}.", "i would rather take {o}."],
                    o=other,
                ),
                f"then take {other}. it is your choice.",
            )
        )
    return out


DECISIONS = TABLE["decisions"]["deeds"].replace("\n", " ").split(", ")


def decide(w: Writer) -> list[Exchange]:
    """Yes or no."""
    deed = w.pick(DECISIONS)
    asks = [
        "should i {d}?",
        "should i {d}, yes or no?",
        "is it a good idea to {d}?",
        "do you think i should {d}?",
        "yes or no: should i {d}?",
        "i want to {d}. should i?",
        "would you {d} if you were me?",
        "i do not know if i should {d}. [what do you think|decide for me]?",
        "decide for me: should i {d}?",
    ]
    yours = deed.replace("my ", "your ")
    if deed == "say sorry" or w.chance(0.65):
        reply = ["yes, {d}.", "yes, i think you should {d}."]
    else:
        reply = ["no, not today.", "no, i would wait with that."]
    return [(w.user(asks, d=deed), w.text(reply, d=yours))]


def by_chance(w: Writer) -> list[Exchange]:
    """A number, a coin, dice, a card, a letter."""
    r = w.random.randint
    kind = w.random.randrange(6)
    if kind <= 1:
        a = w.pick((1, 1, 1, 0, r(2, 50)))
        b = w.pick((3, 5, 6, 10, 10, 20, 100, 100)) if a <= 1 else a + r(2, 50)
        asks = [
            "pick a number [between|from] {a} [and|to] {b}",
            "[choose|say|give me|tell me|think of] a [random |]number between {a} and {b}",
            "give me a random number from {a} to {b}",
            "say any number between {a} and {b}",
        ]
        asks = [
            text.replace("[between|from] {a} [and|to] {b}", w.pick(("between {a} and {b}", "from {a} to {b}")))
            for text in asks
        ]
        out = [(w.user(within(w, ASKED, asks), a=a, b=b), f"{r(a, b)}.")]
        if w.chance(0.25):
            out.append(
                (w.user(["another one.", "again.", "one more.", "and another?", "a new one, please."]), f"{r(a, b)}.")
            )
        return out
    if kind == 2:
        asks = [
            "flip a coin",
            "toss a coin",
            "throw a coin",
            "heads or tails",
            "flip a coin for me",
            "do a coin flip",
            "coin toss",
        ]
        sides = ("heads", "tails")
        out = [(w.user(within(w, ASKED, asks)), f"it is {w.pick(sides)}.")]
        if w.chance(0.3):
            out.append(
                (w.user(["again.", "once more.", "[flip|toss] it again.", "one more time."]), f"it is {w.pick(sides)}.")
            )
        return out
    if kind == 3:
        asks = [
            "roll a [die|dice]",
            "roll the [die|dice]",
            "throw a [die|dice]",
            "roll a [die|dice] for me",
            "roll a d6",
        ]
        out = [(w.user(within(w, ASKED, asks)), f"it is a {in_words(r(1, 6))}.")]
        if w.chance(0.3):
            out.append(
                (
                    w.user(["again.", "once more.", "roll [it |]again.", "one more time."]),
                    f"it is a {in_words(r(1, 6))}.",
                )
            )
        return out
    if kind == 4:
        a, b = r(1, 6), r(1, 6)
        return [
            (
                w.user(within(w, ASKED, ["roll two dice", "throw two dice", "roll 2 dice"])),
                f"they show {in_words(a)} and {in_words(b)}. together that is {a + b}.",
            )
        ]
    asks = [
        "pick a [random |]letter",
        "say a [random |]letter",
        "choose any letter",
        "give me a letter of the alphabet",
    ]
    return [(w.user(within(w, ASKED, asks)), f"{w.pick('abcdefghijklmnopqrstuvwxyz')}.")]


def number(w: Writer) -> list[Exchange]:
    """A number that the user wants: any, even, odd, bigger than another one."""
    kind = w.pick(("any", "even", "odd", "bigger", "smaller"))
    n = w.random.randint(5, 50)
    asks = {
        "any": ["say a number", "give me a number", "pick a number", "tell me any number", "think of a number"],
        "even": ["say an even number", "name an even number", "give me an even number"],
        "odd": ["say an odd number", "name an odd number", "give me an odd number"],
        "bigger": ["name a number bigger than {n}", "say a number that is more than {n}", "give me a number above {n}"],
        "smaller": [
            "name a number smaller than {n}",
            "say a number that is less than {n}",
            "give me a number below {n}",
        ],
    }[kind]
    said = {
        "any": w.random.randint(1, 20),
        "even": 2 * w.random.randint(1, 15),
        "odd": 2 * w.random.randint(0, 15) + 1,
        "bigger": n + w.random.randint(1, 10),
        "smaller": w.random.randint(0, n - 1),
    }[kind]
    return [(w.user(within(w, ASKED, asks), n=n), f"{said}.")]


ADVICE = TABLE["advice"]


def advice(w: Writer) -> list[Exchange]:
    """A piece of advice, general or on a topic."""
    topic = w.pick(list(ADVICE)) if w.chance(0.65) else ""
    if topic:
        asks = [
            "[give me|i need|do you have] [some |]advice [on|about|for] {t}",
            "give me a tip for {t}",
            "what is your advice [on|about|for] {t}",
            "a tip for {t}, please",
            "do you have [a tip|tips] for {t}",
            "any tips for {t}",
            "can you give me advice about {t}",
            "advice for {t}",
            "i need help with {t}",
        ]
    else:
        asks = [
            "give me [some |a piece of |]advice",
            "i need [some |]advice",
            "what is your advice",
            "tell me something wise",
            "any advice for me",
            "a piece of advice, please",
            "give me a tip",
            "give me a tip for today",
            "do you have advice for me",
            "what should i do to feel good today",
        ]
    question = ("what", "any", "do ", "can")
    text = w.pick(asks)
    return [(w.user(text + ("?" if text.startswith(question) else "."), t=topic), w.pick(ADVICE[topic]))]


def nice(w: Writer) -> list[Exchange]:
    """Something nice to hear."""
    asks = [
        "say something nice",
        "say something nice to me",
        "tell me something nice",
        "give me a compliment",
        "compliment me",
        "encourage me",
        "say something kind",
        "say something friendly",
        "say something to cheer me up",
        "tell me something good",
        "motivate me",
    ]
    return [(w.user(within(w, ASKED, asks)), w.pick(TABLE["ask_me"]["nice"]))]


def ask_me(w: Writer) -> list[Exchange]:
    """A question for the user, and another one."""
    questions = w.some(TABLE["ask_me"]["questions"], 3)
    asks = [
        "ask me [something|a question|anything]",
        "ask me a question about me",
        "you ask me something",
        "now you ask a question",
        "ask something",
        "it is your turn to ask",
        "let me answer a question of yours",
        "give me a question",
    ]
    out = [(w.user(within(w, ASKED[:4], asks)), questions[0])]
    if w.chance(0.35):
        out.append(
            (
                w.user(
                    [
                        "[another|another one|a different one|next question|one more][, please|].",
                        "ask me something else.",
                        "i do not want to answer that. another one.",
                    ]
                ),
                questions[1],
            )
        )
    return out


UNITS = {
    "suggest": (10, suggest),
    "choose": (6, choose),
    "decide": (2.5, decide),
    "by chance": (3, by_chance),
    "number": (1, number),
    "advice": (2.5, advice),
    "nice": (1, nice),
    "ask me": (1.5, ask_me),
}
AGAIN = {"nice"}
