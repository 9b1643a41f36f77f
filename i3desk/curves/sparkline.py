"""Draw a curve the size of a word. Needs no numpy, so that lists can be shown before it is imported."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from i3desk.language import figure, tr
from i3desk.style.theme import Theme

LINE_WIDTH, ENVELOPE_WIDTH = 1.5, 1.0
END_RADIUS = 2.0
HEIGHT = 64
Points = tuple[Sequence[float], Sequence[float]]  # x and y; x never decreases


def sparkline_points(curve: Points, room: QRectF, within: Points | None = None, min_span: float = 0.0) -> list[QPointF]:
    """Map a curve to `room`: x from left to right, the largest y at the top. Points that are not finite are left out.

    The axes cover the points of `within`, by default the curve itself. A y range below `min_span` times the largest y
    does not fill the height; a constant curve is in the middle.
    """
    xs, ys = within or curve
    finite = [y for y in ys if math.isfinite(y)]
    if not finite:
        return []
    left, right, low, high = xs[0], xs[-1], min(finite), max(finite)
    # Halved before they are subtracted: the difference of two very large numbers is infinite.
    half = high / 2 - low / 2
    scale = half / max(half, min_span * max(abs(low), abs(high)) / 2) if half else 0.0
    points = []
    for x, y in zip(*curve, strict=True):
        if math.isfinite(y):
            across = (x - left) / ((right - left) or 1.0)
            down = 0.5 + ((high / 2 - y / 2) / half - 0.5) * scale if half else 0.5
            points.append(QPointF(room.left() + room.width() * across, room.top() + room.height() * down))
    return points


def paint_sparkline(
    painter: QPainter,
    room: QRectF,
    curve: Points,
    colour: str,
    envelope: Points | None = None,
    envelope_colour: str = "",
    min_span: float = 0.0,
) -> None:
    """Draw a curve as a line that ends in a dot, over the extremes of all its points if `envelope` has them."""
    inner = room.adjusted(END_RADIUS, END_RADIUS, -END_RADIUS, -END_RADIUS)
    points = sparkline_points(curve, inner, envelope, min_span)
    if not points:
        return
    painter.save()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if envelope is not None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(envelope_colour), ENVELOPE_WIDTH))
        painter.drawPolyline(QPolygonF(sparkline_points(envelope, inner, envelope, min_span)))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(colour), LINE_WIDTH)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPolyline(QPolygonF(points))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(points[-1], END_RADIUS, END_RADIUS)
    painter.restore()


def evenly(values: Sequence[float]) -> Points:
    """Place values at x = 0, 1, 2 ..."""
    return range(len(values)), values


class Sparkline(QWidget):
    """A sparkline of losses as a widget."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values: tuple[float, ...] = ()
        self.setFixedHeight(HEIGHT)
        theme.changed.connect(self.update)

    def show_values(self, values: tuple[float, ...]) -> None:
        """Show these losses."""
        if values != self._values:
            self._values = values
            self.setAccessibleName(
                tr("Loss from {first} to {last}").format(first=figure(values[0], ".2f"), last=figure(values[-1], ".2f"))
                if values
                else tr("No loss yet")
            )
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_sparkline(painter, QRectF(self.rect()), evenly(self._values), self._theme.tokens.series_1)
        painter.end()
