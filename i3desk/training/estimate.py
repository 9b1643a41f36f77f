"""Estimate the duration of a run from the timings of its parts, with texts for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from i3core.system.humanize import duration_text, size_text

START_S = 6.0  # importing torch, reading model and data
# Before anything is measured: two cores of a laptop, forward and backward pass at 6 operations per weight.
OPERATIONS_PER_SECOND = 1e11
OPERATIONS_PER_WEIGHT = 6


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
        evaluation_s=2 * eval_tokens * token_s / 3,  # of held-out and of general text, forward only
        sample_s=1.0,
        checkpoint_s=parameters * 16 / 5e8,
    )


def evaluations(steps: int, eval_every: int) -> int:
    """The number of evaluations: before the first step, every `eval_every` steps, and at the end."""
    return 1 + -(-steps // eval_every) if eval_every > 0 else 0


def run_seconds(config: Mapping[str, Any], timings: Timings, steps: int) -> float:
    """Seconds from Start to the end, unless the run ends early by `patience`."""
    count = evaluations(steps, config["eval_every"])
    every = config["checkpoint_every"]
    saves = -(-steps // every) if every > 0 else 1
    return (
        START_S
        + steps * timings.step_s
        + count * (timings.evaluation_s + timings.sample_s)
        + saves * timings.checkpoint_s
    )


def time_text(seconds: float) -> str:
    """A duration as precise as an estimate allows: "about 4 min", "about 3 days"."""
    if seconds < 90:
        return f"about {max(10, round(seconds / 5) * 5)} s"
    if seconds < 36 * 3600:
        minutes = seconds / 60
        exact = minutes if minutes < 20 else round(minutes / 5) * 5 if minutes < 180 else round(minutes / 30) * 30
        return f"about {duration_text(exact * 60)}"
    days = seconds / 86_400
    return f"about {days:.0f} days" if days < 1000 else "years"


def of_total_text(part: float, whole: float) -> str:
    """A size and its total, each in its own unit: "600 MB of 24 GB"."""
    return f"{size_text(part)} of {size_text(whole)}"


def times_text(epochs: float) -> str:
    """How often the data is seen: "the data 3 times", "the data once", "4 % of the data"."""
    if epochs < 0.95:
        return f"{max(1, round(100 * epochs))} % of the data" if epochs >= 0.005 else "a small part of the data"
    if epochs < 9.95:
        return "the data once" if round(epochs, 1) == 1 else f"the data {epochs:.1f} times".replace(".0 ", " ")
    return f"the data {epochs:,.0f} times"
