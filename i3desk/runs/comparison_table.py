"""A table of runs side by side: a column each, and a row for each thing in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QIcon, QPainter, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from i3core.runs.reader import RunSummary
from i3desk.runs.config_diff import Cell, SettingDifference, setting_differences
from i3desk.runs.labels import best_of, loss_text, spent_text, started_text, state_text
from i3desk.style.theme import Theme

LEAST_COLUMN = 116
SWATCH = QSize(18, 10)
AROUND_NAME = 32
LINE_HEIGHT = 28
SAME = "These runs have the same settings."


@dataclass(frozen=True)
class CurveStyle:
    """How the curve of a run is drawn: a colour token, and whether its line is dashed."""

    token: str
    dashed: bool


def rows_of(summaries: Sequence[RunSummary]) -> list[SettingDifference]:
    """Their results, then the settings that differ."""
    results = {
        "State": [state_text(each) for each in summaries],
        "Loss": [_loss(each) for each in summaries],
        "Time spent": [spent_text(each.seconds) for each in summaries],
        "Started": [started_text(each.started) for each in summaries],
        "Ran on": [each.device or "–" for each in summaries],
    }
    rows = [
        SettingDifference(name, name, "", tuple(Cell(text, False) for text in texts))
        for name, texts in results.items()
        if name == "Loss" or len(set(texts)) > 1
    ]
    return rows + setting_differences([each.config for each in summaries])


def _loss(summary: RunSummary) -> str:
    loss, which = best_of(summary)
    return f"{loss_text(loss)} ({which})" if which else loss_text(loss)


class ComparisonTable(QTableWidget):
    """Its head is the legend of the curves. Only to be read."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple = ()
        self._styles: Sequence[CurveStyle] = ()
        self.setObjectName("differences")
        self.setAccessibleName("Differences")
        self.setAccessibleDescription("A column for each run; what nobody chose is a default")
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
        """Show these runs, in this order."""
        rows = rows_of(summaries)
        shape = (tuple(each.folder for each in summaries), tuple(row.key for row in rows))
        self._styles = styles
        if shape != self._shown:
            self._shown = shape
            self.clear()
            self.setColumnCount(len(summaries))
            self.setRowCount(len(rows))
            for column in range(len(summaries)):
                self.setHorizontalHeaderItem(column, QTableWidgetItem())
                for line in range(len(rows)):
                    self.setItem(line, column, QTableWidgetItem())
            for line, row in enumerate(rows):
                head = QTableWidgetItem(row.label)
                head.setToolTip(row.tooltip)
                self.setVerticalHeaderItem(line, head)
            self._tint()
            self._fit_columns()
        for column, summary in enumerate(summaries):
            head = self.horizontalHeaderItem(column)
            if head.toolTip() != summary.name:
                head.setToolTip(summary.name)
                head.setData(Qt.ItemDataRole.AccessibleTextRole, summary.name)
        self._elide_names()
        for line, row in enumerate(rows):
            for column, cell in enumerate(row.cells):
                item = self.item(line, column)
                text = f"{cell.text} (default)" if cell.is_default else cell.text
                if item.text() != text:
                    item.setText(text)
                    item.setToolTip(text)
                    item.setForeground(self._brush(cell.is_default))

    def texts(self) -> list[list[str]]:
        """Each line as it reads: its name, then its cells."""
        return [
            [self.verticalHeaderItem(line).text()]
            + [self.item(line, column).text() for column in range(self.columnCount())]
            for line in range(self.rowCount())
        ]

    def whole_height(self) -> int:
        """The height at which nothing has to be scrolled."""
        return (self.rowCount() + 1) * LINE_HEIGHT + 8

    def _brush(self, is_default: bool) -> QBrush:
        return QBrush(QColor(self._theme.tokens.muted if is_default else self._theme.tokens.text))

    def _tint(self) -> None:
        tokens = self._theme.tokens
        for column, style in enumerate(self._styles[: self.columnCount()]):
            self.horizontalHeaderItem(column).setIcon(
                QIcon(swatch(getattr(tokens, style.token), style.dashed, self.devicePixelRatioF()))
            )
            for line in range(self.rowCount()):
                item = self.item(line, column)
                item.setForeground(self._brush(item.text().endswith("(default)")))

    def _fit_columns(self) -> None:
        if self.columnCount():
            width = max(LEAST_COLUMN, self.viewport().width() // self.columnCount())
            self.horizontalHeader().setDefaultSectionSize(width)
            for column in range(self.columnCount()):
                self.setColumnWidth(column, width)
            self._elide_names()

    def _elide_names(self) -> None:
        """The header itself cuts a name that stands beside an icon in the middle of a letter."""
        metrics = QFontMetrics(self.horizontalHeader().font())
        for column in range(self.columnCount()):
            head = self.horizontalHeaderItem(column)
            if head is None:  # the table is being filled
                return
            room = self.columnWidth(column) - SWATCH.width() - AROUND_NAME
            head.setText(metrics.elidedText(head.toolTip(), Qt.TextElideMode.ElideRight, room))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_columns()


def swatch(colour: str, dashed: bool, scale: float) -> QPixmap:
    """A piece of a curve, for a legend."""
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
