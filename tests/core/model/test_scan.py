"""The parallel recurrences against a plain loop."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from i3core.model.scan import channel_scan, state_scan


def loop(weight, inputs, start):
    """h_t = weight (*) h_{t-1} + u_t, one step at a time."""
    state, outputs = start, []
    for t in range(inputs.shape[1]):
        state = (state * weight if weight.dim() == 1 else state @ weight.T) + inputs[:, t]
        outputs.append(state)
    return torch.stack(outputs, 1)


def case(scan, length, seed, dtype=torch.float64, batch=2, width=3):
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(batch, length, width, generator=source, dtype=dtype)
    start = torch.randn(batch, width, generator=source, dtype=dtype)
    if scan is channel_scan:
        weight = 2 * torch.rand(width, generator=source, dtype=dtype) - 1
        weight[0] = 0.0
    else:
        weight = 0.6 * torch.randn(width, width, generator=source, dtype=dtype)
    return [tensor.requires_grad_() for tensor in (weight, inputs, start)]


both = pytest.mark.parametrize("scan", [channel_scan, state_scan])


@both
@given(length=st.integers(1, 40), seed=st.integers(0, 99), has_start=st.booleans())
def test_values_and_gradients_equal_the_loop(scan, length, seed, has_start):
    arguments = case(scan, length, seed)
    weight, inputs, start = arguments
    used = arguments if has_start else [weight, inputs]
    expected = loop(weight, inputs, start if has_start else torch.zeros_like(start))
    result = scan(*used)
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)
    upstream = torch.randn(expected.shape, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    ours = torch.autograd.grad(result, used, upstream)
    theirs = torch.autograd.grad(expected, used, upstream)
    for mine, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, reference, rtol=1e-9, atol=1e-9)


@both
@pytest.mark.parametrize("length", [1, 2, 5, 7])
def test_gradients_pass_gradcheck(scan, length):
    assert torch.autograd.gradcheck(scan, case(scan, length, 3))


@both
def test_float32_stays_precise_over_a_long_window(scan):
    arguments = [tensor.detach() for tensor in case(scan, 512, 5, torch.float32, width=16)]
    if scan is state_scan:
        arguments[0] = arguments[0] / torch.linalg.matrix_norm(arguments[0], 2)
    exact = loop(*(tensor.double() for tensor in arguments))
    result = scan(*arguments)
    assert result.dtype == torch.float32
    assert (result - exact).abs().max() < 1e-5 * exact.abs().max()
