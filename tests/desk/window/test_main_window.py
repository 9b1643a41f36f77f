"""The window as a whole: opening, closing, folding, names for everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from paths import REPOSITORY
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QLineEdit, QPlainTextEdit, QScrollBar
from user import click

from i3core.errors import CheckpointError
from i3core.runs.reader import RunState, RunStatus, RunSummary


def test_status_bar_shows_model_and_device_with_reason(app):
    status = app.window.statusBar()
    assert status.model.text() == "i3-mini · 10.4 M"
    assert status.device.text() == "CPU, 2 threads, float32 (no CUDA device found)"
    assert status.memory.text().endswith(" MB")


def test_every_control_has_name_and_tooltip(app, say):
    say(app, "hello")
    kinds = (QAbstractButton, QAbstractSlider, QLineEdit, QPlainTextEdit)
    controls = [control for kind in kinds for control in app.window.findChildren(kind)]
    controls = [control for control in controls if not isinstance(control, QScrollBar)]
    controls = [control for control in controls if control.isVisibleTo(app.window)]
    assert len(controls) > 20
    for control in controls:
        name = QAccessible.queryAccessibleInterface(control).text(QAccessible.Text.Name)
        assert name, control
        assert control.toolTip() or control.parentWidget().toolTip() or control.parent().parent().toolTip(), name


def test_panel_is_hidden_in_narrow_window(app, qtbot):
    window, page = app.window, app.window.chat_page
    window.resize(1280, 800)
    qtbot.waitUntil(page.panel.isVisible)
    window.resize(900, 600)
    qtbot.waitUntil(lambda: not page.panel.isVisible())
    qtbot.mouseClick(page.header.panel_button, Qt.MouseButton.LeftButton)
    assert page.panel.isVisible()
    window.resize(1280, 800)
    qtbot.waitUntil(page.panel.isVisible)
    assert window.width() == 1280


def test_long_texts_do_not_widen_window(open_app, say, qtbot, model):
    model.load_error = CheckpointError("The folder " + "fox" * 100 + " does not exist.", "Choose another one. " * 20)
    app = open_app()
    app.window.resize(900, 600)
    say(app, "hello " * 60)
    qtbot.waitUntil(app.window.chat_page.transcript.isVisible)
    assert app.window.minimumSizeHint().width() <= 900
    assert app.window.size().toTuple() == (900, 600)


def test_settings_page_opens_with_button_and_shortcut(app, qtbot):
    window = app.window
    qtbot.mouseClick(window.settings_button, Qt.MouseButton.LeftButton)
    assert window.settings_page.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert window.models_page.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.chat_page.isVisible()


def test_window_closes_cleanly_during_generation(app, say, qtbot, model, open_app):
    model.endless = True
    say(app, "go on and on", wait=False)
    qtbot.waitUntil(lambda: app.window.session.conversation.last.new_tokens > 0)
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
        assert not app.window.isVisible()
    assert not app.model_worker.running


def test_window_closes_cleanly_while_model_loads(open_app, qtbot, model):
    model.may_load.clear()
    app = open_app()
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
    assert not app.model_worker.running


def test_window_size_is_saved(open_app, qtbot):
    app = open_app()
    app.window.resize(1000, 700)
    qtbot.waitUntil(lambda: app.store.preferences.width == 1000)
    open_app.close(app)
    assert open_app().window.width() == 1000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_option_sets_colours(open_app, theme):
    app = open_app(theme=theme)
    picture = app.window.grab().toImage()
    corner = picture.pixelColor(picture.width() // 2, 20)
    assert (corner.lightness() > 128) == (theme == "light")


def test_torch_is_not_imported_before_first_paint(tmp_path):
    script = f"""
import sys
from pathlib import Path
from pathlib import Path
from i3desk.app import Application, create_qt_app
from i3desk.paths import Paths
qt_app = create_qt_app()
app = Application(qt_app, Paths.under(Path({str(tmp_path)!r})))
app.window.first_painted.disconnect()
def painted():
    print(sorted(name for name in ("torch", "numpy") if name in sys.modules))
    app.window.close()
app.window.first_painted.connect(painted)
app.window.closed.connect(qt_app.quit)
app.show()
qt_app.exec()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, cwd=REPOSITORY)
    assert done.stdout.strip() == "[]", done.stderr
    assert done.returncode == 0


def test_version_option_opens_no_window():
    environment = os.environ | {"QT_QPA_PLATFORM": "no such platform"}
    done = subprocess.run(
        [sys.executable, "-m", "i3desk", "--version"],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=REPOSITORY,
        env=environment,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("i3desk ")


def test_i3core_argument_runs_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "i3desk", "i3core", "--help"], capture_output=True, text=True, timeout=30, cwd=REPOSITORY
    )
    assert done.returncode == 0
    assert "train" in done.stdout


def test_focus_follows_the_page(open_app, qtbot):
    app = open_app()
    window = app.window
    for keys, page in (
        (Qt.Key.Key_2, window.train_page),
        (Qt.Key.Key_3, window.runs_page),
        (Qt.Key.Key_M, window.models_page),
    ):
        qtbot.keyClick(window, keys, Qt.KeyboardModifier.ControlModifier)
        assert window.pages.currentWidget() is page
        assert window.focusWidget() is page or page.isAncestorOf(window.focusWidget())
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.focusWidget() is window.chat_page.composer.edit


def test_restored_page_highlights_no_control(open_app):
    app = open_app()
    app.window.show_page(app.window.pages.indexOf(app.window.settings_page))
    open_app.close(app)
    again = open_app()
    assert again.window.pages.currentWidget() is again.window.settings_page
    assert again.window.focusWidget() is again.window.settings_page


def test_run_in_the_status_bar_asks_to_open_it(app, qtbot):
    status = app.window.status_bar
    running = RunStatus(RunState.RUNNING)
    status.show_training(RunSummary(Path("R&D"), "R&D", "", running, step=5, total_steps=10))
    assert status.training.accessibleName() == "training R&D 50%"
    with qtbot.waitSignal(status.training_requested):
        click(qtbot, status.training)
