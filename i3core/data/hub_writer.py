"""Write the records of a dataset to a file that later attempts resume.

records.part                the records so far
progress.json               how much of that is safe, and the state of the stream at that point
records.jsonl, about.json   replace these once the dataset is complete
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import DataError, I3Error
from ..net.dataset_name import HubDataset
from ..net.http import DownloadError
from ..system.disk_space import DiskFullError, free_bytes, is_disk_full
from ..system.files import read_json, sync, write_json
from ..system.humanize import size_text

SAVE_EVERY_BYTES = 32_000_000  # between two saves of the progress
SPARE_BYTES = 50_000_000  # that must stay free on the disk
_BLOCK = 1 << 20


class RecordWriter:
    """The file of records while it grows.

    Attributes:
        folder: folder of the dataset.
        records, bytes, left_out: counts so far; left out are records without text.
        unused: columns of the dataset that are not read.
        state: of the stream when progress was last saved; None at the start.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = self.bytes = self.left_out = 0
        self.unused: tuple[str, ...] = ()
        self.state: dict[str, Any] | None = None
        self._part, self._progress = folder / "records.part", folder / "progress.json"
        self._pending: list[bytes] = []
        self._pending_bytes = self._saved_bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._target = open(self._part, "ab", buffering=0)  # noqa: SIM115 (closed by __exit__)

    def __enter__(self) -> RecordWriter:
        self.roll_back()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._target.close()

    @property
    def is_save_due(self) -> bool:
        return self.bytes - self._saved_bytes >= SAVE_EVERY_BYTES

    def add(self, record: dict[str, Any] | None) -> int:
        """Add a record (None: one without text) and return its number of characters of JSON."""
        if record is None:
            self.left_out += 1
            return 0
        text = json.dumps(record, ensure_ascii=False, default=_as_text)
        line = text.encode() + b"\n"
        self._pending.append(line)
        self._pending_bytes += len(line)
        self.bytes += len(line)
        self.records += 1
        if self._pending_bytes >= _BLOCK:
            self._flush()
        return len(text)

    def save_progress(self, state: dict[str, Any]) -> None:
        """Make later attempts continue from here."""
        self._flush()
        sync(self._part)
        counts = {"records": self.records, "bytes": self.bytes, "left_out": self.left_out}
        write_json(self._progress, {**counts, "state": state}, indent=None)
        self.state, self._saved_bytes = state, self.bytes

    def roll_back(self) -> None:
        """Return to the progress last saved, or to the start."""
        self._pending, self._pending_bytes = [], 0
        try:
            saved = read_json(self._progress)
            self.records, self.bytes, self.left_out = (int(saved[name]) for name in ("records", "bytes", "left_out"))
            self.state = saved["state"]
            if self._part.stat().st_size < self.bytes:
                raise ValueError("the file is shorter than the progress says")
        except (I3Error, KeyError, TypeError, ValueError):  # nothing was saved
            self.records = self.bytes = self.left_out = 0
            self.state = None
        self._target.truncate(self.bytes)
        self._saved_bytes = self.bytes

    def finish(self, about: dict[str, Any]) -> None:
        """Complete the dataset."""
        self._flush()
        sync(self._part)
        self._target.close()
        os.replace(self._part, self.folder / "records.jsonl")
        write_json(self.folder / "about.json", about)
        self._progress.unlink(missing_ok=True)

    def _flush(self) -> None:
        rest = memoryview(b"".join(self._pending))
        self._pending, self._pending_bytes = [], 0
        while rest:
            rest = rest[self._target.write(rest) :]


def _as_text(value: Any) -> str:
    """A date or number that JSON cannot represent. Raises DataError for bytes (a picture or a sound)."""
    if isinstance(value, bytes | bytearray):
        raise DataError("A record holds bytes that are not text.", "Name the column of the text, with ,column=NAME.")
    return str(value)


@contextmanager
def disk_errors_explained(folder: Path, data: HubDataset) -> Iterator[None]:
    """Convert errors of disk and connection to DataError and DownloadError with a remedy."""
    from huggingface_hub.utils import httpx

    try:
        yield
    except (httpx.HTTPError, ConnectionError, TimeoutError) as error:  # some errors of the hub are OSErrors as well
        if not isinstance(error, httpx.HTTPError) and not type(error).__module__.startswith("huggingface_hub"):
            raise DownloadError(
                f"The connection to the hub broke: {error or type(error).__name__}.",
                f"Check the network connection and try again. {resume_hint(folder)}",
            ) from error
        raise
    except DiskFullError as error:
        raise _disk_full(folder, data, error) from error
    except OSError as error:
        if is_disk_full(error):
            raise _disk_full(folder, data, DiskFullError(free_bytes(folder))) from error
        raise DataError(
            f"{data} could not be written to {folder}: {error.strerror or error}.",
            "Check that folder, or name another one in I3DESK_CACHE.",
        ) from error


def _disk_full(folder: Path, data: HubDataset, error: DiskFullError) -> DataError:
    wanted = "the disk is full"
    if error.needed is not None:
        wanted = f"about {size_text(error.needed)} are still to come, {size_text(error.free)} are free"
    part = dataclasses.replace(data, first=100_000)
    return DataError(
        f"There is not enough room for {data} in {folder.parent}: {wanted}.",
        f"Free some space and try again (what was received is kept), name another folder in I3DESK_CACHE, or take a "
        f"part: {part}.",
    )


def resume_hint(folder: Path) -> str:
    return "What was received is kept: the next attempt continues." if (folder / "progress.json").exists() else ""
