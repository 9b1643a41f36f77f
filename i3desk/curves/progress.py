"""How a run stands, in one line."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from i3desk.curves.number_format import count_text, figure_text, span_text
from i3desk.curves.overlays import plot_font


@dataclass(frozen=True)
class RunProgress:
    """How a run stands; what is not known is None."""

    step: int = 0
    total_steps: int | None = None
    epoch: float | None = None
    eta_s: float | None = None
    tokens_per_second: float | None = None
    best: float | None = None

    def parts(self) -> list[tuple[str, int]]:
        """Texts in their order, each with its rank: where room is short, high ranks go first."""
        step = f"step {self.step:,}" + (f" / {self.total_steps:,}" if self.total_steps else "")
        told = [(step, 0)]
        if self.epoch is not None:
            told.append((f"epoch {self.epoch:.1f}", 3))
        if self.eta_s is not None:
            told.append((f"{span_text(self.eta_s)} left", 1))
        if self.tokens_per_second is not None:
            told.append((f"{count_text(self.tokens_per_second)} tokens/s", 4))
        if self.best is not None:
            told.append((f"best {figure_text(self.best)}", 2))
        return told


class ProgressLine(QWidget):
    """Progress on one line; the time left is what people look for, so it is strong."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.progress: RunProgress | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_progress(self, progress: RunProgress | None) -> None:
        """Show these numbers, or nothing."""
        self.progress = progress
        self.setToolTip(self.text())
        self.setAccessibleName(f"Progress: {self.text()}")
        self.update()

    def text(self) -> str:
        """All of it."""
        return "" if self.progress is None else " · ".join(text for text, _ in self.progress.parts())

    def sizeHint(self) -> QSize:
        return QSize(200, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(40, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.progress is None:
            return
        plain, strong = plot_font(12), plot_font(12, bold=True)
        told = self.progress.parts()
        fonts = {rank: strong if rank == 1 else plain for _, rank in told}
        gap = QFontMetricsF(plain).horizontalAdvance(" · ")

        def width() -> float:
            return sum(QFontMetricsF(fonts[rank]).horizontalAdvance(text) + gap for text, rank in told) - gap

        while len(told) > 1 and width() > self.width():
            told.remove(max(told, key=lambda part: part[1]))
        painter = QPainter(self)
        palette, left = self.palette(), 0.0
        for text, rank in told:
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
