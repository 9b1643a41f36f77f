"""`i3core runs` and `i3core keep`: the training runs of this computer, and models exported from them."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import Any

from ..runs import index
from ..runs.reader import RunState, RunSummary, read_summary
from ..system.humanize import age_text, duration_text, size_text
from ..training.export import CHECKPOINTS, export
from .options import Commands, add_command, add_json, print_warning
from .output import print_json


def add_runs(commands: Commands) -> None:
    parser = add_command(commands, "runs", runs, "list the training runs of this computer, with progress and loss")
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER",
        help="run folders, or folders that contain some (default: all known runs of this computer)",
    )  # fmt: skip
    add_json(parser)


def add_keep(commands: Commands) -> None:
    parser = add_command(commands, "keep", keep, "export a checkpoint of a training run as a model")
    parser.add_argument("run_folder", metavar="RUN", help="run folder; training may still be running")
    parser.add_argument("name", metavar="NAME", help="name of the model")
    parser.add_argument(
        "--checkpoint", choices=CHECKPOINTS, help="which one (default: best, or last for a run without validation)"
    )
    add_json(parser)


def runs(arguments: argparse.Namespace) -> None:
    found = [read_summary(folder) for folder in _folders(arguments.folders)]
    if arguments.json:
        print_json({"runs": [_as_dict(summary) for summary in found]})
        return
    if not found:
        print("There are no training runs yet. `i3core train` starts one.")
        return
    rows = [("name", "state", "steps", "best", "model", "data", "age"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    for summary in found:
        if summary.status.error:
            print_warning(f"{summary.name}: {summary.status.error}")


def _folders(named: list[str]) -> list[Path]:
    if not named:
        return index.known_runs(index.runs_folder())
    found = []
    for folder in map(Path, named):
        is_run = read_summary(folder).status.state is not RunState.MISSING
        found += [folder] if is_run else index.runs_in(folder) or [folder]
    return found


def _row(summary: RunSummary) -> tuple[str, ...]:
    total = f"/{summary.total_steps:,}" if summary.total_steps else ""
    best = "" if summary.best_val_loss is None else f"{summary.best_val_loss:.4f} at {summary.best_step or 0:,}"
    data = summary.data[0] + (f" +{len(summary.data) - 1}" if len(summary.data) > 1 else "") if summary.data else ""
    model = summary.model or str(summary.config.get("preset") or "")
    age = age_text(time.time() - summary.started) if summary.started else ""
    state, silent = summary.status.state.value, summary.status.silent_minutes
    state += f" (no sign of life for {duration_text(60 * silent)})" if silent else ""
    return summary.name, state, f"{summary.step:,}{total}", best, model, data, age


def _as_dict(summary: RunSummary) -> dict[str, Any]:
    return {**dataclasses.asdict(summary), "folder": str(summary.folder)}


def keep(arguments: argparse.Namespace) -> None:
    model = export(arguments.run_folder, arguments.name, arguments.checkpoint)
    if arguments.json:
        print_json({**dataclasses.asdict(model), "folder": str(model.folder)})
        return
    step = "" if model.step is None else f", step {model.step:,}"
    print(f"{model.name} is in {model.folder} ({model.checkpoint} checkpoint{step}, {size_text(model.bytes)})")
