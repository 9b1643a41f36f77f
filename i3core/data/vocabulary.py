"""Build a vocabulary from data: chunks are counted on all cores, streamed, and cached."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from pathlib import Path

from ..net.dataset_name import DataSource
from ..text.bpe import BPETokenizer, train_bpe
from ..text.tokenizer import ChunkTokenizer, build_tokenizer, count_chunks
from .cache import cache_entry, cache_folder, mark_used
from .documents import read_documents
from .hub_dataset import fetch_datasets
from .reading import Reading
from .records import BadRecordError, BadRecordHandler, CharacterProgress
from .sources import source_key, source_state

COUNTS_VERSION = 2
MOST_CHUNKS = 2_000_000  # distinct chunks in memory
_PIECE_CHARACTERS = 1 << 17  # small, as most chunks of a piece may be distinct, in Chinese for example
_COUNTED_HERE = 64  # pieces counted in this process; starting workers takes longer than that


def vocabulary(
    sources: Sequence[DataSource],
    max_size: int | None = None,
    min_count: int = 1,
    special_roles: Iterable[str] = (),
    progress: CharacterProgress | None = None,
    on_bad: BadRecordHandler | None = None,
    reading: Reading | None = None,
) -> ChunkTokenizer:
    """Build the vocabulary of some sources; see build_tokenizer and count_source_chunks."""
    return build_tokenizer(
        count_source_chunks(sources, progress, on_bad=on_bad, reading=reading), max_size, min_count, special_roles
    )


def bpe_vocabulary(
    sources: Sequence[DataSource],
    size: int,
    special_roles: Iterable[str] = (),
    min_count: int = 1,
    progress: CharacterProgress | None = None,
    on_bad: BadRecordHandler | None = None,
    reading: Reading | None = None,
) -> tuple[BPETokenizer, int]:
    """Build a byte-level BPE vocabulary of some sources; see `train_bpe`, and `count_source_chunks` for the others."""
    fetch_datasets(map((reading or Reading()).located, sources), progress)

    def texts() -> Iterator[str]:
        for piece in _pieces(sources, on_bad, reading):
            yield from piece
            if progress:
                progress(sum(map(len, piece)))

    return train_bpe(texts(), size, special_roles, min_count)


def count_source_chunks(
    sources: Sequence[DataSource],
    progress: CharacterProgress | None = None,
    workers: int | None = None,
    on_bad: BadRecordHandler | None = None,
    reading: Reading | None = None,
) -> Counter[str]:
    """Count the chunks of some sources, or read the counts from the cache.

    Exact up to MOST_CHUNKS distinct chunks. Whenever there are more, at least the rarest half is dropped (lossy
    counting): the frequent ones stay, and a chunk's count may lack what it had when it was dropped.

    Args:
        progress: receives numbers of characters counted since the last call.
        workers: number of processes; one per core by default. Small sources are counted in this process.
        reading: how to read files that do not say it.
        on_bad: receives the errors of bad records, which are skipped; the counts are not cached then.

    Raises DataError if a source cannot be read or the cache cannot be written.
    """
    reading = reading or Reading()
    sources = [reading.located(source) for source in sources]
    fetch_datasets(sources, progress)
    state = source_state(sources)
    stored = cache_folder() / f"{source_key(sources, [COUNTS_VERSION, MOST_CHUNKS, reading.key()])}.counts"
    try:
        counts = _read_counts(stored)
        mark_used(stored)
        return counts
    except (OSError, ValueError, TypeError, AttributeError):  # absent, or damaged
        pass
    skipped = 0

    def skip(error: BadRecordError) -> None:
        nonlocal skipped
        skipped += 1
        if on_bad is not None:
            on_bad(error)

    pieces = _pieces(sources, None if on_bad is None else skip, reading)
    counts: Counter[str] = Counter()
    for part, characters in _count_on_cores(pieces, workers or _cores()):
        counts.update(part)
        if len(counts) > MOST_CHUNKS:
            counts = _frequent(counts, MOST_CHUNKS // 2)
        if progress:
            progress(characters)
    if not skipped and source_state(sources) == state:
        with cache_entry(stored) as temporary:
            _write_counts(temporary, counts)
    return counts


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pieces(
    sources: Sequence[DataSource], on_bad: BadRecordHandler | None, reading: Reading | None
) -> Iterator[list[str]]:
    """The texts of all documents in lists of about _PIECE_CHARACTERS characters."""
    piece: list[str] = []
    size = 0
    for source in sources:
        for document in read_documents(source, on_bad, reading=reading):
            for text in document.texts:
                piece.append(text)
                size += len(text)
            if size >= _PIECE_CHARACTERS:
                yield piece
                piece, size = [], 0
    if piece:
        yield piece


def _count_piece(texts: list[str]) -> tuple[Counter[str], int]:
    return count_chunks(texts), sum(map(len, texts))


def _count_on_cores(pieces: Iterator[list[str]], workers: int) -> Iterator[tuple[Counter[str], int]]:
    """Count each piece, in order. Few pieces are pending at a time, so that memory stays bounded."""
    yield from map(_count_piece, islice(pieces, _COUNTED_HERE))
    following = next(pieces, None)
    if following is None:
        return
    if workers < 2:
        yield _count_piece(following)
        yield from map(_count_piece, pieces)
        return
    # Spawned, not forked: a fork of a process with threads, as the window's is, may hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupts)
    waiting: deque[tuple[list[str], Future | None]] = deque()

    def counted() -> tuple[Counter[str], int]:
        piece, future = waiting.popleft()
        try:
            return future.result() if future else _count_piece(piece)
        except BrokenProcessPool:  # workers were killed, or cannot start as the main script lacks its `__main__` guard
            return _count_piece(piece)

    try:
        for piece in chain([following], pieces):
            try:
                future = pool.submit(_count_piece, piece)
            except BrokenProcessPool:
                future = None
            waiting.append((piece, future))
            if len(waiting) > workers + 2:
                yield counted()
        while waiting:
            yield counted()
    finally:
        pool.shutdown(cancel_futures=True)


def _frequent(counts: Counter[str], most: int) -> Counter[str]:
    """Keep at most `most` chunks, all more frequent than those dropped."""
    left, least = len(counts), 0
    for count, chunks in sorted(Counter(counts.values()).items()):
        if left <= most:
            break
        left, least = left - chunks, count
    return Counter({chunk: count for chunk, count in counts.items() if count > least})


def _ignore_interrupts() -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal; the process that started the workers handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_counts(path: Path, counts: Counter[str]) -> None:
    """Write JSON lines of ten thousand chunks each, to save memory; then the total."""
    entries = iter(counts.items())
    with open(path, "w", encoding="utf-8") as target:
        while block := dict(islice(entries, 10_000)):
            target.write(json.dumps(block) + "\n")
        target.write(json.dumps(counts.total()) + "\n")


def _read_counts(path: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            content = json.loads(line)
            if isinstance(content, dict):
                dict.update(counts, content)
            elif content == counts.total():
                return counts
    raise ValueError("counts without their total")
