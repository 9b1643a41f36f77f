"""Write chats as GPT4All does: the fields of its `Chat`, `ChatLLM` and `ChatItem`, in each version of its files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

NEWEST = 12


@dataclass(frozen=True)
class Item:
    """A prompt or a response.

    Attributes:
        attached: name and content of each attached file.
        passages: texts found in the user's documents.
        parts: (name, text) of the parts of a response, such as ("Think: ", "hm").
    """

    name: str
    text: str
    attached: tuple[tuple[str, bytes], ...] = ()
    passages: tuple[str, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    failed: bool = False


def asked(text: str, **more) -> Item:
    return Item("Prompt: ", text, **more)


def said(text: str, **more) -> Item:
    return Item("Response: ", text, **more)


def chat_file(*items: Item, version: int = NEWEST, title: str = "The lamp", state: bytes | None = None) -> bytes:
    """A file with these items; `state` is that of the network, for the versions that keep it."""
    head = struct.pack(">Iiq", 0xF5D553CC, version, 1_700_000_000)
    head += _text("id") + _text(title) + _text("Human") + _text("model.gguf")
    if version >= 3:
        head += struct.pack(">I", 1) + _text("my notes")
    if version < 11:
        head += _state(version, b"\x01\x02" if state is None and version < 6 else state)
    return head + struct.pack(">i", len(items)) + b"".join(_item(item, n, version) for n, item in enumerate(items))


def _state(version: int, state: bytes | None) -> bytes:
    written = b"" if version < 6 else struct.pack(">?", state is not None)
    if version >= 2:
        written += struct.pack(">ii", 1, 0)
    written += _text("the last response") + _text("The lamp") + struct.pack(">I", 17)
    if state is None:
        return written
    written += b"".join(struct.pack(">i", 0) for applies in (version < 4, True, version >= 7) if applies)
    if version < 9:
        written += struct.pack(">Q2f", 2, 0.5, 0.25)
    return written + struct.pack(">Q3i", 3, 5, 6, 7) + _data(state)


def _item(item: Item, number: int, version: int) -> bytes:
    written = struct.pack(">i", number) if version < 12 else b""
    written += _text(item.name) + _text(item.text)
    if version < 10:
        written += _text("the prompt")
    written += _text(None) + struct.pack(">4?", False, False, False, False)
    if version >= 11 and item.name == "Response: ":
        written += struct.pack(">?", item.failed)
    if version >= 8:
        written += struct.pack(">q", len(item.passages))
        for passage in item.passages:
            written += b"".join(map(_text, ("my notes", "/home", "a.txt", "", "", "", passage)))
            written += struct.pack(">3i", -1, 1, 2)
    elif version >= 3:
        written += _text("1. In a.txt.") + struct.pack(">I", len(item.passages)) + b"".join(map(_text, item.passages))
    if version >= 10:
        written += struct.pack(">q", len(item.attached))
        written += b"".join(_data(f"file:///home/{name}".encode()) + _data(content) for name, content in item.attached)
    if version >= 12:
        written += struct.pack(">q", len(item.parts)) + b"".join(_part(*part) for part in item.parts)
    return written


def _part(name: str, text: str) -> bytes:
    """A response that holds the part, as GPT4All nests them; the result of a tool stands beside it."""
    inner = _text(name) + _text(text)
    if name == "ToolCall: ":
        inner += _text("javascript_interpret") + struct.pack(">q", 1)
        inner += _text("code") + struct.pack(">iIb", 0, 10, 0) + _text("1 + 1")  # a QVariant with a QString
        inner += _text("2") + struct.pack(">i", 0) + _text("")
    elif name == "Think: ":
        inner += struct.pack(">i", 1200)
    inner += struct.pack(">q", 0)
    return inner if name == "ToolResponse: " else _text("Response: ") + _text("") + struct.pack(">q", 1) + inner


def _text(text: str | None) -> bytes:
    return struct.pack(">I", 0xFFFFFFFF) if text is None else _data(text.encode("utf-16-be", "surrogatepass"))


def _data(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content
