"""The settings page says how to use a card that is there and not used, and only then."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from i3core.system.gpu import UnusableGpu

CARD = UnusableGpu("NVIDIA GeForce RTX 4070", "this torch has no CUDA", "Install torch with CUDA:", "pip install torch")


@pytest.fixture
def with_card(model):
    """The model is loaded on a machine with that card."""
    load = model.load

    def load_there(request, progressed):
        info, stream = load(request, progressed)
        return replace(info, device=f"CPU, float32 ({CARD.name} not used: {CARD.reason})", unusable_gpu=CARD), stream

    model.load = load_there
    return CARD


def test_the_card_is_told_with_a_line_to_copy(with_card, desk, qtbot):
    desk.window.show_page(desk.window._rail_buttons.id(desk.window.settings_button))
    graphics = desk.parts.settings_page.graphics
    assert graphics.isVisible()
    assert CARD.name in graphics.what.text()
    assert CARD.remedy in graphics.what.text()
    qtbot.mouseClick(graphics.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == CARD.command
    status = desk.window.status_bar.device
    assert CARD.name in status.text()
    assert "Graphics card" in status.toolTip()


def test_without_a_command_there_is_no_field(desk, qtbot):
    desk.window.show_page(desk.window._rail_buttons.id(desk.window.settings_button))
    graphics = desk.parts.settings_page.graphics
    graphics.show_unused(replace(CARD, command=""))
    assert graphics.isVisible()
    assert not graphics.command.isVisible()


def test_without_such_a_card_nothing_is_there(desk):
    desk.window.show_page(desk.window._rail_buttons.id(desk.window.settings_button))
    assert not desk.parts.settings_page.graphics.isVisible()
    assert "Graphics card" not in desk.window.status_bar.device.toolTip()
