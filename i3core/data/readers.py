"""Stream raw records and their locations from data files; at most one record is in memory.

    .txt        one text per paragraph (blank lines separate them)
    .md         one text per section (a heading starts one)
    .jsonl      one record per line
    .json       a list of records, one record, or records one after the other
    .csv .tsv   one row of cells per record
    .parquet    one record per row (needs pyarrow)

All but .parquet may be compressed as .xz or .gz.
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
from typing import IO, Any, TextIO

from ..errors import DataError
from ..system.extras import install_hint
from .records import BadRecordError, BadRecordHandler, CountingReader, ReadLimit, RecordLocation, Records

LONGEST_TEXT = 1_000_000  # characters; longer texts are split, so that memory stays bounded
LONGEST_RECORD = 64_000_000  # bytes of one JSON record or one cell
_BLOCK = 1 << 20
_COMPRESSED = {".xz": lzma.open, ".gz": gzip.open}
_BY_LINE = (".txt", ".md", ".jsonl")  # may end after any line
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_SPACE = re.compile(r"[ \t\r\n]*")


def is_table(path: Path) -> bool:
    return file_type(path) in (".csv", ".tsv")


def read_records(path: Path, on_bad: BadRecordHandler | None = None, limit: ReadLimit | None = None) -> Records:
    """Stream the records of one file: texts as {"text": ...}, rows of a table as tuples of cells.

    A bad record raises BadRecordError, or is passed to `on_bad` and skipped. A damaged file always raises DataError.
    """
    kind, compression = _type_and_compression(path)
    try:
        if kind == ".parquet":
            yield from _parquet_rows(path, limit)
            return
        with _open(path, compression) as (file, content):
            reader: Any = content
            if kind != ".jsonl":  # its lines are decoded one by one, so that one in another encoding affects no other
                line_ends = "" if is_table(path) else None  # in a table, line ends within quotes belong to the text
                reader = io.TextIOWrapper(content, "utf-8-sig", newline=line_ends)
            if limit is None:
                yield from _READERS[kind](reader, str(path), on_bad)
                return
            for item in _READERS[kind](CountingReader(reader, limit, kind in _BY_LINE), str(path), on_bad):
                yield item
                if limit.is_reached:
                    break
            limit.disk_bytes += file.tell()
    except UnicodeDecodeError as error:
        line = _first_line_not_utf8(path, compression)
        raise DataError(f"{path}, line {line}: not UTF-8 text.", "Convert the file to UTF-8.") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "The file may be damaged.") from error


def report_bad(error: BadRecordError, on_bad: BadRecordHandler | None) -> None:
    """Raise the error of a bad record, or pass it to `on_bad`."""
    if on_bad is None:
        raise error
    on_bad(error)


def cut_text(text: str, longest: int = LONGEST_TEXT) -> Iterator[str]:
    """Split `text` into pieces of at most `longest` characters, at white space if possible."""
    start = 0
    while len(text) - start > longest:
        half, end = start + longest // 2, start + longest
        end = max(text.rfind(" ", half, end), text.rfind("\n", half, end)) + 1 or end
        yield text[start:end]
        start = end
    yield text[start:]


def file_type(path: Path) -> str:
    """Type of a data file, such as ".jsonl" for a.jsonl.gz; "" if it is unknown."""
    return _type_and_compression(path)[0]


def _type_and_compression(path: Path) -> tuple[str, str]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = suffixes.pop() if suffixes and suffixes[-1] in _COMPRESSED else ""
    kind = suffixes[-1] if suffixes else ""
    return (kind if kind in _READERS or (kind == ".parquet" and not compression) else ""), compression


@contextmanager
def _open(path: Path, compression: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open the file on the disk, and its decompressed content."""
    with open(path, "rb") as file:
        yield file, _COMPRESSED[compression](file, "rb") if compression else file


def _first_line_not_utf8(path: Path, compression: str) -> int:
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with _open(path, compression) as (_, content):
        while block := content.read(_BLOCK):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return line + error.object.count(b"\n", 0, error.start)
            line += block.count(b"\n")
    return line


# ------------------------------------------------------------------------------------------------------------ texts


def _paragraphs(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
    return _texts(reader, path, lambda line: not line.strip())


def _sections(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
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
    """Group lines into texts of at most LONGEST_TEXT characters; a line for which `starts` is true starts a new one."""
    lines: list[str] = []
    size, number, first = 0, 1, 1
    whole = True  # a line longer than a text comes in pieces; only its first may start a text
    while line := reader.readline(LONGEST_TEXT):
        if whole and starts(line):
            if text := "".join(lines).strip():
                yield RecordLocation(path, first), {"text": text}
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
                    yield RecordLocation(path, first), {"text": piece}
            lines, size = [rest], len(rest)
        whole = line.endswith("\n")
        number += whole
    if text := "".join(lines).strip():
        yield RecordLocation(path, first), {"text": text}


# ------------------------------------------------------------------------------------------------------------- JSON


def _json_lines(reader: IO[bytes], path: str, on_bad: BadRecordHandler | None) -> Records:
    for number in itertools.count(1):
        line = reader.readline(LONGEST_RECORD)
        if not line:
            return
        location = RecordLocation(path, number)
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = reader.readline(_BLOCK)
            report_bad(BadRecordError(location, "longer than 64 MB.", "Split the record into several."), on_bad)
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            record = json.loads(text) if text.strip() else None
        except UnicodeDecodeError:
            report_bad(BadRecordError(location, "not UTF-8 text.", "Convert the file to UTF-8."), on_bad)
        except (ValueError, RecursionError):
            report_bad(BadRecordError(location, "not JSON.", "Each line must be one JSON record."), on_bad)
        else:
            if text.strip():
                yield location, record


class _JsonText:
    """The part of a JSON file that is in memory; `text` from `position` on has not been parsed yet."""

    def __init__(self, reader: TextIO, path: str) -> None:
        self.reader, self.path = reader, path
        self.text, self.position = "", 0
        self._line, self._counted = 1, 0

    def more(self) -> bool:
        block = self.reader.read(max(_BLOCK, len(self.text) - self.position))
        if block:
            self.location(self.position)
            self.text, self.position, self._counted = self.text[self.position :] + block, 0, 0
        return bool(block)

    def location(self, position: int) -> RecordLocation:
        self._line += self.text.count("\n", self._counted, position)
        self._counted = position
        return RecordLocation(self.path, self._line)

    def next_character(self) -> str:
        """Skip white space and return the next character, "" at the end."""
        while True:
            space = _SPACE.match(self.text, self.position)
            self.position = space.end() if space else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self.more():
                return ""

    def value(self, decode: Callable[[str, int], tuple[Any, int]]) -> Any:
        """Read one value; more text is read only if the value seems to continue beyond what is in memory."""
        while True:
            try:
                value, end = decode(self.text, self.position)
                if end + 3 > len(self.text) and self.more():  # `1`, `1.` and `1e+` may be the limit of `1e+2`
                    continue
                self.position = end
                return value
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or error.pos > len(self.text) - 16
                if len(self.text) - self.position > LONGEST_RECORD:
                    raise self.broken("a record longer than 64 MB", self.position) from None
                if not is_cut or not self.more():
                    raise self.broken("not JSON", error.pos) from None
            except (ValueError, RecursionError):  # numbers of thousands of digits, brackets nested too deep
                raise self.broken("not JSON that can be read", self.position) from None

    def broken(self, reason: str, position: int) -> DataError:
        return DataError(
            f"{self.location(position)}: {reason}.",
            "A .json file must be a list of records, one record, or records one after the other.",
        )


def _json_values(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
    content, decode = _JsonText(reader, path), json.JSONDecoder().raw_decode
    character = content.next_character()
    listed = character == "["
    if listed:
        content.position += 1
        character = content.next_character()
    while character and not (listed and character == "]"):
        location = content.location(content.position)
        yield location, content.value(decode)
        character = content.next_character()
        if listed and character == ",":
            content.position += 1
            character = content.next_character()
            if character == "]":
                raise content.broken("a comma before the end of the list", content.position)
        elif listed and character != "]":
            raise content.broken(
                "a list that does not end" if not character else "no comma between records", content.position
            )
    if listed:
        if not character:
            raise content.broken("a list that does not end", content.position)
        content.position += 1
        if content.next_character():
            raise content.broken("more text after the list", content.position)


# ----------------------------------------------------------------------------------------------------------- tables


def _comma_table(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
    lines = _table_lines(reader, path)
    sample: list[str] = []
    while len(sample) < 20 and sum(map(len, sample)) < _BLOCK and (line := next(lines, "")):
        sample.append(line)
    return _table_rows(itertools.chain(sample, lines), path, _delimiter(sample), on_bad)


def _tab_table(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
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
    """Comma, semicolon or tab: the one that splits most rows into as many cells as the first."""

    def share(delimiter: str) -> float:
        columns = [len(row) for row in _csv_reader(lines, delimiter) if row]
        return columns.count(columns[0]) / len(columns) if columns and columns[0] > 1 else 0.0

    return max(",;\t", key=share)


def _table_rows(lines: Iterator[str], path: str, delimiter: str, on_bad: BadRecordHandler | None) -> Records:
    rows = _csv_reader(lines, delimiter)
    while True:
        location = RecordLocation(path, rows.line_num + 1)
        try:
            cells = next(rows, None)
        except csv.Error as error:
            report_bad(BadRecordError(location, f"not a row of a table ({error}).", "Check the quotes."), on_bad)
            continue
        if cells is None:
            return
        if cells:
            yield location, tuple(cells)


def _parquet_rows(path: Path, limit: ReadLimit | None) -> Records:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        remedy = install_hint("parquet", "Convert the file to .jsonl or .csv.")
        raise DataError(f"{path}: .parquet files need the package pyarrow.", remedy) from error
    number = 0
    try:
        with ParquetFile(path, buffer_size=_BLOCK) as file:
            for batch in file.iter_batches(batch_size=256, use_threads=False):
                for record in batch.to_pylist():
                    number += 1
                    yield RecordLocation(str(path), number, "row"), record
                if limit is not None:
                    limit.text_bytes += batch.nbytes
                    if limit.is_reached:
                        break
            if limit is not None:
                limit.disk_bytes += path.stat().st_size * number // max(1, file.metadata.num_rows)
    except pyarrow.ArrowException as error:
        raise DataError(f"{path} cannot be read after row {number}: {error}.", "The file may be damaged.") from error


_READERS: dict[str, Callable[[Any, str, BadRecordHandler | None], Records]] = {
    ".txt": _paragraphs,
    ".md": _sections,
    ".jsonl": _json_lines,
    ".json": _json_values,
    ".csv": _comma_table,
    ".tsv": _tab_table,
}
KNOWN_TYPES = f"{' '.join(_READERS)} (also compressed as .xz or .gz) and .parquet"
