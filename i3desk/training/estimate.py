"""Texts of an estimate: duration, size, and how often the data is seen."""

from __future__ import annotations

from i3desk.humanize import duration_text, size_text
from i3desk.language import figure, tr


def time_text(seconds: float) -> str:
    """A duration as precise as an estimate allows: "about 4 min", "about 3 days"."""
    if seconds < 90:
        return tr("about {value} s").format(value=max(10, round(seconds / 5) * 5))
    if seconds < 36 * 3600:
        minutes = seconds / 60
        exact = minutes if minutes < 20 else round(minutes / 5) * 5 if minutes < 180 else round(minutes / 30) * 30
        return tr("about {duration}").format(duration=duration_text(exact * 60))
    days = seconds / 86_400
    return tr("about {days:.0f} days").format(days=days) if days < 1000 else tr("years")


def of_total_text(part: float, whole: float) -> str:
    """A size and its total, each in its own unit: "600 MB of 24 GB"."""
    return tr("{size} of {whole}").format(size=size_text(part), whole=size_text(whole))


def times_text(epochs: float) -> str:
    """How often the data is seen: "3 passes over the data", "4 % of the data"."""
    if epochs < 0.95:
        return (
            tr("{value} % of the data").format(value=max(1, round(100 * epochs)))
            if epochs >= 0.005
            else tr("a small part of the data")
        )
    if epochs < 9.95:
        return (
            tr("1 pass over the data")
            if round(epochs, 1) == 1
            else tr("{epochs} passes over the data").format(epochs=figure(round(epochs, 1), "g"))
        )
    return tr("{epochs} passes over the data").format(epochs=figure(epochs, ",.0f"))
