"""Chats of GPT4All: the binary files `gpt4all-*.chat` that it keeps beside its models, of its versions 1 to 12.

A file is a QDataStream of Qt 6.2: big-endian numbers, texts in UTF-16 after their length in bytes. After a head comes,
until version 10, the state of the network, which is skipped; then the prompts and responses in order. Followed after
`Chat`, `ChatLLM` and `ChatItem` in gpt4all-chat/src of https://github.com/nomic-ai/gpt4all.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from ..errors import DataError
from ..system.files import open_file
from .turns import LeaveOut

SUFFIX = ".chat"
KEY = "gpt4all_chat"  # of the turns in the record that `read_chat` returns
_MAGIC = 0xF5D553CC
_NEWEST = 12
_NULL = 0xFFFFFFFF  # length of a text or bytes that are null
_ROLES = {"Prompt: ": "user", "Response: ": "assistant", "System: ": "system"}
_LEFT_OUT = {"ToolCall: ": "tool calls", "ToolResponse: ": "results of tools", "Think: ": "think parts of turns"}
_TEXT_PARTS = ("Text: ", "Response: ")
_DEEPEST = 16  # parts within parts of a response
_REMEDY = "Copy the file again from the folder where GPT4All keeps its models."


def read_chat(path: Path, leave_out: LeaveOut) -> dict[str, Any]:
    """Read a chat as {KEY: turns, "title", "created_at"}; the turns have a role and a text.

    Raises DataError naming the file if it is damaged, of a newer version, or something else; OSError if it cannot be
    read.
    """
    with open_file(path) as file:
        stream = _Stream(file)
        try:
            return _chat(stream, leave_out)
        except _DamagedError as error:
            raise DataError(f"{path} is not a whole chat of GPT4All: {error}.", _REMEDY) from error


def _chat(stream: _Stream, leave_out: LeaveOut) -> dict[str, Any]:
    if stream.size < 8 or stream.number("I") != _MAGIC:
        raise _DamagedError("it does not start like one")
    version = stream.number("i")
    if version > _NEWEST:
        raise _DamagedError(f"its version is {version}, and known are 1 to {_NEWEST}")
    if version < 1:
        raise _DamagedError(f"its version is {version}")
    created_at = stream.number("q")
    stream.skip_text()  # id
    title = stream.text()
    stream.skip_text()  # name of the user
    stream.skip_text()  # model
    if version >= 3:
        stream.skip_texts()  # collections of documents
    if version < 11:
        _skip_state(stream, version)
    turns: list[dict[str, Any]] = []
    for _ in range(stream.count("i")):
        _add_turn(turns, stream, version, leave_out)
    answered = [turn for at, turn in enumerate(turns) if not _is_unanswered(turns, at)]
    for _ in range(len(turns) - len(answered)):
        leave_out("questions without a reply")
    return {KEY: answered, "title": title, "created_at": created_at}


def _skip_state(stream: _Stream, version: int) -> None:
    has_state = version < 6 or stream.flag()
    if version >= 2:
        stream.skip(8)  # kind of the model, version of its state
    stream.skip_text()  # the last response, and the name made of it
    stream.skip_text()
    stream.skip(4)  # tokens so far
    if not has_state:
        return
    stream.skip(4 + 4 * (version < 4) + 4 * (version >= 7))
    if version < 9:
        stream.skip(4 * stream.number("Q"))  # logits
    stream.skip(4 * stream.number("Q"))  # tokens
    stream.skip_text()


def _add_turn(turns: list[dict[str, Any]], stream: _Stream, version: int, leave_out: LeaveOut) -> None:
    if version < 12:
        stream.skip(4)
    name, text = stream.text(), stream.text()
    if name not in _ROLES and name not in _LEFT_OUT:
        raise _DamagedError(f"a message is called {name[:20]!r}")
    if version < 10:
        stream.skip_text()  # the prompt again
    if stream.text().strip():
        leave_out("replaced versions of messages")  # a better reply that was proposed to the makers
    stream.skip(4)
    failed = version >= 11 and name == "Response: " and stream.flag()
    if version >= 8:
        for _ in range(stream.count("q")):
            for _ in range(7):
                stream.skip_text()
            stream.skip(12)
            leave_out("passages of documents")
    elif version >= 3:
        stream.skip_text()
        for _ in range(stream.skip_texts()):
            leave_out("passages of documents")
    attached = []
    if version >= 10:
        for _ in range(stream.count("q")):
            attached.append(_attachment(stream.data(), stream.data()))
    parts = []
    if version >= 12:
        for _ in range(stream.count("q")):
            parts += _part_texts(stream, leave_out, _DEEPEST)
    for each in attached:
        if each is None:
            leave_out("attachments")
    if name in _LEFT_OUT:
        leave_out(_LEFT_OUT[name])
        return
    text = "\n\n".join(filter(None, [*attached, "".join([*parts, text])]))
    if failed or not text.strip():
        leave_out("empty or failed replies")
    else:
        turns.append({"role": _ROLES[name], "content": text})


def _part_texts(stream: _Stream, leave_out: LeaveOut, depth: int) -> list[str]:
    """The texts of a part of a response and of those within it, without thoughts and tools."""
    name, text = stream.text(), stream.text()
    if depth == 0 or (name not in _TEXT_PARTS and name not in _LEFT_OUT):
        raise _DamagedError(f"a part of a response is called {name[:20]!r}")
    if name == "ToolCall: ":
        stream.skip_text()
        for _ in range(stream.count("q")):
            stream.skip_text()
            stream.skip(4)
            stream.skip_value()
        stream.skip_text()  # result
        stream.skip(4)
        stream.skip_text()
    elif name == "Think: ":
        stream.skip(4)
    texts = [text] if name in _TEXT_PARTS else []
    if name in _LEFT_OUT:
        leave_out(_LEFT_OUT[name])
    for _ in range(stream.count("q")):
        texts += _part_texts(stream, leave_out, depth - 1)
    return texts


def _attachment(address: bytes, content: bytes) -> str | None:
    """An attached text as GPT4All shows it to the model; None for a file that is no text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    if not text.strip() or "\0" in text:
        return None
    name = unquote(address.decode("utf-8", "replace").rpartition("/")[2])
    return f"## Attached: {name}\n\n{text}"


def _is_unanswered(turns: list[dict[str, Any]], at: int) -> bool:
    following = turns[at + 1 : at + 2]
    return turns[at]["role"] == "user" and bool(following) and following[0]["role"] == "user"


class _DamagedError(Exception):
    """What is wrong with a file, to be put behind its name."""


class _Stream:
    """Reads a QDataStream. Every length is checked against the rest of the file before anything is read.

    Attributes:
        size: bytes of the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size

    def number(self, form: str) -> int:
        return struct.unpack(f">{form}", self._read(struct.calcsize(f">{form}")))[0]

    def flag(self) -> bool:
        return self.number("?") != 0

    def count(self, form: str) -> int:
        """A number of items that follow, of at least a byte each."""
        count = self.number(form)
        if not 0 <= count <= self._rest():
            raise _DamagedError(f"a list of {count:,} items is longer than the file")
        return count

    def data(self) -> bytes:
        length = self.number("I")
        return b"" if length == _NULL else self._read(length)

    def text(self) -> str:
        try:
            return self.data().decode("utf-16-be", "surrogatepass")
        except UnicodeDecodeError:
            raise _DamagedError("a text is cut within a character") from None

    def skip(self, count: int) -> None:
        if count > self._rest():
            raise _DamagedError("it is cut short")
        self._file.seek(count, os.SEEK_CUR)

    def skip_text(self) -> None:
        """Skip a text, or bytes."""
        length = self.number("I")
        self.skip(0 if length == _NULL else length)

    def skip_texts(self) -> int:
        count = self.count("I")
        for _ in range(count):
            self.skip_text()
        return count

    def skip_value(self) -> None:
        """Skip a QVariant: the parameter of a tool."""
        kind = self.number("I")
        self.skip(1)
        if kind == 10:  # text
            self.skip_text()
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise _DamagedError(f"a tool has a parameter of the unknown kind {kind}")

    def _read(self, count: int) -> bytes:
        if count > self._rest():
            raise _DamagedError("it is cut short")
        return self._file.read(count)

    def _rest(self) -> int:
        return self.size - self._file.tell()


_SIZES = {0: 0, 1: 1, 2: 4, 3: 4, 4: 8, 5: 8, 6: 8}  # bytes of null, bool, int, uint, long long, unsigned, double
