"""A scrolled column of rows of any height; only rows near the view exist as widgets."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

AHEAD = 0.75  # of the view's height: rows this near are made while the event loop is idle
KEPT = 2.0  # of the view's height: rows farther away than this are deleted
NEAR_END = 24  # pixels from the end that still count as the end
LINE = 24  # pixels that an arrow key scrolls; the wheel scrolls three of them
BUDGET = 0.008  # seconds for making rows that come into view; the rest follows a moment later
PASSES = 12  # at most, until the heights of the rows in view have settled


class VirtualRow(QWidget):
    """One row of a VirtualList."""

    def fit(self, width: int) -> int:
        """Lay the row out at this width; returns the height that shows everything."""
        layout = self.layout()
        assert layout is not None
        return layout.totalHeightForWidth(width)

    def must_stay(self) -> bool:
        """True if the row must be kept although it is out of view, because it has the focus."""
        focused = QApplication.focusWidget()
        return focused is not None and (focused is self or self.isAncestorOf(focused))


@dataclass(frozen=True)
class _Anchor:
    """The place that stays put on screen while heights change.

    It is the top of a row, `offset` pixels below the view's top; with `share`, the place at this share of its height.
    """

    index: int
    offset: int
    share: float | None = None


class VirtualList(QAbstractScrollArea):
    """A column of `count` rows in the middle of the view.

    A row without a widget has an estimated height; when heights are corrected, the visible rows stay in place. At its
    end, the column follows added content. Subclasses implement `make_row` and `estimate_height`.

    Signals:
        following_changed(bool): Emitted when the column starts or stops to follow added content.
    """

    following_changed = Signal(bool)

    def __init__(self, column_width: int, margin: int, padding: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(LINE)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Base)
        self.viewport().setAutoFillBackground(True)
        self._max_width, self._margin, self._padding = column_width, margin, padding
        self._heights: list[int] = []
        self._tops: list[int] = [padding]
        self._rows: dict[int, VirtualRow] = {}
        self._width = 0
        self._following = True
        self._placing = False
        self._making_since = 0.0  # when rows were made, in seconds of the monotonic clock
        self._ahead_timer = QTimer(self, singleShot=True, interval=0)
        self._ahead_timer.timeout.connect(self._make_ahead)
        self.viewport().installEventFilter(self)

    def make_row(self, index: int) -> VirtualRow:
        """Make the widget of a row, a child of the viewport."""
        raise NotImplementedError

    def prepare_row(self, index: int) -> None:
        """Fill a row that was just made."""

    def estimate_height(self, index: int, width: int) -> int:
        """Estimate the height of a row at this width without making it."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self._heights)

    @property
    def following(self) -> bool:
        """True while the column is at its end and follows added content."""
        return self._following

    @property
    def rows(self) -> Mapping[int, VirtualRow]:
        """The rows that exist as widgets, by index."""
        return self._rows

    def replace_rows(self, start: int, count: int) -> None:
        """Set the number of rows and replace all rows from `start`."""
        anchor = self._anchor()
        for index in [index for index in self._rows if index >= start]:
            self._delete_row(index)
        width = self._column_width()
        self._heights[start:] = [self.estimate_height(index, width) for index in range(start, count)]
        self._add_up()
        self._settle(anchor if anchor is None or anchor.index < count else None)

    def remeasure(self, index: int | None = None) -> None:
        """Update the height of a row whose content has changed (None: of all rows)."""
        anchor = self._anchor()
        for changed in [index] if index is not None else list(self._rows):
            if changed in self._rows:
                self._measure(changed)
            else:
                self._heights[changed] = self.estimate_height(changed, self._column_width())
        self._add_up()
        self._settle(anchor)

    @Slot(int)
    def keep_free(self, height: int) -> None:
        """Leave the last pixels of the view to what lies over them."""
        self.setViewportMargins(0, 0, 0, height)

    @Slot()
    def jump_to_latest(self) -> None:
        """Scroll to the end and follow added content."""
        self._set_following(True)
        self._settle()

    @Slot(int)
    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages; negative numbers go up."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * bar.pageStep())

    def scroll_to(self, index: int, inside: int = 0, share: float = 0.25) -> None:
        """Scroll the place `inside` pixels below a row's top to this `share` of the view's height."""
        self._set_following(False)
        if index not in self._rows and self.isVisible():
            self._make(index)
            self._add_up()
        self._settle(_Anchor(index, round(self.viewport().height() * share) - inside))
        self._update_following()

    def make_visible(self, index: int) -> VirtualRow | None:
        """Scroll as little as needed to show a row, a tall one from its top; returns its widget."""
        if index not in self._rows:
            self.scroll_to(index)
        row, view = self._rows.get(index), self.viewport().height()
        if row is not None and (row.y() < 0 or row.height() > view):
            self.scroll_to(index, share=0.0)
        elif row is not None and row.y() + row.height() > view:
            self.scroll_to(index, row.height(), share=1.0)
        return row

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        if not self._placing:
            self._update_following()
            self._settle(self._anchor())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._on_resized()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._on_resized()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A row requests a layout from its parent when its content changes by itself, for example in its editor.
        if watched is self.viewport() and event.type() == QEvent.Type.LayoutRequest and not self._placing:
            if any(row.fit(self._width) != self._heights[index] for index, row in self._rows.items()):
                self.remeasure()
            return True
        return super().eventFilter(watched, event)

    def _column_width(self) -> int:
        # Includes the scroll bar, so that nothing moves sideways or wraps again when the bar appears.
        return max(1, min(self._max_width, self.width() - 2 * self._margin))

    def _on_resized(self) -> None:
        width = self._column_width()
        anchor = self._anchor(rewraps=width != self._width)
        if width != self._width:
            self._width = width
            self._heights = [self.estimate_height(index, width) for index in range(len(self._heights))]
            if self.isVisible():
                for index in self._rows:
                    self._measure(index)
            self._add_up()
        self._settle(anchor)

    def _anchor(self, rewraps: bool = False) -> _Anchor | None:
        """The place to keep; None while following the end."""
        if self._following or not self._heights:
            return None
        value = self.verticalScrollBar().value()
        first = self._index_at(value)
        for index in range(first, min(first + 2, self.count)):
            if (
                self._tops[index] >= value
                and index in self._rows
                and self._tops[index] < value + self.viewport().height()
            ):
                return _Anchor(index, self._tops[index] - value)
        into = value - self._tops[first]
        return _Anchor(first, -into, into / max(1, self._heights[first]) if rewraps else None)

    def _index_at(self, y: int) -> int:
        return max(0, min(bisect_right(self._tops, y) - 1, self.count - 1))

    def _add_up(self) -> None:
        self._tops = list(accumulate(self._heights, initial=self._padding))

    def _settle(self, anchor: _Anchor | None = None) -> None:
        """Make the rows in view, correct heights and place all rows.

        The `anchor` keeps its place; without one, the view is at the end if following, or where the scroll bar is.
        """
        if self._placing or not self.isVisible():
            return
        self._placing = True
        try:
            bar, view = self.verticalScrollBar(), self.viewport().height()
            now = time.monotonic()
            if now - self._making_since > 2 * BUDGET:  # else several changes of one event share the time
                self._making_since = now
            until = self._making_since + BUDGET
            total = value = 0
            for number in range(PASSES):
                total = self._tops[-1] + self._padding
                value = bar.value()
                if anchor is not None:
                    offset = anchor.offset
                    if anchor.share is not None:
                        offset = -round(anchor.share * self._heights[anchor.index])
                    value = self._tops[anchor.index] - offset
                elif self._following:
                    value = total - view
                value = max(0, min(value, total - view))
                if (number and time.monotonic() > until) or not self._make_between(value, value + view, until):
                    break
                self._add_up()
            bar.setPageStep(view)
            bar.setRange(0, max(0, total - view))
            bar.setValue(value)
            self._place()
            self._ahead_timer.start()
        finally:
            self._placing = False

    def _make_between(self, upper: int, lower: int, until: float) -> bool:
        """Make the rows between two places until the time is up, starting at the end that is read.

        Returns True if the height of one differs from its estimate.
        """
        changed = False
        if self._heights:
            indices = range(self._index_at(upper), self._index_at(lower) + 1)
            for index in reversed(indices) if self._following else indices:
                if index not in self._rows:
                    changed |= self._make(index)
                    if time.monotonic() > until:
                        break
        return changed

    def _make(self, index: int) -> bool:
        row = self._rows[index] = self.make_row(index)
        row.move(0, -32_000)  # out of view until it is placed
        self.prepare_row(index)
        row.show()
        return self._measure(index)

    def _measure(self, index: int) -> bool:
        height = self._rows[index].fit(self._width)
        changed = height != self._heights[index]
        self._heights[index] = height
        return changed

    def _place(self) -> None:
        value, view = self.verticalScrollBar().value(), self.viewport().height()
        left = (self.width() - self._width) // 2
        for index, row in list(self._rows.items()):
            top, height = self._tops[index] - value, self._heights[index]
            if (top + height < -KEPT * view or top > view + KEPT * view) and not row.must_stay():
                self._delete_row(index)
            else:
                row.setGeometry(left, top, self._width, height)

    def _delete_row(self, index: int) -> None:
        row = self._rows.pop(index)
        row.hide()
        row.deleteLater()

    @Slot()
    def _make_ahead(self) -> None:
        """Make one row near the view, then return to the event loop."""
        if not self._heights or not self.isVisible():
            return
        value, view = self.verticalScrollBar().value(), self.viewport().height()
        first, last = self._index_at(value), self._index_at(value + view)
        nearest = (
            *range(first, last + 1),
            *range(last + 1, self._index_at(value + view + round(AHEAD * view)) + 1),
            *range(first - 1, self._index_at(value - round(AHEAD * view)) - 1, -1),
        )
        for index in nearest:
            if index not in self._rows:
                anchor = self._anchor()
                self._make(index)
                self._add_up()
                self._settle(anchor)
                return

    def _update_following(self) -> None:
        bar = self.verticalScrollBar()
        self._set_following(bar.value() >= bar.maximum() - NEAR_END)

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)
