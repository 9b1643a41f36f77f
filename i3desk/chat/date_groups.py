"""In which order conversations are listed, and under which headings."""

from __future__ import annotations

import bisect
import datetime

from PySide6.QtCore import QDate, QLocale

from i3desk.conversations.store import ConversationRow
from i3desk.widgets.sectioned_list import Section


def sections_of(rows: list[ConversationRow], today: datetime.date) -> list[Section]:
    """Headings for sorted rows, by the local calendar; what lies in the future counts as today."""
    sections: list[Section] = []
    start = bisect.bisect_left(rows, True, key=lambda row: not row.pinned)
    if start:
        sections.append(Section("Pinned", 0))
    week_ago = today - datetime.timedelta(days=7)
    recent = [("Today", today), ("Yesterday", today - datetime.timedelta(days=1)), ("Previous 7 days", week_ago)]
    if week_ago.day > 1 and week_ago.month == today.month:
        recent.append(("This month", today.replace(day=1)))
    for title, since in recent:
        end = _first_before(rows, since, start)
        if end > start:
            sections.append(Section(title, start))
        start = end
    while start < len(rows):
        month = _local_date(rows[start].updated_at).replace(day=1)
        sections.append(Section(_month_name(month, today), start))
        start = max(_first_before(rows, month, start), start + 1)
    return sections


def _first_before(rows: list[ConversationRow], day: datetime.date, start: int) -> int:
    """Index of the first row from `start` on that is older than the beginning of `day`."""
    begin = datetime.datetime.combine(day, datetime.time()).timestamp()
    return bisect.bisect_right(rows, -begin, lo=start, key=lambda row: -row.updated_at)


def _local_date(seconds: float) -> datetime.date:
    return datetime.datetime.fromtimestamp(seconds).date()


def _month_name(month: datetime.date, today: datetime.date) -> str:
    # Not strftime: it follows the C locale, and the rest of the window is in English.
    form = "MMMM" if month.year == today.year else "MMMM yyyy"
    return QLocale.c().toString(QDate(month.year, month.month, 1), form)


def sort_key(row: ConversationRow) -> tuple:
    """Pinned ones first, then the newest."""
    return (not row.pinned, -row.updated_at, -row.id)
