"""A plot of long curves over steps, tokens or time, with zoom, a cursor and marks. Imports pyqtgraph.

Import it only after i3desk.curves.lazy_import.import_plots() has run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QGraphicsGridLayout, QWidget

from i3desk.curves.axes import Axis
from i3desk.curves.curve import EMPTY, Curve
from i3desk.curves.number_format import figure_text, position_text
from i3desk.curves.overlays import Reading, paint_best, paint_cursor, paint_now
from i3desk.curves.png_export import paint_picture
from i3desk.curves.projection import Projection, whole_range
from i3desk.curves.series import nearest
from i3desk.language import tr
from i3desk.style.theme import Theme

DRAW_EVERY_MS = 30
HEADROOM = 0.07  # free share above and below the curves
ZOOM = 1.5
CURSOR_STEPS = 200  # keyboard steps across the plot
KEYS = tr("Left and right move the cursor, plus and minus zoom, Home shows all")

pg.setConfigOptions(useOpenGL=False, antialias=False, exitCleanup=False)


class CurvePlot(pg.GraphicsView):
    """A plot of curves by key.

    Zooming and panning change x; y fits the visible part. Coordinates of the view are logarithms on log axes.

    Signals:
        zoom_changed(zoomed): emitted when the user zooms in, or shows everything again.
    """

    zoom_changed = Signal(bool)

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, background=None)  # pyright: ignore[reportArgumentType]  # documented: None is transparent
        self._theme = theme
        self._curves: dict[str, Curve] = {}
        self._log_x = self._log_y = False
        self._x_unit, self._y_text = "step", figure_text
        self._end: float | None = None
        self._now: float | None = None
        self._best: tuple[float, float, str] | None = None
        self._shows_focus = False
        self.zoomed = False
        self.cursor_x: float | None = None
        self.cursor_text = ""
        self._mouse_at: QPointF | None = None
        self.setAccessibleName(name)
        self.setAccessibleDescription(KEYS)
        self.setMinimumSize(160, 90)

        self._view = pg.ViewBox(enableMenu=False, defaultPadding=0)
        self._view.disableAutoRange()
        self._view.setMouseEnabled(x=True, y=False)
        self._left, self._bottom = Axis("left"), Axis("bottom")
        layout = pg.GraphicsLayout()
        layout.setContentsMargins(0, 6, 14, 0)
        layout.setSpacing(0)
        for item, row, column in ((self._left, 0, 0), (self._view, 0, 1), (self._bottom, 1, 1)):
            layout.addItem(item, row, column)
        grid = cast(QGraphicsGridLayout, layout.layout)  # shadows the method of QGraphicsWidget
        grid.setRowStretchFactor(0, 1)
        grid.setColumnStretchFactor(1, 1)
        self._left.linkToView(self._view)
        self._bottom.linkToView(self._view)
        self._left.setZValue(-1)  # its grid is behind the curves
        self.setCentralItem(layout)

        self._draw_timer = QTimer(self, singleShot=True, interval=DRAW_EVERY_MS)
        self._draw_timer.timeout.connect(self.draw)
        self._cursor_timer = QTimer(self, singleShot=True, interval=DRAW_EVERY_MS)
        self._cursor_timer.timeout.connect(self._follow_mouse)
        self._view.sigRangeChangedManually.connect(self._on_user_view)
        self._view.sigResized.connect(self._on_resized)
        theme.changed.connect(self._restyle)
        self._restyle()

    # -------------------------------------------------------------------------------------------------- what is shown

    def add_curve(
        self,
        key: str,
        name: str,
        colour_token: str,
        width: float = 1.0,
        opacity: float = 1.0,
        points: bool = False,
        dashed: bool = False,
    ) -> None:
        """Add an empty curve in front of the others. `opacity` mixes its colour with the background colour."""
        self.remove_curve(key)
        self._curves[key] = Curve(name, colour_token, width, opacity, points, dashed)

    def show_series(self, key: str, xs: np.ndarray, ys: np.ndarray) -> None:
        """Set all points of a curve; `xs` never decrease. The arrays are kept, not copied."""
        self._curves[key].xs, self._curves[key].ys = xs, ys
        self._draw_soon()

    def set_curve_visible(self, key: str, visible: bool) -> None:
        """Show or hide a curve."""
        self._curves[key].visible = visible
        self._draw_soon()

    def remove_curve(self, key: str) -> None:
        """Remove a curve, if it exists."""
        if self._curves.pop(key, None) is not None:
            self._draw_soon()

    def clear_curves(self) -> None:
        """Remove all curves, marks and the zoom."""
        for key in list(self._curves):
            self.remove_curve(key)
        self._end = self._now = self._best = None
        self.move_cursor(None)
        self.reset_zoom()

    def set_log(self, log: bool) -> None:
        """Set a logarithmic y axis; values up to zero are gaps on it."""
        self._log_y = log
        self._left.setLogMode(log)  # pyright: ignore[reportArgumentType]  # pyqtgraph annotates *args as a tuple
        self._draw_soon()

    def set_log_x(self, log: bool) -> None:
        """Set a logarithmic x axis; it starts at the first x above zero."""
        self._log_x = log
        self._bottom.setLogMode(log)  # pyright: ignore[reportArgumentType]  # pyqtgraph annotates *args as a tuple
        self.reset_zoom()

    def set_units(self, x: str = "step", y_text: Callable[[float], str] = figure_text) -> None:
        """Set the unit of x ("step", "tokens" or "seconds") and the format of values at the cursor."""
        if x != self._x_unit:
            self.reset_zoom()
            self.move_cursor(None)
        self._x_unit, self._y_text = x, y_text
        self._bottom.set_time(x == "seconds")
        self._draw_soon()

    def set_end(self, x: float | None) -> None:
        """Extend the x axis at least to `x`, the end of a running run."""
        self._end = x
        self._draw_soon()

    def mark_point(self, x: float | None, y: float = 0.0, text: str = "") -> None:
        """Mark a point with a ring and a text; None removes the mark."""
        self._best = None if x is None else (x, y, text)
        self._draw_soon()

    def mark_now(self, x: float | None) -> None:
        """Mark the current position of the run with a dashed line; None removes the mark."""
        self._now = x
        self._draw_soon()

    @property
    def has_points(self) -> bool:
        """Whether any curve has points."""
        return any(len(curve.xs) for curve in self._curves.values())

    # -------------------------------------------------------------------------------------------------- zoom and view

    def reset_zoom(self) -> None:
        """Show everything."""
        if self.zoomed:
            self.zoomed = False
            self.zoom_changed.emit(False)
        self._draw_soon()

    def zoom(self, factor: float) -> None:
        """Zoom in by `factor` around the cursor or the middle."""
        low, high = self._view.viewRange()[0]
        centre = np.nan if self.cursor_x is None else self._projection().view_x(np.array([self.cursor_x]))[0]
        if not low <= centre <= high:
            centre = (low + high) / 2
        self._view.setXRange(centre - (centre - low) / factor, centre + (high - centre) / factor, padding=0)
        self._on_user_view()

    def visible_range(self) -> tuple[float, float]:
        """The lowest and highest visible x."""
        low, high = self._view.viewRange()[0]
        return (10**low, 10**high) if self._log_x else (low, high)

    @Slot()
    @Slot(object)
    def _on_user_view(self, _enabled: object = None) -> None:
        if not self.zoomed:
            self.zoomed = True
            self.zoom_changed.emit(True)
        self._draw_soon()

    # -------------------------------------------------------------------------------------------------------- drawing

    def _draw_soon(self) -> None:
        if not self._draw_timer.isActive():
            self._draw_timer.start()

    @Slot(object)
    def _on_resized(self, _view: object) -> None:
        self._draw_soon()  # wider axis labels leave fewer columns of pixels

    @Slot()
    def draw(self) -> None:
        """Downsample the curves for the visible range and repaint now, instead of at the next timer event."""
        self._draw_timer.stop()
        shown = self._visible()
        whole = whole_range([curve.xs for curve in shown], self._end, self._log_x)
        if whole is not None:
            span = whole[1] - whole[0]
            self._view.setLimits(xMin=whole[0], xMax=whole[1], minXRange=span * 1e-5, maxXRange=span)
            low, high = self._view.viewRange()[0]
            if self.zoomed and low <= whole[0] and whole[1] <= high:
                self.reset_zoom()
            if not self.zoomed:
                self._view.setXRange(*whole, padding=0)
        projection = self._projection()
        edges = projection.edges(self.devicePixelRatioF())
        lowest, highest = np.inf, -np.inf
        for curve in shown:
            ys = curve.update_view(projection, edges)
            if len(ys):
                lowest, highest = min(lowest, float(ys.min())), max(highest, float(ys.max()))
        if lowest <= highest:
            room = (highest - lowest) * HEADROOM or (0.1 if self._log_y else abs(highest) * 0.1 or 1.0)
            self._view.setYRange(lowest - room, highest + room, padding=0)
        self._read_cursor()
        self.viewport().update()

    def _projection(self) -> Projection:
        across, up = self._view.viewRange()
        return Projection(self._view.sceneBoundingRect(), tuple(across), tuple(up), self._log_x, self._log_y)

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        projection, tokens = self._projection(), self._theme.tokens
        area, inside = projection.area, projection.area.adjusted(-1, -4, 1, 4)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(inside)
        if self._now is not None and (now := projection.point(self._now)) is not None:
            paint_now(painter, area, now.x(), tokens)
        for curve in self._visible():
            curve.paint(painter, projection, tokens)
        if self._best is not None:
            x, y, text = self._best
            best = projection.point(x, y)
            if best is not None and inside.contains(best):
                paint_best(painter, area, best, text, tokens)
        if self.cursor_x is not None:
            cursor = projection.point(self.cursor_x)
            if cursor is not None and area.left() - 1 <= cursor.x() <= area.right() + 1:
                title = position_text(self._x_unit, self.cursor_x)
                readings = self._readings(projection, self.cursor_x)
                paint_cursor(painter, area, cursor.x(), title, readings, tokens)
        painter.setClipping(False)
        if self._shows_focus and self.hasFocus():
            painter.setPen(QPen(QColor(tokens.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.5, -3.5, -0.5, -0.5), 4, 4)
        painter.restore()

    def _visible(self) -> list[Curve]:
        return [curve for curve in self._curves.values() if curve.visible]

    # -------------------------------------------------------------------------------------------------------- cursor

    def move_cursor(self, x: float | None) -> None:
        """Move the cursor to the point nearest to `x`; None hides it."""
        self.cursor_x = x
        self._read_cursor()
        self.viewport().update()

    def _snap_points(self) -> np.ndarray:
        """The xs at which the cursor stops: those of the longest curve."""
        return max((curve.xs for curve in self._visible()), key=len, default=EMPTY)

    def _read_cursor(self) -> None:
        xs = self._snap_points()
        before = self.cursor_x, self.cursor_text
        if self.cursor_x is None or not len(xs):
            self.cursor_x, self.cursor_text = None, ""
        else:
            x = self.cursor_x = float(xs[nearest(xs, self.cursor_x)])
            values = [f"{reading.name} {reading.value}" for reading in self._readings(self._projection(), x)]
            self.cursor_text = ", ".join([position_text(self._x_unit, x), *values])
        if before != (self.cursor_x, self.cursor_text):
            self.setAccessibleDescription(self.cursor_text or KEYS)

    def _readings(self, projection: Projection, x: float) -> list[Reading]:
        """The value of every visible curve at `x`."""
        read = (x, self._x_unit, self._y_text, projection, self._theme.tokens)
        return [reading for curve in self._visible() if (reading := curve.read(*read)) is not None]

    @Slot()
    def _follow_mouse(self) -> None:
        projection, mouse = self._projection(), self._mouse_at
        if mouse is None or not projection.area.contains(mouse):
            self.move_cursor(None)
        else:
            self.move_cursor(float(projection.x_at(np.array([mouse.x()]))[0]))

    def step_cursor(self, steps: int) -> None:
        """Move the cursor by `steps` of CURSOR_STEPS across the plot, but at least to the next point."""
        xs = self._snap_points()
        if not len(xs):
            return
        low, high = self.visible_range()
        if self.cursor_x is None or not low <= self.cursor_x <= high:
            self.move_cursor(min(high, float(xs[-1])))
            return
        here = nearest(xs, self.cursor_x)
        there = nearest(xs, self.cursor_x + steps * (high - low) / CURSOR_STEPS)
        if there == here:
            there = here + (1 if steps > 0 else -1)
        x = float(xs[min(max(there, 0), len(xs) - 1)])
        if low <= x <= high:
            self.move_cursor(x)

    # ------------------------------------------------------------------------------------------------ keys and mouse

    # pyqtgraph names the events of GraphicsView `ev`; Qt passes them by position.
    def keyPressEvent(self, event: QKeyEvent) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        fast = 10 if event.modifiers() & Qt.KeyboardModifier.ControlModifier else 1
        match event.key():
            case Qt.Key.Key_Left:
                self.step_cursor(-fast)
            case Qt.Key.Key_Right:
                self.step_cursor(fast)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(ZOOM)
            case Qt.Key.Key_Minus:
                self.zoom(1 / ZOOM)
            case Qt.Key.Key_Home:
                self.reset_zoom()
            case Qt.Key.Key_Escape if self.cursor_x is not None:
                self.move_cursor(None)
            case _:
                event.ignore()
                return
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().mouseMoveEvent(event)
        self._mouse_at = event.position()
        if not self._cursor_timer.isActive():
            self._cursor_timer.start()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(event)
        self.reset_zoom()

    def leaveEvent(self, event: QEvent) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().leaveEvent(event)
        self._mouse_at = None
        self._cursor_timer.start()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._shows_focus = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    # ------------------------------------------------------------------------------------------- colours and pictures

    @Slot()
    def _restyle(self) -> None:
        tokens = self._theme.tokens
        self.setBackground(tokens.surface)
        self._left.show_colours(tokens, grid=True)
        self._bottom.show_colours(tokens, grid=False)
        self._draw_soon()

    def picture(self, title: str, scale: float = 2.0) -> QImage:
        """Paint the visible part without the cursor, under `title` and the names of the curves."""
        cursor, self.cursor_x = self.cursor_x, None
        self.draw()
        names = [(curve.name, curve.colour(self._theme.tokens)) for curve in self._visible() if len(curve.xs)]
        image = paint_picture(self, title, names, self._theme.tokens, scale)
        self.cursor_x = cursor
        return image
