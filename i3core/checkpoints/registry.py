"""Registry of models on this computer: bundled and downloaded ones, found by path or name. Needs no torch."""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ..errors import CheckpointError, I3Error
from ..runs.folder import PARTS, RunFolder
from ..system import assets, recently_deleted
from ..system.files import read_json
from ..system.recently_deleted import DeletedFolder
from . import adapter_config
from .weights import has_weights, is_weight_file, iteration, weights_paths

PARTIAL = ".partial"  # suffix of a folder whose download is not complete
SUGGESTED = {"i3-80m": "FlameF0X/i3-80m", "i3-200m": "FlameF0X/i3-200m-v2"}  # short names of repositories on the hub
DOWNLOAD_FILE = ".download.json"  # in such a folder: what is being downloaded
_DELETED = ".deleted-"


@dataclass(frozen=True)
class InterruptedDownload:
    """An incomplete download that can be resumed.

    Attributes:
        name: name of the model.
        repo, revision: what to request to resume.
        folder: folder of the files so far.
        done_bytes, total_bytes: of all files.
    """

    name: str
    repo: str
    revision: str
    folder: Path
    done_bytes: int
    total_bytes: int


def models_folder() -> Path:
    """Folder of downloaded models; the environment variable I3DESK_MODELS names another."""
    named = os.environ.get("I3DESK_MODELS")
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("i3desk", appauthor=False)) / "models"


def downloaded(models: Path | None = None) -> dict[str, Path]:
    """Map names to folders of the models in the models folder."""
    return {
        folder.name: folder
        for folder in _folders_in(models or models_folder())
        if not folder.name.endswith(PARTIAL) and is_model_folder(folder)
    }


def interrupted(models: Path | None = None) -> list[InterruptedDownload]:
    """List incomplete downloads that can be resumed."""
    found = []
    for folder in _folders_in(models or models_folder()):
        if not folder.name.endswith(PARTIAL):
            continue
        try:
            content = read_json(folder / DOWNLOAD_FILE)
            repo, revision, total = str(content["repo"]), str(content["revision"]), int(content["total_bytes"])
            done = sum(p.stat().st_size for p in folder.iterdir() if p.is_file() and p.name != DOWNLOAD_FILE)
        except (I3Error, OSError, KeyError, TypeError, ValueError, OverflowError):
            continue  # interrupted before anything was known
        name = folder.name.removesuffix(PARTIAL)
        found.append(InterruptedDownload(name, repo, revision, folder, min(done, total), total))
    return found


def _folders_in(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:  # there is none yet, or it cannot be read
        return []


def known() -> dict[str, Path]:
    """Map names to folders of all named models; a bundled one comes before a downloaded one of the same name."""
    return downloaded() | assets.models()


def is_model_folder(path: str | Path) -> bool:
    """Whether a path looks like a model: a complete one, an adapter, or a run that has a checkpoint."""
    folder = Path(path)
    try:
        return is_run(folder) or _has_weights(folder)
    except OSError:  # a folder that cannot be read
        return False


def is_run(folder: Path) -> bool:
    """Whether this is the folder of a training run with a checkpoint."""
    try:
        return (folder / "run.json").is_file() and _checkpoint(folder) is not None
    except OSError:  # a folder that cannot be read
        return False


def _has_weights(folder: Path) -> bool:
    return adapter_config.is_adapter(folder) or has_weights(folder)


def _checkpoint(run: Path) -> Path | None:
    """The best checkpoint of a run, or the last one; a killed run may have left either as .old."""
    names = ("best", "best.old", "last", "last.old")
    return next((path for name in names if (path := run / "checkpoints" / name).is_dir()), None)


def run_of(folder: str | Path) -> Path:
    """The run of a checkpoint's folder; any other folder as it is."""
    folder = Path(folder)
    run = folder.parent.parent
    is_checkpoint = folder.parent.name == "checkpoints" and folder.name.removesuffix(".old") in ("best", "last")
    return run if is_checkpoint and (run / "run.json").is_file() else folder


def find(path_or_name: str | Path | None) -> Path:
    """Find a model folder by path or name; the bundled model for None.

    A run folder stands for its best checkpoint. Raises CheckpointError if there is no such model.
    """
    if path_or_name is None:
        bundled = assets.models()
        if assets.BUNDLED_MODEL not in bundled:
            raise CheckpointError(
                "The bundled model is missing from this installation.", "Install i3desk again or name a model folder."
            )
        return bundled[assets.BUNDLED_MODEL]
    path = Path(path_or_name).expanduser()
    if os.path.isdir(path):  # unlike Path.is_dir, also for a name that no file can have
        return (_checkpoint(path) if is_run(path) else None) or path
    names = known()
    if str(path_or_name) in names:
        return names[str(path_or_name)]
    if os.path.isfile(path) and (is_weight_file(path.name) or path.name == adapter_config.WEIGHT_FILE):
        if iteration(path.name) is not None and weights_paths(path.parent) != [path]:
            raise CheckpointError(
                f"{path.parent} holds other weights too, and {path.name} would not be the ones that are read.",
                "Copy it to a folder of its own, with the vocabulary.",
            )
        return path.parent
    set_aside = path.with_name(path.name + ".old")  # a run ended while it was replacing this checkpoint
    if path.parent.name == "checkpoints" and os.path.isdir(set_aside):
        return set_aside
    raise CheckpointError(
        f"There is no model folder {str(path_or_name)!r}.",
        f"Give the path of a folder with config.json and weights, or one of: {', '.join(sorted(names)) or 'none'}.",
    )


def delete(folder: str | Path, models: Path | None = None) -> None:
    """Permanently delete a downloaded model, an unfinished download or a run folder.

    The folder is renamed first, so that it exists as a whole or not at all.

    Raises:
        CheckpointError: the folder is neither, or the disk refuses; then it is unchanged.
        TrainingError: the run is not finished.
    """
    folder = _deletable(folder, models)
    aside = folder.with_name(f".{folder.name}{_DELETED}{uuid.uuid4().hex[:8]}")
    try:
        folder.rename(aside)
    except OSError as error:
        raise CheckpointError(
            f"{folder} cannot be deleted: {error.strerror or error}.",
            "Close programs that use it, or change its permissions.",
        ) from error
    for leftover in (aside, *folder.parent.glob(f".*{_DELETED}*")):  # also of an interrupted deletion
        shutil.rmtree(leftover, ignore_errors=True)
    if aside.exists():
        raise CheckpointError(
            f"{folder} is deleted, but some of its files could not be removed.", f"They are in {aside}."
        )


def set_aside(folder: str | Path, models: Path | None = None, runs: Path | None = None) -> DeletedFolder:
    """Delete a downloaded model or a run so that it can be restored for 30 days.

    Args:
        runs: the runs folder, which keeps the deleted runs inside it.

    Raises the errors of `delete`, and I3Error.
    """
    folder = _deletable(folder, models)
    is_inside = runs is not None and folder.is_relative_to(runs.resolve())
    return recently_deleted.set_aside(folder, runs.resolve() if runs is not None and is_inside else None)


def _deletable(folder: str | Path, models: Path | None) -> Path:
    """The resolved folder, if it may be deleted; see `delete`."""
    folder = Path(folder)
    if folder.is_symlink():
        raise CheckpointError(f"{folder} is a link to another folder.", "Remove it with your file manager.")
    folder = folder.resolve()
    models = (models or models_folder()).resolve()
    if not folder.is_dir():
        raise CheckpointError(f"There is no folder {folder}.", "It may have been deleted or moved already.")
    if (folder / "run.json").is_file() and folder.parent != models:
        _check_run(folder)
    elif folder.parent != models or not (folder.name.endswith(PARTIAL) or is_model_folder(folder)):
        raise CheckpointError(
            f"{folder} is not a downloaded model or a training run; it was not deleted.",
            f"Only folders in {models} and run folders are deleted from here; use your file manager.",
        )
    return folder


def _check_run(folder: Path) -> None:
    """Raise unless `folder` holds a run that is not running, and nothing else."""
    foreign = [p.name for p in folder.iterdir() if p.name not in PARTS and not p.name.startswith(".")]
    if foreign:
        raise CheckpointError(
            f"{folder} holds other files than those of a training run ({foreign[0]}); it was not deleted.",
            "Move them away first.",
        )
    RunFolder(folder).refuse_if_running()
