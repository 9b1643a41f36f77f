"""Texts of users where Qt would read markup: tooltips, menus, buttons and message boxes."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from PySide6.QtGui import QFontMetrics, Qt, QTextLayout, QTextOption
from PySide6.QtWidgets import QApplication

from i3desk.style.theme import sized

TOOLTIP_PX = 12  # as in the style sheet
TOOLTIP_WIDTH = 320
LOOKED_AT = 1000  # characters
_IN_BRACKETS = re.compile(r" \(--[a-z][^()]*\)")
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def tooltip_text(text: str) -> str:
    """A text for a tooltip: plain, in lines of at most 320 pixels.

    Qt reads text with tags as HTML: it would show a false address, or load a picture.
    """
    lines = "\n".join(_wrapped(line) for line in text.split("\n"))
    return f'<p style="white-space:pre">{html.escape(lines)}</p>' if Qt.mightBeRichText(lines) else lines


@lru_cache(maxsize=1024)
def _wrapped(line: str) -> str:
    font = sized(QApplication.font(), TOOLTIP_PX)
    if QFontMetrics(font).horizontalAdvance(line) <= TOOLTIP_WIDTH:
        return line
    layout = QTextLayout(line, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    units, parts = line.encode("utf-16-le", "surrogatepass"), []  # Qt counts in them
    layout.beginLayout()
    while (part := layout.createLine()).isValid():
        part.setLineWidth(TOOLTIP_WIDTH)
        start, end = 2 * part.textStart(), 2 * (part.textStart() + part.textLength())
        parts.append(units[start:end].decode("utf-16-le", "surrogatepass").rstrip())
    layout.endLayout()
    return "\n".join(parts)


def without_options(text: str) -> str:
    """A message of i3core as the window says it: with the names of settings in place of the command line's options."""
    return _OPTION.sub(lambda found: f"“{found[1].replace('-', ' ').capitalize()}”", _IN_BRACKETS.sub("", text))


def is_right_to_left(text: str) -> bool:
    """Whether a text begins in a script such as Hebrew or Arabic: its first letter decides, as Unicode says."""
    kinds = map(unicodedata.bidirectional, text[:LOOKED_AT])
    return next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"


def menu_text(text: str) -> str:
    """A text for a menu or a button, where Qt reads "&" as the mark of a key."""
    return " ".join(text.split()).replace("&", "&&")
