"""Rows of a table of questions and answers: as text of cells, as text of a clipboard, and as a file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from i3core.data.fields import ANSWERS, QUESTIONS
from i3core.data.ways import conversations_of
from i3core.errors import I3Error
from i3desk.conversations.conversation import ASSISTANT
from i3desk.language import tr

ASK, ANSWER = range(2)  # columns
HEADINGS = (tr("When I say"), tr("i3 should answer"))
_WAYS = re.compile(r"[\n|]")
_HEADINGS = {"when i say", "i3 should answer", *(each.lower() for each in HEADINGS), "ask", *QUESTIONS, *ANSWERS}


@dataclass(frozen=True)
class Row:
    """An exchange: what the user may say, and what i3 should answer.

    Attributes:
        ask: ways to ask, in order.
        follows: whether it continues the conversation of the row above.
        learn: whether the answer is learned; else it is only read, as in a chat before a correction.
    """

    ask: tuple[str, ...] = ()
    answer: str = ""
    follows: bool = False
    learn: bool = True

    @property
    def is_empty(self) -> bool:
        return not self.ask and not self.answer.strip()

    @property
    def is_finished(self) -> bool:
        """Whether it can be trained on."""
        return bool(self.ask) and bool(self.answer.strip())

    def cell(self, column: int) -> str:
        """The text of a cell."""
        return "\n".join(self.ask) if column == ASK else self.answer

    def with_cell(self, column: int, text: str) -> Row:
        """The row with another text in a cell: ways to ask stand in lines of their own, or are separated by "|"."""
        if column == ASK:
            return Row(ways(text), self.answer, self.follows, self.learn)
        return Row(self.ask, text.strip(), self.follows, self.learn)


def ways(text: str) -> tuple[str, ...]:
    """The ways to ask in a text, each once."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, _WAYS.split(text)))))


def rows_of_messages(messages: Sequence[dict[str, Any]]) -> list[Row]:
    """The exchanges of a conversation, as messages of training data; a reply of weight 0 is not learned."""
    rows: list[Row] = []
    asked: list[str] = []
    for message in messages:
        text = str(message["content"]).strip()
        if message["role"] != ASSISTANT:
            asked.append(text)
        elif asked and text:
            # A question is one way to ask, also if it has lines or a "|".
            question = " ".join(" ".join(asked).replace("|", "/").split())
            rows.append(Row((question,) if question else (), text, bool(rows), message.get("weight", 1) != 0))
            asked = []
    return rows


def rows_of_table(text: str) -> list[list[str]]:
    """The cells of a text that a spreadsheet has put on the clipboard, without a line of headings."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    is_quoted = "\t" in text and text.count('"') % 2 == 0
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), "excel-tab")) if is_quoted else []
    except csv.Error:  # a cell that is longer than any question
        lines = []
    cells = [line for line in lines or (line.split("\t") for line in text.split("\n")) if any(line)]
    if cells and len(cells[0]) > 1 and all(cell.strip().lower() in _HEADINGS for cell in cells[0][:2]):
        del cells[0]
    return cells


def pasted_rows(text: str) -> list[tuple[int, Row]]:
    """The number of columns and the row of each pasted line; of a single column, the text is that of the answer."""
    found = []
    for parts in rows_of_table(text):
        answer = parts[1].strip() if len(parts) > 1 else parts[0].strip()
        found.append((len(parts), Row(ways(parts[0]) if len(parts) > 1 else (), answer)))
    return found


def table_text(rows: Iterable[Sequence[str]]) -> str:
    """Cells as text for the clipboard, as spreadsheets read it."""
    target = io.StringIO(newline="")
    csv.writer(target, delimiter="\t", lineterminator="\n").writerows(rows)
    return target.getvalue()


def write_rows(rows: Sequence[Row]) -> str:
    """The rows as training data, a conversation in each line."""
    lines: list[list[dict[str, Any]]] = []
    for row in rows:
        exchange: dict[str, Any] = {"ask": list(row.ask), "answer": row.answer}
        if not row.learn:
            exchange["learn"] = False
        if row.follows and lines:
            lines[-1].append(exchange)
        elif not row.is_empty:
            lines.append([exchange])
    records = (line[0] if len(line) == 1 and line[0].get("learn", True) else {"exchanges": line} for line in lines)
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a file of `write_rows`. Raises I3Error if it cannot be read."""
    rows: list[Row] = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise I3Error(tr("{path} cannot be read: {strerror}.").format(path=path, strerror=error.strerror)) from error
    except ValueError as error:
        raise I3Error(
            tr("{path} is not UTF-8 text.").format(path=path), tr("Save it as UTF-8 in a text editor.")
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line or '{"exchanges": []}')
            for place, exchange in enumerate(record.get("exchanges", [record])):
                asked = tuple(map(str, exchange["ask"]))
                rows.append(Row(asked, str(exchange["answer"]), place > 0, exchange.get("learn") is not False))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise I3Error(
                tr("{path}, line {number}: no row of a table.").format(path=path, number=number),
                tr("Mend the line in a text editor, or remove it."),
            ) from error
    return rows


def export_rows(rows: Sequence[Row], suffix: str) -> str:
    """The finished rows for other programs: as conversations in JSON lines, or as a table for ".csv"."""
    conversations = []
    for line in write_rows(rows).split("\n")[:-1]:
        for turns in conversations_of(json.loads(line), lambda _: None):
            conversations.append(turns.finish())
    if suffix == ".csv":
        target = io.StringIO(newline="")
        table = csv.writer(target)
        table.writerow(("user", "assistant"))
        for messages, unlearned in conversations:
            texts = [message["content"] for message in messages]
            table.writerows((texts[n - 1], texts[n]) for n in range(1, len(texts), 2) if n not in unlearned)
        return target.getvalue()
    lines = (
        {"messages": [m | ({"weight": 0} if n in unlearned else {}) for n, m in enumerate(messages)]}
        for messages, unlearned in conversations
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
