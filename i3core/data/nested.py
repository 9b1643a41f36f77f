"""Records that one JSON value holds: columns of equal length, rows beside the names of columns, or a list under a name.

{"question": ["...", "..."], "answer": ["...", "..."]}              columns (also {"question": {"0": "..."}, ...})
{"columns": ["question", "answer"], "data": [["...", "..."], ...]}   rows
{"0": {"question": "...", "answer": "..."}, "1": ...}                records by their numbers
{"data": [{"question": "...", "answer": "..."}], "version": "1"}     a list under any name
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from ..errors import DataError
from .chat_exports import EXPORT_KEYS
from .fields import ANSWERS, CONTENTS, CONVERSATIONS, KNOWN_FIELDS, QUESTIONS, ROLES
from .reading import Reading, ReadingNotes
from .records import BadRecordError, BadRecordHandler, RecordLocation, Records, report_bad
from .turns import LeaveOut, has_content

_OF_ONE_RECORD = EXPORT_KEYS.union(KNOWN_FIELDS, ("exchanges", "chats", "items"), ROLES, CONTENTS)
_ROW_FIELDS = {"row_idx", "row", "truncated_cells"}  # of the hub's viewer
_REMEDY = "Save it as a list of records, or as lines of records (.jsonl)."


def unpacked(records: Records, reading: Reading, notes: ReadingNotes, on_bad: BadRecordHandler | None) -> Records:
    """The records of a file whose first value holds many of them, numbered as rows; else those of the file."""
    first = next(records, None)
    if first is None:
        return iter(())
    named = reading.columns.values()
    try:
        holds_many = records_in(first[1], named, lambda what: None) is not None
    except DataError:
        holds_many = True
    records = chain([first], records)
    return _rows_of(records, named, notes, on_bad) if holds_many else records


def _rows_of(records: Records, named: Collection[str], notes: ReadingNotes, on_bad: BadRecordHandler | None) -> Records:
    number = 0
    for location, record in records:
        try:
            rows = records_in(record, named, notes.leave_out)
        except DataError as error:
            report_bad(BadRecordError(location, error.what, error.remedy), on_bad)
            continue
        for row in [record] if rows is None else rows:
            number += 1
            yield RecordLocation(location.file, number, "row"), row


def records_in(record: Any, named: Collection[str], leave_out: LeaveOut) -> Iterator[Any] | None:
    """The records that `record` holds; None if it is one itself.

    `named`: fields that the user named. Raises DataError if its columns are of different lengths.
    """
    if not isinstance(record, dict) or not record:
        return None
    values = list(record.values())
    columns: Any = record.get("columns")
    data: Any = record.get("data")
    if _is_list_of(str, columns) and _is_list_of(list, data) and all(len(row) == len(columns) for row in data):
        return (dict(zip(columns, row, strict=True)) for row in data)
    if _is_table(record, named):
        return _rows({name: _column(value) for name, value in record.items()}, leave_out)
    if all(name.isdecimal() for name in record) and _is_list_of(dict, values):
        return iter(values)
    lists = [name for name, value in record.items() if _is_list_of(dict, value)]
    if len(lists) != 1 or not _OF_ONE_RECORD.isdisjoint(record) or not set(named).isdisjoint(record):
        return None
    for name, value in record.items():
        if name not in lists and has_content(value):
            leave_out(f"field `{name[:40]}`")
    return (row["row"] if {"row"} < row.keys() <= _ROW_FIELDS else row for row in record[lists[0]])


def _is_table(record: dict[str, Any], named: Collection[str]) -> bool:
    """Whether the fields that are looked at hold a column each."""

    def is_column(name: str) -> bool:
        column = _column(record[name])
        if name.lower() in CONVERSATIONS:
            return _is_list_of(list, column) and all(_is_list_of(dict, turns) for turns in column)
        return (
            isinstance(column, list) and bool(column) and all(isinstance(c, str | int | float | None) for c in column)
        )

    found = {name for name in record if is_column(name)}
    lowered = {name.lower() for name in found}
    if named:
        return found >= {name for name in record if name in named} != set()
    has_exchange = not lowered.isdisjoint(QUESTIONS) and not lowered.isdisjoint(ANSWERS)
    return "text" in lowered or has_exchange or not lowered.isdisjoint(CONVERSATIONS)


def _column(value: Any) -> Any:
    """A column that is numbered by its rows, as a list."""
    is_numbered = isinstance(value, dict) and value and all(name.isdecimal() for name in value)
    return list(value.values()) if is_numbered else value


def _rows(columns: dict[str, Any], leave_out: LeaveOut) -> Iterator[Any]:
    lengths = {name: len(value) for name, value in columns.items() if isinstance(value, list)}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"`{name[:40]}` {length:,}" for name, length in list(lengths.items())[:8])
        raise DataError(f"columns of different lengths: {found}.", _REMEDY)
    for name, value in columns.items():
        if name not in lengths and has_content(value):
            leave_out(f"field `{name[:40]}`")
    rows = zip(*(columns[name] for name in lengths), strict=True)
    return (dict(zip(lengths, row, strict=True)) for row in rows)


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value)
