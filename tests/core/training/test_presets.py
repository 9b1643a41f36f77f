"""Presets: the time that each takes, and that no data, model or machine leads to absurd settings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.training.config import TrainingConfig
from i3core.training.presets import LABELS, PresetInputs, apply, batch_size, epochs, settings
from i3core.training.timings import Timings, evaluations, run_seconds

PIRATE = PresetInputs(tokens_per_epoch=14_000, parameters=10_400_000, window=512)
seconds = st.floats(1e-4, 1e3)
facts = st.builds(
    PresetInputs,
    tokens_per_epoch=st.integers(1, 10**12),
    parameters=st.integers(10_000, 10**10),
    window=st.sampled_from([32, 256, 512, 2048]),
    lora=st.booleans(),
    steps_per_epoch=st.integers(0, 10**8),
    timings=st.none() | st.builds(Timings, seconds, seconds, seconds, seconds),
)


@given(st.sampled_from(list(LABELS)), facts)
def test_every_preset_is_a_run_that_the_trainer_takes(preset, facts):
    values = settings(preset, facts)
    config = TrainingConfig.from_dict({**values, "data": ["a.txt"], "out": "run", "model": "i3-mini"})
    assert 30 <= config.steps <= 100_000
    assert 1 <= config.warmup_steps <= config.steps / 4
    assert 1 <= config.checkpoint_every <= config.steps
    assert 1 <= config.eval_every <= config.steps
    looks = evaluations(config.steps, config.eval_every)
    assert 4 <= looks <= 13
    assert config.patience < looks
    assert 1e-5 <= config.lr <= 3e-3


@given(facts)
def test_a_quick_taste_never_takes_more_steps_than_fit_into_a_minute(facts):
    steps = settings("quick", facts)["steps"]
    assert 30 <= steps <= 400
    if facts.timings:
        assert steps == 30 or steps * facts.timings.step_s <= 60


@given(facts)
def test_standard_and_thorough_end_the_same_day_unless_the_fewest_steps_take_longer(facts):
    for preset, fewest, longest_s in (("standard", 120, 2 * 3600), ("thorough", 250, 12 * 3600)):
        steps = settings(preset, facts)["steps"]
        if facts.timings:
            assert steps == fewest or steps * facts.timings.step_s <= longest_s


@given(facts)
def test_a_power_cut_costs_ten_minutes_or_a_step(facts):
    for preset in ("standard", "thorough"):
        values = settings(preset, facts)
        if facts.timings:
            assert values["checkpoint_every"] == 1 or values["checkpoint_every"] * facts.timings.step_s <= 600


@pytest.mark.parametrize("step_s", [0.05, 0.3, 1.0])
def test_a_quick_taste_takes_a_minute_on_this_machine(step_s):
    timings = Timings(step_s, evaluation_s=2.0, sample_s=1.5, checkpoint_s=0.3)
    values = settings("quick", PresetInputs(14_000, 10_400_000, 512, timings=timings, steps_per_epoch=14))
    taken = run_seconds(values, timings, values["steps"])
    assert 40 <= taken <= 75


def test_standard_goes_three_times_through_much_data_and_thorough_nine_times():
    timings = Timings(0.5)
    data = PresetInputs(4_000_000, 10_400_000, 512, steps_per_epoch=1000, timings=timings)
    assert settings("standard", data)["steps"] == 3000
    assert settings("thorough", data)["steps"] == 9000
    assert settings("thorough", data)["lr"] < settings("standard", data)["lr"]


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_little_data_is_seen_more_often_than_much(one, other):
    less, more = sorted((one, other))
    assert epochs(3, less) >= epochs(3, more) >= 3
    assert less * epochs(3, less) <= more * epochs(3, more) + 1


def test_facts_are_met_some_twenty_times():
    assert 20 <= epochs(3, 1500) <= 40
    assert 12 <= epochs(3, 14_000) <= 16
    assert epochs(3, 400_000) == 3


def test_preset_by_command_is_that_of_the_window(cli, build, tmp_path):
    """Options override it."""
    data = build.conversations(tmp_path / "chat.jsonl", 20)
    given = {"model": "i3-mini", "data": (str(data),), "out": "run"}
    expected = apply("standard", given)
    assert {"steps", "lr", "patience", "eval_every", "batch_size"} <= expected.keys()
    assert 100 <= expected["steps"] <= 200
    outcome = cli("train", "--model", "i3-mini", "--data", data, "--preset", "standard", "--dry-run", "--json")
    assert outcome.status == 0, outcome.err
    assert json.loads(outcome.out.splitlines()[-1])["total_steps"] == expected["steps"]
    outcome = cli(
        "train", "--model", "i3-mini", "--data", data, "--preset", "quick", "--steps", 7, "--dry-run", "--json"
    )
    assert json.loads(outcome.out.splitlines()[-1])["total_steps"] == 7


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--preset", "huge", "--model", "i3-mini", "--data", "x"), "no preset 'huge'"),
        (("--preset", "quick", "--from-scratch", "tiny", "--data", "x"), "for fine-tuning"),
    ],
)
def test_preset_that_cannot_be_used_is_refused(cli, tmp_path, arguments, what):
    outcome = cli("train", *arguments, "--out", tmp_path / "run")
    outcome.fails(what)
    assert not (tmp_path / "run").exists()


def test_little_data_gets_small_batches():
    assert batch_size(PIRATE) == 2
    assert batch_size(PresetInputs(10**9, 10_400_000, 512)) == 8


def test_what_the_user_changes_wins_and_the_rest_follows():
    data = PresetInputs(4_000_000, 10_400_000, 512, steps_per_epoch=1000, timings=Timings(0.5))
    by_steps = settings("expert", data, {"steps": 500, "lr": 1e-3})
    assert (by_steps["steps"], by_steps["lr"], by_steps["eval_every"]) == (500, 1e-3, 84)
    by_epochs = settings("expert", data, {"epochs": 0.5})
    assert by_epochs["steps"] == 500
    assert settings("expert", data, {"lora_rank": 8})["lr"] > settings("expert", data)["lr"]
