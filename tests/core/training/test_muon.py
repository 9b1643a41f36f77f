"""Muon: the updates of torch's own, in a precision that the CPU multiplies."""

import pytest
import torch
from torch import nn

from i3core.training.muon import Muon

SHAPES = [(8, 24), (24, 8), (8, 24), (16, 16), (8, 8)]


def test_steps_are_those_of_torch() -> None:
    """Of matrices that are tall, wide and square, within bfloat16, in which torch's are computed."""
    torch.manual_seed(0)
    ours, theirs = ([nn.Parameter(torch.empty(shape)) for shape in SHAPES] for _ in range(2))
    for mine, its in zip(ours, theirs, strict=True):
        nn.init.normal_(mine)
        its.data.copy_(mine.data)
    mine, its = (
        Muon(ours, 0.01, 0.1, "float32"),
        torch.optim.Muon(theirs, lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    before = [parameter.detach().clone() for parameter in ours]
    for step in range(3):
        for a, b in zip(ours[step > 1 :], theirs[step > 1 :], strict=True):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        mine.step()
        its.step()
        for optimizer in (mine, its):
            optimizer.zero_grad()
    for start, a, b in zip(before, ours, theirs, strict=True):
        assert (a - b).norm() < 0.02 * (b - start).norm()
    assert mine.state_dict()["param_groups"] == its.state_dict()["param_groups"]
    for number, state in mine.state_dict()["state"].items():
        torch.testing.assert_close(state, its.state_dict()["state"][number])


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_updates_are_orthogonal(precision: str) -> None:
    """The singular values of each update are near 1 (Jordan's coefficients give 0.7 to 1.2), in any precision."""
    torch.manual_seed(1)
    parameter = nn.Parameter(torch.zeros(32, 96))
    optimizer = Muon([parameter], 1.0, 0.0, precision)
    parameter.grad = torch.randn(32, 96)
    optimizer.step()
    singular = torch.linalg.svdvals(parameter.detach() / (0.2 * 96**0.5))
    assert singular.min() > 0.6
    assert singular.max() < 1.3
