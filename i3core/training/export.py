"""Export a checkpoint of a run as a complete model into the user's models folder.

This works while the run is running. It copies files and needs no torch, except for an adapter, which is merged.
"""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..checkpoints import adapter_config, registry
from ..checkpoints.checksums import write_checksums
from ..checkpoints.model_info import inspect
from ..checkpoints.weights import tokenizer_path, weights_paths
from ..errors import CheckpointError, ConfigError, I3Error
from ..net.dataset_name import display_name
from ..runs.folder import RunFolder
from ..runs.reader import read_status, read_summary
from ..system import assets
from ..system.disk_space import write_remedy
from ..system.files import read_json, sync, write_json
from ..system.folder_names import check_folder_name

CHECKPOINTS = ("best", "last")
_UNFINISHED = ".keeping-"
_TRIES, _PAUSE_S = 20, 0.1  # a checkpoint is replaced within milliseconds
_LEFT_BEHIND_S = 3600  # no export takes that long


@dataclass(frozen=True)
class ExportedModel:
    """A model exported from a run.

    Attributes:
        checkpoint: "best" or "last".
        step: steps it was trained for; None if unknown.
        bytes: size of its files.
    """

    folder: Path
    name: str
    checkpoint: str
    step: int | None
    bytes: int


@dataclass(frozen=True)
class _Source:
    """A checkpoint on disk.

    Two are equal only if it was not replaced in between.
    """

    folder: Path
    checkpoint: str
    identity: tuple[int, int, int]
    step: int | None
    val_loss: float | None


def export(run: str | Path, name: str, checkpoint: str | None = None, models: Path | None = None) -> ExportedModel:
    """Export a checkpoint of a run as the model `name`.

    Args:
        checkpoint: "best" or "last"; by default the best one, or the last of a run without validation.
        models: target folder; by default the user's models folder.

    Raises:
        TrainingError: `run` is not a training run.
        ConfigError: the name is taken, or is no valid folder name.
        CheckpointError: there is no such checkpoint, an adapter's base is missing, or the model cannot be written.
    """
    if checkpoint not in (None, *CHECKPOINTS):
        raise ConfigError(f"There is no checkpoint {checkpoint!r}.", "Choose best or last.")
    run = Path(run).expanduser()
    description = RunFolder(run).description()
    models = models or registry.models_folder()
    folder = models / check_name(name, models)
    fresh = models / f".{name}{_UNFINISHED}{uuid.uuid4().hex[:8]}"
    with _disk_errors(folder):
        models.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(models)
        try:
            source = _copy(run, checkpoint, fresh)
            config = read_json(fresh / "config.json")
            config.pop("step", None)  # marks a checkpoint
            write_json(fresh / "config.json", {**config, **_facts(run, description, source), "name": name})
            write_checksums(fresh)
            for path in fresh.iterdir():
                sync(path)  # before the folder gets its name
            check_name(name, models)  # another one may have been made meanwhile
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        size = sum(path.stat().st_size for path in folder.iterdir())
    return ExportedModel(folder, name, source.checkpoint, source.step, size)


def check_name(name: str, models: Path | None = None) -> str:
    """Check that `name` can be the name of a new model and return it.

    Raises ConfigError with the remedy.
    """
    if name.lower().endswith(registry.PARTIAL):
        raise ConfigError(f"{name!r} has a special meaning here.", "Choose another name.")
    models = models or registry.models_folder()
    taken = set(assets.models()) | ({path.name for path in models.iterdir()} if models.is_dir() else set())
    return check_folder_name(name, "model", taken)


def _copy(run: Path, checkpoint: str | None, fresh: Path) -> _Source:
    """Write a checkpoint into `fresh` as a complete model.

    Start again if the run replaces it meanwhile.
    """
    for attempt in range(_TRIES):
        try:
            source = _find(run, checkpoint)
            shutil.rmtree(fresh, ignore_errors=True)
            _merge(source.folder, fresh) if adapter_config.is_adapter(source.folder) else _copy_files(source, fresh)
            if _find(run, checkpoint) == source:
                with _errors_name(fresh, source.folder):
                    inspect(fresh)
                return source
        except (OSError, CheckpointError) as error:
            # A full disk stays full; a missing checkpoint may be back the next moment.
            is_missing = isinstance(error, (CheckpointError, FileNotFoundError))
            if not is_missing or attempt == _TRIES - 1 or not read_status(run).state.is_alive:
                raise
        time.sleep(_PAUSE_S)
    raise CheckpointError(f"The checkpoints of {run} are replaced too often to copy one.", "Pause the run first.")


def _find(run: Path, checkpoint: str | None) -> _Source:
    """The current checkpoint, which a run may have set aside while replacing it (see checkpointing.py)."""
    kinds = CHECKPOINTS if checkpoint is None else (checkpoint,)
    places = [(kind, run / "checkpoints" / f"{kind}{end}") for kind in kinds for end in ("", ".old")]
    kind, folder = next(((kind, place) for kind, place in places if place.is_dir()), (None, None))
    if folder is None or kind is None:
        which = f"{checkpoint} checkpoint" if checkpoint else "checkpoint"
        remedy = "It is written at the next evaluation or save."
        if checkpoint == "best" and (run / "checkpoints" / "last").is_dir():
            remedy = "It was not evaluated yet, or has no validation data; keep its last checkpoint."
        raise CheckpointError(f"The run {run} has no {which} yet.", remedy)
    is_adapter = adapter_config.is_adapter(folder)
    weights = folder / (adapter_config.WEIGHT_FILE if is_adapter else weights_paths(folder)[0].name)
    about = weights.stat()
    step, val_loss = _step_and_loss(run, folder / (adapter_config.CONFIG_FILE if is_adapter else "config.json"), kind)
    return _Source(folder, kind, (about.st_ino, about.st_size, about.st_mtime_ns), step, val_loss)


def _step_and_loss(run: Path, config: Path, checkpoint: str) -> tuple[int | None, float | None]:
    """Step of a checkpoint, and its validation loss if it is the best one."""
    step, summary = read_json(config).get("step"), read_summary(run)
    if not isinstance(step, int):  # made by a version that did not store it
        step = summary.best_step if checkpoint == "best" else summary.status.saved_step
    return step, summary.best_val_loss if step == summary.best_step else None


def _copy_files(source: _Source, fresh: Path) -> None:
    fresh.mkdir()
    for path in (tokenizer_path(source.folder), *weights_paths(source.folder), source.folder / "config.json"):
        shutil.copyfile(path, fresh / path.name)


def _merge(adapter: Path, fresh: Path) -> None:
    """Write the base model with the adapter merged into its weights."""
    from ..checkpoints.checkpoint import load, save

    save(load(adapter, "cpu", "float32"), fresh)


def _facts(run: Path, description: dict, source: _Source) -> dict[str, Any]:
    """The part of config.json that says where the model comes from."""
    data = description.get("data")
    names = [display_name(str(part.get("file"))) for part in data if isinstance(part, dict)] if data else []
    base = str(description.get("model") or "")
    facts: dict[str, Any] = {"folder": str(run.resolve()), "checkpoint": source.checkpoint}
    if source.step is not None:
        facts["steps"] = source.step
    facts["data"] = names
    if source.val_loss is not None:
        facts["best_val_loss"] = source.val_loss
    facts["kept"] = datetime.now(UTC).isoformat(timespec="seconds")
    steps = "" if source.step is None else f" for {source.step:,} steps"
    origin = f"{Path(base).name}, trained" if base else "Trained from scratch"
    return {"base": base, "run": facts, "description": f"{origin}{steps} on {', '.join(names) or 'own text'}."}


def _remove_leftovers(models: Path) -> None:
    """Remove the leftovers of interrupted exports from `models`."""
    for path in models.glob(f".*{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _errors_name(fresh: Path, checkpoint: Path) -> Iterator[None]:
    """Make errors about the copy name the checkpoint."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(error.what.replace(str(fresh), str(checkpoint)), error.remedy) from error


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Convert errors of the disk to CheckpointError."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"The model {folder} could not be written: {error.strerror or error}.", write_remedy(error)
        ) from error
    except I3Error as error:
        if isinstance(error, (CheckpointError, ConfigError)):
            raise
        raise CheckpointError(error.what, error.remedy) from error
