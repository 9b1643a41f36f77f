"""Daily use of a chat: find words in it, change the size of its text, copy its code."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from user import click, last_reply, marked_words

from i3desk.preferences import read_preferences
from i3desk.style.zoom import can_zoom
from i3desk.widgets.text_block import TextBlock

CONTROL = Qt.KeyboardModifier.ControlModifier


def press(app, key: Qt.Key, modifiers=CONTROL) -> None:
    QTest.keyClick(app.window, key, modifiers)


@pytest.fixture
def talk(app, say):
    for text in ("the sea is big", "cats are small", "a boat on the SEA"):
        say(app, text)
    app.window.activateWindow()
    return app


def shown_marks(app) -> list[str]:
    return [word for row in app.window.chat_page.transcript.rows.values() for word in marked_words(row.text)]


def test_words_of_a_chat_are_found_one_after_the_other(talk, qtbot):
    app, bar = talk, talk.window.chat_page.find_bar
    press(app, Qt.Key.Key_F)
    assert bar.isVisible()
    assert bar.field.hasFocus()
    qtbot.keyClicks(bar.field, "sea")
    qtbot.waitUntil(lambda: bar.count.text() == "1 of 2 messages")
    qtbot.waitUntil(lambda: shown_marks(app) == ["sea"])
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    assert bar.count.text() == "2 of 2 messages"
    qtbot.waitUntil(lambda: "SEA" in shown_marks(app))
    click(qtbot, bar.next_button)  # the first follows the last
    assert bar.count.text() == "1 of 2 messages"
    qtbot.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert bar.count.text() == "2 of 2 messages"
    qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    assert not bar.isVisible()
    assert app.window.chat_page.composer.edit.hasFocus()


def test_missing_words_are_told_and_another_chat_closes_the_search(talk, qtbot):
    bar = talk.window.chat_page.find_bar
    press(talk, Qt.Key.Key_F)
    qtbot.keyClicks(bar.field, "elephant")
    qtbot.keyClick(bar.field, Qt.Key.Key_Return)
    assert bar.count.text() == "No matches"
    assert not bar.next_button.isEnabled()
    press(talk, Qt.Key.Key_N)
    assert not bar.isVisible()


@pytest.mark.skipif(not can_zoom(), reason="this Qt is scaled at its start only")
def test_window_is_zoomed_at_once_and_stays_so(talk, qtbot, paths):
    window, edit = talk.window, talk.window.chat_page.composer.edit
    edit.setFocus()
    size, ratio, font = window.size() * window.devicePixelRatioF(), window.devicePixelRatioF(), edit.font().pixelSize()
    try:
        press(talk, Qt.Key.Key_Plus)
        press(talk, Qt.Key.Key_Plus)
        qtbot.waitUntil(lambda: window.devicePixelRatioF() == 1.25 * ratio)  # all of it: text, icons and edges
        assert edit.font().pixelSize() == font
        qtbot.waitUntil(lambda: abs((window.size() * window.devicePixelRatioF() - size).width()) <= 2)
        qtbot.waitUntil(edit.hasFocus)
        qtbot.keyClicks(edit, "still here")
        assert edit.toPlainText() == "still here"
        talk.store.save()
        assert read_preferences(paths.settings_file).scale == 125
        for _ in range(9):
            press(talk, Qt.Key.Key_Minus)  # there is a smallest one
        qtbot.waitUntil(lambda: window.devicePixelRatioF() == 0.8 * ratio)
    finally:
        qtbot.waitUntil(window.isActiveWindow)
        press(talk, Qt.Key.Key_0)
        qtbot.waitUntil(lambda: window.devicePixelRatioF() == ratio)
    assert (window.size() * window.devicePixelRatioF() - size).width() <= 2


def test_text_of_chats_has_its_own_size(talk, qtbot, paths):
    row, composer = last_reply(talk.window.chat_page.transcript), talk.window.chat_page.composer
    before, height = row.text.fontMetrics().height(), row.height()
    click(qtbot, talk.window.settings_button)
    click(qtbot, talk.window.settings_page.text_choice.buttons["150"])
    assert row.text.fontMetrics().height() > 1.3 * before
    assert composer.edit.fontMetrics().height() > 1.3 * before
    click(qtbot, talk.window.chat_button)
    qtbot.waitUntil(lambda: last_reply(talk.window.chat_page.transcript).height() > height)
    talk.store.save()
    assert read_preferences(paths.settings_file).text_size == 150


def test_prompt_is_saved_used_with_its_blank_selected_and_removed(app, qtbot, paths):
    page = app.window.chat_page
    edit, menu = page.composer.edit, page.prompt_menu

    def entry(text):
        menu.aboutToShow.emit()
        return next(action for action in menu.actions() if action.text().startswith(text))

    assert not entry("No saved prompts").isEnabled()
    prompt = "🎂 Write a birthday card to {name} & family, "
    qtbot.keyClicks(edit, "x")
    page.composer.set_text(prompt + "warmly")
    entry("Save this message as a prompt").trigger()
    edit.clear()
    entry("🎂 Write a birthday card to {name} && family").trigger()
    assert edit.textCursor().selectedText() == "{name}"
    qtbot.keyClicks(edit, "Anna")
    assert edit.toPlainText() == prompt.replace("{name}", "Anna") + "warmly"
    app.store.save()
    assert read_preferences(paths.settings_file).prompts == (prompt + "warmly",)
    removal = entry("Remove").menu()
    removal.actions()[0].trigger()
    assert app.store.preferences.prompts == ()


def test_message_follows_the_direction_of_its_script(app):
    edit = app.window.chat_page.composer.edit
    for text, direction in (
        ("123 שלום, Anna", Qt.LayoutDirection.RightToLeft),
        ("Anna says שלום", Qt.LayoutDirection.LeftToRight),
        ("مرحبا", Qt.LayoutDirection.RightToLeft),
        ("", Qt.LayoutDirection.LeftToRight),
    ):
        edit.setPlainText(text)
        assert edit.layoutDirection() is direction, text


def test_code_is_copied_with_its_button(qtbot):
    text = TextBlock("Reply")
    qtbot.addWidget(text)
    text.resize(400, 200)
    text.show_markdown("Try this:\n\n```\na = 1\nprint(a)\n```\n\nand\n\n```\nb = 2\n```\n")
    text.show()
    buttons = [each for each in text.viewport().children() if each.isWidgetType() and each.isVisible()]
    assert len(buttons) == 2
    assert all(text.viewport().rect().contains(each.geometry().topRight()) for each in buttons)
    click(qtbot, buttons[0])
    assert QGuiApplication.clipboard().text() == "a = 1\nprint(a)"
    assert buttons[0].accessibleName() == "Copied"
    text.show_text("no code")
    assert not any(each.isVisible() for each in buttons)


def test_placeholder_goes_when_an_input_method_composes(app):
    edit = app.window.chat_page.composer.edit
    shown = edit.placeholderText()
    assert shown
    QApplication.sendEvent(edit, QInputMethodEvent("に", []))
    assert edit.placeholderText() == ""
    QApplication.sendEvent(edit, QInputMethodEvent("", []))
    assert edit.placeholderText() == shown
