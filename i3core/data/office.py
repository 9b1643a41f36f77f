"""Texts of .docx and .pdf files, by the libraries mammoth and pypdf."""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import DataError
from ..system.extras import install_hint
from .records import ReadLimit, RecordLocation, Records

LARGEST_CONTENT = 64_000_000  # bytes of a .docx once unpacked; a few kilobytes can unpack to terabytes
_SENTENCE_END = re.compile(r"[.!?:…][\"'”’)\]]*$")
_HYPHEN = re.compile(r"(?<=\w)[-\u00ad]$")
_SHORT_LINE = 0.8  # of the longest line of a page: a sentence that ends before it ends a paragraph


def office_records(path: Path, kind: str, limit: ReadLimit | None = None) -> Records:
    """Stream the paragraphs of a file of `kind` .docx or .pdf as {"text": ...}.

    Raises DataError if the library is missing, or the file is damaged, protected, or has no text.
    """
    found = False
    paragraphs = _READERS[kind](path)
    while True:
        try:
            location, text = next(paragraphs)
        except StopIteration:
            break
        except DataError:
            raise
        except ImportError as error:
            remedy = install_hint("documents", "Save the text as .txt.")
            raise DataError(f"{path}: {kind} files need the package {error.name}.", remedy) from error
        except Exception as error:  # of a damaged file, the libraries raise whatever they stumble over
            raise DataError(
                f"{path} cannot be read: {str(error).rstrip('.')}.", "Open it and save it again, or as .txt."
            ) from error
        found = True
        yield location, {"text": text}
        if limit is not None:
            limit.text_bytes += len(text.encode("utf-8", "replace"))
            if limit.is_reached:
                break
    if limit is not None:
        limit.disk_bytes += path.stat().st_size
    if not found:
        what = "it may hold scanned pages" if kind == ".pdf" else "it may hold only pictures"
        raise DataError(f"{path} holds no text; {what}.", "Turn it into text with a program for text recognition.")


def _docx_paragraphs(path: Path) -> Iterator[tuple[RecordLocation, str]]:
    import mammoth

    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as packed:
                size = sum(part.file_size for part in packed.infolist() if part.filename.endswith((".xml", ".rels")))
        except zipfile.BadZipFile as error:
            raise DataError(
                f"{path} is no .docx file.", "Open it and save it as .docx, or as .txt; old .doc files are not read."
            ) from error
        if size > LARGEST_CONTENT:
            raise DataError(f"{path} holds more than 64 MB of text.", "Save it as .txt.")
        file.seek(0)
        text = mammoth.extract_raw_text(file).value
    paragraphs = filter(str.strip, text.split("\n\n"))
    yield from ((RecordLocation(str(path), n, "paragraph"), part.strip()) for n, part in enumerate(paragraphs, 1))


def _pdf_paragraphs(path: Path) -> Iterator[tuple[RecordLocation, str]]:
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it reports every oddity of a file
    with pypdf.PdfReader(path) as reader:
        try:
            pages = len(reader.pages)
        except (DependencyError, FileNotDecryptedError) as error:
            raise DataError(f"{path} is protected by a password.", "Save it without one.") from error
        for number in range(pages):
            for text in paragraphs_of(reader.pages[number].extract_text()):
                yield RecordLocation(str(path), number + 1, "page"), text


def paragraphs_of(page: str) -> Iterator[str]:
    """The paragraphs of a printed page, without its line breaks and hyphens.

    A paragraph ends at a blank line, and where a sentence ends in a short line.
    """
    lines = [line.strip() for line in page.splitlines()]
    longest, paragraph = max(map(len, lines), default=0), ""
    for line in [*lines, ""]:
        if line and _HYPHEN.search(paragraph) and line[0].islower():
            paragraph = paragraph[:-1] + line
        else:
            paragraph = f"{paragraph} {line}".strip()
        if paragraph and (not line or (len(line) < _SHORT_LINE * longest and _SENTENCE_END.search(line))):
            yield paragraph
            paragraph = ""


_READERS: dict[str, Callable[[Path], Iterator[tuple[RecordLocation, str]]]] = {
    ".docx": _docx_paragraphs,
    ".pdf": _pdf_paragraphs,
}
OFFICE_TYPES = tuple(_READERS)
