"""Format the numbers of a run for cards, axes and the cursor."""

from __future__ import annotations

import math

from i3desk.humanize import size_text
from i3desk.language import figure, localised, tr

X_UNITS = {"step": tr("steps"), "tokens": "tokens", "seconds": tr("time")}  # columns for the x axis, and their names


def figure_text(value: float) -> str:
    """Three significant digits, with an exponent only if needed: "1.71", "0.043", "5,310"."""
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-3:
        return exponent_text(value)
    if size >= 99.95:
        return figure(value, ",.0f")
    digits = 2 if size >= 0.995 or not size else 2 - math.floor(math.log10(size))
    return localised(f"{value:.{1 if size >= 9.995 else min(digits, 5)}f}")


def exponent_text(value: float) -> str:
    """A small or a large number: "2.1e-4"."""
    if not value:
        return "0"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return localised(f"{digits}e{int(exponent)}")


def count_text(value: float) -> str:
    """A whole number: "2,310"."""
    return figure(value, ",.0f")


def percent_text(value: float) -> str:
    return f"{value:.0f} %"


def power_text(value: float) -> str:
    return f"{value:.0f} W"


def bytes_text(value: float) -> str:
    return size_text(value)


def span_text(seconds: float) -> str:
    """A duration: "8 s", "1 min 31 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return (
            tr("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
            if whole % 60
            else tr("{minutes} min").format(minutes=whole // 60)
        )
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return tr("{hours} h {minutes} min").format(hours=hours, minutes=minutes) if minutes else f"{hours} h"


def position_text(unit: str, x: float) -> str:
    """A position in the run: "step 310", "61,204 tokens", "1 min 31 s"."""
    if unit == "seconds":
        return span_text(x)
    return (
        tr("step {number}").format(number=figure(x, ",.0f"))
        if unit == "step"
        else tr("{number} tokens").format(number=figure(x, ",.0f"))
    )


def tick_text(value: float, spacing: float) -> str:
    """A tick label of an axis whose ticks are `spacing` apart; all labels use one unit."""
    for least, unit, name in ((1e8, 1e9, "G"), (1e5, 1e6, "M"), (1e3, 1e3, "k")):
        if spacing >= least:
            return localised(f"{value / unit:,.{_decimals(spacing / unit)}f} {name}") if value else "0"
    if spacing < 1e-3:
        return localised(f"{value:.2e}".replace("e-0", "e-").replace(".00e", "e")) if value else "0"
    return localised(f"{value:,.{_decimals(spacing)}f}")


def decade_text(value: float) -> str:
    """A tick label of a logarithmic axis: "0.2", "50", "2 k"."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return localised(f"{value / unit:g} {name}")
    return localised(f"{value:.3g}".replace("e-0", "e-"))


def time_tick_text(seconds: float, spacing: float) -> str:
    """A tick label of a time axis whose ticks are `spacing` seconds apart."""
    if not seconds:
        return "0"
    if spacing >= 86_400:
        return f"{seconds / 86_400:.0f} d"
    if spacing >= 3600:
        return f"{seconds / 3600:.0f} h"
    hours, rest = divmod(round(seconds), 3600)
    if spacing >= 60:
        return f"{hours}:{rest // 60:02d} h" if hours else tr("{minutes} min").format(minutes=rest // 60)
    if spacing < 1:
        return localised(f"{seconds:.{_decimals(spacing)}f} s")
    if not hours and rest < 120 and spacing >= 1:
        return f"{rest} s"
    return (
        f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
        if hours
        else tr("{minutes}:{seconds:02d} min").format(minutes=rest // 60, seconds=rest % 60)
    )


def _decimals(spacing: float) -> int:
    """Decimals needed to distinguish ticks that are `spacing` apart."""
    return max(0, min(8, math.ceil(-math.log10(spacing) - 1e-9))) if spacing > 0 else 0
