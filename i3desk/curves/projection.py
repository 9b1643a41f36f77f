"""Map data to the pixels of a plot and back, with linear or logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF


@dataclass(frozen=True)
class Projection:
    """The visible ranges of a plot, and their area in pixels.

    Attributes:
        area: of the curves, in pixels.
        across, up: the visible ranges of x and y in coordinates of the view: base-10 logarithms if `log_x` or `log_y`.
    """

    area: QRectF
    across: tuple[float, float]
    up: tuple[float, float]
    log_x: bool = False
    log_y: bool = False

    def view_x(self, xs: np.ndarray) -> np.ndarray:
        """Map data to coordinates of the view; NaN if a logarithmic axis cannot show it."""
        return logarithm(xs) if self.log_x else xs

    def view_y(self, ys: np.ndarray) -> np.ndarray:
        return logarithm(ys) if self.log_y else ys

    def pixels_x(self, xs: np.ndarray) -> np.ndarray:
        """Map coordinates of the view to pixels."""
        left, right = self.across
        return self.area.left() + (xs - left) * (self.area.width() / ((right - left) or 1))

    def pixels_y(self, ys: np.ndarray) -> np.ndarray:
        bottom, top = self.up
        return self.area.bottom() - (ys - bottom) * (self.area.height() / ((top - bottom) or 1))

    def point(self, x: float, y: float = 1.0) -> QPointF | None:
        """Map a data point to the widget; None if it cannot be shown."""
        px = float(self.pixels_x(self.view_x(np.array([x])))[0])
        py = float(self.pixels_y(self.view_y(np.array([y])))[0])
        return QPointF(px, py) if np.isfinite([px, py]).all() else None

    def x_at(self, pixels: np.ndarray) -> np.ndarray:
        """The x of the data under these pixels."""
        left, right = self.across
        xs = left + (pixels - self.area.left()) / (self.area.width() or 1) * (right - left)
        return 10**xs if self.log_x else xs

    def edges(self, scale: float) -> np.ndarray:
        """The x of the data at the edges of all device columns; a pixel has `scale` of them."""
        first, last = math.floor(self.area.left() * scale), math.ceil(self.area.right() * scale)
        return self.x_at(np.arange(first, max(last, first + 1) + 1) / scale)


def logarithm(values: np.ndarray) -> np.ndarray:
    """log10, or NaN for values up to zero."""
    result = np.full(len(values), np.nan)
    np.log10(values, out=result, where=values > 0)
    return result


def whole_range(curves: Sequence[np.ndarray], end: float | None, log: bool) -> tuple[float, float] | None:
    """The x range in coordinates of the view that covers all curves and `end`; None without points."""
    curves = [xs[np.searchsorted(xs, 0, "right") :] if log else xs for xs in curves]
    curves = [xs for xs in curves if len(xs)]
    if not curves:
        return None
    low, high = float(min(xs[0] for xs in curves)), float(max(xs[-1] for xs in curves))
    high = max(high, high if end is None else end)
    if log:
        low, high = float(np.log10(low)), float(np.log10(high))
    if low < high:
        return low, high
    room = 0.5 if log else max(0.5, abs(low) * 0.1)
    return low - room if log or low < 0 else max(0.0, low - room), high + room
