"""What reading data files gives: records with their places, and complaints about bad ones; and how much is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import DataError


class Place(NamedTuple):
    """Where a record begins; reads "FILE, line N"."""

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


class BadRecordError(DataError):
    """A record cannot be used. `reason` is `what` without the place."""

    def __init__(self, place: Place, reason: str, remedy: str) -> None:
        super().__init__(f"{place}: {reason}", remedy)
        self.place, self.reason = place, reason


BadRecord = Callable[[BadRecordError], None]
Records = Iterator[tuple[Place, Any]]


class Beginning:
    """Has only about the first `limit` bytes of text read from files that may be large.

    Attributes:
        text_bytes: of text that were read; disk_bytes: of the files that were read (fewer, if they are packed).
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.text_bytes = self.disk_bytes = 0

    @property
    def is_over(self) -> bool:
        return self.text_bytes >= self.limit


class WatchedReader:
    """A reader that counts what it hands out. If it `stops`, a line behind the beginning is the end of the file."""

    def __init__(self, reader: Any, beginning: Beginning, stops: bool) -> None:
        self._reader, self._beginning, self._stops = reader, beginning, stops

    def readline(self, size: int = -1) -> Any:
        return self._counted(self._reader.readline(0 if self._stops and self._beginning.is_over else size))

    def read(self, size: int) -> Any:  # in small blocks: what was read is not yet used
        return self._counted(self._reader.read(min(size, max(4096, self._beginning.limit // 32))))

    def _counted(self, text: Any) -> Any:
        ascii_only = isinstance(text, bytes) or text.isascii()
        self._beginning.text_bytes += len(text) if ascii_only else len(text.encode("utf-8", "replace"))
        return text
