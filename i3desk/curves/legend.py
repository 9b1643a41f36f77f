"""The legend of a plot: names and colours of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QPushButton, QWidget

from i3desk.language import tr
from i3desk.style.palette import mix
from i3desk.style.theme import Theme
from i3desk.widgets.basics import row_in
from i3desk.widgets.plain_text import tooltip_text

_DOT, _ICON_WIDTH = 8, 11  # a little room before the name


@dataclass(frozen=True)
class LegendEntry:
    """A curve in the legend."""

    key: str
    name: str
    token: str
    opacity: float = 1.0
    visible: bool = True


class CurvesLegend(QWidget):
    """Names and colours of the curves; a click hides or shows a curve.

    Signals:
        toggled(key, visible): emitted when a curve was clicked.
    """

    toggled = Signal(str, bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curveLegend")
        self._theme = theme
        self._entries: tuple[LegendEntry, ...] = ()
        self.buttons: dict[str, QPushButton] = {}
        self._row = row_in(self, spacing=4)
        theme.changed.connect(self._recolour)

    def show_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these entries."""
        if tuple(entries) == self._entries:
            return
        before, self._entries = self._entries, tuple(entries)
        if [entry.key for entry in before] != [entry.key for entry in self._entries]:
            for button in self.buttons.values():
                self._row.removeWidget(button)
                button.hide()
                button.deleteLater()
            self.buttons = {entry.key: self._make_button(entry) for entry in self._entries}
        for entry in self._entries:
            button = self.buttons[entry.key]
            button.setText(entry.name)
            button.setChecked(entry.visible)
        self._recolour()

    def _make_button(self, entry: LegendEntry) -> QPushButton:
        button = QPushButton()
        button.setProperty("kind", "quiet")
        button.setCheckable(True)
        button.setAccessibleName(tr("Curve: {name}").format(name=entry.name))
        button.setToolTip(tooltip_text(tr("Show or hide the curve “{name}”").format(name=entry.name)))
        button.clicked.connect(partial(self._on_clicked, entry.key))
        self._row.addWidget(button)
        return button

    def _on_clicked(self, key: str) -> None:
        self.toggled.emit(key, self.buttons[key].isChecked())

    @Slot()
    def _recolour(self) -> None:
        tokens = self._theme.tokens
        for entry in self._entries:
            colour = mix(tokens.surface, getattr(tokens, entry.token), entry.opacity)
            self.buttons[entry.key].setIcon(_dot(colour, tokens.muted))
            self.buttons[entry.key].setIconSize(QSize(_ICON_WIDTH, _DOT))


def _dot(colour: str, off_colour: str) -> QIcon:
    """A disc for a shown curve, a ring for a hidden one."""
    icon = QIcon()
    for scale in (1, 2):
        for state in (QIcon.State.On, QIcon.State.Off):
            image = QPixmap(QSize(_ICON_WIDTH, _DOT) * scale)
            image.setDevicePixelRatio(scale)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            shown = state == QIcon.State.On
            painter.setPen(Qt.PenStyle.NoPen if shown else QPen(QColor(off_colour), 1.25))
            painter.setBrush(QColor(colour) if shown else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QRectF(0, 0, _DOT, _DOT) if shown else QRectF(0.75, 0.75, _DOT - 1.5, _DOT - 1.5))
            painter.end()
            icon.addPixmap(image, QIcon.Mode.Normal, state)
    return icon
