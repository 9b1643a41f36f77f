"""Check what a model would learn from data files: counts, bad records, and previews of the chunks. Needs no torch.

The tokens are cached, so that training can use them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import I3Error
from ..text.chat_template import ChatTemplate
from ..text.tokenizer import UNK_ID
from ..text.tokenizers import Tokenizer
from ..text.unreadable import suggestions
from .reading import Reading
from .sources import parse_source
from .token_dataset import TokenDataset, tokenize_source

PREVIEWS, PREVIEW_TOKENS = 8, 200

SourceProgress = Callable[[str, int], None]  # receives the source being read, and how many more characters of it


@dataclass(frozen=True)
class ListedRecord:
    """A record that cannot be used, as it is listed. `line` is None if it is not known; then `what` names the place."""

    file: str
    line: int | None
    what: str
    remedy: str


@dataclass(frozen=True)
class Preview:
    """The start of a sequence: each token's text, whether the model learns it, and whether it is `<UNK>`."""

    tokens: tuple[tuple[str, bool, bool], ...]


@dataclass(frozen=True)
class CheckedSource:
    """A file or folder that can be used.

    Attributes:
        role: "training" or "validation".
        weight: how often an epoch shows each document.
        shapes: number of documents of each shape.
        records: documents of all shapes.
        documents: documents that became sequences.
        rows: sequences that they became.
        learned_tokens: tokens that the model learns.
        unknown_share: share of `<UNK>` among the tokens.
        unknown_characters: those that most often became `<UNK>`; unknown_counts: how often each did.
        suggestions: a line on each of them.
        truncated: documents that lost text because an exchange is longer than the window.
        bad: the first records that cannot be used.
        bad_count: number of all of them.
        previews: sequences from all over the source.
        left_out: what was not used, and how often: fields, parts of turns, files.
        columns: what the columns of a table without known names were taken for.
        estimated: only the start was read, and the counts are extrapolated from it.
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
    unknown_counts: dict[str, int]
    suggestions: tuple[str, ...]
    truncated: int
    bad: tuple[ListedRecord, ...]
    bad_count: int
    previews: tuple[Preview, ...]
    estimated: bool
    left_out: dict[str, int]
    columns: dict[str, str]


@dataclass(frozen=True)
class RefusedSource:
    """A file or folder that cannot be used at all."""

    file: str
    role: str
    what: str
    remedy: str


@dataclass(frozen=True)
class DataTotals:
    """All training sources together.

    Attributes:
        refused: number of refused sources of any role.
        tokens_per_epoch: tokens multiplied by the weights of their sources.
    """

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
    progress: SourceProgress | None = None,
    reading: Reading | None = None,
) -> Iterator[CheckedSource | RefusedSource | DataTotals]:
    """Read every source and yield what it holds, then the totals.

    Args:
        data: `PATH` or `PATH:WEIGHT`, as for training.
        val: a validation file or folder.
        loss_on: "assistant" or "all", as for training.
        reading: how to read files that do not say it.
        sample_bytes: of a source with more text than this, read only the start; 0 reads all.
    """
    sources, refused = [], 0
    for argument, role in [*((argument, "training") for argument in data), *([(val, "validation")] if val else [])]:
        name, weight = argument, 1.0
        try:
            if role == "training":
                path, weight = parse_source(argument)
                name = str(path)
            on_read = None if progress is None else partial(progress, name)
            dataset = tokenize_source(name, template, window, True, on_read, sample_bytes, reading)
        except I3Error as error:
            refused += 1
            yield RefusedSource(name, role, error.what, error.remedy)
            continue
        except OSError as error:
            refused += 1
            what = f"{error.filename or name} cannot be read: {error.strerror or error}."
            yield RefusedSource(name, role, what, "Check its name and permissions.")
            continue
        source = _summarize(dataset, role, weight, template, loss_on)
        if role == "training":
            sources.append(source)
        yield source
    yield _sum_up(sources, refused)


def _summarize(dataset: TokenDataset, role: str, weight: float, template: ChatTemplate, loss_on: str) -> CheckedSource:
    report = dataset.report
    learned = report.learned if loss_on == "assistant" else report.targets

    def extrapolated(count: int) -> int:
        return round(count / report.share) if 0 < report.share < 1 else count

    return CheckedSource(
        file=report.file,
        role=role,
        weight=weight,
        shapes={shape: extrapolated(count) for shape, count in report.shapes.items()},
        records=extrapolated(report.records),
        documents=extrapolated(int(dataset.documents[-1]) + 1),
        rows=extrapolated(report.rows),
        tokens=extrapolated(report.tokens),
        learned_tokens=extrapolated(learned),
        characters=extrapolated(report.characters),
        unknown_share=report.unknown / report.tokens,
        unknown_characters=tuple(report.unknown_counts),
        unknown_counts={text: extrapolated(count) for text, count in report.unknown_counts.items()},
        suggestions=tuple(suggestions(report.unknown_counts)),
        truncated=extrapolated(report.truncated),
        bad=tuple(
            ListedRecord(bad.file, bad.number, bad.what, bad.remedy)
            if bad.unit == "line"
            else ListedRecord(bad.file, None, f"{bad.unit} {bad.number}: {bad.what}", bad.remedy)
            for bad in report.bad
        ),
        bad_count=extrapolated(report.skipped),
        previews=_previews(dataset, template.tokenizer, loss_on),
        estimated=report.share < 1,
        left_out={what: extrapolated(count) for what, count in report.left_out.items()},
        columns=report.columns,
    )


def _previews(dataset: TokenDataset, tokenizer: Tokenizer, loss_on: str) -> tuple[Preview, ...]:
    previews = []
    for number in np.linspace(0, len(dataset) - 1, min(len(dataset), PREVIEWS)).astype(int):
        ids, marks = (part[:PREVIEW_TOKENS].tolist() for part in dataset.sequence(int(number)))
        # Nothing predicts the first, and `<UNK>` is never learned.
        learned = [i > 0 and (loss_on == "all" or mark) and ids[i] != UNK_ID for i, mark in enumerate(marks)]
        pieces = zip(tokenizer.pieces(ids), ids, learned, strict=True)
        tokens = ((text, is_learned, i == UNK_ID) for text, i, is_learned in pieces)
        previews.append(Preview(tuple(tokens)))
    return tuple(previews)


def _sum_up(sources: Sequence[CheckedSource], refused: int) -> DataTotals:
    tokens = sum(source.tokens for source in sources)
    return DataTotals(
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
