"""Rows of tables, with strict quotes, and what their columns are taken for.

A quote that is not closed, or that is followed by more text, is a bad record with its line: the rows behind it are read
from the next line, never joined. In a table separated by tabs, such quotes are text.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from ..errors import DataError
from .fields import ANSWERS, CONTENTS, CONVERSATION_IDS, CONVERSATIONS, QUESTIONS, ROLES, first_of
from .reading import COLUMN_ROLES, Reading, ReadingNotes
from .records import BadRecordError, BadRecordHandler, RecordLocation, Records, report_bad
from .turns import has_content

MOST_LINES = 2000  # of one row, with line breaks in cells
MOST_TITLE_LINES = 5  # above the header
SAMPLED_LINES = 20
SAMPLED_CHARACTERS = 1 << 20
_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)  # Excel's own way to name the delimiter
_WORDS_OF = {  # in headers, by what the column is
    "user": (
        "user", "human", "question", "prompt", "query", "input", "instruction", "ask", "customer", "message", "frage",
        "fragen", "nutzer", "pregunta", "pergunta", "domanda", "vraag", "pytanie", "вопрос", "问题", "問題", "質問",
    ),
    "assistant": (
        "assistant", "bot", "answer", "reply", "response", "output", "completion", "ai", "gpt", "antwort", "antworten",
        "réponse", "reponse", "respuesta", "resposta", "risposta", "antwoord", "odpowiedź", "ответ", "回答", "答案",
    ),
}  # fmt: skip
_MOST_HEADER_CHARACTERS, _MOST_HEADER_WORDS = 40, 4
_SENTENCE_END = (".", "!", "?", "…", ",", ";", ":")


def table_rows(
    reader: TextIO, path: str, on_bad: BadRecordHandler | None, reading: Reading, notes: ReadingNotes, longest: int
) -> Records:
    """Records of a table: one for each row, by the names of the columns."""
    rows = _Rows(reader, path, on_bad, longest)
    sample = rows.peek()
    if next((line for line in sample if line.strip()), "").lstrip().startswith(('{"', '[{"')):
        raise DataError(f"{path} holds JSON, not a table.", "Rename it, so that its name ends in .jsonl or .json.")
    found = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
    if found:
        rows.skip_line()
        sample = sample[1:]
    for _ in range(_lines_above_header(sample)):
        rows.skip_line()
        notes.leave_out("lines above the header of a table")
    rows.delimiter = found[1] if found else _delimiter(sample)
    head = list(itertools.islice(rows, 1))
    if not head:
        return
    location, first = head[0]
    rows.width = len(first)
    head += itertools.islice(rows, SAMPLED_LINES)
    columns = _columns(location, first, [cells for _, cells in head[1:]], reading, notes)
    body: Records = itertools.chain(head[1:] if columns.has_header else head, rows)
    yield from _named(body, columns.names, on_bad)


@dataclass(frozen=True)
class _Columns:
    """Names of the columns as fields of a record, and whether the first row is a header."""

    names: list[str]
    has_header: bool


def _columns(
    location: RecordLocation, first: Sequence[str], others: list[Sequence[str]], reading: Reading, notes: ReadingNotes
) -> _Columns:
    while len(first) > 1 and not first[-1].strip() and all(len(row) < len(first) or not row[-1] for row in others):
        first = first[:-1]
        others = [row[: len(first)] for row in others]
    names: list[str] = []
    for number, cell in enumerate(first, 1):
        name = cell.strip().lower()
        names.append(name if name and name not in names else f"column {number}")  # of two with one name, the first
    if reading.columns:
        return _chosen(location, list(first), names, others, reading, notes)
    if _is_known(names):
        return _Columns(names, True)
    has_header = _is_header(first, others)
    roles = _guessed(names) if has_header else {"user": 0, "assistant": 1} if len(names) == 2 else {}
    if len(names) == 1:
        roles, has_header = {"text": 0}, has_header
    if not roles:
        found = ", ".join(repr(cell[:40]) for cell in first[:8])
        raise DataError(
            f"{location}: a table with the columns {found} is not known.",
            "Name a column `text`, or two `prompt` and `completion`, or say what they are: "
            "--columns user=Question,assistant=Answer.",
        )
    for role, at in roles.items():
        notes.columns[role] = first[at].strip() if has_header else f"column {at + 1}"
        names[at] = COLUMN_ROLES[role]
    return _Columns(names, has_header)


def _chosen(
    location: RecordLocation,
    first: list[str],
    names: list[str],
    others: list[Sequence[str]],
    reading: Reading,
    notes: ReadingNotes,
) -> _Columns:
    """The columns that the user named, by their names or numbers."""
    chosen: dict[int, str] = {}
    for role, wanted in reading.columns.items():
        if wanted.lower() in names:
            at = names.index(wanted.lower())
        elif wanted.isdecimal() and 1 <= int(wanted) <= len(names):
            at = int(wanted) - 1
        else:
            raise DataError(
                f"{location}: there is no column {wanted!r}. It has: {', '.join(cell[:40] for cell in first[:12])}.",
                "Name another in --columns, or its number.",
            )
        chosen[at] = COLUMN_ROLES[role]
    by_name = any(wanted.lower() in names for wanted in reading.columns.values())
    has_header = by_name or _is_known(names) or _is_header(first, others)
    fields = [chosen.get(at, f"column {name}" if has_header else name) for at, name in enumerate(names)]
    notes.columns.update(reading.columns)
    return _Columns(fields, has_header)


def _is_known(names: Sequence[str]) -> bool:
    if "text" in names or any(name in names for name in CONVERSATIONS[:2]):
        return True
    if first_of(QUESTIONS, names) is not None and first_of(ANSWERS, names) is not None:
        return True
    return first_of(ROLES, names) is not None and first_of(CONTENTS, names) is not None


def _lines_above_header(lines: list[str]) -> int:
    """How many lines, such as a title, have a single cell and come before a header."""
    for count, line in enumerate(lines[: MOST_TITLE_LINES + 1]):
        for delimiter in _DELIMITERS:
            cells = _cells(line, delimiter)
            names = [cell.lower() for cell in cells]
            if len(cells) > 1 and (
                _is_known(names) or (len(_guessed(names, strict=True)) == 2 and _is_header(cells, []))
            ):
                above = [_cells(each, delimiter) for each in lines[:count]]
                is_title = all(sum(map(bool, row)) < 2 and not _is_known([c.lower() for c in row]) for row in above)
                return count if is_title else 0
    return 0


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for row in csv.reader([line], delimiter=delimiter) for cell in row]
    except csv.Error:
        return []


def _is_header(first: Sequence[str], others: list[Sequence[str]]) -> bool:
    """Whether a first row of unknown names is a header: short names, of a known kind or unlike what is below."""
    cells = [cell.strip() for cell in first]
    if len(set(map(str.lower, cells))) < len(cells) or not all(cells):
        return False
    if any(
        len(c) > _MOST_HEADER_CHARACTERS or len(c.split()) > _MOST_HEADER_WORDS or c.endswith(_SENTENCE_END)
        or not any(map(str.isalpha, c)) for c in cells
    ):  # fmt: skip
        return False
    if len(_guessed([cell.lower() for cell in cells], strict=True)) == min(2, len(cells)):
        return True
    rows = [row for row in others if len(row) == len(cells)]
    if len(rows) < 3:
        return False

    def is_prose(at: int) -> bool:
        below = [row[at].strip() for row in rows]
        ended = sum(cell.endswith(_SENTENCE_END[:4]) for cell in below)
        return ended > len(below) / 2 or sum(map(len, below)) > 3 * len(cells[at]) * len(below)

    return all(map(is_prose, range(len(cells))))


def _guessed(names: Sequence[str], strict: bool = False) -> dict[str, int]:
    """Which columns are the user's and the assistant's by words in their names; of two, else by their order."""
    found: dict[str, int] = {}
    for role in ("assistant", "user"):  # "user message, bot message"
        for at, name in enumerate(names):
            words = re.findall(r"[^\W_]+", name)
            if at not in found.values() and any(word in _WORDS_OF[role] for word in words):
                found.setdefault(role, at)
    if len(found) == 2:
        return {"user": found["user"], "assistant": found["assistant"]}
    if strict:
        return found
    return {"user": 0, "assistant": 1} if len(names) == 2 else {}


def _named(rows: Records, names: list[str], on_bad: BadRecordHandler | None) -> Records:
    for location, cells in rows:
        while len(cells) > len(names) and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) != len(names):
            what = f"{len(cells)} columns, but the first row has {len(names)}."
            remedy = "Enclose texts that hold the delimiter in quotes."
            if len(cells) < len(names):
                remedy = "Fill in what is missing; an empty cell needs its delimiter, too."
            report_bad(BadRecordError(location, what, remedy), on_bad)
        else:
            yield location, dict(zip(names, cells, strict=True))


def join_turns(records: Records, names: list[str]) -> Records:
    """Join rows of turns into conversations: by a column that names them, or else up to the next system prompt."""
    role_name = first_of(ROLES, names)
    by = first_of(CONVERSATION_IDS, names)
    turns: list[dict[str, Any]] = []
    start: RecordLocation | None = None
    current = None
    for location, record in records:
        is_next = record[by] != current if by else str(record[role_name]).strip().lower() == "system"
        if start is not None and is_next and turns:
            yield start, {"messages": turns}
            turns = []
        if not turns:
            start = location
        current = record[by] if by else None
        turns.append({name: cell for name, cell in record.items() if name != by and has_content(cell)})
    if start is not None and turns:
        yield start, {"messages": turns}


# ------------------------------------------------------------------------------------------------------------- cells


class _TooManyLinesError(Exception):
    """A row has more lines than a cell may have."""


class _Rows(Iterator[tuple[RecordLocation, tuple[str, ...]]]):
    """Rows of cells.

    Attributes:
        delimiter: between cells; set before the first row is read.
        width: cells of a row; tells rows that a stray quote has joined from rows with line breaks.
    """

    def __init__(self, reader: TextIO, path: str, on_bad: BadRecordHandler | None, longest: int) -> None:
        csv.field_size_limit(longest)
        self.delimiter, self.width = ",", 0
        self._reader, self._path, self._on_bad, self._longest = reader, path, on_bad, longest
        self._waiting: list[str] = []  # lines that are read next, the last one first
        self._number = 0  # of the line that was taken last
        self._taken: list[str] = []  # the lines of this row
        self._cells: Iterator[list[str]] | None = None

    def peek(self) -> list[str]:
        """The first lines, which are still read."""
        lines: list[str] = []
        while len(lines) < SAMPLED_LINES and sum(map(len, lines)) < SAMPLED_CHARACTERS and (line := self._read()):
            lines.append(line)
        self._waiting = lines[::-1]
        return lines

    def skip_line(self) -> None:
        """Leave out the next of the lines that were looked at."""
        self._waiting.pop()
        self._number += 1

    def _read(self) -> str:
        line = self._reader.readline(self._longest)
        if len(line) == self._longest and not line.endswith("\n"):
            raise DataError(f"{self._path}, line {self._number + 1}: longer than 64 MB.", "Is this a table?")
        return line

    def _lines(self) -> Iterator[str]:
        waiting, taken = self._waiting, self._taken
        while line := waiting.pop() if waiting else self._read():
            self._number += 1
            taken.append(line)
            if len(taken) > MOST_LINES:
                raise _TooManyLinesError
            yield line

    def _start(self) -> Iterator[list[str]]:
        return csv.reader(self._lines(), delimiter=self.delimiter, strict=True, skipinitialspace=True)

    def __next__(self) -> tuple[RecordLocation, tuple[str, ...]]:
        taken = self._taken
        while True:
            self._cells = self._cells or self._start()
            try:
                cells = next(self._cells, None)
                if cells is None:
                    raise StopIteration
                is_joined = len(taken) > 1 and self.width and len(cells) != self.width
                reason = "a quote that joins lines which do not belong together" if is_joined else ""
            except csv.Error as error:
                cells, reason = [], _reason(error)
            except _TooManyLinesError:
                cells, reason = [], "a quote that is not closed"
            location = RecordLocation(self._path, self._number - len(taken) + 1)
            if reason:
                cells = self._recover(location, reason)
            taken.clear()
            if cells:
                return location, tuple(cells)

    def _recover(self, location: RecordLocation, reason: str) -> list[str]:
        """Read on from the second line. The first is reported, or, with tabs, its quotes are text."""
        first, *others = self._taken
        self._waiting += reversed(others)
        self._number -= len(others)
        self._cells = None
        if self.delimiter == "\t":
            return first.rstrip("\r\n").split("\t")
        self._taken.clear()
        remedy = 'Write a quote within a text as "", and enclose the text in quotes.'
        report_bad(BadRecordError(location, f"{reason}.", remedy), self._on_bad)
        return []


def _reason(error: csv.Error) -> str:
    if "unexpected end" in str(error):
        return "a quote that is not closed"
    if "expected after" in str(error):
        return "text behind a closing quote"
    return f"not a row of a table ({error})"


def _delimiter(lines: list[str]) -> str:
    """Comma, semicolon, tab or bar: the one that splits most rows into as many cells as the first, and least prose."""

    def fit(delimiter: str) -> tuple[bool, float, float]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return False, 0.0, 0.0
        columns = [len(row) for row in rows]
        if not columns or columns[0] < 2:
            return False, 0.0, 0.0
        text = "".join(lines)
        inside = len(re.findall(rf"{re.escape(delimiter)} |\d{re.escape(delimiter)}\d", text))  # "well, 1,5"
        known = _is_known([cell.strip().lower() for cell in rows[0]])
        return known, columns.count(columns[0]) / len(columns), -inside / max(1, text.count(delimiter))

    return max(_DELIMITERS, key=fit)
