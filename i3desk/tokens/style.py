"""The look of chunks: font, visible white space, and the colours of surprise."""

from __future__ import annotations

import math
from functools import cache

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from i3desk.language import localised
from i3desk.style.palette import DARK, LIGHT, MONOSPACE_FAMILIES, Tokens, mix

CHUNK_PX = 14
MAX_BITS = 6.0  # of surprise; more has the same colour
LEVELS = 24
# Share of the colour in the strongest well, on which text stays readable (see test_view.py).
LIGHT_SHARE, DARK_SHARE = 0.7, 0.48
_VISIBLE = str.maketrans({" ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥"})


def chunk_font(pixels: int = CHUNK_PX, bold: bool = False) -> QFont:
    """The first available monospace font."""
    font = QFont()
    font.setFamilies(list(MONOSPACE_FAMILIES))
    font.setStyleHint(QFont.StyleHint.Monospace)
    font.setPixelSize(pixels)
    font.setBold(bold)
    return font


def tokens_in_use() -> Tokens:
    """The colours of the application's palette."""
    base = QApplication.palette().color(QPalette.ColorRole.Base)
    return DARK if base == QColor(DARK.surface) else LIGHT


def visible(text: str) -> str:
    """Replace spaces, line breaks and tabs by visible signs."""
    return text.translate(_VISIBLE)


def percent(probability: float) -> str:
    """Format a probability: "31 %", "0.4 %", "<0.1 %"."""
    value = 100 * probability
    if value >= 9.95:
        return f"{value:.0f} %"
    return localised(f"{value:.1f} %" if value >= 0.1 else "<0.1 %")


def surprise_level(probability: float) -> int:
    """Surprise -log2 p, from 0 to MAX_BITS, in LEVELS steps; 0 is certain."""
    bits = -math.log2(max(probability, 1e-12))
    return min(LEVELS, round(bits / MAX_BITS * LEVELS))


@cache
def surprise_colours(tokens: Tokens) -> tuple[QColor, ...]:
    """The colour of a well for each surprise level; level 0 is the background."""
    share = DARK_SHARE if tokens is DARK else LIGHT_SHARE
    return tuple(QColor(mix(tokens.surface, tokens.series_2, share * level / LEVELS)) for level in range(LEVELS + 1))
