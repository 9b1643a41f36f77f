"""Stream raw records and their locations from data files; at most one record is in memory.

    .txt        one text per paragraph (blank lines separate them)
    .md         one text per section (a heading starts one)
    .jsonl      one record per line (also .ndjson)
    .json       a list of records, one record, or records one after the other
    .csv .tsv   one row of cells per record
    .parquet    one record per row (needs pyarrow)

All but .parquet may be compressed as .xz or .gz.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TextIO

from ..errors import DataError
from ..system.extras import install_hint
from . import chat_logs
from .chat_exports import starts_turns
from .encodings import UTF8, suggestion, text_encoding
from .fields import CONTENTS, CONVERSATION_IDS, KNOWN_FIELDS, ROLES
from .reading import Reading, ReadingNotes
from .records import BadRecordError, BadRecordHandler, CountingReader, ReadLimit, RecordLocation, Records, report_bad
from .tables import table_rows

LONGEST_TEXT = 1_000_000  # characters; longer texts are split, so that memory stays bounded
LONGEST_RECORD = 64_000_000  # bytes of one JSON record or one cell
_BLOCK = 1 << 20
_COMPRESSED = {".xz": lzma.open, ".gz": gzip.open}
_HEAD_BYTES = 1 << 16
_BY_RECORD = (".jsonl", ".ndjson")  # a record on each line
_BY_LINE = (".txt", ".md", *_BY_RECORD)  # may end after any line
_HEADING = re.compile(r" {0,3}#{1,6}(\s|$)")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
_SPACE = re.compile(r"[ \t\r\n]*")


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
    try:
        if kind == ".parquet":
            yield from _parquet_rows(path, limit, reading, notes)
            return
        with _open(path, compression) as (file, content):
            encoding = text_encoding(content, path, reading)
            head = content.read(_HEAD_BYTES)
            content.seek(0)
            lines = head.decode(encoding, "ignore").splitlines() if kind in (*_BY_RECORD, ".txt") else []
            if kind in _BY_RECORD and _spans_lines(lines):
                kind = ".json"
            is_chat = kind == ".txt" and chat_logs.is_whatsapp(lines)
            reader: Any = content
            if kind not in _BY_RECORD or encoding != UTF8:
                line_ends = "" if kind in _TABLES else None  # in a table, line ends within quotes belong to the text
                reader = io.TextIOWrapper(content, encoding, newline=line_ends)
            if limit is not None:
                reader = CountingReader(reader, limit, kind in _BY_LINE)
            if kind in _BY_RECORD and encoding != UTF8:
                reader = _Utf8Lines(reader)  # else they are decoded one by one, so that a bad one affects no other
            if kind in _TABLES:
                items = table_rows(reader, str(path), on_bad, reading, notes, LONGEST_RECORD)
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


def _spans_lines(lines: list[str]) -> bool:
    """Whether a file of JSON lines that starts with these is one list, or has records over several lines."""
    first, second = [*(line.strip() for line in lines if line.strip()), "", ""][:2]
    if not second or not first.startswith(("[", "{")) or _is_json(first) or _is_json(second):
        return False
    return first.startswith("[") or not first.endswith(("}", "},"))


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict | list)
    except (ValueError, RecursionError):
        return False


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
    return (
        kind if kind in _READERS or kind in _TABLES or (kind == ".parquet" and not compression) else ""
    ), compression


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
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            record = _parse_line(text) if text else None
        except UnicodeDecodeError:
            report_bad(BadRecordError(location, "not UTF-8 text.", suggestion(line)), on_bad)
        except json.JSONDecodeError as error:
            what = f"not JSON (column {error.colno}: {error.msg})."
            report_bad(BadRecordError(location, what, "Each line must be one JSON record."), on_bad)
        except (ValueError, RecursionError):  # numbers of thousands of digits, brackets nested too deep
            report_bad(BadRecordError(location, "not JSON that can be read.", "Simplify the record."), on_bad)
        else:
            if (
                isinstance(record, list)
                and record
                and all(isinstance(part, dict) and not starts_turns(part) for part in record)
            ):
                yield from ((location, part) for part in record)  # a list of records on one line
            elif text:
                yield location, record


def _parse_line(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if not text.endswith(","):
            raise
        return json.loads(text[:-1])  # lines copied out of a list


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
                    column = error.pos - self.text.rfind("\n", 0, error.pos)
                    raise self.broken(f"not JSON (column {column}: {error.msg})", error.pos) from None
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


def _wanted_columns(path: Path, names: list[str], reading: Reading) -> list[str]:
    chosen = {name.lower() for name in reading.columns.values()}
    numbers = {int(name) for name in chosen if name.isdecimal()}
    wanted = [name for at, name in enumerate(names, 1) if name.lower() in chosen or at in numbers]
    if not chosen:
        known = {*KNOWN_FIELDS, *CONVERSATION_IDS, *ROLES, *CONTENTS}
        wanted = [name for name in names if name in known]
    if not wanted:
        raise DataError(
            f"{path}: the columns {', '.join(names[:12])} are not known.",
            "Say what they are, as in --columns user=Question,assistant=Answer or --columns text=Story.",
        )
    return wanted


_READERS: dict[str, Callable[[Any, str, BadRecordHandler | None], Records]] = {
    ".txt": _paragraphs,
    ".md": _sections,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_values,
}
_TABLES = (".csv", ".tsv")
KNOWN_TYPES = f"{' '.join([*_READERS, *_TABLES])} (also compressed as .xz or .gz) and .parquet"
