"""Check the training files: run `i3core data` on one file after the other."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.language import tr
from i3desk.workers.core_process import CoreProcess, plain

LARGE_FILE = 200_000_000  # bytes; of larger ones only the beginning is read
SAMPLE_BYTES = 30_000_000
LOOKED_AT_FILES = 1000


@dataclass(frozen=True)
class DataSource:
    """The state of a file or folder.

    Attributes:
        characters: read so far, while it is being read.
        report: the JSON report of `i3core data`; None until it is read, or if it cannot be read.
        what, remedy: why it cannot be read; empty if it can.
        stamp: size and time of the file when reading started, to detect changes.
    """

    path: str
    stamp: tuple[int, int] | None = None
    characters: int = 0
    report: dict[str, Any] | None = None
    what: str = ""
    remedy: str = ""

    @property
    def is_known(self) -> bool:
        return self.report is not None or bool(self.what)


class DataCheck(QObject):
    """Keeps the state of each file for the current model.

    Signals:
        changed(path): emitted when the state of this file changed.
    """

    changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.sources: dict[str, DataSource] = {}
        self._model, self._options = "", {"loss_on": "assistant"}
        self._current = ""  # the file that the child reads; empty if its report is no longer wanted
        self._open = False
        self._process = CoreProcess(tr("reading of the data"), self)
        self._process.tell(self._on_reported, self._on_finished, self._on_failed)

    def set_model(self, model: str, options: Mapping[str, str]) -> None:
        """Check the files with this model's chunks and these settings of TrainingConfig, as far as they are set."""
        if (model, dict(options)) != (self._model, self._options):
            self._model, self._options = model, dict(options)
            for path in self.sources:
                self.sources[path] = DataSource(path)
                self.changed.emit(path)
            self._drop_current()
            self._start_next()

    def set_files(self, paths: list[str]) -> None:
        """Set the files to check; new ones are read."""
        self.sources = {path: self.sources.get(path) or DataSource(path) for path in paths}
        if self._current and self._current not in self.sources:
            self._drop_current()
        self._start_next()

    def read_again(self, path: str) -> None:
        """Read a file again that changed, or could not be read."""
        self.sources[path] = DataSource(path)
        if path == self._current:
            self._drop_current()
        self.changed.emit(path)
        self._start_next()

    def open(self) -> None:
        """Start reading, and read changed files again. Before the first call, no child is started."""
        self._open = True
        for path, source in list(self.sources.items()):
            if source.is_known and source.stamp != _stamp(path):
                self.read_again(path)
        self._start_next()

    def shut_down(self) -> None:
        """End the child at once. Only after the event loop: it blocks."""
        self._open = False
        self._process.kill()

    def _drop_current(self) -> None:
        self._current = ""
        self._process.end()

    def _waiting(self) -> Iterator[str]:
        return (path for path, source in self.sources.items() if not source.is_known)

    def _start_next(self) -> None:
        if not self._open or not self._model or self._process.running:
            return
        path = self._current = next(self._waiting(), "")
        if path:
            self.sources[path] = replace(self.sources[path], stamp=_stamp(path))
            arguments = ["data", self._model, "--data", path, "--json"]
            for name, value in self._options.items():
                arguments += [f"--{name.replace('_', '-')}={value}"] if value else []
            if _size(path) > LARGE_FILE:
                arguments += ["--sample-bytes", str(SAMPLE_BYTES)]
            self._process.start(arguments)

    @Slot(object)
    def _on_reported(self, line: dict[str, Any]) -> None:
        source = self.sources.get(self._current)
        if source is None:
            return
        event = line.get("event")
        if event == "source":
            source = replace(source, report=line)
        elif event == "refused":
            source = replace(source, what=str(line.get("what", "")), remedy=str(line.get("remedy", "")))
        elif event == "reading":
            source = replace(source, characters=int(line.get("characters", 0)))
        else:
            return
        self.sources[self._current] = source
        self.changed.emit(self._current)

    @Slot()
    def _on_finished(self) -> None:
        self._end(tr("Nothing was found in it."))

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        self._end(plain(what))

    def _end(self, what: str) -> None:
        """The child ended: a file without a report cannot be read, and `what` says why."""
        path, self._current = self._current, ""
        source = self.sources.get(path)
        if source is not None and not source.is_known:
            self.sources[path] = replace(source, what=what)
            self.changed.emit(path)
        self._start_next()


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
        return state.st_size, state.st_mtime_ns
    except OSError:
        return None


def _size(path: str) -> int:
    try:
        file = Path(path)
        if not file.is_dir():
            return file.stat().st_size
        with os.scandir(file) as entries:  # the first entries show whether it is large
            return sum(entry.stat().st_size for entry in itertools.islice(entries, LOOKED_AT_FILES))
    except OSError:
        return 0
