"""Stories with the hero, place, thing or problem that was asked for, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .core import Exchange, Writer, read_table
from .scenes import named
from .slots import names
from .topics import lines, turns

LONGEST = 500  # characters of a story
ROOM = 880  # of the exchanges of a unit
WANT = (  # %s is a story with all that is said of it
    *("tell me %s.", "tell me %s[, please| please]."),
    "[tell|tell us|please tell me|now tell me|write|write me|please write|make up|invent|think up|think of|come up with"
    "|create|give me|read me|let me hear|make|share|start|show me|say|find me|tell my kids] %s[||||, please| please"
    "| for me| for my kids| now|, will you|, if you can|, thanks].",
    "[can|could|will|would] you [please||] [tell|tell me|tell us|write|write me|make up|invent|think of|come up with"
    "|create|read me|share|give me] %s[|||, please| for me| now| for my [son|daughter|child]]?",
    "i [want|would like|want to hear|would like to hear|need|would love|would love to hear|wish for|feel like"
    "|am in the mood for|am hoping for|like to hear|really want|could use|am waiting for] %s[||, please| now| today].",
    "i [want|would like|need] you to [tell|tell me|write|make up|invent|come up with] %s[|, please].",
    "[can|may|could] i [hear|have|get|read|listen to] %s[|, please]?",
    "[do you know|do you have|have you got|got|can you think of|are you able to tell|is there|would you have] %s?",
    *("%s", "%s, please.", "%s please", "%s?"),
    "[now|next|ok,|just|and now|again|hey,|so,|maybe|this time] %s[||, please| please].",
    "[how about|what about|time for|it is time for|let us have|let us hear|we need|we want|my daughter wants"
    "|my son wants|the kids want|my little sister wants|my child asks for|a child wants] %s[.|, please.|].",
    "%s [would be|would be really] [nice|good|great|fun|lovely|sweet][| now].",
    "%s is what i [want|need|would like][| now| today].",
    "[i am bored|i can not sleep|we are in bed|i am sad|i have time|cheer me up|story time|it is late][.|,|:] [tell me"
    "|please tell me|read me|make up|i want|how about|i need] %s.",
    "[surprise me|make me happy|help me fall asleep|entertain me] with %s.",
)
ABOUT_IT = (  # %s is the hero, and what is said of him
    *("{a:story} about %s",) * 8,
    "{a:story} [with|of|on|featuring] %s",
    "{a:story} with %s [in it|as the hero]",
    "{a:story} [that is|which is] about %s",
    "{a:story}[:|,] %s",
    "{a:story} [where|in which] the hero is %s",
)
IN_WHICH = ("{a:story} [in which|where] %s", "{a:story}[:|,] %s", "{a:story} about how %s")
LET_IT = (  # after "tell me a story", or before it
    "[let|make] %s [be the hero|be the star|appear in it|have a part in it]",
    "[it should|it must|it has to|let it|i want it to|it could|please let it] be about %s",
    "[it should|it must|i want it to|it has to] have %s in it",
    "[put|use|have|i want] %s in it",
    "[%s should|%s must|%s has to|%s could] be [in it|the hero|in the story|a part of it]",
    "[the hero is|the hero should be|the main character is|with] %s",
    "about %s",
)
WITHOUT_NOUN = (
    "[invent|make up|imagine|write|think of|tell me|come up with] something [about|with] %s[|, please].",
    "[write|tell] [a few lines|some lines|something nice|something short|something] about %s[, like a story| as a "
    "story].",
    "[the|my|your|this] story [should be|must be|has to be|is to be] about %s.",
    "[in|for] [the|my|your|this] story i [want|need|would like] %s.",
    "[the hero of my story is|my hero is|write about my hero,] %s. [tell it|tell the story|tell me more|what happens].",
    "tell me [what happened to|what happens to|the tale of|the story of|the adventure of|of the adventures of] %s.",
    "[what happened to|what happens to] %s? tell [a story|it as a story|me a story].",
    "%s[:|,] [make it a story|tell a story about it|a story about that, please|can you tell that as a story].",
)
OF_A_SENTENCE = (
    "[tell me|write about|make up|tell a story about] how %s.",
    "%s. [tell a story|make it a story|tell it as a story][, please|].",
    "[story|a story|my story|little story|write this story]: %s.",
)
OF_SOMEBODY = ("tell me [about|of] %s.", "[write|tell us] about %s.", "i want to hear [about|of] %s.")  # "who ..."
OF_A_HERO = (  # of nothing else
    "{w} story", "a {w} story[, please|]", "[tell me|i want|write|how about|do you know|make up|give me] a {w} story",
    "[a story, with|story with] {a:w} in it", "{w}, as a story", "story: {w}",
)  # fmt: skip
LEADS = (
    "[tell me|i want|i would like|make up|write|give me|how about|please tell me|can you tell me|tell us] {a:story}",
    "[story time|a story, please|story, please|i need a story|write something|time for a story|let us make a story]",
)
NOUNS = (
    *("story",) * 10, "little story", "nice story", "fairy tale", "good story", "new story", "cute story", "tale",
    "small story", "little tale", "fable", "adventure story", "sweet story", "made-up story",
)  # fmt: skip
LEADING = tuple(f"{lead}{joint}{let}." for lead in LEADS for joint in (", and ", ". ", ": ", "! ") for let in LET_IT)
SAID = {  # of the hero of a story, by what is wished: as a thing, and as a sentence
    "hero": (("{a:w}", "{a:w}", "{a:w}", "{a:adjective} {w}"), ()),
    "named": (
        ("{a:w} [called|named|by the name of] {name}", "{name} the {w}", "{name}, {a:w}", "{a:w} whose name is {name}",
         "{a:adjective} {w} named {name}"),
        ("{a:w} is called {name}",),
    ),
    "placed": (
        ("{a:w} {place}", "{a:w} who lives {place}", "{a:adjective} {w} {place}", "{a:w} living {place}"),
        ("{a:w} lives {place}",),
    ),
    "afraid": (
        ("{a:w} who is [afraid|scared|frightened] of {fear}", "{a:w} that is [afraid|scared] of {fear}",
         "{a:w} and the fear of {fear}", "a scared {w} who fears {fear}", "{a:w} who was [afraid|scared] of {fear}",
         "{a:adjective} {w} who is [afraid|scared] of {fear}", "{a:w} with a fear of {fear}"),
        ("{a:w} is [afraid|scared] of {fear}", "{a:w} learns not to fear {fear}"),
    ),
    "lost": (
        ("{a:w} who [lost|loses|has lost] {his} {thing}", "{a:w} and a lost {thing}", "{a:w} without {his} {thing}",
         "{a:w} who [cannot|can not|could not] find {his} {thing}", "{a:w} that lost {his} {thing}",
         "{a:w} who is looking for {his} {thing}", "the lost {thing} of {a:w}"),
        ("{a:w} [loses|has lost] {his} {thing}", "{a:w} looks for {his} {thing}", "{a:w} cannot find {his} {thing}"),
    ),
    "want": (
        ("{a:w} who [wants|dreams of|wishes for|wanted] {a:thing}", "{a:w} who would love to have {a:thing}",
         "{a:w} that dreams of {a:thing}"),
        ("{a:w} [wants|dreams of|wishes for] {a:thing}",),
    ),
    "cannot": (
        ("{a:w} who [cannot|can not|could not] {skill}", "{a:w} who [wants|wanted|tries] to learn to {skill}",
         "{a:w} that cannot {skill}", "{a:w} who [learns|learned] to {skill}"),
        ("{a:w} learns to {skill}", "{a:w} cannot {skill}", "{a:w} wants to learn to {skill}"),
    ),
    "lonely": (
        ("a lonely {w}", "{a:w} who has no friends", "{a:w} who is looking for a friend", "{a:w} who is lonely",
         "{a:w} who finds a friend", "{a:w} without friends", "{a:w} who wants [a friend|friends]", "{a:w}, all alone"),
        ("{a:w} [finds|looks for] a friend", "{a:w} is lonely", "{a:w} has no friends"),
    ),
    "trait": (("{a:w} who is {trait}", "{a:w} that is {trait}", "{a:w} who was {trait}"), ("{a:w} is {trait}",)),
    "found": (
        ("{a:w} who [finds|found|has found] {a:found}", "{a:w} and {a:found}", "{a:found} and {a:w}",
         "{a:w} that found {a:found}", "{a:w} with {a:found}"),
        ("{a:w} [finds|has found|discovers] {a:found}",),
    ),
    "journey": (
        ("{a:w} who [travels|goes|wants to go|went] to {destination}", "{a:w} who wants to see {destination}",
         "{a:w} on the way to {destination}", "the journey of {a:w} to {destination}"),
        ("{a:w} [travels|goes|wants to go] to {destination}", "{a:w} wants to see {destination}"),
    ),
    "two": (
        ("{a:w} and {a:f}", "{a:w} and {a:f}", "{a:w} and {a:f}", "{a:w} who meets {a:f}",
         "{a:w} and {his} friend, {a:f}",
         "the friendship of {a:w} and {a:f}", "{a:w} with {a:f}"),
        ("{a:w} meets {a:f}", "{a:w} and {a:f} are friends"),
    ),
    "words": (
        ("the words {w}, {thing} and {f}", "{a:w}, {a:thing} and {a:f}", "these words: {w}, {f}, {thing}"),
        ("{a:w}, {a:thing} and {a:f} appear",),
    ),
    "thing": (("{a:found}", "a found {found}"), ("{a:found} is important", "somebody finds {a:found}")),
    "me": (
        ("me. [my name is|i am] {name}", "{name}", "{name}. that is me", "a child called {name}", "my friend {name}"),
        ("i am the hero. i am {name}", "{name} is the hero"),
    ),
}  # fmt: skip
SET = (  # of a place
    "{a:story} that [happens|plays|takes place] {place}", "{a:story} [set|that is set|happening] {place}",
    "{a:story} {place}", "{a:story}, {place}", "{a:story} in which all happens {place}",
)  # fmt: skip
SET_THERE = (
    "[it should|it must|let it|i want it to] [happen|take place|be] {place}",
    "[the place is|all of it] {place}", "{place}",
)  # fmt: skip
WISHES = (  # how often each is asked for
    ("hero",) * 18 + ("named",) * 8 + ("placed",) * 6 + ("afraid",) * 8 + ("lost",) * 8 + ("want",) * 6
    + ("cannot",) * 6 + ("lonely",) * 5 + ("trait",) * 5 + ("found",) * 8 + ("journey",) * 5 + ("two",) * 9
    + ("words",) * 5 + ("thing",) * 4 + ("place",) * 4 + ("me",) * 4
)  # fmt: skip
PLAIN = (*WANT, *WANT, "tell me {a:story} of your own.", "tell me any {story}.", "any {story}?", "another {story}.")
MOODS = {
    "bedtime": (
        "bedtime story",
        "good night story",
        "calm story",
        "story for the night",
        "story before sleep",
        "sleepy story",
    ),
    "funny": ("funny story", "silly story", "merry story", "story to laugh about", "fun story", "crazy story"),
    "sad": ("sad story", "touching story", "story that makes me cry", "little sad story"),
    "scary": ("scary story", "spooky story", "ghost story", "horror story", "creepy story", "halloween story"),
    "short": (
        "short story",
        "very short story",
        "really short story",
        "short tale",
        "quick story",
        "story in three sentences",
        "tiny story",
        "mini story",
    ),
}
OF_ANY_MOOD = ("hero", "named", "placed", "me")
MOOD_WORDS = {
    "bedtime": ("for bedtime", "to sleep well", "for the night"),
    "funny": ("funny", "silly", "very funny", "really funny"),
    "sad": ("sad", "a bit sad", "very sad"),
    "scary": ("scary", "a little scary", "spooky"),
    "short": ("short", "very short", "quite short"),
}
MOOD_TAILS = (
    "[it should|it must|let it|it has to|i want it to] be {mood}", "a {noun}, please", "{mood}, please", "but {mood}",
    "as a {noun}", "and {mood}",
)  # fmt: skip
OPENINGS = (
    *("once there was {intro} {place}.",) * 3, "once there lived {intro} {place}.", "{place} there lived {intro}.",
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
def _objects(wish: str) -> tuple[str, ...]:
    """What is asked for: a story, and what is said of it."""
    if wish == "place":
        return SET
    things, sentences = SAID[wish]
    if wish == "words":
        return tuple("{a:story} with " + said for said in things)
    if wish == "me":
        return (*("{a:story} about " + said for said in things), "{a:story} where i am the hero. i am {name}")
    found = [frame % said for frame in ABOUT_IT for said in things]
    return (*found, *(frame % said for frame in IN_WHICH for said in sentences))


def requested(w: Writer, wish: str) -> str:
    """A template of what the user says."""
    drawn = w.random.random()
    if wish == "place":
        if drawn < 0.25:
            return f"{w.pick(LEADS)}[.|,|:] {w.pick(SET_THERE)}."
    elif wish not in ("words", "me"):
        things, sentences = SAID[wish]
        if drawn < 0.15:
            return w.pick(LEADING).replace("%s", w.pick(things))
        if drawn < 0.27:
            return w.pick(WITHOUT_NOUN) % w.pick(things)
        if sentences and drawn < 0.35:
            return w.pick(OF_A_SENTENCE) % w.pick(sentences)
        if wish == "hero" and drawn < 0.45:
            return w.pick(OF_A_HERO)
        if drawn < 0.45 and " who " in (said := w.pick(things)):
            return w.pick(OF_SOMEBODY) % said
    frame, wanted = w.pick(WANT), w.pick(_objects(wish))
    if frame.startswith("%s") and w.chance(0.5):  # a fragment needs no article
        wanted = wanted.replace("{a:story}", "{story}")
    return frame % wanted


@cache
def _heroes() -> list[tuple[str, str]]:
    return [(hero, gender) for gender, heroes in read_table("story_words")["hero"].items() for hero in heroes]


def cast(w: Writer, wish: str = "") -> dict[str, str]:
    """The hero with the words for it, three friends, and one choice for each other slot."""
    words = read_table("story_words")
    chosen = {name: w.pick(values) for name, values in words.items() if isinstance(values, list)}
    chosen["place"] = w.common(words["place"])
    hero, gender = w.common(_heroes()) if w.chance(0.5) else w.pick(_heroes())
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
    described = "adjective" in names(request) or (wish in ("", "hero") and w.chance(0.2))
    by_name = "name" in names(request) or w.chance(0.08)
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
    chosen["request"] = requested(w, wish)
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
    request = chosen["request"]
    if (mood or short) and w.chance(0.3):  # said of the story afterwards, not before
        tail = w.text(MOOD_TAILS, mood=w.pick(MOOD_WORDS[mood or "short"]), noun=noun)
        request, noun = f"{request.rstrip('.?')}[.|,] {tail}.", w.pick(NOUNS)
    user = w.user(request, story=noun, **chosen)
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
    request = w.pick(PLAIN).replace("%s", "{a:story}")
    said = [(w.user(request, story=noun), story.slots["short"] if short else story.text)]
    return _with_questions(w, said, story)


def another(w: Writer) -> list[Exchange]:
    """A short story, and another one."""
    said: list[Exchange] = []
    request, noun = w.pick(PLAIN).replace("%s", "{a:story}"), w.pick(MOODS["short"])
    for _ in range(w.pick((2, 2, 3))):
        story = written(w, cast(w), w.pick(_plots("", "")))
        said.append((w.user(request, story=noun), story.slots["short"]))
        request = ONE_MORE
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
