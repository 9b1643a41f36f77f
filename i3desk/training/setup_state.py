"""The user's choices for the next run, saved between starts. Each damaged value becomes a default."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field
from pathlib import Path
from typing import Any

from i3core.data.sources import parse_source
from i3core.errors import I3Error
from i3core.net.dataset_name import is_hub_name
from i3core.system import assets
from i3core.system.files import read_file, write_json
from i3core.training.config import TrainingConfig
from i3core.training.presets import LABELS

log = logging.getLogger(__name__)
MOST_PROMPTS = 6
MOST_SOURCES = 50
WEIGHTS = (0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 10.0)
READING = ("columns", "encoding", "i3_is")  # how the data is read
EVERYWHERE = ("last_blocks", "lora_rank", "skip_bad_records", *READING)  # apply to all presets, not only to Expert
# Settings that presets always set, and settings chosen elsewhere or only for training from scratch.
SET_BY_PRESETS = (
    "batch_size", "eval_tokens", "steps", "epochs", "lr", "warmup_steps", "eval_every", "checkpoint_every", "patience",
)  # fmt: skip
NO_CHANGES = (
    "data", "out", "model", "preset", "sample_prompts", "tokenizer", "max_vocab", "min_count", "window",
    "public_recipe",
)  # fmt: skip
DEFAULT_PROMPTS = TrainingConfig.__dataclass_fields__["sample_prompts"].default


@dataclass(frozen=True)
class SetupState:
    """The set-up of a run.

    Attributes:
        model: folder of the base model; "" for the bundled one.
        data: files and folders with their weights, in the order in which they were added.
        preset: "quick", "standard", "thorough" or "expert".
        changes: settings of TrainingConfig that the user has set, by name.
        prompts: answered at each evaluation.
    """

    model: str = ""
    data: dict[str, float] = field(default_factory=dict)
    preset: str = "standard"
    changes: dict[str, Any] = field(default_factory=dict)
    prompts: tuple[str, ...] = DEFAULT_PROMPTS

    @property
    def in_force(self) -> dict[str, Any]:
        """The changes that apply to the preset."""
        return {key: value for key, value in self.changes.items() if self.preset == "expert" or key in EVERYWHERE}


def setup_from_config(config: Mapping[str, Any]) -> SetupState:
    """The set-up that leads to a given configuration, with the Expert preset."""
    known = TrainingConfig.__dataclass_fields__
    changes = {}
    for key, value in config.items():
        value = list(value) if isinstance(value, tuple) else value
        default = known[key].default if key in known else MISSING
        is_default = value == (list(default) if isinstance(default, tuple) else default)
        if _is_possible(key, value) and (key in SET_BY_PRESETS or not is_default):
            changes[key] = value
    changes.pop("epochs" if changes.get("steps") else "steps", None)
    data = {}
    for source in config.get("data", ()):
        with contextlib.suppress(I3Error):
            path, weight = parse_source(str(source))
            data[str(path)] = min(WEIGHTS, key=lambda each: abs(each - weight))
    model = str(config.get("model", ""))
    return SetupState(
        model="" if model == assets.BUNDLED_MODEL else model,
        data=dict(list(data.items())[:MOST_SOURCES]),
        preset="expert",
        changes=changes,
        prompts=tuple(map(str, config.get("sample_prompts", DEFAULT_PROMPTS)))[:MOST_PROMPTS],
    )


def check_change(key: str, value: Any) -> None:
    """Check a setting. Raises I3Error if no run could have it."""
    TrainingConfig.from_dict({"data": ["-"], "out": "-", "model": "-", key: value})


def read_setup(path: Path) -> SetupState:
    """Read the saved choices, without files that are gone. Never raises."""
    try:
        values = json.loads(read_file(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return SetupState()
    except (OSError, ValueError, RecursionError) as error:
        log.warning("The choices in %s cannot be read (%s); starting with the defaults.", path, error)
        return SetupState()
    values = values if isinstance(values, dict) else {}
    model, preset, prompts = values.get("model"), values.get("preset"), values.get("prompts")
    data, changes = values.get("data"), values.get("changes")
    if not isinstance(prompts, list) or not all(isinstance(text, str) and text.strip() for text in prompts):
        prompts = DEFAULT_PROMPTS
    return SetupState(
        model=model if isinstance(model, str) else "",
        data={
            name: float(weight)
            for name, weight in _items(data)[:MOST_SOURCES]
            if weight in WEIGHTS and (is_hub_name(name) or _exists(name))
        },
        preset=preset if isinstance(preset, str) and preset in LABELS else "standard",
        changes={key: value for key, value in _items(changes) if _is_possible(key, value)},
        prompts=tuple(prompts[:MOST_PROMPTS]),
    )


def _items(content: object) -> list[tuple[str, Any]]:
    return list(content.items()) if isinstance(content, dict) else []


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _is_possible(key: str, value: Any) -> bool:
    if key in NO_CHANGES:
        return False
    try:
        check_change(key, value)
    except (I3Error, TypeError) as error:
        # A setting that needs another one is checked when the run is planned.
        return isinstance(error, I3Error) and "no effect here" in error.what
    return True


def write_setup(path: Path, choices: SetupState) -> None:
    """Save the choices; an error is only logged."""
    try:
        write_json(path, asdict(choices))
    except I3Error as error:
        log.warning("The choices for training could not be saved: %s", error)
