"""Chatting with a run that trains, and seeing a run again that kept running."""

from __future__ import annotations

import json
import time

from run_folders import write_run

from i3desk.workers.active_model import ModelState


def test_message_waits_for_the_first_checkpoint_of_a_running_run(open_app, say, qtbot, paths, model):
    folder = write_run(paths.runs_folder / "pirate", state="running")
    checkpoint = folder / "checkpoints" / "last"
    (checkpoint / "config.json").rename(folder / "kept.json")
    (checkpoint / "model.safetensors").rename(folder / "kept.safetensors")
    checkpoint.rmdir()
    app = open_app()
    app.store.change(training_on_close="go_on")
    qtbot.waitUntil(lambda: app.services.model.state is ModelState.READY and bool(app.services.runs.summaries))
    app.services.train_page.chat_requested.emit(str(folder))
    header, composer = app.window.chat_page.header, app.window.chat_page.composer
    assert "pirate" in header.chip.name.text()
    assert "pirate" in composer.edit.placeholderText()
    say(app, "hello", wait=False)
    reply = app.window.session.conversation.last
    assert not reply.ended
    assert reply.text == ""
    checkpoint.mkdir()
    (folder / "kept.safetensors").rename(checkpoint / "model.safetensors")
    (checkpoint / "config.json").write_text(json.dumps({"step": 3}))
    app.services.runs.refresh()
    qtbot.waitUntil(lambda: reply.ended, timeout=10_000)
    assert model.loaded[-1].folder == str(checkpoint)


def test_run_that_kept_running_is_shown_at_the_next_start(open_app, qtbot, paths):
    paths.training_file.parent.mkdir(parents=True, exist_ok=True)
    data = paths.training_file.with_name("data.txt")
    data.write_text("hello", encoding="utf-8")
    paths.training_file.write_text(json.dumps({"data": {str(data): 1.0}}), encoding="utf-8")
    write_run(paths.runs_folder / "pirate", state="running", started=time.time() - 60)
    app = open_app()
    app.store.change(training_on_close="go_on")
    page = app.window.train_page
    qtbot.waitUntil(lambda: page.folder == (paths.runs_folder / "pirate").resolve())
