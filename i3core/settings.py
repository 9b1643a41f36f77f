"""Settings of generation and training: values, ranges and meanings in one place. Imports no torch."""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Any

from .device import PRECISIONS
from .errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """A number that people choose.

    Attributes:
        key: name in the configuration.
        label: name on the screen.
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
        """Raises ConfigError if `value` is of the wrong kind or out of range."""
        if value is None and self.default is None:
            return
        kinds = (int,) if self.decimals == 0 else (int, float)
        is_number = isinstance(value, kinds) and not isinstance(value, bool)
        if not is_number or (isinstance(value, float) and not math.isfinite(value)):
            kind = "whole number" if self.decimals == 0 else "number"
            raise ConfigError(f"{self.key} must be a {kind}, not {value!r}.")
        if not self.minimum <= value <= self.maximum:
            raise ConfigError(f"{self.key} must be from {self.minimum:g} to {self.maximum:g}, not {str(value)[:20]}.")


SAMPLING_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "temperature", "Temperature", 0.8, 0.0, 2.0, 0.05, 2,
        "How adventurous the choice of words is. 0 always takes the likeliest chunk; above 1 becomes wild.",
    ),
    Setting(
        "top_k", "Top-k", 40, 0, 200, 1, 0,
        "Only the k likeliest chunks may be chosen. Smaller is safer and duller; 0 allows all.",
    ),
    Setting(
        "top_p", "Top-p", 0.95, 0.01, 1.0, 0.01, 2,
        "Only the likeliest chunks that together reach this probability may be chosen. 1 allows all.",
    ),
    Setting(
        "min_p", "Min-p", 0.0, 0.0, 1.0, 0.01, 2,
        "Chunks less likely than this share of the likeliest one are never chosen. 0 allows all.",
    ),
    Setting(
        "repetition_penalty", "Repetition penalty", 1.0, 1.0, 2.0, 0.05, 2,
        "Makes chunks that were just used less likely. 1 does nothing; high values break grammar.",
    ),
    Setting(
        "max_new_tokens", "Max tokens", 160, 1, 4096, 1, 0,
        "The longest reply, in chunks of two to three characters. Replies usually end by themselves before.",
    ),
    Setting(
        "seed", "Seed", None, 0, 2**31 - 1, 1, 0,
        "The same seed, settings and conversation give the same reply. Empty picks a new one each time.",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class SamplingConfig:
    """How the next token is chosen, and when to stop. Ranges and meanings are in SAMPLING_SETTINGS.

    Attributes:
        stop: texts that end the reply when they appear; they are not part of it.
        allow_unk: whether `<UNK>` may be produced.
    """

    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 160
    seed: int | None = None
    stop: tuple[str, ...] = ()
    allow_unk: bool = False

    def __post_init__(self) -> None:
        for setting in SAMPLING_SETTINGS:
            if setting.key == "top_k":
                continue
            setting.check(getattr(self, setting.key))
        if isinstance(self.top_k, bool) or not isinstance(self.top_k, int) or self.top_k < 0:
            raise ConfigError(f"top_k must be a whole number from 0, not {self.top_k!r}.")
        if isinstance(self.stop, str) or not all(isinstance(text, str) and text for text in self.stop):
            raise ConfigError("stop must be a list of texts that are not empty.")


@dataclass(frozen=True)
class TrainingConfig:
    """One training run.

    Attributes:
        data: files, each `FILE` or `FILE:WEIGHT` (how often an epoch shows each document).
        out: the run folder to make.
        model: folder or name of the model to fine-tune; empty to train from scratch.
        preset: sizes for training from scratch.
        tokenizer: vocabulary file for training from scratch.
        val: held-out file; without one, `val_share` of the rows of `data` are held out.
        steps: optimiser steps; 0 for `epochs` passes instead.
        batch_size: windows' worth of tokens per step.
        accumulate: batches per optimiser step.
        lr: peak learning rate; warmup_steps, decay_share and min_lr_share shape it over the run.
        loss_on: "assistant" learns replies only, "all" every turn. Plain text is always learned whole.
        optimizer: "adamw" or "muon".
        public_recipe: exactly the optimiser and schedule of the public i3 code.
        eval_every, checkpoint_every: in steps; 0 means no evaluation, or only the last checkpoint.
        log_every: steps between lines of metrics.jsonl.
        eval_tokens: how much of the validation data each evaluation reads.
        sample_prompts: answered at each evaluation with a fixed seed.
    """

    data: tuple[str, ...]
    out: str
    model: str = ""
    preset: str = ""
    tokenizer: str = ""
    val: str = ""
    val_share: float = 0.02
    steps: int = 0
    epochs: float = 1.0
    batch_size: int = 8
    accumulate: int = 1
    lr: float = 3e-4
    warmup_steps: int = 20
    decay_share: float = 1.0
    min_lr_share: float = 0.1
    weight_decay: float = 0.05
    beta2: float = 0.95
    grad_clip: float = 1.0
    loss_on: str = "assistant"
    optimizer: str = "adamw"
    public_recipe: bool = False
    eval_every: int = 200
    eval_tokens: int = 50_000
    checkpoint_every: int = 200
    log_every: int = 1
    sample_prompts: tuple[str, ...] = ("hello!", "what do you like to do?", "tell me a story.")
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type == "str" and not isinstance(value, str):
                raise ConfigError(f"{field.name} must be a text, not {value!r}.")
            if field.type == "tuple[str, ...]" and (
                not isinstance(value, tuple) or not all(isinstance(text, str) for text in value)
            ):
                raise ConfigError(f"{field.name} must be a list of texts, not {value!r}.")
            if field.type == "bool" and not isinstance(value, bool):
                raise ConfigError(f"{field.name} must be true or false, not {value!r}.")
        if not self.out:
            raise ConfigError("Training needs a run folder.", "Name it with --out.")
        if not self.data:
            raise ConfigError("Training needs at least one data file.", "Name it with --data.")
        if bool(self.model) == bool(self.preset):
            raise ConfigError("Name either a model to fine-tune or a preset to train from scratch.")
        if self.preset and not self.tokenizer:
            raise ConfigError("Training from scratch needs a vocabulary.", "Make one with `i3core vocab`.")
        ranges = {
            "val_share": (0, 0.5), "steps": (0, 10**9), "epochs": (0.001, 10**6), "batch_size": (1, 4096),
            "accumulate": (1, 4096), "lr": (1e-9, 1), "warmup_steps": (0, 10**9), "decay_share": (0, 1),
            "min_lr_share": (0, 1), "weight_decay": (0, 10), "beta2": (0.5, 0.99999), "grad_clip": (1e-6, 1e6),
            "eval_every": (0, 10**9), "eval_tokens": (1, 10**12), "checkpoint_every": (0, 10**9),
            "log_every": (1, 10**9), "seed": (0, 2**63 - 1),
        }  # fmt: skip
        for field in dataclasses.fields(self):
            if field.name in ranges:
                low, high = ranges[field.name]
                decimals = 0 if isinstance(field.default, int) else 9
                Setting(field.name, field.name, field.default, low, high, 1, decimals, "").check(
                    getattr(self, field.name)
                )
        choices = {"loss_on": ("assistant", "all"), "optimizer": ("adamw", "muon"), "precision": PRECISIONS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} must be one of {', '.join(allowed)}, not {getattr(self, name)!r}.")

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TrainingConfig:
        """A configuration from JSON or TOML. Raises ConfigError naming unknown keys, with a suggestion."""
        known = {field.name for field in dataclasses.fields(cls)}
        for key in content:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
                raise ConfigError(f"There is no training setting {key!r}.", hint)
        values = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
        for required in ("data", "out"):
            if required not in values:
                raise ConfigError(f"The training setting {required!r} is missing.")
        return cls(**values)
