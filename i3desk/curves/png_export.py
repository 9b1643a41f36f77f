"""Write a plot to a PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QImageWriter, QPainter
from PySide6.QtWidgets import QGraphicsView

from i3core.errors import I3Error
from i3core.system.files import replaced
from i3desk.language import tr
from i3desk.style.palette import Tokens

HEADING, MARGIN = 36, 12


def paint_picture(
    plot: QGraphicsView, title: str, curves: Sequence[tuple[str, str]], tokens: Tokens, scale: float
) -> QImage:
    """Paint the plot under `title` and its curves' names and colours (#RRGGBB), enlarged by `scale`."""
    size = QSize(plot.width() + 2 * MARGIN, plot.height() + HEADING + MARGIN)
    image = QImage(size * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(QColor(tokens.surface))
    painter = QPainter(image)
    _paint_heading(painter, QRectF(MARGIN, 4, plot.width(), HEADING - 4), title, curves, tokens)
    plot.render(painter, QRectF(MARGIN, HEADING, plot.width(), plot.height()), plot.rect())
    painter.end()
    return image


def _paint_heading(
    painter: QPainter, room: QRectF, title: str, curves: Sequence[tuple[str, str]], tokens: Tokens
) -> None:
    """Paint the title on the left, names and colours of the curves on the right."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    font = QFont()
    font.setPixelSize(12)
    painter.setFont(font)
    metrics = QFontMetricsF(font)
    right, middle = room.right(), Qt.AlignmentFlag.AlignVCenter
    for name, colour in reversed(curves):
        width = metrics.horizontalAdvance(name)
        painter.setPen(QColor(tokens.text))
        painter.drawText(QRectF(right - width, room.top(), width + 1, room.height()), middle, name)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(QRectF(right - width - 14, room.center().y() - 4, 8, 8))
        right -= width + 28
    font.setPixelSize(14)
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(QColor(tokens.text))
    width = max(0.0, right - room.left())
    shown = QFontMetricsF(font).elidedText(title, Qt.TextElideMode.ElideRight, width)
    painter.drawText(QRectF(room.left(), room.top(), width, room.height()), middle, shown)
    painter.restore()


def write_png(image: QImage, path: Path | str) -> str:
    """Write the picture to `path`; returns it. Raises I3Error if it cannot be written."""
    with replaced(path) as temporary:
        writer = QImageWriter(str(temporary), b"png")
        if not writer.write(image):
            raise I3Error(
                tr("{path} could not be written: {error}.").format(path=path, error=writer.errorString()),
                tr("Free some disk space or choose another folder; an existing file was not changed."),
            )
    return str(path)
