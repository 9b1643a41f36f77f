"""The encoding of text files, by their first bytes, and suggestions where it is not UTF-8."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import IO

from ..errors import DataError
from .reading import Reading

_HEAD_BYTES = 4096
_PREVIEW_CHARACTERS = 60
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UTF8 = "utf-8-sig"
_OTHER_FILES = (
    (b"PK\x03\x04", "a ZIP archive, or a document of an office program", "Save its content as .csv, .txt or .docx."),
    (b"\xd0\xcf\x11\xe0", "a document of an old office program", "Save its content as .csv, .txt or .docx."),
    (b"{\\rtf", "a document of a word processor (RTF)", "Save its content as .txt or .docx."),
    (b"%PDF-", "a PDF document", "Rename it, so that its name ends in .pdf."),
    (b"\x1f\x8b", "compressed (gzip)", "Rename it, so that its name ends in .gz."),
    (b"\xfd7zXZ\0", "compressed (xz)", "Rename it, so that its name ends in .xz."),
    (b"PAR1", "a Parquet file", "Rename it, so that its name ends in .parquet."),
    (b"SQLite format 3\0", "a database", "Export its tables as .csv."),
)


def text_encoding(content: IO[bytes], path: Path, reading: Reading) -> str:
    """The encoding of a file that was just opened.

    Raises DataError for UTF-16 without its mark, which could also be something else, and for files that are no text.
    """
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    for start, what, remedy in _OTHER_FILES:
        if head.startswith(start):
            raise DataError(f"{path} is not text: it is {what}.", remedy)
    if reading.encoding:
        return UTF8 if reading.encoding == "utf-8" else reading.encoding
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        units = head[first::2]
        if len(units) >= 4 and units.count(0) > 0.4 * len(units):
            shown = _preview(head[: len(head) // 2 * 2].decode(name, "replace"))
            raise DataError(
                f"{path}: UTF-16 text without its mark.",
                f'As {name} it reads "{shown}". If that is right, read it with --encoding {name}, or save it as UTF-8.',
            )
    return UTF8


def suggestion(line: bytes) -> str:
    """What to do about a line that is not UTF-8: how it reads in the encoding of Windows."""
    shown = _preview(line.decode("cp1252", "replace"))
    return f'As Windows-1252 it reads "{shown}". If that is right, read it with --encoding cp1252, or save it as UTF-8.'


def _preview(text: str) -> str:
    text = text.strip()
    first = next((at for at, character in enumerate(text) if not character.isascii()), 0)
    start = max(0, first - _PREVIEW_CHARACTERS // 2)
    return " ".join(text[start : start + _PREVIEW_CHARACTERS].split())
