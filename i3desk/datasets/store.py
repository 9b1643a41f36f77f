"""The user's own sets of training data: a folder each, which is also what a run is trained on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3core.errors import I3Error
from i3core.system import recently_deleted
from i3core.system.disk_space import write_remedy
from i3core.system.files import free_folder, replaced
from i3core.system.folder_names import LONGEST, check_folder_name
from i3desk.language import tr
from i3desk.workers.background import BackgroundJobs

TABLE, TEXT = "table.jsonl", "text.txt"  # the file in the folder
Content = Callable[[], str]


@dataclass
class OwnSet:
    """A set: a table of questions and answers, or a text.

    Attributes:
        folder: where it is; its name is that of the set.
        is_table: whether it is a table.
        size: of its content in bytes, when it was last read or written.
    """

    folder: Path
    is_table: bool = True
    size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _version: int = field(default=0, repr=False, compare=False)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def file(self) -> Path:
        return self.folder / (TABLE if self.is_table else TEXT)

    def write(self, version: int, content: str) -> None:
        """Replace the content, unless a newer version is written already. Raises I3Error."""
        with self._lock:
            if version > self._version:
                with replaced(self.file, make_folder=False) as temporary:
                    temporary.write_bytes(data := content.encode("utf-8", "replace"))
                self._version, self.size = version, len(data)

    def rename(self, name: str) -> None:
        """Give it another name. Raises I3Error if that is taken or impossible."""
        with self._lock:
            if name.lower() != self.name.lower():
                check_folder_name(name, "set", _names(self.folder.parent))
            else:
                check_folder_name(name, "set")
            target = self.folder.with_name(name)
            try:
                self.folder.rename(target)
            except OSError as error:
                raise I3Error(
                    tr("{name} cannot be renamed: {strerror}.").format(name=self.name, strerror=error.strerror or error)
                ) from error
            self.folder = target


class DatasetStore(QObject):
    """All sets in a folder. Files are read and written in the background.

    Attributes:
        folder: the folder of the sets.
        sets: the sets that were found, by name.
    Signals:
        changed: Emitted when `sets` changed.
        written(folder): Emitted when the content of a set is on the disk.
        renamed(old, new): Emitted with the folders of a set that was renamed.
        deleted(folder): Emitted when a set was deleted; it can be restored for 30 days.
        failed(what, remedy): Emitted if something could not be read or written.
    """

    changed = Signal()
    written = Signal(str)
    renamed = Signal(str, str)
    deleted = Signal(str)
    failed = Signal(str, str)

    def __init__(self, folder: Path, background: BackgroundJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.sets: tuple[OwnSet, ...] = ()
        self._background = background
        self._versions = 0

    @Slot()
    def refresh(self) -> None:
        """Look for the sets."""
        self._background.run(partial(_find, self.folder), self._on_found, self._on_failed)

    def find(self, folder: str | Path) -> OwnSet | None:
        """The set in a folder."""
        return next((each for each in self.sets if each.folder == Path(folder)), None)

    def create(self, name: str, is_table: bool) -> OwnSet:
        """Make an empty set, called `name` or similar. Raises I3Error if the disk refuses."""
        kept = "".join(letter for letter in name if letter.isalnum() or letter in " -_.,'&()")
        kept = kept.encode()[: LONGEST - 8].decode(errors="ignore").strip(" .-")
        try:
            check_folder_name(kept, "set")
        except I3Error:
            kept = tr("my answers") if is_table else tr("my text")
        taken = {each.lower() for each in _names(self.folder)}
        folder = free_folder(self.folder, kept, {self.folder / kept} if kept.lower() in taken else ())
        made = OwnSet(folder, is_table)
        try:
            folder.mkdir(parents=True)
            made.file.touch()
        except OSError as error:
            raise I3Error(
                tr("{folder} cannot be made: {strerror}.").format(folder=folder, strerror=error.strerror or error),
                write_remedy(error),
            ) from error
        self._show([*self.sets, made])
        return made

    def read(
        self, own: OwnSet, parse: Callable[[Path], object], done: Callable[[object], None], failed: Callable[[], None]
    ) -> None:
        """Read a set in the background; `done` gets what `parse` makes of its file."""

        def on_failed(error: I3Error) -> None:
            self._on_failed(error)
            failed()

        self._background.run(lambda: parse(own.file), done, on_failed)

    def write(self, own: OwnSet, content: Content) -> None:
        """Save a set in the background; `content` is called there."""
        version = self._next_version()
        self._background.run(
            lambda: own.write(version, content()), lambda _: self.written.emit(str(own.folder)), self._on_failed
        )

    def write_now(self, own: OwnSet, content: str) -> None:
        """Save a set before the program or the editor closes."""
        try:
            own.write(self._next_version(), content)
        except I3Error as error:
            self._on_failed(error)
        else:
            self.written.emit(str(own.folder))

    def rename(self, own: OwnSet, name: str) -> None:
        """Rename a set. Raises I3Error if that is impossible."""
        old = str(own.folder)
        own.rename(name)
        self._show(self.sets)
        self.renamed.emit(old, str(own.folder))

    def delete(self, own: OwnSet) -> None:
        """Move a set to the recently deleted ones; an empty one is only removed."""
        try:
            if own.size:
                recently_deleted.set_aside(own.folder)
            else:
                own.file.unlink(missing_ok=True)
                own.folder.rmdir()
        except I3Error as error:
            self._on_failed(error)
            return
        except OSError as error:
            self.failed.emit(
                tr("{folder} cannot be deleted: {strerror}.").format(
                    folder=own.folder, strerror=error.strerror or error
                ),
                tr("Close what uses it."),
            )
            return
        self._show(each for each in self.sets if each is not own)
        self.deleted.emit(str(own.folder))

    def _next_version(self) -> int:
        self._versions += 1
        return self._versions

    def _show(self, sets: Iterable[OwnSet]) -> None:
        self.sets = tuple(sorted(sets, key=lambda each: each.name.lower()))
        self.changed.emit()

    def _on_found(self, found: list[OwnSet]) -> None:
        known = {each.folder: each for each in self.sets}  # one that is being edited stays the same object
        self._show(known.get(each.folder, each) for each in found)

    def _on_failed(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:  # there is none yet
        return []


def _find(folder: Path) -> list[OwnSet]:
    found = []
    for name in _names(folder):
        for is_table in (True, False):
            own = OwnSet(folder / name, is_table)
            if not name.startswith(".") and own.file.is_file():
                own.size = own.file.stat().st_size
                found.append(own)
                break
    return found
