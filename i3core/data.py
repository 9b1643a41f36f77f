"""Training data: files to documents, documents to rows of tokens (cached on disk), rows to batches.

Files: .jsonl (one {"messages": [...]} or {"text": "..."} a line), .txt (documents separated by blank lines), both also
as .xz or .gz. A row is at most window + 1 tokens: a whole document, or a piece of a long one. A conversation is cut
between exchanges only. Rows never share a sequence, so nothing leaks from one conversation into the next, and every
conversation starts at position 0 as it does in chat. Rows of similar length form a batch, so little is padding.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import random
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs

from .errors import DataError, I3Error, PromptError
from .files import file_sha256, replaced
from .template import ChatTemplate, check_messages

CACHE_VERSION = 1
SUFFIXES = (".jsonl", ".txt")
IGNORED = -1  # target of a token that is not learned


@dataclass(frozen=True)
class Document:
    """One record of a data file: a conversation if `messages` is not empty, else plain text."""

    text: str = ""
    messages: tuple[dict[str, str], ...] = ()
    source: str = ""

    @property
    def texts(self) -> list[str]:
        return [m["content"] for m in self.messages] if self.messages else [self.text]


def parse_source(argument: str) -> tuple[Path, float]:
    """Splits `FILE` or `FILE:WEIGHT`; the weight is how often each document is seen in an epoch."""
    head, colon, tail = argument.rpartition(":")
    if colon and not Path(argument).exists():
        try:
            weight = float(tail)
        except ValueError:
            return Path(argument), 1.0
        if not 0 < weight <= 1000:
            raise DataError(f"The weight in {argument!r} must be above 0 and at most 1000.")
        return Path(head), weight
    return Path(argument), 1.0


def read_documents(path: str | Path) -> Iterator[Document]:
    """Streams the documents of a file. Raises DataError naming file, line and reason."""
    path = Path(path)
    suffixes = [s.lower() for s in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in (".xz", ".gz") else ""
    kind = suffixes[-1] if suffixes else ""
    if not path.is_file():
        raise DataError(f"There is no data file {path}.", "Check the name.")
    if kind not in SUFFIXES:
        raise DataError(
            f"{path}: files of type {kind or 'none'!r} are not read.", "Use .jsonl or .txt, also .xz or .gz."
        )
    opener: Callable = {".xz": lzma.open, ".gz": gzip.open}.get(packed, open)
    try:
        with opener(path, "rt", encoding="utf-8-sig") as lines:
            if kind == ".txt":
                yield from _paragraphs(lines)
                return
            for line_number, line in enumerate(lines, 1):
                if line.strip():
                    yield _parse_record(line, f"{path}, line {line_number}")
    except UnicodeDecodeError as error:
        line = _first_line_not_utf8(path, opener)
        raise DataError(f"{path}, line {line}: not UTF-8 text.", "Convert the file to UTF-8.") from error
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read to its end: {error}.", "The file may be damaged.") from error


def _first_line_not_utf8(path: Path, opener: Callable) -> int:
    with opener(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _paragraphs(lines: Iterable[str]) -> Iterator[Document]:
    paragraph: list[str] = []
    for line in lines:
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield Document("".join(paragraph).strip())
            paragraph = []
    if paragraph:
        yield Document("".join(paragraph).strip())


def _parse_record(line: str, where: str) -> Document:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON.", "Each line must be one JSON record.") from error
    if isinstance(record, dict) and isinstance(record.get("messages"), list) and record["messages"]:
        try:
            check_messages(record["messages"])
        except PromptError as error:
            raise DataError(f"{where}: {error.what}", error.remedy) from error
        messages = tuple({"role": m["role"], "content": _mended(m["content"])} for m in record["messages"])
        return Document(messages=messages, source=_mended(str(record.get("src", ""))))
    if isinstance(record, dict) and isinstance(record.get("text"), str):
        return Document(_mended(record["text"]), source=_mended(str(record.get("src", ""))))
    raise DataError(f"{where}: a record needs `text` or `messages`.", 'For example {"text": "..."}.')


def _mended(text: str) -> str:
    """`text` with half surrogate pairs (broken emoji in JSON), which no file can hold, replaced by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def encode_rows(document: Document, template: ChatTemplate, window: int) -> Iterator[tuple[list[int], list[bool]]]:
    """Rows of at most window + 1 ids, and for each id whether it belongs to an assistant turn.

    All of plain text counts as the assistant's, and so does a conversation in which the assistant says nothing.
    """
    limit = window + 1
    if not document.messages:
        ids = template.encode_document(document.text)
        for start in range(0, max(len(ids) - 1, 0), window):
            piece = ids[start : start + limit]
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
        row += ids[: limit - len(row)]
        marks += assistant[: limit - len(marks)]
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
class TokenRows:
    """Rows of tokens.

    Attributes:
        tokens: (n,) ids of all rows one after the other.
        assistant: (n,) whether an id belongs to an assistant turn.
        offsets: (rows + 1,) where each row starts.
        characters: characters of lower-cased text behind the rows.
        unknown: how many ids are `<UNK>`.
    """

    tokens: np.ndarray
    assistant: np.ndarray
    offsets: np.ndarray
    characters: int
    unknown: int

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def row(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start, end = self.offsets[index], self.offsets[index + 1]
        return self.tokens[start:end], self.assistant[start:end]

    def subset(self, indices: Sequence[int]) -> TokenRows:
        """The rows `indices`, in this order. Characters are shared out by tokens."""
        rows = [self.row(i) for i in indices]
        tokens = np.concatenate([ids for ids, _ in rows]) if rows else self.tokens[:0]
        assistant = np.concatenate([marks for _, marks in rows]) if rows else self.assistant[:0]
        offsets = np.cumsum([0, *(len(ids) for ids, _ in rows)])
        share = len(tokens) / max(1, len(self.tokens))
        return TokenRows(tokens, assistant, offsets, round(self.characters * share), int((tokens == 0).sum()))

    def split(self, share: float, seed: str) -> tuple[TokenRows, TokenRows]:
        """Training and held-out rows: `share` of them, or 8 if a fifth is that many, chosen by `seed`."""
        count = max(1, round(len(self) * share), min(8, len(self) // 5))
        held = set(random.Random(seed).sample(range(len(self)), count))
        return self.subset([i for i in range(len(self)) if i not in held]), self.subset(sorted(held))

    def shuffled(self, seed: int) -> TokenRows:
        order = list(range(len(self)))
        random.Random(seed).shuffle(order)
        return self.subset(order)

    @staticmethod
    def joined(parts: Sequence[TokenRows]) -> TokenRows:
        """The rows of all parts, one after the other."""
        ends = np.cumsum([0, *(len(part.tokens) for part in parts)])
        offsets = [part.offsets[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
        return TokenRows(
            np.concatenate([part.tokens for part in parts]),
            np.concatenate([part.assistant for part in parts]),
            np.concatenate([*offsets, ends[-1:]]),
            sum(part.characters for part in parts),
            sum(part.unknown for part in parts),
        )


def cache_folder() -> Path:
    return Path(platformdirs.user_cache_dir("i3desk", appauthor=False)) / "tokens"


def tokenize_file(path: str | Path, template: ChatTemplate, window: int) -> TokenRows:
    """Rows of a data file, from the cache if the same content was seen with the same tokenizer and window.

    Raises DataError if the file cannot be read or holds nothing to learn from.
    """
    path = Path(path)
    key = _cache_key(path, template, window)
    stored = cache_folder() / f"{key}.npz"
    try:
        return _read_rows(stored)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # absent, or damaged
        rows = _tokenize(path, template, window)
    try:
        with replaced(stored) as temporary, open(temporary, "wb") as target:
            totals = np.array([rows.characters, rows.unknown])
            np.savez(target, tokens=rows.tokens, assistant=rows.assistant, offsets=rows.offsets, totals=totals)
    except I3Error:
        pass  # without room for a cache the next start counts again
    return rows


def _read_rows(stored: Path) -> TokenRows:
    with open(stored, "rb") as source, np.load(source, allow_pickle=False) as arrays:
        return TokenRows(arrays["tokens"], arrays["assistant"], arrays["offsets"], *(int(v) for v in arrays["totals"]))


def _cache_key(path: Path, template: ChatTemplate, window: int) -> str:
    settings = [CACHE_VERSION, window, path.suffixes[-2:], template.to_json(), template.tokenizer.to_json()]
    try:
        content = file_sha256(path)
    except OSError as error:
        raise DataError(f"The data file {path} cannot be read: {error.strerror}.", "Check the name.") from error
    return hashlib.sha256(json.dumps([*settings, content]).encode()).hexdigest()[:32]


def _tokenize(path: Path, template: ChatTemplate, window: int) -> TokenRows:
    kind = np.uint16 if template.tokenizer.vocab_size <= 65536 else np.uint32
    tokens, marks, lengths = [], [], [0]
    characters = unknown = 0
    for document in read_documents(path):
        characters += sum(len(text.lower()) for text in document.texts)
        for ids, assistant in encode_rows(document, template, window):
            if len(ids) > 1:
                tokens.append(np.array(ids, dtype=kind))
                marks.append(np.array(assistant, dtype=bool))
                lengths.append(len(ids))
                unknown += ids.count(0)
    if not tokens:
        raise DataError(f"{path} holds no text to learn from.")
    return TokenRows(np.concatenate(tokens), np.concatenate(marks), np.cumsum(lengths), characters, unknown)


@dataclass(frozen=True)
class WeightedRows:
    """Rows of one file and how often an epoch shows each."""

    rows: TokenRows
    weight: float = 1.0


def plan_epoch(
    sets: Sequence[WeightedRows], tokens_per_batch: int, seed: int, epoch: int
) -> list[list[tuple[int, int]]]:
    """The batches of one epoch: lists of (set, row), each batch at most `tokens_per_batch` with padding.

    Depends on its arguments alone, so a resumed run sees the very same batches.
    """
    generator = random.Random(f"{seed}/{epoch}")
    chosen: list[tuple[int, int]] = []
    for number, part in enumerate(sets):
        count = len(part.rows)
        whole, share = divmod(part.weight, 1)
        chosen += [(number, row) for row in range(count)] * int(whole)
        chosen += [(number, row) for row in generator.sample(range(count), round(count * share))]
    if not chosen:
        raise DataError("The weights of the data files leave nothing to learn from.", "Raise the weights.")
    generator.shuffle(chosen)
    batches: list[list[tuple[int, int]]] = []
    lengths = [np.diff(part.rows.offsets) for part in sets]
    pool = 16384
    for start in range(0, len(chosen), pool):
        batch: list[tuple[int, int]] = []
        for item in sorted(chosen[start : start + pool], key=lambda item: -lengths[item[0]][item[1]]):
            width = padded_width(lengths[batch[0][0]][batch[0][1]] - 1) if batch else 0
            if batch and width * (len(batch) + 1) > tokens_per_batch:
                batches.append(batch)
                batch = []
            batch.append(item)
        if batch:
            batches.append(batch)
    generator.shuffle(batches)
    return batches


def padded_width(length: int) -> int:
    """Length of the batch that holds rows of `length`: few different widths, so that kernels and memory are reused."""
    return -(-length // 32) * 32


def make_batch(
    sets: Sequence[WeightedRows], items: Sequence[tuple[int, int]], assistant_only: bool, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """ids and targets, both (rows, width) int64; targets are IGNORED where nothing is learned."""
    rows = [sets[number].rows.row(row) for number, row in items]
    width = min(window, padded_width(max(len(ids) for ids, _ in rows) - 1))
    inputs = np.zeros((len(rows), width), dtype=np.int64)
    targets = np.full((len(rows), width), IGNORED, dtype=np.int64)
    for i, (ids, assistant) in enumerate(rows):
        inputs[i, : len(ids) - 1] = ids[:-1]
        learned = ids[1:].astype(np.int64)
        if assistant_only:
            learned[~assistant[1:]] = IGNORED
        targets[i, : len(ids) - 1] = learned
    return inputs, targets
