"""Paint and edit a run in the list: name, state, model and data, loss curve, figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import (
    QObject,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from i3core.runs.reader import RunSummary
from i3desk.curves.sparkline import evenly, paint_sparkline
from i3desk.language import tr
from i3desk.runs.labels import best_of, loss_text, made_of_text, spent_text, started_text, state_text, tone_of
from i3desk.runs.list_model import SUMMARY_ROLE
from i3desk.style import palette
from i3desk.style.theme import Theme, sized
from i3desk.widgets.list_painting import RIGHT, Index, TitleEditing, muted_colour, paint_box, paint_text

PADDING = 12
ABOVE = 9
BETWEEN = 3
CHECK = 16
CHECK_MARGIN = 6  # so that a finger hits it
DOT = 7
LOSS_WIDTH, TIME_WIDTH = 80, 124
SPARKLINE_WIDTH, SHORT_SPARKLINE_WIDTH = 120, 72
WIDE, MEDIUM = 600, 400
GAP = 20
_STATE = QStyle.StateFlag


@dataclass(frozen=True)
class RowLayout:
    """The columns of a row; empty rectangles if there is no room for them."""

    check: QRect
    text: QRect
    sparkline: QRect
    loss: QRect
    time: QRect


def row_layout(row: QRect) -> RowLayout:
    """Divide a row; a narrow one has fewer columns."""
    check = QRect(row.left() + PADDING, row.center().y() - CHECK // 2 + 1, CHECK, CHECK)
    right = row.right() - PADDING
    inside = row.adjusted(0, ABOVE, 0, -ABOVE)

    def column(width: int) -> QRect:
        nonlocal right
        if not width:
            return QRect()
        made = QRect(right - width + 1, inside.top(), width, inside.height())
        right -= width + GAP
        return made

    wide, medium = row.width() >= WIDE, row.width() >= MEDIUM
    time = column(TIME_WIDTH if wide else 0)
    loss = column(LOSS_WIDTH)
    sparkline = column(SPARKLINE_WIDTH if wide else SHORT_SPARKLINE_WIDTH if medium else 0)
    left = check.right() + PADDING
    text = QRect(left, inside.top(), max(0, right - left), inside.height())
    return RowLayout(check, text, sparkline.adjusted(0, 3, 0, -3) if sparkline else sparkline, loss, time)


class RunListDelegate(TitleEditing, QStyledItemDelegate):
    """Paints the rows and edits names in place.

    Attributes:
        colours: of the curves of compared runs, for their check marks, as in a legend.
    Signals:
        renamed(folder, name): emitted when the user typed another name.
    """

    renamed = Signal(object, str)
    editor_name = tr("Name of the run")

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.colours: dict[Path, str] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(200, _line(option.font, 14) + _line(option.font, 12) + 2 * ABOVE + BETWEEN)

    def check_rect(self, row: QRect) -> QRect:
        """Where a click adds a run to the selection."""
        return row_layout(row).check.adjusted(-CHECK_MARGIN, -CHECK_MARGIN, CHECK_MARGIN, CHECK_MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        summary: RunSummary = index.data(SUMMARY_ROLE)
        tokens, layout = self._theme.tokens, row_layout(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box, chosen = option.rect.adjusted(0, 0, 0, -1), bool(option.state & _STATE.State_Selected)
        if not paint_box(painter, box, option, tokens) and index.row() + 1 < index.model().rowCount():
            painter.fillRect(QRect(box.left() + PADDING, box.bottom() + 1, box.width() - 2 * PADDING, 1), tokens.border)
        self._paint_check(painter, layout.check, chosen, self.colours.get(summary.folder, tokens.accent))
        muted = muted_colour(option, tokens)

        upper, lower = _lines(layout.text, option.font)
        strong = sized(option.font, 14, QFont.Weight.DemiBold)
        paint_text(painter, upper, strong, tokens.text, summary.name)
        self._paint_state(painter, lower, option.font, muted, summary)
        if layout.sparkline:
            paint_sparkline(painter, QRectF(layout.sparkline), evenly(summary.sparkline), tokens.series_1)
        loss, which = best_of(summary)
        figures = sized(option.font, 13, QFont.Weight.DemiBold)
        figures.setFeature(QFont.Tag("tnum"), 1)
        upper, lower = _lines(layout.loss, option.font)
        paint_text(painter, upper, figures, tokens.text if loss is not None else muted, loss_text(loss), RIGHT)
        paint_text(painter, lower, sized(option.font, 12), muted, which, RIGHT)
        if layout.time:
            upper, lower = _lines(layout.time, option.font)
            paint_text(painter, upper, sized(option.font, 13), tokens.text, spent_text(summary.seconds), RIGHT)
            paint_text(painter, lower, sized(option.font, 12), muted, started_text(summary.started), RIGHT)
        painter.restore()

    def _paint_check(self, painter: QPainter, room: QRect, chosen: bool, colour: str) -> None:
        tokens, box = self._theme.tokens, QRectF(room).adjusted(0.75, 0.75, -0.75, -0.75)
        painter.setPen(QPen(QColor(colour if chosen else palette.mix(tokens.border, tokens.muted, 0.5)), 1.5))
        painter.setBrush(QColor(colour) if chosen else QColor(tokens.surface))
        painter.drawRoundedRect(box, 4, 4)
        if chosen:
            pen = QPen(QColor(tokens.surface), 1.8)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            at = box.topLeft()
            painter.drawPolyline([at + QPointF(3.6, 7.4), at + QPointF(6.2, 10.0), at + QPointF(10.9, 4.8)])

    def _paint_state(self, painter: QPainter, room: QRect, font: QFont, muted: str, summary: RunSummary) -> None:
        colour = getattr(self._theme.tokens, tone_of(summary.status.state))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(QRectF(room.left(), room.center().y() - DOT / 2 + 1, DOT, DOT))
        small = sized(font, 12, QFont.Weight.Medium)
        words = state_text(summary)
        room = room.adjusted(DOT + 6, 0, 0, 0)
        paint_text(painter, room, small, colour if colour != self._theme.tokens.muted else muted, words)
        room.setLeft(room.left() + QFontMetrics(small).horizontalAdvance(words))
        made_of = made_of_text(summary)
        if made_of and room.width() > 40:
            paint_text(painter, room, sized(font, 12), muted, f"  ·  {made_of}")

    def rename(self, index: Index, title: str) -> None:
        self.renamed.emit(index.data(SUMMARY_ROLE).folder, title)

    def editor_rect(self, row: QRect) -> QRect:
        text = row_layout(row).text
        return QRect(text.left() - 9, row.center().y() - 17, text.width() + 9, 34)


def _line(font: QFont, pixels: int) -> int:
    return QFontMetrics(sized(font, pixels)).height()


def _lines(room: QRect, font: QFont) -> tuple[QRect, QRect]:
    """The two lines of text of a column."""
    upper = QRect(room.left(), room.top(), room.width(), _line(font, 14))
    return upper, QRect(room.left(), upper.bottom() + 1 + BETWEEN, room.width(), _line(font, 12))
