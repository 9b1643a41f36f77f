"""Checkpoints of a run: a whole model folder, and beside it what the trainer needs to go on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch

from . import checkpoint
from .errors import TrainingError
from .run import RunFolder


def save_checkpoint(model: checkpoint.Model, folder: Path, trainer_state: dict | None = None) -> None:
    """Writes a checkpoint beside `folder`, then puts it in its place; the old one stays until then."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    checkpoint.save(model, fresh)
    if trainer_state is not None:
        try:
            with open(fresh / "trainer.pt", "wb") as target:
                torch.save(trainer_state, target)
                target.flush()
                os.fsync(target.fileno())
        except (OSError, RuntimeError) as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise TrainingError(
                f"The checkpoint could not be written: {error}.",
                "Free some disk space and resume; the checkpoint before is intact.",
            ) from error
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load_trainer_state(run: RunFolder) -> dict | None:
    """State of the last whole checkpoint, or None if the run stopped before its first."""
    run.description()
    old = run.last.with_name(run.last.name + ".old")
    if not run.last.exists() and old.exists():  # stopped between the two renames
        old.rename(run.last)
    if not (run.last / "trainer.pt").exists():
        return None
    try:
        return torch.load(run.last / "trainer.pt", map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(
            f"The checkpoint {run.last} is damaged.", "Start a new run from checkpoints/best with --model."
        ) from error
