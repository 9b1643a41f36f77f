"""Derive a run's configuration, estimate and obstacles from the set-up, the data and the model.

Pure functions, except that they read the free space and the memory of this computer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i3core.errors import I3Error
from i3core.net.dataset_name import display_name
from i3core.system import assets
from i3core.system.disk_space import free_bytes
from i3core.system.memory import total_memory_bytes
from i3core.training import presets
from i3core.training.config import TrainingConfig
from i3core.training.preflight import PlannedRun, check_run
from i3core.training.timings import run_seconds
from i3desk.humanize import size_text
from i3desk.language import tr, trn
from i3desk.models.catalog import Entry, bundled_folder
from i3desk.training.data_check import DataSource
from i3desk.training.data_labels import held_out_share, is_chat
from i3desk.training.dry_run import DryRunResult
from i3desk.training.estimate import of_total_text, time_text, times_text
from i3desk.training.expert_panel import default_of, why_without_effect
from i3desk.training.setup_state import SetupState

Finding = tuple[str, str, bool]  # what, remedy, whether it is fatal
OWN_FINDINGS = ("disk", "data", "learning_rate")  # computed here; other kinds come from the dry run
STILL_READING = tr("Reading the data…")


@dataclass(frozen=True)
class RunPlan:
    """A run as it would start now.

    Attributes:
        config: settings of TrainingConfig without `out`; empty if there is no data or model yet.
        can_dry_run: whether a dry run of it makes sense.
        epochs: how often the data is seen.
        about: the length of the run in words.
        time, memory, disk: the estimate in words; empty if unknown.
        is_measured: whether the time was measured on this machine.
        findings: errors and warnings.
        obstacle: why it cannot start; empty if it can.
        name: a suggested name.
    """

    config: dict[str, Any]
    can_dry_run: bool = False
    epochs: float = 0.0
    about: str = ""
    time: str = ""
    memory: str = ""
    disk: str = ""
    is_measured: bool = False
    findings: tuple[Finding, ...] = ()
    obstacle: str = ""
    name: str = ""


def model_argument(entry: Entry) -> str:
    """The model in a configuration: the bundled one by name, so that the program may be moved; others by folder."""
    return assets.BUNDLED_MODEL if entry.folder == bundled_folder() else str(entry.folder)


def default_name(data: Mapping[str, float], entry: Entry | None) -> str:
    """A name such as "pirate", or "pirate-i3-80m" for a model other than the bundled one."""
    if not data:
        return ""
    first = display_name(next(iter(data)))
    name = first.split(".")[0] or first
    if len(data) > 1:
        name += f"+{len(data) - 1}"
    if entry is not None and entry.folder != bundled_folder():
        name += f"-{entry.name}"
    return name[:60]


def make_plan(
    choices: SetupState,
    entry: Entry | None,
    sources: Mapping[str, DataSource],
    dry_run_result: Callable[[dict[str, Any]], DryRunResult | None],
    runs_folder: Path,
) -> RunPlan:
    """Plan the run of a set-up. `dry_run_result` returns the result for a configuration, if known."""
    name = default_name(choices.data, entry)
    obstacle = _model_obstacle(entry) or _data_obstacle(choices, sources)
    reports = {path: source.report for path, source in sources.items() if source.report is not None}
    if entry is None or entry.facts is None or not reports:
        return RunPlan({}, obstacle=obstacle, name=name)
    changes = choices.in_force
    share = 0.0 if changes.get("val") else changes.get("val_share", default_of("val_share"))
    held = {path: held_out_share(report, share) for path, report in reports.items()}
    tokens = int(
        sum(report["tokens"] * choices.data.get(path, 1.0) * (1 - held[path]) for path, report in reports.items())
    )
    replayed = presets.replay_share(changes, tokens, entry.folder == bundled_folder())
    facts = presets.PresetInputs(tokens, entry.facts.parameters, entry.facts.window, replay_share=replayed)
    fixed = {
        "model": model_argument(entry),
        "data": [_argument(path, weight) for path, weight in choices.data.items()],
        "sample_prompts": list(choices.prompts),
    }
    draft = _effective(fixed | presets.settings(choices.preset, facts, changes))
    dry_run = dry_run_result(draft) or DryRunResult()
    started = dry_run.started or {}
    facts = presets.PresetInputs(
        tokens, entry.facts.parameters, entry.facts.window,
        replay_share=started.get("replay_share", replayed), steps_per_epoch=started.get("total_steps", 0),
        timings=dry_run.timings,
    )  # fmt: skip
    config = _effective(fixed | presets.settings(choices.preset, facts, changes))
    validates = bool(changes.get("val")) or (started["held_out_rows"] > 0 if started else any(held.values()))
    asks = any(is_chat(report) for report in reports.values())
    if not validates and not asks and "patience" not in changes:
        config["patience"] = 0
    facts, timings = facts.with_batch(config["batch_size"] * config.get("accumulate", 1), config["eval_tokens"])
    epochs = config["steps"] / facts.steps_per_epoch
    error = _config_error(config)
    seconds = run_seconds(config, timings, config["steps"]) if not error else 0.0
    findings = _findings(config, facts, reports, started, dry_run, (validates, asks), runs_folder)
    refusal = dry_run.refusal if not started else ""
    if error or refusal:
        findings = ((error or refusal, "", True), *findings)
    elif dry_run.refusal:
        findings = (
            *findings,
            (tr("The speed could not be measured: {refusal}").format(refusal=dry_run.refusal), "", False),
        )
    fatal = next((what for what, _, fatal in findings if fatal), "")
    where = tr("on this CPU") if str(started.get("device", "CPU")).startswith("CPU") else tr("on the GPU")
    return RunPlan(
        config,
        can_dry_run=not obstacle and not error,
        epochs=epochs,
        about=_about_text(epochs, config["steps"]) + _mixed_text(started),
        time=f"{time_text(seconds)} {where}" if not error else "",
        memory=_memory_text(started),
        disk=_disk_text(started, runs_folder),
        is_measured=dry_run.timings is not None,
        findings=findings,
        obstacle=obstacle or fatal,
        name=name,
    )


def _about_text(epochs: float, steps: int) -> str:
    text = times_text(epochs)
    return f"{text[:1].upper()}{text[1:]} ({trn('{n} step', '{n} steps', steps)})"


def _effective(config: dict[str, Any]) -> dict[str, Any]:
    """Reset settings without effect to their defaults, because the trainer rejects them as a mistake."""
    for key in why_without_effect(config):
        if key in config:
            config[key] = default_of(key)
    return config


def _argument(path: str, weight: float) -> str:
    return path if weight == 1 else f"{path}:{weight:g}"


def _model_obstacle(entry: Entry | None) -> str:
    if entry is None:
        return tr("Choose a base model.")
    if entry.what:
        return tr("The model cannot be read. {what}").format(what=entry.what)
    return "" if entry.facts else tr("Reading the model…")


def _data_obstacle(choices: SetupState, sources: Mapping[str, DataSource]) -> str:
    if not choices.data:
        return tr("Add some text to train on.")
    for path, source in sources.items():
        if source.what:
            return tr("{display_name} cannot be read.").format(display_name=display_name(path))
    if not all(source.is_known for source in sources.values()):
        return STILL_READING
    bad = sum(source.report.get("bad_count", 0) for source in sources.values() if source.report is not None)
    if bad and not choices.in_force.get("skip_bad_records"):
        return trn("{n} record can't be used. Fix or skip it.", "{n} records can't be used. Fix or skip them.", bad)
    return ""


def _config_error(config: dict[str, Any]) -> str:
    try:
        TrainingConfig.from_dict({**config, "out": "run"})
    except I3Error as error:
        return str(error)
    return ""


def _findings(
    config: dict[str, Any],
    facts: presets.PresetInputs,
    reports: Mapping[str, dict],
    started: dict[str, Any],
    dry_run: DryRunResult,
    validation: tuple[bool, bool],
    runs_folder: Path,
) -> tuple[Finding, ...]:
    """The findings computed here, with the true number of steps, and other kinds from the dry run."""
    tokens = sum(report["tokens"] for report in reports.values())
    unknown = sum(report.get("unknown_share", 0.0) * report["tokens"] for report in reports.values())
    planned = PlannedRun(
        out=runs_folder / "run",
        parameters=facts.parameters,
        trainable=started.get("trainable", 0),
        optimizer=config.get("optimizer", "adamw"),
        lr=config["lr"],
        documents=sum(report["records"] for report in reports.values()),
        tokens_per_epoch=started.get("tokens_per_epoch", facts.tokens_per_epoch),
        tokens_per_step=config["batch_size"] * config.get("accumulate", 1) * facts.window,
        steps_per_epoch=facts.steps_per_epoch,
        total_steps=config["steps"],
        memory_bytes=0,
        memory_available=1,
        memory_total=1,
        lora=bool(config.get("lora_rank")),
        unknown_share=unknown / max(1, tokens),
        evaluates=bool(config["eval_every"]),
        validation_sequences=int(validation[0]),
        asks=validation[1],
        replay_share=facts.replay_share,
        patience=config["patience"],
    )
    found = [(each.what, each.remedy, each.fatal) for each in check_run(planned) if each.kind in OWN_FINDINGS]
    found += [(what, remedy, False) for kind, what, remedy in dry_run.warnings if kind not in OWN_FINDINGS]
    return tuple(found)


def _mixed_text(started: dict[str, Any]) -> str:
    """What the data is mixed with, once a dry run knows."""
    share = started.get("replay_share", 0.0)
    if share:
        return tr(", mixed with talk it knows ({share:.0%})").format(share=share).replace("%", " %")
    return tr(", mixed into conversations") if started.get("composed", 1) > 1 else ""


def _memory_text(started: dict[str, Any]) -> str:
    if not started:
        return ""
    if str(started.get("device", "")).startswith("CPU"):
        return of_total_text(started["memory_bytes"], total_memory_bytes())
    return size_text(started["memory_bytes"])


def _disk_text(started: dict[str, Any], runs_folder: Path) -> str:
    if not started:
        return ""
    return of_total_text(started["checkpoint_bytes"], free_bytes(runs_folder))
