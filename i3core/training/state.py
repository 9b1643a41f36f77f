"""The progress of a run, as trainer.pt stores it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


@dataclass
class TrainingState:
    """The progress of a run, saved in trainer.pt.

    Attributes:
        step: optimiser steps done.
        tokens: tokens read, without padding.
        start_loss: validation loss before the first step; infinite until then.
        best: validation loss of the best evaluation after a step, infinite before the first; best_score: its score
            (see Evaluated), -1 without one; best_step: its step; since_best: evaluations since.
        evaluated: step of the last evaluation; -1 before the first.
        seconds: training time when it was saved.
    """

    step: int = 0
    tokens: int = 0
    start_loss: float = math.inf
    best: float = math.inf
    best_step: int | None = None
    best_score: float = -1.0
    since_best: int = 0
    evaluated: int = -1
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingState:
        """Read what `to_dict` returned; other keys are ignored. Raises KeyError if one is missing."""
        content = {"best_step": None, "best_score": -1.0, "seconds": 0.0} | content  # older checkpoints lack these
        return cls(**{field.name: content[field.name] for field in dataclasses.fields(cls)})
