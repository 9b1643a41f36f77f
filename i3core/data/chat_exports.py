"""Conversations exported by chat programs, as lists of turns: the path that was on screen, in its order.

ChatGPT, Claude, Open WebUI, LM Studio, text-generation-webui and i3desk keep a conversation in one object; SillyTavern
and Jan write one turn a line; gpt4all.py reads the binary files of GPT4All. Nothing here reads files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import gpt4all
from .turns import TURN_ROLES, LeaveOut, content_text


@dataclass(frozen=True)
class ExportedChat:
    """A conversation of another program.

    Attributes:
        program: the program that exported it.
        turns: {"role", "content"} of each turn on the path that was on screen; the content is text.
        created_at: seconds since 1970; None if unknown.
    """

    program: str
    turns: list[dict[str, Any]] = field(default_factory=list)
    title: str = ""
    created_at: float | None = None


def exported_chat(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    """Read a conversation of a known program; None if the record is something else.

    Parts that are not text, and what was replaced, are passed to `leave_out`.
    """
    for key, read in _READERS.items():
        if key in record and (chat := read(record, leave_out)) is not None:
            return chat
    return None


def _i3desk(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    messages = _by_id(_list(record.get("messages")), "number")
    path = _path(messages, record.get("leaf"), "parent")
    if path is None:
        path = _path(messages, max((n for n in messages if isinstance(n, int)), default=None), "parent") or []
    for _ in range(len(messages) - len(path)):
        leave_out("replaced versions of messages")
    turns = []
    settings = record.get("settings")
    persona = settings.get("persona") if isinstance(settings, dict) else None
    if isinstance(persona, str) and persona.strip():
        turns.append({"role": "system", "content": persona})
    for message in path:
        content = message.get("content")
        if isinstance(content, str) and content.strip():
            turns.append({"role": message.get("role"), "content": content})
        else:
            leave_out("empty or failed replies")
    # A question whose reply failed would otherwise run into the next one.
    kept = [turn for at, turn in enumerate(turns) if not _is_unanswered(turn, turns[at + 1 : at + 2])]
    for _ in range(len(turns) - len(kept)):
        leave_out("questions without a reply")
    return ExportedChat("i3desk", kept, _title(record), _seconds(record.get("created_at")))


def _is_unanswered(turn: dict[str, Any], following: list[dict[str, Any]]) -> bool:
    return turn["role"] == "user" and bool(following) and following[0]["role"] == "user"


def _chatgpt(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    mapping = record["mapping"]
    if not isinstance(mapping, dict):
        return None
    nodes = {key: node for key, node in mapping.items() if isinstance(node, dict)}
    path = _path(nodes, record.get("current_node"), "parent")
    if path is None:
        path = _path(nodes, _last_leaf(nodes), "parent") or []
    _count_others(nodes.values(), path, lambda node: bool(_chatgpt_text(node, lambda what: None)), leave_out)
    turns = []
    for node in path:
        message = node.get("message")
        text = _chatgpt_text(node, leave_out)
        if isinstance(message, dict) and text:
            turns.append({"role": _dict(message.get("author")).get("role"), "content": text})
    return ExportedChat("ChatGPT", turns, _title(record), _seconds(record.get("create_time")))


def _chatgpt_text(node: dict[str, Any], leave_out: LeaveOut) -> str:
    """The visible text of a node; "" for one without."""
    message = node.get("message")
    if not isinstance(message, dict):
        return ""
    content, author, about = message.get("content"), message.get("author"), message.get("metadata")
    role = author.get("role") if isinstance(author, dict) else None
    hidden = isinstance(about, dict) and about.get("is_visually_hidden_from_conversation") is True
    if not isinstance(content, dict) or hidden:
        return ""
    kind = content.get("content_type")
    if role not in ("user", "assistant", "system") or kind not in ("text", "multimodal_text"):
        leave_out(f"{kind or 'other'} parts of turns" if role in ("user", "assistant") else f"turns of {role}")
        return ""
    if message.get("recipient") not in (None, "all"):
        leave_out("tool calls")
        return ""
    return (content_text(content, 0, leave_out) or "").strip() if content.get("parts") else ""


def _claude(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    messages = record["chat_messages"]
    if not isinstance(messages, list):
        return None
    by_id = _by_id(messages, "uuid")
    path = _path(by_id, record.get("current_leaf_message_uuid"), "parent_message_uuid")
    if path is None:
        path = [message for message in messages if isinstance(message, dict)]
    for _ in range(len(messages) - len(path)):
        leave_out("replaced versions of messages")
    turns = []
    for number, message in enumerate(path, 1):
        text = message.get("text")
        if not isinstance(text, str) or not text.strip():
            text = content_text(message.get("content"), number, leave_out) or ""
        for attachment in _list(message.get("attachments")):
            extracted = attachment.get("extracted_content") if isinstance(attachment, dict) else None
            if isinstance(extracted, str) and extracted.strip():
                text = f"{text}\n\n{extracted}"
            else:
                leave_out("attachments")
        for _ in _list(message.get("files")):
            leave_out("attachments")
        if text.strip():
            turns.append({"role": message.get("sender"), "content": text})
    return ExportedChat("Claude", turns, _title(record), _seconds(record.get("created_at")))


def _open_webui(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    chat = record["chat"]
    if not isinstance(chat, dict) or not ("messages" in chat or "history" in chat):
        return None
    history = _dict(chat.get("history"))
    nodes = {key: node for key, node in _dict(history.get("messages")).items() if isinstance(node, dict)}
    path = _path(nodes, history.get("currentId"), "parentId")
    if path is None:
        path = [message for message in _list(chat.get("messages")) if isinstance(message, dict)]
    for _ in range(len(nodes) - len(path)):
        leave_out("replaced versions of messages")
    turns = []
    params = chat.get("params")
    system = chat.get("system") or (params.get("system") if isinstance(params, dict) else None)
    if isinstance(system, str) and system.strip():
        turns.append({"role": "system", "content": system})
    for number, message in enumerate(path, 1):
        for _ in _list(message.get("files")):
            leave_out("attachments")
        text = content_text(message.get("content"), number, leave_out)
        if text and text.strip():
            turns.append({"role": message.get("role"), "content": text})
    title = _title(record) or _title(chat)
    return ExportedChat("Open WebUI", turns, title, _seconds(record.get("created_at") or chat.get("timestamp")))


def _lm_studio(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    messages = record["messages"]
    if not isinstance(messages, list) or not any(isinstance(m, dict) and "versions" in m for m in messages):
        return None
    turns = []
    system = record.get("systemPrompt")
    if isinstance(system, str) and system.strip():
        turns.append({"role": "system", "content": system})
    for number, message in enumerate(messages, 1):
        versions = [version for version in _list(_dict(message).get("versions")) if isinstance(version, dict)]
        if not versions:
            continue
        selected = message.get("currentlySelected", 0)
        chosen = versions[selected] if isinstance(selected, int) and 0 <= selected < len(versions) else versions[-1]
        for _ in versions[1:]:
            leave_out("replaced versions of messages")
        contents = [chosen.get("content")] if "content" in chosen else []
        for step in _list(chosen.get("steps")):
            if isinstance(step, dict) and _dict(step.get("style")).get("type") == "thinking":
                leave_out("thinking parts of turns")
            elif isinstance(step, dict) and step.get("type") == "contentBlock":
                contents.append(step.get("content"))
            else:
                leave_out("steps of tools")
        texts = [text for content in contents if (text := content_text(content, number, leave_out))]
        if any(text.strip() for text in texts):
            turns.append({"role": chosen.get("role"), "content": "\n".join(texts)})
    return ExportedChat("LM Studio", turns, _title(record), _seconds(record.get("createdAt")))


def _text_generation_webui(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    pairs = record.get("internal", record.get("data"))
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        return None
    turns = []
    for question, answer in pairs:
        if isinstance(question, str) and question.strip() and question != "<|BEGIN-VISIBLE-CHAT|>":
            turns.append({"role": "user", "content": question})
        if isinstance(answer, str) and answer.strip():
            turns.append({"role": "assistant", "content": answer})
    return ExportedChat("text-generation-webui", turns, _title(record))


def _gpt4all(record: dict[str, Any], leave_out: LeaveOut) -> ExportedChat | None:
    turns = [turn for turn in _list(record[gpt4all.KEY]) if isinstance(turn, dict)]
    return ExportedChat("GPT4All", turns, _title(record), _seconds(record.get("created_at")))


_READERS: dict[str, Callable[[dict[str, Any], LeaveOut], ExportedChat | None]] = {
    "i3desk_conversation": _i3desk,
    "mapping": _chatgpt,
    "chat_messages": _claude,
    "chat": _open_webui,
    "messages": _lm_studio,
    "internal": _text_generation_webui,
    "data_visible": _text_generation_webui,
    gpt4all.KEY: _gpt4all,
}
EXPORT_KEYS = frozenset(_READERS) - {"messages"}


# -------------------------------------------------------------------------------------------- files with a turn a line


def starts_turns(record: Any) -> bool:
    """Whether a file that starts with this record has a turn in each record."""
    if not isinstance(record, dict):
        return False
    if "character_name" in record and "mes" not in record:  # the head of a SillyTavern file
        return True
    if record.keys() & {
        "messages",
        "conversations",
        "conversation",
        "prompt",
        "completion",
        "mapping",
        "chat_messages",
    }:
        return False
    said_by = record.get("role")
    if "text" in record and "content" not in record and isinstance(said_by, str):
        return said_by.strip().lower() in TURN_ROLES
    return ("role" in record and "content" in record) or ("is_user" in record and "mes" in record)


def as_turn(record: Any, leave_out: LeaveOut) -> Any:
    """A record of such a file as a turn; None for its head, and for notices of the program."""
    if not isinstance(record, dict):
        return record
    if "mes" not in record:
        if "character_name" in record:
            return None
        is_jan = record.get("object") == "thread.message"
        return {key: value for key, value in record.items() if not is_jan or key in ("role", "content")}
    swipes = record.get("swipes")
    for _ in _list(swipes)[1:]:
        leave_out("replaced versions of messages")
    if record.get("is_system") is True:
        leave_out("notices of the program")
        return None
    return {"role": "user" if record.get("is_user") else "assistant", "content": record["mes"]}


# --------------------------------------------------------------------------------------------------------------- paths


def _path(nodes: dict[Any, dict[str, Any]], leaf: Any, parent: str) -> list[dict[str, Any]] | None:
    """The nodes from the first to `leaf`; None if there is no such leaf."""
    if not isinstance(leaf, str | int) or leaf not in nodes:
        return None
    path: dict[Any, dict[str, Any]] = {}
    while isinstance(leaf, str | int) and leaf in nodes and leaf not in path:  # a damaged tree may lead back to itself
        path[leaf] = nodes[leaf]
        leaf = nodes[leaf].get(parent)
    return list(path.values())[::-1]


def _by_id(messages: list[Any], key: str) -> dict[Any, dict[str, Any]]:
    return {m[key]: m for m in messages if isinstance(m, dict) and isinstance(m.get(key), str | int)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _last_leaf(nodes: dict[Any, dict[str, Any]]) -> Any:
    return next((key for key in reversed(nodes) if not nodes[key].get("children")), None)


def _count_others(
    nodes: Any, path: list[dict[str, Any]], has_text: Callable[[dict[str, Any]], bool], leave_out: LeaveOut
) -> None:
    shown = set(map(id, path))
    for node in nodes:
        if id(node) not in shown and has_text(node):
            leave_out("replaced versions of messages")


def _title(record: dict[str, Any]) -> str:
    title = record.get("title") or record.get("name") or ""
    return title if isinstance(title, str) else ""


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) / 1000 if value > 1e11 else float(value)
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    return None


def chats_in(value: Any) -> Iterator[Any]:
    """The records of an export that keeps all its chats in one object."""
    if isinstance(value, dict):
        for key in ("conversations", "chats", "items"):
            entries = value.get(key)
            if isinstance(entries, list) and entries and all(isinstance(entry, list) for entry in entries):
                yield from ({"messages": entry} for entry in entries)
                return
            if isinstance(entries, list) and entries and isinstance(entries[0], dict) and (
                entries[0].keys() & {"mapping", "chat_messages", "chat", "messages", "i3desk_conversation"}
            ):  # fmt: skip
                yield from entries
                return
    yield value
