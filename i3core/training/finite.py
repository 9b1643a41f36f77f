"""Weights that no longer compute finite numbers end a run, with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import NotFiniteError, TrainingError
from .step import LOWER_RATE


def refuse_unless_finite(step: int, *losses: float | None) -> None:
    """Raise TrainingError for a loss that is not finite, before such weights replace a good checkpoint."""
    wrong = [loss for loss in losses if loss is not None and not math.isfinite(loss)]
    if wrong and step == 0:
        raise TrainingError(f"The loss of the untrained model is {wrong[0]:.4g}.", "Start from another model.")
    if wrong:
        raise TrainingError(f"The validation loss became {wrong[0]:.4g} at step {step}.", LOWER_RATE)


@contextmanager
def explained(step: int) -> Iterator[None]:
    """Make an error of weights that cannot reply one of the run that trained them up to `step`."""
    try:
        yield
    except NotFiniteError as error:
        if step == 0:
            raise
        raise TrainingError(f"{error.what} It became so by step {step}.", LOWER_RATE) from error
