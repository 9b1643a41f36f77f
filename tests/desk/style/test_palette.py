"""Colours: readable, complete, and from one source."""

from __future__ import annotations

import re
from collections.abc import Iterator
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


GROUNDS = ("bg", "surface", "raised", "accent_soft")
CONTROLS = re.compile(
    r"QPushButton|QToolButton|QLineEdit|QComboBox|SpinBox|QScrollBar::handle|#(composer|textValue|search|boxed|value|field"
    r"|titleEditor|bubbleEditor|runName|shownRunName|runNote)\b"
)
COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b")


def rules(tokens) -> Iterator[tuple[str, dict[str, str]]]:
    """Selectors and declarations of the style sheet."""
    sheet = re.sub(r"/\*.*?\*/", "", style_sheet(tokens), flags=re.DOTALL)
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        yield selectors.strip(), dict(re.findall(r"([\w-]+):\s*([^;]+);", body))


@THEMES
def test_text_is_readable_on_every_background(tokens):
    for ground in (getattr(tokens, name) for name in GROUNDS):
        assert contrast(tokens.text, ground) > 7
        for name in ("muted", "accent", "ok", "warn", "bad"):
            assert contrast(getattr(tokens, name), ground) >= 4.5, (name, ground)
    assert contrast(tokens.on_accent, tokens.accent) >= 4.5
    assert contrast(tokens.text, tokens.segment) >= 4.5
    for name in ("series_1", "series_2", "series_3"):
        assert contrast(getattr(tokens, name), tokens.surface) >= 3, name


@THEMES
def test_text_of_the_style_sheet_is_readable_on_its_background(tokens):
    for selectors, values in rules(tokens):
        text, ground = values.get("color", ""), values.get("background", "")
        if COLOUR.fullmatch(text) and COLOUR.fullmatch(ground):
            assert contrast(text, ground) >= 4.5, selectors
        elif COLOUR.fullmatch(text) and not selectors.startswith("#toast"):
            assert all(contrast(text, getattr(tokens, name)) >= 4.5 for name in ("bg", "surface")), selectors


@THEMES
def test_controls_and_their_focus_stand_out(tokens):
    checked = 0
    for selectors, values in rules(tokens):
        if not CONTROLS.search(selectors) or selectors.startswith("#toast") or ":disabled" in selectors:
            continue
        outlines = [value for key, value in values.items() if key.startswith("border") and COLOUR.search(value)]
        if "QScrollBar" in selectors:
            outlines.append(values["background"])
        filled = values.get("background") in (tokens.accent, mix(tokens.accent, tokens.text, 0.15))
        for outline in outlines:
            checked += 1
            (colour,) = COLOUR.findall(outline)
            assert filled or all(contrast(colour, getattr(tokens, name)) >= 3 for name in GROUNDS[:3]), selectors
    assert checked > 30


@THEMES
def test_every_button_and_field_shows_its_focus(tokens):
    sheet = dict(rules(tokens))
    for selector in (
        "QPushButton",
        "QToolButton",
        "QLineEdit#field",
        "#value",
        "#textValue",
        "#search",
        "#samples QComboBox",
    ):
        assert "2px" in sheet[f"{selector}:focus"]["border"], selector


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
