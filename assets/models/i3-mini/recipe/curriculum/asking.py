"""How people ask for a fact: question, clause, noun phrase, keywords, claim, gap and choice, many ways around each.

A `Relation` holds the frames of one kind of fact (capitals, sounds of animals) and writes its units. Its templates have
no mark at the end; {s} is what the fact is about, {o} the answer, {p} a wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .core import Exchange, Writer, read_table

SMALL_WORDS = frozenset(("a", "an", "the", "and", "or", "on", "in", "of", "with", "from", "its"))
Pair = tuple[str, str]  # what a fact is about, and the answer

QUESTION = (
    ("{}?",) * 12
    + ("{}, [please|do you know|can you tell me|any idea|hm]?",)
    + ("[can you tell me|do you know|tell me|tell me this|say|answer me this|riddle me this|please answer]: {}?",)
    + ("[i have a question|let me ask you something|here is a question|a question for you|an easy one]: {}?",)
    + ("[next question|another question|new question|one more question|my question|test question|quiz time]: {}?",)
    + ("[someone asked me|i was asked today|they asked us at school|my homework asks|i always wondered]: {}?",)
    + ("{}? [i forgot|i can not remember|i am curious|just curious|i need it for a quiz|tell me please].",)
    + ("{}? [do you know that|do you know it|can you help me|help me out|any guess|answer please]?",)
)
CLAUSE = (
    "[do you know|can you tell me|could you tell me|can you say|would you know|do you happen to know] {}?",
    "[do you remember|can you remember|have you any idea|any idea|any clue|are you able to say] {}?",
    "[tell me|please tell me|just tell me|say|let me know|explain to me] {}.",
    "[i wonder|i was wondering|i am wondering|i ask myself|i am not sure|i do not know|no idea] {}.",
    "[i want to know|i would like to know|i would love to know|i need to know|i have to know|i want to learn] {}.",
    "[i forgot|i can never remember|i keep forgetting|i am trying to remember|i can not remember|help me remember] {}.",
    "[i bet you know|you surely know|let us see if you know|show me that you know|someone asked me|guess] {}.",
    "[could you please|would you please|can you please|can you quickly] [tell me|say|explain] {}?",
    "[would you mind telling me|may i ask|can i ask|may i ask you|please can you say] {}?",
)
NOUN = (
    ("what is {}?",) * 4
    + ("[what would be|what was|what might be|what was again|so what is|and what is|ok, what is] {}?",)
    + ("[tell me|please tell me|name|please name|say|give me|just give me|let me know|type|write] {}.",)
    + ("[do you know|can you tell me|can you name|can you give me|would you know|do you happen to know] {}?",)
    + ("[i need|i forgot|i want to know|i would like to know|i am looking for|i am trying to remember] {}.",)
    + ("{}?", "{}, please.", "{} is what?", "{}, do you know it?", "{}? [i forgot|help me|anyone|tell me].")
    + ("[could you remind me of|remind me of|help me with|let us see if you know|i bet you know|quickly,] {}.",)
)
KEYS = ("{}", "{}?", "{}?", "{}, please", "{} [pls|thanks|again]?")
CLAIM = (
    "[is it true|is it right|is it correct|is it a fact|am i right|can you confirm|do you agree] that {}?",
    "{}, [right|correct|true|yes|is that right|is that true|am i right|is it not|or not]?",
    "[i think|i believe|i guess|i would say|i am sure|i heard that|i read that|someone told me that] {}. "
    "[is that right|is that true|correct|right|am i right|is that so|true]?",
    "[so|and] {}?",
    "{}? [yes or no|is that true|is that right|am i right|correct]?",
    "[yes or no|please check|check this|is this right|is this correct]: {}?",
    "[would you say|can i say|is it fair to say|do you think] that {}?",
)
TRUTH = (
    "[true or false|is this true or false|right, so true or false|tell me, true or false]: {}?",
    "{}. true or false?",
    "{}: [true or false|true or not true]?",
    "{} - true or false?",
)
GAP = (
    "{} ...",
    "{} ...",
    "{}",
    "{} ___",
    "{} ... [what|which one]?",
    "[complete|finish|complete this|finish this|complete the sentence|finish my sentence|please complete]: {} ...",
    "[fill the gap|fill in the blank|fill in|fill the blank|what is missing|which word is missing]: {} ___.",
)
ABOUT = (
    "[tell me|please tell me] [something|a little|a fact|anything|] about {}.",
    "[what do you know|what can you tell me|what do you have to say] about {}?",
    "[can|could] you tell me [something|more|a little|a fact] about {}?",
    "[talk|speak|write] [|a little ]about {}.",
    "[i want to|i would like to|let me] [know|hear|learn] [something|more] about {}.",
    "[do you know|have you heard|have you learned] [something|anything] about {}?",
    "[information|some facts|facts|a fact] about {}[, please|].",
    "[let us talk about|i am interested in|i have a question about|teach me about] {}.",
    "[describe|explain] {}.",
)
NEXT = ("[and|what about|how about|and what about|and how about|ok, and|now|and for|same for] {}?", "{}?", "and {}")


def within(w: Writer, frames: Sequence[str], template: str | Sequence[str]) -> str:
    """One of the templates inside one of the frames."""
    return w.pick(frames).replace("{}", template if isinstance(template, str) else w.pick(template))


@dataclass(eq=False)
class Asking:
    """The ways to ask one thing; any of them may be missing."""

    direct: Sequence[str] = ()  # "where is {s}"
    clause: Sequence[str] = ()  # "where {s} is"
    noun: Sequence[str] = ()  # "the capital of {s}"
    keys: Sequence[str] = ()  # "{s} capital"

    @cached_property
    def _ways(self) -> list[tuple[Sequence[str], Sequence[str]]]:
        ways = ((QUESTION, self.direct, 6), (CLAUSE, self.clause, 4), (NOUN, self.noun, 4), (KEYS, self.keys, 1))
        return [(frames, templates) for frames, templates, weight in ways if templates for _ in range(weight)]

    def user(self, w: Writer, /, **slots: object) -> str:
        """A user's turn."""
        return w.user(within(w, *w.pick(self._ways)), **slots)


def checked(
    w: Writer, right: bool, question: Sequence[str], claim: Sequence[str], truth: str, /, **slots: str
) -> Exchange:
    """A yes-no question or a claim, and a reply that begins with yes or no, or true or false, and gives the truth."""
    drawn = w.random.random()
    if question and drawn < 0.45:
        return w.user(within(w, QUESTION, question), **slots), ("yes, " if right else "no, ") + truth
    if drawn < 0.85:
        return w.user(within(w, CLAIM, claim), **slots), ("yes, " if right else "no, ") + truth
    return w.user(within(w, TRUTH, claim), **slots), ("true. " if right else "false. ") + truth


def columns(name: str) -> list[list[str]]:
    """The rows of a table whose columns stand between "|"."""
    return [[cell.strip() for cell in line.split("|")] for line in read_table(name)]


def mapping(name: str) -> list[Pair]:
    """The lines of a table of the form KEY = VALUE."""
    pairs = (line.split(" = ", 1) for line in read_table(name))
    return [(key.strip(), value.strip()) for key, value in pairs]


@dataclass(eq=False)
class Relation:
    """One kind of fact with all its frames.

    Attributes:
        pairs: what it holds for; the first `known` of them are asked more often, the earlier the more.
        truth: the reply, a full sentence with its point.
        ask: ways to ask for the answer.
        question, claim: yes-no forms with {o}.
        either: questions with the right and a wrong answer as {x} and {y}.
        gap: the beginning of a sentence that the answer ends.
        reverse: ways to ask for {s} by {o}; `back` is the reply, asked only where one {s} has this {o}.
        follow: True if "and germany?" can follow.
    """

    pairs: Sequence[Pair]
    truth: Sequence[str]
    ask: Asking
    question: Sequence[str] = ()
    claim: Sequence[str] = ()
    either: Sequence[str] = ()
    gap: Sequence[str] = ()
    reverse: Asking | None = None
    back: Sequence[str] = ()
    follow: bool = True
    known: int = 10**6
    wrong: Callable[[Writer, str, str], str] | None = None
    _true: set[Pair] = field(init=False, repr=False)
    unique: list[Pair] = field(init=False, repr=False)
    _shared: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._true = set(self.pairs)
        objects = [o for _, o in self.pairs]
        self._shared = SMALL_WORDS | set.intersection(
            *(set(o.split()) for o in objects)
        )  # as "legs" in numbers of legs
        self.unique = [pair for pair in self.pairs if objects.count(pair[1]) == 1]

    def fact(self, w: Writer) -> Pair:
        """What is asked about this time."""
        if self.known < len(self.pairs) and w.chance(0.85):
            return w.common(self.pairs[: self.known])
        return w.pick(self.pairs)

    def other(self, w: Writer, s: str, o: str) -> str:
        """A wrong answer."""
        if self.wrong:
            return self.wrong(w, s, o)
        ours = set(o.replace(",", "").split()) - self._shared
        while True:
            _, p = self.fact(w)
            if (s, p) not in self._true and not ours & set(p.replace(",", "").split()):
                return p

    def __call__(self, w: Writer) -> list[Exchange]:
        """A unit: the fact asked for in one way, and perhaps another one after it."""
        s, o = self.fact(w)
        truth = w.text(self.truth, s=s, o=o)
        drawn = w.random.random()
        if drawn < 0.2 and self.claim:
            right = w.chance(0.5)
            says = o if right else self.other(w, s, o)
            first = checked(w, right, self.question, self.claim, truth, s=s, o=says)
        elif drawn < 0.31 and self.either:
            x, y = w.some((o, self.other(w, s, o)), 2)
            first = w.user(within(w, QUESTION, self.either), s=s, x=x, y=y), truth
        elif drawn < 0.36 and self.gap:
            first = w.user(within(w, GAP, self.gap), s=s), truth
        elif drawn < 0.47 and self.reverse and self.unique:
            s, o = w.pick(self.unique)
            return [(self.reverse.user(w, s=s, o=o), w.text(self.back, s=s, o=o))]
        else:
            first = self.ask.user(w, s=s), truth
        out = [first]
        while self.follow and len(out) < 3 and w.chance(0.22):
            s2, o = self.fact(w)
            if s2 == s:
                break
            out.append((w.user(within(w, NEXT, "{s}"), s=s2), w.text(self.truth, s=s2, o=o)))
            s = s2
        return out
