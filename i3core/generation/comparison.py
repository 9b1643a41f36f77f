"""Several models answer the same prompt with the same seed and settings."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import PromptError
from .config import SamplingConfig

if TYPE_CHECKING:
    from ..checkpoints.checkpoint import Model
    from .outputs import Piece


class Comparison:
    """Loaded models that answer each prompt one after the other. Not thread-safe."""

    def __init__(self, models: Sequence[Model]) -> None:
        from .generator import Generator

        self._generators = [Generator(model) for model in models]

    def answer(
        self, prompt: str, config: SamplingConfig, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[int, Piece | PromptError]]:
        """Yield the pieces of each model's answer with the model's number, one model after the other.

        Without a seed in `config` all get the same random one. If a model refuses the prompt (its window may be
        smaller), its only item is the error, and the next model continues.
        """
        if config.seed is None:
            config = dataclasses.replace(config, seed=secrets.randbelow(2**31))
        for number, generator in enumerate(self._generators):
            try:
                for piece in generator.stream([{"role": "user", "content": prompt}], config, cancelled):
                    yield number, piece
            except PromptError as error:
                yield number, error
