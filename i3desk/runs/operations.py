"""Operations on run folders other than training: notes, the queue, deleting. For the background thread."""

from __future__ import annotations

from pathlib import Path

import psutil

from i3core.checkpoints import registry
from i3core.errors import I3Error, TrainingError
from i3core.runs import index
from i3core.runs.folder import PARTS
from i3core.runs.reader import RunState
from i3core.system import recently_deleted
from i3core.system.files import read_json, write_json
from i3desk.language import tr
from i3desk.runs import launcher, queue
from i3desk.runs.queue import NOTES_FILE, QueueEntry


def enqueue(folder: Path, waiting: QueueEntry) -> None:
    """Queue a run that ended. Raises TrainingError if it is alive or gone."""
    state = launcher.read_status(folder).state
    if state is RunState.MISSING:
        raise TrainingError(
            tr("The run folder {folder} is gone.").format(folder=folder), tr("It was deleted or moved.")
        )
    if state.is_alive:
        raise TrainingError(tr("This run is still running."), tr("Stop it first, or let it finish."))
    queue.write(folder, waiting)


def leave_queue(folder: Path) -> Path | None:
    """Take a run out of the queue. A run that never started is deleted, and its folder is returned.

    It can be restored for 30 days, to the queue. Raises TrainingError if it has been started.
    """
    if launcher.read_status(folder).state is not RunState.QUEUED:
        raise TrainingError(tr("This run is no longer in the queue."), tr("Stop it if you do not want it."))
    if (folder / "run.json").exists() or (folder / "status.json").exists():
        queue.remove(folder)
        return None
    _check_unstarted(folder)
    recently_deleted.set_aside(folder)
    index.forget(folder)
    return folder


def kill(folder: Path) -> None:
    """End the trainer at once. Raises TrainingError if that fails."""
    status = launcher.read_status(folder)
    pid = status.pid or launcher.find_trainer(folder)
    if not status.state.is_alive or not pid:
        raise TrainingError(tr("This run is not running."), tr("There is nothing to end."))
    try:
        process = psutil.Process(pid)
        process.kill()
        process.wait(5)
    except psutil.NoSuchProcess:
        pass
    except psutil.Error as error:
        raise TrainingError(tr("The training process {pid} could not be ended.").format(pid=pid), str(error)) from error


def change_notes(folder: Path, **changes: str) -> None:
    """Change the user's "name" or "note" of a run."""
    if not folder.is_dir():
        raise TrainingError(
            tr("The run folder {folder} is gone.").format(folder=folder), tr("It was deleted or moved.")
        )
    try:
        notes = read_json(folder / NOTES_FILE)
        notes = notes if isinstance(notes, dict) else {}
    except I3Error:  # none yet, or damaged
        notes = {}
    write_json(folder / NOTES_FILE, {"name": "", "note": ""} | notes | changes)


def delete(folder: Path, runs_folder: Path) -> Path:
    """Delete a run; returns its folder. It can be restored for 30 days.

    Raises I3Error if it is alive or cannot be deleted.
    """
    if launcher.read_status(folder).state.is_alive:
        raise TrainingError(tr("This run is still running."), tr("Stop it first, or let it finish."))
    if (folder / "run.json").is_file():
        registry.set_aside(folder, runs=runs_folder)
    else:  # it was only queued
        _check_unstarted(folder)
        recently_deleted.set_aside(folder)
    index.forget(folder)
    return folder


def _check_unstarted(folder: Path) -> None:
    """Raise unless this is the folder of a run that was only queued, with nothing else in it."""
    if not folder.is_dir() or folder.is_symlink():
        raise TrainingError(
            tr("There is no run folder {folder}.").format(folder=folder),
            tr("It may have been deleted or moved already."),
        )
    foreign = [path.name for path in folder.iterdir() if path.name not in PARTS and not path.name.startswith(".")]
    if foreign:
        raise TrainingError(
            tr("{folder} contains other files than those of a training run ({foreign}); it was not deleted.").format(
                folder=folder, foreign=foreign[0]
            ),
            tr("Move them away first."),
        )


def forget(folder: Path) -> None:
    """Take a run outside the runs folder off the list."""
    index.forget(folder)
