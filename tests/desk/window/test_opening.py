"""Files and folders named at the start, or by a second start: `i3desk PATH ...`, also from a file manager."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from paths import REPOSITORY

from i3core.system import assets
from i3desk.single_instance import StartRequest


@pytest.fixture
def opened_with(open_app, qtbot):
    """Starts the program with paths to open, and waits for its model."""

    def opened_with_(*paths):
        app = open_app(to_open=paths)
        qtbot.waitUntil(lambda: app.window.session.model.info is not None)
        return app

    return opened_with_


@pytest.fixture
def own_model(tmp_path):
    folder = tmp_path / "Modelle für Anna"
    shutil.copytree(assets.models()[assets.BUNDLED_MODEL], folder)
    return folder


@pytest.mark.parametrize("name", ["", "model.safetensors"])
def test_model_is_loaded_and_listed(opened_with, qtbot, own_model, name):
    app = opened_with(own_model / name)
    qtbot.waitUntil(lambda: app.window.session.model.info.name == own_model.name)
    assert app.window.chat_page.isVisible()
    assert app.services.catalog.entry(own_model) is not None


def test_chat_is_imported_and_shown(opened_with, qtbot, tmp_path):
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps({"messages": [{"role": "user", "content": "ahoy"}]}), encoding="utf-8")
    app = opened_with(chat)
    qtbot.waitUntil(lambda: [message.text for message in app.window.session.conversation.path()] == ["ahoy"])


def test_data_is_added_to_the_train_page_by_a_second_start(opened_with, qtbot, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the sea is calm. " * 50, encoding="utf-8")
    app = opened_with()
    app.window.showMinimized()
    app.on_second_start(StartRequest(paths=(text,)))
    assert app.window.train_page.isVisible()
    assert not app.window.isMinimized()
    assert [str(each) for each in app.window.train_page.setup.choices.data] == [str(text)]


def test_what_cannot_be_opened_is_named_and_the_last_model_stays(opened_with, qtbot, tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "locked").mkdir(mode=0)
    app = opened_with(tmp_path / "nothing")
    notice = app.window.models_page.notice
    for name in ("x" * 300, "locked/model", "photo.png"):
        qtbot.waitUntil(notice.isVisible)
        notice.hide()
        app.on_second_start(StartRequest(paths=(tmp_path / name,)))
    qtbot.waitUntil(notice.isVisible)
    assert app.window.session.model.info.name == "i3-mini"
    (tmp_path / "locked").chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="desktop entries")
def test_file_managers_offer_i3desk_for_what_it_opens():
    entry = (REPOSITORY / "packaging" / "linux" / "i3desk.desktop").read_text()
    types = next(line for line in entry.splitlines() if line.startswith("MimeType=")).removeprefix("MimeType=")
    assert "\nExec=i3desk %F\n" in entry
    assert {"inode/directory", "text/plain", "application/json", "application/jsonl"} <= set(types.split(";"))
