"""Poems of four rhyming lines, jokes, riddles, fun facts, tongue twisters, compliments and wishes."""

from __future__ import annotations

from functools import cache

from .core import Exchange, Writer, article, read_table
from .topics import lines

POEM = (
    "[write|make|create|compose|tell|give|write me|make me|tell me] {a:poem} about {x}.",
    "{a:poem} about {x}[, please|].",
    "[can|could|will|would] you [please |]write [me |]{a:poem} about {x}?", "{poem} about {x}", "{x}, as {a:poem}.",
    "i [want|would like|need|would love] {a:poem} about {x}.", "do you know {a:poem} about {x}?",
    "[can|could] you [make|invent|come up with|think of] {a:poem} about {x}?", "please write {a:poem} about {x}.",
    "say {a:poem} about {x}.", "make up {a:poem} about {x}.", "{a:poem} on {x}.", "[turn|put] {x} into {a:poem}.",
    "a few lines about {x}, in rhyme.", "write something that rhymes about {x}.", "rhyme about {x}.",
    "let me hear {a:poem} about {x}.", "how about {a:poem} about {x}?", "be a poet and write about {x}.",
)  # fmt: skip
POEM_FOR = (  # somebody
    "[write|make|create|write me] [{a:poem}|a love poem|a birthday poem|a few nice lines] for {x}.",
    "{a:poem} for {x}.",
    "[can|could] you write [{a:poem}|something that rhymes|a little verse] for {x}?", "i need {a:poem} for {x}.",
    "i want to give {x} {a:poem}.", "do you have {a:poem} for {x}?", "{a:poem} for {x}, please.",
)  # fmt: skip
POEM_PLAIN = (
    "[write|tell|make|give me|write me|tell me|say] {a:poem}.", "[can|could] you [write|make|tell me] {a:poem}?",
    "{a:poem}, please.", "do you know {a:poem}?", "i would like {a:poem}.", "are you a poet? write {a:poem}.",
    "surprise me with {a:poem}.", "recite {a:poem}.", "any {poem} for me?",
)  # fmt: skip
POEMS = ("poem",) * 5 + ("rhyme", "short poem", "little poem", "verse", "nice poem", "four line poem", "small poem")
MET = (
    "i know a small and happy {x},",
    "once i met a little {x},",
    "there was a very merry {x},",
    "i saw a most unusual {x},",
)
AFTER_POEM = (
    ("[nice|beautiful|lovely|i like it|that was nice|wow|great poem|how sweet|thank you]!",
     "[thank you!|i am glad that you like it.] [what should the next one be about?|]"),
    ("[does that rhyme|did it rhyme|does it rhyme]?", "yes, the first two lines rhyme, and the last two."),
    ("[did you write that|is that yours|who wrote it|did you make that up]?",
     "i put it together from lines that i know."),
)  # fmt: skip
JOKE = (
    "[tell me|can you tell me|could you tell me|please tell me|do you know|i want to hear|let me hear|give me|tell"
    "|say|how about|i need|make] a [|||good |funny |short |little |new |silly ]joke[|, please|]",
    "[a joke|joke|a joke please|one joke please|make me laugh|i want to laugh|tell me something funny|say something"
    " funny|can you make me laugh|are you funny? tell a joke|do you know any jokes|do you know a good one|cheer me up"
    " with a joke|be funny|something to laugh, please|got any jokes]",
)
GIVE_UP = (
    "[why|what|i do not know|no idea|tell me|i give up|why?|what?|hm, i do not know|how should i know|say it|i have no"
    " idea|and the answer|please tell me|what is it|no clue]?"
)
LAUGH = (
    ("[haha|hahaha|lol|that is funny|very funny|good one|ha|i like that|hehe|funny|that made me laugh]!",
     "[i am glad that you laugh.|thank you!] [do you want another one?|]"),
    ("[that was bad|not funny|that is not funny|bad joke|boring|i do not get it|that was lame|i know that one"
     "|old joke]",
     "[sorry, i am better at words than at jokes.|sorry! shall i try another one?"
     "|not all of my jokes are good, sorry.]"),
)  # fmt: skip
KNOCK = (
    "[tell me|can you tell me|do you know|i want to hear|give me|how about] a knock-knock joke[|, please|].",
    "[a knock-knock joke|knock-knock joke please|do you know knock-knock jokes|tell me a knock knock joke]",
)
RIDDLE = (
    "[tell me|give me|ask me|can you tell me|do you know|i want|let me hear|please tell me|say|pose me] [a|one|a good|a"
    " little|an easy|a hard] riddle[|, please|]",
    "[riddle|a riddle please|riddle me something|let us do riddles|riddle time|i like riddles, ask me one|can you ask"
    " me a riddle|riddle me this|test me with a riddle|i want to guess something|quiz me with a riddle]",
)
SOLVED = (
    "[it is |i think it is |is it |maybe ||that is ]{x}[?|]",
    "[yes, that is right|right|yes|correct|very good], it is {x}[!|.] [well done!|you are good at this.|]",
)
UNSOLVED = ("[it is |is it |maybe ||i think ]{wrong}[?|]", "no, it is not {wrong}. it is {x}.")
TOLD = (
    "[i give up|i do not know|tell me|no idea|what is it|the answer, please|what is the answer|i have no idea|say it"
    "|solution|what is the solution|please tell me|hm, i do not know|that is too hard|no clue|i cannot guess it][?|]",
    "it is {x}.",
)
GUESSES = (
    "a dog", "a cat", "a tree", "a house", "a car", "the wind", "a bird", "a chair", "a ball", "the sky", "a fish",
    "a cup", "a hat", "a window", "fire", "a horse", "a door", "a flower",
)  # fmt: skip
POSED = (
    "{riddle}", "{riddle}", "riddle: {riddle}", "i have a riddle for you: {riddle}", "can you solve this? {riddle}",
    "do you know this one? {riddle}", "guess: {riddle}", "{riddle} can you guess?", "here is a riddle. {riddle}",
)  # fmt: skip
FACT = (
    "[tell me|give me|do you know|can you tell me|i want to hear|say|share|let me hear|please tell me|how about] [a fun"
    " fact|something interesting|an interesting fact|a fact|a random fact|a strange fact|a cool fact|something i do not"
    " know|something new|a little fact]",
    "[fun fact|fun fact please|a fun fact, please|teach me something|surprise me with a fact|what is a fun fact|amaze"
    " me|tell me something|did you know something interesting|educate me|random fact|impress me]",
)
FACT_ABOUT = (
    "[tell me|give me|do you know|can you tell me|i want|share] [a fun fact|something interesting|an interesting fact"
    "|a fact|something special] about {x}.",
    "fun fact about {x}[?|, please|]", "what is special about {x}?", "what is [interesting|funny] about {x}?",
    "[teach me something|amaze me with something] about {x}.", "is there something interesting about {x}?",
    "a fact about {x}, please.", "{x} fun fact", "what do you know about {x}?", "do you know something about {x}?",
)  # fmt: skip
SURPRISE = (
    ("[really|is that true|are you sure|wow, really|seriously|no way]?",
     "yes, that is what i learned. it surprises many people."),
    ("[wow|interesting|cool|i did not know that|amazing|good to know|that is interesting|nice|crazy]!",
     "[i like such facts, too.|the world is full of surprises.] [do you want another one?|]"),
    ("[i knew that|i know that already|that is old|everybody knows that]",
     "then you know a lot! [shall i try another one?|]"),
)  # fmt: skip
TWISTER = (
    "[tell me|give me|say|do you know|can you say|i want|can you tell me|teach me|write] a [|good |hard |funny "
    "|new ]tongue"
    " twister[|, please|]",
    "[tongue twister|tongue twister please|a sentence that is hard to say|something hard to say fast|make my tongue"
    " twist|i want to practice speaking, give me a tongue twister]",
)
AFTER_TWISTER = (
    ("[that is hard|too hard|i cannot say that|my tongue hurts|wow, that is difficult|difficult]!",
     "try it slowly first, then faster and faster."),
    ("[easy|that was easy|i can say it|done|i did it|no problem]!", "well done! now say it three times, and fast."),
)  # fmt: skip
COMPLIMENT = (
    "[tell me|say|give me|can you say|please say|could you say|i need to hear] [something nice|a compliment|something"
    " kind|a nice thing|something sweet|a kind word|nice words][| to me| about me|, please]",
    "[compliment me|praise me|be nice to me|flatter me|i need a compliment|make me feel good|say that i am great|a kind"
    " word, please|do you have a compliment for me|give me a kind word|i could use a nice word|pay me a compliment]",
)
WISH = {
    "wish": "[wish me something|wish me something nice|make a wish for me|do you have a good wish for me|give me a good"
    " wish|what do you wish me|what do you wish for me|say a nice wish|send me good wishes|a good wish, please]",
    "birthday": "[wish me a happy birthday|say happy birthday to me|write a birthday wish|a birthday wish, please"
    "|i need"
    " a birthday greeting|can you write birthday wishes|what can i write on a birthday card|give me a birthday wish]",
    "christmas": "[wish me a merry christmas|write a christmas greeting|i need a christmas wish|a christmas greeting,"
    " please|what can i write on a christmas card|say something nice for christmas]",
    "new_year": "[wish me a happy new year|write a new year's greeting|a wish for the new year, please"
    "|i need a new year"
    " wish|what can i write for new year]",
    "wedding": "[write a wedding wish|what can i write on a wedding card|i need a wish for a wedding"
    "|a wedding greeting,"
    " please|wish my friends well for their wedding]",
    "recovery": "[write a get well wish|what can i write on a get well card|i need a get well message|wish my friend a"
    " quick recovery|a get well greeting, please]",
    "luck": "[wish me luck|wish me good luck|cross your fingers for me|i need luck, wish me some|can you wish me luck]",
    "night": "[wish me a good night|wish me sweet dreams|say something nice before i sleep|a good night wish, please]",
    "trip": "[wish me a good trip|wish me a safe journey|i am traveling, wish me something|a wish for my trip, please]",
}
ANOTHER = (
    "[another one|one more|another|more|again|next|tell me another one|one more, please|and another one|more please"
    "|give me another|do you know another one|a different one|next one please][|, please|!]"
)


@cache
def pairs(table: str) -> list[tuple[str, str]]:
    """The lines "first > second" of a table."""
    return [
        (first.strip(), second.strip()) for first, _, second in (line.partition(" > ") for line in read_table(table))
    ]


@cache
def _couplets(kind: str) -> list[str]:
    return [line.replace(" / ", "\n") for line in lines(read_table("poems")[kind])]


def _poem(w: Writer, kind: str, word: str) -> str:
    return f"{w.text(_couplets(kind), t=word)}\n{w.text(_couplets('end'))}"


def poem(w: Writer) -> list[Exchange]:
    """A poem about something, or about nothing that was said."""
    table = read_table("poems")
    kind = w.pick(("one", "one", "many", "mass", "mass", "person", "name", "rhyme", "rhyme", "plain"))
    if kind == "name":
        shown = word = w.name()
    elif kind == "rhyme":
        word = w.pick(sorted(table["rhymes"]))
        shown = article(word)
    else:
        word = (
            w.invented()
            if kind == "one" and w.chance(0.05)
            else w.pick(table["subjects"].get(kind, table["subjects"]["mass"]))
        )
        shown = {"one": article(word), "person": f"my {word}"}.get(kind, word)
    if kind == "rhyme":
        lines_ = f"{w.text(MET, x=word)}\n{w.pick(table['rhymes'][word])}\n{w.text(_couplets('end'))}"
    else:
        lines_ = _poem(w, "mass" if kind == "plain" else kind, word)
    for_somebody = kind in ("name", "person") and word not in ("cat", "dog") and w.chance(0.5)
    says = POEM_PLAIN if kind == "plain" else POEM_FOR if for_somebody else POEM
    said = [(w.user(says, poem=w.pick(POEMS), x=shown), lines_)]
    if w.chance(0.2):
        says, reply = w.pick(AFTER_POEM)
        said.append((w.user(says), w.text(reply)))
    return said


def joke(w: Writer) -> list[Exchange]:
    """A joke told at once."""
    asked, answer = w.pick(pairs("jokes"))
    return [(w.user(JOKE), f"{asked} {answer}")]


def joke_in_turns(w: Writer) -> list[Exchange]:
    """A joke whose end waits for the user, what they say to it, and sometimes one more."""
    said: list[Exchange] = []
    request = JOKE
    for _ in range(w.pick((1, 1, 1, 2, 3))):
        asked, answer = w.pick(pairs("jokes"))
        if w.chance(0.5):
            said += [(w.user(request), asked), (w.user(GIVE_UP), answer)]
        else:
            said.append((w.user(request), f"{asked} {answer}"))
        request = (ANOTHER,)
    if w.chance(0.5):
        says, reply = w.pick(LAUGH)
        said.append((w.user(says), w.text(reply)))
    return said


def knock_knock(w: Writer) -> list[Exchange]:
    """A knock-knock joke, told by i3-mini or by the user."""
    who, end = w.pick(pairs("knock_knock"))
    there = "[who is there|who's there|who is it][?||!]"
    if w.chance(0.55):
        return [
            (w.user(KNOCK), "knock, knock."),
            (w.user(there), f"{who}."),
            (w.user("{who} who[?||!]", who=who), end),
        ]
    who = who if w.chance(0.6) else w.name()
    laugh = "[haha, that is a good one!|haha! i like that.|that is funny! do you know another one?]"
    return [
        (w.user("knock[,|] knock[!|.||]"), "who is there?"),
        (w.user("[|it is ]{who}", who=who), f"{who} who?"),
        (w.user(end if w.chance(0.5) else "{who} is at the door, let me in!", who=who), w.text(laugh)),
    ]


def riddle(w: Writer) -> list[Exchange]:
    """A riddle that the user solves, guesses wrong or gives up; or one that the user asks."""
    asked, answer = w.pick(pairs("riddles"))
    wrong = w.pick([guess for guess in GUESSES if guess != answer])
    if w.chance(0.3):
        return [
            (w.user(POSED, riddle=asked), w.text("[it is {x}.|i think it is {x}.|is it {x}?|that is {x}.]", x=answer))
        ]
    said = [(w.user(RIDDLE), asked)]
    if w.chance(0.12):
        first = answer.removeprefix("a ").removeprefix("an ").removeprefix("the ")[0]
        hint = "[a hint, please|give me a hint|can i have a hint|i need a hint|help me a little|a clue, please][?|]"
        said.append((w.user(hint), f"it starts with the letter {first}."))
    says, reply = w.pick((SOLVED, SOLVED, UNSOLVED, TOLD, TOLD))
    said.append((w.user(says, x=answer, wrong=wrong), w.text(reply, x=answer, wrong=wrong)))
    if w.chance(0.2):
        asked, answer = w.pick(pairs("riddles"))
        said.append((w.user(ANOTHER), asked))
        says, reply = w.pick((SOLVED, TOLD))
        said.append((w.user(says, x=answer), w.text(reply, x=answer)))
    return said


def fun_fact(w: Writer) -> list[Exchange]:
    """A fun fact of any kind."""
    return [(w.user(FACT), w.pick(pairs("fun_facts"))[1])]


def fact_about(w: Writer) -> list[Exchange]:
    """A fun fact about what was asked, or two of any kind, and what people say to it."""
    about, fact = w.pick(pairs("fun_facts"))
    said = [(w.user(FACT_ABOUT, x=about), fact)]
    if w.chance(0.3):
        says, reply = w.pick(SURPRISE)
        said.append((w.user(says), w.text(reply)))
    elif w.chance(0.2):
        about, fact = w.pick(pairs("fun_facts"))
        said.append((w.user("[and |and what |what ][about|of] {x}?", x=about), fact))
    return said


def twister(w: Writer) -> list[Exchange]:
    """A tongue twister."""
    return [(w.user(TWISTER), w.pick(read_table("twisters")))]


def twister_tried(w: Writer) -> list[Exchange]:
    """A tongue twister that the user tries."""
    says, reply = w.pick(AFTER_TWISTER)
    return [*twister(w), (w.user(says), w.text(reply))]


def compliment(w: Writer) -> list[Exchange]:
    """Something nice."""
    return [(w.user(COMPLIMENT), w.pick(lines(read_table("kind_words")["compliment"])))]


def wish(w: Writer) -> list[Exchange]:
    """A wish for an occasion."""
    occasion = w.pick(sorted(WISH))
    return [(w.user(WISH[occasion] + "[.||!]"), w.pick(lines(read_table("kind_words")[occasion])))]


UNITS = {
    "poem": (30.0, poem),
    "joke": (12.0, joke),
    "joke_in_turns": (14.0, joke_in_turns),
    "knock_knock": (6.0, knock_knock),
    "riddle": (18.0, riddle),
    "fun_fact": (6.0, fun_fact),
    "fact_about": (9.0, fact_about),
    "twister": (3.0, twister),
    "twister_tried": (1.0, twister_tried),
    "compliment": (4.0, compliment),
    "wish": (4.0, wish),
}
AGAIN = {"joke", "fun_fact", "twister", "compliment"}
