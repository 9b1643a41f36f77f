"""The recurrence of RWKV-4 without a loop over time against the plain loop, in float64 as the truth."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from i3core.model.reference import sequential_wkv
from i3core.model.state import NOTHING
from i3core.model.wkv import wkv, wkv_step


def inputs(length, key_scale, decay, bonus, seed, batch=2, width=4):
    source = torch.Generator().manual_seed(seed)
    w = -torch.empty(width).uniform_(*decay, generator=source).exp()
    u = bonus * torch.randn(width, generator=source)
    k, v = (scale * torch.randn(batch, length, width, generator=source) for scale in (key_scale, 1.0))
    return w, u, k, v


def scanned(w, u, k, v):
    first = torch.zeros_like(k[:, 0])
    return wkv(w, u, k, v, first, torch.full_like(first, NOTHING))[0]


def with_gradients(function, values, dtype):
    values = [value.to(dtype).requires_grad_() for value in values]
    y = function(*values)
    weights = torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)
    return [y.detach(), *torch.autograd.grad((y * weights).sum(), values, allow_unused=True)]


def check(values, tolerance):
    ours, truth = with_gradients(scanned, values, torch.float32), with_gradients(sequential_wkv, values, torch.float64)
    for found, expected in zip(ours, truth, strict=True):
        if expected is None:  # of the decay, with a single token
            assert found is None or not found.any()
            continue
        assert torch.isfinite(found).all()
        assert (found - expected).abs().max() <= tolerance * max(0.1, float(expected.abs().max()))


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(1, 70), key_scale=st.sampled_from([0.1, 1, 5, 15]), bonus=st.sampled_from([0, 1, 10]),
    decay=st.sampled_from([(-6, -3), (-20, 3), (0, 2)]), seed=st.integers(0, 1000),
)  # fmt: skip
def test_values_and_gradients_equal_the_loop(length, key_scale, bonus, decay, seed):
    check(inputs(length, key_scale, decay, bonus, seed), 1e-5)


@pytest.mark.parametrize("key_scale", [100, 1000])
def test_extreme_keys_overflow_nothing(key_scale):
    check(inputs(60, key_scale, (-6, 2), 1, 0), 1e-3)  # keys of 1,000 are known to 6e-5 themselves


@pytest.mark.parametrize("key_scale", [1, 40])
def test_long_sequences_equal_the_loop(key_scale):
    values = inputs(4096, key_scale, (-6, -3), 1, 3, batch=1, width=2)
    with torch.no_grad():
        expected = sequential_wkv(*(value.double() for value in values))
        assert (scanned(*values) - expected).abs().max() <= 1e-5 * max(1.0, key_scale)


@given(length=st.integers(2, 30), cut=st.integers(1, 29), key_scale=st.sampled_from([1, 50]), seed=st.integers(0, 99))
def test_parts_and_single_steps_continue_the_state(length, cut, key_scale, seed):
    w, u, k, v = inputs(length, key_scale, (-6, 1), 1, seed)
    cut = min(cut, length - 1)
    whole, first = scanned(w, u, k, v), torch.zeros_like(k[:, 0])
    y, means, weights = wkv(w, u, k[:, :cut], v[:, :cut], first, torch.full_like(first, NOTHING))
    mean, weight = means[:, -1], weights[:, -1]
    rest = wkv(w, u, k[:, cut:], v[:, cut:], mean, weight)[0]
    torch.testing.assert_close(torch.cat([y, rest], 1), whole, rtol=1e-3, atol=1e-4)
    for t in range(cut, length):
        y, mean, weight = wkv_step(w, u, k[:, t], v[:, t], mean, weight)
        torch.testing.assert_close(y, whole[:, t], rtol=1e-3, atol=1e-4)
