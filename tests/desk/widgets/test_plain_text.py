"""Tooltips and menus show texts of users as they are."""

from __future__ import annotations

import ast
import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import REPOSITORY
from PySide6.QtGui import QFontMetrics, Qt
from PySide6.QtWidgets import QApplication, QLabel

from i3desk.style.theme import sized
from i3desk.widgets.plain_text import TOOLTIP_WIDTH, tooltip_text, without_options


@pytest.mark.usefixtures("qapp")
@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp")), max_size=200))
def test_tooltip_keeps_its_text_and_its_width(text):
    shown = tooltip_text(text)
    if Qt.mightBeRichText(shown):
        shown = html.unescape(re.fullmatch(r'<p style="white-space:pre">(.*)</p>', shown, re.DOTALL)[1])
    assert "".join(shown.split()) == "".join(text.split())
    measures = QFontMetrics(sized(QApplication.font(), 12))
    assert all(measures.horizontalAdvance(line) <= TOOLTIP_WIDTH + 2 for line in shown.split("\n"))


def test_tooltip_with_tags_shows_them(qtbot):
    label = QLabel(tooltip_text('<img src="/etc/x.png"> & <b>bold</b>'))
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.AutoText
    assert "<img" not in label.text()


def test_every_tooltip_goes_through_the_one_function():
    """A tooltip that takes a text of the user by another way would be read as HTML."""
    found = []
    for path in (REPOSITORY / "i3desk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setToolTip":
                (text,) = node.args
                is_safe = (
                    isinstance(text, ast.Constant) or getattr(getattr(text, "func", None), "id", "") == "tooltip_text"
                )
                found += [] if is_safe else [f"{path.relative_to(REPOSITORY)}:{node.lineno}"]
    assert not found


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Use a smaller batch (--batch-size) or fewer (--accumulate).", "Use a smaller batch or fewer."),
        ("Train a small adapter beside the model (--lora-rank 8).", "Train a small adapter beside the model."),
        ("Close other programs or lower --batch-size.", "Close other programs or lower “Batch size”."),
        ("A dash -- or a minus - stays, and so does pre--war.", "A dash -- or a minus - stays, and so does pre--war."),
    ],
)
def test_window_names_no_options_of_the_command_line(message, shown):
    assert without_options(message) == shown
