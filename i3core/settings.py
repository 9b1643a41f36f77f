"""Settings of generation and training: default, range and meaning of a number. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """A number that users choose.

    Attributes:
        key: name in the configuration.
        label: name in the window.
        default, minimum, maximum, step: in the unit of the setting; a default of None means "not set".
        decimals: digits after the point; 0 for whole numbers.
        tooltip: what it does, in a sentence or two.
    """

    key: str
    label: str
    default: float | int | None
    minimum: float
    maximum: float
    step: float
    decimals: int
    tooltip: str

    def check(self, value: Any) -> None:
        """Raise ConfigError if `value` has the wrong type or is out of range."""
        if value is None and self.default is None:
            return
        types = (int,) if self.decimals == 0 else (int, float)
        is_infinite = isinstance(value, float) and not math.isfinite(value)
        if isinstance(value, bool) or not isinstance(value, types) or is_infinite:
            kind = "whole number" if self.decimals == 0 else "number"
            raise ConfigError(f"{self.key} must be a {kind}, not {value!r}.")
        if not self.minimum <= value <= self.maximum:
            raise ConfigError(f"{self.key} must be from {self.minimum:g} to {self.maximum:g}, not {str(value)[:20]}.")
