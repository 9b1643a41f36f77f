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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from ..net.dataset_name import HubData, dataset_location
from ..text.chat_template import ChatTemplate
from .cache import cache_entry, cache_folder, mark_used
from .documents import Document, read_documents
from .hub_dataset import fetch_all
from .records import Beginning
from .report import DataReport, ReportWriter
from .sources import data_files, source_key, source_state

CACHE_VERSION = 4
_MAPPED_BYTES = 64 << 20  # resident pages of the map before they are given back
_ROW = np.dtype([("start", "<i8"), ("length", "<i4"), ("document", "<i4")])
_END = struct.Struct("<I4s")


def encode_rows(
    document: Document, template: ChatTemplate, window: int, on_drop: Callable[[int], None] | None = None
) -> Iterator[tuple[list[int], list[bool]]]:
    """Rows of at most window + 1 ids, and for each id whether it belongs to an assistant turn that is to be learned.

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
        answer = None  # where it begins
        for number, message in exchange:
            turn = template.encode_turn(message)
            if answer is None and message["role"] == "assistant":
                answer = len(ids)
            ids += turn
            # The opening belongs to the question: chat feeds it, the model never has to produce it.
            opening = len(template.reply_opening()) if message["role"] == "assistant" else len(turn)
            assistant += [one_sided] * opening + [number not in document.context] * (len(turn) - opening)
        if row and len(row) + len(ids) > limit:
            yield row, marks
            row, marks = [], []
        if len(ids) > limit:
            excess = len(ids) - limit
            if on_drop:
                on_drop(excess)
            # What is asked gives way, from its beginning, before what is answered loses its end.
            begin = len(template.prompt_opening())
            end = begin + min(excess, max(0, (answer or 0) - begin))
            ids, assistant = ids[:begin] + ids[end:], assistant[:begin] + assistant[end:]
        row += ids[:limit]
        marks += assistant[:limit]
    if row:
        yield row, marks


def _exchanges(messages: Sequence[dict[str, str]]) -> Iterator[list[tuple[int, dict[str, str]]]]:
    """Groups numbered turns so that each group starts with a user turn (the first group may not)."""
    group: list[tuple[int, dict[str, str]]] = []
    for number, message in enumerate(messages):
        if message["role"] == "user" and group and group[-1][1]["role"] != "user":
            yield group
            group = []
        group.append((number, message))
    if group:
        yield group


# ------------------------------------------------------------------------------------------------------------- rows


class TokenDataset:
    """Rows of tokens in a file, or a choice of them.

    Attributes:
        report: what was found in the whole source.
        lengths: (rows,) ids of each row.
        documents: (rows,) number of the document that each row belongs to.
    """

    def __init__(self, stored: _MappedDataset, report: DataReport, numbers: np.ndarray | None = None) -> None:
        self._stored, self.report, self._numbers = stored, report, numbers
        table = stored.table
        self.lengths: np.ndarray = table["length"] if numbers is None else table["length"][numbers]

    @classmethod
    def open(cls, path: Path, source: str | None = None) -> TokenDataset:
        """Rows that RowWriter wrote, reported as those of `source`. Raises OSError or ValueError if damaged."""
        stored, report = _MappedDataset.open(path)
        return cls(stored, report if source is None else report.of(source))

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

    def split(self, share: float, seed: str) -> tuple[TokenDataset, TokenDataset]:
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

    def _chosen(self, mask: np.ndarray) -> TokenDataset:
        numbers = np.flatnonzero(mask).astype(np.int32)
        return TokenDataset(self._stored, self.report, numbers if self._numbers is None else self._numbers[numbers])


def _held_count(count: int, share: float) -> int:
    return min(count - 1, max(1, round(count * share), min(8, count // 5)))


def frozen_random(seed: str) -> np.random.RandomState:
    """Random numbers that depend on `seed` alone, for ever.

    A run resumed years later must see the same batches. NumPy guarantees the streams of RandomState to stay the same;
    those of Generator, and Python's shuffle, may change with a version.
    """
    return np.random.RandomState(np.frombuffer(hashlib.sha256(seed.encode()).digest(), dtype="<u4"))


class _MappedDataset:
    """The file of rows: `table` (_ROW) and the rows themselves."""

    def __init__(self, content: mmap.mmap, kind: np.dtype, table: np.ndarray) -> None:
        self.table = table
        self._content, self._kind, self._touched = content, kind, 0

    @classmethod
    def open(cls, path: Path) -> tuple[_MappedDataset, DataReport]:
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
        return cls(content, np.dtype(footer["kind"]), table), DataReport.from_json(footer["report"])

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


class TokenDatasetWriter:
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
    path: str | Path | HubData,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool = False,
    progress: Callable[[int], None] | None = None,
    sample_bytes: int = 0,
) -> TokenDataset:
    """Rows of a source of data, from the cache if the same content was seen with the same tokenizer and window.

    Raises DataError if the source cannot be read or holds nothing to learn from, or the cache cannot be written, and
    BadRecordError for a record that cannot be used unless `skip_bad_records`.

    Args:
        progress: receives numbers of characters that were read.
        sample_bytes: read only about so many bytes of the beginning; 0 for all. Then `report.share` is below 1.
    """
    tokenizer, place = template.tokenizer, dataset_location(path)
    fetch_all([place], progress)
    state = source_state([place])
    settings: list = [CACHE_VERSION, window, template.to_json(), tokenizer.to_json()]
    beginning = None
    if 0 < sample_bytes < sum(size for size, _ in state):
        beginning = Beginning(sample_bytes)
        name = (
            str(place.resolve() if isinstance(place, Path) else place),
            state,
            sample_bytes,
        )  # to hash the content would mean to read it all
        stored = cache_folder() / f"{source_key([], [*settings, name])}.rows"
    else:
        stored = cache_folder() / f"{source_key([path], settings)}.rows"
    try:
        rows = TokenDataset.open(stored, str(path))
        mark_used(stored)
    except (OSError, ValueError, KeyError, TypeError):  # absent, or damaged
        with (
            cache_entry(stored) as temporary,
            open(temporary, "wb") as target,
            tempfile.TemporaryFile(dir=stored.parent) as table,
        ):
            writer = TokenDatasetWriter(target, table, tokenizer.vocab_size)
            writer.finish(_write_rows(path, template, window, skip_bad_records, writer, progress, beginning))
            if source_state([path]) != state:
                raise DataError(f"{path} was changed while it was read.", "Start again when it is complete.") from None
        rows = TokenDataset.open(stored)
    if rows.report.bad and not skip_bad_records:
        raise rows.report.bad[0].error()
    return rows


def _write_rows(
    path: str | Path | HubData,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool,
    writer: TokenDatasetWriter,
    progress: Callable[[int], None] | None,
    beginning: Beginning | None,
) -> DataReport:
    report = ReportWriter(path, template.tokenizer, progress or (lambda count: None))
    on_bad = report.refuse if skip_bad_records else None
    for document in read_documents(path, on_bad, template.tokenizer.vocab_size, beginning):
        rows = [row for row in encode_rows(document, template, window, report.drop) if len(row[0]) > 1]
        for ids, marks in rows:
            writer.add(ids, marks, report.documents)
        report.add(document, rows)
    share = 1.0
    if beginning is not None:
        share = beginning.disk_bytes / max(1, sum(file.stat().st_size for file in data_files(path)))
    return report.finished(share)
