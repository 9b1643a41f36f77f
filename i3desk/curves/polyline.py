"""Draw polylines from arrays of pixels: a few thousand points in milliseconds."""

from __future__ import annotations

from itertools import starmap

import numpy as np
from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QPainter, QPen

SMOOTH_UP_TO = 1500  # points; antialiasing more of them costs time and cannot be seen


def paint_line(painter: QPainter, xs: np.ndarray, ys: np.ndarray, pen: QPen) -> None:
    """Connect the points; a NaN is a gap. More than SMOOTH_UP_TO points are drawn without antialiasing."""
    if len(xs) < 2:
        return
    dense = len(xs) > SMOOTH_UP_TO
    painter.save()
    painter.setPen(pen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not dense)
    if dense and pen.style() == Qt.PenStyle.SolidLine:  # line by line: joints take three times as long
        lines = segments(xs, ys, painter.deviceTransform().m11())
        painter.drawLines(list(starmap(QLineF, lines.tolist())))
    else:
        points = np.column_stack((xs, ys))
        gaps = np.flatnonzero(~np.isfinite(points).all(axis=1))
        for number, stretch in enumerate(np.split(points, gaps)):
            if len(stretch) > (number > 0):  # all but the first begin with a gap
                painter.drawPolyline(list(starmap(QPointF, stretch[number > 0 :].tolist())))
    painter.restore()


def segments(xs: np.ndarray, ys: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Lines (x1, y1, x2, y2) that fill the same pixels: one vertical line per column, and one to the next column.

    `scale` is the number of device pixels in a pixel.
    """
    columns = np.floor(xs * scale)
    starts = np.flatnonzero(np.diff(columns, prepend=-np.inf))
    middle = (columns[starts] + 0.5) / scale
    upright = np.column_stack((middle, np.fmin.reduceat(ys, starts), middle, np.fmax.reduceat(ys, starts)))
    to = starts[1:]
    across = np.column_stack((xs[to - 1], ys[to - 1], xs[to], ys[to]))
    lines = np.concatenate((upright, across))
    return lines[np.isfinite(lines).all(axis=1)]
