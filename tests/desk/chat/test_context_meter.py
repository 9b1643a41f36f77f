"""The window meter: what the model sees, what the draft adds, what will fall out."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from i3desk.chat.context_meter import ContextMeter, explain
from i3desk.style.palette import LIGHT, mix
from i3desk.style.theme import Theme


@pytest.fixture
def meter(qtbot, qapp):
    """At the bottom of a window, under a field."""
    theme = Theme(qapp, "light")
    window = QWidget()
    column = QVBoxLayout(window)
    column.addStretch(1)
    window.field = QLineEdit()
    meter = ContextMeter()
    column.addWidget(window.field)
    column.addWidget(meter)
    window.resize(700, 500)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    yield meter
    theme.deleteLater()


def colours(meter: ContextMeter) -> list[str]:
    """The colours along the bar, each once."""
    image = meter.bar.grab().toImage()
    row = [image.pixelColor(x, 3).name().upper() for x in range(4, image.width() - 4)]
    return [colour for n, colour in enumerate(row) if row.count(colour) > 8 and colour not in row[:n]]


def hint_colour(meter: ContextMeter) -> str:
    return meter.hint.palette().color(meter.hint.foregroundRole()).name().upper()


def test_numbers_and_the_bar(meter):
    meter.show_use(1212, 2048, 0, 0, False)
    assert meter.text.text() == "1,212 / 2,048 tokens"
    assert not meter.hint.isVisible()
    assert colours(meter) == [LIGHT.accent, LIGHT.border]


def test_draft_is_a_second_lighter_segment(meter):
    meter.show_use(128, 512, 128, 0, False)
    assert meter.hint.text() == "+ 128 tokens"
    assert colours(meter) == [LIGHT.accent, mix(LIGHT.border, LIGHT.accent, 0.45), LIGHT.border]
    image = meter.bar.grab().toImage()
    assert image.pixelColor(round(image.width() * 0.25) - 8, 3) == QColor(LIGHT.accent)
    assert image.pixelColor(round(image.width() * 0.5) + 8, 3) == QColor(LIGHT.border)


@pytest.mark.parametrize(("falling", "text"), [(1, "oldest message"), (2, "2 oldest messages")])
def test_messages_dropped_by_sending_are_a_warning(meter, falling, text):
    meter.show_use(400, 512, 300, falling, True)
    assert meter.hint.text() == f"sending this will push the {text} out"
    assert hint_colour(meter) == LIGHT.warn
    assert colours(meter)[0] == LIGHT.warn
    meter.show_use(400, 512, 0, 0, True)
    assert meter.hint.text() == "i3 no longer sees the oldest messages"
    assert hint_colour(meter) == LIGHT.muted


def test_nearly_full_window_is_a_warning(meter):
    meter.show_use(460, 512, 0, 0, False)
    assert colours(meter)[0] == LIGHT.accent
    meter.show_use(461, 512, 0, 0, False)
    assert colours(meter)[0] == LIGHT.warn


def test_nothing_moves_when_the_model_is_ready(meter, qapp):
    meter.show_use(0, 512, 0, 0, False)
    qapp.processEvents()
    before = (meter.size(), meter.bar.geometry(), meter.help_button.geometry())
    meter.show_use(512, 512, 0, 0, False)
    qapp.processEvents()
    assert (meter.size(), meter.bar.geometry(), meter.help_button.geometry()) == before
    meter.show_use(0, 0, 0, 0, False)
    qapp.processEvents()
    assert not meter.text.isVisible()
    assert not meter.bar.isVisible()
    assert (meter.size(), meter.help_button.geometry()) == (before[0], before[2])


def test_screen_reader_gets_all_numbers(meter):
    meter.show_use(400, 512, 30, 2, True)
    told = QAccessible.queryAccessibleInterface(meter).text(QAccessible.Text.Description)
    assert told == "400 of 512 tokens used; + 30 tokens; sending this will push the 2 oldest messages out"


def test_click_opens_the_explanation_and_another_closes_it(meter, qtbot):
    meter.show_use(100, 512, 0, 0, False)
    qtbot.mouseClick(meter, Qt.MouseButton.LeftButton, pos=QPoint(200, 8))
    card = meter.explanation
    assert card.isVisible()
    assert meter.window().rect().contains(card.geometry())
    assert card.geometry().bottom() < meter.y()
    assert "512 tokens" in card.accessibleDescription()
    qtbot.mouseClick(meter, Qt.MouseButton.LeftButton, pos=QPoint(200, 8))
    assert meter.explanation is None
    assert not card.isVisible()


def test_explanation_keeps_the_focus_and_escape_only_closes_it(meter, qtbot):
    stopped = []
    shortcut = QShortcut(QKeySequence(Qt.Key.Key_Escape), meter.window())
    shortcut.activated.connect(lambda: stopped.append(True))
    meter.help_button.setFocus()
    qtbot.keyClick(meter.help_button, Qt.Key.Key_Space)
    assert meter.explanation.isVisible()
    assert meter.help_button.hasFocus()
    qtbot.keyClick(meter.help_button, Qt.Key.Key_Escape)
    assert meter.explanation is None
    assert stopped == []


@pytest.mark.parametrize("where", ["elsewhere", "the card"])
def test_click_elsewhere_closes_the_explanation_and_the_field_keeps_the_focus(meter, qtbot, where):
    field = meter.window().field
    field.setFocus()
    qtbot.mouseClick(meter, Qt.MouseButton.LeftButton, pos=QPoint(200, 8))
    if where == "the card":
        qtbot.mouseClick(meter.explanation, Qt.MouseButton.LeftButton)
    else:
        qtbot.mouseClick(field, Qt.MouseButton.LeftButton)
    assert meter.explanation is None
    assert field.hasFocus()


def test_explanation_has_the_size_of_this_model():
    texts = dict(explain(512))
    size = "This model sees 512 tokens at once, some 1,000 characters or more with its own replies."
    assert texts["Context window"] == size
    assert "tokens" in dict(explain(0))["Context window"]
    assert "some 30 characters or more" in dict(explain(16))["Context window"]
