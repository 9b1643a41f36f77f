"""A table that compares runs: a column for each run, a row for each difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QIcon, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from i3core.runs.reader import RunSummary
from i3desk.language import tr
from i3desk.runs.config_diff import Cell, SettingDifference, setting_differences
from i3desk.runs.labels import best_of, loss_text, spent_text, started_text, state_text
from i3desk.style.theme import Theme
from i3desk.widgets.plain_text import tooltip_text

MIN_COLUMN_WIDTH = 116
SWATCH = QSize(18, 10)
NAME_PADDING = 32
LINE_HEIGHT = 28
SAME = tr("These runs have the same settings.")


@dataclass(frozen=True)
class CurveStyle:
    """How the curve of a run is drawn: a colour token, solid or dashed."""

    token: str
    dashed: bool


def rows_of(summaries: Sequence[RunSummary]) -> list[SettingDifference]:
    """The results of the runs, then the settings that differ."""
    results = {
        tr("State"): [state_text(each) for each in summaries],
        tr("Loss"): [_loss(each) for each in summaries],
        tr("Time spent"): [spent_text(each.seconds) for each in summaries],
        tr("Started"): [started_text(each.started) for each in summaries],
        tr("Ran on"): [each.device or "–" for each in summaries],
    }
    rows = [
        SettingDifference(name, name, "", tuple(Cell(text, False) for text in texts))
        for name, texts in results.items()
        if name == tr("Loss") or len(set(texts)) > 1
    ]
    return rows + setting_differences([each.config for each in summaries])


def _loss(summary: RunSummary) -> str:
    loss, which = best_of(summary)
    return f"{loss_text(loss)} ({which})" if which else loss_text(loss)


class ComparisonTable(QTableWidget):
    """A read-only table whose header is the legend of the curves."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple[object, ...] = ()
        self._styles: Sequence[CurveStyle] = ()
        self._heads: list[QTableWidgetItem] = []
        self._cells: list[list[QTableWidgetItem]] = []  # by line and column
        self.setObjectName("differences")
        self.setAccessibleName(tr("Differences"))
        self.setAccessibleDescription(tr("A column for each run; values that nobody chose are defaults"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIconSize(SWATCH)
        self.setCornerButtonEnabled(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setHighlightSections(False)
            header.setSectionsClickable(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(LINE_HEIGHT)
        theme.changed.connect(self._tint)

    def show_runs(self, summaries: Sequence[RunSummary], styles: Sequence[CurveStyle]) -> None:
        """Show these runs, in this order, with the styles of their curves."""
        rows = rows_of(summaries)
        shape = (tuple(each.folder for each in summaries), tuple(row.key for row in rows))
        self._styles = styles
        if shape != self._shown:
            self._shown = shape
            self._heads, self._cells = [], []  # before Qt deletes them: a resize looks at the heads
            self.clear()
            self.setColumnCount(len(summaries))
            self.setRowCount(len(rows))
            self._heads = [QTableWidgetItem() for _ in summaries]
            self._cells = [[QTableWidgetItem() for _ in summaries] for _ in rows]
            for column, head in enumerate(self._heads):
                self.setHorizontalHeaderItem(column, head)
            for line, row in enumerate(rows):
                name = QTableWidgetItem(row.label)
                name.setToolTip(tooltip_text(row.tooltip))
                self.setVerticalHeaderItem(line, name)
                for column, item in enumerate(self._cells[line]):
                    self.setItem(line, column, item)
            self._tint()
            self._fit_columns()
        for head, summary in zip(self._heads, summaries, strict=True):
            head.setToolTip(tooltip_text(summary.name))
            head.setData(Qt.ItemDataRole.AccessibleTextRole, summary.name)
        self._elide_names()
        for row, items in zip(rows, self._cells, strict=True):
            for cell, item in zip(row.cells, items, strict=True):
                text = tr("{text} (default)").format(text=cell.text) if cell.is_default else cell.text
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(tooltip_text(text))
                    item.setForeground(self._brush(cell.is_default))

    def texts(self) -> list[list[str]]:
        """The text of each line: its name, then its cells."""
        model = self.model()
        names = [model.headerData(line, Qt.Orientation.Vertical) for line in range(self.rowCount())]
        return [[name, *(item.text() for item in items)] for name, items in zip(names, self._cells, strict=True)]

    def whole_height(self) -> int:
        """The height that shows everything without scrolling."""
        return (self.rowCount() + 1) * LINE_HEIGHT + 8

    def _brush(self, is_default: bool) -> QBrush:
        return QBrush(QColor(self._theme.tokens.muted if is_default else self._theme.tokens.text))

    def _tint(self) -> None:
        tokens = self._theme.tokens
        for head, style in zip(self._heads, self._styles, strict=False):
            head.setIcon(QIcon(swatch(getattr(tokens, style.token), style.dashed, self.devicePixelRatioF())))
        for item in chain.from_iterable(self._cells):
            item.setForeground(self._brush(item.text().endswith("(default)")))

    def _fit_columns(self) -> None:
        if self.columnCount():
            width = max(MIN_COLUMN_WIDTH, self.viewport().width() // self.columnCount())
            self.horizontalHeader().setDefaultSectionSize(width)
            for column in range(self.columnCount()):
                self.setColumnWidth(column, width)
            self._elide_names()

    def _elide_names(self) -> None:
        """Elide names, because the header cuts a name beside an icon in the middle of a letter."""
        metrics = QFontMetrics(self.horizontalHeader().font())
        for column, head in enumerate(self._heads):
            room = self.columnWidth(column) - SWATCH.width() - NAME_PADDING
            name = head.data(Qt.ItemDataRole.AccessibleTextRole) or ""
            head.setText(metrics.elidedText(name, Qt.TextElideMode.ElideRight, room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_columns()


def swatch(colour: str, dashed: bool, scale: float) -> QPixmap:
    """Paint a piece of a curve for the legend."""
    image = QPixmap(SWATCH * scale)
    image.setDevicePixelRatio(scale)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(QColor(colour), 2.5)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.RoundCap)
    if dashed:
        pen.setDashPattern([2.2, 1.2])
    painter.setPen(pen)
    middle = SWATCH.height() / 2
    painter.drawLine(QPointF(1.5, middle), QPointF(SWATCH.width() - 1.5, middle))
    painter.end()
    return image
