"""One curve of a plot: its points, those in view, and how it is painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from i3desk.curves.number_format import position_text
from i3desk.curves.overlays import Reading, paint_points
from i3desk.curves.polyline import paint_line
from i3desk.curves.projection import Projection
from i3desk.curves.series import nearest, thin, with_gaps
from i3desk.style.palette import Tokens, mix

MIN_POINT_SPACING = 9  # pixels between points that are drawn as discs
EMPTY = np.empty(0)


@dataclass
class Curve:
    """A curve; it has no points at first.

    Attributes:
        token: the colour token; `opacity` mixes it with the background colour.
        points: whether to draw discs at its points if there is room.
        xs, ys: all points.
        in_view: the points that are drawn, in coordinates of the view.
    """

    name: str
    token: str
    width: float = 1.0
    opacity: float = 1.0
    points: bool = False
    dashed: bool = False
    visible: bool = True
    xs: np.ndarray = field(default_factory=lambda: EMPTY)
    ys: np.ndarray = field(default_factory=lambda: EMPTY)
    in_view: tuple[np.ndarray, np.ndarray] = (EMPTY, EMPTY)

    def colour(self, tokens: Tokens) -> str:
        """The colour as #RRGGBB."""
        return mix(tokens.surface, getattr(tokens, self.token), self.opacity)

    def update_view(self, projection: Projection, edges: np.ndarray) -> np.ndarray:
        """Choose the points to draw between the `edges` of the pixel columns; returns their finite y in the view."""
        xs, ys = thin(self.xs, self.ys, edges)
        self.in_view = projection.view_x(xs), projection.view_y(with_gaps(ys))
        return self.in_view[1][np.isfinite(self.in_view[1])]

    def paint(self, painter: QPainter, projection: Projection, tokens: Tokens) -> None:
        """Paint the line, and discs at its points if the curve has them or has only one point."""
        xs, ys = projection.pixels_x(self.in_view[0]), projection.pixels_y(self.in_view[1])
        pen = QPen(QColor(self.colour(tokens)), self.width)
        pen.setStyle(Qt.PenStyle.DashLine if self.dashed else Qt.PenStyle.SolidLine)
        paint_line(painter, xs, ys, pen)
        finite = np.isfinite(xs) & np.isfinite(ys)
        count = int(finite.sum())
        if count == 1 or (self.points and count * MIN_POINT_SPACING <= projection.area.width()):
            points = [QPointF(x, y) for x, y in zip(xs[finite], ys[finite], strict=True)]
            paint_points(painter, points, self.colour(tokens))

    def read(
        self, x: float, x_unit: str, y_text: Callable[[float], str], projection: Projection, tokens: Tokens
    ) -> Reading | None:
        """Read the point nearest to `x`; its x is named if it differs. None without points."""
        if not len(self.xs):
            return None
        index = nearest(self.xs, x)
        point_x, y = float(self.xs[index]), float(self.ys[index])
        name = self.name if point_x == x else f"{self.name}, {position_text(x_unit, point_x)}"
        y_or_none = y_text(y) if np.isfinite(y) else "none"
        return Reading(name, y_or_none, self.colour(tokens), projection.point(point_x, y))
