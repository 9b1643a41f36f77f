"""Deleted chats, models and runs are counted in the settings, come back from there or with Ctrl+Z, or are gone."""

from __future__ import annotations

import json
import shutil
from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from i3core.system import assets
from i3desk.conversations.store import Store
from i3desk.conversations.store.backups import copy_daily, daily_copies


@pytest.fixture
def listed(app, qtbot):
    """Opens Settings > Data, and returns the list."""

    def listed_():
        app.window.settings_button.click()
        return app.window.settings_page.data.deleted

    return listed_


def titles(app) -> list[str]:
    return [row.title for row in app.services.conversations.model.rows]


def copy_model(folder):
    shutil.copytree(assets.models()[assets.BUNDLED_MODEL], folder)
    return folder


def make_run(folder):
    folder.mkdir(parents=True)
    config = {"model": "tiny", "data": ["a.txt"]}
    (folder / "run.json").write_text(json.dumps({"config": config, "model": {}, "started": 1000.0}))
    (folder / "status.json").write_text(json.dumps({"state": "finished", "step": 3}))
    return folder


def press(qtbot, widget, name: str) -> None:
    def found() -> list[QPushButton]:
        return [each for each in widget.findChildren(QPushButton) if each.accessibleName() == name and each.isVisible()]

    qtbot.waitUntil(lambda: bool(found()))
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def test_ctrl_z_restores_chats_after_the_toast_is_gone(app, say, qtbot):
    for text in ("one", "two"):
        say(app, text)
        app.window.chat_page.start_new()
    app.actions.delete(1)
    app.actions.delete(2)
    app.window.toast.dismiss()
    edit = app.window.chat_page.composer.edit
    qtbot.keyClicks(edit, "draft")
    qtbot.keyClick(edit, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert titles(app) == []  # a text comes first
    edit.clear()
    qtbot.keyClick(edit, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert titles(app) == ["two"]
    qtbot.keyClick(edit, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert sorted(titles(app)) == ["one", "two"]


def test_deleted_chat_can_be_restored_after_a_restart(open_app, say, qtbot):
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    say(app, "keep me")
    app.actions.delete(1)
    open_app.close(app)
    app = open_app()
    app.window.settings_button.click()
    deleted = app.window.settings_page.data.deleted
    qtbot.waitUntil(lambda: "1 chat, kept" in deleted.summary.text())
    press(qtbot, deleted, "Show")
    press(qtbot, deleted, "Restore keep me")
    assert titles(app) == ["keep me"]
    qtbot.waitUntil(lambda: "Nothing" in deleted.summary.text())


def test_chat_removed_for_good_leaves_nothing_on_the_disk(app, say, qtbot, paths, listed):
    say(app, "a secret about xylophones")
    app.window.chat_page.start_new()
    say(app, "harmless")
    assert copy_daily(paths.conversations_file)
    app.actions.delete(1)
    deleted = listed()
    qtbot.waitUntil(lambda: len(deleted.items) == 1)
    press(qtbot, deleted, "Empty Recently deleted")
    qtbot.mouseClick(deleted.question.yes_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: deleted.items == ())
    files = [*paths.conversations_file.parent.glob("conversations*"), *daily_copies(paths.conversations_file)]
    content = b"".join(path.read_bytes() for path in files)
    assert b"xylophone" not in content
    assert b"harmless" in content
    with closing(Store(paths.conversations_file, recover=False)) as store:
        assert len(store.rows()) == 1


def test_deleted_model_and_run_are_counted_and_come_back(app, qtbot, paths, listed):
    model = copy_model(paths.models_folder / "my-model")
    run = make_run(paths.runs_folder / "my-run")
    services = app.services
    services.catalog.refresh()
    services.runs.refresh()
    qtbot.waitUntil(lambda: services.catalog.entry(model) is not None and services.runs.summary(run) is not None)
    deleted = listed()
    services.catalog.delete(model)
    qtbot.waitUntil(lambda: "Deleted “my-model”" in app.window.toast.text.text())
    services.runs.delete(run)
    qtbot.waitUntil(lambda: "Deleted “my-run”" in app.window.toast.text.text())
    qtbot.waitUntil(lambda: {item.kind for item in deleted.items} == {"model", "run"})
    assert deleted.summary.text().startswith("1 model, 1 run (")
    assert not model.exists()
    assert not run.exists()
    app.window.toast.dismiss()
    app.window.undo.undo()
    qtbot.waitUntil(run.exists)
    qtbot.waitUntil(lambda: services.runs.summary(run) is not None)
    press(qtbot, deleted, "Show")
    press(qtbot, deleted, "Restore my-model")
    qtbot.waitUntil(lambda: services.catalog.entry(model) is not None)
    assert (model / "config.json").is_file()
    qtbot.waitUntil(lambda: deleted.items == ())
