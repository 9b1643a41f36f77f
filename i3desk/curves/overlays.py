"""Paint over a plot: points, the best one, the current position, and the cursor with its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from i3desk.style.palette import Tokens

RING, POINT = 6.0, 3.0  # radii
_PADDING, _ROW, _SWATCH, _GAP = 10.0, 18.0, 8.0, 14.0
_CURSOR_DISTANCE = 14.0


@dataclass(frozen=True)
class Reading:
    """A curve's value at the cursor; `point` is its position in the plot, if any."""

    name: str
    value: str
    colour: str
    point: QPointF | None


def plot_font(pixels: int = 12, bold: bool = False) -> QFont:
    """The interface font with tabular figures."""
    font = QFont()
    font.setPixelSize(pixels)
    font.setFeature(QFont.Tag("tnum"), 1)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def paint_points(painter: QPainter, points: Sequence[QPointF], colour: str) -> None:
    """Paint small discs on a curve."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    for point in points:
        painter.drawEllipse(point, POINT, POINT)


def paint_now(painter: QPainter, area: QRectF, x: float, tokens: Tokens) -> None:
    """Paint the dashed line at the run's current position."""
    painter.setPen(QPen(QColor(tokens.muted), 1, Qt.PenStyle.CustomDashLine))
    pen = painter.pen()
    pen.setDashPattern([3, 4])
    painter.setPen(pen)
    x = round(x) + 0.5
    painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))


def paint_best(painter: QPainter, area: QRectF, point: QPointF, text: str, tokens: Tokens) -> None:
    """Paint a ring around a point, and its text where there is room."""
    painter.setPen(QPen(QColor(tokens.ok), 2))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(point, RING, RING)
    font = plot_font()
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    size = metrics.boundingRect(text).size()
    left = point.x() + RING + 6
    if left + size.width() + 4 > area.right():
        left = max(area.left() + 4, point.x() - RING - 6 - size.width())
    top = point.y() - RING - 4 - size.height()
    if top < area.top() + 2:
        top = point.y() + RING + 2
    label = QRectF(left, top, size.width() + 2, size.height())
    plate = QColor(tokens.surface)
    plate.setAlphaF(0.82)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(plate)
    painter.drawRoundedRect(label.adjusted(-4, -1, 4, 1), 4, 4)
    painter.setPen(QColor(tokens.ok))
    painter.drawText(label, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def paint_cursor(
    painter: QPainter, area: QRectF, x: float, title: str, readings: Sequence[Reading], tokens: Tokens
) -> None:
    """Paint the cursor line, a disc on every curve, and a box of values."""
    painter.setPen(QPen(QColor(tokens.muted), 1))
    line = round(x) + 0.5
    painter.drawLine(QPointF(line, area.top()), QPointF(line, area.bottom()))
    painter.setPen(QPen(QColor(tokens.surface), 1.5))
    for reading in readings:
        if reading.point is not None and area.adjusted(-2, -2, 2, 2).contains(reading.point):
            painter.setBrush(QColor(reading.colour))
            painter.drawEllipse(reading.point, POINT + 1.5, POINT + 1.5)
    _paint_box(painter, area, x, title, readings, tokens)


def _paint_box(
    painter: QPainter, area: QRectF, x: float, title: str, readings: Sequence[Reading], tokens: Tokens
) -> None:
    plain, strong = plot_font(), plot_font(bold=True)
    narrow, wide = QFontMetricsF(plain), QFontMetricsF(strong)
    names = max((narrow.horizontalAdvance(reading.name) for reading in readings), default=0.0)
    values = max((wide.horizontalAdvance(reading.value) for reading in readings), default=0.0)
    inner = max(wide.horizontalAdvance(title), _SWATCH + 6 + names + _GAP + values)
    box = QRectF(0, area.top() + 4, inner + 2 * _PADDING, (1 + len(readings)) * _ROW + _PADDING + 2)
    box.moveLeft(x + _CURSOR_DISTANCE)
    if box.right() > area.right():
        box.moveRight(x - _CURSOR_DISTANCE)
    box.moveLeft(max(area.left(), box.left()))
    painter.setPen(QPen(QColor(tokens.border), 1))
    painter.setBrush(QColor(tokens.raised))
    painter.drawRoundedRect(box.translated(0.5, 0.5), 8, 8)
    left, right, top = box.left() + _PADDING, box.right() - _PADDING, box.top() + _PADDING / 2 + 1
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.setFont(strong)
    painter.setPen(QColor(tokens.text))
    painter.drawText(QRectF(left, top, inner, _ROW), middle, title)
    for number, reading in enumerate(readings, 1):
        row = QRectF(left, top + number * _ROW, right - left, _ROW)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(reading.colour))
        painter.drawEllipse(QRectF(left, row.center().y() - _SWATCH / 2, _SWATCH, _SWATCH))
        painter.setFont(plain)
        painter.setPen(QColor(tokens.muted))
        painter.drawText(row.adjusted(_SWATCH + 6, 0, 0, 0), middle, reading.name)
        painter.setFont(strong)
        painter.setPen(QColor(tokens.text))
        painter.drawText(row, middle | Qt.AlignmentFlag.AlignRight, reading.value)
