"""Light or dark colours of the application; may follow the system."""

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

from i3desk.language import tr
from i3desk.style import palette
from i3desk.style.palette import BODY_PX

CHOICES = {"system": tr("System"), "light": tr("Light"), "dark": tr("Dark")}
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
        changed: Emitted when other colours are in use.
    """

    changed = Signal()

    def __init__(
        self, app: QApplication, choice: str = "system", parent: QObject | None = None, with_style_sheet: bool = True
    ) -> None:
        """Set the colours. Without `with_style_sheet`, `apply` sets the sheet: until then, widgets are made faster."""
        super().__init__(parent)
        self._app = app
        self._has_style_sheet = with_style_sheet
        app.setStyle("Fusion")
        app.setFont(palette.interface_font())
        self.choice = self._set_scheme(choice)
        self.tokens = self._tokens_of_scheme()
        self._set_colours()
        app.styleHints().colorSchemeChanged.connect(self._refresh)

    def choose(self, choice: str) -> None:
        """Use "light" or "dark", or follow the "system"; any other choice follows the system."""
        self.choice = self._set_scheme(choice)
        self._refresh()

    def system_scheme(self) -> Qt.ColorScheme:
        """The scheme that the system asks for; unknown counts as light."""
        return self._app.styleHints().colorScheme()

    def apply(self) -> None:
        """Set the style sheet if it is not set yet."""
        if not self._has_style_sheet:
            self._has_style_sheet = True
            self._app.setStyleSheet(palette.style_sheet(self.tokens))

    def _set_scheme(self, choice: str) -> str:
        """Set the platform's scheme, for title bars and native dialogs; returns the valid choice."""
        choice = choice if choice in _SCHEMES else "system"
        self._app.styleHints().setColorScheme(_SCHEMES[choice])
        return choice

    def _tokens_of_scheme(self) -> palette.Tokens:
        dark = self.choice == "dark" or (self.choice == "system" and self.system_scheme() == Qt.ColorScheme.Dark)
        return palette.DARK if dark else palette.LIGHT

    def _set_colours(self) -> None:
        if self._has_style_sheet:
            self._app.setStyleSheet("")  # replacing one sheet by another takes four times as long
        self._app.setPalette(palette.qt_palette(self.tokens))
        if self._has_style_sheet:
            self._app.setStyleSheet(palette.style_sheet(self.tokens))

    @Slot()
    def _refresh(self) -> None:
        tokens = self._tokens_of_scheme()
        if tokens is not self.tokens:
            self.tokens = tokens
            self._set_colours()
            self.changed.emit()


def sized(font: QFont, pixels: int, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """The font scaled as `pixels` is to BODY_PX, the nominal size of body text."""
    return QFont(_sized(font.key(), pixels, weight, font))


_SIZED: dict[tuple[str, int, QFont.Weight], QFont] = {}  # asking the system for the size of a font takes longer


def _sized(key: str, pixels: int, weight: QFont.Weight, font: QFont) -> QFont:
    known = _SIZED.get((key, pixels, weight))
    if known is None:
        known = _SIZED[key, pixels, weight] = QFont(font)
        known.setPixelSize(max(1, round(QFontInfo(font).pixelSize() * pixels / BODY_PX)))
        known.setWeight(weight)
    return known
