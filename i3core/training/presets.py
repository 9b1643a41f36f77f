"""The presets quick, standard and thorough of fine-tuning: settings derived from data, model and machine.

Pure functions, except `apply`, which reads the data: the same inputs always give the same settings, and no inputs give
absurd ones. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import ConfigError
from .config import TrainingConfig, parse_replay, share_for
from .timings import START_S, Timings, default_timings

LABELS = {
    "quick": ("Quick", "A quick try: about a minute"),
    "standard": ("Standard", "As long as the data needs, ending early when it no longer improves"),
    "thorough": ("Thorough", "Three times as long, at a lower rate, ending early when it no longer improves"),
    "expert": ("Expert", "All options of the trainer, starting with the values of Standard"),
}
PRESETS = ("quick", "standard", "thorough")
QUICK_S = 60.0
LONGEST_SAVED_S = 600.0  # between two checkpoints: what a power cut may cost
LARGEST_BATCH, SMALLEST_BATCH = 8, 2
MIN_EPOCH_STEPS = 24  # for little data, batches are made smaller until an epoch has so many
# Little data is read more often: each time in other conversations, and a fact must be met some twenty times.
MUCH_TOKENS, REPETITION, MOST_REPETITION = 300_000, 0.5, 12


@dataclass(frozen=True)
class PresetInputs:
    """The inputs of the presets.

    Attributes:
        tokens_per_epoch: of the training data, with its weights.
        parameters, window: of the model.
        lora: whether an adapter is trained, which needs a higher learning rate.
        replay_share: share of the tokens of an epoch that is replayed beside the training data.
        steps_per_epoch: counted by a dry run with the same batch size; 0 if there was none.
        timings: measured by a dry run; None if there was none.
    """

    tokens_per_epoch: int
    parameters: int
    window: int
    lora: bool = False
    replay_share: float = 0.0
    steps_per_epoch: int = 0
    timings: Timings | None = None

    def with_batch(self, batch_size: int, eval_tokens: int) -> tuple[PresetInputs, Timings]:
        """The inputs and timings, with estimates for those not counted or measured."""
        tokens, read = batch_size * self.window, self.tokens_per_epoch / (1 - self.replay_share)
        steps = self.steps_per_epoch or max(1, math.ceil(read * 1.1 / tokens))
        step_tokens = min(tokens, max(32, int(read)))
        timings = self.timings or default_timings(self.parameters, step_tokens, eval_tokens)
        return replace(self, steps_per_epoch=steps, timings=timings), timings


@dataclass(frozen=True)
class _Recipe:
    """A preset whose length is given in epochs of much data; of little data there are more (see `epochs`)."""

    epochs: float
    min_steps: int
    max_steps: int
    max_s: float
    evaluations: int
    patience: int
    lr: float


_QUICK_EVALUATIONS, _QUICK_MIN_STEPS, _QUICK_MAX_STEPS, _QUICK_LR = 3, 30, 400, 7e-4
_RECIPES = {
    "standard": _Recipe(3, 120, 20_000, 2 * 3600, 6, 3, 7e-4),
    "thorough": _Recipe(9, 250, 100_000, 12 * 3600, 12, 4, 4e-4),
}
_EVAL_TOKENS = {"quick": 4_000, "standard": 16_000, "thorough": 16_000}
_LORA_LR = 3  # times the rate of all weights


def apply(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of TrainingConfig for fine-tuning with a preset; what is `given` takes precedence. Reads the data.

    Raises ConfigError if the preset does not exist or no model is fine-tuned; DataError or CheckpointError if data or
    model cannot be read.
    """
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}.", f"Known: {', '.join(PRESETS)}.")
    if not given.get("model") or not given.get("data"):
        raise ConfigError("A preset is for fine-tuning a model on data.", "Name both: --model i3-mini --data FILE.")
    from ..checkpoints import registry
    from ..checkpoints.model_info import inspect
    from ..checkpoints.template import model_template
    from ..checkpoints.weights import read_details
    from ..data.sources import parse_source
    from ..data.token_dataset import tokenize_source
    from .replay import KEY

    template, window = model_template(given["model"])
    facts = inspect(registry.find(given["model"]))
    skip = bool(given.get("skip_bad_records"))
    sources = [parse_source(argument) for argument in given["data"]]
    tokens = int(sum(tokenize_source(path, template, window, skip).tokens * weight for path, weight in sources))
    names_replay = KEY in read_details(facts.base or facts.weights_folder)
    share = replay_share(given, tokens, names_replay)
    inputs = PresetInputs(tokens, facts.parameters, window, replay_share=share)
    return {**given, **settings(preset, inputs, dict(given))}


def replay_share(given: Mapping[str, Any], tokens: int, names_replay: bool) -> float:
    """Share of replay with these settings for so many tokens of data, by whether the model names conversations."""
    share = parse_replay(str(given.get("replay", "auto")))[0]
    if share is None:
        share = share_for(tokens) if names_replay and given.get("shuffle", True) else 0.0
    return share


def epochs(base: float, tokens: int) -> float:
    """How often `tokens` are read: `base` times if they are many, more often if they are few."""
    return base * min(MOST_REPETITION, max(1.0, (MUCH_TOKENS / max(1, tokens)) ** REPETITION))


def batch_size(facts: PresetInputs) -> int:
    """The batch size, a power of two; smaller for little data, so that an epoch has several steps."""
    wanted = facts.tokens_per_epoch / (MIN_EPOCH_STEPS * max(1, facts.window))
    return int(min(LARGEST_BATCH, max(SMALLEST_BATCH, 2 ** round(math.log2(max(1.0, wanted))))))


def shape(preset: str, facts: PresetInputs) -> dict[str, Any]:
    """The settings of a preset that affect its speed; they need no measurement."""
    return {"batch_size": batch_size(facts), "eval_tokens": _EVAL_TOKENS[_recipe_name(preset)]}


def settings(preset: str, facts: PresetInputs, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Settings of TrainingConfig for a preset; `changes` by the user take precedence."""
    changes = changes or {}
    values = shape(preset, facts) | changes
    default = TrainingConfig.__dataclass_fields__
    batch = values["batch_size"] * values.get("accumulate", default["accumulate"].default)
    facts, timings = replace(facts, lora=bool(values.get("lora_rank"))).with_batch(batch, values["eval_tokens"])
    steps = changes.get("steps") or _epoch_steps(changes, facts)
    timed = (_quick if preset == "quick" else _by_epochs)(_recipe_name(preset), facts, timings, steps)
    result = {**values, **timed, **changes}
    if "steps" in changes or "epochs" in changes:  # one of them gives the length of the run
        result["steps"] = steps
    result.pop("epochs", None)
    return result


def _epoch_steps(changes: dict[str, Any], facts: PresetInputs) -> int:
    return max(1, math.ceil(changes["epochs"] * facts.steps_per_epoch)) if "epochs" in changes else 0


def _recipe_name(preset: str) -> str:
    return "standard" if preset == "expert" else preset


def _quick(_: str, facts: PresetInputs, timings: Timings, steps: int) -> dict[str, Any]:
    evaluations_s = (_QUICK_EVALUATIONS + 1) * (timings.evaluation_s + timings.sample_s) + 2 * timings.checkpoint_s
    room = max(QUICK_S / 3, QUICK_S - START_S - evaluations_s)
    steps = steps or int(min(_QUICK_MAX_STEPS, max(_QUICK_MIN_STEPS, room / max(1e-6, timings.step_s))))
    return {
        "steps": steps,
        "lr": _QUICK_LR * (_LORA_LR if facts.lora else 1),
        "warmup_steps": min(10, steps // 5),
        "eval_every": math.ceil(steps / _QUICK_EVALUATIONS),
        "checkpoint_every": math.ceil(steps / 2),
        "patience": 0,
    }


def _by_epochs(name: str, facts: PresetInputs, timings: Timings, steps: int) -> dict[str, Any]:
    recipe, step_s = _RECIPES[name], max(1e-6, timings.step_s)
    if not steps:
        most = max(recipe.min_steps, min(recipe.max_steps, recipe.max_s / step_s))
        steps = int(
            min(most, max(recipe.min_steps, epochs(recipe.epochs, facts.tokens_per_epoch) * facts.steps_per_epoch))
        )
    eval_every = math.ceil(steps / recipe.evaluations)
    return {
        "steps": steps,
        "lr": recipe.lr * (_LORA_LR if facts.lora else 1),
        "warmup_steps": max(1, min(100, steps // 10)),
        "eval_every": eval_every,
        "checkpoint_every": max(1, min(eval_every, int(LONGEST_SAVED_S / step_s))),
        "patience": recipe.patience,
    }
