"""Records read from data files: where they are, errors of bad ones, and a limit on how much is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..errors import DataError

CharacterProgress = Callable[[int], None]  # receives how many characters were read since the last call


class RecordLocation(NamedTuple):
    """Where a record starts; reads "FILE, line N"."""

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


class BadRecordError(DataError):
    """A record cannot be used. `reason` is `what` without the location."""

    def __init__(self, location: RecordLocation, reason: str, remedy: str) -> None:
        super().__init__(f"{location}: {reason}", remedy)
        self.location, self.reason = location, reason


BadRecordHandler = Callable[[BadRecordError], None]
Records = Iterator[tuple[RecordLocation, Any]]


def report_bad(error: BadRecordError, on_bad: BadRecordHandler | None) -> None:
    """Raise the error of a bad record, or pass it to `on_bad`."""
    if on_bad is None:
        raise error
    on_bad(error)


class ReadLimit:
    """Stops reading after about `text_limit` bytes of text, as files may be large.

    Attributes:
        text_bytes: bytes of text read so far.
        disk_bytes: bytes of the files read so far (fewer, if they are compressed).
    """

    def __init__(self, text_limit: int) -> None:
        self.text_limit = text_limit
        self.text_bytes = self.disk_bytes = 0

    @property
    def is_reached(self) -> bool:
        return self.text_bytes >= self.text_limit


class CountingReader:
    """A reader that counts what it returns. If it `stops`, a line beyond the limit is the end of the file."""

    def __init__(self, reader: Any, limit: ReadLimit, stops: bool) -> None:
        self._reader, self._limit, self._stops = reader, limit, stops

    def readline(self, size: int = -1) -> Any:
        return self._counted(self._reader.readline(0 if self._stops and self._limit.is_reached else size))

    def read(self, size: int) -> Any:  # in small blocks: what was read is not yet used
        return self._counted(self._reader.read(min(size, max(4096, self._limit.text_limit // 32))))

    def _counted(self, text: Any) -> Any:
        if isinstance(text, str) and not text.isascii():
            self._limit.text_bytes += len(text.encode("utf-8", "replace"))
        else:
            self._limit.text_bytes += len(text)
        return text
