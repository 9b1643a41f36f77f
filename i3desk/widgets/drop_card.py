"""Drop a model folder from a file manager onto the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFrame

from i3desk.language import tr
from i3desk.widgets.basics import column_in, label

RADIUS = 12
LEAST_HEIGHT = 152
DASHES = [5, 4]  # pixels of line and of gap


class DropCard(QFrame):
    """Says that a model folder can be dropped anywhere on the window."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.setObjectName("drop")
        self._dragging = False
        self.setMinimumHeight(LEAST_HEIGHT)
        self.title = label(tone="muted", wrap=True)
        hint = label(tr("model.safetensors or pytorch_model.bin, config.json, tokenizer"), "muted", "small", wrap=True)
        column = column_in(self, None, margins=(16, 24, 16, 24), spacing=6)
        for text in (self.title, hint):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(text)
        column.addStretch(1)
        self.show_dragging(False)

    def show_dragging(self, dragging: bool) -> None:
        """Show whether something is being dragged over the window."""
        self._dragging = dragging
        self.title.setText(tr("Drop it to add it") if dragging else tr("Drop a model folder anywhere on the window"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self.palette()
        role = QPalette.ColorRole.Accent if self._dragging else QPalette.ColorRole.PlaceholderText
        pen = QPen(palette.color(role), 1)
        pen.setDashPattern(DASHES)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if self._dragging else 0.5)
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)


def dropped_paths(content: QMimeData) -> list[Path]:
    """The local folders and files that are being dragged; empty for anything else.

    The catalog checks in the background whether they contain a model.
    """
    if not content.hasUrls():
        return []
    return [Path(url.toLocalFile()) for url in content.urls() if url.isLocalFile()]
