"""Turn the records of a source into documents. These shapes of records are known:

{"text": "..."}                                                     text
{"messages": [{"role": "user", "content": "..."}, ...]}             messages (of a reply also "weight": 0)
{"conversations": [{"from": "human", "value": "..."}, ...]}         ShareGPT conversations
{"instruction": "...", "input": "...", "output": "..."}             Alpaca instructions
{"prompt": "...", "completion": "..."}                              prompt and completion
user,assistant                                                      two columns (of a table without known names)
{"ids": [5, 17, ...]}                                               token ids
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import DataError
from ..net.dataset_name import DataSource, HubDataset, dataset_location
from ..text.chat_template import ROLES
from .fields import ANSWERS, CONTEXTS, QUESTIONS
from .readers import cut_text, is_table, read_records, report_bad
from .records import BadRecordError, BadRecordHandler, ReadLimit, RecordLocation, Records
from .sources import data_files

_ROLES = {
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "system": "system",
}  # fmt: skip
_KNOWN_SHAPES = (
    'Known shapes: {"text"}, {"messages"}, {"conversations"}, {"instruction", "input", "output"}, '
    '{"prompt", "completion"}, {"ids"}.'
)


@dataclass(frozen=True)
class Document:
    """A record: a conversation if `messages` is not empty, tokens if `ids` is not, else plain text.

    Attributes:
        context: numbers of the assistant messages that are read but not learned.
        source: the record's `src`, by which an evaluation can be grouped.
        shape: name of the record's shape, as it is shown.
    """

    text: str = ""
    messages: tuple[dict[str, str], ...] = ()
    ids: tuple[int, ...] = ()
    context: frozenset[int] = frozenset()
    source: str = ""
    shape: str = ""

    @property
    def texts(self) -> list[str]:
        """The texts that the vocabulary is counted from; none for tokens."""
        if self.ids:
            return []
        return [m["content"] for m in self.messages] if self.messages else [self.text]


def read_documents(
    source: DataSource,
    on_bad: BadRecordHandler | None = None,
    vocab_size: int | None = None,
    limit: ReadLimit | None = None,
) -> Iterator[Document]:
    """Stream the documents of a source; a very long text becomes several.

    A bad record raises BadRecordError naming file, line and reason, or is passed to `on_bad` and skipped.

    Args:
        vocab_size: token ids of this size and above are bad.
        limit: stops the reading once it is reached.
    """
    source = dataset_location(source)
    for file in data_files(source):
        if limit is not None and limit.is_reached:
            return
        records = read_records(file, on_bad, limit)
        if isinstance(source, HubDataset):
            records = ((RecordLocation(str(source), at.number, "record"), record) for at, record in records)
        for location, record in _named_cells(records, on_bad) if is_table(file) else records:
            try:
                document = _parse(record)
                if vocab_size is not None and document.ids and max(document.ids) >= vocab_size:
                    raise DataError(
                        f"the token id {max(document.ids)} is outside the vocabulary of {vocab_size:,}.",
                        "The ids belong to another tokenizer.",
                    )
            except DataError as error:
                report_bad(BadRecordError(location, error.what, error.remedy), on_bad)
                continue
            if document.text:
                yield from (replace(document, text=piece) for piece in cut_text(document.text))
            else:
                yield document


def _named_cells(rows: Records, on_bad: BadRecordHandler | None) -> Records:
    """Turn rows into records by the names in the first row, else into pairs."""
    first = next(rows, None)
    if first is None:
        return
    location, cells = first
    names = [cell.strip().lower() for cell in cells]
    named = "text" in names or (_first(QUESTIONS, names) is not None and _first(ANSWERS, names) is not None)
    if not named and len(names) != 2:
        found = ", ".join(repr(cell[:40]) for cell in cells[:8])
        raise DataError(
            f"{location}: a table with the columns {found} is not known.",
            "Name a column `text`, or two `prompt` and `completion`, or leave just two columns: user and assistant.",
        )
    if not named:
        yield location, cells
    for location, cells in rows:
        if len(cells) != len(names):
            error = BadRecordError(
                location,
                f"{len(cells)} columns, but the first row has {len(names)}.",
                "Enclose texts that hold the delimiter in quotes.",
            )
            report_bad(error, on_bad)
        else:
            yield location, dict(zip(names, cells, strict=True)) if named else cells


def _first(names: Collection[str], present: Collection[str]) -> str | None:
    return next((name for name in names if name in present), None)


def _parse(record: Any) -> Document:
    """Parse a record. Raises DataError without the location."""
    if isinstance(record, tuple):
        document = Document(messages=_exchange(*record), shape="two columns")
    elif isinstance(record, dict):
        document = _parse_fields({name: value for name, value in record.items() if value is not None and value != []})
    else:
        raise DataError("a record must be a JSON object.", _KNOWN_SHAPES)
    if not document.ids and not any(text.strip() for text in document.texts):
        raise DataError("holds no text.", "Remove the record.")
    if any(turn["role"] == "assistant" and not turn["content"].strip() for turn in document.messages):
        raise DataError("a reply is empty and would teach the model to say nothing.", "Fill it in, or remove it.")
    return document


def _parse_fields(record: dict[str, Any]) -> Document:
    source = _repaired(str(record.get("src", "")))
    if "messages" in record:
        messages, context = _turns(record["messages"])
        return Document(messages=messages, context=context, source=source, shape="messages")
    if "conversations" in record:
        messages, context = _turns(record["conversations"])
        return Document(messages=messages, context=context, source=source, shape="ShareGPT conversations")
    answer = _first(ANSWERS, record)
    if "instruction" in record and answer:
        question = _text(record, "instruction")
        context = _first(CONTEXTS, record)
        if context and _text(record, context).strip():
            question += "\n" + _text(record, context)
        messages = _exchange(question, _text(record, answer))
        return Document(messages=messages, source=source, shape="Alpaca instructions")
    question = _first(QUESTIONS, record)
    if question and answer:
        messages = _exchange(_text(record, question), _text(record, answer))
        return Document(messages=messages, source=source, shape="prompt and completion")
    if "text" in record:
        return Document(_text(record, "text"), source=source, shape="text")
    if "ids" in record:
        ids = record["ids"]
        if not isinstance(ids, list) or not all(type(i) is int and i >= 0 for i in ids):
            raise DataError("`ids` is not a list of numbers from 0.", 'For example {"ids": [5, 17, 3]}.')
        return Document(ids=tuple(ids), source=source, shape="token ids")
    found = ", ".join(f"`{name[:40]}`" for name in list(record)[:8]) or "no fields that are not empty"
    raise DataError(f"a record with {found} is of no known shape.", _KNOWN_SHAPES)


def _text(record: dict[str, Any], name: str) -> str:
    if not isinstance(record[name], str):
        raise DataError(f"`{name}` is not text.", _KNOWN_SHAPES)
    return _repaired(record[name])


def _exchange(question: str, answer: str) -> tuple[dict[str, str], ...]:
    return {"role": "user", "content": _repaired(question)}, {"role": "assistant", "content": _repaired(answer)}


def _turns(items: Any) -> tuple[tuple[dict[str, str], ...], frozenset[int]]:
    """User and assistant turns, and which assistant turns are context only.

    A system prompt is put in front of the first user turn, as templates lack one.
    """
    example = 'A turn must look like {"role": "user", "content": "..."} or {"from": "human", "value": "..."}.'
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise DataError("the turns are not a list of objects.", example)
    turns: list[dict[str, str]] = []
    learned: list[bool] = []
    system: list[str] = []
    for item in items:
        role, content = item.get("role", item.get("from")), item.get("content", item.get("value"))
        if not isinstance(role, str) or not isinstance(content, str):
            raise DataError("a turn lacks its role or its text.", example)
        known = _ROLES.get(role.lower())
        if known is None:
            raise DataError(f"a turn has the role {role!r}.", f"Known roles: {', '.join(ROLES)} and system.")
        if known == "system":
            system.append(_repaired(content))
        else:
            turns.append({"role": known, "content": _repaired(content)})
            learned.append(_is_learned(item))
    if not turns:
        raise DataError("no turn of a user or an assistant.", example)
    if any(text.strip() for text in system):
        asked = next((i for i, turn in enumerate(turns) if turn["role"] == "user"), None)
        if asked is None:
            turns.insert(0, {"role": "user", "content": "\n\n".join(system)})
            learned.insert(0, True)
        else:
            turns[asked] = {"role": "user", "content": "\n\n".join([*system, turns[asked]["content"]])}
    context = (i for i, turn in enumerate(turns) if turn["role"] == "assistant" and not learned[i])
    return tuple(turns), frozenset(context)


def _is_learned(item: dict[str, Any]) -> bool:
    """True unless the turn has `"weight": 0` (as in fine-tuning files of other programs) or `"learn": false`."""
    weight, learn = item.get("weight"), item.get("learn")
    if weight is not None and (isinstance(weight, bool) or weight not in (0, 1)):
        raise DataError(f"a turn has the weight {weight!r}.", "A reply is learned (1) or is context only (0).")
    if learn is not None and not isinstance(learn, bool):
        raise DataError(f"a turn says `learn`: {learn!r}.", "A reply is learned (true) or is context only (false).")
    return weight != 0 and learn is not False


def _repaired(text: str) -> str:
    """Replace half surrogate pairs (broken emoji in JSON) by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
