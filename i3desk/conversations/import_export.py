"""Export of conversations as Markdown and JSON; import of our JSON and other programs' JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from dataclasses import fields
from pathlib import Path
from typing import Any, overload

from i3core.data import gpt4all
from i3core.data.chat_exports import EXPORT_KEYS, as_turn, chats_in, exported_chat, starts_turns
from i3core.data.turns import Turns
from i3core.errors import DataError, I3Error
from i3core.generation.config import SamplingConfig
from i3core.system.files import open_file, replaced
from i3desk.conversations import serialization
from i3desk.conversations.conversation import ASSISTANT, LATEST, USER, Conversation, Message, ReplyState, make_title
from i3desk.language import tr

VERSION = 1
LARGEST_FILE = 256 * 2**20  # bytes
HIGHEST_NUMBER = 2**20 - 1  # the highest that the store can hold
ALTERNATIVES = 10
SMALLEST_PROBABILITY = 1e-12  # a probability of 0 would have infinite surprise
_STATES = {state.value: state for state in ReplyState}
_HOW_ENDED = {
    ReplyState.STOPPED: "stopped",
    ReplyState.CUT: "cut off when i3desk ended",
    ReplyState.FAILED: "failed",
}


def to_markdown(conversation: Conversation) -> str:
    """Convert the path on screen to Markdown: title, dates, authors and texts."""
    parts = [f"# {conversation.shown_title}", f"*{_date(conversation.created_at)}*"]
    for message in conversation.path():
        author = tr("You") if message.role == USER else message.model or "i3"
        parts.append(f"**{author}** · {_date(message.created_at)}")
        if message.shown_text:
            parts.append(message.shown_text)
        if message.state in _HOW_ENDED:
            parts.append(f"*({_HOW_ENDED[message.state]})*")
    return "\n\n".join(parts) + "\n"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def to_json(conversation: Conversation) -> dict[str, Any]:
    """Convert a conversation to JSON: the whole tree, settings, and loaded chunks, but not the id.

    Messages have "role" and "content", which other programs can read.
    """
    return {
        "i3desk_conversation": VERSION,
        "title": conversation.title,
        "has_own_title": conversation.has_own_title,
        "pinned": conversation.pinned,
        "folder": conversation.folder,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "settings": serialization.settings_to_dict(conversation.settings),
        "leaf": conversation.leaf,
        "draft": conversation.draft,
        "window_used": conversation.window_used,
        "window": conversation.window,
        "first_seen": conversation.first_seen,
        "messages": [_message_to_dict(conversation.messages[number]) for number in sorted(conversation.messages)],
    }


def _message_to_dict(message: Message) -> dict[str, Any]:
    values = {field.name: getattr(message, field.name) for field in fields(Message)}
    values["content"] = values.pop("text")
    values["state"] = message.state.value
    values["sampling"] = None if message.sampling is None else message.sampling.to_json()
    values["chunks"] = [serialization.chunk_to_list(chunk) for chunk in message.chunks]
    return values


def from_json(data: object) -> Conversation:
    """Read a conversation: the output of `to_json`, {"messages": [...]}, or a list of {"role", "content"}.

    Raises I3Error with the reason if it is invalid.
    """
    if isinstance(data, list):
        data = {"messages": data}
    if isinstance(data, dict) and isinstance(data.get("conversations"), list):  # ShareGPT
        data = {**data, "messages": data["conversations"]}
    is_export = isinstance(data, dict) and data.keys() & (EXPORT_KEYS - {"i3desk_conversation"})
    if not isinstance(data, dict) or not (is_export or isinstance(data.get("messages"), list)):
        raise _refused(tr("it has no list of messages"))
    version = data.get("i3desk_conversation")
    if version is None:
        return _from_other(data)
    if type(version) is not int or version < 1:
        raise _refused(tr("its version number is damaged"))
    if version > VERSION:
        raise I3Error(
            tr("This conversation was exported by a newer i3desk."), tr("Install the newer version to import it.")
        )
    return _from_i3desk(data)


def conversations_from(data: object) -> list[Conversation]:
    """Read one conversation, or a list of conversations, see `from_json`; also exports of other chat programs."""
    entries = data if isinstance(data, list) else list(chats_in(data))
    if entries and isinstance(entries[0], dict) and starts_turns(entries[0]):
        turns = [as_turn(entry, lambda what: None) for entry in entries]
        return [from_json([turn for turn in turns if turn is not None])]
    return [from_json(entry) for entry in entries]


def _from_i3desk(data: dict) -> Conversation:
    messages: dict[int, Message] = {}
    for values in data["messages"]:
        message = _message_from(values)
        if message.number in messages:
            raise _refused(tr("the message number {number} occurs twice").format(number=message.number))
        if message.parent is not None and not (message.parent in messages and message.parent < message.number):
            raise _refused(tr("message {number} follows a missing message").format(number=message.number))
        messages[message.number] = message
    leaf, first_seen = (_whole(data, name, None) for name in ("leaf", "first_seen"))
    return Conversation(
        title=_text(data, "title"),
        has_own_title=data.get("has_own_title") is True,
        pinned=data.get("pinned") is True,
        folder=_text(data, "folder"),
        created_at=_time(data, "created_at"),
        updated_at=_time(data, "updated_at"),
        settings=serialization.settings_from(data.get("settings")),
        messages=messages,
        leaf=leaf,
        draft=_text(data, "draft"),
        window_used=_whole(data, "window_used", 0),
        window=_whole(data, "window", 0),
        first_seen=first_seen if first_seen in messages else None,
    )


def _message_from(values: object) -> Message:
    if not isinstance(values, dict):
        raise _refused(tr("a message is not an object"))
    number, role = values.get("number"), values.get("role")
    if type(number) is not int or not 1 <= number <= HIGHEST_NUMBER:
        raise _refused(tr("a message has no usable number: {number}").format(number=str(number)[:20]))
    if role not in (USER, ASSISTANT):
        raise _refused(
            tr('message {number} is by "{role}", neither "{user}" nor "{assistant}"').format(
                number=number, role=str(role)[:20], user=USER, assistant=ASSISTANT
            )
        )
    if not isinstance(values.get("content"), str):
        raise _refused(tr("message {number} has no text").format(number=number))
    state = _STATES.get(_text(values, "state"))
    message = Message(
        number=number,
        parent=_whole(values, "parent", None),
        role=role,
        text=_text(values, "content"),
        created_at=_time(values, "created_at"),
        state=state or ReplyState.DONE,
        chunks=_chunks_from(values.get("chunks"), number),
        given_tokens=_whole(values, "given_tokens", 0),
        new_tokens=_whole(values, "new_tokens", 0),
        tokens_per_second=_number(values, "tokens_per_second", 0.0),
        seconds_to_first_token=_number(values, "seconds_to_first_token", None),
        seed=_whole(values, "seed", None),
        finish_reason=_text(values, "finish_reason") or None,
        what_failed=_text(values, "what_failed"),
        remedy=_text(values, "remedy"),
        model=_text(values, "model"),
        sampling=None if values.get("sampling") is None else SamplingConfig.from_json(values["sampling"]),
    )
    if not message.ended:  # its generation ended with that program
        message.state = ReplyState.CUT
    return message


def _chunks_from(values: object, number: int) -> list:
    if values is None:
        return []
    try:
        if not isinstance(values, list):
            raise TypeError("not a list")
        return [serialization.chunk_from_list(chunk) for chunk in values]
    except (TypeError, ValueError) as error:
        raise _refused(tr("the chunks of message {number} are damaged").format(number=number)) from error


def _from_other(data: dict) -> Conversation:
    """Read a conversation of another program: the path on its screen; system messages become the persona."""
    turns, title, created_at = Turns(), _text(data, "title"), None
    try:
        chat = exported_chat(data, lambda what: None)
        if chat is not None:
            title, created_at = serialization.encodable(chat.title), chat.created_at
        turns.add_items(data.get("messages") if chat is None else chat.turns, lambda what: None)
    except DataError as error:
        raise _refused(error.what.rstrip(".")) from error
    conversation = Conversation(title=title, has_own_title=bool(title))
    if created_at is not None and 0 <= created_at <= LATEST:
        conversation.created_at = created_at
    parent: int | None = None
    for turn in turns.messages:
        parent = conversation.add(turn["role"], serialization.encodable(turn["content"]), parent).number
    if not conversation.messages:
        raise _refused(tr("it has no messages"))
    if not conversation.title:
        conversation.title = make_title(conversation.messages[1].text)
    if turns.system:
        persona = serialization.encodable("\n".join(turns.system))
        conversation.settings = serialization.settings_from({"persona": persona})
    return conversation


def _text(values: dict, name: str) -> str:
    value = values.get(name)
    return serialization.encodable(value) if isinstance(value, str) else ""


@overload
def _number(values: dict, name: str, default: float) -> float: ...
@overload
def _number(values: dict, name: str, default: None) -> float | None: ...
def _number(values: dict, name: str, default: float | None) -> float | None:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:  # NaN and infinity too
        return default
    return float(value)


def _time(values: dict, name: str) -> float:
    value = _number(values, name, None)
    return value if value is not None and 0 <= value <= LATEST else time.time()


@overload
def _whole(values: dict, name: str, default: int) -> int: ...
@overload
def _whole(values: dict, name: str, default: None) -> int | None: ...
def _whole(values: dict, name: str, default: int | None) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else default


def _refused(why: str) -> I3Error:
    return I3Error(
        tr("This is not a conversation that i3desk can import: {why}.").format(why=why),
        tr('Choose a JSON file that i3desk exported, or one with a list of {"role": ..., "content": ...}.'),
    )


def read_file(path: Path | str) -> list[Conversation]:
    """Read all conversations of a .json file, of a .jsonl file with one a line, or of a .chat file of GPT4All.

    Raises I3Error naming the file.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == gpt4all.SUFFIX:
            return _conversations_in(gpt4all.read_chat(path, lambda what: None), str(path))
        if path.stat().st_size > LARGEST_FILE:
            raise I3Error(
                tr("{path} is larger than {size} MB.").format(path=path, size=LARGEST_FILE // 2**20),
                tr("Split it into smaller files and import those."),
            )
        with open_file(path) as source:
            text = source.read().decode("utf-8-sig")
    except OSError as error:
        raise I3Error(
            tr("{path} cannot be read: {strerror}.").format(path=path, strerror=error.strerror or error)
        ) from error
    except UnicodeDecodeError as error:
        raise I3Error(
            tr("{path} is not text in UTF-8.").format(path=path), tr("Save it again with the encoding UTF-8.")
        ) from error
    if path.suffix.lower() != ".jsonl":
        return _conversations_in(_parsed(text, str(path)), str(path))
    entries = [
        _parsed(line, tr("{path}, line {n}").format(path=path, n=n))
        for n, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]
    if entries and isinstance(entries[0], dict) and starts_turns(entries[0]):
        return _conversations_in(entries, str(path))
    return [
        found
        for n, entry in enumerate(entries, 1)
        for found in _conversations_in(entry, tr("{path}, entry {n}").format(path=path, n=n))
    ]


def _conversations_in(data: object, place: str) -> list[Conversation]:
    try:
        return conversations_from(data)
    except I3Error as error:
        raise I3Error(f"{place}: {error.what}", error.remedy) from error


def _parsed(text: str, place: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise I3Error(
            tr("{place} is not JSON.").format(place=place), tr("Choose a JSON file, or export it again.")
        ) from error


def write_file(path: Path | str, content: str | dict | list) -> None:
    """Write text, or an object as JSON, to a file atomically. Raises I3Error if that fails."""
    if not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    with replaced(path) as temporary:
        temporary.write_bytes(serialization.encodable(content).encode("utf-8"))


def chunks_to_csv(message: Message) -> str:
    """Convert a reply to a CSV table of chunks: token, probability, surprise in bits, ten alternatives."""
    header = ["index", "token_id", "text", "probability", "surprise_bits"]
    for place in range(1, ALTERNATIVES + 1):
        header += [f"alternative_{place}_{name}" for name in ("token_id", "text", "probability")]
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(header)
    for position, chunk in enumerate(message.chunks):
        surprise = -math.log2(max(chunk.probability, SMALLEST_PROBABILITY))
        row = [position, chunk.token_id, chunk.text, chunk.probability, round(surprise, 6) + 0.0]
        for other in chunk.alternatives[:ALTERNATIVES]:
            row += [other.token_id, other.text, other.probability]
        writer.writerow(row + [""] * (len(header) - len(row)))
    return target.getvalue()
