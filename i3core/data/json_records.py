"""Stream records from JSON: one a line, a list of them, or one after the other over several lines."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import IO, Any, TextIO

from ..errors import DataError
from .chat_exports import starts_turns
from .encodings import suggestion
from .records import BadRecordError, BadRecordHandler, RecordLocation, Records, report_bad

LONGEST_RECORD = 64_000_000  # bytes of one JSON record or one cell
BLOCK = 1 << 20  # characters that are read at a time
_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r"[ \t\r\n,\u2028\u2029\x85]*")  # records of one line
_SPACE = re.compile(r"[ \t\r\n]*")


def spans_lines(lines: list[str]) -> bool:
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


def json_lines(reader: IO[bytes], path: str, on_bad: BadRecordHandler | None) -> Records:
    """The record of each line of a file, or the records of a list on one line. A line that is not JSON is bad."""
    for number in itertools.count(1):
        line = reader.readline(LONGEST_RECORD)
        if not line:
            return
        location = RecordLocation(path, number)
        if len(line) == LONGEST_RECORD and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = reader.readline(BLOCK)
            report_bad(BadRecordError(location, "longer than 64 MB.", "Split the record into several."), on_bad)
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            found = _parse_line(text) if text else []
        except UnicodeDecodeError:
            report_bad(BadRecordError(location, "not UTF-8 text.", suggestion(line)), on_bad)
        except json.JSONDecodeError as error:
            what = f"not JSON (column {error.colno}: {error.msg})."
            report_bad(BadRecordError(location, what, "Each line must be one JSON record."), on_bad)
        except (ValueError, RecursionError):  # numbers of thousands of digits, brackets nested too deep
            report_bad(BadRecordError(location, "not JSON that can be read.", "Simplify the record."), on_bad)
        else:
            for record in found:
                if isinstance(record, list) and record and all(map(_is_whole, record)):
                    yield from ((location, part) for part in record)  # a list of records on one line
                else:
                    yield location, record


def _is_whole(part: Any) -> bool:
    """Whether a part of a list is a record of its own: no turn and no text."""
    return isinstance(part, dict) and not starts_turns(part)


def _parse_line(text: str) -> list[Any]:
    """The record of a line, or those that stand there one after the other, as in lines copied out of a list."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError as error:
        if text.startswith("\ufeff"):  # of a file that was appended to another
            return _parse_line(text[1:])
        if not error.msg.startswith("Extra data"):
            raise
    found, position = [], 0
    while position < len(text):
        record, position = _DECODER.raw_decode(text, position)
        if not isinstance(record, dict | list):
            raise json.JSONDecodeError("Extra data", text, position)
        found.append(record)
        between = _BETWEEN.match(text, position)
        position = between.end() if between else position
    return found


class _JsonText:
    """The part of a JSON file that is in memory; `text` from `position` on has not been parsed yet."""

    def __init__(self, reader: TextIO, path: str) -> None:
        self.reader, self.path = reader, path
        self.text, self.position = "", 0
        self._line, self._counted = 1, 0

    def more(self) -> bool:
        block = self.reader.read(max(BLOCK, len(self.text) - self.position))
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


def json_values(reader: TextIO, path: str, on_bad: BadRecordHandler | None) -> Records:
    """The records of a list, or one after the other. Raises DataError naming line and column of what is not JSON."""
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
