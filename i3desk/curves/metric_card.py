"""A card with the name, newest value and curve of a metric."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from i3desk.curves.metrics import Metric
from i3desk.curves.overlays import plot_font
from i3desk.curves.series import averaged, thin
from i3desk.curves.sparkline import paint_sparkline
from i3desk.language import tr
from i3desk.style.palette import mix
from i3desk.style.theme import Theme
from i3desk.widgets.plain_text import tooltip_text

RADIUS, PADDING = 12.0, 12.0
ONE_LINE_FROM = 172  # pixels of width; below, the value is under the title
FAINT = 0.4
COURSE_PX = 4  # between two points of the averaged curve
COURSE_POINTS = 20_000  # at most averaged at each repaint
MIN_SPAN = 0.1  # of the value: changes of a few percent stay small


class MetricCard(QAbstractButton):
    """One metric; a click shows it in the large plot."""

    def __init__(self, metric: Metric, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown_metric = metric
        self.value = ""
        self._theme = theme
        self._xs = self._ys = np.empty(0)
        self.setToolTip(
            tooltip_text(tr("{meaning}. Click to see it in the large plot.").format(meaning=metric.meaning))
        )
        self.setAccessibleName(metric.title)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self.update)

    def show_curve(self, xs: np.ndarray, ys: np.ndarray, value: float | None) -> None:
        """Show all points of the curve, and the newest value."""
        self._xs, self._ys = xs, ys
        self.value = "" if value is None else self.shown_metric.text(value)
        self.setAccessibleDescription(self.value)
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
        if curve_room.height() >= 8 and len(self._xs):
            self._paint_curve(painter, curve_room)

    def _paint_curve(self, painter: QPainter, room: QRectF) -> None:
        """Paint the curve; if there are more points than pixels, their average over their extremes."""
        tokens, xs, ys = self._theme.tokens, self._xs, self._ys
        colour = getattr(tokens, self.shown_metric.token)
        edges = np.linspace(xs[0], xs[-1], max(2, int(room.width()) + 1))
        extremes = _lists(thin(xs, ys, edges))
        if len(xs) <= len(edges):
            paint_sparkline(painter, room, extremes, colour, min_span=MIN_SPAN)
            return
        stride = max(1, len(xs) // COURSE_POINTS)
        course = _lists(averaged(xs[::stride], ys[::stride], edges[::COURSE_PX]))
        faint = mix(tokens.surface, colour, FAINT)
        paint_sparkline(painter, room, course, colour, extremes, faint, MIN_SPAN)


def _lists(points: tuple[np.ndarray, np.ndarray]) -> tuple[list[float], list[float]]:
    return points[0].tolist(), points[1].tolist()
