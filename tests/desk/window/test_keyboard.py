"""Keys reach what the user looks at: Esc closes what is open, letters go into the message."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication
from run_folders import write_run
from user import click

ESC = Qt.Key.Key_Escape


def press_esc(qtbot) -> None:
    """Press Esc where the focus is."""
    qtbot.keyClick(QApplication.focusWidget(), ESC)


def test_no_shortcut_takes_esc_from_widgets(app):
    assert QKeySequence(ESC) not in [shortcut.key() for shortcut in app.window.findChildren(QShortcut)]


def test_esc_closes_the_form_of_a_download(app, qtbot):
    page = app.window.models_page
    click(qtbot, app.window.models_button)
    click(qtbot, page.download_button)
    assert page.downloads.form.isVisible()
    press_esc(qtbot)
    assert not page.downloads.form.isVisible()


def test_esc_closes_questions_about_a_run(open_app, qtbot, paths):
    write_run(paths.runs_folder / "pirate")
    app = open_app()
    qtbot.waitUntil(lambda: bool(app.services.runs.summaries))
    panel = app.window.train_page.run_panel
    click(qtbot, app.window.train_button)
    app.window.train_page.show_run(paths.runs_folder / "pirate")
    click(qtbot, panel.controls.export_button)
    assert panel.export_card.isVisible()
    press_esc(qtbot)
    assert not panel.export_card.isVisible()
    click(qtbot, panel.controls.compare_button)
    assert app.window.train_page.comparison.isVisible()
    press_esc(qtbot)
    assert not app.window.train_page.comparison.isVisible()


def test_esc_stops_a_reply_that_nothing_else_claims(app, say, qtbot, model):
    model.endless = True
    say(app, "go on", wait=False)
    qtbot.waitUntil(lambda: app.window.session.conversation.last.new_tokens > 0)
    press_esc(qtbot)
    qtbot.waitUntil(lambda: not app.window.session.busy)


@pytest.mark.parametrize("part", ["preset", "slider"])
def test_letters_typed_after_a_click_on_a_setting_go_into_the_message(app, qtbot, part):
    panel, edit = app.window.panel, app.window.chat_page.composer.edit
    click(qtbot, panel.presets.buttons["precise"] if part == "preset" else panel.rows["temperature"].slider)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_H)
    assert edit.toPlainText() == "h"
    assert edit.hasFocus()
