"""Report what was found in a source of data while it was tokenized."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import UNK_ID
from .documents import Document
from .reading import ReadingNotes
from .records import BadRecordError, CharacterProgress, RecordLocation

MOST_BAD_RECORDS = 50  # that are reported in full; further ones are only counted
MOST_UNKNOWN_CHARACTERS = 12
_LONGEST_EXAMPLE = 300  # characters
_PROGRESS_CHARACTERS = 1 << 16  # between two calls of `progress`


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be used: where, why, and what to do.

    Attributes:
        file, number, unit: its location: "line" 3, or "row" 3 of a .parquet file.
    """

    file: str
    number: int
    unit: str
    what: str
    remedy: str

    def error(self) -> BadRecordError:
        return BadRecordError(RecordLocation(self.file, self.number, self.unit), self.what, self.remedy)


@dataclass(frozen=True)
class DataReport:
    """What was found in a file or folder. The cache stores it under these names.

    Attributes:
        shapes: number of documents of each shape.
        records: documents that were read.
        rows, tokens: sequences that they became, and tokens in these.
        characters: of their lower-cased text.
        unknown: `<UNK>` among the tokens.
        truncated: documents that lost text because an exchange is longer than the window.
        skipped: bad records that were skipped.
        bad: the first of them.
        examples: up to three sequences as the model sees them, from the start, the middle and the end.
        learned, targets: tokens to be predicted if only replies are learned, or all turns.
        unknown_counts: the characters that most often became `<UNK>`, and how often.
        left_out: what was not used, and how often: fields, parts of turns, files.
        columns: what the columns of a table without known names were taken for.
        share: of the source's bytes that were read, below 1 if only its start was asked for.
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
    bad: tuple[BadRecord, ...]
    examples: tuple[str, ...]
    learned: int = 0
    targets: int = 0
    unknown_counts: dict[str, int] = field(default_factory=dict)
    share: float = 1.0
    left_out: dict[str, int] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def skipped_reasons(self) -> tuple[str, ...]:
        """Why records were skipped, for the first five."""
        return tuple(str(record.error()) for record in self.bad[:5])

    @classmethod
    def from_json(cls, content: dict) -> DataReport:
        """Rebuild a report from `dataclasses.asdict`. Raises KeyError or TypeError if the content is something else."""
        bad = tuple(BadRecord(**record) for record in content["bad"])
        rest = {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}
        return cls(**{**rest, "bad": bad})

    def of(self, source: str) -> DataReport:
        """The same report for a source with this content and another name."""
        bad = (dataclasses.replace(r, file=str(Path(source, os.path.relpath(r.file, self.file)))) for r in self.bad)
        return dataclasses.replace(self, file=source, bad=tuple(bad))


class ReportWriter:
    """Counts documents and their sequences.

    Attributes:
        documents: number of documents so far that became sequences.
        notes: what the readers note.
    """

    def __init__(self, source: str, template: ChatTemplate, progress: CharacterProgress) -> None:
        self.documents = 0
        self.notes = ReadingNotes()
        self._source, self._template, self._progress = source, template, progress
        self._tokenizer = template.tokenizer
        self._shapes: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        self._bad: list[BadRecord] = []
        # Of the first document, of the last one whose number is a power of two (about the middle), of the last one.
        self._examples: list[list[int]] = [[], [], []]
        self._sequences = self._tokens = self._learned = self._targets = self._unknown_tokens = 0
        self._characters = self._reported = self._skipped = self._truncated = 0
        self._is_truncated = False

    def add_bad(self, error: BadRecordError) -> None:
        self._skipped += 1
        if len(self._bad) < MOST_BAD_RECORDS:
            self._bad.append(BadRecord(*error.location, error.reason, error.remedy))

    def note_truncation(self, count: int) -> None:
        """Note that the next document lost `count` ids."""
        self._is_truncated = True

    def add(self, document: Document, sequences: Sequence[tuple[list[int], list[bool]]]) -> None:
        self._shapes[document.shape] += 1
        texts = [self._tokenizer.decode(document.ids)] if document.ids else document.texts
        for text in texts:  # lower case changes the length of few texts
            self._characters += len(text) if text.isascii() else len(self._tokenizer.normalized(text))
        unknown = 0
        for ids, marks in sequences:
            self._examples[0] = self._examples[0] or ids
            self._examples[1] = ids if self.documents & (self.documents - 1) == 0 else self._examples[1]
            self._examples[2] = ids
            self._sequences += 1
            self._tokens += len(ids)
            self._learned += marks.count(True) - marks[0]  # nothing predicts the first
            self._targets += len(ids) - 1
            if absent := ids.count(UNK_ID):  # `<UNK>` is never learned
                self._learned -= sum(mark for i, mark in zip(ids[1:], marks[1:], strict=True) if i == UNK_ID)
                self._targets -= absent - (ids[0] == UNK_ID)
                unknown += absent
        if unknown:
            self._unknown_tokens += unknown
            for text in document.texts:
                self._unknown.update(self._template.unreadable(text))
        self._truncated += self._is_truncated
        self._is_truncated = False
        self.documents += bool(sequences)
        if self._characters - self._reported >= _PROGRESS_CHARACTERS:
            self._report_progress()

    def _report_progress(self) -> None:
        self._progress(self._characters - self._reported)
        self._reported = self._characters

    def finish(self, share: float = 1.0) -> DataReport:
        """Return the report. Raises DataError if there were no sequences."""
        self._report_progress()
        if not self._sequences:
            skipped = f"Bad records left out: {self._skipped}. The first: {self._bad[0].error()}" if self._bad else ""
            raise DataError(f"{self._source} holds no text to learn from.", skipped)
        examples = dict.fromkeys(_shortened(self._tokenizer.decode(ids)) for ids in self._examples)
        return DataReport(
            file=self._source,
            shapes=dict(self._shapes),
            records=self._shapes.total(),
            rows=self._sequences,
            tokens=self._tokens,
            characters=self._characters,
            unknown=self._unknown_tokens,
            truncated=self._truncated,
            skipped=self._skipped,
            bad=tuple(self._bad),
            examples=tuple(examples),
            learned=self._learned,
            targets=self._targets,
            unknown_counts=dict(self._unknown.most_common(MOST_UNKNOWN_CHARACTERS)),
            share=share,
            left_out=dict(self.notes.left_out.most_common()),
            columns=self.notes.columns,
        )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_EXAMPLE else text[: _LONGEST_EXAMPLE - 1] + "…"
