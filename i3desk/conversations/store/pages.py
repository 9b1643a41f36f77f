"""Rows of a damaged SQLite file, read from its pages without its schema, its indexes and the inner pages of its tables.

Reads the leaf pages of tables, with what the write-ahead log has of them (https://www.sqlite.org/fileformat2.html).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TABLE_LEAF = 13
FILE_HEADER = 100  # bytes of the first page
PAGE_SIZES = tuple(1 << bits for bits in range(9, 17))
USUAL_PAGE_SIZE = 4096
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type -> bytes


class PageReader:
    """The pages of a database file; those in its write-ahead log replace those of the file."""

    def __init__(self, path: Path) -> None:
        """`path` may be missing. Raises OSError if a file that exists cannot be read."""
        self._size = path.stat().st_size if path.exists() else 0
        self._file = open(path if path.exists() else os.devnull, "rb")  # noqa: SIM115 (closed by `close`)
        header = self._file.read(FILE_HEADER)
        declared = int.from_bytes(header[16:18], "big")
        self.page_size = {1: 65_536}.get(declared, declared)
        reserved = header[20] if len(header) == FILE_HEADER and self.page_size in PAGE_SIZES else 0
        if self.page_size not in PAGE_SIZES:
            self.page_size = USUAL_PAGE_SIZE
        self._logged = self._read_log(Path(f"{path}-wal"))
        self._usable = self.page_size - reserved
        self.count = max([self._size // self.page_size, *self._logged], default=0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def page(self, number: int) -> bytes:
        """A page by its number, from 1; empty if there is none."""
        if number in self._logged:
            return self._logged[number]
        if number < 1:
            return b""
        self._file.seek((number - 1) * self.page_size)
        try:
            return self._file.read(self.page_size)
        except OSError:  # a bad block of the disk
            return b""

    def rows(self, progress: Callable[[float], None] = lambda share: None) -> Iterator[tuple[int, list[Any]]]:
        """Yield (row number, values) of all readable rows of all tables; invalid ones are skipped."""
        for number in range(1, self.count + 1):
            if number % 50 == 0:
                progress(number / self.count)
            page, start = self.page(number), FILE_HEADER if number == 1 else 0
            if len(page) != self.page_size or page[start] != TABLE_LEAF:
                continue
            for index in range(int.from_bytes(page[start + 3 : start + 5], "big")):
                place = start + 8 + 2 * index
                try:
                    yield self._cell(page, int.from_bytes(page[place : place + 2], "big"))
                except (ValueError, IndexError, struct.error):
                    continue

    def _read_log(self, path: Path) -> dict[int, bytes]:
        """The newest version of each page in the committed part of the log."""
        if not path.is_file():
            return {}
        pages: dict[int, bytes] = {}
        pending: dict[int, bytes] = {}
        with open(path, "rb") as log:
            header = log.read(32)
            if len(header) < 32 or header[:3] != b"\x37\x7f\x06":
                return {}
            size, salts = int.from_bytes(header[8:12], "big"), header[16:24]
            if size not in PAGE_SIZES:
                return {}
            self.page_size = size
            while len(frame := log.read(24 + size)) == 24 + size and frame[8:16] == salts:
                pending[int.from_bytes(frame[:4], "big")] = frame[24:]
                if any(frame[4:8]):  # the last page of a transaction
                    pages |= pending
                    pending.clear()
        return pages

    def _cell(self, page: bytes, place: int) -> tuple[int, list[Any]]:
        length, place = _varint(page, place)
        number, place = _varint(page, place)
        if not 0 < length <= self._size + self.page_size * (len(self._logged) + 1):
            raise ValueError
        local = length
        if length > self._usable - 35:
            least = (self._usable - 12) * 32 // 255 - 23
            local = least + (length - least) % (self._usable - 4)
            local = local if local <= self._usable - 35 else least
        payload, following = bytearray(page[place : place + local]), page[place + local : place + local + 4]
        while len(payload) < length:
            more = self.page(int.from_bytes(following, "big"))
            if len(more) < 5:
                raise ValueError
            payload += more[4 : min(self._usable, 4 + length - len(payload))]
            following = more[:4]
        return number if number < 1 << 63 else number - (1 << 64), _values(bytes(payload))


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        byte = data[place + count]
        if count == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + count + 1
    raise AssertionError("unreachable")


def _values(record: bytes) -> list[Any]:
    end, place = _varint(record, 0)
    body, values = end, []
    while place < end:
        kind, place = _varint(record, place)
        if kind in _INTEGERS:
            size = _INTEGERS[kind]
            value: Any = int.from_bytes(record[body : body + size], "big", signed=True)
        elif kind == 7:
            size, value = 8, struct.unpack_from(">d", record, body)[0]
        elif kind >= 12:
            size = (kind - 12) // 2
            value = record[body : body + size]
            if kind % 2:
                value = value.decode("utf-8", "replace")
        elif kind in (0, 8, 9):
            size, value = 0, {0: None, 8: 0, 9: 1}[kind]
        else:
            raise ValueError
        body += size
        if body > len(record):
            raise ValueError
        values.append(value)
    return values
