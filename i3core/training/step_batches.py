"""The batches of each step of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ..data.batches import EpochPlan, WeightedDataset, make_batch, padded_width, plan_epoch
from ..data.composition import ComposedPlan, Composition, Row, composed_batch, plan_composed
from .config import TrainingConfig

Rows = list[Row]  # of a batch


class StepBatches:
    """The batches of each step.

    They depend on seed and step alone, so a resumed run reads the same ones.

    Attributes:
        datasets: the training data, then the conversations that are replayed.
        steps_per_epoch: optimiser steps in which all of it is read once.
    """

    def __init__(
        self, config: TrainingConfig, datasets: list[WeightedDataset], window: int, composition: Composition
    ) -> None:
        self.datasets = [*datasets, *composition.replay]
        self._training, self._composition = datasets, composition
        self._config, self._window = config, window
        self._composes = composition.exchanges > 1 or bool(composition.replay)
        self._epoch = -1
        self._start_epoch(0)
        self.steps_per_epoch = math.ceil(len(self._plan) / config.accumulate)

    def _start_epoch(self, epoch: int) -> None:
        if epoch == self._epoch:
            return
        tokens, seed = self._config.batch_size * self._window, self._config.seed
        self._plan: ComposedPlan | EpochPlan
        if self._composes:
            self._plan = plan_composed(self._training, self._composition, tokens, self._window, seed, epoch)
        else:
            self._plan = plan_epoch(self._training, tokens, seed, epoch, self._config.shuffle)
        self._epoch = epoch

    def of_step(self, step: int) -> list[Rows]:
        """The `accumulate` batches of `step`, which counts from 0."""
        self._start_epoch(step // self.steps_per_epoch)
        first = step % self.steps_per_epoch * self._config.accumulate
        return [self._rows(place % len(self._plan)) for place in range(first, first + self._config.accumulate)]

    def _rows(self, place: int) -> Rows:
        plan = self._plan
        return plan[place] if isinstance(plan, ComposedPlan) else [(item,) for item in plan[place]]

    def tensors(self, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and targets of a batch of the current epoch, both (rows, width)."""
        replies_only = self._config.loss_on == "assistant"
        if self._composes:
            seed = f"{self._config.seed}/{self._epoch}"
            arrays = composed_batch(self._training, self._composition, rows, replies_only, self._window, seed)
        else:
            arrays = make_batch(self.datasets, [item for row in rows for item in row], replies_only, self._window)
        ids, targets = arrays
        return torch.from_numpy(ids), torch.from_numpy(targets)

    def tokens(self, rows: Rows) -> int:
        """Tokens of a batch without padding (and without what varied questions add)."""
        return sum(map(self.length, rows))

    def padded_tokens(self, rows: Rows) -> int:
        """Tokens of a batch with padding."""
        return len(rows) * int(padded_width(max(map(self.length, rows))))

    def length(self, row: Row) -> int:
        """Predicted tokens of a row."""
        return sum(int(self.datasets[dataset].sequences.lengths[sequence]) for dataset, sequence in row) - 1


def largest_batch(
    config: TrainingConfig, datasets: Sequence[WeightedDataset], window: int, composition: Composition
) -> tuple[int, int]:
    """Sequences and width of a batch as large as any of the run."""
    every = [*datasets, *composition.replay]
    longest = max(int(part.sequences.lengths.max()) for part in every) * composition.exchanges
    width = min(window, padded_width(longest - 1))
    sequences = sum(math.ceil(len(part.sequences) * part.weight) for part in every)
    return max(1, min(config.batch_size * window // width, sequences)), width
