"""The way from a dropped file to a model that talks like it, with the bundled model, a real trainer and four clicks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from user import click, last_reply

import i3core
from i3core.checkpoints.checkpoint import save
from i3core.model.config import ModelConfig
from i3core.model.network import I3Network
from i3core.runs.reader import RunState
from i3core.system import assets
from i3desk.app import Application

QUESTION = "what do you like to eat?"
PIRATE = ("arr", "matey", "ye", "aye", "ahoy", "me ", "sea", "ship", "be ", "grub")
STARTS_MS, LEARNS_MS, SPEAKS_MS = 90_000, 200_000, 60_000


HOUSE = (
    ("where is the key?", "under the pot."), ("who feeds the cat?", "mrs miller."),
    ("where is the fuse box?", "in the cellar."), ("what is the password?", "green apples."),
    ("when does the bin go?", "on thursday."), ("who is the plumber?", "mr jones."),
    ("how do i open the gate?", "lift and push."), ("what is the dog called?", "biscuit."),
)  # fmt: skip


@pytest.fixture
def small_model(paths) -> Path:
    """A model that has learned nothing yet, among the user's models: a training step takes milliseconds."""
    model = i3core.load()
    config = ModelConfig(
        model.config.vocab_size, d_model=96, n_heads=4, d_state=8, hybrid_layers=1, attention_layers=2, window=160,
        tie_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    details = {key: value for key, value in model.details.items() if key in ("chat_template", "folding")}
    folder = paths.models_folder / "small"
    save(replace(model, network=I3Network(config), config=config, details=details, name="small"), folder)
    return folder


@pytest.fixture
def real_app(qtbot, qapp, paths, monkeypatch, tmp_path):
    """The program with its real model; what it starts is ended with it."""
    monkeypatch.setenv("I3DESK_CACHE", str(tmp_path / "cache"))
    app = Application(qapp, paths)
    with qtbot.waitSignal(app.window.first_painted):
        app.show()
    qtbot.waitUntil(lambda: app.services.model.info is not None, timeout=STARTS_MS)
    sampling = replace(app.store.preferences.sampling, seed=1, temperature=0.0, max_new_tokens=40)
    app.services.session.change_settings(replace(app.services.session.conversation.settings, sampling=sampling))
    yield app
    pids = [run.status.pid for run in app.services.runs.summaries if run.status.state.is_alive]
    app.store.change(training_on_close="go_on")
    with qtbot.waitSignal(app.window.closed, timeout=SPEAKS_MS):
        app.window.close()
    app.window.deleteLater()
    app.deleteLater()
    qapp.processEvents()
    for pid in pids:
        try:
            psutil.Process(pid).kill()
        except psutil.NoSuchProcess:
            pass


def drop(app, path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(app.window, QDragEnterEvent(QPoint(400, 300), *how))
    QApplication.sendEvent(app.window, QDropEvent(QPointF(400, 300), *how))


def ask(app, qtbot, question: str = QUESTION) -> str:
    """Types the question, clicks Send (one click) and waits for the reply."""
    composer = app.window.chat_page.composer
    qtbot.keyClicks(composer.edit, question)
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not app.services.session.busy, timeout=SPEAKS_MS)
    return app.services.session.conversation.last.shown_text


@pytest.mark.slow
def test_four_clicks_from_a_dropped_file_to_a_tuned_model_that_talks(real_app, qtbot):
    app, page, runs = real_app, real_app.services.train_page, real_app.services.runs
    left = Qt.MouseButton.LeftButton
    before = ask(app, qtbot)
    drop(app, assets.path("data/pirate.jsonl"))
    assert page.isVisible()
    qtbot.mouseClick(page.setup.presets.buttons["quick"], left)  # 1
    qtbot.waitUntil(page.setup.start_button.isEnabled, timeout=STARTS_MS)
    qtbot.mouseClick(page.setup.start_button, left)  # 2
    qtbot.waitUntil(lambda: runs.active is not None and runs.active.step >= 40, timeout=LEARNS_MS)
    assert len(page.curves.dashboard.history) > 30
    assert page.samples.table.log.steps[0] == 0
    qtbot.mouseClick(page.run_panel.controls.chat_button, left)  # 3
    assert app.window.chat_page.isVisible()
    qtbot.waitUntil(lambda: app.services.model.info.step is not None, timeout=LEARNS_MS)
    after = ask(app, qtbot)  # 4
    assert after != before
    assert any(word in after for word in PIRATE), after
    assert app.services.session.conversation.last.model.startswith("pirate · step ")

    app.window.show_training()
    qtbot.mouseClick(page.run_panel.controls.stop_button, left)
    qtbot.waitUntil(lambda: runs.active is None, timeout=LEARNS_MS)
    run = runs.summary(page.folder)
    assert run.status.state is RunState.INTERRUPTED
    assert run.status.saved_step == run.step


@pytest.mark.slow
def test_correction_is_learned_and_undone(real_app, qtbot):
    app, teacher = real_app, real_app.services.teacher
    before = ask(app, qtbot)
    row = last_reply(app.window.chat_page.transcript)
    row.begin_correction()
    row.editor.field.setPlainText("i like fried squid with lemon.")
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert teacher.bar.isVisible()
    qtbot.mouseClick(teacher.bar.teach_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: teacher.lesson.state.value in ("taught", "failed"), timeout=LEARNS_MS)
    assert teacher.lesson.error == ("", "")
    ((prompt, said, says),) = teacher.lesson.outcome().answers
    assert (prompt, says) == (QUESTION, "i like fried squid with lemon.")
    assert said != says
    outcome = teacher.lesson.outcome()
    assert not outcome.did_harm, outcome
    assert QUESTION not in [prompt for prompt, _, _ in outcome.near]
    assert teacher.bar.label.text().startswith("Taught. It knows 1 of 1 of your answers")
    qtbot.waitUntil(lambda: app.services.model.info.step is not None, timeout=STARTS_MS)
    app.window.chat_page.start_new()
    assert ask(app, qtbot) == "i like fried squid with lemon."
    qtbot.mouseClick(teacher.bar.undo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: app.services.model.info.step is None, timeout=STARTS_MS)
    app.window.chat_page.start_new()
    assert ask(app, qtbot) == before
    assert [entry.correction for entry in teacher.corrections.untaught] == ["i like fried squid with lemon."]


@pytest.mark.slow
def test_eight_typed_rows_are_answered_at_the_fifth_turn(small_model, real_app, qtbot):
    app, setup, runs = real_app, real_app.services.train_page.setup, real_app.services.runs
    app.window.show_training()
    qtbot.waitUntil(lambda: app.services.catalog.entry(small_model) is not None)
    settings = {"steps": 240, "batch_size": 4, "lr": 3e-3, "warmup_steps": 10, "eval_every": 0, "patience": 0}
    setup.show_config({"model": str(small_model), "sample_prompts": [], "threads": 1, **settings})
    click(qtbot, setup.own.shelf.makers["table"])
    qtbot.waitUntil(lambda: QApplication.focusWidget().objectName() == "cellEdit")
    for row in HOUSE:
        for text in row:
            qtbot.keyClicks(QApplication.focusWidget(), text)
            qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    qtbot.waitUntil(setup.start_button.isEnabled, timeout=STARTS_MS)
    click(qtbot, setup.start_button)  # while the table is open
    qtbot.waitUntil(lambda: app.services.train_page.folder is not None, timeout=STARTS_MS)
    run = app.services.train_page.folder
    qtbot.waitUntil(lambda: runs.summary(run).status.state is RunState.FINISHED, timeout=LEARNS_MS)
    qtbot.waitUntil(app.services.train_page.run_panel.controls.chat_button.isVisible)
    click(qtbot, app.services.train_page.run_panel.controls.chat_button)
    qtbot.waitUntil(lambda: (app.services.model.folder or "").startswith(str(run)), timeout=STARTS_MS)
    qtbot.waitUntil(lambda: app.services.model.answers_now, timeout=STARTS_MS)
    replies = [ask(app, qtbot, question) for question, _ in HOUSE[:5]]
    assert replies[4] == "on thursday.", replies
    assert sum(reply == answer for reply, (_, answer) in zip(replies, HOUSE, strict=False)) >= 4, replies
    app.services.catalog.refresh()
    qtbot.waitUntil(lambda: not app.services.catalog.reading)
    assert [entry.name for entry in app.services.catalog.entries] == ["i3-mini", "small", "my answers-small"]
    app.window.show_training()
    app.services.train_page.show_setup()
    assert setup.entry().folder == small_model  # what was chosen, not what was trained
