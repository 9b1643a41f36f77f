"""The Help menu and the check for updates: real children, and a server on loopback that counts requests."""

from __future__ import annotations

import json
import logging
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices, QGuiApplication
from releases_server import PAGE, ReleasesServer

from i3core.version import __version__
from i3desk.help.guide_dialog import GuideDialog
from i3desk.help.report_dialog import PROBLEMS_PAGE, ReportDialog
from i3desk.help.update_check import WEEK_S, WeeklyCheck
from i3desk.preferences import SettingsStore, read_preferences

CHILD_MS = 30_000  # for a child to start and end on a busy machine


@pytest.fixture
def server(monkeypatch):
    with ReleasesServer() as running:
        monkeypatch.setenv("I3DESK_UPDATES_URL", running.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield running


@pytest.fixture
def browser(monkeypatch):
    """The addresses opened in the browser."""
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    return opened


@pytest.fixture
def check(server, app, qtbot):
    """Checks as the menu does; returns the dialog once it shows a result."""

    def check():
        action(app, "Check for updates…").trigger()
        dialog = app.help.updates
        qtbot.waitUntil(lambda: not dialog.busy.isVisible(), timeout=CHILD_MS)
        return dialog

    return check


def action(app, name):
    return next(each for each in app.help.menu.actions() if each.text().split("\t")[0] == name)


def press(qtbot, button):
    assert button.isVisible()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# --------------------------------------------------------------------------------------------------------- the menu


def test_menu_opens_with_its_button_and_its_key(app, qtbot):
    press(qtbot, app.window.help_button)
    assert [each.text() for each in app.help.menu.actions() if each.text()] == [
        "Getting started", "What can I train on?", "Keyboard shortcuts\tF1", "Licences…", "Check for updates…",
        "Report a problem…", "About i3desk",
    ]  # fmt: skip
    assert app.help.menu.isVisible()
    app.help.menu.close()
    app.window.activateWindow()
    qtbot.keyClick(app.window, Qt.Key.Key_H, Qt.KeyboardModifier.AltModifier)
    assert app.help.menu.isVisible()
    qtbot.keyClick(app.help.menu, Qt.Key.Key_Return)  # its first line
    (dialog,) = app.window.findChildren(GuideDialog)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_rail_fits_into_smallest_window(app, qtbot):
    app.window.resize(900, 600)
    qtbot.waitUntil(lambda: app.window.height() == 600)
    for button in (app.window.models_button, app.window.settings_button, app.window.help_button):
        assert button.height() >= 52
        assert button.parentWidget().rect().contains(button.geometry())
    assert app.window.models_button.geometry().bottom() < app.window.settings_button.geometry().top()


@pytest.mark.parametrize(("name", "card"), [("Keyboard shortcuts", "shortcuts"), ("About i3desk", "about")])
def test_menu_entry_shows_its_card(app, qtbot, name, card):
    action(app, name).trigger()
    page = app.window.settings_page
    shown = getattr(page, card)
    qtbot.waitUntil(lambda: not shown.visibleRegion().isEmpty())
    assert page.isVisible()


def test_report_of_a_problem_copies_versions_model_and_log(app, qtbot, paths, browser):
    paths.log_file.parent.mkdir(parents=True, exist_ok=True)
    paths.log_file.write_text("\n".join(f"line {n}: something happened" for n in range(2000)))
    action(app, "Report a problem…").trigger()
    (dialog,) = app.window.findChildren(ReportDialog)
    press(qtbot, dialog.copy_button)
    text = QGuiApplication.clipboard().text()
    assert text.startswith(f"i3desk {__version__}, Python ")
    assert "i3-mini" in text
    assert text.endswith("line 1999: something happened")
    assert len(text) < 20_000
    press(qtbot, dialog.page_button)
    assert browser == [PROBLEMS_PAGE]
    action(app, "Report a problem…").trigger()  # it is open already
    assert len(app.window.findChildren(ReportDialog)) == 1


def test_report_without_a_log_says_so(app, qtbot, paths):
    paths.log_file.unlink(missing_ok=True)
    action(app, "Report a problem…").trigger()
    (dialog,) = app.window.findChildren(ReportDialog)
    assert "The log is empty." in dialog.details.toPlainText()
    press(qtbot, dialog.close_button)


def test_menu_entry_lists_licences(app, qtbot):
    action(app, "Licences…").trigger()
    qtbot.waitUntil(lambda: app.help.licences.list.count() > 0)


# ------------------------------------------------------------------------------------------------------ asked by hand


def test_newer_version_is_shown_and_its_page_opened(server, check, qtbot, browser):
    server.publish("v99.0", "More of everything.")
    dialog = check()
    assert dialog.title.text() == "i3desk 99.0 is available"
    assert dialog.facts.text().startswith(f"Published on 1 March 2026. You have {__version__}.")
    assert dialog.notes.toPlainText() == "More of everything."
    assert browser == []
    press(qtbot, dialog.open_button)
    assert browser == [PAGE]


def test_notes_are_plain_text(server, check):
    server.publish("v99.0", "<b>bold</b> <img src='http://127.0.0.1:9/'>")
    assert check().notes.toPlainText() == "<b>bold</b> <img src='http://127.0.0.1:9/'>"


@pytest.mark.parametrize("version", [__version__, "0.0.1"])
def test_running_version_that_is_not_older_counts_as_latest(server, check, app, qtbot, version):
    server.publish(version)
    dialog = check()
    assert dialog.title.text() == f"i3desk {__version__} is up to date."
    assert not dialog.open_button.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert app.help.updates is None


@pytest.mark.parametrize(
    ("status", "body", "what", "remedy"),
    [
        (404, b"{}", "No version of i3desk has been published there yet.", "Look again in a few weeks."),
        (429, b"", "has been asked too often from this network and refuses for a while (status 429).",
         "Try again in an hour."),
        (200, b"<html>hotel</html>", "does not answer with the description of a version.", "log in"),
        (200, b"x" * 1_100_000, "answers with far more than the description of a version.", "Try again later."),
        (503, b"", "is busy or out of order (status 503).", "Try again later."),
    ],
)  # fmt: skip
def test_failed_check_says_what_to_do_and_can_be_repeated(server, check, qtbot, status, body, what, remedy):
    server.status, server.body = status, body
    dialog = check()
    assert dialog.notice.what.text().endswith(what)
    assert remedy in dialog.notice.remedy.text()
    assert dialog.notice.what.height() >= dialog.notice.what.heightForWidth(dialog.notice.what.width())
    server.publish("99.0")
    press(qtbot, dialog.again_button)
    qtbot.waitUntil(lambda: dialog.title.text() == "i3desk 99.0 is available", timeout=CHILD_MS)
    assert not dialog.notice.isVisible()


def test_closed_dialog_ends_the_check(server, app, qtbot):
    server.silent = True
    app.help.look_for_updates()
    dialog = app.help.updates
    assert dialog.title.text() == "Checking for updates…"
    qtbot.waitUntil(lambda: len(server.requests) == 1, timeout=CHILD_MS)
    assert app.help.check.running
    press(qtbot, dialog.close_button)
    assert app.help.updates is None
    qtbot.waitUntil(lambda: not app.help.check.running)


def test_check_started_while_a_cancelled_one_ends_returns_its_own_result(server, app, qtbot):
    server.silent = True
    app.help.look_for_updates()
    qtbot.waitUntil(lambda: len(server.requests) == 1, timeout=CHILD_MS)
    server.publish("99.0")
    server.silent = False
    app.help.updates.reject()
    assert app.help.check.running
    app.help.look_for_updates()
    dialog = app.help.updates
    qtbot.waitUntil(lambda: dialog.title.text() == "i3desk 99.0 is available", timeout=CHILD_MS)
    assert len(server.requests) == 2


def test_closed_window_ends_the_check(server, app, qtbot):
    server.silent = True
    app.help.look_for_updates()
    qtbot.waitUntil(lambda: len(server.requests) == 1, timeout=CHILD_MS)
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
    assert not app.help.check.running


def test_package_without_update_address_offers_no_check(open_app, qtbot, monkeypatch):
    monkeypatch.setenv("I3DESK_UPDATES_URL", "")
    app = open_app()
    assert "Check for updates…" not in [each.text() for each in app.help.menu.actions()]
    app.window.show_card(app.window.settings_page.about)
    assert app.window.settings_page.about.isVisible()
    assert not app.window.settings_page.updates.isVisible()
    app.store.change(look_for_updates=True)
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    assert not app.help.weekly.running


# ------------------------------------------------------------------------------------------------------- once a week


def test_no_request_without_consent(server, app, say, qtbot):
    server.publish("99.0")
    say(app, "hello")
    for button in ("train_button", "runs_button", "models_button", "settings_button"):
        getattr(app.window, button).click()
    assert not app.window.settings_page.updates.switch.isChecked()
    app.help.weekly.check_if_due()
    assert not app.help.weekly.running
    assert app.help.updates is None
    with qtbot.waitSignal(app.window.closed):
        app.window.close()
    assert server.requests == []


def test_switched_on_check_says_what_it_sends_and_shows_a_toast(server, app, qtbot, browser):
    server.publish("v99.0", "More of everything.")
    app.window.show_card(app.window.settings_page.about)
    card = app.window.settings_page.updates
    assert "No data about you is sent" in card.meaning.text()
    assert "127.0.0.1" in card.meaning.text()
    press(qtbot, card.switch)
    toast = app.window.toast
    qtbot.waitUntil(toast.isVisible, timeout=CHILD_MS)
    assert toast.text.text() == "i3desk 99.0 is available."
    assert app.help.updates is None
    press(qtbot, toast.action_button)
    assert app.help.updates.title.text() == "i3desk 99.0 is available"
    assert app.help.updates.notes.toPlainText() == "More of everything."
    assert len(server.requests) == 1  # the result is shown, not requested again
    assert browser == []


def test_weekly_check_runs_at_most_once_a_week(server, paths, qtbot):
    server.publish("0.0.1")
    paths.settings_file.parent.mkdir(parents=True)

    def start(days_ago: float, wanted: bool = True) -> WeeklyCheck:
        then = int(time.time() - days_ago * 24 * 3600)
        content = {"look_for_updates": wanted, "looked_for_updates": then}
        paths.settings_file.write_text(json.dumps(content), encoding="utf-8")
        weekly = WeeklyCheck(SettingsStore(paths.settings_file))
        weekly.start()
        return weekly

    for days_ago in (0, 1, 6.9):
        assert not start(days_ago).running
    assert not start(30, wanted=False).running
    weekly = start(7.1)
    with qtbot.assertNotEmitted(weekly.found):  # it is no newer version
        assert weekly.running
        qtbot.waitUntil(lambda: not weekly.running, timeout=CHILD_MS)
    assert len(server.requests) == 1
    weekly.check_if_due()
    assert not weekly.running
    qtbot.waitUntil(lambda: time.time() - read_preferences(paths.settings_file).looked_for_updates < 600)
    late = start(-1)  # the clock was wrong: better once too often than never again
    assert late.running
    late.shut_down()


def test_weekly_check_waits_for_the_model(server, open_app, paths, qtbot, model):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text('{"look_for_updates": true}', encoding="utf-8")
    model.may_load.clear()
    app = open_app()
    qtbot.wait(50)
    assert not app.help.weekly.running
    model.may_load.set()
    qtbot.waitUntil(lambda: len(server.requests) == 1, timeout=CHILD_MS)


def test_failed_weekly_check_is_only_logged(server, app, qtbot, caplog):
    caplog.set_level(logging.INFO, "i3desk.help.update_check")
    app.store.change(look_for_updates=True)
    assert app.help.weekly.running
    qtbot.waitUntil(lambda: not app.help.weekly.running, timeout=CHILD_MS)
    assert "No version of i3desk has been published" in caplog.text
    assert not app.window.toast.isVisible()
    assert app.help.updates is None
    assert time.time() - app.store.preferences.looked_for_updates < WEEK_S
