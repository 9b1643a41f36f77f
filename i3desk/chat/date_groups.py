"""The order of listed conversations, and the heading that each belongs under."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QDate, QLocale

from i3desk.conversations.store import ConversationRow


@dataclass(frozen=True)
class Heading:
    """A heading in the list; its conversations are older than `before`, in seconds."""

    title: str
    before: float = math.inf
    pinned: bool = False


def heading_of(row: ConversationRow, today: datetime.date) -> Heading:
    """The heading of a conversation by the local calendar; a time in the future counts as today."""
    if row.pinned:
        return Heading("Pinned", pinned=True)
    return _heading_of_day(datetime.datetime.fromtimestamp(row.updated_at).date(), today)


@lru_cache(maxsize=4096)
def _heading_of_day(day: datetime.date, today: datetime.date) -> Heading:
    yesterday, week_ago = today - datetime.timedelta(days=1), today - datetime.timedelta(days=7)
    if day >= today:
        return Heading("Today")
    if day >= yesterday:
        return Heading("Yesterday", _midnight(today))
    if day >= week_ago:
        return Heading("Previous 7 days", _midnight(yesterday))
    month = day.replace(day=1)
    if month == today.replace(day=1):
        return Heading("This month", _midnight(week_ago))
    next_month = (month + datetime.timedelta(days=31)).replace(day=1)
    return Heading(_month_name(month, today), _midnight(min(next_month, week_ago)))


def sort_key(item: ConversationRow | Heading) -> tuple[bool, float, int]:
    """Pinned conversations first, then the newest; a heading right before its first conversation."""
    if isinstance(item, Heading):
        return (not item.pinned, -item.before, 1)  # 1: after a conversation of exactly that time, which is not older
    return (not item.pinned, -item.updated_at, -item.id)


def _midnight(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time()).timestamp()


def _month_name(month: datetime.date, today: datetime.date) -> str:
    # Not strftime: it follows the C locale, and the rest of the window is in English.
    form = "MMMM" if month.year == today.year else "MMMM yyyy"
    return QLocale.c().toString(QDate(month.year, month.month, 1), form)
