"""Documents to rows of tokens, streamed to a file in the cache and read from there through a memory map.

A row is at most window + 1 tokens: a whole document, or a piece of a long one. A conversation is cut between exchanges
only. Rows never share a sequence, so nothing leaks from one conversation into the next, and every conversation starts
at position 0 as it does in chat.

The file: for each row its ids and then its assistant marks (a byte each); the table (_ROW); a JSON footer; its length.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import mmap
import struct
import tempfile
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .cache import cache_entry, cache_folder, mark_used, source_key, source_state
from .documents import Document, read_documents
from .errors import DataError
from .template import ChatTemplate

CACHE_VERSION = 3
_MAPPED_BYTES = 64 << 20  # resident pages of the map before they are given back
_ROW = np.dtype([("start", "<i8"), ("length", "<i4"), ("document", "<i4")])
_END = struct.Struct("<I4s")


def encode_rows(
    document: Document, template: ChatTemplate, window: int, on_drop: Callable[[int], None] | None = None
) -> Iterator[tuple[list[int], list[bool]]]:
    """Rows of at most window + 1 ids, and for each id whether it belongs to an assistant turn.

    All of plain text and of given ids counts as the assistant's, and so does a conversation in which the assistant
    says nothing. An exchange longer than a row is shortened; `on_drop` is told by how many ids.
    """
    limit = window + 1
    if not document.messages:
        ids = document.ids or template.encode_document(document.text)
        for start in range(0, max(len(ids) - 1, 0), window):
            piece = list(ids[start : start + limit])
            yield piece, [True] * len(piece)
        return
    row: list[int] = []
    marks: list[bool] = []
    one_sided = all(message["role"] != "assistant" for message in document.messages)
    for exchange in _exchanges(document.messages):
        ids, assistant = [], []
        for message in exchange:
            turn = template.encode_turn(message)
            ids += turn
            # The opening belongs to the question: chat feeds it, the model never has to produce it.
            opening = len(template.reply_opening()) if message["role"] == "assistant" else len(turn)
            assistant += [one_sided] * opening + [True] * (len(turn) - opening)
        if row and len(row) + len(ids) > limit:
            yield row, marks
            row, marks = [], []
        if len(ids) > limit:
            excess = len(ids) - limit
            if on_drop:
                on_drop(excess)
            # What is asked gives way, from its beginning, before what is answered loses its end.
            begin = len(template.prompt_opening())
            answer = next((i for i, learned in enumerate(assistant) if learned), 0) - len(template.reply_opening())
            end = begin + min(excess, max(0, answer - begin))
            ids, assistant = ids[:begin] + ids[end:], assistant[:begin] + assistant[end:]
        row += ids[:limit]
        marks += assistant[:limit]
    if row:
        yield row, marks


def _exchanges(messages: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Groups turns so that each group starts with a user turn (the first group may not)."""
    group: list[dict[str, str]] = []
    for message in messages:
        if message["role"] == "user" and group and group[-1]["role"] != "user":
            yield group
            group = []
        group.append(message)
    if group:
        yield group


@dataclass(frozen=True)
class DataReport:
    """What was found in a file or folder.

    Attributes:
        shapes: how many documents of each shape.
        records: documents that were read.
        rows, tokens: what they became.
        characters: of their lower-cased text.
        unknown: `<UNK>` among the tokens.
        truncated: documents that lost text because an exchange is longer than the window.
        skipped: bad records that were left out; skipped_reasons: the first five of them.
        examples: up to three rows as the model sees them, from the beginning, the middle and the end.
    """

    file: str
    shapes: dict[str, int]
    records: int
    rows: int
    tokens: int
    characters: int
    unknown: int
    truncated: int
    skipped: int
    skipped_reasons: tuple[str, ...]
    examples: tuple[str, ...]


# ------------------------------------------------------------------------------------------------------------- rows


class TokenRows:
    """Rows of tokens in a file, or a choice of them.

    Attributes:
        report: what was found in the whole source.
        lengths: (rows,) ids of each row.
        documents: (rows,) number of the document that each row belongs to.
    """

    def __init__(self, stored: _MappedRows, report: DataReport, numbers: np.ndarray | None = None) -> None:
        self._stored, self.report, self._numbers = stored, report, numbers
        table = stored.table
        self.lengths: np.ndarray = table["length"] if numbers is None else table["length"][numbers]

    @classmethod
    def open(cls, path: Path, source: str | None = None) -> TokenRows:
        """Rows that RowWriter wrote, reported as those of `source`. Raises OSError or ValueError if damaged."""
        stored, report = _MappedRows.open(path)
        return cls(stored, dataclasses.replace(report, file=source or report.file))

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def documents(self) -> np.ndarray:
        numbers = self._stored.table["document"]
        return numbers if self._numbers is None else numbers[self._numbers]

    def row(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids, and which of them belong to the assistant."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        return self._stored.row(int(index if self._numbers is None else self._numbers[index]))

    def split(self, share: float, seed: str) -> tuple[TokenRows, TokenRows]:
        """Training and held-out rows, chosen by `seed`: `share` of the documents, or 8 if a fifth is that many.

        Of few but long documents the last rows are held out; of fewer than 20 rows none.
        """
        documents = self.documents
        first = np.flatnonzero(np.diff(documents, prepend=-1))
        counts = np.diff(first, append=len(self))
        held = np.zeros(len(self), dtype=bool)
        if share > 0 and len(first) >= 20:
            chosen = np.zeros(len(first), dtype=bool)
            chosen[frozen_random(seed).permutation(len(first))[: _held_count(len(first), share)]] = True
            held = np.repeat(chosen, counts)
        elif share > 0 and len(self) >= 20:
            left = _held_count(len(self), share)
            for number in np.argsort(-counts, kind="stable"):
                end, taken = first[number] + counts[number], min(left, counts[number] // 2)
                held[end - taken : end] = True
                left -= taken
        return self._chosen(~held), self._chosen(held)

    def _chosen(self, mask: np.ndarray) -> TokenRows:
        numbers = np.flatnonzero(mask).astype(np.int32)
        return TokenRows(self._stored, self.report, numbers if self._numbers is None else self._numbers[numbers])


def _held_count(count: int, share: float) -> int:
    return min(count - 1, max(1, round(count * share), min(8, count // 5)))


def frozen_random(seed: str) -> np.random.RandomState:
    """Random numbers that depend on `seed` alone, for ever.

    A run resumed years later must see the same batches. NumPy guarantees the streams of RandomState to stay the same;
    those of Generator, and Python's shuffle, may change with a version.
    """
    return np.random.RandomState(np.frombuffer(hashlib.sha256(seed.encode()).digest(), dtype="<u4"))


class _MappedRows:
    """The file of rows: `table` (_ROW) and the rows themselves."""

    def __init__(self, content: mmap.mmap, kind: np.dtype, table: np.ndarray) -> None:
        self.table = table
        self._content, self._kind, self._touched = content, kind, 0

    @classmethod
    def open(cls, path: Path) -> tuple[_MappedRows, DataReport]:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = len(content)
        length, magic = _END.unpack(content[-_END.size :]) if size > _END.size else (0, b"")
        if magic != b"rows" or length + _END.size > size:
            raise ValueError("not a file of rows")
        footer = json.loads(content[size - _END.size - length : size - _END.size])
        at, count = footer["table"], footer["rows"]
        if at + count * _ROW.itemsize + length + _END.size != size:
            raise ValueError("a file of rows that is cut")
        table = np.frombuffer(content, _ROW, count, at)
        if zlib.crc32(table) != footer["crc"]:
            raise ValueError("a file of rows with a damaged table")
        fields = footer["report"]
        report = DataReport(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
        return cls(content, np.dtype(footer["kind"]), table), report

    def row(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        start, length, _ = self.table[number].tolist()
        ids = np.frombuffer(self._content, self._kind, length, start).copy()
        marks = np.frombuffer(self._content, bool, length, start + ids.nbytes).copy()
        # Reading a byte makes its whole neighbourhood resident (16 pages on Linux), for as long as the map lives.
        self._touched += ids.nbytes + marks.nbytes + (1 << 16)
        if self._touched > _MAPPED_BYTES and hasattr(self._content, "madvise"):
            self._content.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return ids, marks


class RowWriter:
    """Appends rows to a file; `finish` completes it. Only buffers are in memory."""

    def __init__(self, target: BinaryIO, table: BinaryIO, vocab_size: int) -> None:
        self.rows = self.tokens = 0
        self._target, self._table, self._at, self._crc = target, table, 0, 0
        self._code, self._kind = ("H", "<u2") if vocab_size <= 65536 else ("I", "<u4")

    def add(self, ids: Sequence[int], marks: Sequence[bool], document: int) -> None:
        content = array(self._code, ids).tobytes() + bytes(marks)
        entry = struct.pack("<qii", self._at, len(ids), document)
        self._crc = zlib.crc32(entry, self._crc)
        self._table.write(entry)
        self._target.write(content)
        self._at += len(content)
        self.rows += 1
        self.tokens += len(ids)

    def finish(self, report: DataReport) -> None:
        padding = -self._at % _ROW.itemsize
        self._target.write(bytes(padding))
        self._table.seek(0)
        while block := self._table.read(1 << 20):
            self._target.write(block)
        footer = {
            "kind": self._kind, "rows": self.rows, "table": self._at + padding, "crc": self._crc,
            "report": dataclasses.asdict(report),
        }  # fmt: skip
        content = json.dumps(footer).encode()
        self._target.write(content + _END.pack(len(content), b"rows"))


def tokenize_source(
    path: str | Path,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool = False,
    progress: Callable[[int], None] | None = None,
) -> TokenRows:
    """Rows of a file or folder, from the cache if the same content was seen with the same tokenizer and window.

    Raises DataError if the source cannot be read or holds nothing to learn from, or the cache cannot be written.
    `progress` receives numbers of characters that were read.
    """
    tokenizer = template.tokenizer
    state = source_state([path])
    settings = [CACHE_VERSION, window, template.to_json(), tokenizer.to_json(), skip_bad_records]
    stored = cache_folder() / f"{source_key([path], settings)}.rows"
    try:
        rows = TokenRows.open(stored, str(path))
        mark_used(stored)
        return rows
    except (OSError, ValueError, KeyError, TypeError):  # absent, or damaged
        pass
    with (
        cache_entry(stored) as temporary,
        open(temporary, "wb") as target,
        tempfile.TemporaryFile(dir=stored.parent) as table,
    ):
        writer = RowWriter(target, table, tokenizer.vocab_size)
        writer.finish(_write_rows(path, template, window, skip_bad_records, writer, progress or (lambda count: None)))
        if source_state([path]) != state:
            raise DataError(f"{path} was changed while it was read.", "Start again when it is complete.")
    return TokenRows.open(stored)


def _write_rows(
    path: str | Path,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool,
    writer: RowWriter,
    progress: Callable[[int], None],
) -> DataReport:
    shapes: Counter[str] = Counter()
    reasons: list[str] = []
    samples: list[list[int]] = [[], [], []]  # of the first document, of the last 1st, 2nd, 4th, 8th ..., of the last
    characters = unknown = skipped = truncated = told = numbered = dropped = 0

    def skip(error: DataError) -> None:
        nonlocal skipped
        skipped += 1
        if len(reasons) < 5:
            reasons.append(str(error))

    def drop(count: int) -> None:
        nonlocal dropped
        dropped += count

    decode, vocab_size = template.tokenizer.decode, template.tokenizer.vocab_size
    for document in read_documents(path, skip if skip_bad_records else None, vocab_size):
        shapes[document.shape] += 1
        texts = [decode(document.ids)] if document.ids else document.texts
        characters += sum(len(text.lower()) for text in texts)
        before, dropped = writer.rows, 0
        for ids, marks in encode_rows(document, template, window, drop):
            if len(ids) > 1:
                if writer.rows == before:
                    samples[0] = samples[0] or ids
                    samples[1] = ids if numbered & (numbered - 1) == 0 else samples[1]
                    samples[2] = ids
                writer.add(ids, marks, numbered)
                unknown += ids.count(0)
        truncated += dropped > 0
        numbered += writer.rows > before
        if characters - told >= 1 << 16:
            progress(characters - told)
            told = characters
    progress(characters - told)
    if not writer.rows:
        left_out = f"Bad records left out: {skipped}. The first: {reasons[0]}" if skipped else ""
        raise DataError(f"{path} holds no text to learn from.", left_out)
    examples = tuple(dict.fromkeys(_shortened(decode(ids)) for ids in samples))
    return DataReport(
        str(path), dict(shapes), sum(shapes.values()), writer.rows, writer.tokens, characters, unknown, truncated,
        skipped, tuple(reasons), examples,
    )  # fmt: skip


def _shortened(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"
