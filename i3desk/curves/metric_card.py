"""A small card: what it shows, its value now, and its curve. A click asks for the curve in the large plot."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from i3desk.curves.metrics import Metric
from i3desk.curves.overlays import plot_font
from i3desk.curves.polyline import SMOOTH_UP_TO, paint_line
from i3desk.curves.series import averaged, thin
from i3desk.style.palette import mix
from i3desk.style.theme import Theme

RADIUS, PADDING = 12.0, 12.0
ONE_LINE_FROM = 172  # pixels of width: title and value side by side
FAINT = 0.4
COURSE_PX = 4  # between two points of the course
COURSE_POINTS = 20_000  # enough of any run to draw its course
LEAST_SPAN = 0.1  # of the value: what differs less does not fill the height


class MetricCard(QAbstractButton):
    """One metric."""

    def __init__(self, metric: Metric, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown_metric = metric
        self.value = ""
        self._theme = theme
        self._xs = self._ys = np.empty(0)
        self.setToolTip(f"{metric.meaning}. Click to see it in the large plot.")
        self.setAccessibleName(metric.title)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self._recolour)

    def show_curve(self, xs: np.ndarray, ys: np.ndarray, value: float | None) -> None:
        """Show all points of the curve, and its value now."""
        self._xs, self._ys = xs, ys
        self.value = "" if value is None else self.shown_metric.text(value)
        self.setAccessibleDescription(self.value)
        self.update()

    @Slot()
    def _recolour(self) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, 84)

    def minimumSizeHint(self) -> QSize:
        return QSize(80, 60)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = self._theme.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.underMouse() or self.isDown()
        painter.setBrush(QColor(tokens.raised if lit else tokens.surface))
        painter.setPen(QPen(QColor(tokens.accent if self.hasFocus() else tokens.border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        room = QRectF(self.rect()).adjusted(PADDING, 9, -PADDING, -9)
        title_font, value_font = plot_font(12), plot_font(12, bold=True)
        line = QFontMetricsF(value_font).height()
        beside = self.width() >= ONE_LINE_FROM
        value_width = QFontMetricsF(value_font).horizontalAdvance(self.value) if beside else 0
        title_room = QRectF(room.left(), room.top(), max(0.0, room.width() - value_width - 6 * beside), line)
        title = QFontMetricsF(title_font).elidedText(
            self.shown_metric.title, Qt.TextElideMode.ElideRight, title_room.width()
        )
        painter.setFont(title_font)
        painter.setPen(QColor(tokens.muted))
        painter.drawText(title_room, Qt.AlignmentFlag.AlignVCenter, title)
        painter.setFont(value_font)
        painter.setPen(QColor(tokens.text))
        if beside:
            value_room = QRectF(room.left(), room.top(), room.width(), line)
            painter.drawText(value_room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self.value)
        else:
            value_room = QRectF(room.left(), room.top() + line + 1, room.width(), line)
            painter.drawText(value_room, Qt.AlignmentFlag.AlignVCenter, self.value)
        curve_room = QRectF(room.left(), value_room.bottom() + 4, room.width(), room.bottom() - value_room.bottom() - 4)
        if curve_room.height() >= 8:
            colour = getattr(tokens, self.shown_metric.token)
            paint_sparkline(painter, curve_room, self._xs, self._ys, colour, mix(tokens.surface, colour, FAINT))


def paint_sparkline(
    painter: QPainter, room: QRectF, xs: np.ndarray, ys: np.ndarray, colour: str, faint_colour: str
) -> None:
    """A curve that fills `room`: faint with its extremes where it is dense, and its course in `colour`.

    `xs` never decrease; a NaN in `ys` is a gap. Changes of a few percent stay small.
    """
    if not len(xs):
        return
    low, high = float(xs[0]), float(xs[-1])
    edges = np.linspace(low, high, max(2, int(room.width()) + 1))
    thin_xs, thin_ys = thin(xs, ys, edges)
    finite = thin_ys[np.isfinite(thin_ys)]
    if not len(finite):
        return
    bottom, top = float(finite.min()), float(finite.max())
    span = max(top - bottom, LEAST_SPAN * max(abs(top), abs(bottom))) or 1.0
    middle = (bottom + top) / 2

    def paint(xs: np.ndarray, ys: np.ndarray, pen: QPen, smooth_up_to: int = SMOOTH_UP_TO) -> None:
        across = room.left() + (xs - low) / ((high - low) or 1.0) * room.width()
        up = room.center().y() - (ys.astype(np.float64) - middle) / span * room.height()
        paint_line(painter, across, up, pen, smooth_up_to)
        placed = np.flatnonzero(np.isfinite(up))
        if len(placed) == 1:
            painter.setPen(pen)
            painter.drawEllipse(QPointF(across[placed[0]], up[placed[0]]), 1.0, 1.0)

    if len(xs) > len(edges):
        paint(thin_xs, thin_ys, QPen(QColor(faint_colour), 1), smooth_up_to=0)
        few = max(1, len(xs) // COURSE_POINTS)
        paint(*averaged(xs[::few], ys[::few], edges[::COURSE_PX]), QPen(QColor(colour), 1.5))
    else:
        paint(thin_xs, thin_ys, QPen(QColor(colour), 1.5))
