"""Copy buttons over the blocks of code in a text."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QWidget

from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.widgets.basics import icon_button
from i3desk.widgets.markdown import WELL_PADDING, CodeWell

COPIED_MS = 1_500
SIZE = 26


class CodeCopies:
    """A small button in the corner of each block of code of `area`."""

    def __init__(self, area: QWidget) -> None:
        self._area = area
        self._wells: list[CodeWell] = []
        self.buttons: list[IconToolButton] = []

    def show_wells(self, wells: list[CodeWell]) -> None:
        """Place a button for each of these blocks."""
        if [each.code for each in wells] != [each.code for each in self._wells]:
            for button in self.buttons:
                button.hide()
                button.deleteLater()
            self.buttons = [self._make(well.code) for well in wells]
        self._wells = wells
        for well, button in zip(wells, self.buttons, strict=True):
            button.move(self._area.width() - SIZE - 2, round(well.top - WELL_PADDING) + 2)

    def _make(self, code: str) -> IconToolButton:
        button = icon_button("copy", tr("Copy this code"), size=14)
        button.setParent(self._area)
        button.setFixedSize(SIZE, SIZE)
        button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the transcript handles the Tab key
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(partial(self._copy, button, code))
        button.show()
        return button

    def _copy(self, button: IconToolButton, code: str) -> None:
        QGuiApplication.clipboard().setText(code)
        button.set_icon("check", QPalette.ColorRole.Accent, 14)
        button.setAccessibleName(tr("Copied"))
        QTimer.singleShot(COPIED_MS, button, partial(_reset, button))


def _reset(button: IconToolButton) -> None:
    button.set_icon("copy", size=14)
    button.setAccessibleName(tr("Copy this code"))
