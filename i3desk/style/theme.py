"""Light, dark, or as the system says: applies the palette to the application and follows changes."""

from __future__ import annotations

from PySide6.QtCore import (
    QObject,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QFont,
    QFontInfo,
)
from PySide6.QtWidgets import QApplication

from i3desk.style import palette
from i3desk.style.palette import BODY_PX

CHOICES = {"system": "System", "light": "Light", "dark": "Dark"}
_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Theme(QObject):
    """The application's colours.

    Attributes:
        choice: "system", "light" or "dark".
        tokens: the colours in use.
    Signals:
        changed: other colours are in use now.
    """

    changed = Signal()

    def __init__(
        self, app: QApplication, choice: str = "system", parent: QObject | None = None, dressed: bool = True
    ) -> None:
        """If not `dressed`, the style sheet waits for `apply`: until then, widgets are put together quickly."""
        super().__init__(parent)
        self._app = app
        self.choice = ""
        self.tokens = None
        self._dressed = dressed
        app.setStyle("Fusion")
        app.setFont(palette.interface_font())
        app.styleHints().colorSchemeChanged.connect(self._refresh)
        self.choose(choice)

    def choose(self, choice: str) -> None:
        """Use "light" or "dark", or follow the "system"; anything else follows the system."""
        self.choice = choice if choice in _SCHEMES else "system"
        # Also tells the platform, which colours title bars and native dialogs by it.
        self._app.styleHints().setColorScheme(_SCHEMES[self.choice])
        self._refresh()

    def system_scheme(self) -> Qt.ColorScheme:
        """What the system asks for; unknown where it does not say, which counts as light."""
        return self._app.styleHints().colorScheme()

    def apply(self) -> None:
        """Have the style sheet in force, if it is not yet."""
        if not self._dressed:
            self._dressed = True
            self._app.setStyleSheet(palette.style_sheet(self.tokens))

    @Slot()
    def _refresh(self) -> None:
        if self.choice == "system":
            dark = self.system_scheme() == Qt.ColorScheme.Dark
        else:
            dark = self.choice == "dark"
        tokens = palette.DARK if dark else palette.LIGHT
        if tokens is self.tokens:
            return
        self.tokens = tokens
        if self._dressed:
            self._app.setStyleSheet("")  # to go from one sheet to another takes four times as long
        self._app.setPalette(palette.qt_palette(tokens))
        if self._dressed:
            self._app.setStyleSheet(palette.style_sheet(tokens))
        self.changed.emit()


def sized(font: QFont, pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The font at `pixels` where body text has BODY_PX, in proportion to the size it really has."""
    result = QFont(font)
    result.setPixelSize(max(1, round(QFontInfo(font).pixelSize() * pixels / BODY_PX)))
    result.setWeight(weight)
    return result
