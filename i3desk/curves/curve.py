"""One curve of a plot: its points, what of them is in sight, and how it is painted."""

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

POINTS_APART = 9  # pixels between two points at least, where they are drawn as discs
EMPTY = np.empty(0)


@dataclass
class Curve:
    """A curve without points yet.

    Attributes:
        token: its colour; opacity: how much of it is mixed with the background's.
        points: whether to draw its points where there is room for them.
        xs, ys: all points.
        in_sight: those that are drawn, in coordinates of the view.
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
    in_sight: tuple[np.ndarray, np.ndarray] = (EMPTY, EMPTY)

    def colour(self, tokens: Tokens) -> str:
        """As #RRGGBB."""
        return mix(tokens.surface, getattr(tokens, self.token), self.opacity)

    def find_in_sight(self, seen: Projection, edges: np.ndarray) -> np.ndarray:
        """Choose what to draw between the `edges` of the pixel columns; returns its finite y as the view has them."""
        xs, ys = thin(self.xs, self.ys, edges)
        self.in_sight = seen.view_x(xs), seen.view_y(with_gaps(ys))
        return self.in_sight[1][np.isfinite(self.in_sight[1])]

    def paint(self, painter: QPainter, seen: Projection, tokens: Tokens) -> None:
        """A line; discs where the curve has them, and where it is one point and would have no line."""
        xs, ys = seen.pixels_x(self.in_sight[0]), seen.pixels_y(self.in_sight[1])
        pen = QPen(QColor(self.colour(tokens)), self.width)
        pen.setStyle(Qt.PenStyle.DashLine if self.dashed else Qt.PenStyle.SolidLine)
        paint_line(painter, xs, ys, pen)
        finite = np.isfinite(xs) & np.isfinite(ys)
        count = int(finite.sum())
        if count == 1 or (self.points and count * POINTS_APART <= seen.area.width()):
            points = [QPointF(x, y) for x, y in zip(xs[finite], ys[finite], strict=True)]
            paint_points(painter, points, self.colour(tokens))

    def read(
        self, x: float, x_unit: str, y_text: Callable[[float], str], seen: Projection, tokens: Tokens
    ) -> Reading | None:
        """Its value at the point nearest to `x`, which is named where it is another; None without points."""
        if not len(self.xs):
            return None
        place = nearest(self.xs, x)
        here, y = float(self.xs[place]), float(self.ys[place])
        name = self.name if here == x else f"{self.name}, {position_text(x_unit, here)}"
        return Reading(name, y_text(y) if np.isfinite(y) else "none", self.colour(tokens), seen.place(here, y))
