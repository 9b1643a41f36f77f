"""A data set's records in a file that grows, with the place from which another attempt goes on.

records.part                how far it has come
progress.json               how much of that is safe, and where the stream was then
records.jsonl, about.json   in their place, once all is there
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import DataError, I3Error
from ..net.dataset_name import HubDataset
from ..net.http import DownloadError
from ..system.files import read_json, write_json
from ..system.humanize import size_text

KEEP_EVERY_BYTES = 32_000_000  # after which the place is written down
_BLOCK = 1 << 20
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ROOM_TO_SPARE = 50_000_000  # bytes


class RecordWriter:
    """The file of records while it grows.

    Attributes:
        folder: where it is.
        records, bytes, left_out: so far.
        state: of the stream when the place was last kept; None at the beginning.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records = self.bytes = self.left_out = 0
        self.state: dict[str, Any] | None = None
        self._part, self._progress = folder / "records.part", folder / "progress.json"
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._kept_bytes = 0
        self._target: BinaryIO | None = None

    def __enter__(self) -> RecordWriter:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._target = open(self._part, "ab", buffering=0)
        self.go_back()
        return self

    def __exit__(self, *error: object) -> None:
        self._target.close()

    @property
    def is_due(self) -> bool:
        """Whether the place should be kept."""
        return self.bytes - self._kept_bytes >= KEEP_EVERY_BYTES

    def add(self, record: dict[str, Any] | None) -> int:
        """Adds a record (None: one without text) and returns how many characters of JSON it has."""
        if record is None:
            self.left_out += 1
            return 0
        text = json.dumps(record, ensure_ascii=False, default=_as_text)
        line = text.encode() + b"\n"
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        self.bytes += len(line)
        self.records += 1
        if self._waiting_bytes >= _BLOCK:
            self._flush()
        return len(text)

    def keep(self, state: dict[str, Any]) -> None:
        """From now on another attempt goes on from here."""
        self._flush()
        os.fsync(self._target.fileno())
        counts = {"records": self.records, "bytes": self.bytes, "left_out": self.left_out}
        write_json(self._progress, {**counts, "state": state}, indent=None)
        self.state, self._kept_bytes = state, self.bytes

    def go_back(self) -> None:
        """To the place that was last kept, which may be the beginning."""
        self._waiting, self._waiting_bytes = [], 0
        try:
            kept = read_json(self._progress)
            self.records, self.bytes, self.left_out = (int(kept[name]) for name in ("records", "bytes", "left_out"))
            self.state = kept["state"]
            if self._part.stat().st_size < self.bytes:
                raise ValueError("the file is shorter than what was kept of it")
        except (I3Error, KeyError, TypeError, ValueError):  # nothing was kept
            self.records = self.bytes = self.left_out = 0
            self.state = None
        self._target.truncate(self.bytes)
        self._kept_bytes = self.bytes

    def finish(self, about: dict[str, Any]) -> None:
        """All is there."""
        self._flush()
        os.fsync(self._target.fileno())
        self._target.close()
        os.replace(self._part, self.folder / "records.jsonl")
        write_json(self.folder / "about.json", about)
        self._progress.unlink(missing_ok=True)

    def _flush(self) -> None:
        rest = memoryview(b"".join(self._waiting))
        self._waiting, self._waiting_bytes = [], 0
        while rest:
            rest = rest[self._target.write(rest) :]


def _as_text(value: Any) -> str:
    """A date or number for which JSON has no form. Raises DataError for bytes, which are a picture or a sound."""
    if isinstance(value, bytes | bytearray):
        raise DataError("A record holds bytes that are no text.", "Name the column of the text, with ,column=NAME.")
    return str(value)


@contextmanager
def disk_explained(folder: Path, data: HubDataset) -> Iterator[None]:
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except (HTTPError, ConnectionError, TimeoutError) as error:  # some of the hub's errors are OSErrors as well
        if not isinstance(error, HTTPError) and not type(error).__module__.startswith("huggingface_hub"):
            raise DownloadError(
                f"The connection to the hub broke: {error or type(error).__name__}.",
                f"Check the network connection and try again. {kept_words(folder)}",
            ) from error
        raise
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _no_room(folder, data, 0) from error
        raise DataError(
            f"{data} could not be written to {folder}: {error.strerror or error}.",
            "Check that folder, or name another one in I3DESK_CACHE.",
        ) from error


def check_room(folder: Path, data: HubDataset, needed: int) -> None:
    if needed + _ROOM_TO_SPARE > shutil.disk_usage(folder).free and needed > 0:
        raise _no_room(folder, data, needed)


def _no_room(folder: Path, data: HubDataset, needed: int) -> DataError:
    free = shutil.disk_usage(folder).free
    wanted = f"about {size_text(needed)} are still to come, {size_text(free)} are free"
    part = dataclasses.replace(data, first=100_000)
    return DataError(
        f"There is not enough room for {data} in {folder.parent}: {wanted if needed else 'the disk is full'}.",
        f"Free some space and try again (what came is kept), name another folder in I3DESK_CACHE, or take a part: "
        f"{part}.",
    )


def kept_words(folder: Path) -> str:
    return "What came is kept: the next attempt goes on there." if (folder / "progress.json").exists() else ""
