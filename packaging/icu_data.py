"""Remove two thirds of Qt's 32 MB of ICU data, which an English window does not use.

Removed: names of languages, regions, currencies, units and time zones in other languages, their number formats, and the
line-break dictionaries, which Qt does not request. Kept: character sets and collation of all languages. ICU falls back
to its root locale, as for any unknown locale.

Format: ICU's common data, https://unicode-org.github.io/icu/userguide/icu_data/ ("CmnD", version 1): a header, then a
table of contents with the offsets of names and items, both relative to the start of the table.
"""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from pathlib import Path

LOCALE = re.compile(r"(?!en[_.])[a-z]{2,3}(_\w+)?\.res")
TREES = {"", "curr", "lang", "rbnf", "region", "unit", "zone", "translit"}


def is_kept(name: str) -> bool:
    """True if the item is kept; names look like "icudt73l/lang/de.res"."""
    _, *tree, item = name.split("/")
    return not item.endswith(".dict") and not ("/".join(tree) in TREES and LOCALE.fullmatch(item))


def trimmed(data: bytes) -> bytes:
    """The data reduced to the kept items. Raises ValueError for another format."""
    header = struct.unpack_from("<H", data)[0]
    if data[2:4] != b"\xda\x27" or data[12:16] != b"CmnD":
        raise ValueError("This is not ICU's common data.")
    table = data[header:]
    count = struct.unpack_from("<I", table)[0]
    places = [struct.unpack_from("<II", table, 4 + 8 * number) for number in range(count)]
    ends = [place for _, place in places[1:]] + [len(table)]
    items = []
    for (name_at, begin), end in zip(places, ends, strict=True):
        name = table[name_at : table.index(b"\0", name_at)]
        if is_kept(name.decode()):
            items.append((name, table[begin:end]))
    names, body = b"", b""
    names_at = 4 + 8 * len(items)
    name_places, body_places = [], []
    for name, item in items:
        name_places.append(names_at + len(names))
        names += name + b"\0"
        body_places.append(len(body))
        body += item + bytes(-len(item) % 16)
    body_at = names_at + len(names)
    body_at += -(header + body_at) % 16
    contents = struct.pack("<I", len(items))
    for name_at, place in zip(name_places, body_places, strict=True):
        contents += struct.pack("<II", name_at, body_at + place)
    return data[:header] + (contents + names).ljust(body_at, b"\0") + body


def trim_library(path: Path) -> None:
    """Replace a libicudata.so with one that has trimmed data and the same symbols."""
    shown = subprocess.run(["readelf", "-W", "--dyn-syms", path], capture_output=True, text=True, check=True).stdout
    symbol = re.search(r"\b(icudt\d+_dat)$", shown, re.MULTILINE).group(1)
    library = path.read_bytes()
    marks = [found.start() - 12 for found in re.finditer(rb"CmnD\x01\x00\x00\x00", library)]
    if len(marks) != 1:
        raise ValueError(f"{path} holds {len(marks)} sets of ICU data; one is expected.")
    size = int(re.search(rf"^\s*\d+: \w+\s+(\w+) .*{symbol}$", shown, re.MULTILINE).group(1), 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "icu.dat").write_bytes(trimmed(library[marks[0] : marks[0] + size]))
        (folder / "icu.s").write_text(
            '.section .note.GNU-stack,"",@progbits\n.section .rodata\n.balign 16\n'
            f".globl {symbol}\n.type {symbol}, @object\n"
            f'{symbol}:\n.incbin "icu.dat"\n.size {symbol}, . - {symbol}\n'
        )
        subprocess.run(["as", "-o", "icu.o", "icu.s"], cwd=folder, check=True)
        link = [
            "ld",
            "-s",
            "-shared",
            "-soname",
            path.name,
            "-z",
            "noexecstack",
            "--build-id=none",
            "-o",
            "icu.so",
            "icu.o",
        ]
        subprocess.run(link, cwd=folder, check=True)
        path.write_bytes((folder / "icu.so").read_bytes())
