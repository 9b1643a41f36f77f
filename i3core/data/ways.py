"""Answers with several ways to ask, as the window's tables save them.

    {"ask": ["where is the key?", "the key?"], "answer": "under the pot."}
    {"exchanges": [{"ask": [...], "answer": "...", "learn": false}, {"ask": [...], "answer": "..."}]}

The second is a conversation; a reply with `learn` false is read and not learned.
"""

from __future__ import annotations

from typing import Any

from ..errors import DataError
from .turns import ASSISTANT, USER, LeaveOut, Turns, has_content

UNFINISHED = "rows without a question or an answer"
_EXAMPLE = 'For example {"ask": ["where is the key?", "the key?"], "answer": "under the pot."}.'
_FIELDS = ("ask", "answer", "learn")


def has_ways(record: dict[str, Any]) -> bool:
    """Whether a record is one of these."""
    return "exchanges" in record or ("ask" in record and "answer" in record)


def conversations_of(record: dict[str, Any], leave_out: LeaveOut) -> list[Turns]:
    """A conversation for each way to ask; with fewer ways than another turn has, a turn repeats its own.

    What follows an unfinished exchange is left out with it. Raises DataError without the location.
    """
    outer = record.get("exchanges", [record])
    if not isinstance(outer, list) or not all(isinstance(exchange, dict) for exchange in outer):
        raise DataError("`exchanges` is not a list of questions with answers.", _EXAMPLE)
    if "exchanges" in record:
        _note_unused(record, ("exchanges",), leave_out)
    exchanges: list[tuple[list[str], str, bool]] = []
    for number, exchange in enumerate(outer):
        _note_unused(exchange, _FIELDS, leave_out)
        ways, answer = exchange.get("ask", []), exchange.get("answer", "")
        ways = [ways] if isinstance(ways, str) else ways
        if not isinstance(ways, list) or not all(isinstance(way, str) for way in ways) or not isinstance(answer, str):
            raise DataError("`ask` is not texts, or `answer` is not text.", _EXAMPLE)
        ways = [way for way in ways if way.strip()]
        if not ways or not answer.strip():
            for _ in outer[number:]:
                leave_out(UNFINISHED)
            break
        exchanges.append((ways, answer, exchange.get("learn") is not False))
    made = []
    for number in range(max((len(ways) for ways, _, _ in exchanges), default=0)):
        turns = Turns()
        for ways, answer, is_learned in exchanges:
            turns.add(USER, ways[number % len(ways)])
            turns.add(ASSISTANT, answer, is_learned)
        made.append(turns)
    return made


def _note_unused(record: dict[str, Any], known: tuple[str, ...], leave_out: LeaveOut) -> None:
    for name, value in record.items():
        if name not in known and has_content(value):
            leave_out(f"field `{name[:40]}`")
