"""Presets: the time that each takes, and that no data, model or machine leads to absurd settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.training.config import TrainingConfig
from i3desk.training.estimate import Timings, evaluations, of_total_text, run_seconds, time_text, times_text
from i3desk.training.presets import LABELS, PresetInputs, batch_size, settings

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
    assert 4 <= looks <= 21
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
    for preset, fewest, longest_s in (("standard", 60, 2 * 3600), ("thorough", 150, 12 * 3600)):
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


def test_standard_goes_three_times_through_the_data_and_thorough_ten_times():
    timings = Timings(0.5)
    data = PresetInputs(4_000_000, 10_400_000, 512, steps_per_epoch=1000, timings=timings)
    assert settings("standard", data)["steps"] == 3000
    assert settings("thorough", data)["steps"] == 10_000
    assert settings("thorough", data)["lr"] < settings("standard", data)["lr"]


def test_little_data_gets_small_batches():
    assert batch_size(PIRATE) == 2
    assert batch_size(PresetInputs(10**9, 10_400_000, 512)) == 8


def test_what_the_user_changes_wins_and_the_rest_follows():
    data = PresetInputs(4_000_000, 10_400_000, 512, steps_per_epoch=1000, timings=Timings(0.5))
    by_steps = settings("expert", data, {"steps": 500, "lr": 1e-3})
    assert (by_steps["steps"], by_steps["lr"], by_steps["eval_every"]) == (500, 1e-3, 50)
    by_epochs = settings("expert", data, {"epochs": 0.5})
    assert by_epochs["steps"] == 500
    assert settings("expert", data, {"lora_rank": 8})["lr"] > settings("expert", data)["lr"]


def test_times_and_sizes_read_as_people_say_them():
    assert time_text(3) == "about 10 s"
    assert time_text(58) == "about 60 s"
    assert time_text(240) == "about 4 min"
    assert time_text(2.51 * 3600) == "about 2 h 30 min"
    assert time_text(3 * 86_400) == "about 3 days"
    assert of_total_text(0.6e9, 24e9) == "600 MB of 24.0 GB"
    assert [times_text(e) for e in (0.04, 1.0, 3.0, 2.5, 47)] == [
        "4 % of the data", "the data once", "the data 3 times", "the data 2.5 times", "the data 47 times",
    ]  # fmt: skip
