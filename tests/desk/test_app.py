"""The program as a whole: a second start, a model that is gone, size of the interface, what is kept of the window."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from paths import REPOSITORY

from i3core.errors import CheckpointError, I3Error
from i3desk.app import saved_scale
from i3desk.conversations.store import Store
from i3desk.paths import Paths
from i3desk.single_instance import StartRequest


def test_second_start_shows_window_with_its_model(app, qtbot, model):
    app.window.showMinimized()
    app.on_second_start(StartRequest("/models/fox"))
    assert app.window.isVisible()
    assert not app.window.isMinimized()
    qtbot.waitUntil(lambda: app.window.session.model.info.name == "fox")


def test_last_model_is_loaded_again(open_app, qtbot, model):
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    app.services.use_model("/models/fox", "int8")
    qtbot.waitUntil(lambda: app.window.session.model.info.name == "fox")
    open_app.close(app)
    again = open_app()
    qtbot.waitUntil(lambda: again.window.session.model.info is not None)
    assert model.loaded[-1].folder == "/models/fox"


def test_missing_model_is_replaced_by_bundled_one(open_app, qtbot, model, paths):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text(json.dumps({"model": "/models/gone"}), encoding="utf-8")
    load = model.load

    def picky(request, progressed):
        if request.folder:
            raise CheckpointError("There is no model folder '/models/gone'.", "Choose another one.")
        return load(request, progressed)

    model.load = picky
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    assert app.window.session.model.info.name == "i3-mini"
    assert "bundled model is used" in app.window.toast.text.text()
    assert app.store.preferences.model == ""


def test_waiting_message_is_answered_by_replacement_model(open_app, say, qtbot, model, paths):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text(json.dumps({"model": "/models/gone"}), encoding="utf-8")
    model.may_load.clear()
    load = model.load

    def picky(request, progressed):
        if request.folder:
            model.may_load.wait(10)
            raise CheckpointError("There is no model folder '/models/gone'.", "Choose another one.")
        return load(request, progressed)

    model.load = picky
    app = open_app()
    say(app, "are you there?", wait=False)
    model.may_load.set()
    qtbot.waitUntil(lambda: not app.window.session.any_busy)
    assert app.window.session.conversation.last.shown_text == "the moon is a big rock."


def test_last_page_is_shown_again(open_app, qtbot):
    app = open_app()
    app.window.show_models()
    open_app.close(app)
    assert open_app().window.models_page.isVisible()


def test_messages_that_cannot_be_stored_are_not_lost_by_closing(app, say, qtbot, monkeypatch):
    say(app, "one")
    window = app.window

    def full(*_):
        raise I3Error("The disk is full.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "save_message", full)
        say(app, "two")
        window.close()
        assert window.isVisible()
    number = window.session.conversation.id
    with qtbot.waitSignal(window.closed):
        window.again_button.click()
    store = Store(app.services.paths.conversations_file)
    assert len(store.open(number).messages) == 4
    store.close()


def test_unsupported_precision_is_replaced_by_auto(open_app, qtbot, model, paths):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text(json.dumps({"precision": "int8"}), encoding="utf-8")
    load = model.load

    def picky(request, progressed):
        if request.precision == "int8":
            raise CheckpointError("int8 is for CPUs.", "Use bfloat16.")
        return load(request, progressed)

    model.load = picky
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    assert app.store.preferences.precision == "auto"


def test_model_menu_loads_another_model(app, qtbot):
    qtbot.waitUntil(lambda: any(entry.facts for entry in app.services.catalog.entries))
    menu = app.model_menu.menu
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names[0] == "i3-mini"
    assert menu.actions()[0].isChecked()
    menu.actions()[-1].trigger()
    assert app.window.models_page.isVisible()


@pytest.mark.parametrize(
    ("content", "scale"),
    [('{"scale": 150}', 150), ('{"scale": 0}', 100), ('{"scale": 1e9}', 100), ("[]", 100), ("{", 100)],
)
def test_interface_size_is_read_before_qt_starts(tmp_path, content, scale):
    paths = Paths.under(tmp_path)
    assert saved_scale(paths) == 100
    paths.settings_file.write_text(content, encoding="utf-8")
    assert saved_scale(paths) == scale


SCALED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from i3desk.app import Application, create_qt_app
from i3desk.paths import Paths
from i3desk.single_instance import StartRequest
from i3desk.conversations.store import Store
paths = Paths.under(Path(sys.argv[1]))
qt_app = create_qt_app(paths)
app = Application(qt_app, paths)
app.window.first_painted.disconnect()
def look():
    window = app.window
    print(window.devicePixelRatioF(), window.width() <= window.screen().availableGeometry().width(), flush=True)
    for page in range(window.pages.count()):
        window.show_page(page)
        qt_app.processEvents()
        window.grab()
    window.close()
app.window.first_painted.connect(look)
app.window.closed.connect(qt_app.quit)
app.show()
qt_app.exec()
"""


@pytest.mark.parametrize("scale", [100, 150, 200])
def test_window_fits_screen_at_every_interface_size(tmp_path, scale):
    Paths.under(tmp_path).settings_file.write_text(json.dumps({"scale": scale}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCALED, str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=REPOSITORY,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(scale / 100), "True"]
