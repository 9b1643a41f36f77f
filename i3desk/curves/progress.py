"""The progress of a run in one line."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from i3desk.curves.number_format import count_text, figure_text, span_text
from i3desk.curves.overlays import plot_font
from i3desk.language import figure, tr
from i3desk.widgets.plain_text import tooltip_text


@dataclass(frozen=True)
class RunProgress:
    """Progress of a run; unknown values are None."""

    step: int = 0
    total_steps: int | None = None
    epoch: float | None = None
    eta_s: float | None = None
    tokens_per_second: float | None = None
    best: float | None = None

    def parts(self) -> list[tuple[str, int]]:
        """The texts in order, each with a rank: if room is short, high ranks are dropped first."""
        step = tr("step {step}").format(step=figure(self.step)) + (
            f" / {figure(self.total_steps)}" if self.total_steps else ""
        )
        parts = [(step, 0)]
        if self.epoch is not None:
            parts.append((tr("epoch {epoch}").format(epoch=figure(self.epoch, ".1f")), 3))
        if self.eta_s is not None:
            parts.append((tr("{span} left").format(span=span_text(self.eta_s)), 1))
        if self.tokens_per_second is not None:
            parts.append((tr("{count} tokens/s").format(count=count_text(self.tokens_per_second)), 4))
        if self.best is not None:
            parts.append((tr("best {figure}").format(figure=figure_text(self.best)), 2))
        return parts


class ProgressLine(QWidget):
    """Progress on one line, with the time left in bold."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress: RunProgress | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_progress(self, progress: RunProgress | None) -> None:
        """Show these numbers, or nothing."""
        self.progress = progress
        self.setToolTip(tooltip_text(self.text()))
        self.setAccessibleName(tr("Progress: {text}").format(text=self.text()))
        self.update()

    def text(self) -> str:
        """All parts as one text."""
        return "" if self.progress is None else " · ".join(text for text, _ in self.progress.parts())

    def sizeHint(self) -> QSize:
        return QSize(200, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.progress is None:
            return
        plain, strong = plot_font(12), plot_font(12, bold=True)
        parts = self.progress.parts()
        fonts = {rank: strong if rank == 1 else plain for _, rank in parts}
        gap = QFontMetricsF(plain).horizontalAdvance(" · ")

        def width() -> float:
            return sum(QFontMetricsF(fonts[rank]).horizontalAdvance(text) + gap for text, rank in parts) - gap

        while len(parts) > 1 and width() > self.width():
            parts.remove(max(parts, key=lambda part: part[1]))
        painter = QPainter(self)
        palette, left = self.palette(), 0.0
        for text, rank in parts:
            painter.setFont(plain)
            painter.setPen(palette.placeholderText().color())
            if left:
                painter.drawText(QRectF(left, 0, gap, self.height()), Qt.AlignmentFlag.AlignVCenter, " · ")
                left += gap
            painter.setFont(fonts[rank])
            if rank == 1:
                painter.setPen(palette.windowText().color())
            advance = QFontMetricsF(fonts[rank]).horizontalAdvance(text)
            painter.drawText(QRectF(left, 0, advance + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
            left += advance
