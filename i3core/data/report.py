"""What was found in a file or folder of data, put together while it becomes rows."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..text.tokenizer import UNK_ID, ChunkTokenizer
from .documents import Document
from .records import BadRecordError, Place

BAD_TOLD = 50  # records that are told in full; further ones are only counted
UNKNOWN_TOLD = 12  # characters
_LONGEST_EXAMPLE = 300  # characters


@dataclass(frozen=True)
class RefusedRecord:
    """A record that cannot be used: where, why, and what to do.

    Attributes:
        file, number, unit: the place: "line" 3, or "row" 3 of a .parquet file.
    """

    file: str
    number: int
    unit: str
    what: str
    remedy: str

    def error(self) -> BadRecordError:
        return BadRecordError(Place(self.file, self.number, self.unit), self.what, self.remedy)


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
        skipped: bad records that were left out; bad: the first of them.
        examples: up to three rows as the model sees them, from the beginning, the middle and the end.
        learned: tokens to be predicted where only replies are learned.
        unknown_characters: those that most often became `<UNK>`.
        share: of the source's bytes that were read, below 1 if only the beginning was asked for.
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
    bad: tuple[RefusedRecord, ...]
    examples: tuple[str, ...]
    learned: int = 0
    unknown_characters: tuple[str, ...] = ()
    share: float = 1.0

    @property
    def skipped_reasons(self) -> tuple[str, ...]:
        """Why records were left out, for the first five."""
        return tuple(str(record.error()) for record in self.bad[:5])

    @classmethod
    def from_json(cls, content: dict) -> DataReport:
        """A report from what `dataclasses.asdict` made of it. Raises KeyError or TypeError if it is another's."""
        bad = tuple(RefusedRecord(**record) for record in content["bad"])
        rest = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
        return cls(**{**rest, "bad": bad})

    def of(self, source: str) -> DataReport:
        """The same of a source that has this content and another name."""
        bad = (dataclasses.replace(r, file=str(Path(source, os.path.relpath(r.file, self.file)))) for r in self.bad)
        return dataclasses.replace(self, file=source, bad=tuple(bad))


class ReportWriter:
    """Counts documents and their rows.

    Attributes:
        documents: that became rows so far.
    """

    def __init__(self, path: str | Path, tokenizer: ChunkTokenizer, progress: Callable[[int], None]) -> None:
        self.documents = 0
        self._path, self._tokenizer, self._progress = str(path), tokenizer, progress
        self._shapes: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._bad: list[RefusedRecord] = []
        self._examples: list[list[int]] = [[], [], []]  # rows of the first document, the last 1st 2nd 4th ..., the last
        self._rows = self._tokens = self._learned = self._unknown_tokens = 0
        self._characters = self._told = self._refused = self._truncated = 0
        self._dropped = False

    def refuse(self, error: BadRecordError) -> None:
        self._refused += 1
        if len(self._bad) < BAD_TOLD:
            self._bad.append(RefusedRecord(*error.place, error.reason, error.remedy))

    def drop(self, count: int) -> None:
        """The next document lost `count` ids."""
        self._dropped = True

    def add(self, document: Document, rows: Sequence[tuple[list[int], list[bool]]]) -> None:
        self._shapes[document.shape] += 1
        texts = [self._tokenizer.decode(document.ids)] if document.ids else document.texts
        self._characters += sum(len(text.lower()) for text in texts)
        unknown = 0
        for ids, marks in rows:
            self._examples[0] = self._examples[0] or ids
            self._examples[1] = ids if self.documents & (self.documents - 1) == 0 else self._examples[1]
            self._examples[2] = ids
            self._rows += 1
            self._tokens += len(ids)
            self._learned += sum(marks) - marks[0]  # nothing predicts the first
            unknown += ids.count(UNK_ID)
        if unknown:
            self._unknown_tokens += unknown
            for text in document.texts:
                self._unknown.update(unknown_characters(self._tokenizer, text))
        self._truncated += self._dropped
        self._dropped = False
        self.documents += bool(rows)
        if self._characters - self._told >= 1 << 16:
            self._tell()

    def _tell(self) -> None:
        self._progress(self._characters - self._told)
        self._told = self._characters

    def finished(self, share: float = 1.0) -> DataReport:
        """Raises DataError if there were no rows."""
        self._tell()
        if not self._rows:
            left_out = f"Bad records left out: {self._refused}. The first: {self._bad[0].error()}" if self._bad else ""
            raise DataError(f"{self._path} holds no text to learn from.", left_out)
        examples = dict.fromkeys(_shortened(self._tokenizer.decode(ids)) for ids in self._examples)
        return DataReport(
            file=self._path,
            shapes=dict(self._shapes),
            records=self._shapes.total(),
            rows=self._rows,
            tokens=self._tokens,
            characters=self._characters,
            unknown=self._unknown_tokens,
            truncated=self._truncated,
            skipped=self._refused,
            bad=tuple(self._bad),
            examples=tuple(examples),
            learned=self._learned,
            unknown_characters=tuple(character for character, _ in self._unknown.most_common(UNKNOWN_TOLD)),
            share=share,
        )


def unknown_characters(tokenizer: ChunkTokenizer, text: str) -> Counter[str]:
    """How often each character of `text` becomes `<UNK>`."""
    text, at = text.strip().lower(), 0
    found: Counter[str] = Counter()
    for index in tokenizer.encode(text):
        if index == UNK_ID:
            found[text[at]] += 1
        at += 1 if index == UNK_ID else len(tokenizer.chunks[index])
    return found


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"
