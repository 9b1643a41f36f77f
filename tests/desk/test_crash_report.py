"""Bugs: they reach the user with something to copy, and the log."""

from __future__ import annotations

import logging
import sys

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from i3desk.crash_report import CrashDialog, CrashReporter, start_log


@pytest.fixture
def reporter(app, monkeypatch):
    reporter = app.crash_reporter
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    reporter.install()
    return reporter


def test_unexpected_exception_opens_dialog_with_details(app, reporter, qtbot, capsys):
    try:
        raise ZeroDivisionError("a bug")
    except ZeroDivisionError:
        sys.excepthook(*sys.exc_info())

    dialog = app.window.findChild(CrashDialog)
    assert dialog.isVisible()
    assert "ZeroDivisionError: a bug" in dialog.details.toPlainText()
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err
    qtbot.mouseClick(dialog.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == dialog.details.toPlainText()
    qtbot.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    assert app.window.isVisible()


def test_exception_in_worker_opens_dialog(app, say, qtbot, model):
    model.speak_error = KeyError("layers.7")
    say(app, "hello")
    qtbot.waitUntil(lambda: app.window.findChild(CrashDialog) is not None)
    dialog = app.window.findChild(CrashDialog)
    assert "layers.7" in dialog.details.toPlainText()
    dialog.accept()


def test_errors_are_logged(paths):
    before = list(logging.getLogger().handlers)
    start_log(paths)
    try:
        logging.getLogger("i3desk.test").error("something to remember")
        assert "something to remember" in paths.log_file.read_text(encoding="utf-8")
    finally:
        for handler in set(logging.getLogger().handlers) - set(before):
            logging.getLogger().removeHandler(handler)
            handler.close()


def test_log_goes_to_stderr_without_writable_folder(paths):
    before = list(logging.getLogger().handlers)
    paths.log_file.parent.parent.mkdir(parents=True, exist_ok=True)
    paths.log_file.parent.write_text("a file where the folder should be", encoding="utf-8")
    start_log(paths)
    added = set(logging.getLogger().handlers) - set(before)
    assert [type(handler) for handler in added] == [logging.StreamHandler]
    for handler in added:
        logging.getLogger().removeHandler(handler)


def test_removed_reporter_restores_python_handler(paths, monkeypatch, qapp):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    reporter = CrashReporter(paths)
    reporter.install()
    reporter.remove()
    assert sys.excepthook is sys.__excepthook__
