"""Texts of an estimate: duration, size, and how often the data is seen."""

from __future__ import annotations

from i3core.system.humanize import duration_text, size_text


def time_text(seconds: float) -> str:
    """A duration as precise as an estimate allows: "about 4 min", "about 3 days"."""
    if seconds < 90:
        return f"about {max(10, round(seconds / 5) * 5)} s"
    if seconds < 36 * 3600:
        minutes = seconds / 60
        exact = minutes if minutes < 20 else round(minutes / 5) * 5 if minutes < 180 else round(minutes / 30) * 30
        return f"about {duration_text(exact * 60)}"
    days = seconds / 86_400
    return f"about {days:.0f} days" if days < 1000 else "years"


def of_total_text(part: float, whole: float) -> str:
    """A size and its total, each in its own unit: "600 MB of 24 GB"."""
    return f"{size_text(part)} of {size_text(whole)}"


def times_text(epochs: float) -> str:
    """How often the data is seen: "3 passes over the data", "4 % of the data"."""
    if epochs < 0.95:
        return f"{max(1, round(100 * epochs))} % of the data" if epochs >= 0.005 else "a small part of the data"
    if epochs < 9.95:
        return (
            "1 pass over the data"
            if round(epochs, 1) == 1
            else f"{epochs:.1f} passes over the data".replace(".0 ", " ")
        )
    return f"{epochs:,.0f} passes over the data"
