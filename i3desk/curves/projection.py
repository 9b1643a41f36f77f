"""Where data lies in a plot: logarithms, pixels, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF


@dataclass(frozen=True)
class Projection:
    """What a plot shows, and where.

    Attributes:
        area: of the curves, in pixels.
        across, up: the visible ranges in coordinates of the view: logarithms of base ten where `log_x` or `log_y`.
    """

    area: QRectF
    across: tuple[float, float]
    up: tuple[float, float]
    log_x: bool = False
    log_y: bool = False

    def view_x(self, xs: np.ndarray) -> np.ndarray:
        """Data in coordinates of the view; NaN where a logarithmic axis has no place."""
        return logarithm(xs) if self.log_x else xs

    def view_y(self, ys: np.ndarray) -> np.ndarray:
        return logarithm(ys) if self.log_y else ys

    def pixels_x(self, xs: np.ndarray) -> np.ndarray:
        """Coordinates of the view as pixels."""
        left, right = self.across
        return self.area.left() + (xs - left) * (self.area.width() / ((right - left) or 1))

    def pixels_y(self, ys: np.ndarray) -> np.ndarray:
        bottom, top = self.up
        return self.area.bottom() - (ys - bottom) * (self.area.height() / ((top - bottom) or 1))

    def place(self, x: float, y: float = 1.0) -> QPointF | None:
        """Where a point of the data lies in the widget; None if it has no place."""
        px = float(self.pixels_x(self.view_x(np.array([x])))[0])
        py = float(self.pixels_y(self.view_y(np.array([y])))[0])
        return QPointF(px, py) if np.isfinite([px, py]).all() else None

    def x_at(self, pixel: float | np.ndarray) -> float | np.ndarray:
        """The x of the data under a pixel."""
        left, right = self.across
        x = left + (pixel - self.area.left()) / (self.area.width() or 1) * (right - left)
        return 10**x if self.log_x else x

    def edges(self, scale: float) -> np.ndarray:
        """The x of the data at the edges of all pixel columns, of which a pixel has `scale`."""
        first, last = math.floor(self.area.left() * scale), math.ceil(self.area.right() * scale)
        return self.x_at(np.arange(first, max(last, first + 1) + 1) / scale)


def logarithm(values: np.ndarray) -> np.ndarray:
    """log10, and NaN for what has none."""
    result = np.full(len(values), np.nan)
    np.log10(values, out=result, where=values > 0)
    return result


def whole_range(curves: Sequence[np.ndarray], end: float | None, log: bool) -> tuple[float, float] | None:
    """Both ends of x in coordinates of the view, so that all curves are in sight, and `end`; None without points."""
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
    return low - room, high + room
