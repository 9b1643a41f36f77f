"""metrics.jsonl and samples.jsonl, read as they grow: at once, in parts, or only at some places. Needs no torch.

A line is counted once it is whole. A file that was replaced, cut or deleted is noticed and read anew from its start.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .events import Evaluated, Sampled

if TYPE_CHECKING:
    import numpy as np

# Columns of MetricsPart.steps. "seconds" is time spent by the run so far, without pauses and stops.
STEP_COLUMNS = (
    "step", "tokens", "seconds", "loss", "lr", "grad_norm", "tokens_per_second", "eta_s", "rss_bytes", "cpu_percent",
    "gpu_memory_bytes", "gpu_memory_total_bytes", "gpu_utilization_percent", "gpu_power_w",
)  # fmt: skip
TAIL_BYTES = 64  # of the last line read, to know its file again
BATCH = 256  # lines; one call holds the interpreter for a millisecond
PLACE_BYTES = 2048  # several lines


@dataclass(frozen=True)
class MetricsPart:
    """What was read of metrics.jsonl since the last time.

    Attributes:
        restarted: what was read before does not hold any more (a resumed run dropped lines): begin anew with this part.
        steps: a float64 array for each of STEP_COLUMNS, all of one length; NaN where a line lacks the number.
        evaluations: in order.
        complete: whether the end of the file was reached.
    """

    restarted: bool
    steps: dict[str, np.ndarray]
    evaluations: tuple[Evaluated, ...]
    complete: bool


class LineReader:
    """Whole lines of a growing file, each once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # which file it was: device and inode
        self._offset, self._tail = 0, b""  # where the next line begins, and what stands before it

    def read(self, limit_bytes: int) -> tuple[bool, list[bytes], bool]:
        """Whether lines read before are there no more, the next ones, and whether those are all."""
        try:
            with open_lines(self.path) as source:
                return self._read(source, limit_bytes)
        except OSError:  # not there yet, or deleted
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
        """Whether this is not the file that was read up to now; a system soon uses an inode again."""
        if file != self._file:
            return True
        source.seek(self._offset - len(self._tail))
        return source.read(len(self._tail)) != self._tail

    def _start_again(self, file: tuple[int, int] | None) -> bool:
        """Begins at the start of `file`; returns whether something had been read."""
        something = self._offset > 0
        self._file, self._offset, self._tail = file, 0, b""
        return something


class MetricsReader:
    """Reads metrics.jsonl as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines = LineReader(folder / "metrics.jsonl")

    def read(self, limit_bytes: int = 1 << 20) -> MetricsPart:
        """The next lines, at most about `limit_bytes`. A damaged line is left out; never raises."""
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
        """Whether what was read before does not hold any more, and the next samples. Never raises."""
        restarted, lines, _ = self._lines.read(1 << 24)
        return restarted, [s for record in parse(lines) if (s := _sample(record)) is not None]


def parse(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """The records of these lines, without those that are damaged."""
    records: list[dict[str, Any]] = []
    for start in range(0, len(lines), BATCH):
        batch = lines[start : start + BATCH]
        try:  # one call for all is faster
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
    """A float64 array for each of STEP_COLUMNS; NaN where a record lacks the number."""
    import numpy as np

    found = {}
    for name in STEP_COLUMNS:
        values = [record.get(name) for record in records]
        try:
            found[name] = np.array(values, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):  # something that is no number
            found[name] = np.array([number(value) for value in values], dtype=np.float64)
        if found[name].ndim != 1:
            found[name] = np.array([number(value) for value in values], dtype=np.float64)
    return found


def number(value: object) -> float:
    """`value` as a float, NaN if it is no number."""
    try:
        return float(value) if isinstance(value, int | float) else math.nan
    except OverflowError:
        return math.nan


def evaluation(record: dict[str, Any]) -> Evaluated | None:
    """The evaluation that a line of metrics.jsonl tells, if it does."""
    if "val_loss" not in record and "general_loss" not in record:
        return None

    def loss(name: str) -> float | None:
        value = record.get(name)
        return None if value is None else number(value)

    try:
        step, tokens = int(record["step"]), int(record.get("tokens", 0))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    losses = (loss(name) for name in ("val_loss", "val_perplexity", "general_loss", "general_perplexity"))
    return Evaluated(step, tokens, number(record.get("seconds")), *losses, record.get("is_best") is True)


def _sample(record: dict[str, Any]) -> Sampled | None:
    step, prompt, text = (record.get(name) for name in ("step", "prompt", "text"))
    known = isinstance(step, int) and isinstance(prompt, str) and isinstance(text, str)
    return Sampled(step, prompt, text) if known else None


def open_lines(path: Path) -> BinaryIO:
    """Opens a file to read. Raises OSError for what is none: a device could be read for ever."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileNotFoundError(f"{path} is no file")
    return open(path, "rb")


def last_records(path: Path, size_bytes: int = 1 << 16) -> list[dict[str, Any]]:
    """Records of the last whole lines, at most `size_bytes` of them."""
    try:
        with open_lines(path) as source:
            start = max(0, source.seek(0, os.SEEK_END) - size_bytes)
            source.seek(start)
            content = source.read(size_bytes)
    except OSError:
        return []
    lines = content.split(b"\n")[1 if start else 0 : -1]
    return parse(lines)


def records_at_places(path: Path, count: int, wanted: bytes = b'"loss"') -> list[dict[str, Any]]:
    """About `count` records of lines that hold `wanted`, evenly spaced over the file's bytes, each once."""
    lines: dict[int, bytes] = {}  # where it begins -> line
    try:
        with open_lines(path) as source:
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
