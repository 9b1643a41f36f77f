"""The estimate of a run's time, against sums by hand and against a run."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3core.errors import TrainingError
from i3core.runs.events import Measured, Started, Warned
from i3core.training import time_estimate
from i3core.training.train import dry_run, train


@pytest.fixture(autouse=True)
def short(monkeypatch):
    for name, seconds in (("STEPS_S", 0.6), ("EVALUATION_S", 0.1), ("SAMPLES_S", 0.1)):
        monkeypatch.setattr(time_estimate, name, seconds)


def measured(config):
    *_, event = dry_run(config, measure=True)
    assert isinstance(event, Measured)
    return event


@given(
    st.floats(0, 10), st.floats(1e-6, 1e-2), st.lists(st.integers(1, 5000), min_size=2, max_size=9, unique=True)
)  # fmt: skip
def test_fit_finds_fixed_and_per_token_seconds(fixed, per_token, sizes):
    found = time_estimate.fit([(size, fixed + per_token * size) for size in sizes])
    for size in (*sizes, max(sizes) * 3):
        assert found[0] + found[1] * size == pytest.approx(fixed + per_token * size, rel=1e-3)


@given(st.lists(st.tuples(st.integers(1, 5000), st.floats(1e-4, 10)), min_size=1, max_size=9))
def test_fit_to_noise_is_never_negative(points):
    fixed, per_token = time_estimate.fit(points)
    assert fixed >= 0
    assert per_token > 0


@given(st.floats(0, 2), st.floats(1e-6, 3e-3), st.integers(1, 64), st.floats(0.1, 3))
def test_explored_points_predict_a_whole_batch_within_the_budget(fixed, per_token, most, budget):
    """With seconds as they would be; also where threads wait, and nearly all of them are fixed."""
    spent = []

    def timed(rows):
        spent.append(fixed + per_token * 64 * rows)
        return 64 * rows, spent[-1]

    points = time_estimate.explore(timed, min(2, most), most, budget)
    found = time_estimate.fit(points)
    if len(points) > 1 or fixed == 0 or most <= 2:
        assert found[0] + found[1] * 64 * most == pytest.approx(fixed + per_token * 64 * most, rel=0.01)
    assert len(points) > 1 or most <= 2 or points[0][1] > time_estimate.WORST_S / 3
    assert sum(spent) <= 2 * spent[0] + budget + time_estimate.WORST_S


def test_parts_of_the_estimate_add_up(config):
    event = measured(config(steps=50, eval_every=20, checkpoint_every=10, sample_prompts=("hello!",)))
    assert event.steps == 50
    assert min(event.step_s, event.evaluation_s, event.sample_s, event.checkpoint_s) > 0
    evaluations = 4  # before the first step, after 20, 40 and 50
    least = 50 * event.step_s + evaluations * (event.evaluation_s + event.sample_s) + 5 * event.checkpoint_s
    assert least <= event.seconds <= least + 3 * event.checkpoint_s
    assert event.tokens_per_second * event.step_s == pytest.approx(event.tokens_per_step, abs=1)


def test_estimate_without_evaluations_counts_none(config):
    event = measured(config(steps=50, eval_every=0, checkpoint_every=0))
    assert event.evaluation_s == event.sample_s == 0
    assert event.seconds == pytest.approx(50 * event.step_s + event.checkpoint_s)


def test_step_of_more_batches_takes_longer(config):
    one, four = (measured(config(accumulate=n, steps=5)) for n in (1, 4))
    assert four.tokens_per_step > 2 * one.tokens_per_step
    assert four.step_s > 1.5 * one.step_s


@pytest.mark.parametrize("changes", [{}, {"lora_rank": 4}])
def test_run_takes_about_the_estimated_time(config, material, changes):
    """A wide margin: tests share their computer with others."""
    settings = config(model=str(material / "model"), steps=30, batch_size=8, eval_every=15, **changes)
    event = measured(settings)
    for told in train(settings):
        if isinstance(told, Started):
            start = time.perf_counter()
    took = time.perf_counter() - start
    assert took / 4 < event.seconds < took * 4


def test_measuring_leaves_no_files(config, tmp_path):
    settings = config()
    before = sorted(tmp_path.rglob("*"))
    measured(settings)
    assert sorted(tmp_path.rglob("*")) == before


def test_large_model_is_measured_with_a_part_of_its_batch(config, material, tmp_path, monkeypatch):
    """Where even some rows take all the time there is, no whole batch is tried."""
    monkeypatch.setattr(time_estimate, "STEPS_S", 0.0)
    monkeypatch.setattr(time_estimate, "WORST_S", 0.0)
    sizes = []
    from i3core.training.step import TrainStep

    step = TrainStep.step
    monkeypatch.setattr(TrainStep, "step", lambda self, n, batches: sizes.append(batches) or step(self, n, batches))
    build = tmp_path / "long.txt"
    build.write_text("\n\n".join([(material / "story.txt").read_text()] * 40))
    event = measured(config(data=(str(build),), batch_size=64, steps=3))
    assert len(sizes) == 2
    assert all(ids.numel() <= time_estimate.FEW_TOKENS for batches in sizes for ids, _ in batches)
    assert event.tokens_per_step > 10 * time_estimate.FEW_TOKENS


def test_unwritable_folder_is_named(config, tmp_path, monkeypatch):
    monkeypatch.setattr(time_estimate.tempfile, "TemporaryFile", refuse)
    with pytest.raises(TrainingError, match="cannot be written: No space") as raised:
        measured(config())
    assert "--out" in raised.value.remedy


def refuse(dir):
    raise OSError(28, "No space left on device")


def test_warnings_carry_the_kind_of_their_finding(config, material):
    events = dry_run(config(data=(str(material / "story.txt"),), lr=0.05))
    kinds = {event.kind for event in events if isinstance(event, Warned)}
    assert kinds >= {"data", "learning_rate"}


def test_dry_run_command_measures(cli, material, tmp_path):
    options = ("train", "--model", material / "model", "--data", material / "chat.jsonl", "--steps", 10)
    outcome = cli(*options, "--out", tmp_path / "run", "--dry-run", "--measure", "--json")
    *_, last = map(json.loads, outcome.out.splitlines())
    assert (outcome.status, last["event"], last["steps"]) == (0, "measured", 10)
    outcome = cli(*options, "--out", tmp_path / "run", "--dry-run", "--measure")
    assert "10 steps of" in outcome.out + outcome.err
    cli(*options, "--out", tmp_path / "run", "--measure").fails("--measure", "--dry-run")
    assert not (tmp_path / "run").exists()
