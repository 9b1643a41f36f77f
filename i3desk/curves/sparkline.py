"""A curve the size of a word: how the loss of a run went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from i3desk.style.theme import Theme

LINE_WIDTH = 1.5
END_RADIUS = 2.0
HEIGHT = 64


def sparkline_points(values: Sequence[float], room: QRectF) -> list[QPointF]:
    """Where the values lie in `room`, evenly from left to right, the largest at its top. What is no number is left out.

    All equal, or only one: in the middle of its height.
    """
    known = [(number, value) for number, value in enumerate(values) if math.isfinite(value)]
    if not known:
        return []
    low, high = min(value for _, value in known), max(value for _, value in known)
    last = max(1, len(values) - 1)
    points = []
    for number, value in known:
        # Halved before they are subtracted: the difference of two very large numbers is no number.
        share = (high / 2 - value / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5
        points.append(QPointF(room.left() + room.width() * number / last, room.top() + room.height() * share))
    return points


def paint_sparkline(painter: QPainter, room: QRectF, values: Sequence[float], colour: str) -> None:
    """Draw the values as a line that ends in a dot."""
    inner = room.adjusted(END_RADIUS, END_RADIUS, -END_RADIUS, -END_RADIUS)
    points = sparkline_points(values, inner)
    if not points:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(colour), LINE_WIDTH)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(QPolygonF(points))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(points[-1], END_RADIUS, END_RADIUS)
    painter.restore()


class Sparkline(QWidget):
    """The small curve by itself."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._values: tuple[float, ...] = ()
        self.setFixedHeight(HEIGHT)
        theme.changed.connect(self.update)

    def show_values(self, values: tuple[float, ...]) -> None:
        """Show other values."""
        if values != self._values:
            self._values = values
            self.setAccessibleName(f"Loss from {values[0]:.2f} to {values[-1]:.2f}" if values else "No loss yet")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_sparkline(painter, QRectF(self.rect()), self._values, self._theme.tokens.series_1)
        painter.end()
