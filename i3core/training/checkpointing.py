"""Checkpoints of a run: a model or adapter folder, and trainer.pt with the state needed to continue.

While the checkpoint NAME is replaced, there may also be NAME.new (incomplete, never read) and NAME.old (the previous
one). If NAME is missing, NAME.old is complete: `checkpoint.find_model` reads it, and the next writer restores it. So a
run that is killed or loses power at any moment leaves a checkpoint that loads.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import torch

from ..checkpoints import checkpoint
from ..checkpoints.adapter_config import CONFIG_FILE, is_adapter
from ..errors import I3Error, TrainingError
from ..runs.folder import RunFolder
from ..system.files import read_json, sync, write_json

INTACT = "Free some disk space and --resume; the previous checkpoint is intact."


def save_checkpoint(model: checkpoint.Model, folder: Path, trainer_state: dict | None = None) -> None:
    """Write a checkpoint beside `folder`, then replace `folder` with it.

    The "step" in the model's details is also written into an adapter's adapter_config.json, which has no details.

    Raises TrainingError if it cannot be written; the previous checkpoint is intact, and nothing else is left.
    """
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    try:
        _tidy(folder)
        fresh.mkdir()
        checkpoint.save(model, fresh, make_folder=False)
        if is_adapter(fresh) and "step" in model.details:
            write_json(fresh / CONFIG_FILE, read_json(fresh / CONFIG_FILE) | {"step": model.details["step"]})
        if trainer_state is not None:
            with open(fresh / "trainer.pt", "wb") as target:
                torch.save(trainer_state, target)
            sync(fresh / "trainer.pt")
        sync(fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        sync(folder.parent)  # before the old one is removed
        shutil.rmtree(old, ignore_errors=True)
    except (I3Error, OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            _tidy(folder)
        if isinstance(error, I3Error):
            by_disk = error.__cause__ is not None  # not by the content
            raise TrainingError(error.what, INTACT if by_disk else error.remedy) from error
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise TrainingError(f"The checkpoint {folder} could not be written: {reason}.", INTACT) from error


def load_trainer_state(run: RunFolder) -> dict | None:
    """Load trainer.pt of the last checkpoint; None if the run stopped before its first one.

    Restores a checkpoint that a killed run had set aside and removes incomplete ones.
    """
    run.description()
    for folder in (run.last, run.best):
        _tidy(folder)
    if not (run.last / "trainer.pt").exists():
        return None
    try:
        return torch.load(run.last / "trainer.pt", map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(
            f"The checkpoint {run.last} is damaged.", "Start a new run from checkpoints/best with --model."
        ) from error


def _tidy(folder: Path) -> None:
    """Restore `folder` from its .old copy if it is missing, then remove the .old and .new copies."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    if not folder.exists() and old.exists():
        old.rename(folder)
        sync(folder.parent)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
