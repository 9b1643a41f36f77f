"""Texts of users where Qt would read markup: tooltips, menus, buttons and message boxes."""

from __future__ import annotations

import html

from PySide6.QtGui import Qt


def tooltip_text(text: str) -> str:
    """A text for a tooltip, where Qt reads text with tags as HTML: it would show a false address, or load a picture."""
    return f'<p style="white-space:pre-wrap">{html.escape(text)}</p>' if Qt.mightBeRichText(text) else text


def menu_text(text: str) -> str:
    """A text for a menu or a button, where Qt reads "&" as the mark of a key."""
    return " ".join(text.split()).replace("&", "&&")
