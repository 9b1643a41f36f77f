"""Questions about the data in the middle of conversations, and everyday talk before and after."""

import json

import pytest

from i3core.checkpoints.checkpoint import load
from i3core.data.fingerprints import fingerprint
from i3core.data.token_dataset import tokenize_source
from i3core.evaluation.conversation_check import count_kept, count_right, make_check, replies_to, says_the_same
from i3core.system import assets
from i3core.system.files import read_json

PROMPTS = read_json(assets.path("evaluation/everyday.json"))["prompts"]
REPLIES = ["grass is green.", "i like to talk about words.", "the key is under the pot."]


@pytest.fixture(scope="module")
def bundled():
    return load(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def own(bundled, tmp_path_factory):
    """A dataset of three facts in several words each."""
    path = tmp_path_factory.mktemp("own") / "own.jsonl"
    ways = ("what about {}?", "tell me of {}", "{} please", "do you know {}?")
    pairs = [(way.format(f"number {n}"), reply) for n, reply in enumerate(REPLIES) for way in ways]
    path.write_text("\n".join(json.dumps({"prompt": q, "completion": a}) for q, a in pairs))
    return tokenize_source(path, bundled.template, bundled.config.window)


def test_questions_are_asked_amid_other_exchanges(bundled, own):
    check = make_check(bundled.template, [], [own], [], 3)
    assert not check.held_out
    assert len(check.questions) == 12
    for question in check.questions:
        assert [message["role"] for message in question.messages][::2] == ["user"] * (len(question.messages) // 2 + 1)
        assert question.reply not in [message["content"] for message in question.messages]
        assert question.reply not in question.others
        assert question.accepted == {fingerprint(question.reply)}
        assert len(question.others) == 2
    assert max(len(question.messages) for question in check.questions) > 4
    assert [chat[-1]["content"] for chat in check.everyday] == PROMPTS
    assert {len(chat) for chat in check.everyday} > {1, 3}
    assert make_check(bundled.template, [], [own], [], 3) == check
    assert make_check(bundled.template, [own], [own], [], 3).held_out


def test_question_under_a_system_prompt_is_asked_first(bundled, own, tmp_path):
    """As in a chat under a persona: nothing was said before the system prompt."""
    system = {"role": "system", "content": "you are a pirate."}
    turns = [{"role": "user", "content": "who are you?"}, {"role": "assistant", "content": "arr, a pirate."}]
    (tmp_path / "a.jsonl").write_text(json.dumps({"messages": [system, *turns]}))
    data = tokenize_source(tmp_path / "a.jsonl", bundled.template, bundled.config.window)
    check = make_check(bundled.template, [data], [own], [], 3)
    assert [question.messages for question in check.questions] == [(system, turns[0])]


def test_right_reply_is_compared_with_those_most_like_it(bundled, tmp_path, monkeypatch):
    """In a price list a model mixes up lines of one form, and a number is right or wrong."""
    pairs = []
    for thing in ("lamp", "rug", "clock", "chair"):
        pairs += [(f"price of the {thing}", f"the {thing} costs {len(thing)} dollars."),
                  (f"where is the {thing}?", f"the {thing} is on shelf {thing[0]}.")]  # fmt: skip
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"prompt": q, "completion": a}) for q, a in pairs))
    data = tokenize_source(tmp_path / "a.jsonl", bundled.template, bundled.config.window)
    check = make_check(bundled.template, [], [data], [], 0)
    for question in check.questions:
        kind = "costs" if "costs" in question.reply else "shelf"
        assert all(kind in other for other in question.others)
    monkeypatch.setattr(
        "i3core.evaluation.conversation_check.replies_to",
        lambda model, chats, between: ["that would be 77 dollars."] * len(chats),
    )
    assert count_right(bundled, check) == 0


@pytest.mark.parametrize(
    ("reply", "same"),
    [
        ("Under the green pot!", True), ("your key is under the green pot.", True), ("under the red pot.", False),
        ("the spare key is in the spare key.", False), ("", False),
    ],
)  # fmt: skip
def test_reply_must_tell_what_the_right_one_tells(reply, same):
    assert says_the_same(reply, "the spare key is under the green pot.", "where is the spare key?") == same


def test_data_without_exchanges_has_no_questions(bundled, tmp_path):
    (tmp_path / "a.txt").write_text("once upon a time\n\n" * 30)
    text = tokenize_source(tmp_path / "a.txt", bundled.template, bundled.config.window)
    assert make_check(bundled.template, [text], [text], [text], 0) is None


def test_right_reply_counts_and_reply_to_another_question_does_not(bundled, own, monkeypatch):
    check = make_check(bundled.template, [], [own], [], 0)
    for said, right in (("Grass is green", 4), (REPLIES[2], 4), ("it is what it is", None)):
        monkeypatch.setattr(
            "i3core.evaluation.conversation_check.replies_to",
            lambda model, chats, between, said=said: [said] * len(chats),
        )
        found = count_right(bundled, check)
        assert found == right if right is not None else 0 <= found <= 12


@pytest.mark.slow
def test_everyday_replies_are_kept_if_they_fit(bundled, own):
    """Those of the model itself fit; one that belongs to something else fits hardly ever."""
    check = make_check(bundled.template, [], [own], [], 0)
    said = replies_to(bundled, check.everyday)
    assert all(said)
    count = len(PROMPTS)
    assert count_kept(check, said, said, bundled, bundled) == count
    alone = replies_to(bundled, [chat[-1:] for chat in check.everyday])
    assert count_kept(check, [""] * count, alone, bundled, bundled) >= 0.9 * count
    assert count_kept(check, said, alone[7:] + alone[:7], bundled, bundled) <= 0.2 * count
    assert count_kept(check, said, [REPLIES[2]] * count, bundled, bundled) <= 0.2 * count
    assert count_kept(check, said, [""] * count, bundled, bundled) == 0
