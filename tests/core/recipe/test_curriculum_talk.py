"""What i3-mini says of itself and to people: who it is, its limits, feelings, small talk, stories, poems and jokes."""

import re
from itertools import chain, pairwise

import pytest
from curriculum import feelings, greetings, honest, identity, poems_jokes, scenes, smalltalk, stories, topics
from curriculum.core import Writer, parse, read_table

MODULES = (identity, honest, feelings, smalltalk, greetings, stories, poems_jokes)
REPLY = re.compile(r"[a-z0-9.,?!'\-: \n]+")
CONTRACTED = re.compile(r"\b(do|does|did|is|are|can|could|will|would)n't\b|\bi'm\b|\bit's\b")


def name(module):
    return module.__name__.rsplit(".", 1)[-1]


def written(module, seed, times):
    """Exchanges of units drawn by weight, `times` of them."""
    w = Writer(seed)
    units, weights = zip(*((unit, weight) for weight, unit in module.UNITS.values()), strict=True)
    return [unit(w) for unit in w.random.choices(units, weights, k=times)]


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_every_unit_writes_clean_exchanges(module):
    w = Writer(1)
    for unit, (weight, write) in module.UNITS.items():
        assert weight > 0
        for said in (write(w) for _ in range(12)):
            assert 1 <= len(said) <= 10, unit
            assert sum(len(user) + len(reply) for user, reply in said) <= 900, (unit, said)
            for user, reply in said:
                assert user == user.strip() != "", (unit, user)
                assert not re.search(r"[\[\]{}|<>]|  ", user), (unit, user)
                assert REPLY.fullmatch(reply), (unit, reply)
                assert len(reply) < 700, (unit, reply)
                assert not re.search(r"^\s|\s$|  | \.", reply), (unit, reply)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_many_units_are_clean_and_differ(module):
    texts = ["\n".join(f"{user}>{reply}" for user, reply in said) for said in written(module, 2, 1000)]
    assert not [text for text in texts if re.search(r"[\[\]{}|<]", text)]
    assert len({text.lower() for text in texts}) > 850


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_same_seed_same_text(module):
    assert written(module, 5, 60) == written(module, 5, 60) != written(module, 6, 60)


@pytest.mark.parametrize("module", [identity, honest, feelings, smalltalk, greetings, stories], ids=name)
def test_replies_are_not_contracted(module):
    replies = [reply for said in written(module, 3, 500) for _, reply in said]
    assert not [reply for reply in replies if CONTRACTED.search(reply)]


def test_all_templates_of_the_topics_parse():
    for table in ("identity", "honest"):
        for topic in topics.topics(table).values():
            for template in (*chain(*topic.asks), *topic.claims, *topic.replies, *topic.right, *topic.agreeing):
                parse(template)
            assert bool(topic.right) == bool(topic.agreeing)


def test_it_is_i3_mini_and_nobody_else():
    w = Writer(4)
    for topic in ("name", "other", "wrong_name"):
        for said in (identity.about(w, topic) for _ in range(40)):
            assert "i3-mini" in said[0][1]
    for said in (identity.about(w, "human") for _ in range(40)):
        assert said[0][1].startswith(("no", "right, i am not"))


def test_weather_time_and_news_are_never_made_up():
    w = Writer(4)
    for topic in ("weather", "time", "date", "news", "sports_result", "prices"):
        for said in (honest.cannot(w, topic) for _ in range(40)):
            assert re.search(r"cannot|do not know", said[0][1])


@pytest.mark.parametrize("kind", ["self", "others", "emergency", "harm_others"])
def test_danger_is_met_with_help(kind):
    w = Writer(7)
    assert len(topics.lines(read_table("danger")["self"]["say"])) >= 30
    for said in (feelings.danger(w, kind) for _ in range(60)):
        assert re.search(r"call|someone you trust", said[0][1])


def test_situations_are_many_and_bad_news_are_never_cheered():
    assert len(feelings.situations()) >= 150
    w = Writer(8)
    for situation, told in feelings.situations().items():
        if feelings.TONES[told.tone] == "bad":
            for said in (feelings.told(w, situation) for _ in range(10)):
                assert not re.search(r"\b(great[!.]|congratulations|how nice|wonderful|how lovely)\b", said[0][1]), said


def test_all_that_people_tell_has_a_reply_a_question_and_advice_that_fit():
    for situation in feelings.situations().values():
        for says in situation.told:
            known = scenes.named(says)
            assert scenes.fitting(situation.reactions, known), says
            assert scenes.fitting(situation.advice, known), says
    for talk in smalltalk.talks().values():
        for says in talk.says:
            assert scenes.fitting(talk.replies, scenes.named(says)), says
            assert scenes.askable(talk.questions, scenes.named(says), says), says


def test_loss_of_a_pet_names_the_pet():
    w = Writer(9)
    pets = read_table("feeling_words")["people"]["pet"]["any"]
    for said in (feelings.told(w, "pet_died") for _ in range(60)):
        pet = next(pet for pet in sorted(pets, key=len, reverse=True) if pet in said[0][0].lower())
        assert pet in said[0][1] or "look at pictures" in said[0][1]


def test_liked_words_are_taken_up():
    w = Writer(10)
    for _ in range(200):
        user, reply = smalltalk.liked(w, "animal")[0]
        assert any(word in user.lower() for word, _ in smalltalk.talks()["animal"].words if word in reply), (
            user,
            reply,
        )


def test_one_of_two_is_chosen_and_agreed_on_rightly():
    w = Writer(11)
    for _ in range(200):
        said = smalltalk.either(w)
        user, reply = said[0]
        chosen = [word for pair in smalltalk.BOTH for word in pair if re.search(rf"\b{word}\b", reply)]
        assert any(word in user.lower() for word in chosen)
        for first, second in pairwise(said):
            if (agreed := re.search("we agree on (.+)!", second[1])) is not None:
                assert agreed[1] in first[1]


def test_story_has_the_hero_and_what_was_asked_for():
    w = Writer(12)
    for wish, slots in {
        "afraid": ("w", "fear"), "lost": ("w", "thing"), "want": ("w", "thing"), "cannot": ("skill",),
        "found": ("w", "found"), "journey": ("destination",), "placed": ("w", "place"), "named": ("name",),
        "two": ("f",), "words": ("w", "thing", "f"),
    }.items():  # fmt: skip
        for _ in range(30):
            story, chosen = stories.asked_for(w, wish)
            assert all(chosen[slot] in story.text for slot in slots), (wish, story.text)
            assert len(story.text) <= 500
            assert story.text.endswith((".", "!", "?"))
            assert chosen["w"] in story.slots["short"]
            assert story.slots["short"].count(".") <= 5


def test_stories_end_soon_and_are_asked_for_in_many_ways():
    w = Writer(15)
    for plot in stories.plots():
        story = stories.written(w, stories.cast(w), plot)
        assert 6 <= len(re.findall(r"[.!?](?= |$)", story.text)) <= 14
    asked = [stories.wished(w)[0][0].lower() for _ in range(1000)]
    assert len({" ".join(text.split()[:4]) for text in asked}) > 400


def test_plots_are_many():
    assert len(stories.plots()) >= 25


def test_poems_have_four_lines_and_the_word():
    w = Writer(13)
    rhymes = read_table("poems")["rhymes"]
    for word in rhymes:
        assert re.fullmatch("[a-z ]+", word)
    for _ in range(200):
        user, reply = poems_jokes.poem(w)[0]
        assert reply.count("\n") == 3
        if about := re.search(r" about (?:an? |my )?([a-z]+)[.?!]*$", user):
            assert about[1] in reply


def test_jokes_riddles_and_facts_are_many_and_whole():
    for table, least in {"jokes": 80, "riddles": 80, "fun_facts": 120, "knock_knock": 20}.items():
        pairs = poems_jokes.pairs(table)
        assert len(pairs) >= least
        assert len({first for first, _ in pairs}) == len(pairs)
        assert all(first and second for first, second in pairs)


def test_replies_speak_only_of_what_was_named():
    assert scenes.fitting(("{t}!", "{it} is nice.", "your {person}!", "nice."), frozenset("t")) == [
        "{t}!", "{it} is nice.", "nice.",
    ]  # fmt: skip
    asked = scenes.questions("@red/blue: what color? :: {color} > {color}!\n@!red: why? :: no > {t}.", {})
    assert [text for text, _ in scenes.askable(asked, frozenset(), "it is red")] == ["what color?"]
    assert scenes.askable(asked, frozenset("t"), "it is green") == [("why?", [("no", "{t}.")])]


def test_replies_with_yes_or_no_follow_only_questions_that_ask_so():
    w = Writer(14)
    for table in ("identity", "honest"):
        for topic in topics.topics(table).values():
            if topic.open_replies != topic.replies:
                for _ in range(20):
                    user, reply = topics.asked(w, topic, topics.new_slots(w))
                    if reply.startswith(("no,", "yes,")):
                        assert not re.match(r"(what|where|who|which|how|your)\b", user.lower()), (user, reply)
