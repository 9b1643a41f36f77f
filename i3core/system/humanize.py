"""Numbers as people read them: sizes, counts, durations, dates."""

from __future__ import annotations

import time


def size_text(count: float) -> str:
    """Bytes in decimal units: "331 MB", "12.6 MB"."""
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size * 0.9995:
            value = count / size
            return f"{value:,.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"
    return f"{count:.0f} bytes"


def count_text(count: int) -> str:
    """A count in short, such as one of parameters: "10.4 M"."""
    for size, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)


def progress_text(done: float, total: float) -> str:
    """Bytes done of a total, in the total's unit: "214 of 331 MB"."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if total >= size * 0.9995:
            digits = 0 if total / size >= 99.95 else 1
            return f"{done / size:.{digits}f} of {total / size:.{digits}f} {unit}"
    return f"{done:.0f} of {total:.0f} bytes"


def duration_text(seconds: float) -> str:
    """A duration: "10 s", "3 min", "2 h 5 min"."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def age_text(seconds: float) -> str:
    """A time that has passed, in its largest unit: "5 min", "3 h", "12 days"; "now" below a minute."""
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or (name == "min" and seconds >= 60):
            return f"{int(seconds // size)} {name}"
    return "now"


def when_text(moment: float, now: float | None = None) -> str:
    """Seconds since 1970 in local time: "today 14:02", "yesterday 9:15", "12 March 2026"."""
    now = time.time() if now is None else now
    try:
        then = time.localtime(moment)
    except (OverflowError, ValueError, OSError):  # of a damaged file
        return "at an unknown time"
    clock = f"{then.tm_hour}:{then.tm_min:02d}"
    for days, word in ((0, "today"), (1, "yesterday")):
        if time.localtime(now - days * 86_400)[:3] == then[:3]:
            return f"{word} {clock}"
    return f"{then.tm_mday} {time.strftime('%B %Y', then)}"
