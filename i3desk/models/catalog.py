"""The models on this computer: bundled, downloaded, the user's own folders, fine-tuned.

Folders are read in the background. An entry holds the facts of its model, or the error that it cannot be read.
"""

from __future__ import annotations

import enum
import itertools
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.checkpoints import registry
from i3core.checkpoints.model_info import ModelInfo, inspect
from i3core.checkpoints.user_notes import write_notes
from i3core.errors import I3Error
from i3core.system import assets
from i3desk.paths import Paths
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.torch_import import import_torch

MOST_RECENT = 8


class Origin(enum.Enum):
    """Origins of models, in the order in which the page shows them."""

    BUNDLED = "bundled"
    DOWNLOADED = "downloaded"
    OWN = "yours"
    FINE_TUNED = "fine-tuned"


@dataclass(frozen=True)
class Entry:
    """One model folder.

    Attributes:
        facts: what the folder holds; None if it is not read yet or cannot be read.
        what, remedy: why it cannot be read; empty if it can.
        mark: what tells it from another model of the same name; "" if there is none.
    """

    folder: Path
    origin: Origin
    facts: ModelInfo | None = None
    what: str = ""
    remedy: str = ""
    mark: str = ""

    @property
    def is_kept(self) -> bool:
        """True if the user made it of a training run."""
        return self.facts is not None and self.facts.kept is not None

    @property
    def is_trained_here(self) -> bool:
        """True for a run, or a model that the user made of one."""
        return self.is_kept or (self.facts is not None and self.facts.kind == "run")

    @property
    def name(self) -> str:
        """Name of the model, which no other one in the list has."""
        name = self.facts.name if self.facts else self.folder.name
        return f"{name} · {self.mark}" if self.mark else name


def bundled_folder() -> Path | None:
    """Folder of the bundled model, for which None stands elsewhere."""
    return assets.models().get(assets.BUNDLED_MODEL)


def absolute(path: str | Path) -> Path:
    """Absolute path with one spelling for each model: a run's checkpoint is the run."""
    return registry.run_of(Path(os.path.abspath(os.path.expanduser(path))))


def distinct(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, of which no two have one name: the later ones are marked by the time of their run, or a number."""
    made: list[Entry] = []
    taken: set[str] = set()
    for entry in entries:
        training = entry.facts.training if entry.facts else None
        date = time.strftime("%d %b %H:%M", time.localtime(training.started)) if training and training.started else ""
        marks = itertools.chain(["", *filter(None, [date])], (f"{date} ({n})".strip() for n in itertools.count(2)))
        entry = next(each for mark in marks if (each := replace(entry, mark=mark)).name.lower() not in taken)
        taken.add(entry.name.lower())
        made.append(entry)
    return made


def find_folders(paths: Paths, own: Iterable[str], recent: Iterable[str]) -> list[tuple[Path, Origin]]:
    """All model folders, each once: by origin, then recently used ones first, then by name."""
    found = dict.fromkeys(assets.models().values(), Origin.BUNDLED)
    for folder in registry.downloaded(paths.models_folder).values():
        found.setdefault(folder, Origin.DOWNLOADED)
    for folder in _runs_in(paths.runs_folder):
        found.setdefault(folder, Origin.FINE_TUNED)
    for folder in map(absolute, own):
        found.setdefault(folder, Origin.OWN)
    used = {absolute(folder): rank for rank, folder in enumerate(recent)}
    for folder in used:
        if os.path.isdir(folder):
            found.setdefault(folder, Origin.OWN)
    order = list(Origin)
    return sorted(
        found.items(), key=lambda item: (order.index(item[1]), used.get(item[0], MOST_RECENT), item[0].name.lower())
    )


def _runs_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if registry.is_run(path)]
    except OSError:  # it does not exist yet
        return []


def read_folder(folder: Path) -> ModelInfo:
    """Read a model folder; may take seconds. Raises I3Error if it is damaged or not a model."""
    if any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
        import_torch(lambda: False)  # sizes are in the pickle; this import does not block the window
    return inspect(folder)


class Catalog(QObject):
    """The list of models; `refresh` fills it.

    Attributes:
        entries: the models found so far.
        own_folders, recent_models: folders to save between two starts; recent ones newest first.
    Signals:
        changed: Emitted when `entries` changed.
        saved_changed: Emitted when `own_folders` or `recent_models` changed.
        added(folder): Emitted when a folder that the user named is in the list.
        failed(what, remedy): Emitted if such a folder is not a model.
        deleted(folder): Emitted when a model is deleted.
        delete_failed(folder, what, remedy): Emitted if it cannot be deleted.
    """

    changed = Signal()
    saved_changed = Signal()
    added = Signal(str)
    failed = Signal(str, str)
    deleted = Signal(str)
    delete_failed = Signal(str, str, str)

    def __init__(
        self,
        paths: Paths,
        background: BackgroundJobs,
        own_folders: Iterable[str] = (),
        recent_models: Iterable[str] = (),
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []
        self.own_folders = tuple(str(absolute(folder)) for folder in own_folders)
        self.recent_models = tuple(str(absolute(folder)) for folder in recent_models)[:MOST_RECENT]
        self._paths = paths
        self._background = background
        self._jobs: list[int] = []

    @property
    def reading(self) -> bool:
        """Whether folders are still being read."""
        return bool(self._jobs)

    def entry(self, folder: str | Path | None) -> Entry | None:
        """Entry of a folder; None stands for the bundled model."""
        wanted = bundled_folder() if folder is None else absolute(folder)
        return next((entry for entry in self.entries if entry.folder == wanted), None)

    def recent(self) -> list[Entry]:
        """Readable models that were used, newest first."""
        known = {str(entry.folder): entry for entry in self.entries if entry.facts}
        return [known[folder] for folder in self.recent_models if folder in known]

    @Slot()
    def refresh(self) -> None:
        """Read all folders again, in the background."""
        for job in self._jobs:
            self._background.forget(job)
        work = partial(find_folders, self._paths, self.own_folders, self.recent_models)
        self._jobs = [self._background.run(work, self._on_found)]

    def add_folder(self, path: str | Path) -> None:
        """Add a folder that the user named, or the folder of a file, if it holds a model."""
        self._background.run(partial(_check_new, path), self._on_checked, self._on_refused)

    def remove(self, folder: str | Path) -> None:
        """Remove one of the user's own folders from the list; its files are kept."""
        name = str(absolute(folder))
        self._save(
            tuple(each for each in self.own_folders if each != name),
            tuple(each for each in self.recent_models if each != name),
        )
        self.entries = [entry for entry in self.entries if str(entry.folder) != name or entry.origin is not Origin.OWN]
        self._restart_reading()
        self._set(self.entries)

    def annotate(self, folder: str | Path, name: str | None = None, note: str | None = None) -> None:
        """Change the name or the note of a downloaded or kept model, in the background."""
        path = absolute(folder)
        work = partial(write_notes, path, name, note)
        self._background.run(work, lambda _: self.refresh(), partial(self._on_not_deleted, path))

    def delete(self, folder: str | Path) -> None:
        """Delete a downloaded or fine-tuned model, in the background; it can be restored for 30 days."""
        path = absolute(folder)
        work = partial(registry.set_aside, path, self._paths.models_folder, self._paths.runs_folder)
        self._background.run(work, partial(self._on_deleted, path), partial(self._on_not_deleted, path))

    def remember_used(self, folder: str | Path | None) -> None:
        """Remember that a model was loaded; None stands for the bundled one."""
        path = bundled_folder() if folder is None else absolute(folder)
        if path is not None:
            others = (each for each in self.recent_models if each != str(path))
            self._save(self.own_folders, (str(path), *others)[:MOST_RECENT])
            if self.entries and self.entry(path) is None:
                self.refresh()

    def _save(self, own_folders: tuple[str, ...], recent_models: tuple[str, ...]) -> None:
        if (own_folders, recent_models) != (self.own_folders, self.recent_models):
            self.own_folders, self.recent_models = own_folders, recent_models
            self.saved_changed.emit()

    def _set(self, entries: Iterable[Entry]) -> None:
        self.entries = distinct(entries)
        self.changed.emit()

    def _restart_reading(self) -> None:
        """Read again if folders are being read: the result of the old list would undo the change."""
        if self.reading:
            self.refresh()

    def _on_found(self, found: list[tuple[Path, Origin]]) -> None:
        # Known facts are kept until the folder is read again, so that the page does not flicker.
        known = {entry.folder: entry for entry in self.entries}
        entries = [
            replace(known[folder], origin=origin) if folder in known else Entry(folder, origin)
            for folder, origin in found
        ]
        self._jobs = [
            self._background.run(
                partial(read_folder, folder), partial(self._on_read, folder), partial(self._on_unreadable, folder)
            )
            for folder, _ in found
        ]
        self._set(entries)

    def _on_read(self, folder: Path, facts: ModelInfo) -> None:
        self._replace(folder, facts)

    def _on_unreadable(self, folder: Path, error: I3Error) -> None:
        self._replace(folder, None, error.what, error.remedy)

    def _replace(self, folder: Path, facts: ModelInfo | None, what: str = "", remedy: str = "") -> None:
        self._jobs.pop(0)  # jobs end in the order in which they started
        self.entries = [
            replace(entry, facts=facts, what=what, remedy=remedy) if entry.folder == folder else entry
            for entry in self.entries
        ]
        self._set(self.entries)

    def _on_checked(self, facts: ModelInfo) -> None:
        folder = absolute(facts.folder)
        if self.entry(folder) is None:
            self.entries = [*self.entries, Entry(folder, Origin.OWN, facts)]
            self._save((*self.own_folders, str(folder)), self.recent_models)
            self._restart_reading()
            self._set(self.entries)
        self.added.emit(str(folder))

    def _on_refused(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)

    def _on_deleted(self, folder: Path, _aside: object) -> None:
        self.entries = [entry for entry in self.entries if entry.folder != folder]
        self._save(self.own_folders, tuple(each for each in self.recent_models if each != str(folder)))
        self.changed.emit()
        self.deleted.emit(str(folder))

    def _on_not_deleted(self, folder: Path, error: I3Error) -> None:
        self.delete_failed.emit(str(folder), error.what, error.remedy)


def _check_new(path: str | Path) -> ModelInfo:
    folder = absolute(path)
    if os.path.isfile(folder):
        folder = folder.parent
    return replace(read_folder(folder), folder=folder)
