"""Write all steps of a run to a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from i3core.runs.reader import STEP_COLUMNS, MetricsPart, MetricsReader
from i3core.system.files import replaced

EVALUATION_COLUMNS = (
    "val_loss", "val_perplexity", "general_loss", "general_perplexity", "questions", "questions_right", "everyday",
    "everyday_kept",
)  # fmt: skip
_WHOLE = ("step", "tokens", "rss_bytes", "gpu_memory_bytes", "gpu_memory_total_bytes")


def csv_steps(folder: Path | str, path: Path | str) -> Iterator[int]:
    """Write all steps and evaluations of a run to `path` in parts; yields the number of rows so far.

    The file appears after the last part, complete or not at all. An evaluation is a separate row after its step.
    Raises I3Error if the file cannot be written.
    """
    reader = MetricsReader(Path(folder))
    header = ",".join((*STEP_COLUMNS, *EVALUATION_COLUMNS)) + "\n"
    with replaced(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        file.write(header)
        rows = 0
        while True:
            part = reader.read()
            if part.restarted:
                file.seek(0)
                file.truncate()
                file.write(header)
                rows = 0
            lines = _lines(part)
            file.writelines(lines)
            rows += len(lines)
            yield rows
            if part.complete:
                return


def _lines(part: MetricsPart) -> list[str]:
    """The rows of one part, ordered by step."""
    columns = [_texts(part.steps[name], whole=name in _WHOLE) for name in STEP_COLUMNS]
    blanks = "," * len(EVALUATION_COLUMNS)
    lines = [",".join(row) + blanks + "\n" for row in zip(*columns, strict=True)]
    if not part.evaluations:
        return lines
    none = "," * (len(STEP_COLUMNS) - 3)
    for evaluation in reversed(part.evaluations):
        row = int(np.searchsorted(part.steps["step"], evaluation.step, "right"))
        start = _texts(np.array([evaluation.step, evaluation.tokens, evaluation.seconds], np.float64), whole=False)
        values = [getattr(evaluation, name) for name in EVALUATION_COLUMNS]
        values = _texts(np.array([np.nan if value is None else value for value in values]), whole=False)
        lines.insert(row, ",".join(start) + none + "," + ",".join(values) + "\n")
    return lines


def _texts(values: np.ndarray, whole: bool) -> list[str]:
    """Format numbers for the file; NaN becomes an empty field."""
    if whole:
        return ["" if value != value else f"{value:.0f}" for value in values.tolist()]
    return ["" if value != value else f"{value:.10g}" for value in values.tolist()]
