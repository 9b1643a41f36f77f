"""Sizes, counts, durations and dates of i3core in the language of the window."""

from __future__ import annotations

import time

from i3core.system import humanize
from i3desk.language import SOURCE, code, locale, localised, tr, trn


def size_text(count: float) -> str:
    """Bytes in decimal units: "331 MB", "12.6 MB"."""
    return localised(humanize.size_text(count)).replace("bytes", tr("bytes"))


def count_text(count: int) -> str:
    """A count in short, such as one of parameters: "10.4 M"."""
    return localised(humanize.count_text(count))


def progress_text(done: float, total: float) -> str:
    """Bytes done of a total, in the total's unit: "214 of 331 MB"."""
    part, _, whole = localised(humanize.progress_text(done, total)).partition(" of ")
    return tr("{part} of {whole}").format(part=part, whole=whole.replace("bytes", tr("bytes")))


def duration_text(seconds: float) -> str:
    """A duration: "10 s", "3 min", "2 h 5 min"; its units are those of every language."""
    return humanize.duration_text(seconds)


def when_text(moment: float, now: float | None = None) -> str:
    """Seconds since 1970 in local time: "today 14:02", "yesterday 9:15", "12 March 2026"."""
    text = humanize.when_text(moment, now)
    if code() == SOURCE:
        return text
    word, _, clock = text.partition(" ")
    if word == "today":
        return tr("today {clock}").format(clock=clock)
    if word == "yesterday":
        return tr("yesterday {clock}").format(clock=clock)
    if not word.isdecimal():
        return tr("at an unknown time")
    from PySide6.QtCore import QDate  # only here: modules without Qt have such texts too

    then = time.localtime(moment)
    return locale().toString(QDate(then.tm_year, then.tm_mon, then.tm_mday), tr("d MMMM yyyy"))


def unit_text(count: int, unit: str) -> str:
    """A count of what a tokenizer splits text into: "3 chunks"."""
    if unit == "chunk":
        return trn("{n} chunk", "{n} chunks", count)
    return trn("{n} token", "{n} tokens", count)
