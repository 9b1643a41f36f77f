"""Stories with the hero, place, thing or problem that was asked for, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .core import Exchange, Writer, read_table
from .scenes import named
from .slots import names
from .topics import lines, turns

LONGEST = 660  # characters of a story
ROOM = 880  # of the exchanges of a unit
ASKED = (  # {story} is "story", "funny story", ...
    "tell me {a:story} %s.", "tell me {a:story} %s.", "[can|could|will|would] you [please |]tell me {a:story} %s?",
    "i [want|would like|want to hear|need|wish for] {a:story} %s.", "{a:story} %s[, please|].",
    "{story} %s", "write [me |]{a:story} %s.", "make up {a:story} %s.", "do you know {a:story} %s?",
    "invent {a:story} %s.", "please tell us {a:story} %s.",
    "tell my [son|daughter|kids|children|brother] {a:story} %s.",
    "[let me hear|give me|read me|think of|come up with|make|create|tell us] {a:story} %s.", "how about {a:story} %s?",
    "i am in the mood for {a:story} %s.", "[can|may] i [hear|have] {a:story} %s?", "[have you got|got] {a:story} %s?",
    "please write {a:story} %s.", "it is story time: {a:story} %s.", "[could|can] you write {a:story} %s?",
    "my [son|daughter|child] wants {a:story} %s.", "i am bored. tell me {a:story} %s.", "now {a:story} %s.",
    "would you make up {a:story} %s?", "and now tell us {a:story} %s.", "i am curious: can you tell {a:story} %s?",
)  # fmt: skip
NOUNS = ("story",) * 8 + ("little story", "nice story", "fairy tale", "good story", "new story", "cute story")
ABOUT = {
    "hero": (
        "about {a:w}", "about {a:w}", "about {a:w}", "with {a:w}", "about {a:adjective} {w}", "with {a:w} in it",
        "where the hero is {a:w}", "with {a:w} as the hero", "of {a:adjective} {w}", "that is about {a:w}",
    ),
    "named": (
        "about {a:w} [called|named] {name}", "about {name} the {w}", "about {name}, {a:w}",
        "about {a:w} whose name is {name}", "with {a:w} called {name}", "about {a:adjective} {w} named {name}",
    ),
    "placed": ("about {a:w} {place}", "about {a:w} who lives {place}", "with {a:w} {place}",
    "of {a:adjective} {w} {place}"),
    "afraid": (
        "about {a:w} who is [afraid|scared] of {fear}", "about {a:w} that is [afraid|scared] of {fear}",
        "about {a:w} and the fear of {fear}", "about a scared {w} who fears {fear}",
        "in which {a:w} is afraid of {fear}", "about {a:adjective} {w} who is [afraid|scared] of {fear}",
    ),
    "lost": (
        "about {a:w} who [lost|loses|has lost] {his} {thing}", "about {a:w} and a lost {thing}",
        "about {a:w} who cannot find {his} {thing}", "about {a:w} that lost {his} {thing}",
        "in which {a:w} loses {his} {thing}", "about {a:w} who is looking for {his} {thing}",
    ),
    "want": (
        "about {a:w} who [wants|dreams of|wishes for] {a:thing}", "about {a:w} who would love to have {a:thing}",
        "in which {a:w} wants {a:thing}", "about {a:w} that dreams of {a:thing}",
    ),
    "cannot": (
        "about {a:w} who [cannot|can not|could not] {skill}", "about {a:w} who wants to learn to {skill}",
        "about {a:w} that cannot {skill}", "in which {a:w} learns to {skill}", "about {a:w} who learns to {skill}",
    ),
    "lonely": (
        "about a lonely {w}", "about {a:w} who has no friends", "about {a:w} who is looking for a friend",
        "about {a:w} who is lonely", "about {a:w} who finds a friend", "about {a:w} without friends",
    ),
    "trait": ("about {a:w} who is {trait}", "about {a:w} that is {trait}", "in which {a:w} is {trait}"),
    "found": (
        "about {a:w} who finds {a:found}", "about {a:w} and {a:found}", "about {a:found} and {a:w}",
        "with {a:w} and {a:found}", "in which {a:w} finds {a:found}", "about {a:w} that found {a:found}",
    ),
    "journey": (
        "about {a:w} who [travels|goes|wants to go] to {destination}", "about {a:w} who wants to see {destination}",
        "about {a:w} on the way to {destination}", "about the journey of {a:w} to {destination}",
    ),
    "two": (
        "about {a:w} and {a:f}", "about {a:w} and {a:f}", "with {a:w} and {a:f}", "about {a:w} who meets {a:f}",
        "about the friendship of {a:w} and {a:f}", "with {a:w} and {a:f} in it",
    ),
    "words": (
        "with the words {w}, {thing} and {f}", "with {a:w}, {a:thing} and {a:f}",
        "in which {a:w}, {a:thing} and {a:f} appear",
        "about {a:w}, {a:thing} and {a:f}", "with these words: {w}, {f}, {thing}",
        "that has {a:w}, {a:thing} and {a:f} in it",
    ),
    "thing": ("about {a:found}", "with {a:found} in it", "about a found {found}", "in which {a:found} is important"),
    "place": ("that happens {place}", "that plays {place}", "set {place}", "{place}", "which takes place {place}"),
    "me": (
        "about me. [my name is|i am] {name}", "with me in it. [my name is|i am] {name}", "about {name}. that is me",
        "where i am the hero. i am {name}", "with {name} as the hero", "about {name}", "for {name}, with {name} in it",
    ),
}  # fmt: skip
WISHES = (  # how often each is asked for
    ("hero",) * 18 + ("named",) * 8 + ("placed",) * 6 + ("afraid",) * 8 + ("lost",) * 8 + ("want",) * 6
    + ("cannot",) * 6 + ("lonely",) * 5 + ("trait",) * 5 + ("found",) * 8 + ("journey",) * 5 + ("two",) * 9
    + ("words",) * 5 + ("thing",) * 4 + ("place",) * 4 + ("me",) * 4
)  # fmt: skip
PLAIN = (
    "[tell me|please tell me|can you tell me|could you tell me|will you tell me] {a:story}.", "i want {a:story}.",
    "{a:story}, please.", "do you know {a:story}?", "i would like to hear {a:story}.", "make up {a:story}.",
    "write {a:story}.", "tell {a:story}.", "[can|could] you tell {a:story}?", "i am bored, tell me {a:story}.",
    "{story} please", "[read|give] me {a:story}.", "tell us {a:story}.", "how about {a:story}?", "any {story}?",
    "let me hear {a:story}.", "it is time for {a:story}.", "surprise me with {a:story}.", "i need {a:story} now.",
    "tell me {a:story} of your own.", "tell me any story, {a:story}.", "i feel like {a:story}.",
)  # fmt: skip
MOODS = {
    "bedtime": ("bedtime story", "good night story", "story for the night", "story before sleep", "sleepy story"),
    "funny": ("funny story", "silly story", "story to laugh about", "fun story", "crazy story"),
    "sad": ("sad story", "touching story", "story that makes me cry", "little sad story"),
    "scary": ("scary story", "spooky story", "ghost story", "horror story", "creepy story", "halloween story"),
    "short": ("short story", "really short story", "story in three sentences", "tiny story", "mini story"),
}
OF_ANY_MOOD = ("hero", "named", "placed", "me")
OPENINGS = (
    "[once upon a time|long ago|once] there [was|lived] {intro} {place}.", "{place} there lived {intro}.",
    "there once was {intro} who lived {place}.", "{place} there once lived {intro}.", "once {intro} lived {place}.",
)  # fmt: skip
GENERAL = (  # what may be asked about any story
    (
        "[what happened next|what happened then|and then|what happened after that|how does it go on|and what came then"
        "|tell me what happened next|what came after that|and what happened next]?",
        "{next}",
    ),
    (
        "[make it shorter|tell it shorter|a shorter version please|say it shorter|shorter please"
        "|can you make it shorter?"
        "|that was too long, make it shorter|please shorten it|can you shorten the story?|in short?]",
        "{short}",
    ),
    (
        "[how did it end|how does it end|what was the end|what is the ending|how did the story end"
        "|tell me the end again"
        "|what happened in the end]?",
        "it ended like this: {end}",
    ),
    (
        "[where did it happen|where does the story happen|where was that|where did {h} live|where does {h} live"
        "|in which place was it|what was the place]?",
        "{h} lived {place}.",
    ),
    (
        "[who was it about|what was the story about|who was the hero|who is the hero|who was the main character"
        "|what animal was it about|who is the story about]?",
        "the story was about {intro}.",
    ),
    (
        "[is that a true story|is it true|did that really happen|is this real|is that true|was that real]?",
        "no, it is not true. i made it up, word by word.",
    ),
    (
        "[did you make that up|did you invent it|who wrote that|where did you get that story|is that your own story"
        "|where is that story from]?",
        "i made it up, word by word.",
    ),
    (
        "[nice|good|great|lovely|sweet|what a nice story|i like it|i liked that|that was nice|that was lovely|beautiful"
        "|what a lovely story|i love it|cute|cute story|good story|well told|thank you|thanks for the story]!",
        "[thank you!|i am glad that you like it.] [shall i tell another one?|what should the next one be about?|]",
    ),
    (
        "[i do not like it|that was boring|bad story|not my kind of story|that was silly|what a strange story|i did not"
        " like that]",
        "i am sorry. [what should the next one be about?|shall i try another one?]",
    ),
)
ONE_MORE = (
    "[another one|one more|tell me another one|another story|one more story|more|again|tell another one|next one"
    "|and another one|can i hear another one|please one more|a different one|tell me one more][, please|]"
)


@dataclass(frozen=True)
class Plot:
    """What happens in a story; the fields are told in `tables/stories.toml`."""

    theme: str
    moods: frozenset[str]
    text: list[str]
    short: str
    after: str
    asked: list[tuple[str, str]]


@dataclass(frozen=True)
class Story:
    """A story that was written, with all that a question about it may need.

    Attributes:
        text: the whole story.
        slots: its words, with "short" its three sentences, "next" what came after and "end" its last sentence.
        plot: what it was made of.
    """

    text: str
    slots: dict[str, str]
    plot: Plot


@cache
def plots() -> tuple[Plot, ...]:
    """All plots."""
    return tuple(
        Plot(
            theme=fields["theme"],
            moods=frozenset(mood for mood in MOODS if fields.get(mood)),
            text=lines(fields["text"]),
            short=fields["short"],
            after=fields["next"],
            asked=turns(fields["ask"]),
        )
        for fields in read_table("stories").values()
    )


@cache
def _plots(theme: str, mood: str) -> tuple[Plot, ...]:
    found = tuple(plot for plot in plots() if (not theme or plot.theme == theme) and (not mood or mood in plot.moods))
    if not mood:  # nobody is sad or scared who did not ask for it
        return tuple(plot for plot in found if not plot.moods & {"sad", "scary"})
    return found


@cache
def _requests(wish: str) -> tuple[str, ...]:
    return tuple(frame % about for about in ABOUT[wish] for frame in ASKED)


@cache
def _heroes() -> list[tuple[str, str]]:
    return [(hero, gender) for gender, heroes in read_table("story_words")["hero"].items() for hero in heroes]


def cast(w: Writer, wish: str = "") -> dict[str, str]:
    """The hero with the words for it, three friends, and one choice for each other slot."""
    words = read_table("story_words")
    chosen = {name: w.pick(values) for name, values in words.items() if isinstance(values, list)}
    hero, gender = w.pick(_heroes())
    if wish == "me":
        hero, gender = w.pick((("girl", "she"), ("boy", "he")))
    elif w.chance(0.04):
        hero = w.invented()
    he = gender if gender != "any" else w.pick(("he", "she"))
    him, his = ("him", "his") if he == "he" else ("her", "her")
    if " " in hero:  # it has its adjective
        chosen["adjective"] = "kind"
    friends = w.some([friend for friend in words["friend"] if friend not in hero], 3)
    if wish == "two":
        friends[0] = w.pick([other for other, _ in _heroes() if other != hero])
    chosen |= {"w": hero, "he": he, "him": him, "his": his, "himself": him + "self"}
    chosen |= {"f": friends[0], "f2": friends[1], "f3": friends[2]}
    chosen["name"] = w.name("female" if he == "she" else "male")
    return chosen


def written(w: Writer, chosen: dict[str, str], plot: Plot, request: str = "", wish: str = "") -> Story:
    """A story by a plot with what a request asks for."""
    described = "adjective" in names(request) or (wish in ("", "hero") and w.chance(0.4))
    by_name = "name" in names(request) or w.chance(0.3)
    chosen = dict(chosen)
    chosen["intro"] = w.text(
        ("{a:adjective} {w}" if described else "{a:w}") + ("[ named | called ]{name}" if by_name else ""), **chosen
    )
    chosen["h"] = chosen["name"] if by_name else "the " + chosen["w"]
    opening = w.text(OPENINGS, **chosen)
    sentences = [w.text(sentence, **chosen) for sentence in plot.text]
    chosen["short"] = f"{opening} {w.text(plot.short, **chosen)}"
    chosen["next"] = w.text(plot.after, **chosen)
    chosen["end"] = sentences[-1]
    text = " ".join([opening, *sentences])
    if w.chance(0.12):
        text += " the end."
    return Story(text if len(text) <= LONGEST else chosen["short"], chosen, plot)


def asked_about(w: Writer, story: Story) -> Exchange:
    """A question about a story that was told, or what people say to it."""
    slots = story.slots
    if w.chance(0.45):
        asked, reply = w.pick(story.plot.asked)
    elif w.chance(0.2):
        asked = "[what was {his} name|what is {his} name|what was the name of the {w}|did the {w} have a name]?"
        if slots["h"] == slots["name"]:
            reply = "the {w} was called {name}."
        else:
            reply = "the {w} had no name in my story. we could call {him} {name}."
    else:
        asked, reply = w.pick(GENERAL)
    return w.user(asked, **slots), w.text(reply, **slots)


def _with_questions(w: Writer, said: list[Exchange], story: Story) -> list[Exchange]:
    for _ in range(w.pick((0, 0, 0, 1, 1, 2))):
        more = asked_about(w, story)
        if sum(len(user) + len(reply) for user, reply in [*said, more]) > ROOM:
            break
        if more not in said:
            said.append(more)
    return said


def _plots_for(wish: str) -> list[Plot]:
    if wish == "words":
        return [plot for plot in _plots("", "") if {"thing", "f"} <= named(" ".join(plot.text))]
    themes = {plot.theme for plot in plots()}
    found = _plots(wish if wish in themes else "found" if wish == "thing" else "any", "")
    return [plot for plot in found if wish != "two" or "f" in named(plot.short)]


def asked_for(w: Writer, wish: str, mood: str = "") -> tuple[Story, dict[str, str]]:
    """A story with what a wish of `ABOUT` asks for, in a mood if any, and the slots with the "request" for it."""
    chosen = cast(w, wish)
    chosen["request"] = w.pick(_requests(wish))
    known = _plots("", mood) if mood else _plots_for(wish)
    return written(w, chosen, w.pick(known), chosen["request"], wish), chosen


def wished(w: Writer) -> list[Exchange]:
    """A story with what was asked for, and sometimes questions about it."""
    wish = w.pick(WISHES)
    mood = w.pick(("bedtime", "funny", "sad", "scary")) if wish in OF_ANY_MOOD and w.chance(0.25) else ""
    story, chosen = asked_for(w, wish, mood)
    wanted = [chosen[slot] for slot in names(chosen["request"]) if slot not in ("story", "his", "adjective")]
    short = not mood and w.chance(0.15) and all(word in story.slots["short"] for word in wanted)
    noun = w.pick(MOODS["short"] if short else MOODS[mood][:2] if mood else NOUNS)
    user = w.user(chosen["request"], story=noun, **chosen)
    return _with_questions(w, [(user, story.slots["short"] if short else story.text)], story)


def continued(w: Writer) -> list[Exchange]:
    """The user begins a story, and i3-mini tells how it continues."""
    chosen = cast(w)
    story = written(w, chosen, w.pick(_plots("", "")))
    begun = (
        "once upon a time there was {intro}.", "{intro} lived {place}. continue the story.",
        "once there was {intro}...",
        "[continue|finish|complete] this story: once there was {intro}.", "there once was {intro}. and then?",
        "i begin, you continue: {intro} lived {place}.", "once upon a time there lived {intro} {place}. what happened?",
        "[continue|finish] my story: {place} there lived {intro}.",
        "the story begins like this: {place} there was {intro}.",
        "once upon a time, {intro}", "how does this story continue? there was {intro} who lived {place}.",
    )  # fmt: skip
    text = story.text.split(". ", 1)[1]
    return _with_questions(w, [(w.user(begun, **story.slots), text)], story)


def plain(w: Writer) -> list[Exchange]:
    """A story that i3-mini may choose, perhaps of some mood."""
    mood = w.pick(("", "", "", *MOODS))
    chosen = cast(w)
    noun = w.pick(MOODS[mood] if mood else NOUNS)
    short = mood == "short"
    story = written(w, chosen, w.pick(_plots("", "" if short else mood)))
    said = [(w.user(PLAIN, story=noun), story.slots["short"] if short else story.text)]
    return _with_questions(w, said, story)


def another(w: Writer) -> list[Exchange]:
    """A short story, and another one."""
    said: list[Exchange] = []
    request, noun = PLAIN, w.pick(MOODS["short"])
    for _ in range(w.pick((2, 2, 3))):
        story = written(w, cast(w), w.pick(_plots("", "")))
        said.append((w.user(request, story=noun), story.slots["short"]))
        request = (ONE_MORE,)
    return said


def asked_back(w: Writer) -> list[Exchange]:
    """The user wants a story without saying about whom; i3-mini asks, and tells it."""
    chosen = cast(w)
    story = written(w, chosen, w.pick(_plots("any", "")))
    offer = (
        "[can you tell stories|do you know stories|do you tell stories|are you good at stories|can you write stories"
        "|do you know any stories|you can tell stories, right]?"
    )
    first = (w.user(offer), w.text("yes, i like to tell little stories. [about whom?|what should it be about?]"))
    about = "[|about |one about |maybe |how about |please about ]{a:w}[||, please]"
    return _with_questions(w, [first, (w.user(about, **chosen), story.text)], story)


UNITS = {
    "wished": (70.0, wished),
    "plain": (18.0, plain),
    "continued": (7.0, continued),
    "another": (8.0, another),
    "asked_back": (6.0, asked_back),
}
