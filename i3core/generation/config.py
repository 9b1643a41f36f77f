"""How the next token is sampled: settings, their ranges, and their form as JSON. Imports no torch."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..errors import ConfigError
from ..settings import Setting

log = logging.getLogger(__name__)

SAMPLING_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "temperature", "Temperature", 0.3, 0.0, 2.0, 0.05, 2,
        "How adventurous the choice of words is. 0 always takes the likeliest token; above 1 it gets wild.",
    ),
    Setting(
        "top_k", "Top-k", 40, 0, 200, 1, 0,
        "Only the k likeliest tokens may be chosen. Smaller is safer and duller; 0 allows all.",
    ),
    Setting(
        "top_p", "Top-p", 0.95, 0.01, 1.0, 0.01, 2,
        "Only the likeliest tokens that together reach this probability may be chosen. 1 allows all.",
    ),
    Setting(
        "min_p", "Min-p", 0.0, 0.0, 1.0, 0.01, 2,
        "Tokens less likely than this share of the likeliest one are never chosen. 0 allows all.",
    ),
    Setting(
        "repetition_penalty", "Repetition penalty", 1.0, 1.0, 2.0, 0.05, 2,
        "Makes tokens that were just used less likely. 1 does nothing; high values break grammar.",
    ),
    Setting(
        "max_new_tokens", "Max tokens", 200, 1, 4096, 1, 0,
        "The longest reply, in tokens of two or more characters. Most replies are shorter.",
    ),
    Setting(
        "seed", "Seed", None, 0, 2**31 - 1, 1, 0,
        "The same seed, settings and conversation give the same reply. Empty picks a new one each time.",
    ),
)  # fmt: skip

_PENALTIES = (  # of the OpenAI API; the window offers the repetition penalty
    Setting("frequency_penalty", "Frequency penalty", 0.0, -2.0, 2.0, 0.05, 2, ""),
    Setting("presence_penalty", "Presence penalty", 0.0, -2.0, 2.0, 0.05, 2, ""),
)


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is chosen, and when a reply ends. SAMPLING_SETTINGS has ranges and meanings.

    Attributes:
        stop: texts that end the reply when they appear; they are not part of it.
        allow_unk: allow the token `<UNK>`.
        frequency_penalty: taken from the logit of a token for each time that the reply has it, -2 to 2.
        presence_penalty: taken from the logit of a token once if the reply has it, -2 to 2.
    """

    temperature: float = 0.3
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 200
    seed: int | None = None
    stop: tuple[str, ...] = ()
    allow_unk: bool = False
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0

    def __post_init__(self) -> None:
        for setting in SAMPLING_SETTINGS:
            if setting.key == "top_k":
                continue
            setting.check(getattr(self, setting.key))
        if isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 0:
            raise ConfigError(f"top_k must be a whole number from 0, not {self.top_k!r}.")
        if not isinstance(self.stop, tuple | list) or not all(isinstance(text, str) and text for text in self.stop):
            raise ConfigError("stop must be a list of non-empty texts.")
        if not isinstance(self.allow_unk, bool):
            raise ConfigError(f"allow_unk must be true or false, not {self.allow_unk!r}.")
        for penalty in _PENALTIES:
            penalty.check(getattr(self, penalty.key))

    def to_json(self) -> dict[str, Any]:
        """Convert to an object for JSON; penalties that the window does not offer only if they are set."""
        unset = {penalty.key for penalty in _PENALTIES if not getattr(self, penalty.key)}
        return {key: value for key, value in asdict(self).items() if key not in unset} | {"stop": list(self.stop)}

    @classmethod
    def from_json(cls, values: object) -> SamplingConfig:
        """Read what `to_json` made; unknown, missing or invalid values become the default, each by itself."""
        config = cls()
        if not isinstance(values, dict):
            return config
        for field in fields(cls):
            if field.name not in values:
                continue
            value = values[field.name]
            try:
                if field.name == "stop" and isinstance(value, list):
                    value = tuple(value)
                if field.name == "top_k" and isinstance(value, int) and value >= 2**31:
                    continue
                config = replace(config, **{field.name: value})
            except (ConfigError, TypeError) as error:
                log.warning("The stored setting %s is not usable: %s", field.name, error)
        return config
