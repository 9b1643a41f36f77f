"""Read metrics.jsonl and samples.jsonl as they grow: whole, in parts, or only at some places. Needs no torch.

A line counts once it is complete. If a file was replaced, truncated or deleted, it is read again from its start.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..system.files import open_file
from .events import Evaluated, Sampled

if TYPE_CHECKING:
    import numpy as np

# Columns of MetricsPart.steps. "seconds" is the training time so far, without pauses and stops.
STEP_COLUMNS = (
    "step", "tokens", "seconds", "loss", "lr", "grad_norm", "tokens_per_second", "eta_s", "rss_bytes", "cpu_percent",
    "gpu_memory_bytes", "gpu_memory_total_bytes", "gpu_utilization_percent", "gpu_power_w",
)  # fmt: skip
TAIL_BYTES = 64  # of the last line read, to recognise its file
BATCH = 256  # lines; one call blocks the interpreter for a millisecond
PLACE_BYTES = 2048  # several lines


@dataclass(frozen=True)
class MetricsPart:
    """The part of metrics.jsonl that was read since the last time.

    Attributes:
        restarted: whether earlier parts are void (a resumed run dropped lines): start again with this part.
        steps: a float64 array for each of STEP_COLUMNS, all of one length; NaN where a line lacks the number.
        evaluations: in order.
        complete: whether the end of the file was reached.
    """

    restarted: bool
    steps: dict[str, np.ndarray]
    evaluations: tuple[Evaluated, ...]
    complete: bool


class LineReader:
    """Reads complete lines of a growing file, each once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # device and inode of the file
        self._offset, self._tail = 0, b""  # where the next line starts, and the bytes before it

    def read(self, limit_bytes: int) -> tuple[bool, list[bytes], bool]:
        """Return whether earlier lines are void, the next lines, and whether the end was reached."""
        try:
            with open_file(self.path) as source:
                return self._read(source, limit_bytes)
        except OSError:  # missing or deleted
            return self._start_again(None), [], True

    def _read(self, source: BinaryIO, limit_bytes: int) -> tuple[bool, list[bytes], bool]:
        status = os.fstat(source.fileno())
        file = status.st_dev, status.st_ino
        restarted = self._is_other(source, file) and self._start_again(file)
        source.seek(self._offset)
        content = source.read(limit_bytes) + source.readline()
        whole = content[: content.rfind(b"\n") + 1]
        complete = self._offset + len(content) >= status.st_size
        if whole:
            self._offset, self._tail = self._offset + len(whole), whole[-TAIL_BYTES:]
        return restarted, whole.splitlines(), complete

    def _is_other(self, source: BinaryIO, file: tuple[int, int]) -> bool:
        """Whether this is not the file that was read so far.

        Inodes alone are reused soon.
        """
        if file != self._file:
            return True
        source.seek(self._offset - len(self._tail))
        return source.read(len(self._tail)) != self._tail

    def _start_again(self, file: tuple[int, int] | None) -> bool:
        """Start `file` from its beginning. Returns whether anything had been read."""
        had_read = self._offset > 0
        self._file, self._offset, self._tail = file, 0, b""
        return had_read


class MetricsReader:
    """Reads metrics.jsonl as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = LineReader(folder / "metrics.jsonl")

    def read(self, limit_bytes: int = 1 << 20) -> MetricsPart:
        """Read the next lines, at most about `limit_bytes`.

        Damaged lines are left out; never raises.
        """
        restarted, lines, complete = self._lines.read(limit_bytes)
        records = parse(lines)
        steps = columns([record for record in records if "loss" in record and "step" in record])
        evaluations = tuple(e for record in records if (e := evaluation(record)) is not None)
        return MetricsPart(restarted, steps, evaluations, complete)


class SamplesReader:
    """Reads samples.jsonl as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = LineReader(folder / "samples.jsonl")

    def read(self) -> tuple[bool, list[Sampled]]:
        """Return whether earlier samples are void, and the next samples. Never raises."""
        restarted, lines, _ = self._lines.read(1 << 24)
        return restarted, [s for record in parse(lines) if (s := _sample(record)) is not None]


def parse(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """Parse the records of these lines, without damaged ones."""
    records: list[dict[str, Any]] = []
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        try:  # one call for all lines is faster
            found = json.loads(b"[" + b",".join(batch) + b"]")
        except (ValueError, RecursionError):
            found = []
        records += (r for r in (found if len(found) == len(batch) else _parse_each(batch)) if isinstance(r, dict))
    return records


def _parse_each(lines: Iterable[bytes]) -> list[Any]:
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return records


def columns(records: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Build a float64 array for each of STEP_COLUMNS; NaN where a record lacks the number."""
    import numpy as np

    found = {}
    for name in STEP_COLUMNS:
        values = [record.get(name) for record in records]
        try:
            found[name] = np.array(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):  # some value is not a number
            found[name] = np.array([number(value) for value in values], dtype=np.float64)
        if found[name].ndim != 1:
            found[name] = np.array([number(value) for value in values], dtype=np.float64)
    return found


def number(value: object) -> float:
    """Convert `value` to float; NaN if it is not a number."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan


def evaluation(record: dict[str, Any]) -> Evaluated | None:
    """The evaluation in a record of metrics.jsonl, or None."""
    if not record.keys() & {"val_loss", "general_loss", "questions", "everyday"}:
        return None

    def loss(name: str) -> float | None:
        value = record.get(name)
        return None if value is None else number(value)

    def count(name: str) -> int | None:
        value = record.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    try:
        step, tokens = int(record["step"]), int(record.get("tokens", 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Evaluated(
        step=step,
        tokens=tokens,
        seconds=number(record.get("seconds")),
        val_loss=loss("val_loss"),
        val_perplexity=loss("val_perplexity"),
        general_loss=loss("general_loss"),
        general_perplexity=loss("general_perplexity"),
        is_best=record.get("is_best") is True,
        questions=count("questions"),
        questions_right=count("questions_right"),
        questions_held_out=record.get("questions_held_out") is True if "questions" in record else None,
        everyday=count("everyday"),
        everyday_kept=count("everyday_kept"),
    )


def _sample(record: dict[str, Any]) -> Sampled | None:
    step, prompt, text = (record.get(name) for name in ("step", "prompt", "text"))
    if isinstance(step, int) and isinstance(prompt, str) and isinstance(text, str):
        return Sampled(step, prompt, text)
    return None


def last_records(path: Path, size_bytes: int = 1 << 16) -> list[dict[str, Any]]:
    """Read the records of the last complete lines, at most `size_bytes` of them."""
    try:
        with open_file(path) as source:
            start = max(0, source.seek(0, os.SEEK_END) - size_bytes)
            source.seek(start)
            content = source.read(size_bytes)
    except OSError:
        return []
    lines = content.split(b"\n")[1 if start else 0 : -1]
    return parse(lines)


def records_at_places(path: Path, count: int, wanted: bytes = b'"loss"') -> list[dict[str, Any]]:
    """Read about `count` records of lines containing `wanted`, evenly spaced over the file, each once."""
    lines: dict[int, bytes] = {}  # start of the line -> line
    try:
        with open_file(path) as source:
            size = source.seek(0, os.SEEK_END)
            for place in range(count):
                start = size * place // count
                source.seek(max(0, start - 1))
                content = source.read(PLACE_BYTES)
                at = 0 if start == 0 else content.find(b"\n") + 1
                while (end := content.find(b"\n", at)) >= 0:
                    if wanted in content[at:end]:
                        lines[max(0, start - 1) + at] = content[at:end]
                        break
                    at = end + 1
    except OSError:
        return []
    return parse([lines[place] for place in sorted(lines)])
