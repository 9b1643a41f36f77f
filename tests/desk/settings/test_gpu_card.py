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


def test_unused_gpu_is_shown_with_command_to_copy(with_card, app, qtbot):
    app.window.settings_button.click()
    gpu_card = app.services.settings_page.gpu_card
    assert gpu_card.isVisible()
    assert CARD.name in gpu_card.what.text()
    assert CARD.remedy in gpu_card.what.text()
    qtbot.mouseClick(gpu_card.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == CARD.command
    status = app.window.status_bar.device
    assert CARD.name in status.text()
    assert "Graphics card" in status.toolTip()


def test_gpu_without_command_shows_no_field(app, qtbot):
    app.window.settings_button.click()
    gpu_card = app.services.settings_page.gpu_card
    gpu_card.show_unused(replace(CARD, command=""))
    assert gpu_card.isVisible()
    assert not gpu_card.command.isVisible()


def test_card_is_hidden_without_unused_gpu(app):
    app.window.settings_button.click()
    assert not app.services.settings_page.gpu_card.isVisible()
    assert "Graphics card" not in app.window.status_bar.device.toolTip()
