"""The order of listed conversations, and the heading or folder that each belongs under."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QDate

from i3desk.conversations.store import ConversationRow
from i3desk.language import locale, tr


@dataclass(frozen=True)
class Heading:
    """A heading in the list; its conversations are older than `before`, in seconds, or in a folder."""

    title: str
    before: float = math.inf
    pinned: bool = False
    folder: str = ""


def heading_of_folder(name: str) -> Heading:
    """The heading of a folder."""
    return Heading(name, folder=name)


def heading_of(row: ConversationRow, today: datetime.date) -> Heading:
    """The heading of a conversation by the local calendar; a time in the future counts as today."""
    if row.folder:
        return heading_of_folder(row.folder)
    if row.pinned:
        return Heading(tr("Pinned"), pinned=True)
    return _heading_of_day(datetime.datetime.fromtimestamp(row.updated_at).date(), today)


@lru_cache(maxsize=4096)
def _heading_of_day(day: datetime.date, today: datetime.date) -> Heading:
    yesterday, week_ago = today - datetime.timedelta(days=1), today - datetime.timedelta(days=7)
    if day >= today:
        return Heading(tr("Today"))
    if day >= yesterday:
        return Heading(tr("Yesterday"), _midnight(today))
    if day >= week_ago:
        return Heading(tr("Previous 7 days"), _midnight(yesterday))
    month = day.replace(day=1)
    if month == today.replace(day=1):
        return Heading(tr("This month"), _midnight(week_ago))
    next_month = (month + datetime.timedelta(days=31)).replace(day=1)
    return Heading(_month_name(month, today), _midnight(min(next_month, week_ago)))


def sort_key(item: ConversationRow | Heading) -> tuple[Any, ...]:
    """Pinned conversations, then folders, then the newest; a heading right before its first conversation."""
    heading = isinstance(item, Heading)
    if item.folder:
        place = (1, item.folder.casefold(), item.folder)
        return place if heading else (*place, not item.pinned, -item.updated_at, -item.id)
    # A heading is after a conversation of exactly its time, which is not older.
    order = (-item.before, 1) if heading else (-item.updated_at, -item.id)
    return (0 if item.pinned else 2, *order)


def _midnight(day: datetime.date) -> float:
    return datetime.datetime.combine(day, datetime.time()).timestamp()


def _month_name(month: datetime.date, today: datetime.date) -> str:
    # Not strftime: it follows the C locale, not the language of the window.
    form = "MMMM" if month.year == today.year else "MMMM yyyy"
    return locale().toString(QDate(month.year, month.month, 1), form)
