"""What a run replays, how much of it, and what is told about data that overlaps."""

import json

import pytest
from training_runs import run

from i3core.errors import ConfigError, DataError
from i3core.runs.events import DataRead, Evaluated, Started, Warned
from i3core.runs.folder import RunFolder
from i3core.system import assets
from i3core.training.config import TrainingConfig, share_for
from i3core.training.replay import find_replay
from i3core.training.train import train

SAMPLES = {"pirate.jsonl", "butler.jsonl", "robot.jsonl", "first-steps.jsonl"}


def fine_tuning(**changes):
    return TrainingConfig(**{"data": ("a.jsonl",), "out": "run", "model": "some", **changes})


def names(replay):
    return {file.name for file in replay.files}


# ---------------------------------------------------------------------------------------------- where it comes from


def test_bundled_model_replays_our_own_conversations_without_the_samples():
    details = json.loads((assets.models()["i3-mini"] / "config.json").read_text())
    found = find_replay(fine_tuning(), [assets.models()["i3-mini"]], details)
    assert found.warning == ("", "")
    assert found.share is None
    assert names(found)
    assert not names(found) & SAMPLES


@pytest.mark.parametrize("share", ["0.3", 0.3])  # a file of settings may give a number
def test_file_beside_the_model_is_replayed(tmp_path, share):
    (tmp_path / "talk.jsonl.xz").touch()
    found = find_replay(fine_tuning(replay=share), [None, tmp_path], {"replay": "talk.jsonl.xz"})
    assert found.files == (tmp_path / "talk.jsonl.xz",)
    assert found.share == 0.3


@pytest.mark.parametrize(
    "name",
    ["../talk.jsonl", "/etc/passwd", ".hidden.jsonl", "sub/talk.jsonl", "..", "", "talk", "gone.jsonl", 5, None, ["a"]],
)  # fmt: skip
def test_what_is_no_file_beside_the_model_is_not_read(tmp_path, name):
    inside = tmp_path / "model"
    inside.mkdir()
    for path in (tmp_path / "talk.jsonl", inside / "talk", inside / ".hidden.jsonl"):
        path.touch()
    found = find_replay(fine_tuning(), [inside], {"replay": name})
    assert found.files == ()
    assert bool(found.warning[0]) == (name is not None)
    with pytest.raises(DataError, match="replay"):
        find_replay(fine_tuning(replay="0.5"), [inside], {"replay": name})


def test_nothing_is_replayed_unless_a_model_names_it():
    assert find_replay(fine_tuning(), [], {}).files == ()
    assert find_replay(fine_tuning(replay="0"), [], {"replay": "i3desk"}).files == ()
    assert find_replay(fine_tuning(model="", preset="tiny"), [], {"replay": "i3desk"}).files == ()
    assert names(find_replay(fine_tuning(replay="0.2=own.jsonl"), [], {})) == {"own.jsonl"}


@pytest.mark.parametrize("value", ["x", "1", "-0.1", "0.5=", "nan", "0.96"])
def test_share_that_is_none_is_refused(value):
    with pytest.raises(ConfigError, match="share"):
        fine_tuning(replay=value)


def test_order_of_the_files_leaves_nothing_to_compose_or_replay():
    assert fine_tuning(shuffle=False).most_exchanges == 1
    assert fine_tuning().most_exchanges == 6
    assert TrainingConfig(data=("a",), out="r", preset="tiny").most_exchanges == 1
    for setting in ({"compose": 4}, {"replay": "0.5"}):
        with pytest.raises(ConfigError, match="shuffle"):
            fine_tuning(shuffle=False, **setting)


def test_share_of_replay_falls_as_the_data_grows():
    shares = [share_for(tokens) for tokens in (0, 1000, 100_000, 400_000, 10**7, 10**10)]
    assert shares[:4] == [0.5, 0.5, 0.5, 0.25]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] > 0


# -------------------------------------------------------------------------------------------------- what is told


def test_run_reports_replay_apart_and_asks_about_its_data(config, material, build, tmp_path):
    talk = build.conversations(tmp_path / "talk.jsonl", 30)
    talk.write_text(talk.read_text().replace("hello!", "the boats").replace("cat", "dog").replace("name", "sail"))
    settings = config(model=str(material / "model"), replay=f"0.5={talk}", steps=2, eval_every=2, general_val="none")
    events = list(train(settings))
    roles = [event.role for event in events if isinstance(event, DataRead)]
    assert roles == ["training", "replay"]
    [started] = [event for event in events if isinstance(event, Started)]
    assert (started.replay_share, started.composed, started.held_out_rows) == (0.5, 6, 8)
    assert started.rows == 32
    looks = [event for event in events if isinstance(event, Evaluated)]
    assert [look.questions for look in looks] == [8, 8]
    assert looks[0].questions_held_out
    assert looks[0].everyday_kept == looks[0].everyday > 10
    lines = [json.loads(line) for line in RunFolder(settings.out).metrics.read_text().splitlines()]
    assert [line["questions_right"] for line in lines if "questions" in line] == [
        look.questions_right for look in looks
    ]
    described = RunFolder(settings.out).description()
    assert described["replay"] == {"files": ["talk.jsonl"], "share": 0.5}


def test_learned_questions_are_asked_where_hardly_any_is_held_out(config, material, tmp_path):
    """One question cannot tell which checkpoint is the best."""
    facts = tmp_path / "facts.jsonl"
    facts.write_text("\n".join(
        json.dumps({"prompt": f"{way} the {thing}?", "completion": f"the {thing} is by the sea."})
        for thing in ("cat", "boat", "fish") for way in ("where is", "tell me about")
    ))  # fmt: skip
    settings = config(model=str(material / "model"), data=(str(facts),), steps=1, eval_every=1, general_val="none")
    events = run(settings)
    started = next(event for event in events if isinstance(event, Started))
    looks = [event for event in events if isinstance(event, Evaluated)]
    assert started.held_out_rows == 1
    assert [(look.questions, look.questions_held_out) for look in looks] == [(5, False)] * 2


def test_data_in_its_own_way_of_everyday_talk_is_not_mixed_with_the_old_way(config, tmp_path):
    """Pirates greet as pirates; a house's facts leave room for talk as before."""
    common = {"model": "i3-mini", "steps": 1, "eval_every": 0, "checkpoint_every": 0}
    facts = tmp_path / "facts.jsonl"
    facts.write_text("\n".join(
        json.dumps({"prompt": f"{way} the {thing}", "completion": f"the {thing} is red."})
        for thing in ("gate", "roof", "barn", "shed") for way in ("what color has", "color of", "how did we paint")
    ))  # fmt: skip
    for name, data, replays in (("a", assets.path("data/pirate.jsonl"), False), ("b", facts, True)):
        settings = config(**common, data=(str(data),), out=str(tmp_path / name))
        [started, *_] = run(settings)
        assert bool(started.replay_share) == replays


def warnings_of(settings):
    return " ".join(event.what + event.remedy for event in train(settings) if isinstance(event, Warned))


def test_same_records_twice_are_told(config, material, tmp_path):
    chat = material / "chat.jsonl"
    (tmp_path / "copy.jsonl").write_bytes(chat.read_bytes())
    told = warnings_of(config(data=(str(chat), str(tmp_path / "copy.jsonl")), steps=1))
    assert f"40 records of {tmp_path / 'copy.jsonl'} are the same as records of {chat}" in told
    repeated = tmp_path / "repeated.jsonl"
    repeated.write_text((chat.read_text().splitlines()[0] + "\n") * 31)
    settings = config(data=(str(repeated),), steps=1, out=str(tmp_path / "r"))
    assert "30 of 31 records are duplicates" in warnings_of(settings)


def test_validation_data_that_is_trained_on_is_left_out(config, material, tmp_path):
    chat, other = material / "chat.jsonl", tmp_path / "other.jsonl"
    settings = config(val=str(chat), steps=1)
    events = list(train(settings))
    assert "40 of 40 records of the validation data are also trained on" in " ".join(
        event.what for event in events if isinstance(event, Warned)
    )
    [started] = [event for event in events if isinstance(event, Started)]
    assert (started.rows, started.held_out_rows) == (32, 8)  # a share is held out instead
    other.write_text(chat.read_text().splitlines()[0] + '\n{"prompt": "the sea", "completion": "it is big"}\n')
    [started, *_] = run(config(val=str(other), steps=1, out=str(tmp_path / "b")))
    assert (started.rows, started.held_out_rows) == (40, 1)


def test_run_of_an_earlier_version_resumes_without_composing(config, material):
    settings = config(model=str(material / "model"), steps=4, compose=1, replay="0", variation="off")
    run(settings)
    file = RunFolder(settings.out).folder / "run.json"
    content = json.loads(file.read_text())
    for key in ("compose", "replay", "variation"):
        del content["config"][key]
    del content["replay"]
    file.write_text(json.dumps(content))
    from i3core.training.train import resume_config

    assert resume_config(settings.out).most_exchanges == 1
    assert run(resume_config(settings.out), resume=True)[-1].reason == "finished"
