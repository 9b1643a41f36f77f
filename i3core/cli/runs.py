"""`i3core runs`: the training runs of this computer, or those in the folders named."""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..runs import index
from ..runs.reader import RunState, RunSummary, read_summary
from ..training.export import CHECKPOINTS, export
from .output import print_json

if TYPE_CHECKING:
    pass


def add_runs(commands: Any) -> None:
    """Adds the command to what `ArgumentParser.add_subparsers` gave."""
    text = "the training runs of this computer: how far they are, and how good"
    parser: argparse.ArgumentParser = commands.add_parser("runs", help=text, description=text)
    parser.set_defaults(run=runs)
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER",
        help="run folders, or folders that hold some (default: all runs that this computer knows of)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the result as one JSON line")


def runs(arguments: argparse.Namespace) -> None:
    found = [read_summary(folder) for folder in _folders(arguments.folders)]
    if arguments.json:
        print_json({"runs": [_as_dict(summary) for summary in found]})
        return
    if not found:
        print("There are no training runs yet. `i3core train` makes one.")
        return
    rows = [("name", "state", "steps", "best", "model", "data", "age"), *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    for summary in found:
        if summary.status.error:
            print(f"i3core: warning: {summary.name}: {summary.status.error}", file=sys.stderr)


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
    age = _age(time.time() - summary.started) if summary.started else ""
    return summary.name, summary.status.state.value, f"{summary.step:,}{total}", best, model, data, age


def _age(seconds: float) -> str:
    """Such as "5 min", "3 h" or "12 days"."""
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (name == "min" and seconds >= 60):
            return f"{int(seconds // size)} {name}"
    return "now"


def _as_dict(summary: RunSummary) -> dict[str, Any]:
    return {**dataclasses.asdict(summary), "folder": str(summary.folder)}


def add_keep(commands: Any) -> None:
    text = "make a model of a training run, under a name"
    sub = commands.add_parser("keep", help=text, description=text)
    sub.set_defaults(run=keep)
    sub.add_argument("run_folder", metavar="RUN", help="run folder; the run may still go on")
    sub.add_argument("name", metavar="NAME", help="what to call the model")
    sub.add_argument(
        "--checkpoint", choices=CHECKPOINTS, help="which one (default: best, or last for a run without validation)"
    )
    sub.add_argument("--json", action="store_true", help="print the result as one JSON line")


def keep(arguments: argparse.Namespace) -> None:
    kept = export(arguments.run_folder, arguments.name, arguments.checkpoint)
    if arguments.json:
        print_json({**dataclasses.asdict(kept), "folder": str(kept.folder)})
        return
    step = "" if kept.step is None else f", step {kept.step:,}"
    print(f"{kept.name} is in {kept.folder} ({kept.checkpoint} checkpoint{step}, {kept.bytes / 1e6:.1f} MB)")
