"""Turn the records of a source into documents. These shapes of records are known:

{"text": "..."}                                                     text
{"messages": [{"role": "user", "content": "..."}, ...]}             messages (of a reply also "weight": 0)
{"conversations": [{"from": "human", "value": "..."}, ...]}         ShareGPT conversations
{"instruction": "...", "input": "...", "output": "..."}             Alpaca instructions
{"prompt": "...", "completion": "..."}                              prompt and completion
{"ask": ["...", "..."], "answer": "..."}                            ways to ask (ways.py)
user,assistant                                                      two columns (of a table without known names)
{"ids": [5, 17, ...]}                                               token ids

and conversations exported by chat programs (chat_exports.py, chat_logs.py). What is not used is noted by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any

from ..errors import DataError
from ..net.dataset_name import DataSource, HubDataset
from . import chat_logs
from .chat_exports import EXPORT_KEYS, as_turn, chats_in, exported_chat, starts_turns
from .fields import ANSWERS, CONTENTS, CONTEXTS, CONVERSATIONS, QUESTIONS, ROLES, SYSTEMS, first_of
from .hub_dataset import fetch_dataset
from .nested import unpacked
from .readers import cut_text, is_table, read_records
from .reading import COLUMN_ROLES, Reading, ReadingNotes
from .records import BadRecordError, BadRecordHandler, ReadLimit, RecordLocation, Records, report_bad
from .sources import data_files, files_left_out
from .tables import join_turns
from .turns import ASSISTANT, MARKS, USER, LeaveOut, Turns, content_text, has_content
from .ways import conversations_of, has_ways

NO_REPLY = "conversations without a reply (learned only with --loss-on all)"
_EMPTY_REPLY = "a reply is empty and would teach the model to say nothing."
_EMPTY_QUESTION = "a question is empty, and its reply would be learned as one to nothing."
_KNOWN_SHAPES = (
    'Supported formats: {"text"}, {"messages"}, {"conversations"}, {"instruction", "input", "output"}, '
    '{"prompt", "completion"}, {"ids"}. Other names of fields: --columns user=NAME,assistant=NAME.'
)


@dataclass(frozen=True)
class Document:
    """A record: a conversation if `messages` is not empty, tokens if `ids` is not, else plain text.

    Attributes:
        messages: turns of user and assistant, perhaps after a system prompt.
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
    reading: Reading | None = None,
    notes: ReadingNotes | None = None,
) -> Iterator[Document]:
    """Stream the documents of a source; a very long text becomes several.

    A bad record raises BadRecordError naming file, line and reason, or is passed to `on_bad` and skipped.

    Args:
        vocab_size: token ids of this size and above are bad.
        limit: stops the reading once it is reached.
        reading: how to read files that do not say it.
        notes: receives what is not used.
    """
    reading, notes = reading or Reading(), notes or ReadingNotes()
    source = reading.located(source)
    for name in files_left_out(source):
        notes.leave_out(name)
    if isinstance(source, HubDataset):
        local = fetch_dataset(source)
        for name in local.unused:
            notes.leave_out(f"field `{name[:40]}`", local.records)
        if local.left_out:
            notes.leave_out("records without text", local.left_out)
    for file in data_files(source):
        if limit is not None and limit.is_reached:
            return
        records = read_records(file, on_bad, limit, reading, notes)
        if isinstance(source, HubDataset):
            records = ((RecordLocation(str(source), at.number, "record"), record) for at, record in records)
        table, place = is_table(file), str(file)
        if not table:
            records = unpacked(records, reading, notes, on_bad)
        for location, record in _joined(records, reading, notes, table):
            left_out: list[str] = []
            try:
                documents = _parse(record, reading, place, left_out.append)
                for document in documents:
                    if document.ids and vocab_size is not None and max(document.ids) >= vocab_size:
                        raise DataError(
                            f"the token id {max(document.ids)} is outside the vocabulary of {vocab_size:,}.",
                            "The ids belong to another tokenizer.",
                        )
            except DataError as error:
                report_bad(BadRecordError(location, error.what, error.remedy), on_bad)
                continue
            for what in left_out:
                notes.leave_out(what)
            for document in documents:
                if document.text:
                    yield from (replace(document, text=piece) for piece in cut_text(document.text))
                else:
                    yield document


def _joined(records: Records, reading: Reading, notes: ReadingNotes, is_table: bool) -> Records:
    """The records with their fields as the user named them; turns, where each record is one, as a conversation."""
    first = next(records, None)
    if first is None:
        return iter(())
    location, record = first
    records = chain([first], records)
    if not isinstance(record, dict):
        return records
    if not is_table and starts_turns(record):
        turns = (as_turn(item, notes.leave_out) for _, item in records)
        return iter([(location, {"messages": [turn for turn in turns if turn is not None]})])
    if reading.columns and (not is_table or not record.keys() & COLUMN_ROLES.values()):
        record = _renamed(record, reading)
        records = ((at, _renamed(item, reading)) for at, item in records)
    if is_table and first_of(ROLES, record) and first_of(CONTENTS, record):
        records = join_turns(records, list(record))
    return records


def _renamed(record: Any, reading: Reading) -> Any:
    if not isinstance(record, dict):
        return record
    names = {name: COLUMN_ROLES[role] for role, name in reading.columns.items()}
    numbered = {str(at): name for at, name in enumerate(record, 1)}
    names |= {numbered[name]: role for name, role in names.items() if name not in record and name in numbered}
    return {names.get(name, f"column {name}" if name in names.values() else name): v for name, v in record.items()}


def _parse(record: Any, reading: Reading, place: str, leave_out: LeaveOut) -> list[Document]:
    """Parse a record. Raises DataError without the location."""
    if isinstance(record, list) and record and all(isinstance(turn, dict) for turn in record):
        record = {"messages": record}
    if not isinstance(record, dict):
        raise DataError("a record must be a JSON object.", _KNOWN_SHAPES)
    if has_ways(record):
        conversations = conversations_of(record, leave_out)
        documents = [_conversation(t, "", "messages" if len(t.messages) > 2 else "ways to ask") for t in conversations]
    elif not _KEYS_OF_PROGRAMS.isdisjoint(record) or _has_versions(record):
        documents = [d for part in chats_in(record) for d in _parse_export(part, reading, place, leave_out)]
    else:
        documents = [_parse_fields(record, leave_out)]
    for document in documents:
        has_text = bool(document.ids) or bool(document.text.strip())
        has_reply = not document.messages
        empty = ""
        for turn in document.messages:
            is_reply, content = turn["role"] == ASSISTANT, turn["content"]
            if content and not content.isspace():
                has_text = True
            elif is_reply or turn["role"] == USER:
                empty = empty or (_EMPTY_REPLY if is_reply else _EMPTY_QUESTION)
            has_reply = has_reply or is_reply
        if not has_text:
            raise DataError("holds no text.", "Remove the record.")
        if empty:
            raise DataError(empty, "Fill it in, or remove it.")
        if not has_reply:
            leave_out(NO_REPLY)
    return documents


_KEYS_OF_PROGRAMS = EXPORT_KEYS | {"chats", "items", "guild", "type", "conversations"}


def _has_versions(record: dict[str, Any]) -> bool:
    """Whether the turns are those of LM Studio."""
    messages = record.get("messages")
    return isinstance(messages, list) and bool(messages) and isinstance(messages[0], dict) and "versions" in messages[0]


def _parse_export(record: dict[str, Any], reading: Reading, place: str, leave_out: LeaveOut) -> list[Document]:
    """Parse what a chat program may have exported."""
    fields = {name: value for name, value in record.items() if value is not None and value != []}
    chat = exported_chat(fields, leave_out)
    if chat is not None:
        turns = Turns()
        turns.add_items(chat.turns, leave_out)
        return [_conversation(turns, "", f"chat of {chat.program}")]
    logs = chat_logs.log_messages(fields, leave_out)
    if logs is None:
        return [_parse_fields(record, leave_out)]
    documents = []
    for log in filter(None, logs):
        for said in chat_logs.conversations(log, reading.i3_is, place):
            turns = Turns(said)
            documents.append(_conversation(turns, "", "chat between people"))
    return documents


@dataclass(frozen=True)
class _Plan:
    """What the fields of a record are, by their names alone.

    Attributes:
        turns: the field of a conversation; or else
        question, answer: those of an exchange; or else
        other: "text" or "ids".
        marks: fields that say whether the replies are learned.
        unused: fields that are left out.
    """

    turns: str | None
    question: str | None
    answer: str | None
    other: str | None
    systems: tuple[str, ...]
    contexts: tuple[str, ...]
    marks: tuple[str, ...]
    unused: tuple[str, ...]


@lru_cache(1024)
def _plan(names: tuple[str, ...]) -> _Plan:
    """Raises DataError if the names are of no known shape."""
    turns, question, answer = (first_of(known, names) for known in (CONVERSATIONS, QUESTIONS, ANSWERS))
    if "instruction" in names and answer:
        question = "instruction"
    if turns is None and not (question and answer):
        other = first_of(("text", "ids"), names)
        if other is None:
            found = ", ".join(f"`{name[:40]}`" for name in names[:8]) or "no fields that are not empty"
            raise DataError(f"unknown format: a record with {found}.", _KNOWN_SHAPES)
        return _Plan(None, None, None, other, (), (), (), tuple(n for n in names if n not in (other, "src")))
    if turns is not None:
        question = answer = None
    systems = tuple(name for name in SYSTEMS if name in names)
    contexts = tuple(name for name in CONTEXTS if name in names and name != question)
    marks = tuple(name for name in MARKS if name in names)
    used = {turns, question, answer, "history", "src", *systems, *contexts, *marks}
    return _Plan(turns, question, answer, None, systems, contexts, marks, tuple(n for n in names if n not in used))


def _parse_fields(record: dict[str, Any], leave_out: LeaveOut) -> Document:
    """Parse a record of data. Every field is used, or left out by name."""
    names = tuple(record)
    if None in record.values() or [] in record.values():
        names = tuple(name for name in names if record[name] is not None and record[name] != [])
    try:
        plan = _plan(names)
    except DataError:
        lowered = {name.strip().lower(): record[name] for name in names}
        if len(lowered) < len(names) or names == tuple(lowered):
            raise
        return _parse_fields(lowered, leave_out)
    source = _repaired(str(record["src"])) if "src" in names else ""
    for name in plan.unused:
        if has_content(record[name]):
            leave_out(f"field `{name[:40]}`")
    if plan.other == "text":
        return Document(_repaired(_text(record, "text")), source=source, shape="text")
    if plan.other == "ids":
        ids = record["ids"]
        if not isinstance(ids, list) or not all(type(i) is int and i >= 0 for i in ids):
            raise DataError("`ids` is not a list of numbers from 0.", 'For example {"ids": [5, 17, 3]}.')
        return Document(ids=tuple(ids), source=source, shape="token ids")
    turns = Turns()
    turns.system += [content_text(record[name], 0, leave_out) or "" for name in plan.systems]
    if "history" in names:
        _add_history(turns, record["history"], leave_out)
    contexts = [said for name in plan.contexts if (said := _text(record, name)).strip()]
    if plan.turns is not None:
        items = _parsed_cell(record[plan.turns])
        turns.system += contexts
        if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
            for number, said in enumerate(items):  # texts that alternate
                turns.add(ASSISTANT if number % 2 else USER, said)
        else:
            turns.add_items(items, leave_out)
        _mark(turns, record, plan.marks, leave_out)
        return _conversation(turns, source, "ShareGPT conversations" if plan.turns == "conversations" else "messages")
    question, answer = plan.question or "", plan.answer or ""
    for name in (question, answer):
        if isinstance(record[name], list) and not all(isinstance(item, dict | list) for item in record[name]):
            raise DataError(f"`{name}` is a list, but not of turns.", _KNOWN_SHAPES)
    if isinstance(record[question], list):
        turns.system += contexts
        turns.add_items(record[question], leave_out)
    else:
        turns.add(USER, "\n".join([_text(record, question), *contexts]))
    if isinstance(record[answer], list):
        turns.add_items(record[answer], leave_out)
    else:
        turns.add(ASSISTANT, _text(record, answer))
    _mark(turns, record, plan.marks, leave_out)
    shape = "Alpaca instructions" if question == "instruction" else "prompt and completion"
    if (question, answer) == ("user", "assistant"):
        shape = "two columns"
    return _conversation(turns, source, shape)


def _mark(turns: Turns, record: dict[str, Any], marks: tuple[str, ...], leave_out: LeaveOut) -> None:
    """Make replies context only if the record says so; a weight between 0 and 1 is left out."""
    for name in marks:
        if record[name] not in (0, 1):
            leave_out(f"field `{name}`")
        elif not record[name]:
            turns.forget_replies()


def _text(record: dict[str, Any], name: str) -> str:
    if not isinstance(record[name], str):
        raise DataError(f"`{name}` is not text.", _KNOWN_SHAPES)
    return record[name]


def _add_history(turns: Turns, history: Any, leave_out: LeaveOut) -> None:
    """Earlier exchanges: pairs of question and answer, turns, or a text."""
    history = _parsed_cell(history)
    if isinstance(history, str):
        turns.system.append(history)
    elif isinstance(history, list) and all(isinstance(p, list) and len(p) == 2 for p in history):
        for question, answer in history:
            if not isinstance(question, str) or not isinstance(answer, str):
                raise DataError("`history` has a pair that is not two texts.", _KNOWN_SHAPES)
            turns.add(USER, question)
            turns.add(ASSISTANT, answer)
    else:
        turns.add_items(history, leave_out)


def _parsed_cell(value: Any) -> Any:
    """A list that a table holds as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise DataError("a list of turns is not JSON.", "Export the table again, with lists as JSON.") from None
    return value


def _conversation(turns: Turns, source: str, shape: str) -> Document:
    messages, context = turns.finish()
    for turn in messages:
        content = turn["content"]
        if "\r" in content or not content.isascii():
            turn["content"] = _repaired(content)
    return Document(messages=messages, context=context, source=source, shape=shape)


def _repaired(text: str) -> str:
    """Replace half surrogate pairs (broken emoji in JSON) by U+FFFD, and line ends of Windows."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
