"""A line to type a number into, with its range, steps and errors."""

from __future__ import annotations

import re

from PySide6.QtCore import QRegularExpression, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QRegularExpressionValidator
from PySide6.QtWidgets import QLineEdit, QToolTip, QWidget

from i3core.settings import Setting
from i3desk.language import localised, tr
from i3desk.widgets.basics import restyle
from i3desk.widgets.plain_text import tooltip_text

Number = float | int | None

MOST_FIXED_DECIMALS = 2  # with more, a number is written with its significant digits
# What people write: 500, 0.5, 0,5, 3e-4. Also the beginning of it, for it is checked at every key.
WRITTEN = r"\d{0,19}([.,'’ ]\d{0,9}){0,6}([eE][+-]?\d{0,2})?"
_GROUPED = re.compile(r"(?<=\d)[.,'’ ](?=\d{3}(?!\d))")  # between groups of three digits
STEPS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class NumberField(QLineEdit):
    """A number of a `Setting`; the arrow and page keys step it.

    A typed number counts when typing ends. One that is out of range goes to the nearer end, and a tooltip says the
    range; if nothing is typed, the value before stays. A setting whose default is None may be empty.

    Signals:
        chosen(value): Emitted when the user chose another value: a float, an int if the setting has no decimals, or
            None.
    """

    chosen = Signal(object)

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self._value: Number = setting.default
        self.setToolTip(
            tooltip_text(
                tr("From {lowest} to {highest}").format(
                    lowest=self._text(setting.minimum), highest=self._text(setting.maximum)
                )
            )
        )
        self.setValidator(QRegularExpressionValidator(QRegularExpression(WRITTEN), self))
        self.textEdited.connect(self._on_typed)
        self.editingFinished.connect(self._on_finished)

    @property
    def value(self) -> Number:
        """The last number that counts."""
        return self._value

    def show_value(self, value: Number) -> None:
        """Show a value without announcing it as a choice."""
        self._value = value
        self.setText(self._text(value))
        self._mark(False)

    def is_being_typed(self) -> bool:
        """Whether the text was changed and does not count yet."""
        return self.hasFocus() and self.isModified()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in STEPS:
            self._choose((self._value or 0) + STEPS[Qt.Key(event.key())] * self.setting.step)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_typed(self) -> None:
        value = self._typed()
        # A number that is too small may become larger with the next digit.
        self._mark(value is not None and value > self.setting.maximum)

    @Slot()
    def _on_finished(self) -> None:
        if not self.isModified():
            return
        value = self._typed()
        if value is not None:
            self._choose(value)
            if self.isVisible() and not self.setting.minimum <= value <= self.setting.maximum:
                self._say_range()
        elif self.setting.default is None and not self.text():
            self._choose(None)
        else:
            self.show_value(self._value)

    def _typed(self) -> Number:
        text = self.text()
        if not self.setting.decimals:
            text = _GROUPED.sub("", text)  # "1,000" steps are a thousand
        try:
            return int(text) if text.isdigit() else float(text.replace(",", "."))
        except ValueError:  # nothing, or the beginning of a number
            return None

    def _choose(self, value: Number) -> None:
        before = self._value
        self.show_value(None if value is None else self._in_range(value))
        if self._value != before:
            self.chosen.emit(self._value)

    def _in_range(self, value: float) -> float:
        """The value, rounded and not beyond either end."""
        setting = self.setting
        inside = min(setting.maximum, max(setting.minimum, value))
        return round(inside, setting.decimals) if setting.decimals else round(inside)

    def _text(self, value: Number) -> str:
        if value is None:
            return ""
        decimals = self.setting.decimals
        if decimals == 0:
            return str(round(value))
        fixed = f"{value:.{decimals}f}"
        short = decimals <= MOST_FIXED_DECIMALS and float(fixed) == value
        return localised(fixed if short else f"{value:.{max(6, decimals)}g}")

    def _mark(self, wrong: bool) -> None:
        """Show that the text is out of range, and say the range."""
        if wrong != bool(self.property("wrong")):
            restyle(self, wrong=wrong)
            if wrong:
                self._say_range()

    def _say_range(self) -> None:
        QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), self.toolTip(), self)
