"""How long a run takes, from the timings of its parts. Plain numbers, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

START_S = 6.0  # importing torch, reading model and data
# Before anything is measured: two cores of a laptop, forward and backward pass at 6 operations per weight.
OPERATIONS_PER_SECOND = 1e11
OPERATIONS_PER_WEIGHT = 6
_ASKED_TOKENS = 5_000  # that an evaluation reads and writes to ask about the data and everyday things


@dataclass(frozen=True)
class Timings:
    """Seconds of one step, one evaluation, the answers to all sample prompts, and one checkpoint."""

    step_s: float
    evaluation_s: float = 0.0
    sample_s: float = 0.0
    checkpoint_s: float = 0.0


def default_timings(parameters: int, tokens_per_step: int, eval_tokens: int) -> Timings:
    """The timings of an ordinary computer, until this one is measured."""
    token_s = OPERATIONS_PER_WEIGHT * parameters / OPERATIONS_PER_SECOND
    return Timings(
        step_s=token_s * tokens_per_step,
        # Of held-out and of general text, forward only.
        evaluation_s=(2 * eval_tokens + _ASKED_TOKENS) * token_s / 3,
        sample_s=1.0,
        checkpoint_s=parameters * 16 / 5e8,
    )


def evaluations(steps: int, eval_every: int) -> int:
    """The number of evaluations: before the first step, every `eval_every` steps, and at the end."""
    return 1 + -(-steps // eval_every) if eval_every > 0 else 0


def run_seconds(config: Mapping[str, Any], timings: Timings, steps: int) -> float:
    """Seconds from the start to the end, unless the run ends early by `patience`."""
    count = evaluations(steps, config["eval_every"])
    every = config["checkpoint_every"]
    saves = -(-steps // every) if every > 0 else 1
    return (
        START_S
        + steps * timings.step_s
        + count * (timings.evaluation_s + timings.sample_s)
        + saves * timings.checkpoint_s
    )
