"""What a model would learn from files of data: counts, complaints, and the very chunks. Needs no torch.

The tokens go into the cache, where training finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import I3Error
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import UNK_ID, ChunkTokenizer
from .sources import parse_source
from .token_dataset import TokenDataset, tokenize_source

PREVIEWS, PREVIEW_TOKENS = 8, 200

Progress = Callable[[str, int], None]  # the file being read, and how many more characters of it


@dataclass(frozen=True)
class BadRecord:
    """A record that cannot be used. `line` is None where lines cannot be told; then `what` says the place."""

    file: str
    line: int | None
    what: str
    remedy: str


@dataclass(frozen=True)
class Preview:
    """The beginning of a row: each token's text, whether the model learns to say it, and whether it is `<UNK>`."""

    tokens: tuple[tuple[str, bool, bool], ...]


@dataclass(frozen=True)
class Source:
    """A file or folder that can be used.

    Attributes:
        role: "training" or "validation"; weight: how often an epoch shows each document.
        shapes: how many documents of each shape; records: of all; documents: that became rows.
        learned_tokens: tokens that the model learns to say.
        unknown_share: of `<UNK>` among the tokens; unknown_characters: those that most often became it.
        truncated: documents that lost text because an exchange is longer than the window.
        bad: the first records that cannot be used; bad_count: of all.
        previews: rows from all over the source.
        estimated: only the beginning was read, and the counts are extrapolated from it.
    """

    file: str
    role: str
    weight: float
    shapes: dict[str, int]
    records: int
    documents: int
    rows: int
    tokens: int
    learned_tokens: int
    characters: int
    unknown_share: float
    unknown_characters: tuple[str, ...]
    truncated: int
    bad: tuple[BadRecord, ...]
    bad_count: int
    previews: tuple[Preview, ...]
    estimated: bool


@dataclass(frozen=True)
class Refused:
    """A file or folder that cannot be used at all."""

    file: str
    role: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Total:
    """All training sources together; tokens_per_epoch counts their weights. `refused` counts sources of any role."""

    sources: int
    refused: int
    records: int
    documents: int
    rows: int
    tokens: int
    tokens_per_epoch: int
    learned_tokens: int
    characters: int
    unknown_share: float
    truncated: int
    bad_count: int
    estimated: bool


def check_data(
    template: ChatTemplate,
    window: int,
    data: Sequence[str],
    val: str = "",
    loss_on: str = "assistant",
    sample_bytes: int = 0,
    progress: Progress | None = None,
) -> Iterator[Source | Refused | Total]:
    """Reads every source and yields what it holds, then the total.

    Args:
        data: `PATH` or `PATH:WEIGHT`, as for training; val: a held-out file or folder.
        loss_on: "assistant" or "all", as for training.
        sample_bytes: of a source with more text than that, read only the beginning; 0 reads all.
    """
    sources, refused = [], 0
    for argument, role in [*((argument, "training") for argument in data), *([(val, "validation")] if val else [])]:
        name, weight = argument, 1.0
        try:
            if role == "training":
                path, weight = parse_source(argument)
                name = str(path)
            more = None if progress is None else lambda characters, name=name: progress(name, characters)
            rows = tokenize_source(name, template, window, True, more, sample_bytes)
        except I3Error as error:
            refused += 1
            yield Refused(name, role, error.what, error.remedy)
            continue
        except OSError as error:
            refused += 1
            what = f"{error.filename or name} cannot be read: {error.strerror or error}."
            yield Refused(name, role, what, "Check its name and permissions.")
            continue
        source = _source(rows, role, weight, template, loss_on)
        if role == "training":
            sources.append(source)
        yield source
    yield _total(sources, refused)


def _source(rows: TokenDataset, role: str, weight: float, template: ChatTemplate, loss_on: str) -> Source:
    report = rows.report
    learned = report.learned if loss_on == "assistant" else report.tokens - report.rows

    def whole(count: int) -> int:
        return round(count / report.share) if 0 < report.share < 1 else count

    return Source(
        file=report.file,
        role=role,
        weight=weight,
        shapes={shape: whole(count) for shape, count in report.shapes.items()},
        records=whole(report.records),
        documents=whole(int(rows.documents[-1]) + 1),
        rows=whole(report.rows),
        tokens=whole(report.tokens),
        learned_tokens=whole(learned),
        characters=whole(report.characters),
        unknown_share=report.unknown / report.tokens,
        unknown_characters=report.unknown_characters,
        truncated=whole(report.truncated),
        bad=tuple(
            BadRecord(bad.file, bad.number, bad.what, bad.remedy)
            if bad.unit == "line"
            else BadRecord(bad.file, None, f"{bad.unit} {bad.number}: {bad.what}", bad.remedy)
            for bad in report.bad
        ),
        bad_count=whole(report.skipped),
        previews=_previews(rows, template.tokenizer, loss_on),
        estimated=report.share < 1,
    )


def _previews(rows: TokenDataset, tokenizer: ChunkTokenizer, loss_on: str) -> tuple[Preview, ...]:
    previews = []
    for number in np.linspace(0, len(rows) - 1, min(len(rows), PREVIEWS)).astype(int):
        ids, marks = (part[:PREVIEW_TOKENS].tolist() for part in rows.row(int(number)))
        learned = [at > 0 and (loss_on == "all" or mark) for at, mark in enumerate(marks)]  # nothing predicts the first
        tokens = ((tokenizer.decode([i]), learns, i == UNK_ID) for i, learns in zip(ids, learned, strict=True))
        previews.append(Preview(tuple(tokens)))
    return tuple(previews)


def _total(sources: Sequence[Source], refused: int) -> Total:
    tokens = sum(source.tokens for source in sources)
    return Total(
        sources=len(sources),
        refused=refused,
        records=sum(source.records for source in sources),
        documents=sum(source.documents for source in sources),
        rows=sum(source.rows for source in sources),
        tokens=tokens,
        tokens_per_epoch=int(sum(source.tokens * source.weight for source in sources)),
        learned_tokens=sum(source.learned_tokens for source in sources),
        characters=sum(source.characters for source in sources),
        unknown_share=sum(source.unknown_share * source.tokens for source in sources) / max(1, tokens),
        truncated=sum(source.truncated for source in sources),
        bad_count=sum(source.bad_count for source in sources),
        estimated=any(source.estimated for source in sources),
    )
