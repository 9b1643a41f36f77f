"""Choosing and suggesting: ideas, choices between two, decisions by chance, advice, a question for the user."""

from __future__ import annotations

import re

from .asking import QUESTION, within
from .core import Exchange, Writer, in_words, listed, read_table
from .facts_kinds import KINDS
from .vocabulary import any_word
from .wishes import DEEDS as ASKED
from .words import listing

TABLE = read_table("ideas")
IDEAS = [(idea["ask"], idea.get("direct", []), idea["items"].split(", ")) for idea in TABLE["idea"]]
SUGGEST = (
    "[suggest|recommend|think of|tell me|give me|come up with|propose|name|pick|choose|find me] {}.",
    "[suggest|recommend|find|think of|tell me|give me|come up with|propose|name|pick] {}[, please| please| for me|, "
    "will"
    " you|, thanks|, if you can| now].",
    "[can|could|would|will] you [please|maybe|kindly||] [suggest|recommend|find|think of|tell me|give me|come up with"
    "|propose|name|help me find|help me choose|advise me on] {}[|, please]?",
    "[i need|i want|i am looking for|i would like|help me find|help me choose|help me think of|i can not find"
    "|i can not think of|i could use|i would love|i wish for|i am searching for|i have to find|we need|we want"
    "|i have no idea for] {}.",
    "[i want|i would like|i need] you to [suggest|recommend|find|think of|pick] {}.",
    "{}[, please| please||, quick|, any ideas|, what do you say|, what do you suggest|, any tips|, thanks].",
    "what [is|would be|could be|might be] {}?",
    "do you [have|know] {}[| for me]?",
    "[any ideas|ideas|an idea|a tip|any tip|any suggestions|suggestions|any thoughts|got any ideas|inspiration] for "
    "{}?",
    "do you have [an idea|a tip|a suggestion|ideas|suggestions|something in mind] for {}?",
    "[please|now|i3-mini,|hey,|ok, now|quickly] [suggest|recommend|think of|come up with] {}.",
    "{}?",
    "what do you [suggest|recommend|propose] for {}?",
    "[what would you|which would you] choose for {}?",
    "[what about|how about] {}?",
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
    ask, direct, items = w.common(IDEAS)
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
    first, *rest = w.several(items, min(4, len(items)))
    deeds = bool(re.match(r"something (\[[^]]*\])?to do", ask))
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


PRESENTS = (
    *("a good book", "flowers", "a nice mug", "a cake", "a photo in a frame", "a warm scarf", "a box of chocolates"),
    *("a game", "a plant", "a day out together", "a card with kind words", "a cup and good tea", "music"),
)
FEASTS = (  # {p} is the person, {n} an age
    "{p} [is turning|turns|will be|will soon be|is going to be] {n}",
    "{p} has a birthday [soon|tomorrow|next week|on sunday|today|this month]",
    "it is the birthday of {p} [soon|tomorrow|next week|on friday]",
    "{p}'s birthday is [soon|tomorrow|next week|coming up|near]",
    "{p} [retires|has a new job|moves to a new house|has invited me|is coming to visit|has helped me a lot]",
    "i am invited to the [birthday|party|wedding] of {p}",
    "[christmas is coming and i need something for|i have no present yet for|i need a present for|i want to surprise"
    "|i look for a gift for] {p}",
)
WANTED = (
    "what [could|can|should|shall] i [give|buy|get][| as a present| as a gift]?",
    "[any|do you have any|do you have an|have you an] idea for a [present|gift]?",
    "[which|what] [gift|present] [would be good|is nice|would fit|should i buy|do you suggest|is right]?",
    "[what would be|what is] a [good|nice|small|fitting|lovely] [present|gift]?",
    "[suggest|think of|recommend|find] a [nice|good|little|] [present|gift][, please|].",
    "a [present|gift] [idea|tip], please.",
    "[what do i give|what do i buy|what do people give|what to give|what to buy|a present]?",
)


def present(w: Writer) -> list[Exchange]:
    """A present for a birthday or other feast that the user tells of."""
    person = w.pick(("my", "my", "our", "")) + " " + w.pick(listing("presented"))
    if person.startswith(" "):
        person = w.pick((w.name(), "mom", "dad", "grandma", "grandpa", "my mom", "my dad"))
    n = w.pick((w.random.randint(2, 90), in_words(10 * w.random.randint(1, 9))))
    first, other = w.several(PRESENTS, 2)
    out = [(w.user(f"{w.pick(FEASTS)}[.|,] {w.pick(WANTED)}", p=person.strip(), n=n), w.text(REPLY, c=first))]
    if w.chance(0.25):
        out.append((w.user(ELSE), w.text(["then how about {c}?", "or maybe {c}."], c=other)))
    return out


CHOICES = TABLE["choices"]["lists"]
CHOOSE = (
    "{r}?",
    "{r}?",
    "{r}",
    "[choose|pick|select|take|decide]: {r}.",
    "[choose|pick|take|select|name|say] one[||, please| for me]: {r}.",
    "[please|now|ok,|so,|hey,|quick,|just] [choose|pick|decide]: {r}[?|.]",
    "[can|could|would] you [please|] [choose|pick|select|decide] for me[:|,] {r}?",
    "[what|which one|which] should i [take|choose|pick|have|get], {r}?",
    "[what|which one|which] would you [take|choose|pick|have|get|prefer], {r}?",
    "[help me|i can not|please help me|i have to|i do not know how to|help me to] [decide|choose]: {r}.",
    "[which is|what is|which one is|what would be] [better|nicer|the better choice|best|good now], {r}?",
    "what do you [prefer|like more|like better], {r}?",
    "would you [rather|] [take|have|choose] {r}?",
    "{r}, what do you [think|say|suggest|recommend|choose|pick]?",
    "{r}[, choose|, pick|, decide|: choose|. choose|. pick] [for me|one, please|just one|one|now]?",
    "{r}[, which one|: which one|, which|. which one|, what] [should i take|should it be|is better|do you like|today"
    "|now"
    "|should i choose|would you take]?",
    "{r}[. i can not decide|. help me decide|, i am not sure|. you decide|. your choice|. it is up to you|, you "
    "choose].",
    "[decide|choose|pick] for me: {r}.",
    "[choose|pick|decide|select one] between {s}.",
    "[i have to|i must|i need to|i want to|help me] choose between {s}[. help me|. what should i take|. which one|].",
    "[between|of|from] {s}, [which|which one|what] [do you choose|do you pick|should i take|would you take|is better]?",
    "should i [take|choose|have|get|pick] {r}?",
    "[i want|i like|there is|there are|we have|i can have] {s}. [which one|which one should i take|choose one|pick "
    "one]?",
    "[your choice|your pick|you decide|you choose|it is your choice]: {r}?",
    "[is it better to take|do you think i should take|tell me whether to take|say if i should take] {r}?",
)
CLOTHES = ("shirt", "dress", "hat", "coat", "scarf", "sweater", "jacket", "skirt", "tie", "bag", "umbrella", "cap")
COLORS = ("red", "blue", "green", "black", "white", "yellow", "brown", "gray", "pink", "old", "new", "long", "short")
WEAR = (
    "should i [take|put on|buy|choose] the {a} or the {b} {c}[| today| tonight| for the party]?",
    "[what|which one] should i [wear|take|put on|buy][| today| tonight], the {a} {c} or the {b} {c}?",
    "the {a} or the {b} {c}[, which one|, what do you say|, help me choose|]?",
    "which {c} [is better|is nicer|would you take], the {a} [one |]or the {b} one?",
    "i have a {a} and a {b} {c}. which one [should i wear|should i take|do you like better]?",
    "[help me choose|i can not decide|pick one]: the {a} {c} or the {b} {c}.",
)


def wear(w: Writer) -> list[Exchange]:
    """Picks one of two clothes."""
    a, b = w.some(COLORS, 2)
    c = w.pick(CLOTHES)
    return [(w.user(WEAR, a=a, b=b, c=c), f"i would choose the {w.pick((a, b))} {c}.")]


def choose(w: Writer) -> list[Exchange]:
    """Picks one of those that the user names."""
    n = w.pick((2, 2, 2, 2, 3))
    if w.chance(0.2):
        items = list(dict.fromkeys((any_word(w), any_word(w), any_word(w))))
    elif w.chance(0.2):
        items = KINDS[w.pick(list(KINDS))]
    else:
        items = w.common(CHOICES).split(", ")
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
            "pick a number [between {a} and|from {a} to] {b}",
            "[choose|say|give me|tell me|think of] a [random |]number between {a} and {b}",
            "give me a random number from {a} to {b}",
            "[think of|say|name|give me] [any|a|one] number from {a} to {b}",
            "[choose|take|pick] any number between {a} and {b}",
            "say any number between {a} and {b}",
        ]
        turned = [
            "[which|what] number [do you choose|do you take|comes to your mind|would you pick|do you say],"
            " from {a} to {b}?",
            "{a} to {b}, [pick|choose|say] a number[, please|].",
            "between {a} and {b}: [your number|a number, please|which number do you take]?",
            "a [random |]number between {a} and {b}[, please|].",
        ]
        asked = w.user(turned, a=a, b=b) if w.chance(0.3) else w.user(within(w, ASKED, asks), a=a, b=b)
        out = [(asked, f"{r(a, b)}.")]
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
    "suggest": (11, suggest),
    "present": (2.5, present),
    "choose": (7, choose),
    "wear": (1, wear),
    "decide": (2.5, decide),
    "by chance": (3, by_chance),
    "number": (1, number),
    "advice": (2.5, advice),
    "nice": (1, nice),
    "ask me": (1.5, ask_me),
}
AGAIN = {"nice"}
