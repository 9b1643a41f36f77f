"""Axes of a plot, with ticks for steps, tokens, time and logarithms. Imports pyqtgraph."""

from __future__ import annotations

import math
from collections.abc import Callable

import pyqtgraph as pg
from PySide6.QtGui import QColor, QFont

from i3desk.curves.number_format import decade_text, tick_text, time_tick_text
from i3desk.style.palette import Tokens

FONT_PX = 11
_TIMES = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_FEW_TIMES = (1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000)  # on a logarithmic axis
_SPACE_X, _SPACE_Y = 90, 44  # pixels between two ticks
_MAX_DECADES_IN_FULL = 1.3  # ticks at 1, 2, 5 only above it; at powers of ten only above three decades


class Axis(pg.AxisItem):
    """One axis. The values of a logarithmic one are exponents of ten."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self.is_time = False
        self.enableAutoSIPrefix(False)
        font = QFont()
        font.setPixelSize(FONT_PX)
        font.setFeature(QFont.Tag("tnum"), 1)
        self.setStyle(
            tickFont=font, tickLength=0, tickTextOffset=6 if orientation == "left" else 4, maxTickLevel=0,
            tickAlpha=255, tickTextWidth=20, hideOverlappingLabels=12,
        )  # fmt: skip

    def show_colours(self, tokens: Tokens, grid: bool) -> None:
        """Set the colours; with `grid`, ticks become lines across the plot."""
        line = QColor(tokens.border)
        self.setPen(None if grid else line)
        self.setTickPen(line)
        self.setTextPen(tokens.muted)
        self.setGrid(255 if grid else False)

    def set_time(self, is_time: bool) -> None:
        """Set whether values are seconds."""
        self.is_time = is_time
        self.picture = None
        self.update()

    def tickSpacing(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, float]]:
        span = abs(maxVal - minVal)
        if not span or not math.isfinite(span):
            return []
        ticks = max(2.0, size / (_SPACE_Y if self.orientation == "left" else _SPACE_X))
        if self.is_time and not self.logMode and span / ticks >= 1:
            spacing = next((each for each in _TIMES if each >= span / ticks), None)
            return [(spacing or math.ceil(span / ticks / 86_400) * 86_400, 0)]
        return [(_round_up(span / ticks), 0)]

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        if self.logMode and self.is_time and maxVal - minVal >= 0.3:
            times = _TIMES if maxVal - minVal < 2 else _FEW_TIMES
            exponents = [math.log10(seconds) for seconds in times]
            return [(0.0, [exponent for exponent in exponents if minVal <= exponent <= maxVal])]
        if not self.logMode or maxVal - minVal > 3:
            found = super().tickValues(minVal, maxVal, size)
            if not self.logMode:
                return found
            whole = sorted({round(value) for _, values in found for value in values})
            return [(1.0, [float(each) for each in whole if minVal <= each <= maxVal])]
        span = maxVal - minVal
        if span < 0.3:  # a logarithm over less than a factor of two is nearly a straight line
            spacing = _round_up((10**maxVal - 10**minVal) / max(2.0, size / _SPACE_Y))
            first = math.ceil(10**minVal / spacing)
            count = min(50, int(10**maxVal / spacing) - first + 1)
            values = [math.log10((first + n) * spacing) for n in range(count) if (first + n) > 0]
            return [(spacing, values)]
        digits = (1, 2, 5) if span > _MAX_DECADES_IN_FULL or size < 200 else (1, 2, 3, 4, 5, 7)
        decades = range(math.floor(minVal), math.ceil(maxVal) + 1)
        values = [decade + math.log10(digit) for decade in decades for digit in digits]
        return [(0.0, [value for value in values if minVal <= value <= maxVal])]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        if not self.logMode:
            text: Callable[[float, float], str] = time_tick_text if self.is_time else tick_text
            return [text(value, spacing) for value in values]
        if 0 < spacing < 1:
            return [tick_text(10**value, spacing) for value in values]
        if self.is_time:
            return [time_tick_text(seconds, seconds) for seconds in (round(10**value, 3) for value in values)]
        return [decade_text(10**value) for value in values]


def _round_up(spacing: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(spacing))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= spacing * (1 - 1e-9))
