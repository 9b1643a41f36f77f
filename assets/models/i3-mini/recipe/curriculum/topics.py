"""Topics of a table: many ways to ask about one thing, claims about it, the replies, and what may follow.

The fields of a topic are told at the top of `tables/identity.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .core import Exchange, Writer, read_table
from .slots import Slots, Source

DIRECT = ("[||||||||and |so |but |well, |now ]%s[||||||||, i3-mini|, then]?",)
CLAUSE = (  # before "what your name is", "if you sleep"
    "[tell me|please tell me|just tell me|i want to know|i would like to know|i wonder|i am wondering|i am curious"
    "|let me know|i need to know|i have no idea|i ask myself|i always wanted to know|it would be nice to know"
    "|explain|say|i forgot|my friend asks|people ask me] %s.",
    "[can you tell me|could you tell me|do you know|would you tell me|will you tell me|may i ask|can i ask|may i know"
    "|mind telling me|would you mind telling me|can you say|do you happen to know|could you please tell me"
    "|can you explain] %s?",
)
PHRASE = (  # before "the time", "something about yourself"
    "[tell me|please tell me|just tell me|i want to know|i would like to know|i need to know|let me know|give me] %s.",
    "[can you tell me|could you tell me|would you tell me|do you know|can you give me|may i know] %s?",
)
KEYWORD = (
    "[what about|how about|and what about|and] %s?",
    "[tell me about|tell me something about|can you tell me about|say something about|i am asking about"
    "|i have a question about|let us talk about|i would like to hear about|i want to know more about] %s",
    "%s[?|, please?|]",
)
CLAIM = (
    "[|||so |i think |i guess |i bet |i heard |i believe |they say |my friend says |i am sure |i know |ah, |well, ]%s"
    "[.|, right?|, correct?|, is that right?|, is that true?|, true?|, am i right?||]",
    "[is it true that|is it right that|can it be that|would you say that|admit it:|could it be that"
    "|i was told that] %s?",
)
YES_NO = (
    "do ", "does ", "did ", "are ", "is ", "am ", "can ", "could ", "will ", "would ", "should ", "have ", "has ",
    "were ", "was ",
)  # fmt: skip


def lines(text: str) -> list[str]:
    """The lines of a field that hold something."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


@dataclass(frozen=True)
class Topic:
    """The templates of one topic.

    Attributes:
        asks: ways to ask, each a list of templates that is as likely as the others.
        yes_no: those of them that a reply with yes or no can answer.
        claims: wrong statements about it, answered by `replies` too.
        replies: the replies.
        open_replies: those that do not begin with yes or no, or all if there is none.
        right: true statements about it.
        agreeing: the replies to these.
        then: what the user may say next, and the reply to it.
    """

    asks: tuple[list[str], ...]
    yes_no: frozenset[str]
    claims: list[str]
    replies: list[str]
    open_replies: list[str]
    right: list[str]
    agreeing: list[str]
    then: list[tuple[str, str]]


def _wrapped(frames: tuple[str, ...], texts: list[str]) -> list[str]:
    return [frame % text for text in texts for frame in frames]


def turns(text: str) -> list[tuple[str, str]]:
    """Lines of the form "what the user says > the reply"."""
    pairs = (line.partition(" > ") for line in lines(text))
    return [(says.strip(), reply.strip()) for says, _, reply in pairs]


def _topic(fields: dict[str, str]) -> Topic:
    texts = {name: lines(text) for name, text in fields.items()}
    indirect = texts.get("i", [])
    clauses = [text for text in indirect if text.startswith(("wh", "if ", "how "))]
    direct = _wrapped(DIRECT, texts.get("q", []))
    closed = [text for text in texts.get("q", []) if text.startswith(YES_NO)]
    closed_clauses = [text for text in clauses if text.startswith(("if ", "whether "))]
    closed_others = [text for text in texts.get("x", []) if text.startswith(YES_NO)]
    asks = (
        direct,
        direct,
        direct,
        _wrapped(CLAUSE, clauses) + _wrapped(PHRASE, [text for text in indirect if text not in clauses]),
        _wrapped(KEYWORD, texts.get("n", [])),
        texts.get("x", []),
    )
    return Topic(
        asks=tuple(templates for templates in asks if templates),
        yes_no=frozenset((*_wrapped(DIRECT, closed), *_wrapped(CLAUSE, closed_clauses), *closed_others)),
        claims=_wrapped(CLAIM, texts.get("claim", [])),
        replies=texts["a"],
        open_replies=[text for text in texts["a"] if not text.startswith(("yes", "no,", "no "))] or texts["a"],
        right=_wrapped(CLAIM, texts.get("right", [])),
        agreeing=texts.get("yes", []),
        then=turns(fields.get("then", "")),
    )


@cache
def topics(table: str) -> dict[str, Topic]:
    """The topics of a table by name."""
    return {name: _topic(fields) for name, fields in read_table(table).items()}


@cache
def _sources() -> dict[str, Source]:
    person = {
        "name": lambda slots: slots.w.name(),
        "person_name": lambda slots: f"{slots.w.name()} {slots.w.invented()}",
    }
    return {**read_table("topic_slots"), **person}


def new_slots(w: Writer) -> Slots:
    """The slots of the topics."""
    return Slots(w, _sources(), {})


def asked(w: Writer, topic: Topic, slots: Slots) -> Exchange:
    """A question with a reply that does not begin with yes or no unless the question can be answered so."""
    question = w.pick(w.pick(topic.asks))
    return slots.user(question), slots.text(topic.replies if question in topic.yes_no else topic.open_replies)


def exchanges(w: Writer, topic: Topic, slots: Slots) -> list[Exchange]:
    """A question or claim with its reply, and now and then what follows."""
    drawn = w.random.random()
    if topic.right and drawn < 0.15:
        return [(slots.user(topic.right), slots.text(topic.agreeing))]
    if topic.claims and drawn < 0.35:
        said = [(slots.user(topic.claims), slots.text(topic.replies))]
    else:
        said = [asked(w, topic, slots)]
    if topic.then and w.chance(0.3):
        says, reply = w.pick(topic.then)
        said.append((slots.user(says), slots.text(reply)))
    return said
