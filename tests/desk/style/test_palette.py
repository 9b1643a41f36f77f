"""Colours: readable, complete, and from one source."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from PySide6.QtGui import QColor, QPalette

from i3desk.style.palette import DARK, LIGHT, mix, qt_palette, style_sheet

THEMES = pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2."""
    channels = (QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF())
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@THEMES
def test_text_is_readable_on_every_background(tokens):
    for ground in (tokens.bg, tokens.surface, tokens.raised, tokens.accent_soft):
        assert contrast(tokens.text, ground) > 7
    for ground in (tokens.bg, tokens.surface):
        assert contrast(tokens.muted, ground) > 4.5
    assert contrast(tokens.on_accent, tokens.accent) > 4.5
    assert contrast(tokens.bad, tokens.surface) > 4.5


@THEMES
def test_style_sheet_has_colour_for_every_name(tokens):
    sheet = style_sheet(tokens)
    assert "@" not in sheet
    assert tokens.accent in sheet


@THEMES
def test_qt_palette_holds_tokens(tokens):
    palette = qt_palette(tokens)
    assert palette.color(QPalette.ColorRole.Window) == QColor(tokens.bg)
    assert palette.color(QPalette.ColorRole.Accent) == QColor(tokens.accent)
    assert palette.color(QPalette.ColorRole.PlaceholderText) == QColor(tokens.muted)


def test_tokens_are_colours_and_can_be_mixed():
    assert all(QColor(value).isValid() for tokens in (LIGHT, DARK) for value in asdict(tokens).values())
    assert mix("#000000", "#FFFFFF", 0) == "#000000"
    assert mix("#000000", "#FFFFFF", 1) == "#FFFFFF"
