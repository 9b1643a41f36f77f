"""Numbers as people read them."""

import time

import pytest

from i3core.system.humanize import age_text, count_text, duration_text, progress_text, size_text, when_text


def test_sizes_have_decimal_units():
    assert [size_text(n) for n in (0, 999, 12_650_000, 331_000_000, 999_999_999, 1.2e15)] == [
        "0 bytes", "999 bytes", "12.7 MB", "331 MB", "1.0 GB", "1,200 TB",
    ]  # fmt: skip


def test_progress_has_one_unit_for_both():
    assert progress_text(214_000_000, 331_000_000) == "214 of 331 MB"
    assert progress_text(600_000, 12_650_000) == "0.6 of 12.7 MB"


@pytest.mark.parametrize(
    ("count", "text"), [(950, "950"), (8_807_680, "8.8 M"), (79_500_000, "79.5 M"), (2e9, "2.0 B")]
)
def test_counts_are_short(count, text):
    assert count_text(count) == text


def test_durations_are_rounded_to_their_unit():
    assert [duration_text(s) for s in (0.2, 10.2, 59.9, 90, 3600, 7500)] == [
        "1 s", "10 s", "60 s", "2 min", "1 h", "2 h 5 min",
    ]  # fmt: skip


def test_ages_are_whole_units():
    assert [age_text(s) for s in (5, 60, 7199, 7200, 172_800)] == ["now", "1 min", "119 min", "2 h", "2 days"]


def test_moments_are_told_from_today():
    noon = time.mktime((2026, 3, 12, 12, 0, 0, 0, 0, -1))
    assert when_text(noon - 3600, noon) == "today 11:00"
    assert when_text(noon - 90_000, noon) == "yesterday 11:00"
    assert when_text(noon - 9 * 86_400, noon).startswith("3 ")
