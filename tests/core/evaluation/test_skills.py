"""Skills of `i3core eval --suite`: which replies are to the point, alone and in a chat; and the prompts themselves."""

import pytest

from i3core.evaluation.skills import SkillPrompt, converse, measure_skills, read_skills
from i3core.generation.config import SamplingConfig
from i3core.generation.generator import Generator

KINDS = {
    "who it is", "facts", "sums", "remembering", "doing what is asked", "stories", "feelings", "small talk",
    "what it cannot know", "follow-ups",
}  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("It is 12.", True), ("twelve,\nof course", True), ("it is 112", False), ("12 or 13", False), ("", False)],
)
def test_reply_must_match_one_pattern_and_not_the_other(reply, expected):
    assert SkillPrompt("sums", ("7 + 5?",), r"\b12\b|TWELVE", "13").accepts(reply) is expected


def test_chats_are_those_of_one_generator(model):
    settings = SamplingConfig(seed=4, temperature=0.7, max_new_tokens=12)
    turns = [["hello!", "and you?"], ["a boat"], ["cat", "dog", "fish"]]
    for texts, chat in zip(turns, converse(model, turns, settings), strict=True):
        generator, messages = Generator(model), []
        for text in texts:
            messages.append({"role": "user", "content": text})
            pieces = generator.stream(messages, settings)
            messages.append({"role": "assistant", "content": "".join(piece.text for piece in pieces).strip()})
        assert chat == messages


def test_figures_count_seeds_and_failures(model, build):
    said = model.template.encode_turn({"role": "assistant", "content": "yes, by the sea."})[1:]
    asked = model.template.encode_turn({"role": "user", "content": "cat?"})
    knowing = build.forced(model, [0] * len(asked) + said + [0] * 64)
    prompts = [SkillPrompt("sea", ("cat?",), "sea"), SkillPrompt("land", ("cat?",), "land")]
    figures, failures = measure_skills(knowing, prompts, [], {"max_new_tokens": 30, "temperature": 0}, range(2))
    assert {skill: (row.count, row.alone) for skill, row in figures.items()} == {
        "all": (2, 0.5),
        "sea": (1, 1.0),
        "land": (1, 0.0),
    }
    assert [(failure.skill, failure.reply, failure.seed) for failure in failures] == [
        ("land", "yes, by the sea.", 0),
        ("land", "yes, by the sea.", 1),
    ]


def test_prompts_cover_the_ten_kinds():
    prompts, leads = read_skills()
    kinds = [prompt.skill for prompt in prompts]
    assert set(kinds) == KINDS
    assert min(map(kinds.count, KINDS)) >= 30
    assert len({prompt.turns for prompt in prompts}) == len(prompts)
    assert [len(lead) for lead in leads] == [5] * len(leads)
    turns = [turn for texts in [*leads, *(prompt.turns for prompt in prompts)] for turn in texts]
    assert all(turn.isascii() and turn == turn.lower() for turn in turns)


@pytest.mark.parametrize(
    ("asked", "reply", "expected"),
    [
        ("spain's capital, which city is that?", "the capital of spain is madrid.", True),
        ("spain's capital, which city is that?", "the capital of italy is rome.", False),
        ("7 + 5 = ?", "7 plus 5 is 12.", True),
        ("7 + 5 = ?", "$132 is the capital of france.", False),
        ("my grandfather passed away last night", "i am so sorry for your loss.", True),
        ("my grandfather passed away last night", "that is great! i am sorry i missed it.", False),
        ("i can't fall asleep", "yay.", False),
        ("i can't fall asleep", "try to breathe slowly and think of something calm.", True),
        ("could you be a real woman?", "no, i am a program.", True),
        ("could you be a real woman?", "yes, i am a woman.", False),
        ("the time please, do you have it", "i have no clock, so i cannot know.", True),
        ("the time please, do you have it", "it is half past three.", False),
        ("so, what am i called?", "your name is olga.", True),
        ("so, what am i called?", "your name is anna.", False),
    ],
)
def test_replies_are_judged_as_a_person_would(asked, reply, expected):
    prompts = {prompt.turns[-1]: prompt for prompt in read_skills()[0]}
    assert prompts[asked].accepts(reply) is expected
