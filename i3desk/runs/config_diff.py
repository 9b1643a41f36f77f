"""Compare the configurations of runs, in words. Pure functions, without Qt."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i3core.net.dataset_name import is_hub_name
from i3core.training.config import TRAINING_SETTINGS, TrainingConfig
from i3desk.language import figure, tr

NOT_COMPARED = ("out",)  # always differs, without meaning
TEXT_LABELS = {
    "model": tr("Base model"),
    "preset": tr("Preset"),
    "data": tr("Data"),
    "val": tr("Validation data"),
    "general_val": tr("General text"),
    "tokenizer": tr("Vocabulary file"),
    "loss_on": tr("Learns from"),
    "optimizer": tr("Optimiser"),
    "public_recipe": tr("Public recipe"),
    "columns": tr("Columns"),
    "encoding": tr("Encoding"),
    "i3_is": tr("Who i3 is"),
    "skip_bad_records": tr("Skip bad records"),
    "shuffle": tr("Shuffle"),
    "replay": tr("Replay"),
    "variation": tr("Variation"),
    "sample_prompts": tr("Sample prompts"),
    "track": tr("Mirrored to"),
    "track_artifacts": tr("Uploaded"),
    "device": tr("Device"),
    "precision": tr("Precision"),
}
LABELS = TEXT_LABELS | {setting.key: tr(setting.label) for setting in TRAINING_SETTINGS}
TOOLTIPS = {setting.key: tr(setting.tooltip) for setting in TRAINING_SETTINGS}
ORDER = (
    "model", "preset", "data", "val", "val_share", "steps", "epochs", "lr", "batch_size", "accumulate",
    "lora_rank", "lora_alpha", "last_blocks", "loss_on", "optimizer",
)  # fmt: skip
DEFAULTS: dict[str, Any] = {
    field.name: field.default
    for field in dataclasses.fields(TrainingConfig)
    if field.default is not dataclasses.MISSING
}
_WORDS = {
    "loss_on": {"assistant": tr("replies"), "all": tr("everything")},
    "optimizer": {"adamw": "AdamW", "muon": "Muon"},
}
_PATHS = ("model", "data", "val", "general_val", "tokenizer")
_ZERO_WORDS = {
    "steps": tr("by epochs"), "max_vocab": tr("preset's"), "window": tr("preset's"), "last_blocks": "all",
    "lora_rank": tr("off"),
    "lora_alpha": tr("twice the rank"), "patience": tr("off"), "eval_every": tr("never"),
    "checkpoint_every": tr("at the end"),
    "compose": "auto",
}  # fmt: skip
_EMPTY_WORDS = {
    "model": tr("none"), "preset": tr("none"), "val": tr("a share of the data"),
    "general_val": tr("sample conversations"),
    "tokenizer": tr("built from the data"), "sample_prompts": tr("none"), "track": tr("nowhere"),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A value of one run, and whether it is the default."""

    text: str
    is_default: bool


@dataclass(frozen=True)
class SettingDifference:
    """A setting in which runs differ, with a cell for each run in their order."""

    key: str
    label: str
    tooltip: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ChangedSetting:
    """A setting of one run that differs from the default."""

    key: str
    label: str
    text: str
    default: str
    tooltip: str


def setting_differences(configs: Sequence[Mapping[str, Any]]) -> list[SettingDifference]:
    """The settings that differ between these configurations; a missing one counts as its default."""
    rows = []
    for key in _ordered({key for config in configs for key in config}):
        values = [_value(config, key) for config in configs]
        if any(value != values[0] for value in values[1:]):
            cells = tuple(Cell(value_text(key, value), _is_default(key, value)) for value in values)
            rows.append(SettingDifference(key, label_of(key), TOOLTIPS.get(key, ""), _distinct(values, cells)))
    return rows


def changed_settings(config: Mapping[str, Any]) -> list[ChangedSetting]:
    """The settings of a run that differ from the defaults, except model and data, which have none."""
    rows = []
    for key in _ordered(config):
        if key in DEFAULTS and key not in ("model", "preset") and not _is_default(key, _value(config, key)):
            default = value_text(key, DEFAULTS[key])
            rows.append(
                ChangedSetting(key, label_of(key), value_text(key, config[key]), default, TOOLTIPS.get(key, ""))
            )
    return rows


def label_of(key: str) -> str:
    """The label of a setting; a setting unknown to this version is named by its key."""
    return LABELS.get(key, key.replace("_", " ").capitalize())


def value_text(key: str, value: Any) -> str:
    """A value in words; of a path, the last part."""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if value is None:
        return tr("none")
    if key in _ZERO_WORDS and value == 0:
        return _ZERO_WORDS[key]
    if isinstance(value, (list, tuple)):
        parts = [_name(str(part)) if key in _PATHS else str(part) for part in value]
        return ", ".join(parts) or _EMPTY_WORDS.get(key, tr("none"))
    if isinstance(value, str):
        if not value:
            return _EMPTY_WORDS.get(key, tr("none"))
        return _WORDS.get(key, {}).get(value, _name(value) if key in _PATHS else value)
    if isinstance(value, float):
        return figure(value, "g")
    return figure(value) if isinstance(value, int) else str(value)


def _name(path: str) -> str:
    if is_hub_name(path):
        return path  # data sets may differ in their commit only
    path, shown = split_shown(path)
    return (Path(path).name or path) + shown


def split_shown(source: str) -> tuple[str, str]:
    """The path of a source of data, and in words how often it is shown if that is not once."""
    path, _, weight = source.rpartition(":")
    if not path or not weight.replace(".", "", 1).isdecimal():
        return source, ""
    return path, "" if float(weight) == 1 else tr(" (shown {weight}×)").format(weight=figure(float(weight), ",g"))


def _ordered(keys: Iterable[str]) -> list[str]:
    """Important settings first, then in the order of TrainingConfig, then those unknown to this version."""
    known = [*ORDER, *(field.name for field in dataclasses.fields(TrainingConfig) if field.name not in ORDER)]
    order = {key: number for number, key in enumerate(known)}
    return sorted((key for key in keys if key not in NOT_COMPARED), key=lambda key: (order.get(key, len(known)), key))


def _value(config: Mapping[str, Any], key: str) -> Any:
    """The value as it is compared: lists from JSON are tuples in the defaults."""
    value = config.get(key, DEFAULTS.get(key))
    return tuple(value) if isinstance(value, list) else value


def _is_default(key: str, value: Any) -> bool:
    return key in DEFAULTS and value == DEFAULTS[key]


def _distinct(values: Sequence[Any], cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    """Give different values different texts: two files of one name get their folders."""
    for text in (_full_text, repr):
        value_of: dict[str, Any] = {}
        if all(value_of.setdefault(cell.text, value) == value for cell, value in zip(cells, values, strict=True)):
            break
        cells = tuple(Cell(text(value), cell.is_default) for cell, value in zip(cells, values, strict=True))
    return cells


def _full_text(value: Any) -> str:
    """A value with full paths."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
