"""Tokenize documents into sequences: streamed to a file in the cache, read through a memory map.

A sequence has at most window + 1 tokens: a whole document, or a piece of a long one. A conversation is cut between
exchanges only. Sequences are never packed together, so nothing leaks from one conversation into the next, and every
conversation starts at position 0 as it does in chat.

The file: for each sequence its ids and then its assistant marks (a byte each); the table (_ENTRY); a JSON footer; its
length. The table has the fingerprints of each sequence's document, and how many exchanges the sequence adds to a
conversation that is composed of several (0 if it must stand alone).
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
from ..net.dataset_name import DataSource
from ..text.chat_template import ChatTemplate, Message
from .cache import cache_entry, cache_folder, mark_used
from .documents import Document, read_documents
from .fingerprints import document_fingerprints
from .hub_dataset import fetch_datasets
from .reading import Reading
from .records import CharacterProgress, ReadLimit
from .report import DataReport, ReportWriter
from .sources import files_left_out, source_key, source_state

CACHE_VERSION = 12
_MAPPED_BYTES = 64 << 20  # resident pages of the map before they are given back to the system
_ENTRY = np.dtype(
    [("start", "<i8"), ("question", "<u8"), ("reply", "<u8"), ("length", "<i4"), ("document", "<i4"),
     ("exchanges", "<i4"), ("spare", "<i4")]
)  # fmt: skip
_PACKED_ENTRY = struct.Struct("<qQQiiii")
_END = struct.Struct("<I4s")
_MAGIC = b"rows"


def encode_sequences(
    document: Document, template: ChatTemplate, window: int, on_drop: Callable[[int], None] | None = None
) -> Iterator[tuple[list[int], list[bool]]]:
    """Yield sequences of at most window + 1 ids, and their assistant marks.

    A mark is true if the id belongs to an assistant turn that is learned. All ids of plain text and of given ids are
    marked, those of a conversation without assistant turns are not. Each sequence of a conversation starts with its
    system prompt, as each prompt of a chat does. What is longer than a sequence is shortened; `on_drop` receives the
    number of ids dropped.
    """
    limit = window + 1
    if not document.messages:
        ids = document.ids or template.encode_document(document.text)
        for start in range(0, max(len(ids) - 1, 0), window):
            piece = list(ids[start : start + limit])
            yield piece, [True] * len(piece)
        return
    said = [(message, number not in document.context) for number, message in enumerate(document.messages)]
    system = [said.pop(0)[0]] if said[0][0]["role"] == "system" else []
    first: list[int] = []  # of each sequence
    if system and template.has_system_turn:
        whole = template.encode_turn(system.pop())
        first = whole[: limit // 2]  # the other half is for an exchange
        if on_drop and len(first) < len(whole):
            on_drop(len(whole) - len(first))
    sequence, marks = list(first), [False] * len(first)
    waiting: Sequence[Message] = system  # for the first question of the sequence
    for exchange in _exchanges(said):
        asks = len(exchange) == len(said) or exchange[0][0]["role"] == "user"
        ids, assistant, reply_start = _encode_exchange(exchange, template, waiting if asks else ())
        if len(sequence) > len(first) and len(sequence) + len(ids) > limit:
            yield sequence, marks
            sequence, marks = list(first), [False] * len(first)
            ids, assistant, reply_start = _encode_exchange(exchange, template, system)
        waiting = () if asks else waiting
        room = limit - len(first)
        if len(ids) > room:
            excess = len(ids) - room
            if on_drop:
                on_drop(excess)
            # The question is truncated first, from its start; only then the end of the reply.
            start = len(template.prompt_opening())
            end = start + min(excess, max(0, reply_start - start))
            ids, assistant = ids[:start] + ids[end:], assistant[:start] + assistant[end:]
        sequence += ids[:room]
        marks += assistant[:room]
    if len(sequence) > len(first):
        yield sequence, marks


def _encode_exchange(
    exchange: Sequence[tuple[Message, bool]], template: ChatTemplate, system: Sequence[Message]
) -> tuple[list[int], list[bool], int]:
    """The ids of turns after a system prompt, their marks, and where the first reply starts (0 without one)."""
    turns = template.as_turns([*system, *(message for message, _ in exchange)])
    learned = [False] * (len(turns) - len(exchange)) + [is_learned for _, is_learned in exchange]
    opening = len(template.reply_opening())  # belongs to the question: chat feeds it, the model never has to produce it
    ids: list[int] = []
    marks: list[bool] = []
    reply_start = None
    for message, is_learned in zip(turns, learned, strict=True):
        turn = template.encode_turn(message)
        if message["role"] == "assistant":
            reply_start = len(ids) if reply_start is None else reply_start
            marks += [False] * opening + [is_learned] * (len(turn) - opening)
        else:
            marks += [False] * len(turn)
        ids += turn
    return ids, marks, reply_start or 0


def _exchanges(numbered: Sequence[tuple[Message, bool]]) -> Iterator[list[tuple[Message, bool]]]:
    """Group turns, each with whether it is learned: each group but the first starts with a user turn."""
    group: list[tuple[Message, bool]] = []
    for message, is_learned in numbered:
        if message["role"] == "user" and group and group[-1][0]["role"] != "user":
            yield group
            group = []
        group.append((message, is_learned))
    if group:
        yield group


# -------------------------------------------------------------------------------------------------------- sequences


class TokenDataset:
    """Token sequences in a file, or a subset of them.

    Attributes:
        report: what was found in the whole source.
        lengths: (sequences,) ids of each sequence.
        documents: (sequences,) number of the document that each sequence belongs to.
    """

    def __init__(self, stored: _MappedDataset, report: DataReport, numbers: np.ndarray | None = None) -> None:
        self._stored, self.report, self._numbers = stored, report, numbers
        table = stored.table
        self.lengths: np.ndarray = table["length"] if numbers is None else table["length"][numbers]

    @classmethod
    def open(cls, path: Path, source: str | None = None) -> TokenDataset:
        """Open a file of TokenDatasetWriter, reported as `source`. Raises OSError or ValueError if it is damaged."""
        stored, report = _MappedDataset.open(path)
        return cls(stored, report if source is None else report.of(source))

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def documents(self) -> np.ndarray:
        return self._column("document")

    @property
    def exchanges(self) -> np.ndarray:
        """(sequences,) exchanges that each adds to a composed conversation; 0 if it must stand alone."""
        return self._column("exchanges")

    @property
    def fingerprints(self) -> tuple[np.ndarray, np.ndarray]:
        """(sequences,) fingerprints of the question and of the reply of each sequence's document."""
        return self._column("question"), self._column("reply")

    def _column(self, name: str) -> np.ndarray:
        values = self._stored.table[name]
        return values if self._numbers is None else values[self._numbers]

    def sequence(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids, and which of them belong to the assistant."""
        if not 0 <= index < len(self):
            raise IndexError(f"sequence {index} of {len(self)}")
        return self._stored.sequence(int(index if self._numbers is None else self._numbers[index]))

    def subset(self, mask: np.ndarray) -> TokenDataset:
        """The sequences where `mask` (sequences,) is true."""
        numbers = np.flatnonzero(mask).astype(np.int32)
        return TokenDataset(self._stored, self.report, numbers if self._numbers is None else self._numbers[numbers])


def frozen_random(seed: str) -> np.random.RandomState:
    """Random numbers that depend on `seed` alone, in every version of NumPy.

    A run resumed years later must see the same batches. NumPy guarantees the streams of RandomState to stay the same;
    those of Generator, and Python's shuffle, may change with a version.
    """
    return np.random.RandomState(np.frombuffer(hashlib.sha256(seed.encode()).digest(), dtype="<u4"))


class _MappedDataset:
    """The mapped file: `table` (_ENTRY) and the sequences themselves."""

    def __init__(self, content: mmap.mmap, dtype: np.dtype, table: np.ndarray) -> None:
        self.table = table
        self._content, self._dtype, self._touched = content, dtype, 0

    @classmethod
    def open(cls, path: Path) -> tuple[_MappedDataset, DataReport]:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = len(content)
        length, magic = _END.unpack(content[-_END.size :]) if size > _END.size else (0, b"")
        if magic != _MAGIC or length + _END.size > size:
            raise ValueError("not a file of sequences")
        footer = json.loads(content[size - _END.size - length : size - _END.size])
        start, count = footer["table"], footer["rows"]
        end = start + count * _ENTRY.itemsize
        if end + length + _END.size != size:
            raise ValueError("a file of sequences that is cut short")
        if zlib.crc32(memoryview(content)[start:end]) != footer["crc"]:
            raise ValueError("a file of sequences with a damaged table")
        table = np.frombuffer(content, _ENTRY, count, start)
        return cls(content, np.dtype(footer["kind"]), table), DataReport.from_json(footer["report"])

    def sequence(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        entry = self.table[number]
        start, length = int(entry["start"]), int(entry["length"])
        ids = np.frombuffer(self._content, self._dtype, length, start).copy()
        marks = np.frombuffer(self._content, bool, length, start + ids.nbytes).copy()
        # Reading a byte makes its whole neighbourhood resident (16 pages on Linux), for as long as the map lives.
        self._touched += ids.nbytes + marks.nbytes + (1 << 16)
        if self._touched > _MAPPED_BYTES and hasattr(self._content, "madvise"):
            self._content.madvise(mmap.MADV_DONTNEED)
            self._touched = 0
        return ids, marks


class TokenDatasetWriter:
    """Appends sequences to a file; `finish` completes it. Only buffers are in memory."""

    def __init__(self, target: BinaryIO, table: BinaryIO, vocab_size: int) -> None:
        self.sequences = self.tokens = 0
        self._target, self._table, self._offset, self._crc = target, table, 0, 0
        self._typecode, self._dtype = ("H", "<u2") if vocab_size <= 65536 else ("I", "<u4")

    def add(
        self,
        ids: Sequence[int],
        marks: Sequence[bool],
        document: int,
        fingerprints: tuple[int, int] = (0, 0),
        composable: bool = False,
    ) -> None:
        """Append a sequence of `document`. `composable`: whether others may come before and after it."""
        marked = bytes(marks)
        exchanges = marked.count(b"\0\1") if composable else 0
        content = array(self._typecode, ids).tobytes() + marked
        entry = _PACKED_ENTRY.pack(self._offset, *fingerprints, len(ids), document, exchanges, 0)
        self._crc = zlib.crc32(entry, self._crc)
        self._table.write(entry)
        self._target.write(content)
        self._offset += len(content)
        self.sequences += 1
        self.tokens += len(ids)

    def finish(self, report: DataReport) -> None:
        padding = -self._offset % _ENTRY.itemsize
        self._target.write(bytes(padding))
        self._table.seek(0)
        while block := self._table.read(1 << 20):
            self._target.write(block)
        footer = {
            "kind": self._dtype, "rows": self.sequences, "table": self._offset + padding, "crc": self._crc,
            "report": dataclasses.asdict(report),
        }  # fmt: skip
        content = json.dumps(footer).encode()
        self._target.write(content + _END.pack(len(content), _MAGIC))


def tokenize_source(
    source: DataSource,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool = False,
    progress: CharacterProgress | None = None,
    sample_bytes: int = 0,
    reading: Reading | None = None,
) -> TokenDataset:
    """Tokenize a source, or open it from the cache.

    The cache knows it by its content, the tokenizer, the template and the window.

    Args:
        progress: receives numbers of characters read since the last call.
        sample_bytes: read only about this many bytes from the start; 0 for all. Then `report.share` is below 1.
        reading: how to read files that do not say it.

    Raises:
        DataError: the source cannot be read or holds nothing to learn from, or the cache cannot be written.
        BadRecordError: a record cannot be used, unless `skip_bad_records`.
    """
    tokenizer, reading = template.tokenizer, reading or Reading()
    location = reading.located(source)
    fetch_datasets([location], progress)
    state = source_state([location])
    settings: list = [CACHE_VERSION, window, template.to_json(), tokenizer.to_json(), reading.key()]
    settings.append(files_left_out(location))
    limit = None
    if 0 < sample_bytes < sum(size for size, _ in state):
        limit = ReadLimit(sample_bytes)
        name = str(location.resolve() if isinstance(location, Path) else location)
        # Named after size and time, as hashing the content would read all of it.
        stored = cache_folder() / f"{source_key([], [*settings, (name, state, sample_bytes)])}.rows"
    else:
        stored = cache_folder() / f"{source_key([location], settings)}.rows"
    try:
        dataset = TokenDataset.open(stored, str(source))
        mark_used(stored)
    except (OSError, ValueError, KeyError, TypeError):  # absent, or damaged
        with (
            cache_entry(stored) as temporary,
            open(temporary, "wb") as target,
            tempfile.TemporaryFile(dir=stored.parent) as table,
        ):
            writer = TokenDatasetWriter(target, table, tokenizer.vocab_size)
            writer.finish(
                _write_sequences(source, template, window, skip_bad_records, writer, progress, limit, reading)
            )
            if source_state([location]) != state:
                raise DataError(f"{source} changed while it was read.", "Start again when it is complete.") from None
        dataset = TokenDataset.open(stored)
    if dataset.report.bad and not skip_bad_records:
        raise dataset.report.bad[0].error()
    return dataset


def _write_sequences(
    source: DataSource,
    template: ChatTemplate,
    window: int,
    skip_bad_records: bool,
    writer: TokenDatasetWriter,
    progress: CharacterProgress | None,
    limit: ReadLimit | None,
    reading: Reading,
) -> DataReport:
    report = ReportWriter(str(source), template, progress or (lambda characters: None))
    on_bad = report.add_bad if skip_bad_records else None
    for document in read_documents(source, on_bad, template.tokenizer.vocab_size, limit, reading, report.notes):
        encoded = encode_sequences(document, template, window, report.note_truncation)
        sequences = [(ids, marks) for ids, marks in encoded if len(ids) > 1]
        fingerprints = document_fingerprints(document) if sequences else (0, 0)
        # One with a system prompt must come first, and what follows would be under it: it stands alone.
        composable = bool(document.messages) and document.messages[0]["role"] == "user"
        for ids, marks in sequences:
            writer.add(ids, marks, report.documents, fingerprints, composable)
        report.add(document, sequences)
    share = 1.0
    if limit is not None:
        share = limit.disk_bytes / max(1, sum(size for size, _ in source_state([reading.located(source)])))
    return report.finish(share)
