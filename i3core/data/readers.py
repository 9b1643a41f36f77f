"""Stream raw records and their locations from data files; at most one record is in memory.

    .txt        one text per paragraph (blank lines separate them)
    .md         one text per section (a heading starts one)
    .jsonl      one record per line (also .ndjson)
    .json       a list of records, one record, or records one after the other
    .csv .tsv   one row of cells per record
    .parquet    one record per row (needs pyarrow)
    .chat       one conversation, as GPT4All keeps it
    .docx .pdf  one text per paragraph (needs mammoth, pypdf)

All but the last four may be compressed as .xz or .gz.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from ..errors import DataError
from ..system.extras import install_hint
from ..system.files import stand_in
from . import chat_logs, gpt4all, json_records
from .encodings import UTF8, suggestion, text_encoding
from .fields import CONTENTS, CONVERSATION_IDS, KNOWN_FIELDS, ROLES
from .json_records import json_lines, json_values, spans_lines
from .office import OFFICE_TYPES, office_records
from .reading import Reading, ReadingNotes
from .records import BadRecordError, BadRecordHandler, CountingReader, ReadLimit, RecordLocation, Records, report_bad
from .tables import table_rows

LONGEST_TEXT = 1_000_000  # characters; longer texts are split, so that memory stays bounded
_BLOCK = 1 << 20
_COMPRESSED = {".xz": lzma.open, ".gz": gzip.open}
_HEAD_BYTES = 1 << 16
_BY_RECORD = (".jsonl", ".ndjson")  # a record on each line
_BY_LINE = (".txt", ".md", *_BY_RECORD)  # may end after any line
_LINE_END = re.compile(r"\r\n|\r|\n")
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")


def is_table(path: Path) -> bool:
    """Whether a file has rows: a table of text, or .parquet."""
    return file_type(path) in (*_TABLES, ".parquet")


def read_records(
    path: Path,
    on_bad: BadRecordHandler | None = None,
    limit: ReadLimit | None = None,
    reading: Reading | None = None,
    notes: ReadingNotes | None = None,
) -> Records:
    """Stream the records of one file: texts as {"text": ...}, rows of a table by the names of its columns.

    A bad record raises BadRecordError, or is passed to `on_bad` and skipped. A damaged file always raises DataError.
    """
    kind, compression = _type_and_compression(path)
    reading, notes = reading or Reading(), notes or ReadingNotes()
    encoding = UTF8
    if wrong := stand_in(path, may_be_page=kind in (".txt", ".md")):
        raise DataError(*wrong)
    try:
        if kind == ".parquet":
            yield from _parquet_rows(path, limit, reading, notes)
            return
        if kind in OFFICE_TYPES:
            yield from office_records(path, kind, limit)
            return
        if kind == gpt4all.SUFFIX:
            yield from _gpt4all_chat(path, on_bad, limit, notes)
            return
        with _open(path, compression) as (file, content):
            encoding = text_encoding(content, path, reading)
            head = content.read(_HEAD_BYTES)
            content.seek(0)
            is_mac = b"\r" in head and b"\n" not in head  # line ends of old Macs, and of Excel on new ones
            lines = _LINE_END.split(head.decode(encoding, "ignore")) if kind in (*_BY_RECORD, ".txt") else []
            if kind in _BY_RECORD and spans_lines(lines):
                kind = ".json"
            is_chat = kind == ".txt" and chat_logs.is_whatsapp(lines)
            reader: Any = content
            as_lines = kind in _BY_RECORD and encoding == UTF8 and not is_mac
            if not as_lines:
                line_ends = "" if kind in _TABLES else None  # in a table, line ends within quotes belong to the text
                reader = io.TextIOWrapper(content, encoding, newline=line_ends)
            if limit is not None:
                reader = CountingReader(reader, limit, kind in _BY_LINE)
            if kind in _BY_RECORD and not as_lines:
                reader = _Utf8Lines(reader)  # else they are decoded one by one, so that a bad one affects no other
            if kind in _TABLES:
                items = table_rows(reader, str(path), on_bad, reading, notes, json_records.LONGEST_RECORD)
            elif is_chat:
                items = _chat_log(reader, str(path), reading, notes)
            else:
                items = _READERS[kind](reader, str(path), on_bad)
            for item in items:
                yield item
                if limit is not None and limit.is_reached:
                    break
            if limit is not None:
                limit.disk_bytes += file.tell()
    except UnicodeDecodeError as error:
        if encoding != UTF8:
            raise DataError(f"{path}: not {encoding} text.", "Name another encoding, or none.") from error
        number, line = _first_line_not_utf8(path, compression)
        raise DataError(f"{path}, line {number}: not UTF-8 text.", suggestion(line)) from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "The file may be damaged.") from error


class _Utf8Lines:
    """Lines of decoded text as UTF-8, for a reader that decodes them itself."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def readline(self, size: int) -> bytes:
        return self._reader.readline(size).encode("utf-8", "surrogatepass")


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
    is_known = kind in _READERS or kind in _TABLES or (kind in _BINARY and not compression)
    return kind if is_known else "", compression


@contextmanager
def _open(path: Path, compression: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """Open the file on the disk, and its decompressed content."""
    with open(path, "rb") as file:
        yield file, _COMPRESSED[compression](file, "rb") if compression else file


def _first_line_not_utf8(path: Path, compression: str) -> tuple[int, bytes]:
    """Number and start of the first line that is not UTF-8."""
    with _open(path, compression) as (_, content):
        number = 1
        decoder = codecs.getincrementaldecoder("utf-8")()
        while line := content.readline(_BLOCK):
            try:
                decoder.decode(line)
            except UnicodeDecodeError:
                return number, line
            number += line.endswith(b"\n")
    return number, b""


# ------------------------------------------------------------------------------------------------------------ texts


def _chat_log(reader: TextIO, path: str, reading: Reading, notes: ReadingNotes) -> Records:
    """The conversations of a chat exported by WhatsApp."""
    said = chat_logs.whatsapp_messages(iter(lambda: reader.readline(LONGEST_TEXT), ""), notes.leave_out)
    for turns in chat_logs.conversations(said, reading.i3_is, path):
        yield RecordLocation(path, 1), {"messages": turns}


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


# ----------------------------------------------------------------------------------------------------------- tables


def _parquet_rows(path: Path, limit: ReadLimit | None, reading: Reading, notes: ReadingNotes) -> Records:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        remedy = install_hint("parquet", "Convert the file to .jsonl or .csv.")
        raise DataError(f"{path}: .parquet files need the package pyarrow.", remedy) from error
    number = 0
    try:
        with ParquetFile(path, buffer_size=_BLOCK) as file:
            names = file.schema_arrow.names
            wanted = _wanted_columns(path, names, reading)  # the others may hold what Python cannot
            for name in names:
                if name not in wanted and file.metadata.num_rows:
                    notes.leave_out(f"field `{name[:40]}`", file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=256, use_threads=False, columns=wanted):
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


def _gpt4all_chat(path: Path, on_bad: BadRecordHandler | None, limit: ReadLimit | None, notes: ReadingNotes) -> Records:
    try:
        record = gpt4all.read_chat(path, notes.leave_out)
    except DataError as error:
        reason = error.what.removeprefix(f"{path} ")
        report_bad(BadRecordError(RecordLocation(str(path), 1, "chat"), reason, error.remedy), on_bad)
        return
    if limit is not None:
        limit.text_bytes += sum(len(turn["content"].encode("utf-8", "replace")) for turn in record[gpt4all.KEY])
        limit.disk_bytes += path.stat().st_size
    if record[gpt4all.KEY]:
        yield RecordLocation(str(path), 1, "chat"), record


def _wanted_columns(path: Path, names: list[str], reading: Reading) -> list[str]:
    chosen = {name.lower() for name in reading.columns.values()}
    numbers = {int(name) for name in chosen if name.isdecimal()}
    wanted = [name for at, name in enumerate(names, 1) if name.lower() in chosen or at in numbers]
    if not chosen:
        known = {*KNOWN_FIELDS, *CONVERSATION_IDS, *ROLES, *CONTENTS}
        wanted = [name for name in names if name in known or name.strip().lower() in known]
    if not wanted:
        raise DataError(
            f"{path}: the columns {', '.join(names[:12])} are not known.",
            "Say what they are, as in --columns user=Question,assistant=Answer or --columns text=Story.",
        )
    return wanted


_READERS: dict[str, Callable[[Any, str, BadRecordHandler | None], Records]] = {
    ".txt": _paragraphs,
    ".md": _sections,
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_values,
}
_TABLES = (".csv", ".tsv")
_BINARY = (".parquet", gpt4all.SUFFIX, *OFFICE_TYPES)
KNOWN_TYPES = f"{' '.join([*_READERS, *_TABLES])} (also compressed as .xz or .gz), {' '.join(_BINARY)}"
