"""Filters against probabilities worked out by hand, and the ranges of the settings."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i3core.errors import ConfigError
from i3core.generation.config import SAMPLING_SETTINGS, SamplingConfig
from i3core.generation.sampling import (
    candidates,
    choose,
    forbid,
    keep_min_p,
    keep_top_p,
    penalise_counts,
    penalise_repetition,
    top_k,
    uniform,
)

OPEN = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "allow_unk": True}


def logits_of(*probabilities):
    return np.log(np.array(probabilities, np.float32))


def kept(logits):
    return [i for i, value in enumerate(logits.tolist()) if value > -math.inf]


def spread(size, found):
    """Logits of candidates put back into the whole vocabulary."""
    logits, ids = found
    whole = np.full(size, -np.inf, np.float32)
    whole[ids] = logits
    return whole


def floats(values):
    return np.array(values, np.float32)


def softmax(logits):
    return torch.tensor(logits).softmax(0)


def filtered(logits, recent, config):
    return spread(len(logits), candidates(logits, recent, config))


def draws(logits, config, count, recent=()):
    return [choose(logits, recent, config, uniform(config.seed or 0, place)) for place in range(count)]


@pytest.mark.parametrize(
    ("k", "expected"), [(0, [0, 1, 2, 3]), (1, [2]), (2, [0, 2]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_top_k_keeps_the_likeliest(k, expected):
    assert kept(spread(4, top_k(logits_of(0.3, 0.1, 0.4, 0.2), k))) == expected


@given(st.integers(1, 12), st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_top_k_keeps_exactly_k_whatever_the_ties(k, values):
    logits = floats(values)
    result = spread(12, top_k(logits, k))
    survivors = kept(result)
    assert len(survivors) == k
    assert sorted(values)[-k:] == sorted(values[i] for i in survivors)
    assert all(result[i] == logits[i] for i in survivors)


@pytest.mark.parametrize(
    ("p", "expected"),
    [(0.01, [2]), (0.39, [2]), (0.41, [0, 2]), (0.69, [0, 2]), (0.71, [0, 2, 3]), (1.0, [0, 1, 2, 3])],
)
def test_top_p_keeps_the_fewest_that_reach_p(p, expected):
    assert kept(keep_top_p(logits_of(0.3, 0.1, 0.4, 0.2), p)) == expected


@pytest.mark.parametrize(("min_p", "expected"), [(0.0, [0, 1, 2]), (0.3, [0, 2]), (0.6, [2]), (1.0, [2])])
def test_min_p_is_relative_to_the_likeliest(min_p, expected):
    assert kept(keep_min_p(logits_of(0.3, 0.1, 0.6), min_p)) == expected


def test_repetition_penalty_divides_positive_and_multiplies_negative():
    result = penalise_repetition(floats([2.0, -2.0, 3.0, -3.0]), [0, 1, 0], 2.0)
    assert result.tolist() == [1.0, -4.0, 3.0, -3.0]


def test_frequency_and_presence_penalties_subtract_by_hand_worked_numbers():
    logits = floats([1.0, 2.0, 3.0])
    assert penalise_counts(logits, [2, 2, 0], 0.5, 0.25).tolist() == [0.25, 2.0, 1.75]
    assert penalise_counts(logits, [2], -1.0, 0.0).tolist() == [1.0, 2.0, 4.0]
    assert penalise_counts(logits, [], 2.0, 2.0).tolist() == logits.tolist()


def test_penalties_count_the_reply_and_not_the_prompt():
    config = SamplingConfig(**{**OPEN, "temperature": 0, "presence_penalty": 1.5})
    logits = floats([2.0, 1.0, 0.0])
    assert choose(logits, [0, 0], config, 0.5, reply=[]) == 0
    assert choose(logits, [0, 0], config, 0.5, reply=[0]) == 1


@pytest.mark.parametrize("key", ["frequency_penalty", "presence_penalty"])
def test_penalties_have_a_range_and_survive_json(key):
    config = SamplingConfig(**{key: -1.5})
    assert SamplingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert key not in SamplingConfig().to_json()
    for value in (-2.1, 2.1, math.nan, None, True):
        with pytest.raises(ConfigError, match=key):
            SamplingConfig(**{key: value})


def test_repetition_penalty_looks_at_the_last_64_tokens():
    config = SamplingConfig(**{**OPEN, "repetition_penalty": 2.0})
    logits = floats([2.0, 2.0, 2.0])
    assert softmax(filtered(logits, [1, *[2] * 63], config))[1] < 0.3
    result = filtered(logits, [1, *[2] * 64], config)
    assert result[1] == result[0] > result[2]


def test_forbid_excludes_tokens_and_copies_its_input():
    logits = floats([0] * 3)
    assert kept(forbid(logits, [1])) == [0, 2]
    assert kept(logits) == [0, 1, 2]


def test_temperature_sharpens_before_the_draw():
    probabilities = softmax(filtered(logits_of(0.8, 0.2), [], SamplingConfig(**{**OPEN, "temperature": 0.5})))
    assert probabilities.tolist() == pytest.approx([0.64 / 0.68, 0.04 / 0.68], rel=1e-5)  # squared, then normalised


def test_temperature_comes_before_top_p():
    """At temperature 2 the probabilities 0.64, 0.16, 0.16, 0.04 become 0.44, 0.22, 0.22, 0.11."""
    config = SamplingConfig(**{**OPEN, "temperature": 2.0, "top_p": 0.5})
    assert kept(filtered(logits_of(0.64, 0.17, 0.15, 0.04), [], config)) == [0, 1]


def test_temperature_zero_is_greedy_and_honours_the_penalty():
    logits = floats([1.0, 3.0, 2.5])
    assert draws(logits, SamplingConfig(**{**OPEN, "temperature": 0.0}), 5) == [1] * 5
    assert draws(logits, SamplingConfig(**{**OPEN, "temperature": 0.0, "repetition_penalty": 1.5}), 5, [1]) == [2] * 5


@pytest.mark.parametrize("temperature", [1e-45, 1e-30, 1e-6, 1e-3])
def test_tiny_temperature_is_nearly_greedy(temperature):
    logits = floats([30.0, 80.0, -50.0])
    assert draws(logits, SamplingConfig(**{**OPEN, "temperature": temperature}), 20) == [1] * 20


def test_unk_is_chosen_only_if_allowed():
    logits = floats([50.0, 0.0, 0.0])
    assert 0 not in draws(logits, SamplingConfig(top_k=0), 50)
    assert draws(logits, SamplingConfig(temperature=0), 1) == [1]
    assert set(draws(logits, SamplingConfig(**OPEN), 50)) == {0}


def test_same_seed_gives_the_same_draws():
    logits = floats([0] * 50)
    first = draws(logits, SamplingConfig(seed=3), 30)
    assert draws(logits, SamplingConfig(seed=3), 30) == first
    assert draws(logits, SamplingConfig(seed=4), 30) != first


def test_draws_are_uniform_along_a_reply_and_over_seeds():
    """Shares of ten bins of 5000 draws: a standard deviation is 0.004; neighbours must not go together either."""
    for numbers in ([uniform(7, place) for place in range(5000)], [uniform(seed, 0) for seed in range(5000)]):
        assert all(0 <= number < 1 for number in numbers)
        shares = [sum(bin <= 10 * number < bin + 1 for number in numbers) / 5000 for bin in range(10)]
        assert shares == pytest.approx([0.1] * 10, abs=0.02)
        together = sum((a - 0.5) * (b - 0.5) for a, b in itertools.pairwise(numbers)) / 5000
        assert abs(together) < 0.005  # 1/12 if they were the same; a standard deviation is 0.0012


@given(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=20), st.floats(0, 1, exclude_max=True))
def test_draw_selects_where_summed_probabilities_pass_it(values, draw):
    logits = floats(values)
    token = choose(logits, [], SamplingConfig(**OPEN), draw)
    probabilities = [p / sum(map(math.exp, values)) for p in map(math.exp, values)]
    assert sum(probabilities[:token]) - 1e-6 <= draw <= sum(probabilities[: token + 1]) + 1e-6


@pytest.mark.parametrize("draw", [0.0, 0.5, 1 - 2**-48])
def test_no_draw_selects_a_filtered_token(draw):
    logits = floats([-math.inf, 1.0, -math.inf, 1.0, -math.inf])
    assert choose(logits, [], SamplingConfig(**OPEN), draw) in (1, 3)


def test_frequencies_of_draws_are_the_probabilities():
    """4000 draws; a share p has a standard deviation of at most 0.008, and 0.03 is almost four of them."""
    probabilities = [0.5, 0.3, 0.15, 0.05]
    chosen = draws(logits_of(*probabilities), SamplingConfig(**OPEN, seed=1), 4000)
    for token, probability in enumerate(probabilities):
        assert chosen.count(token) / 4000 == pytest.approx(probability, abs=0.03)


def test_frequencies_after_top_k_are_renormalised():
    chosen = draws(logits_of(0.5, 0.3, 0.15, 0.05), SamplingConfig(**{**OPEN, "top_k": 2}, seed=1), 4000)
    assert set(chosen) == {0, 1}
    assert chosen.count(0) / 4000 == pytest.approx(0.5 / 0.8, abs=0.03)


def plainly_chosen(logits, recent, config, draw, forbidden, reply):
    """The definition in torch: every filter over the whole vocabulary, then one draw."""
    logits = torch.from_numpy(logits).clone()
    logits[[*forbidden] if config.allow_unk else [0, *forbidden]] = -math.inf
    seen = torch.zeros(len(logits), dtype=torch.bool).index_fill(0, torch.tensor(recent[-64:], dtype=torch.long), True)
    penalty = config.repetition_penalty
    logits = torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)
    counts = torch.bincount(torch.tensor(reply, dtype=torch.long), minlength=len(logits))
    logits = logits - config.frequency_penalty * counts - config.presence_penalty * (counts > 0)
    if config.temperature == 0:
        return int(logits.argmax())
    if config.top_k:
        logits[logits < logits.topk(min(config.top_k, len(logits))).values[-1]] = -math.inf
    logits = (logits - logits.max()) / config.temperature
    ordered, index = logits.sort(descending=True, stable=True)
    before = ordered.softmax(0).cumsum(0) - ordered.softmax(0)
    logits[index[before >= config.top_p]] = -math.inf
    if config.min_p:
        logits[logits < logits.max() + math.log(config.min_p)] = -math.inf
    sums = logits.double().softmax(0).cumsum(0)
    return int(torch.searchsorted(sums, draw * sums[-1], right=True))


@given(
    st.sampled_from([0, 0.05, 0.8, 2]), st.integers(0, 400), st.floats(0.05, 1), st.sampled_from([0, 0.01, 0.5]),
    st.sampled_from([1, 1.3]), st.sampled_from([-2, 0, 0.5]), st.sampled_from([-1, 0, 1.5]), st.booleans(),
    st.lists(st.integers(0, 299), max_size=90), st.lists(st.integers(1, 299), max_size=5), st.integers(0, 2**31 - 1),
)  # fmt: skip
def test_chosen_token_is_that_of_the_definition(
    temperature, k, top_p, min_p, repetition, frequency, presence, unk, recent, forbidden, seed
):
    logits = np.random.default_rng(seed).standard_normal(300, np.float32) * 4
    config = SamplingConfig(temperature, k, top_p, min_p, repetition, seed=seed, allow_unk=unk)
    config = dataclasses.replace(config, frequency_penalty=frequency, presence_penalty=presence)
    given, draw = logits.copy(), uniform(seed, 0)
    arguments = recent, config, draw, forbidden, recent[:20]
    assert choose(logits, *arguments) == plainly_chosen(logits, *arguments)
    assert (logits == given).all()


@given(
    st.lists(st.floats(-30, 30, width=32), min_size=3, max_size=20),
    st.floats(0, 2), st.integers(0, 25), st.floats(0.01, 1), st.floats(0, 1), st.floats(1, 2), st.integers(0, 99),
)  # fmt: skip
def test_likeliest_allowed_token_always_survives(values, temperature, k, top_p, min_p, penalty, seed):
    config = SamplingConfig(temperature, k, top_p, min_p, penalty, seed=seed)
    logits, recent = floats(values), [1]
    expected = penalise_repetition(forbid(logits, [0]), recent, penalty).max()
    result = filtered(logits, recent, config)
    assert penalise_repetition(logits, recent, penalty)[int(result.argmax())] == expected
    assert not np.isnan(result).any()
    token = draws(logits, config, 1, recent)[0]
    assert result[token] > -math.inf
    assert token != 0


@pytest.mark.parametrize("setting", SAMPLING_SETTINGS, ids=lambda setting: setting.key)
def test_settings_accept_their_limits_and_nothing_beyond(setting):
    for value in (setting.minimum, setting.maximum, setting.default):
        assert getattr(SamplingConfig(**{setting.key: value}), setting.key) == value
    wrong = [setting.minimum - 1, math.nan, math.inf, "1", True]
    wrong += [setting.maximum + 1] if setting.key != "top_k" else []  # more than there are is all
    wrong += [0.5] if setting.decimals == 0 else []
    wrong += [None] if setting.default is not None else []
    for value in wrong:
        with pytest.raises(ConfigError, match=setting.key):
            SamplingConfig(**{setting.key: value})


@pytest.mark.parametrize("stop", ["end", ("",), (1,), ("a", ""), 5, None])
def test_stop_must_be_non_empty_texts(stop):
    with pytest.raises(ConfigError, match="stop"):
        SamplingConfig(stop=stop)


def test_config_survives_json():
    config = SamplingConfig(temperature=0.3, top_k=7, seed=5, stop=("a", "\n"), allow_unk=True)
    assert SamplingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert SamplingConfig.from_json(SamplingConfig().to_json()) == SamplingConfig()


@pytest.mark.parametrize("values", [None, [], "text", {"unknown": 1}])
def test_json_without_settings_reads_as_the_defaults(values):
    assert SamplingConfig.from_json(values) == SamplingConfig()


@pytest.mark.parametrize(
    "wrong",
    [{"top_k": "many"}, {"top_p": 9}, {"stop": "end"}, {"stop": [1]}, {"stop": 5}, {"allow_unk": 1}, {"seed": 0.5}],
)
def test_invalid_json_value_costs_only_itself(wrong, caplog):
    config = SamplingConfig.from_json({"temperature": 0.3, **wrong, "max_new_tokens": 9})
    assert config == SamplingConfig(temperature=0.3, max_new_tokens=9)
    assert next(iter(wrong)) in caplog.text
