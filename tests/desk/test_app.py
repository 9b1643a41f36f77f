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


def test_a_second_start_brings_the_window_to_the_front_with_its_model(desk, qtbot, model):
    desk.window.showMinimized()
    desk.call("/models/fox")
    assert desk.window.isVisible()
    assert not desk.window.isMinimized()
    qtbot.waitUntil(lambda: desk.window.session.model.info.name == "fox")


def test_the_model_of_last_time_is_loaded_again(open_desk, qtbot, model):
    desk = open_desk()
    qtbot.waitUntil(lambda: desk.window.session.model.info is not None)
    desk.parts.use_model("/models/fox", "int8")
    qtbot.waitUntil(lambda: desk.window.session.model.info.name == "fox")
    open_desk.close(desk)
    again = open_desk()
    qtbot.waitUntil(lambda: again.window.session.model.info is not None)
    assert model.loaded[-1].folder == "/models/fox"


def test_a_model_that_is_gone_gives_way_to_the_bundled_one(open_desk, qtbot, model, places):
    places.settings_file.parent.mkdir(parents=True)
    places.settings_file.write_text(json.dumps({"model": "/models/gone"}), encoding="utf-8")
    load = model.load

    def picky(request, progressed):
        if request.folder:
            raise CheckpointError("There is no model folder '/models/gone'.", "Choose another one.")
        return load(request, progressed)

    model.load = picky
    desk = open_desk()
    qtbot.waitUntil(lambda: desk.window.session.model.info is not None)
    assert desk.window.session.model.info.name == "i3-mini"
    assert "bundled model is used" in desk.window.toast.text.text()
    assert desk.store.preferences.model == ""


def test_a_message_that_waited_is_answered_by_the_model_that_came_instead(open_desk, say, qtbot, model, places):
    places.settings_file.parent.mkdir(parents=True)
    places.settings_file.write_text(json.dumps({"model": "/models/gone"}), encoding="utf-8")
    model.may_load.clear()
    load = model.load

    def picky(request, progressed):
        if request.folder:
            model.may_load.wait(10)
            raise CheckpointError("There is no model folder '/models/gone'.", "Choose another one.")
        return load(request, progressed)

    model.load = picky
    desk = open_desk()
    say(desk, "are you there?", wait=False)
    model.may_load.set()
    qtbot.waitUntil(lambda: not desk.window.session.any_busy)
    assert desk.window.session.conversation.last.shown_text == "the moon is a big rock."


def test_the_page_of_last_time_is_shown_again(open_desk, qtbot):
    desk = open_desk()
    desk.window.show_models()
    open_desk.close(desk)
    assert open_desk().window.models_page.isVisible()


def test_messages_that_cannot_be_stored_are_not_lost_by_closing(desk, say, qtbot, monkeypatch):
    say(desk, "one")
    window = desk.window

    def full(*_):
        raise I3Error("The disk is full.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "save_message", full)
        say(desk, "two")
        window.close()
        assert window.isVisible()
    number = window.session.conversation.id
    with qtbot.waitSignal(window.closed):
        window.again_button.click()
    store = Store(desk.parts.places.conversations_file)
    assert len(store.open(number).messages) == 4
    store.close()


def test_a_precision_that_this_machine_lacks_gives_way(open_desk, qtbot, model, places):
    places.settings_file.parent.mkdir(parents=True)
    places.settings_file.write_text(json.dumps({"precision": "int8"}), encoding="utf-8")
    load = model.load

    def picky(request, progressed):
        if request.precision == "int8":
            raise CheckpointError("int8 is for CPUs.", "Use bfloat16.")
        return load(request, progressed)

    model.load = picky
    desk = open_desk()
    qtbot.waitUntil(lambda: desk.window.session.model.info is not None)
    assert desk.store.preferences.precision == "auto"


def test_another_model_can_be_chosen_from_the_chat(desk, qtbot):
    qtbot.waitUntil(lambda: any(entry.facts for entry in desk.parts.catalogue.entries))
    menu = desk.model_menu.menu
    menu.aboutToShow.emit()
    names = [action.text() for action in menu.actions()]
    assert names[0] == "i3-mini"
    assert menu.actions()[0].isChecked()
    menu.actions()[-1].trigger()
    assert desk.window.models_page.isVisible()


@pytest.mark.parametrize(("content", "scale"), [('{"scale": 150}', 150), ('{"scale": 1e9}', 0), ("[]", 0), ("{", 0)])
def test_the_size_of_the_interface_is_read_before_qt_starts(tmp_path, content, scale):
    places = Paths.under(tmp_path)
    assert saved_scale(places) == 0
    places.settings_file.write_text(content, encoding="utf-8")
    assert saved_scale(places) == scale


SCALED = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer
from i3desk.app import Application, create_application
from i3desk.paths import Paths
from i3desk.conversations.store import Store
places = Paths.under(Path(sys.argv[1]))
app = create_application(places)
desk = Application(app, places)
desk.window.first_painted.disconnect()
def look():
    window = desk.window
    print(window.devicePixelRatioF(), window.width() <= window.screen().availableGeometry().width(), flush=True)
    for page in range(window.pages.count()):
        window.show_page(page)
        app.processEvents()
        window.grab()
    window.close()
desk.window.first_painted.connect(look)
desk.window.closed.connect(app.quit)
desk.show()
app.exec()
"""


@pytest.mark.parametrize("scale", [100, 150, 200])
def test_the_window_fits_the_screen_at_every_size(tmp_path, scale):
    Paths.under(tmp_path).settings_file.write_text(json.dumps({"scale": scale}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCALED, str(tmp_path)], capture_output=True, text=True, timeout=60, cwd=REPOSITORY,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(scale / 100), "True"]
