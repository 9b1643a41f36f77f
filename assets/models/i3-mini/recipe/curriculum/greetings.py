"""Hello, how are you, goodbye, thanks, sorry and the other words of courtesy."""

from __future__ import annotations

from functools import cache, partial

from .core import Exchange, Writer, read_table
from .topics import lines, turns

GOOD = (
    "fine", "good", "well", "great", "very well", "doing well", "okay", "all right", "happy", "wonderful",
    "pretty good",
    "not bad", "super", "very good", "fantastic", "in a good mood", "relaxed",
)  # fmt: skip
BAD = (
    "not well", "sad", "tired", "bad", "terrible", "stressed", "sick", "not so good", "a bit down", "unhappy", "lonely",
    "angry", "worried", "in a bad mood", "exhausted",
)  # fmt: skip
CALLED = (  # the user gives a name with the greeting
    "{greeting}, [i am|my name is|this is|i am called] {name}.", "{greeting}! [i am|my name is] {name}.",
    "{greeting}, {name} here.", "{greeting}. my name is {name}, [what is yours|and yours|who are you|and you]?",
    "{greeting}, i am {name}. [how are you|nice to meet you|who are you]?", "[my name is|i am|call me] {name}.",
    "you can call me {name}.", "people call me {name}.", "{greeting}, [it is|here is] {name}.",
    "let me introduce myself: [i am|my name is] {name}.", "{name} is my name.", "{greeting}, you can call me {name}.",
    "my friends call me {name}.", "i would like to introduce myself. i am {name}.", "the name is {name}.",
)  # fmt: skip
CALLED_REPLIES = (
    "hi {name}! nice to meet you.", "hello {name}! how are you?", "hi {name}! i am i3-mini. how are you today?",
    "nice to meet you, {name}! i am i3-mini.", "hello {name}, nice to meet you! what would you like to talk about?",
)  # fmt: skip
HELLO = (  # put together, besides those of the table
    "[hi|hello|hey|hi there|hello there|hey there|good day|greetings|howdy|hiya|hallo|yo]"
    "[| i3-mini| i3| mini| again| my friend| friend| buddy| dear| you| computer| little model| everyone]"
    "[!|.||, nice to be here|, nice to see you|, it is me|, here i am|, can we talk?|, do you have time?"
    "|, i am back|, what a day|, i hope you are well|, good to see you|, let us chat|, are you awake?|, i am bored]",
)
HOW = (
    "[|hi, |hello, |hey, |so, |hello i3-mini, |good morning, |good evening, |hi there, ]"
    "[how are you|how are you doing|how is it going|how do you do|how are things|how have you been|what is up"
    "|how do you feel|are you well|are you okay|how is life|how are you feeling|is everything fine|you all right]"
    "[| today| this morning| tonight| right now| my friend| i3-mini| these days| now|, dear]?",
)
BYE = (
    "[|ok, |well, |thanks, |alright, |i have to go, |it is late, |so, |thank you, |that was fun, |i am tired, ]"
    "[bye|goodbye|bye bye|see you|see you later|see you tomorrow|see you soon|take care|until tomorrow|farewell"
    "|that is all for today|talk to you later|until next time|so long|later]"
    "[| i3-mini| my friend| for now| and thanks| and take care| then| mini|, it was nice]",
)
THANKS = (
    "[|ok, |great, |oh, |wow, |perfect, |good, |nice, ]"
    "[thank you|thanks|thank you very much|thanks a lot|many thanks|thank you so much|thx|i thank you|thanks a million]"
    "[| i3-mini| for your help| for the answer| for listening| my friend| for that| for telling me| for everything"
    "| for the chat|, that helped|, that was nice|, you are great|, that is kind]",
)
PRAISE = (
    "[you are|i think you are|wow, you are|i must say, you are|for a program you are|i3-mini, you are]"
    " [|so |very |really |quite ][nice|kind|smart|funny|clever|sweet|helpful|cool|good|polite|friendly|great|cute"
    "|wise]",
)
MADE = {"hello": HELLO, "how_are_you": HOW, "bye": BYE, "thanks": THANKS, "compliment": PRAISE}
GREETINGS = ("hi", "hello", "hey", "hi there", "hello there", "good morning", "good evening", "hey there", "good day")
FROM = (
    "my {who} {name} says hello.", "{name} says hi.", "say hello to {name}.", "greetings from {name}.",
    "please greet {name}.", "can you say hi to {name}?", "my {who} {name} is here, say hello.", "say hi to {name}!",
    "my {who} {name} wants to say hello.", "this here is my {who} {name}.",
)  # fmt: skip
FROM_REPLIES = (
    "hello {name}! nice to meet you.",
    "hi {name}! how are you?",
    "hello {name}! how nice that you are here.",
)
WISHED = (  # and wished back
    "[|ok, |thanks, |bye, |well, |goodbye and |thank you and |see you, ][i wish you|have|enjoy] a"
    " [nice|good|great|lovely|wonderful|beautiful|pleasant] {time}[| i3-mini| too| then|, my friend].",
    "[enjoy|have fun with] [the rest of |]your {time}[| i3-mini|, bye].",
    "[a|have a] [good|nice|lovely] {time}[ to you|]!",
    "i hope you have a [nice|good|great|lovely] {time}.",
)  # fmt: skip
WISHED_REPLIES = (
    "thank you, you too! have a nice {time}.", "thank you! i wish you a nice {time}, too.",
    "the same to you! have a good {time}.", "thank you, and a nice {time} to you, too!",
)  # fmt: skip
TIMES = ("day", "day", "day", "day", "evening", "evening", "weekend", "afternoon", "week", "time", "sunday", "holiday")
WHO = (
    "sister", "brother", "friend", "mother", "father", "wife", "husband", "son", "daughter", "neighbor", "cousin",
    "grandma", "grandpa", "boyfriend", "girlfriend", "roommate",
)  # fmt: skip
WOMEN = ("sister", "mother", "wife", "daughter", "grandma", "girlfriend")
MEN = ("brother", "father", "husband", "son", "grandpa", "boyfriend")


@cache
def _table() -> dict[str, tuple[list[str], list[str], list[tuple[str, str]]]]:
    table = read_table("greetings")
    return {name: (lines(part["say"]), lines(part["r"]), turns(part.get("then", ""))) for name, part in table.items()}


def courtesy(w: Writer, name: str) -> list[Exchange]:
    """One of the words of courtesy, and sometimes what follows."""
    says, replies, then = _table()[name]
    if name in MADE and w.chance(0.6):
        says = MADE[name]
    said = [(w.user(says), w.text(replies))]
    share = 1.0 if name == "fine" else 0.35
    if then and w.chance(share):
        after, reply = w.pick(then)
        said.append((w.user(after, good=w.pick(GOOD), bad=w.pick(BAD)), w.text(reply)))
    return said


def called(w: Writer) -> list[Exchange]:
    """A greeting with the user's name, which the reply takes up."""
    name = w.name()
    said = [(w.user(CALLED, greeting=w.pick(GREETINGS), name=name), w.text(CALLED_REPLIES, name=name))]
    if said[0][1].endswith("?") and "how are you" in said[0][1] and w.chance(0.4):
        good = w.chance(0.7)
        how = w.pick(GOOD if good else BAD)
        reply = "i am glad to hear that, {name}." if good else "i am sorry to hear that, {name}. what happened?"
        said.append((w.user("[i am |]{how}[, thanks|, thank you|]", how=how), w.text(reply, name=name)))
    return said


def wished(w: Writer) -> list[Exchange]:
    """A nice day is wished, and wished back."""
    time = w.pick(TIMES)
    return [(w.user(WISHED, time=time), w.text(WISHED_REPLIES, time=time))]


def greeted(w: Writer) -> list[Exchange]:
    """Somebody else is greeted by name."""
    who = w.pick(WHO)
    chosen = {"name": w.name("female" if who in WOMEN else "male" if who in MEN else ""), "who": who}
    return [(w.user(FROM, **chosen), w.text(FROM_REPLIES, **chosen))]


WEIGHTS = {"hello": 6, "how_are_you": 5, "fine": 4, "bye": 4, "thanks": 4, "compliment": 4, "morning": 2, "night": 2}
UNITS = {
    **{name: (float(WEIGHTS.get(name, 1)), partial(courtesy, name=name)) for name in read_table("greetings")},
    "called": (4.0, called),
    "greeted": (1.0, greeted),
    "wished": (3.0, wished),
}
OPENING = {"hello", "morning", "afternoon", "evening", "called", "nice_to_meet", "long_time", "new_here", "fine"}
CLOSING = {"night", "bye", "wished"}
