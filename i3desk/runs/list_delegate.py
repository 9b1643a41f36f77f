"""Paint and edit a run in the list: name, state, model and data, loss curve, figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from i3core.runs.reader import RunSummary
from i3desk.curves.sparkline import evenly, paint_sparkline
from i3desk.runs.labels import best_of, loss_text, made_of_text, spent_text, started_text, state_text, tone_of
from i3desk.runs.list_model import SUMMARY_ROLE
from i3desk.style import palette
from i3desk.style.theme import Theme, sized
from i3desk.widgets.basics import named

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
MAX_NAME_LENGTH = 120
_STATE = QStyle.StateFlag
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
Index = QModelIndex | QPersistentModelIndex


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


class RunListDelegate(QStyledItemDelegate):
    """Paints the rows and edits names in place.

    Attributes:
        colours: of the curves of compared runs, for their check marks, as in a legend.
    Signals:
        renamed(folder, name): emitted when the user typed another name.
    """

    renamed = Signal(object, str)

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
        self._paint_box(painter, option, index)
        chosen = bool(option.state & _STATE.State_Selected)
        self._paint_check(painter, layout.check, chosen, self.colours.get(summary.folder, tokens.accent))
        muted = palette.mix(tokens.muted, tokens.text, 0.3) if chosen else tokens.muted

        upper, lower = _lines(layout.text, option.font)
        strong = sized(option.font, 14, QFont.Weight.DemiBold)
        _write(painter, upper, strong, tokens.text, summary.name)
        self._paint_state(painter, lower, option.font, muted, summary)
        if layout.sparkline:
            paint_sparkline(painter, QRectF(layout.sparkline), evenly(summary.sparkline), tokens.series_1)
        loss, which = best_of(summary)
        figures = sized(option.font, 13, QFont.Weight.DemiBold)
        figures.setFeature(QFont.Tag("tnum"), 1)
        upper, lower = _lines(layout.loss, option.font)
        _write(painter, upper, figures, tokens.text if loss is not None else muted, loss_text(loss), _RIGHT)
        _write(painter, lower, sized(option.font, 12), muted, which, _RIGHT)
        if layout.time:
            upper, lower = _lines(layout.time, option.font)
            _write(painter, upper, sized(option.font, 13), tokens.text, spent_text(summary.seconds), _RIGHT)
            _write(painter, lower, sized(option.font, 12), muted, started_text(summary.started), _RIGHT)
        painter.restore()

    def _paint_box(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        tokens, box = self._theme.tokens, option.rect.adjusted(0, 0, 0, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & _STATE.State_Selected:
            painter.setBrush(QColor(tokens.accent_soft))
            painter.drawRoundedRect(box, 8, 8)
        elif option.state & _STATE.State_MouseOver:
            painter.setBrush(QColor(tokens.raised))
            painter.drawRoundedRect(box, 8, 8)
        elif index.row() + 1 < index.model().rowCount():
            painter.fillRect(QRect(box.left() + PADDING, box.bottom() + 1, box.width() - 2 * PADDING, 1), tokens.border)
        if option.state & _STATE.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(tokens.accent), 1.5))
            painter.drawRoundedRect(QRectF(box).adjusted(1, 1, -1, -1), 7, 7)

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
        _write(painter, room, small, colour if colour != self._theme.tokens.muted else muted, words)
        room.setLeft(room.left() + QFontMetrics(small).horizontalAdvance(words))
        made_of = made_of_text(summary)
        if made_of and room.width() > 40:
            _write(painter, room, sized(font, 12), muted, f"  ·  {made_of}")

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QLineEdit:
        editor = named(QLineEdit(parent), "titleEditor")
        editor.setMaxLength(MAX_NAME_LENGTH)
        editor.setAccessibleName("Name of the run")
        editor.setToolTip("Enter saves the name, Esc restores the old one")
        return editor

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        assert isinstance(editor, QLineEdit)
        # Also called when the row changes while the user types, for example while the run trains.
        if not editor.property("filled"):
            editor.setProperty("filled", True)
            editor.setText(index.data(Qt.ItemDataRole.EditRole))
            editor.selectAll()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, QLineEdit)
        name = " ".join(editor.text().split())
        if name and name != index.data(Qt.ItemDataRole.EditRole):
            self.renamed.emit(index.data(SUMMARY_ROLE).folder, name)

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        text = row_layout(option.rect).text
        editor.setGeometry(text.left() - 9, option.rect.center().y() - 17, text.width() + 9, 34)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # A name is one line: Tab ends the edit like Enter, and does not start to edit the next name.
        tabs = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.key() in tabs:
            self.commitData.emit(watched)
            self.closeEditor.emit(watched)
            return True
        return super().eventFilter(watched, event)


def _line(font: QFont, pixels: int) -> int:
    return QFontMetrics(sized(font, pixels)).height()


def _lines(room: QRect, font: QFont) -> tuple[QRect, QRect]:
    """The two lines of text of a column."""
    upper = QRect(room.left(), room.top(), room.width(), _line(font, 14))
    return upper, QRect(room.left(), upper.bottom() + 1 + BETWEEN, room.width(), _line(font, 12))


def _write(
    painter: QPainter, room: QRect, font: QFont, colour: str, text: str, align: Qt.AlignmentFlag = _LEFT
) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    painter.drawText(room, align, QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, room.width()))
