"""A scrolled column of rows of any height, of which only those near the view exist as widgets."""

from __future__ import annotations

import time
from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPalette, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

AHEAD = 0.75  # of the view's height: rows this near are made while nothing else is to do
KEPT = 2.0  # of the view's height: rows farther away than this are given up
NEAR_END = 24  # pixels from the end that still count as being there
LINE = 24  # pixels that an arrow key scrolls; the wheel scrolls three of them
BUDGET = 0.008  # seconds for making what comes into view in one go; the rest follows a moment later
PASSES = 12  # at most, until the heights of what comes into view have settled


class VirtualRow(QWidget):
    """One row. Subclasses say how tall they are.

    Attributes:
        text_grows: its new height comes from text added at its end, so what was read of it keeps its place.
    """

    def fit(self, width: int) -> int:
        """Take this width; returns the height that shows everything."""
        return self.layout().totalHeightForWidth(width)

    def must_stay(self) -> bool:
        """Whether the row may not be given up although it is out of view, because the user works in it."""
        focused = QApplication.focusWidget()
        return focused is not None and (focused is self or self.isAncestorOf(focused))


class _Anchor(NamedTuple):
    """What stays where it is on screen while heights change: the top of a row, `offset` pixels below the view's top;
    or, of a row taller than the view, the place at this `share` of its height."""

    index: int
    offset: int
    share: float | None = None


class VirtualList(QAbstractScrollArea):
    """Shows `count` rows, one below the other, in a column in the middle.

    A row that has not been made yet counts with an estimated height; when heights are corrected, what is on screen
    stays in place. At its end the column follows what is added. Subclasses give `make_row` and `estimate_height`.

    Signals:
        following_changed(bool): whether the column is at its end and follows what is added.
    """

    following_changed = Signal(bool)

    def __init__(self, column_width: int, margin: int, padding: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(LINE)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Base)
        self.viewport().setAutoFillBackground(True)
        self._most, self._margin, self._padding = column_width, margin, padding
        self._heights: list[int] = []
        self._tops: list[int] = [padding]
        self._rows: dict[int, VirtualRow] = {}
        self._width = 0
        self._following = True
        self._placing = False
        self._ahead_timer = QTimer(self, singleShot=True, interval=0)
        self._ahead_timer.timeout.connect(self._make_ahead)
        self.viewport().installEventFilter(self)

    def make_row(self, index: int) -> VirtualRow:
        """A new widget for a row, a child of the viewport."""
        raise NotImplementedError

    def prepare_row(self, index: int) -> None:
        """Fill a row that was just made."""

    def estimate_height(self, index: int, width: int) -> int:
        """How tall a row will be at this width, more or less, without making it."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._heights)

    @property
    def following(self) -> bool:
        """Whether the column is at its end and follows what is added."""
        return self._following

    @property
    def rows(self) -> dict[int, VirtualRow]:
        """The rows that exist as widgets, by index."""
        return self._rows

    def replace_rows(self, start: int, count: int) -> None:
        """There are `count` rows now, and those from `start` on are others than before."""
        anchor = self._anchor()
        for index in [index for index in self._rows if index >= start]:
            self._give_up(index)
        width = self._column_width()
        self._heights[start:] = [self.estimate_height(index, width) for index in range(start, count)]
        self._add_up()
        self._settle(anchor if anchor is None or anchor.index < count else None)

    def remeasure(self, index: int | None = None) -> None:
        """The content of a row changed (None: of any)."""
        anchor = self._anchor()
        for changed in [index] if index is not None else list(self._rows):
            if changed in self._rows:
                self._measure(changed)
            else:
                self._heights[changed] = self.estimate_height(changed, self._column_width())
        self._add_up()
        self._settle(anchor)

    @Slot()
    def jump_to_latest(self) -> None:
        """Go to the end and follow what is added."""
        self._set_following(True)
        self._settle()

    @Slot(int)
    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages; negative numbers go up."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * bar.pageStep())

    def scroll_to(self, index: int, inside: int = 0, share: float = 0.25) -> None:
        """Bring the place `inside` pixels below a row's top to this `share` of the view's height."""
        self._set_following(False)
        if index not in self._rows and self.isVisible():
            self._make(index)
            self._add_up()
        self._settle(_Anchor(index, round(self.viewport().height() * share) - inside))
        self._note_following()

    def make_visible(self, index: int) -> VirtualRow | None:
        """Scroll no farther than needed to see a row, one taller than the view from its top; returns its widget."""
        if index not in self._rows:
            self.scroll_to(index)
        row, view = self._rows.get(index), self.viewport().height()
        if row is not None and (row.y() < 0 or row.height() > view):
            self.scroll_to(index, share=0.0)
        elif row is not None and row.y() + row.height() > view:
            self.scroll_to(index, row.height(), share=1.0)
        return row

    def first_in_view(self) -> int:
        """The index of the first row with a part on screen."""
        return self._index_at(self.verticalScrollBar().value())

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        if not self._placing:
            self._note_following()
            self._settle(self._anchor())

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._on_resized()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._on_resized()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Rows ask their parent for room when their content changes by itself, for example while one is edited.
        if watched is self.viewport() and event.type() == QEvent.Type.LayoutRequest and not self._placing:
            if any(row.fit(self._width) != self._heights[index] for index, row in self._rows.items()):
                self.remeasure()
            return True
        return super().eventFilter(watched, event)

    def _column_width(self) -> int:
        # From the width with the scroll bar in it: so nothing moves sideways or wraps anew when the bar comes.
        return max(1, min(self._most, self.width() - 2 * self._margin))

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
        """What to keep in place; None while following the end."""
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
        """Make what is in view, correct heights, and put everything in its place, with `anchor` where it was; without
        one at the end if following, else where the scroll bar is."""
        if self._placing or not self.isVisible():
            return
        self._placing = True
        try:
            bar, view = self.verticalScrollBar(), self.viewport().height()
            until = time.monotonic() + BUDGET
            for _ in range(PASSES):
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
                if time.monotonic() > until or not self._make_between(value, value + view, until):
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
        """Make the rows between two places, as many as the time allows, those first that the eye is at; returns
        whether one of them is taller or smaller than estimated."""
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
        row.move(0, -32_000)  # out of sight until it has its place
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
                self._give_up(index)
            else:
                row.setGeometry(left, top, self._width, height)

    def _give_up(self, index: int) -> None:
        row = self._rows.pop(index)
        row.hide()
        row.deleteLater()

    @Slot()
    def _make_ahead(self) -> None:
        """Make one row that will soon come into view, then let the event loop turn."""
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

    def _note_following(self) -> None:
        bar = self.verticalScrollBar()
        self._set_following(bar.value() >= bar.maximum() - NEAR_END)

    def _set_following(self, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.following_changed.emit(following)
