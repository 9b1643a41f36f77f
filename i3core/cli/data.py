"""`i3core data`: what a model would learn from data files, before anything is trained."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import DataError
from ..net.dataset_name import HELP
from ..training.config import CHOICES
from .options import Commands, add_command, add_json, add_model, add_reading, reading
from .output import columns_text, left_out_text, print_json, progress_bar

if TYPE_CHECKING:
    from ..data.validation import CheckedSource, DataTotals, RefusedSource

REPORT_EVERY_S = 0.2
_EVENTS = {"CheckedSource": "source", "RefusedSource": "refused", "DataTotals": "total"}


def add_data(commands: Commands) -> None:
    summary = "show what a model would learn from files: counts, bad records, and the chunks of examples"
    parser = add_command(commands, "data", data, summary)
    add_model(parser)
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="PATH[:WEIGHT]", help=f"as for training: files, folders or {HELP}")
    add("--val", default="", metavar="PATH", help="validation data, likewise")
    add(
        "--loss-on", choices=CHOICES["loss_on"], default="assistant",
        help="learn replies only, or every turn (default: %(default)s)",
    )  # fmt: skip
    add(
        "--sample-bytes", type=int, default=0, metavar="N",
        help="of a larger source, read only about the first N bytes and estimate the rest",
    )  # fmt: skip
    add_reading(parser)
    add_json(parser, "print events as JSON lines; a source that cannot be used is then an event, not an error")


def data(arguments: argparse.Namespace) -> None:
    from ..checkpoints.template import model_template
    from ..data.validation import RefusedSource, check_data

    template, window = model_template(arguments.model)
    options = template, window, arguments.data, arguments.val, arguments.loss_on, max(0, arguments.sample_bytes)
    how = reading(arguments)
    if arguments.json:
        for event in check_data(*options, ReadingReport().update, how):
            print_json({"event": _EVENTS[type(event).__name__], **dataclasses.asdict(event)})
        return
    refused = []
    with progress_bar(None, "char", "reading", scale=True) as bar:
        for event in check_data(*options, lambda file, characters: bar.update(characters), how):
            if isinstance(event, RefusedSource):
                refused.append(event)
            for line in describe(event):
                bar.write(line)
    if refused:
        raise DataError(refused[0].what, refused[0].remedy)


class ReadingReport:
    """Print how far a source has been read, as JSON lines at intervals."""

    def __init__(self) -> None:
        self._file, self._characters, self._printed_at = "", 0, 0.0

    def update(self, file: str, characters: int) -> None:
        """Count `characters` more of `file`."""
        self._characters = characters + (self._characters if file == self._file else 0)
        self._file = file
        if time.monotonic() - self._printed_at >= REPORT_EVERY_S:
            self._printed_at = time.monotonic()
            print_json({"event": "reading", "file": file, "characters": self._characters})


def describe(event: CheckedSource | RefusedSource | DataTotals) -> Iterator[str]:
    """Lines that describe an event for people."""
    from ..data.validation import CheckedSource, RefusedSource

    if isinstance(event, RefusedSource):
        yield f"{event.file}: cannot be used"
        return
    about = "about " if event.estimated else ""
    counts = (
        f"{about}{event.records:,} records, {event.rows:,} sequences, {event.tokens:,} tokens "
        f"({event.learned_tokens:,} of them learned), {event.unknown_share:.2%} <UNK>, {event.truncated:,} truncated"
    )
    if not isinstance(event, CheckedSource):
        yield f"in all: {counts}; {event.tokens_per_epoch:,} tokens an epoch"
        return
    weight = "" if event.weight == 1 else f", {event.weight:g} times"
    yield f"{event.file} ({event.role}{weight}): {counts}; {', '.join(event.shapes)}"
    yield from (f"  unknown: {line}" for line in event.suggestions)
    if event.columns:
        yield f"  {columns_text(event.columns)}"
    if event.left_out:
        yield f"  {about}{left_out_text(event.left_out)}"
    for preview in event.previews[:3]:
        yield f"  | {''.join(text for text, _, _ in preview.tokens)}"
    if event.bad_count:
        yield f"  {about}{event.bad_count:,} records cannot be used (training leaves them out with --skip-bad-records):"
    for bad in event.bad[:10]:
        place = bad.file if bad.line is None else f"{bad.file}, line {bad.line}"
        yield f"  {place}: {bad.what} {bad.remedy}".rstrip()
