"""Chats between people: exports of WhatsApp, Telegram and Discord. One of them is what i3 shall be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import DataError
from .turns import LeaveOut

# "31.12.23, 22:00 - Anna: hi", "[12/31/23, 10:00:01 PM] Anna: hi", "[31.12.23 um 22:00:01] Anna: hi"
_WHATSAPP = re.compile(
    r"\u200e?\[?(?P<day>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}),?(?: [^\W\d_]{1,3})? \d{1,2}[:.]\d{2}(?:[:.]\d{2})?"
    r"(?:[ \u202f\u00a0]?[APap]\.?[ \u202f\u00a0]?[Mm]\.?)?"
    r"(?:\]| -) (?:(?P<name>[^:\n]{1,60}): )?(?P<text>.*)"
)
_OMITTED = re.compile(r"\u200e?<[^<>]{1,60}>|\u200e[^\n]{1,60} omitted")
_DELETED = re.compile(
    r"\u200e?(?:This message was deleted|You deleted this message|Diese Nachricht wurde gelöscht"
    r"|Du hast diese Nachricht gelöscht|Se eliminó este mensaje|Eliminaste este mensaje|Ce message a été supprimé"
    r"|Vous avez supprimé ce message|Mensagem apagada|Questo messaggio è stato eliminato)\.?"
)
# What stands behind a message that was changed, in the language of the phone: "hi \u200e<This message was edited>".
_EDITED = re.compile(
    r"\s*\u200e?<(?:This message was edited|Diese Nachricht wurde bearbeitet|Se editó este mensaje"
    r"|Ce message a été modifié|Mensagem editada|Questo messaggio è stato modificato)\.?>\s*$"
)
_DISCORD_SAID = ("Default", "Reply", "ThreadStarterMessage", "ChatInputCommand", "ContextMenuCommand")
_SAMPLED = 20

Said = tuple[str, str, str]  # day, name, text


def is_whatsapp(lines: Iterable[str]) -> bool:
    """Whether these are the first lines of an exported chat."""
    sample = [line for line in lines if line.strip()][:_SAMPLED]
    found = [match for line in sample if (match := _WHATSAPP.match(line))]
    return len(found) > 1 and len(found) >= len(sample) / 2 and any(match["name"] for match in found)


def whatsapp_messages(lines: Iterable[str], leave_out: LeaveOut) -> Iterator[Said]:
    """The messages of a chat; a message may have several lines."""
    day = name = ""
    texts: list[str] = []
    for line in lines:
        match = _WHATSAPP.match(line)
        if match is None:
            texts.append(line.rstrip("\r\n"))
            continue
        if name:
            yield day, name, _EDITED.sub("", "\n".join(texts))
        day, name, texts = match["day"], match["name"] or "", [match["text"].rstrip("\r\n")]
        if not name:
            leave_out("notices of the program")
        elif _OMITTED.fullmatch(texts[0].strip()):
            leave_out("pictures and other media")
            name = ""
        elif _DELETED.fullmatch(texts[0].strip()):
            leave_out("deleted messages")
            name = ""
    if name:
        yield day, name, _EDITED.sub("", "\n".join(texts))


def log_messages(record: dict[str, Any], leave_out: LeaveOut) -> list[list[Said]] | None:
    """The chats of an export of Telegram or Discord; None if the record is something else."""
    messages = record.get("messages")
    if isinstance(record.get("chats"), dict) and isinstance(record["chats"].get("list"), list):
        chats = [chat.get("messages") for chat in record["chats"]["list"] if isinstance(chat, dict)]
        return [
            _telegram([m for m in chat if isinstance(m, dict)], leave_out) for chat in chats if isinstance(chat, list)
        ]
    if not ("guild" in record or "type" in record) or not isinstance(messages, list):
        return None
    if not messages or not all(isinstance(m, dict) for m in messages):
        return None
    if "guild" in record and "channel" in record:
        return [_discord(messages, leave_out)]
    if "type" in record and all("type" in m and "date" in m for m in messages):
        return [_telegram(messages, leave_out)]
    return None


def _telegram(messages: list[dict[str, Any]], leave_out: LeaveOut) -> list[Said]:
    found = []
    for message in messages:
        text = message.get("text")
        if isinstance(text, list):
            parts = [part.get("text") if isinstance(part, dict) else part for part in text]
            text = "".join(part for part in parts if isinstance(part, str))
        if message.get("type") != "message":
            leave_out("notices of the program")
        elif not isinstance(text, str) or not text.strip():
            leave_out("pictures and other media")
        else:
            found.append((str(message.get("date", ""))[:10], str(message.get("from") or "unknown"), text))
    return found


def _discord(messages: list[dict[str, Any]], leave_out: LeaveOut) -> list[Said]:
    found = []
    for message in messages:
        author, text = message.get("author"), message.get("content")
        author = author if isinstance(author, dict) else {}
        kind = message.get("type")
        if isinstance(kind, str) and kind not in _DISCORD_SAID:
            leave_out("notices of the program")
            continue
        attached = message.get("attachments")
        for _ in attached if isinstance(attached, list) else ():
            leave_out("pictures and other media")
        if not isinstance(text, str) or not text.strip():
            if not attached:
                leave_out("pictures and other media")
        else:
            name = str(author.get("nickname") or author.get("name") or "unknown")
            found.append((str(message.get("timestamp", ""))[:10], name, text))
    return found


def conversations(said: Iterable[Said], i3_is: str, place: str) -> Iterator[list[dict[str, str]]]:
    """A conversation for each day: i3 is the person of this name, all others are the user.

    Raises DataError with the names if there is no such person.
    """
    said = list(said)
    names = Counter(name for _, name, _ in said)
    if i3_is not in names:
        listed = ", ".join(name for name, _ in names.most_common(12))
        raise DataError(
            f"{place}: a chat between people: {listed}.",
            f'Say whose messages i3 shall learn, as in --i3-is "{next(iter(names), "Anna")}".',
        )
    day, turns = None, []
    for this_day, name, text in said:
        role = "assistant" if name == i3_is else "user"
        if turns and this_day != day:
            yield turns
            turns = []
        day = this_day
        if role == "user" and len(names) > 2:
            text = f"{name}: {text}"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{text}"
        else:
            turns.append({"role": role, "content": text})
    if turns:
        yield turns
