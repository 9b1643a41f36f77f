"""Colours of the palette, the style sheet, icons and plots; fonts of the interface."""

from __future__ import annotations

import string
from dataclasses import asdict, dataclass
from typing import TypeVar

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QWidget

from i3core.system import assets

AnyWidget = TypeVar("AnyWidget", bound=QWidget)

FONT_FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", ".AppleSystemUIFont", "Cantarell", "Noto Sans", "DejaVu Sans")
BODY_PX = 14


@dataclass(frozen=True)
class Tokens:
    """Colours by meaning, as #RRGGBB: `bg` of the window, `surface` of cards, `raised` of wells.

    `border` is a quiet line between parts; `control` outlines what can be used, at 3:1 or more.
    """

    bg: str
    surface: str
    raised: str
    border: str
    control: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    on_accent: str
    ok: str
    warn: str
    bad: str
    series_1: str
    series_2: str
    series_3: str
    segment: str


LIGHT = Tokens(
    bg="#F6F7F9", surface="#FFFFFF", raised="#EEF0F4", border="#E2E5EA", control="#7F8794", text="#1B1D22",
    muted="#5C6370", accent="#4258D6", accent_soft="#E8EBFC", on_accent="#FFFFFF", ok="#1A7549", warn="#8F5400",
    bad="#C23030", series_1="#4258D6", series_2="#C26E1A", series_3="#1F8A5B", segment="#FFFFFF",
)  # fmt: skip
DARK = Tokens(
    bg="#131418", surface="#1B1D22", raised="#25282F", border="#31353E", control="#747A86", text="#E9EAEE",
    muted="#9AA0AB", accent="#8C9BFF", accent_soft="#272C4A", on_accent="#10121A", ok="#55C794", warn="#E0A33E",
    bad="#F28585", series_1="#8C9BFF", series_2="#F0A65B", series_3="#55C794", segment="#3A3F49",
)  # fmt: skip


def mix(first: str, second: str, share: float) -> str:
    """The colour `share` of the way from `first` to `second`, as #RRGGBB."""
    a, b = QColor(first), QColor(second)
    channels = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return "#" + "".join(f"{round(x + (y - x) * share):02X}" for x, y in channels)


def qt_palette(tokens: Tokens) -> QPalette:
    """The tokens in Qt's roles: PlaceholderText is `muted`, Highlight and Accent are `accent`."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.bg,
        QPalette.ColorRole.WindowText: tokens.text,
        QPalette.ColorRole.Base: tokens.surface,
        QPalette.ColorRole.AlternateBase: tokens.raised,
        QPalette.ColorRole.Text: tokens.text,
        QPalette.ColorRole.Button: tokens.surface,
        QPalette.ColorRole.ButtonText: tokens.text,
        QPalette.ColorRole.BrightText: tokens.bad,
        QPalette.ColorRole.PlaceholderText: tokens.muted,
        QPalette.ColorRole.Highlight: tokens.accent,
        QPalette.ColorRole.HighlightedText: tokens.on_accent,
        QPalette.ColorRole.Accent: tokens.accent,
        QPalette.ColorRole.Link: tokens.accent,
        QPalette.ColorRole.LinkVisited: tokens.accent,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text,
        QPalette.ColorRole.Mid: tokens.border,
        QPalette.ColorRole.Dark: tokens.border,
        QPalette.ColorRole.Light: tokens.raised,
        QPalette.ColorRole.Shadow: tokens.border,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText, QPalette.ColorRole.WindowText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.muted))
    return palette


class _Sheet(string.Template):
    """A style sheet with `@token` for a colour; an unknown token is an error."""

    delimiter = "@"


def style_sheet(tokens: Tokens) -> str:
    """The style sheet assets/style/i3desk.qss with the colours filled in."""
    derived = {
        "accent_hover": mix(tokens.accent, tokens.text, 0.15),
        "bad_soft": mix(tokens.surface, tokens.bad, 0.07),
        "bad_line": mix(tokens.surface, tokens.bad, 0.35),
        "track": tokens.control,
    }
    sheet = assets.path("style/i3desk.qss").read_text(encoding="utf-8")
    return _Sheet(sheet).substitute(asdict(tokens), **derived)


def interface_font() -> QFont:
    """The first available interface font, at body size."""
    font = QFont()
    font.setFamilies(list(FONT_FAMILIES))
    font.setPixelSize(BODY_PX)
    return font


def tabular(widget: AnyWidget) -> AnyWidget:
    """Use figures of equal width, so that changing numbers do not move; returns `widget`."""
    font = widget.font()
    font.setFeature(QFont.Tag("tnum"), 1)
    widget.setFont(font)
    return widget


MONOSPACE_FAMILIES = ("JetBrains Mono", "SF Mono", "Menlo", "Cascadia Mono", "Consolas", "DejaVu Sans Mono")
