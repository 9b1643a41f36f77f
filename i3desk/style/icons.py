"""Icons: the SVG files in assets/icons, drawn in the colours of the palette."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from i3core.system import assets

# A mixin of a button is no button itself at run time: Qt's bindings allow one C++ base.
if TYPE_CHECKING:
    _Button = QAbstractButton
else:
    _Button = object

_SCALES = (1, 2)


@cache
def _source(name: str) -> str:
    return assets.path(f"icons/{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def pixmap(name: str, colour: str, size: int, scale: float = 1.0) -> QPixmap:
    """The icon in one colour, `size` logical pixels wide, at `scale` device pixels each."""
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    image = QPixmap(QSize(round(size * scale), round(size * scale)))
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(image.rect()))
    painter.end()
    image.setDevicePixelRatio(scale)
    return image


def icon(name: str, colour: QColor, checked: QColor | None = None, size: int = 18) -> QIcon:
    """The icon in one colour, and in another for a checked button."""
    return _icon(name, colour.name(), (checked or colour).name(), size)


@lru_cache(maxsize=256)
def _icon(name: str, off: str, on: str, size: int) -> QIcon:
    result = QIcon()
    for scale in _SCALES:
        result.addPixmap(pixmap(name, off, size, scale), QIcon.Mode.Normal, QIcon.State.Off)
        result.addPixmap(pixmap(name, on, size, scale), QIcon.Mode.Normal, QIcon.State.On)
    return result


def app_icon() -> QIcon:
    """The icon of i3desk, in the sizes that task bars and window lists use."""
    result = QIcon()
    for size in (16, 32, 48, 64, 128, 256):
        result.addPixmap(pixmap("i3desk", "", size))
    return result


class _Tinted(_Button):
    """A button whose icon follows the palette."""

    _icon: tuple[str, QPalette.ColorRole, int] | None = None

    def set_icon(
        self, name: str, role: QPalette.ColorRole = QPalette.ColorRole.PlaceholderText, size: int = 18
    ) -> None:
        """Show icon `name` in colour `role` of the palette, and in the accent when checked."""
        self._icon = (name, role, size)
        self._tint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._tint()

    def _tint(self) -> None:
        if self._icon is None:
            return
        name, role, size = self._icon
        colours = QApplication.palette()
        self.setIcon(icon(name, colours.color(role), colours.color(QPalette.ColorRole.Accent), size))
        self.setIconSize(QSize(size, size))


class IconPushButton(_Tinted, QPushButton):
    """A text button with an icon before its text."""


class IconToolButton(_Tinted, QToolButton):
    """A button with an icon, or with an icon above its text."""


class Dot(QLabel):
    """A small round light in one colour, for a state."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(8, 8)
        self.colour = QColor()

    def show_colour(self, colour: str) -> None:
        """Paint the dot in `colour`, as #RRGGBB."""
        self.colour = QColor(colour)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.colour)
        painter.drawEllipse(QRectF(self.rect()))
