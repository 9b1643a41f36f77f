"""The chat page as the user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from user import click

from i3core.errors import CheckpointError, DeviceError
from i3desk.chat.message_cards import ContextMark
from i3desk.chat.message_widgets import ReplyMessageRow, UserMessageRow
from i3desk.chat.welcome import SUGGESTIONS


def shown(app, kind: type[QWidget]) -> list:
    """Widgets of one kind in the transcript, from top to bottom."""
    found = [widget for widget in app.window.chat_page.transcript.findChildren(kind) if widget.isVisible()]
    return sorted(found, key=lambda widget: widget.y())


def text_of(message) -> str:
    return message.text.toPlainText()


def test_first_start_shows_two_cards_and_no_settings(open_app, qtbot, paths):
    paths.settings_file.parent.mkdir(parents=True, exist_ok=True)
    paths.settings_file.write_text("{}")
    app = open_app()
    page = app.window.chat_page
    assert page.welcome.suggestions[0].isVisible()
    assert not page.panel.isVisible()
    qtbot.waitUntil(lambda: page.welcome.title.text() == "Say something to i3-mini")
    click(qtbot, page.header.panel_button)
    assert page.panel.isVisible()
    click(qtbot, page.welcome.lessons[0])
    assert app.window.train_page.isVisible()
    assert [Path(each).name for each in app.window.train_page.setup.choices.data] == ["pirate.jsonl"]


def test_own_text_is_taught_on_the_train_page(app, qtbot):
    click(qtbot, app.window.chat_page.welcome.lessons[-1])
    assert app.window.train_page.setup.data.zone.isVisible()


def test_further_settings_are_folded_and_their_changes_counted(app, qtbot):
    panel = app.window.panel
    assert panel.rows["temperature"].isVisible()
    assert not panel.rows["top_p"].isVisible()
    panel.use_seed(5)
    assert panel.rows["seed"].isVisible()
    assert panel.more.accessibleName() == "More · 1 changed"
    click(qtbot, panel.more)
    assert not panel.rows["seed"].isVisible()


def test_enter_sends_and_the_reply_appears(app, say, model):
    say(app, "tell me about the moon")

    assert [text_of(m) for m in shown(app, UserMessageRow)] == ["tell me about the moon"]
    reply = shown(app, ReplyMessageRow)[0]
    assert text_of(reply) == "the moon is a big rock."
    assert reply.message.facts() == "3 tokens · 180/s · seed 7321"
    assert model.asked[0].prompt == [{"role": "user", "content": "tell me about the moon"}]
    assert app.window.chat_page.header.title.text() == "tell me about the moon"
    assert app.window.chat_page.composer.edit.toPlainText() == ""


def test_shift_enter_starts_a_new_line(app, qtbot, model):
    edit = app.window.chat_page.composer.edit
    one_line = edit.height()
    qtbot.keyClicks(edit, "one")
    qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(edit, "two")

    assert edit.toPlainText() == "one\ntwo"
    assert edit.height() > one_line
    assert model.asked == []


def test_blank_messages_cannot_be_sent(app, qtbot, model):
    composer = app.window.chat_page.composer
    qtbot.keyClicks(composer.edit, "   ")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)

    assert not composer.send_button.isEnabled()
    assert shown(app, UserMessageRow) == []
    assert model.asked == []


def test_send_button_sends(app, qtbot):
    composer = app.window.chat_page.composer
    qtbot.keyClicks(composer.edit, "hello")
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: len(shown(app, ReplyMessageRow)) == 1)


@pytest.mark.parametrize("way", ["Esc", "button"])
def test_stopping_keeps_the_text_so_far(app, say, qtbot, model, way):
    model.endless = True
    say(app, "go on and on", wait=False)
    reply = shown(app, ReplyMessageRow)[0]
    qtbot.waitUntil(lambda: "big rock" in text_of(reply))
    composer = app.window.chat_page.composer
    if way == "Esc":
        qtbot.keyClick(composer.edit, Qt.Key.Key_Escape)
    else:
        qtbot.mouseClick(composer.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not app.window.session.busy)

    assert text_of(reply).startswith("the moon is a big rock.")
    assert reply.message.facts().endswith("stopped")
    assert composer.send_button.isVisible()
    assert not composer.stop_button.isVisible()


def test_fast_replies_are_drawn_in_batches(app, say, model, qtbot):
    model.words = tuple(f"word{number} " for number in range(2000))
    draws = []
    app.window.session.message_changed.connect(draws.append)
    say(app, "quick")

    assert text_of(shown(app, ReplyMessageRow)[0]).endswith("word1999")
    assert len(draws) < 200


def test_message_sent_while_loading_waits_for_the_model(open_app, say, qtbot, model):
    model.may_load.clear()
    app = open_app()
    say(app, "are you there?", wait=False)

    reply = shown(app, ReplyMessageRow)[0]
    assert "still loading" in reply.note.text()
    assert model.asked == []
    model.may_load.set()
    qtbot.waitUntil(lambda: text_of(reply) == "the moon is a big rock.")
    assert not reply.note.isVisible()


def test_queued_message_can_be_stopped(open_app, say, qtbot, model):
    model.may_load.clear()
    app = open_app()
    say(app, "never mind", wait=False)
    qtbot.keyClick(app.window.chat_page.composer.edit, Qt.Key.Key_Escape)
    model.may_load.set()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)

    assert "Stopped" in shown(app, ReplyMessageRow)[0].note.text()
    assert model.asked == []


def test_missing_model_says_what_to_do_and_can_be_tried_again(open_app, qtbot, model):
    model.load_error = CheckpointError("The folder fox does not exist.", "Choose another folder.")
    app = open_app()
    welcome = app.window.chat_page.welcome
    qtbot.waitUntil(welcome.load_button.isVisible)
    assert welcome.failure.what.text() == "The folder fox does not exist."
    assert welcome.failure.remedy.text() == "Choose another folder."
    assert "fox" in app.window.statusBar().device.text()

    model.load_error = None
    qtbot.mouseClick(welcome.load_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: app.window.statusBar().model.text() == "i3-mini · 10.4 M")
    assert welcome.suggestions[0].isVisible()


def test_message_to_a_missing_model_loads_it_again(open_app, say, qtbot, model):
    model.load_error = CheckpointError("The folder fox does not exist.", "Choose another folder.")
    app = open_app()
    qtbot.waitUntil(app.window.chat_page.welcome.load_button.isVisible)
    say(app, "hello")
    failure = shown(app, ReplyMessageRow)[0].failure
    assert failure.isVisible()
    assert failure.what.text() == "The folder fox does not exist."

    model.load_error = None
    qtbot.mouseClick(failure.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: text_of(shown(app, ReplyMessageRow)[0]) == "the moon is a big rock.")
    assert not failure.isVisible()


def test_failed_reply_keeps_its_text_and_can_be_tried_again(app, say, qtbot, model):
    model.speak_error = DeviceError("The memory ran out.", "Close other programs.")
    say(app, "hello")
    reply = shown(app, ReplyMessageRow)[0]
    assert text_of(reply) == "the moon"
    assert reply.failure.what.text() == "The memory ran out."
    assert reply.failure.remedy.text() == "Close other programs."

    model.speak_error = None
    qtbot.mouseClick(reply.failure.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not app.window.session.busy)
    again = shown(app, ReplyMessageRow)[0]
    assert text_of(again) == "the moon is a big rock."
    assert again.failure is None or not again.failure.isVisible()
    assert app.window.session.conversation.versions(again.message.number) == [2, 3]  # what was said before stays


def test_turns_without_an_answer_are_not_sent_to_the_model(app, say, model):
    model.words, model.finish_reason = (), "stop"
    say(app, "first")
    assert "an empty reply" in shown(app, ReplyMessageRow)[0].note.text()
    model.words = ("yes.",)
    say(app, "second")
    say(app, "third")

    assert [message["content"] for message in model.asked[-1].prompt] == ["second", "yes.", "third"]


def test_ctrl_n_starts_a_new_chat_without_late_pieces(app, say, qtbot, model):
    model.endless = True
    say(app, "go on", wait=False)
    qtbot.waitUntil(lambda: text_of(shown(app, ReplyMessageRow)[0]) != "")
    qtbot.keyClick(app.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)

    assert shown(app, UserMessageRow) == []
    assert app.window.chat_page.welcome.isVisible()
    assert app.window.chat_page.meter.text.text() == "0 / 512 tokens"
    model.endless = False
    say(app, "fresh")
    assert text_of(shown(app, ReplyMessageRow)[0]) == "the moon is a big rock."
    assert model.asked[-1].prompt == [{"role": "user", "content": "fresh"}]


def test_retry_answers_the_last_message_again(app, say, qtbot, model):
    say(app, "one")
    say(app, "two")
    last = shown(app, ReplyMessageRow)[1]
    model.words = ("something else",)
    qtbot.mouseClick(last.action_bar.retry_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: text_of(shown(app, ReplyMessageRow)[1]) == "something else")

    assert [message["content"] for message in model.asked[-1].prompt] == ["one", "the moon is a big rock.", "two"]


def test_copy_puts_the_reply_on_the_clipboard(app, say, qtbot):
    say(app, "hello")
    button = shown(app, ReplyMessageRow)[0].action_bar.copy_button
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert QGuiApplication.clipboard().text() == "the moon is a big rock."
    assert button.text() == "Copied"


def test_markup_is_shown_as_text(app, say, model):
    model.words = ("<b>bold</b> & <img src=x>",)
    say(app, "<i>hello</i>")

    assert text_of(shown(app, UserMessageRow)[0]) == "<i>hello</i>"
    assert text_of(shown(app, ReplyMessageRow)[0]) == "<b>bold</b> & <img src=x>"


def test_long_words_wrap_inside_the_column(app, say, model):
    model.words = ("x" * 2000,)
    say(app, "y" * 2000)

    for message in (*shown(app, UserMessageRow), *shown(app, ReplyMessageRow)):
        assert message.width() <= 640
        assert message.text.height() > 60


def test_turns_out_of_view_are_marked(app, say, model):
    say(app, "one")
    say(app, "two")
    assert shown(app, ContextMark) == []
    model.dropped_turns = 2
    say(app, "three")

    (mark,) = shown(app, ContextMark)
    one, two, _three = shown(app, UserMessageRow)
    assert mark.parent() is two
    assert one.findChild(QWidget, "veil").isVisible()
    assert two.findChild(QWidget, "veil") is None
    assert app.window.chat_page.meter.hint.isVisible()


def test_window_meter_and_the_status_bar_show_the_use(app, say):
    say(app, "hello")
    assert app.window.chat_page.meter.text.text() == "13 / 512 tokens"
    assert app.window.chat_page.meter.text.text() == "13 / 512 tokens"
    assert app.window.statusBar().speed.text() == "180 tokens/s"


def test_transcript_follows_new_text_only_at_the_end(app, say, qtbot, model):
    model.words = ("many words on many lines\n" * 30,)
    say(app, "one")
    transcript = app.window.chat_page.transcript
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    assert not transcript.jump_button.isVisible()

    model.may_speak.clear()
    say(app, "two", wait=False)
    bar.setValue(10)
    model.may_speak.set()
    qtbot.waitUntil(lambda: not app.window.session.busy)
    assert bar.value() == 10
    qtbot.mouseClick(transcript.jump_button, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum()
    assert not transcript.jump_button.isVisible()


def test_keyboard_scrolls_back_and_returns_to_the_end(app, say, qtbot, model):
    model.words = ("many words on many lines\n" * 60,)
    say(app, "one")
    edit, bar = app.window.chat_page.composer.edit, app.window.chat_page.transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    qtbot.keyClick(edit, Qt.Key.Key_PageUp)
    assert bar.value() == bar.maximum() - bar.pageStep()
    qtbot.keyClick(edit, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert bar.value() == bar.maximum()


def test_replies_are_capitalised_by_default(open_app, paths, say, qtbot):
    paths.settings_file.parent.mkdir(parents=True)
    paths.settings_file.write_text("{}")
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    say(app, "tell me about the moon")
    assert text_of(shown(app, ReplyMessageRow)[0]) == "The moon is a big rock."


def test_click_on_a_suggestion_sends_it(app, qtbot):
    qtbot.mouseClick(app.window.chat_page.welcome.suggestions[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(shown(app, ReplyMessageRow)) == 1)
    assert text_of(shown(app, UserMessageRow)[0]) == SUGGESTIONS[0]


def test_sending_an_unchanged_edit_ends_editing(app, say, qtbot):
    say(app, "hello")
    transcript = app.window.chat_page.transcript
    transcript.begin_edit(1)
    row = transcript.row_of(1)
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert row.editor is None
    assert row.hasFocus()
    assert len(app.window.session.conversation.messages) == 2


def test_sample_prompts_are_checked_against_the_vocabulary_of_the_model_to_be_trained(app, qtbot):
    prompts = app.window.train_page.setup.prompts
    prompts.show_prompts(["tell me about ☠"])
    qtbot.waitUntil(lambda: prompts.unreadable.text == "i3 can't read 1 character: ☠", timeout=20_000)
