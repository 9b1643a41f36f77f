"""The legend of the glass box's colours."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from i3desk.language import tr
from i3desk.tokens.style import surprise_colours, tokens_in_use
from i3desk.widgets.plain_text import tooltip_text


class TokenLegend(QWidget):
    """A line: "likely", a gradient, "unlikely"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Colours: from likely to unlikely"))
        self.setToolTip(tooltip_text(tr("The stronger the colour, the less likely the token; strongest from 1 in 64")))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = self.font()
        font.setPixelSize(12)
        self._font = font

    def sizeHint(self) -> QSize:
        return QSize(220, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_in_use()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        middle = Qt.AlignmentFlag.AlignVCenter
        left = painter.boundingRect(self.rect(), middle | Qt.AlignmentFlag.AlignLeft, tr("likely"))
        right = painter.boundingRect(self.rect(), middle | Qt.AlignmentFlag.AlignRight, tr("unlikely"))
        painter.drawText(left, middle, tr("likely"))
        painter.drawText(right, middle, tr("unlikely"))
        bar = QRectF(left.right() + 8.5, self.height() / 2 - 3.5, right.left() - left.right() - 17, 8)
        colours = surprise_colours(tokens)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for level, colour in enumerate(colours):
            gradient.setColorAt(level / (len(colours) - 1), colour)
        painter.setBrush(gradient)
        painter.setPen(QPen(QColor(tokens.border), 1))
        painter.drawRoundedRect(bar, 4, 4)
