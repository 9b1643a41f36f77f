"""The data of a lesson: other words, near questions, and talk that is replayed."""

import json

from i3core.runs.events import Evaluated
from i3core.training.config import TrainingConfig, parse_replay
from i3desk.teach.corrections import Correction
from i3desk.teach.lesson import Outcome
from i3desk.teach.lesson_data import plan_lesson, steps_for


def correction(question, reply, *before):
    turns = [
        {"role": role, "content": text, **({"weight": 0} if role == "assistant" else {})}
        for role, text in zip(("user", "assistant") * len(before), before, strict=False)
    ]
    turns += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return Correction(tuple(turns), "nothing", 1, 2)


def conversations(path):
    return [json.loads(line)["messages"] for line in path.read_text().splitlines()]


def test_correction_is_trained_in_other_words_beside_near_questions(tmp_path):
    plan = plan_lesson([correction("What color is the sky?", "It is green.", "hi", "hello!")], None, tmp_path)
    config = TrainingConfig.from_dict({**plan.config, "out": str(tmp_path / "run")})
    taught, near = (conversations(tmp_path / f"{name}.jsonl") for name in ("corrections", "near"))
    assert taught[0][0]["content"] == "hi"  # as it was said
    assert all(messages[-1]["content"] == "It is green." for messages in taught)
    assert len({messages[-2]["content"] for messages in taught}) >= 6
    assert all(len(messages) == 2 for messages in [*taught[1:], *near])
    assert all(messages[1]["content"] != "It is green." for messages in near)
    assert sum(any(word in messages[0]["content"] for word in ("color", "sky")) for messages in near) >= 3
    share, replayed = parse_replay(config.replay)
    assert share == 0.5
    assert replayed == ""  # what the bundled model names
    assert not (tmp_path / "general.jsonl").exists()
    assert config.data == (str(tmp_path / "corrections.jsonl"), str(tmp_path / "near.jsonl"))
    assert config.most_exchanges > 1
    assert len(plan.near) == 3
    assert config.sample_prompts == ("What color is the sky?", *plan.near)


def test_correction_in_other_words_stays_under_its_persona(tmp_path):
    persona = {"role": "system", "content": "you are a pirate."}
    entry = correction("who are you?", "arr!", "hi", "hello!")
    plan_lesson([Correction((persona, *entry.messages), "nothing", 1, 2)], None, tmp_path)
    taught = conversations(tmp_path / "corrections.jsonl")
    assert len(taught) > 3
    assert all(messages[0] == persona and messages[1]["role"] == "user" for messages in taught)


def test_model_that_names_no_talk_is_taught_beside_ours(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text("{}")
    plan = plan_lesson([correction("what is the sky?", "air.")], str(base), tmp_path)
    assert parse_replay(plan.config["replay"]) == (0.5, str(tmp_path / "general.jsonl"))
    assert len(conversations(tmp_path / "general.jsonl")) > 500


def test_model_is_taught_beside_its_own_talk(tmp_path):
    base = tmp_path / "base"
    base.mkdir()
    (base / "config.json").write_text('{"replay": "talk.jsonl"}')
    turns = [{"role": "user", "content": "what is the sea?"}, {"role": "assistant", "content": "salt water."}]
    prompt = {"role": "system", "content": "be kind"}
    lines = (json.dumps({"messages": messages}) + "\n" for messages in (turns, [prompt, *turns]))
    (base / "talk.jsonl").write_text("".join(lines))
    plan = plan_lesson([correction("what is the sky?", "air.")], str(base), tmp_path)
    assert parse_replay(plan.config["replay"]) == (0.5, "")
    assert plan.near == ("what is the sea?",)


def test_more_corrections_take_more_steps_and_none_is_its_own_neighbour(tmp_path):
    pairs = [("what colour is the sky?", "green."), ("what color is grass?", "blue."), ("zzz", "yes.")]
    plan = plan_lesson([correction(*pair) for pair in pairs], None, tmp_path)
    assert not {question for question, _ in pairs} & {
        turns[0]["content"] for turns in conversations(tmp_path / "near.jsonl")
    }
    assert plan.config["steps"] == steps_for(3) > steps_for(1)
    assert steps_for(500) == steps_for(1000)


def evaluated(kept):
    return Evaluated(
        1, 1, 1.0, None, None, None, None, False, questions=2, questions_right=2, everyday=20, everyday_kept=kept,
        questions_held_out=False,
    )  # fmt: skip


def test_outcome_says_what_was_learned_and_offers_undo_if_it_did_harm():
    good = Outcome((), evaluated=evaluated(20))
    assert (good.sentence, good.did_harm) == (
        "Taught. It knows 2 of 2 of your answers and still talks as before.",
        False,
    )
    bad = Outcome((), evaluated=evaluated(4))
    assert bad.did_harm
    assert "only 20 % of its everyday talk is left" in bad.sentence
    assert "Undo" in bad.sentence
    spoiled = Outcome((), evaluated=evaluated(20), spoiled=("what is 2 plus 2?",))
    assert spoiled.did_harm
    assert spoiled.sentence.startswith("Taught, but another question is now answered with a correction: undo it")
