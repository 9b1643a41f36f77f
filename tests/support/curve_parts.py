"""Made-up readings of a run, as run_reader hands them out; the benchmark of the curves uses them too."""

from __future__ import annotations

import math

import numpy as np

from i3core.runs.events import Evaluated
from i3core.runs.reader import STEP_COLUMNS, MetricsPart


def part(
    count: int, start: int = 1, evaluations: tuple | list = (), restarted: bool = False, **columns: object
) -> MetricsPart:
    """`count` steps from `start` on: a falling, noisy loss of a run on a CPU. `columns` replace what is given."""
    steps = np.arange(start, start + count, dtype=np.float64)
    noise = np.random.default_rng(start).normal(0, 0.1, count)
    told = {
        "step": steps,
        "tokens": steps * 512,
        "seconds": steps / 4,
        "loss": 1.5 + 2.5 * np.exp(-steps / 40) + noise,
        "lr": 2.1e-4,
        "grad_norm": np.exp(noise),
        "tokens_per_second": 2310.0,
        "eta_s": 91.0,
        "rss_bytes": 3.1e8,
    } | columns
    filled = {name: np.broadcast_to(told.get(name, math.nan), count).astype(np.float64) for name in STEP_COLUMNS}
    return MetricsPart(restarted, filled, tuple(evaluations), True)


def evaluation(step: int, loss: float, best: bool = False) -> Evaluated:
    """Validation after `step` steps; the general loss rises a little."""
    general = 2.9 + step / 1000
    return Evaluated(step, step * 512, step / 4, loss, math.exp(loss), general, math.exp(general), best)
