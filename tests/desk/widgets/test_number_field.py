"""The field for a number: what may be typed, what counts, and how a number out of range is told."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolTip

from i3core.settings import Setting
from i3desk.widgets.number_field import NumberField


@pytest.fixture
def open_field(qtbot):
    def open_field(default, minimum, maximum, step=1, decimals=0) -> NumberField:
        field = NumberField(Setting("key", "Label", default, minimum, maximum, step, decimals, "What it does."))
        field.show_value(default)
        qtbot.addWidget(field)
        field.show()
        return field

    return open_field


def type_text(qtbot, field: NumberField, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [("0.0003", 3e-4, "0.0003"), ("7e-5", 7e-5, "7e-05"), ("0,5", 0.5, "0.5"), ("9", 1, "1"), ("0", 1e-9, "1e-09")],
)
def test_typed_number_counts_when_typing_ends(open_field, qtbot, typed, value, shown):
    field = open_field(0.1, 1e-9, 1, 1e-5, 9)
    type_text(qtbot, field, typed)
    with qtbot.waitSignal(field.chosen) as chosen:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert chosen.args == [value]
    assert field.text() == shown


def test_large_whole_number_stays_exact(open_field, qtbot):
    field = open_field(0, 0, 2**63 - 1)
    type_text(qtbot, field, str(2**53 + 1))
    with qtbot.waitSignal(field.chosen) as chosen:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert chosen.args == [2**53 + 1]


@pytest.mark.parametrize("typed", ["1000", "1,000", "1.000", "1 000", "1'000"])
def test_thousands_may_be_separated(open_field, qtbot, typed):
    field = open_field(10, 1, 5000)
    type_text(qtbot, field, typed)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert (field.value, field.text()) == (1000, "1000")


def test_number_above_the_range_is_marked_while_it_is_typed(open_field, qtbot):
    field = open_field(0.8, 0, 2, 0.05, 2)
    type_text(qtbot, field, "25")
    assert field.property("wrong")
    assert QToolTip.text() == "From 0.00 to 2.00"
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert not field.property("wrong")
    QToolTip.hideText()


def test_letters_are_not_taken(open_field, qtbot):
    field = open_field(40, 0, 200)
    type_text(qtbot, field, "1x2")
    assert field.text() == "12"


def test_empty_field_means_none_only_where_that_is_allowed(open_field, qtbot):
    seed, top_k = open_field(None, 0, 100), open_field(40, 0, 200)
    seed.show_value(7)
    for field in (seed, top_k):
        field.selectAll()
        qtbot.keyClick(field, Qt.Key.Key_Delete)
    with qtbot.waitSignal(seed.chosen) as chosen:
        qtbot.keyClick(seed, Qt.Key.Key_Return)
    assert chosen.args == [None]
    with qtbot.assertNotEmitted(top_k.chosen):
        qtbot.keyClick(top_k, Qt.Key.Key_Return)
    assert top_k.text() == "40"


def test_value_that_is_only_looked_at_does_not_change(open_field, qtbot):
    field = open_field(0.025, 0, 0.5, 0.01, 2)
    assert field.text() == "0.025"
    with qtbot.assertNotEmitted(field.chosen):
        qtbot.keyClick(field, Qt.Key.Key_Return)
