"""Nothing lies beyond the window or over something else, also on small and strongly scaled screens."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QLabel, QLineEdit, QPlainTextEdit, QScrollBar, QWidget

PAGES = ("chat_button", "train_button", "runs_button", "models_button", "settings_button")
# 1366x768; the smallest of the README; 1280x800 at 150 % and at 200 %, less a title bar
SIZES = ((1366, 728), (900, 600), (853, 493), (640, 360))
KINDS = (QAbstractButton, QAbstractSlider, QLineEdit, QPlainTextEdit, QLabel)


def place(widget: QWidget) -> QRect:
    return QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())


def shown(window: QWidget) -> list[QWidget]:
    found = [each for kind in KINDS for each in window.findChildren(kind) if not isinstance(each, QScrollBar)]
    return [each for each in found if each.isVisible() and not each.visibleRegion().isEmpty()]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_pages_fit_into_small_windows(app, qtbot, size):
    window = app.window
    window.setMinimumSize(QSize(*size))  # as on a screen of this size
    window.resize(*size)
    qtbot.waitUntil(lambda: window.size().toTuple() == size)
    for name in PAGES:
        getattr(window, name).click()
        qtbot.wait(20)
        controls = shown(window)
        assert len(controls) > 10
        for each in controls:
            region = each.visibleRegion().boundingRect().translated(place(each).topLeft())
            assert window.rect().contains(region), (name, each, each.accessibleName())
            assert region.width() == each.width(), (name, "cut at its side", each, each.accessibleName())
        for first, second in itertools.combinations(controls, 2):
            if first.parent() is second.parent():
                both = place(first) & place(second)
                assert both.isEmpty(), (name, first, second, both)


def test_window_is_never_larger_than_its_screen(app):
    window = app.window
    room = window.screen().availableGeometry().size()
    assert window.minimumWidth() <= room.width()
    assert window.minimumHeight() < room.height()
