"""Small talk: the reply takes up the user's word, answers for itself honestly, and asks something that fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

from .core import Exchange, Writer, read_table
from .scenes import Question, askable, named, picked, questions
from .slots import Slots, Source
from .topics import lines

LIKE = (
    "i [like|love|enjoy|adore] {t}[| a lot| very much| so much].", "i really [like|love|enjoy] {t}.",
    "i am a [big |]fan of {t}.", "i am crazy about {t}.", "{t} {is} [great|the best|wonderful|my favorite|awesome].",
    "for me {t} {is} the best.", "do you like {t}? i do.", "i [like|love] {t}, [and you|what about you|do you, too]?",
    "i think {t} {is} [great|nice|cool|beautiful].", "nothing is better than {t}.", "{t}! i love {t}.",
    "i could not live without {t}.", "what i like most: {t}.", "you know what i like? {t}.", "i have always liked {t}.",
    "my {person} and i love {t}.", "i am so happy that {t} exist{s_verb}.", "[oh|ah], {t}, how i love {it}.",
    "i must say, i like {t}.", "i started to like {t}.", "i like {t} more than {t2}.", "i like {t} and {t2}.",
)  # fmt: skip
LIKE_REPLIES = (
    "{T}! [how nice.|good choice.|i like to hear that.||]", "{T} {is} {adj}.", "you like {T}? [how nice.|]",
    "{T}, i see. [that is a good thing to like.|]", "{self}",
)  # fmt: skip
DISLIKE = (
    "i [hate|do not like|cannot stand|dislike|really hate|do not enjoy|am not into] {t}[| at all].",
    "{t} {is} [awful|boring|terrible|not for me|the worst|not my thing|horrible|really not for me].",
    "i am [not|no|really not] a [big |]fan of {t}.", "i do not [really |]like {t}[| much| very much].",
    "i have never liked {t}.", "{t}? no, thank you.", "[i think|for me|honestly,] {t} {is} [boring|overrated|bad].",
    "why does everybody like {t}? i do not.", "i am tired of {t}.", "i [like|prefer] {t2}, but not {t}.",
    "[please |]no {t} for me.", "i could live without {t}.", "everything but {t}!", "you can keep {t}.",
)  # fmt: skip
DISLIKE_REPLIES = (
    "no {T} for you, then.", "not everybody likes {T}, that is fine.", "you do not like {T}, i see.",
    "fair enough, {T} {is} not for everyone.",
)  # fmt: skip
INSTEAD = (
    "what do you like [better|instead]? :: [i like |i prefer |]{t2}[| much better| more] > {t2}! that is a good choice."
    " :: [nothing|i do not know|not sure] > that is fine. you do not have to like anything.\n"
    "why is that? :: [i do not know|just because|no idea] > that is fine. taste needs no reason."
    " :: [bad memories|it is boring|it is too [loud|much|slow|sweet|hard]] > i understand. thank you for telling me."
)
ASK = (
    "do you [like|love|enjoy|also like|happen to like] {t}[||| or not| too]?", "what do you think of {t}?",
    "[so|and|hey|say|tell me], do you [like|love|enjoy|care for] {t}?", "do you [really |]like {t}[, i3-mini|, too|]?",
    "do you [like|love|enjoy] {t}[| a lot| very much| at all| yourself| as much as i do]?",
    "would you say [that |]you like {t}?", "[are|is] {t} something [you like|for you|you enjoy|that you like]?",
    "[what|how] about {t}, do you like {it}?", "{t}, do you like {it}?",
    "you [like|love|enjoy] {t}, [right|no|do you not|i guess]?", "i like {t}. [do you|and you|do you like {it}]?",
    "can [a program|a model|you] like {t}?", "is it true that you like {t}?",
    "what is your [opinion|view|take] on {t}?", "are you [a fan of|into|fond of] {t}?", "how do you find {t}?",
    "do you [think|find] {t} {is} [good|nice|great|interesting]?", "how do you feel about {t}?", "you like {t}?",
    "[tell me|say|i would like to know|i want to know|i wonder] what you think [of|about] {t}.",
    "[tell me|i wonder|may i ask|can i ask|i am curious] if you like {t}.", "would you like {t}?", "{t}: yes or no?",
    "can you say something about {t}?", "what do you say to {t}?", "{t}, what do you think?", "your opinion on {t}?",
    "{t}, [is that something you like|is that your thing|is that to your taste|do you like that]?",
)  # fmt: skip
TALK = (
    "[let us|we could|can we|shall we|could we] [talk|chat] about {t}[|, please].", "i want to [talk|chat] about {t}.",
    "[tell me|say|please tell me|can you tell me] [something|a bit|a little|more] about {t}.",
    "[do you know anything|do you know something|what do you know] about {t}?", "i would like to chat about {t}.",
    "{t}!",
    "talk to me about {t}.", "what comes to your mind [about|with] {t}?", "how about {t}?",
    "[my|our] topic today: {t}.",
    "{t}", "how about we talk about {t}?", "i am thinking about {t}. and you?", "now [something |]about {t}.",
)  # fmt: skip
TALK_REPLIES = ("{T}, gladly! {T} {is} {adj}.", "gladly. {self}", "{T} {is} a nice topic.", "good idea. {self}")
VERSUS = (
    "{t} or {t2}[|, what is better|, what do you say|, which one|, what would you take]?", "{t} vs {t2}?",
    "[do you prefer|do you like|would you prefer|would you rather have|would you rather choose] {t} or {t2}?",
    "[which is better|which do you like better|what is better|what do you like more|which one is better], {t} or {t2}?",
    "what would you [choose|take|pick|want|go for], {t} or {t2}?", "are you more for {t} or for {t2}?",
    "if you [had to|could] choose: {t} or {t2}?", "[better|quick]: {t} or {t2}?", "pick one: {t} or {t2}.",
    "[choose|decide] between {t} and {t2}.", "do you like {t} more than {t2}?", "[what is|is] better: {t} or {t2}?",
    "my {person} likes {t}, i like {t2}. and you?", "i cannot decide between {t} and {t2}. which one?",
    "help me choose: {t} or {t2}?", "between {t} and {t2}, what would you take?", "{t} and {t2}, which one is for you?",
)  # fmt: skip
VERSUS_REPLIES = (
    "i am a program, but i would say {T}.", "{T}, i think. i only know both from words.", "i would choose {T}.",
    "hard to say. {T}, maybe.", "for me it would be {T}, but i only know the words.",
)  # fmt: skip
VERSUS_ASKED = (
    "[and you?|what about you?|which one is yours?|what is your choice?]"
    " :: [{t2}|i prefer {t2}|i like {t2} more|{t2}, of course|{t2} for me] > {t2}, good choice!"
    " :: [{t}, too|{t} as well|the same|also {t}] > then we agree on {t}!"
    " :: [both|i like both|both of them|i cannot decide] > both, why not! you do not have to choose."
)
BOTH = (("cats", "dogs"), ("coffee", "tea"), ("summer", "winter"), ("pizza", "pasta"), ("books", "movies"),
        ("the sea", "the mountains"), ("the city", "the countryside"), ("the morning", "the evening"),
        ("sweet", "salty"), ("rain", "snow"), ("apples", "oranges"), ("beer", "wine"), ("football", "basketball"),
        ("red", "blue"), ("gold", "silver"), ("trains", "planes"), ("cake", "cookies"), ("the sun", "the moon"),
        ("summer", "spring"), ("butter", "jam"), ("milk", "juice"), ("rock", "pop"), ("black", "white"),
        ("chocolate", "vanilla"), ("burgers", "hot dogs"), ("comedy", "drama"), ("the car", "the bike"),
        ("saturday", "sunday"), ("christmas", "easter"), ("letters", "emails"), ("cooking", "baking"),
        ("left", "right"), ("singing", "dancing"), ("early", "late"), ("hot", "cold"), ("math", "english"),
        ("tv", "radio"), ("skiing", "swimming"), ("lions", "tigers"), ("ketchup", "mustard"), ("day",
         "night"))  # fmt: skip
CHAT = (
    "[talk to me|let us chat|chat with me|can we chat?|i want to chat|can we talk?|i want to talk|let us talk|entertain"
    " me|say something|tell me anything|start a conversation|make small talk|let us have a little chat|i have time to"
    " chat|i just want to talk].",
    "[what should we talk about|what shall we talk about|what do you want to talk about|what can we talk about now|what"
    " would you like to talk about|do you have a topic|which topic do you like]?",
    "[hm, |well, |][i have nothing to say|i do not know what to write|nothing comes to my mind|i am out of words"
    "|what should i write|what can i tell you|i do not know how to start|what should i say now].",
    "[choose a topic|pick a topic|you choose a topic|suggest a topic|give me a topic|you start|you decide what we talk"
    " about|i have no idea what to say|i do not know what to talk about|ask me something|ask me a question|ask me"
    " anything|ask me about my day|do you have a question for me?|be curious].",
)
CHAT_REPLIES = ("[gladly.|all right.|let us see.|]",)
FIRST = (  # questions that need nothing said before, with the answer taken up
    "what is your favorite food? :: {food}[, i think|, of course|] > {food}, good choice! i only know it from words.",
    "what do you like to do? :: {hobby}[| most of all| with friends] > {hobby}, that sounds like fun.",
    "do you have a pet? :: [yes, |i have ]{a:pet} > {a:pet}, how lovely! :: [no|no, sadly not|not anymore] > no pet,"
    " i see. then there is more time for other things.",
    "what did you do today? :: i {did} > you {did}, how nice! i hope it was good.",
    "what is your favorite animal? :: {animal} > {animal}! they are wonderful animals.",
    "which music do you like? :: {music} > {music}, nice! i cannot hear it, but i like the word.",
    "where would you like to travel? :: to {travel} > {travel}! i hope you will get there one day.",
    "which season do you like best? :: [spring|summer|autumn|winter] > a lovely time of the year!",
    "what is your favorite color? :: {color} > {color}, a beautiful color!",
    "what are you reading at the moment? :: [a book about |]{film_about} > a book about {film_about}, how interesting!"
    " :: [nothing|i do not read] > that is fine, too.",
    "what do you like to drink? :: {drink} > {drink}, good choice!",
    "what makes you laugh? :: [my {person}|my {pet}|cartoons|silly jokes|babies|funny videos] > how nice! laugh often.",
    "what are your plans for the weekend? :: {going} > {going}, that sounds like a good weekend.",
    "which sport do you like? :: {sport} > {sport}! that keeps you fit. :: [none|i do not like sports] > no sports for"
    " you, i see. that is fine.",
    "coffee or tea? :: [coffee|coffee, always] > coffee, i see. then have a good cup! :: [tea|tea, please] > tea, i"
    " see. then have a good cup!",
    "what was the best part of your day? :: the [food|walk|sun|music|coffee|sleep|talk with my {person}|quiet] > that"
    " sounds like a good moment.",
)
BACK = (
    "[do you like {it}?|and you, do you like {it}?|do you like {it} yourself?]"
    " :: [yes|yes, very much|yes, a lot|i do|yes, i love {it}] > [good.|how nice.] {T} {is} {adj}."
    " :: [no|not really|no, i do not|not so much] > [that is fine.|i see.] not everybody likes {T}."
    " :: [a little|sometimes|so so|it depends] > a little is fine, too."
)
SELF = (
    "and you?", "what about you?", "how about you?", "and what about you?", "do you?", "you too?", "and do you, too?",
    "how is it with you?", "what is it like for you?",
)  # fmt: skip
NO_SELF = "i am a program, so i only [hear|read] about it. but i like to listen."


@dataclass(frozen=True)
class Talk:
    """A topic of small talk; the fields are told in `tables/talk.toml`."""

    words: tuple[tuple[str, bool], ...]  # each with True if it takes "are"
    adjectives: list[str]
    itself: str
    says: list[str]
    replies: tuple[str, ...]
    questions: tuple[Question, ...]


def _words(fields: dict[str, str], field: str) -> list[str]:
    return [word.strip() for word in fields.get(field, "").split(",") if word.strip()]


@cache
def talks() -> dict[str, Talk]:
    """The topics by name."""
    return {
        name: Talk(
            words=tuple((word, many) for many in (False, True) for word in _words(fields, ("one", "many")[many])),
            adjectives=_words(fields, "adj"),
            itself=fields.get("self", NO_SELF),
            says=[said + end for said in lines(fields["say"]) for end in (".", "!", "")],
            replies=tuple(lines(fields["r"])),
            questions=questions(fields["q"], {}),
        )
        for name, fields in read_table("talk").items()
    }


KNOWN = 14  # words of a topic that most people speak of
TALKED_OF = ("food", "drink", "animal", "hobby", "music", "sport", "travel", "garden")  # topics whose words are slots


@cache
def _sources() -> dict[str, Source]:
    of_topics = {name: [word for word, _ in talks()[name].words] for name in TALKED_OF}
    made = {"subject": [word for word, _ in talks()["school"].words], "name": lambda slots: slots.w.name()}
    return {**read_table("talk_words"), **of_topics, **made}


def new_slots(w: Writer, talk: Talk | None = None) -> tuple[Slots, dict[str, str]]:
    """The slots, and those that are given: of a topic two words with the verbs that fit the first."""
    given: dict[str, str] = {}
    if talk and talk.words:
        (word, many), (other, _) = _two_words(w, talk)
        given = _word(word, many) | {"t2": other, "adj": w.pick(talk.adjectives)}
        given["self"] = w.text(talk.itself, **given)
    return Slots(w, _sources(), given), given


def _two_words(w: Writer, talk: Talk) -> list[tuple[str, bool]]:
    """Two different words of a topic, in more than half the cases from the first of those that take one verb."""
    if w.chance(0.4):
        return w.some(talk.words, 2)
    known, many = [], w.pick(talk.words)[1]
    for word in talk.words:
        if word[1] == many and len(known) < KNOWN:
            known.append(word)
    return w.some(known, 2)


def _word(word: str, many: bool) -> dict[str, str]:
    return {
        "t": word,
        "T": "your " + word[3:] if word.startswith("my ") else word,
        "it": "them" if many else "it",
        "is": "are" if many else "is",
        "sounds": "sound" if many else "sounds",
        "s": "" if many else "s",
        "s_verb": "" if many else "s",
    }


Asked = list[tuple[str, list[tuple[str, str]]]]


def _on(
    said: list[Exchange], asked: Asked, slots: Slots, given: dict[str, str], known: frozenset[str] = frozenset()
) -> list[Exchange]:
    """The exchanges with a question after the last reply, the user's answer to it, and so on for some turns.

    Slots that are neither given nor in `known` are filled again after each turn.
    """
    w = slots.w
    turns = w.pick((0, 0, 0, 1, 1, 1, 2, 2, 3, 4))
    for question, answers in w.some(asked, min(len(asked), max(turns, 1))):
        says, reply = said[-1]
        said[-1] = (says, f"{reply} {slots.text(question)}")
        if not turns or not answers:
            return said
        turns -= 1
        answer, reply = w.pick(answers)
        said.append((slots.user(answer), slots.text(reply)))
        slots.forget(known, given)
    return said


def _and_you(w: Writer, said: list[Exchange], itself: str) -> list[Exchange]:
    if not said[-1][1].endswith("?") and w.chance(0.15):
        said.append((w.user(SELF), w.text(itself)))
    return said


@cache
def _asked(name: str, says: str = "{t}") -> Asked:
    return askable(talks()[name].questions, named(says), says)


def told(w: Writer, name: str) -> list[Exchange]:
    """Something the user tells of a topic."""
    talk = talks()[name]
    slots, given = new_slots(w, talk)
    says = w.pick(talk.says)
    known = named(says)
    said = [(slots.user(says), slots.text(picked(w, talk.replies, known)))]
    said = _on(said, _asked(name, says), slots, given, known)
    return _and_you(w, said, given["self"] if "t" in known else NO_SELF)


def liked(w: Writer, name: str) -> list[Exchange]:
    """What the user likes."""
    slots, given = new_slots(w, talks()[name])
    said = [(slots.user(LIKE), slots.text(LIKE_REPLIES))]
    return _and_you(w, _on(said, _asked(name), slots, given), given["self"])


def disliked(w: Writer, name: str) -> list[Exchange]:
    """What the user does not like."""
    slots, given = new_slots(w, talks()[name])
    return _on([(slots.user(DISLIKE), slots.text(DISLIKE_REPLIES))], _common(INSTEAD), slots, given)


def opinion(w: Writer, name: str) -> list[Exchange]:
    """What i3-mini thinks of something: it says how it knows it and asks back."""
    slots, given = new_slots(w, talks()[name])
    says, replies = (ASK, ("{self}",)) if w.chance(0.6) else (TALK, TALK_REPLIES)
    return _on([(slots.user(says), slots.text(replies))], _common(BACK), slots, given)


def either(w: Writer, name: str = "") -> list[Exchange]:
    """Which of two: it picks one of them."""
    if name:
        slots, given = new_slots(w, talks()[name])
    else:
        one, other = w.some(w.pick(BOTH), 2)
        given = _word(one, False) | {"t2": other}
        slots = Slots(w, _sources(), given)
    says = slots.user(VERSUS)
    if w.chance(0.5):
        given |= {"t": given["t2"], "T": given["t2"], "t2": given["t"]}
        slots.values |= given
    return _on([(says, slots.text(VERSUS_REPLIES))], _common(VERSUS_ASKED), slots, given)


def chat(w: Writer) -> list[Exchange]:
    """The user wants to chat and leaves the topic to i3-mini, which asks something."""
    slots, given = new_slots(w)
    said = _on([(w.user(CHAT), w.text(CHAT_REPLIES))], _common("\n".join(FIRST)), slots, given)
    return [(says, reply.strip()) for says, reply in said]


@cache
def _common(text: str) -> Asked:
    return askable(questions(text, {}), frozenset(("t", "t2", "adj")))


COMMON = ("did", "going", "food", "hobby", "animal", "pet_own", "weather_sun", "weather_rain", "season", "book", "work",
          "travel", "weekend", "outing", "playing", "living", "drink")  # fmt: skip
RARE = ("space", "ideas", "people_liked", "art", "clothes", "computer", "place", "film")


def _weight(name: str, talk: Talk) -> float:
    return 2.0 if name in COMMON else 0.5 if name in RARE else 1.0


LIKED = tuple(name for name, talk in talks().items() if talk.words)
UNITS = {
    **{name: (_weight(name, talk), partial(told, name=name)) for name, talk in talks().items()},
    **{f"{name}_liked": (_weight(name, talks()[name]), partial(liked, name=name)) for name in LIKED},
    **{f"{name}_disliked": (0.3, partial(disliked, name=name)) for name in LIKED},
    **{f"{name}_opinion": (1.6 * _weight(name, talks()[name]), partial(opinion, name=name)) for name in LIKED},
    **{f"{name}_either": (0.4, partial(either, name=name)) for name in LIKED},
    "either": (4.0, either),
    "chat": (5.0, chat),
}
