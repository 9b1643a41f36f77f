"""Data files to raw records with their places, streamed: nothing here holds more than one record in memory.

    .txt        a text for each paragraph (blank lines separate them)
    .md         a text for each section (a heading starts one)
    .jsonl      a record a line
    .json       a list of records, one record, or records one after the other
    .csv .tsv   a row of cells each
    .parquet    a record a row (needs pyarrow)

All but .parquet may be packed as .xz or .gz.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from ..errors import DataError
from ..system.extras import how_to_get
from .records import BadRecord, BadRecordError, Beginning, Place, Records, WatchedReader

LONGEST_TEXT = 1_000_000  # characters; longer texts are cut, so that memory stays bounded
LONGEST_RECORD = 64_000_000  # bytes of one JSON record or one cell
_BLOCK = 1 << 20
_PACKED = {".xz": lzma.open, ".gz": gzip.open}
_BY_LINE = (".txt", ".md", ".jsonl")  # end well after any line
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_SPACE = re.compile(r"[ \t\r\n]*")


def is_table(path: Path) -> bool:
    return _kind(path)[0] in (".csv", ".tsv")


def read_records(path: Path, on_bad: BadRecord | None = None, beginning: Beginning | None = None) -> Records:
    """Streams the records of one file; texts come as {"text": ...}, rows of a table as tuples of cells.

    A bad record raises BadRecordError, or is handed to `on_bad` and left out; a damaged file raises DataError anyway.
    """
    kind, packed = _kind(path)
    try:
        if kind == ".parquet":
            yield from _parquet_rows(path, beginning)
            return
        with _open(path, packed) as (file, source):
            reader: Any = source
            if kind != ".jsonl":  # its lines are decoded one by one, so that one in another encoding spoils no other
                line_ends = "" if is_table(path) else None  # in a table those within quotes belong to the text
                reader = io.TextIOWrapper(source, "utf-8-sig", newline=line_ends)
            if beginning is None:
                yield from _READERS[kind](reader, str(path), on_bad)
                return
            for item in _READERS[kind](WatchedReader(reader, beginning, kind in _BY_LINE), str(path), on_bad):
                yield item
                if beginning.is_over:
                    break
            beginning.disk_bytes += file.tell()
    except UnicodeDecodeError as error:
        line = _first_line_not_utf8(path, packed)
        raise DataError(f"{path}, line {line}: not UTF-8 text.", "Convert the file to UTF-8.") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "The file may be damaged.") from error


def refuse(error: BadRecordError, on_bad: BadRecord | None) -> None:
    """Raises the error of a bad record, unless someone takes it."""
    if on_bad is None:
        raise error
    on_bad(error)


def cut_text(text: str, longest: int = LONGEST_TEXT) -> Iterator[str]:
    """`text` in pieces of at most `longest` characters that end at white space where there is some."""
    start = 0
    while len(text) - start > longest:
        half, end = start + longest // 2, start + longest
        end = max(text.rfind(" ", half, end), text.rfind("\n", half, end)) + 1 or end
        yield text[start:end]
        start = end
    yield text[start:]


def _kind(path: Path) -> tuple[str, str]:
    """Type of a file ("" if it is not known) and how it is packed, as lower-case suffixes."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    kind = suffixes[-1] if suffixes else ""
    return (kind if kind in _READERS or (kind == ".parquet" and not packed) else ""), packed


def _known_types() -> str:
    return f"{' '.join(_READERS)} (also packed as .xz or .gz) and .parquet"


@contextmanager
def _open(path: Path, packed: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """The file as it lies on the disk, and its content."""
    with open(path, "rb") as file:
        yield file, _PACKED[packed](file, "rb") if packed else file


def _first_line_not_utf8(path: Path, packed: str) -> int:
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with _open(path, packed) as (_, source):
        while block := source.read(_BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return line + error.object.count(b"\n", 0, error.start)
            line += block.count(b"\n")
    return line


# ------------------------------------------------------------------------------------------------------------ texts


def _paragraphs(reader: TextIO, path: str, on_bad: BadRecord | None) -> Records:
    return _texts(reader, path, lambda line: not line.strip())


def _sections(reader: TextIO, path: str, on_bad: BadRecord | None) -> Records:
    fence = ""

    def is_heading(line: str) -> bool:
        nonlocal fence
        mark = _FENCE.match(line)
        if fence:
            closing = line.strip()
            if mark and closing.startswith(fence) and not closing.strip(fence[0]):
                fence = ""
            return False
        fence = mark[1] if mark else ""
        return not mark and _HEADING.match(line) is not None

    return _texts(reader, path, is_heading)


def _texts(reader: TextIO, path: str, starts: Callable[[str], bool]) -> Records:
    """A text for each run of lines of which only the first `starts` one; no text is longer than LONGEST_TEXT."""
    lines: list[str] = []
    size, number, first = 0, 1, 1
    whole = True  # a line longer than a text comes in pieces; only its first may start something
    while line := reader.readline(LONGEST_TEXT):
        if whole and starts(line):
            if text := "".join(lines).strip():
                yield Place(path, first), {"text": text}
            lines, size = [], 0
        if not size and line.strip():
            first = number
        if size or line.strip():
            lines.append(line)
            size += len(line)
        if size > LONGEST_TEXT:
            *pieces, rest = cut_text("".join(lines))
            for piece in pieces:
                if piece.strip():
                    yield Place(path, first), {"text": piece}
            lines, size = [rest], len(rest)
        whole = line.endswith("\n")
        number += whole
    if text := "".join(lines).strip():
        yield Place(path, first), {"text": text}


# ------------------------------------------------------------------------------------------------------------- JSON


def _json_lines(source: BinaryIO, path: str, on_bad: BadRecord | None) -> Records:
    for number in itertools.count(1):
        line = source.readline(LONGEST_RECORD)
        if not line:
            return
        where = Place(path, number)
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = source.readline(_BLOCK)
            refuse(BadRecordError(where, "longer than 64 MB.", "Cut the record into several."), on_bad)
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            record = json.loads(text) if text.strip() else None
        except UnicodeDecodeError:
            refuse(BadRecordError(where, "not UTF-8 text.", "Convert the file to UTF-8."), on_bad)
        except (ValueError, RecursionError):
            refuse(BadRecordError(where, "not JSON.", "Each line must be one JSON record."), on_bad)
        else:
            if text.strip():
                yield where, record


class _JsonText:
    """The part of a JSON file that is in memory: `text` from position `at` on is still to be read."""

    def __init__(self, reader: TextIO, path: str) -> None:
        self.reader, self.path = reader, path
        self.text, self.at = "", 0
        self._line, self._counted = 1, 0

    def more(self) -> bool:
        block = self.reader.read(max(_BLOCK, len(self.text) - self.at))
        if block:
            self.place(self.at)
            self.text, self.at, self._counted = self.text[self.at :] + block, 0, 0
        return bool(block)

    def place(self, position: int) -> Place:
        self._line += self.text.count("\n", self._counted, position)
        self._counted = position
        return Place(self.path, self._line)

    def next_sign(self) -> str:
        """The first character that is not white space, "" at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self, decode: Callable[[str, int], tuple[Any, int]]) -> Any:
        """Reads one value; more text is fetched only if it seems to go on behind what is in memory."""
        while True:
            try:
                value, end = decode(self.text, self.at)
                if end + 3 > len(self.text) and self.more():  # `1`, `1.` and `1e+` may be the beginning of `1e+2`
                    continue
                self.at = end
                return value
            except json.JSONDecodeError as error:
                goes_on = error.msg.startswith("Unterminated") or error.pos > len(self.text) - 16
                if len(self.text) - self.at > LONGEST_RECORD:
                    raise self.broken("a record longer than 64 MB", self.at) from None
                if not goes_on or not self.more():
                    raise self.broken("not JSON", error.pos) from None
            except (ValueError, RecursionError):  # numbers of thousands of digits, brackets nested too deep
                raise self.broken("not JSON that can be read", self.at) from None

    def broken(self, reason: str, position: int) -> DataError:
        return DataError(
            f"{self.place(position)}: {reason}.",
            "A .json file must be a list of records, one record, or records one after the other.",
        )


def _json_values(reader: TextIO, path: str, on_bad: BadRecord | None) -> Records:
    content, decode = _JsonText(reader, path), json.JSONDecoder().raw_decode
    sign = content.next_sign()
    listed = sign == "["
    if listed:
        content.at += 1
        sign = content.next_sign()
    while sign and not (listed and sign == "]"):
        where = content.place(content.at)
        yield where, content.value(decode)
        sign = content.next_sign()
        if listed and sign == ",":
            content.at += 1
            sign = content.next_sign()
            if sign == "]":
                raise content.broken("a comma before the end of the list", content.at)
        elif listed and sign != "]":
            raise content.broken("a list that does not end" if not sign else "no comma between records", content.at)
    if listed:
        if not sign:
            raise content.broken("a list that does not end", content.at)
        content.at += 1
        if content.next_sign():
            raise content.broken("more text behind the list", content.at)


# ----------------------------------------------------------------------------------------------------------- tables


def _comma_table(reader: TextIO, path: str, on_bad: BadRecord | None) -> Records:
    lines = _table_lines(reader, path)
    sample: list[str] = []
    while len(sample) < 20 and sum(map(len, sample)) < _BLOCK and (line := next(lines, "")):
        sample.append(line)
    return _table_rows(itertools.chain(sample, lines), path, _delimiter(sample), on_bad)


def _tab_table(reader: TextIO, path: str, on_bad: BadRecord | None) -> Records:
    return _table_rows(_table_lines(reader, path), path, "\t", on_bad)


def _table_lines(reader: TextIO, path: str) -> Iterator[str]:
    for number in itertools.count(1):
        line = reader.readline(LONGEST_RECORD)
        if len(line) == LONGEST_RECORD and not line.endswith("\n"):
            raise DataError(f"{path}, line {number}: longer than 64 MB.", "Is this a table?")
        if not line:
            return
        yield line


def _csv_reader(lines: Iterable[str], delimiter: str) -> Any:
    csv.field_size_limit(LONGEST_RECORD)
    return csv.reader(lines, delimiter=delimiter)


def _delimiter(lines: list[str]) -> str:
    """Comma, semicolon or tab: the one that cuts most rows into as many cells as the first."""

    def share(delimiter: str) -> float:
        columns = [len(row) for row in _csv_reader(lines, delimiter) if row]
        return columns.count(columns[0]) / len(columns) if columns and columns[0] > 1 else 0.0

    return max(",;\t", key=share)


def _table_rows(lines: Iterator[str], path: str, delimiter: str, on_bad: BadRecord | None) -> Records:
    rows = _csv_reader(lines, delimiter)
    while True:
        where = Place(path, rows.line_num + 1)
        try:
            cells = next(rows, None)
        except csv.Error as error:
            refuse(BadRecordError(where, f"not a row of a table ({error}).", "Check the quotes."), on_bad)
            continue
        if cells is None:
            return
        if cells:
            yield where, tuple(cells)


def _parquet_rows(path: Path, beginning: Beginning | None) -> Records:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        remedy = how_to_get("parquet", "Convert the file to .jsonl or .csv.")
        raise DataError(f"{path}: .parquet files need the package pyarrow.", remedy) from error
    number = 0
    try:
        with ParquetFile(path, buffer_size=_BLOCK) as file:
            for batch in file.iter_batches(batch_size=256, use_threads=False):
                for record in batch.to_pylist():
                    number += 1
                    yield Place(str(path), number, "row"), record
                if beginning is not None:
                    beginning.text_bytes += batch.nbytes
                    if beginning.is_over:
                        break
            if beginning is not None:
                beginning.disk_bytes += path.stat().st_size * number // max(1, file.metadata.num_rows)
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} cannot be read behind row {number}: {error}.", "The file may be damaged.") from error


_READERS: dict[str, Callable[[Any, str, BadRecord | None], Records]] = {
    ".txt": _paragraphs,
    ".md": _sections,
    ".jsonl": _json_lines,
    ".json": _json_values,
    ".csv": _comma_table,
    ".tsv": _tab_table,
}
