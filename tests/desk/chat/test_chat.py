"""The chat page as the user meets it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from i3core.errors import CheckpointError, DeviceError
from i3desk.chat.message_cards import ViewMark
from i3desk.chat.message_widgets import ReplyMessage, UserMessage
from i3desk.chat.welcome import SUGGESTIONS


def shown(desk, kind: type[QWidget]) -> list:
    """Widgets of one kind in the transcript, from top to bottom."""
    found = [widget for widget in desk.window.chat_page.transcript.findChildren(kind) if widget.isVisible()]
    return sorted(found, key=lambda widget: widget.y())


def text_of(message) -> str:
    return message.text.toPlainText()


def test_enter_sends_and_the_reply_appears(desk, say, model):
    say(desk, "tell me about the moon")

    assert [text_of(m) for m in shown(desk, UserMessage)] == ["tell me about the moon"]
    reply = shown(desk, ReplyMessage)[0]
    assert text_of(reply) == "the moon is a big rock."
    assert reply.message.facts() == "3 tokens · 180/s · seed 7321"
    assert model.asked[0].prompt == [{"role": "user", "content": "tell me about the moon"}]
    assert desk.window.chat_page.header.title.text() == "tell me about the moon"
    assert desk.window.chat_page.composer.edit.toPlainText() == ""


def test_shift_enter_begins_a_new_line(desk, qtbot, model):
    edit = desk.window.chat_page.composer.edit
    one_line = edit.height()
    qtbot.keyClicks(edit, "one")
    qtbot.keyClick(edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(edit, "two")

    assert edit.toPlainText() == "one\ntwo"
    assert edit.height() > one_line
    assert model.asked == []


def test_blank_messages_cannot_be_sent(desk, qtbot, model):
    composer = desk.window.chat_page.composer
    qtbot.keyClicks(composer.edit, "   ")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)

    assert not composer.send_button.isEnabled()
    assert shown(desk, UserMessage) == []
    assert model.asked == []


def test_the_send_button_sends(desk, qtbot):
    composer = desk.window.chat_page.composer
    qtbot.keyClicks(composer.edit, "hello")
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)

    qtbot.waitUntil(lambda: len(shown(desk, ReplyMessage)) == 1)


@pytest.mark.parametrize("way", ["Esc", "button"])
def test_stopping_keeps_what_was_said(desk, say, qtbot, model, way):
    model.endless = True
    say(desk, "go on and on", wait=False)
    reply = shown(desk, ReplyMessage)[0]
    qtbot.waitUntil(lambda: "big rock" in text_of(reply))
    composer = desk.window.chat_page.composer
    if way == "Esc":
        qtbot.keyClick(composer.edit, Qt.Key.Key_Escape)
    else:
        qtbot.mouseClick(composer.stop_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not desk.window.session.busy)

    assert text_of(reply).startswith("the moon is a big rock.")
    assert reply.message.facts().endswith("stopped")
    assert composer.send_button.isVisible()
    assert not composer.stop_button.isVisible()


def test_fast_replies_are_drawn_in_batches(desk, say, model, qtbot):
    model.words = tuple(f"word{number} " for number in range(2000))
    draws = []
    desk.window.session.message_changed.connect(draws.append)
    say(desk, "quick")

    assert text_of(shown(desk, ReplyMessage)[0]).endswith("word1999")
    assert len(draws) < 200


def test_a_message_sent_while_loading_waits_for_the_model(open_desk, say, qtbot, model):
    model.may_load.clear()
    desk = open_desk()
    say(desk, "are you there?", wait=False)

    reply = shown(desk, ReplyMessage)[0]
    assert "still loading" in reply.note.text()
    assert model.asked == []
    model.may_load.set()
    qtbot.waitUntil(lambda: text_of(reply) == "the moon is a big rock.")
    assert not reply.note.isVisible()


def test_a_queued_message_can_be_stopped(open_desk, say, qtbot, model):
    model.may_load.clear()
    desk = open_desk()
    say(desk, "never mind", wait=False)
    qtbot.keyClick(desk.window.chat_page.composer.edit, Qt.Key.Key_Escape)
    model.may_load.set()
    qtbot.waitUntil(lambda: desk.window.session.model.info is not None)

    assert "Stopped" in shown(desk, ReplyMessage)[0].note.text()
    assert model.asked == []


def test_a_missing_model_says_what_to_do_and_can_be_tried_again(open_desk, qtbot, model):
    model.load_error = CheckpointError("The folder fox does not exist.", "Choose another folder.")
    desk = open_desk()
    empty = desk.window.chat_page.empty
    qtbot.waitUntil(empty.load_button.isVisible)
    assert empty.what.text() == "The folder fox does not exist."
    assert empty.remedy.text() == "Choose another folder."
    assert "fox" in desk.window.statusBar().device.text()

    model.load_error = None
    qtbot.mouseClick(empty.load_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.window.statusBar().model.text() == "i3-mini · 10.4 M")
    assert empty.suggestions[0].isVisible()


def test_a_message_to_a_missing_model_loads_it_again(open_desk, say, qtbot, model):
    model.load_error = CheckpointError("The folder fox does not exist.", "Choose another folder.")
    desk = open_desk()
    qtbot.waitUntil(desk.window.chat_page.empty.load_button.isVisible)
    say(desk, "hello")
    failure = shown(desk, ReplyMessage)[0].failure
    assert failure.isVisible()
    assert failure.what.text() == "The folder fox does not exist."

    model.load_error = None
    qtbot.mouseClick(failure.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: text_of(shown(desk, ReplyMessage)[0]) == "the moon is a big rock.")
    assert not failure.isVisible()


def test_a_failed_reply_keeps_its_text_and_can_be_tried_again(desk, say, qtbot, model):
    model.speak_error = DeviceError("The memory ran out.", "Close other programs.")
    say(desk, "hello")
    reply = shown(desk, ReplyMessage)[0]
    assert text_of(reply) == "the moon"
    assert reply.failure.what.text() == "The memory ran out."
    assert reply.failure.remedy.text() == "Close other programs."

    model.speak_error = None
    qtbot.mouseClick(reply.failure.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not desk.window.session.busy)
    again = shown(desk, ReplyMessage)[0]
    assert text_of(again) == "the moon is a big rock."
    assert again.failure is None or not again.failure.isVisible()
    assert desk.window.session.conversation.versions(again.message.number) == [2, 3]  # what was said before stays


def test_turns_without_an_answer_are_not_sent_to_the_model(desk, say, model):
    model.words, model.finish_reason = (), "stop"
    say(desk, "first")
    assert "without a word" in shown(desk, ReplyMessage)[0].note.text()
    model.words = ("yes.",)
    say(desk, "second")
    say(desk, "third")

    assert [message["content"] for message in model.asked[-1].prompt] == ["second", "yes.", "third"]


def test_ctrl_n_begins_a_new_chat_and_late_pieces_stay_out_of_it(desk, say, qtbot, model):
    model.endless = True
    say(desk, "go on", wait=False)
    qtbot.waitUntil(lambda: text_of(shown(desk, ReplyMessage)[0]) != "")
    qtbot.keyClick(desk.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)

    assert shown(desk, UserMessage) == []
    assert desk.window.chat_page.empty.isVisible()
    assert desk.window.chat_page.meter.text.text() == "0 / 512 tokens"
    model.endless = False
    say(desk, "fresh")
    assert text_of(shown(desk, ReplyMessage)[0]) == "the moon is a big rock."
    assert model.asked[-1].prompt == [{"role": "user", "content": "fresh"}]


def test_retry_answers_the_last_message_anew(desk, say, qtbot, model):
    say(desk, "one")
    say(desk, "two")
    last = shown(desk, ReplyMessage)[1]
    model.words = ("something else",)
    qtbot.mouseClick(last.actions.retry_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: text_of(shown(desk, ReplyMessage)[1]) == "something else")

    assert [message["content"] for message in model.asked[-1].prompt] == ["one", "the moon is a big rock.", "two"]


def test_copy_puts_the_reply_on_the_clipboard(desk, say, qtbot):
    say(desk, "hello")
    button = shown(desk, ReplyMessage)[0].actions.copy_button
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    assert QGuiApplication.clipboard().text() == "the moon is a big rock."
    assert button.text() == "Copied"


def test_markup_is_shown_as_it_is(desk, say, model):
    model.words = ("<b>bold</b> & <img src=x>",)
    say(desk, "<i>hello</i>")

    assert text_of(shown(desk, UserMessage)[0]) == "<i>hello</i>"
    assert text_of(shown(desk, ReplyMessage)[0]) == "<b>bold</b> & <img src=x>"


def test_long_words_wrap_inside_the_column(desk, say, model):
    model.words = ("x" * 2000,)
    say(desk, "y" * 2000)

    for message in (*shown(desk, UserMessage), *shown(desk, ReplyMessage)):
        assert message.width() <= 640
        assert message.text.height() > 60


def test_turns_out_of_view_are_marked(desk, say, model):
    say(desk, "one")
    say(desk, "two")
    assert shown(desk, ViewMark) == []
    model.dropped_turns = 2
    say(desk, "three")

    (mark,) = shown(desk, ViewMark)
    one, two, _three = shown(desk, UserMessage)
    assert mark.parent() is two
    assert one.is_faded
    assert not two.is_faded
    assert desk.window.chat_page.meter.hint.isVisible()


def test_the_window_meter_and_the_status_bar_show_the_use(desk, say):
    say(desk, "hello")
    assert desk.window.chat_page.meter.text.text() == "13 / 512 tokens"
    assert desk.window.statusBar().window_use.text() == "window 13 / 512"
    assert desk.window.statusBar().speed.text() == "180 tokens/s"


def test_it_follows_new_text_only_at_the_end(desk, say, qtbot, model):
    model.words = ("many words on many lines\n" * 30,)
    say(desk, "one")
    transcript = desk.window.chat_page.transcript
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    assert not transcript.jump_button.isVisible()

    model.may_speak.clear()
    say(desk, "two", wait=False)
    bar.setValue(10)
    model.may_speak.set()
    qtbot.waitUntil(lambda: not desk.window.session.busy)
    assert bar.value() == 10
    qtbot.mouseClick(transcript.jump_button, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum()
    assert not transcript.jump_button.isVisible()


def test_the_keyboard_reads_back_and_returns_to_the_end(desk, say, qtbot, model):
    model.words = ("many words on many lines\n" * 60,)
    say(desk, "one")
    edit, bar = desk.window.chat_page.composer.edit, desk.window.chat_page.transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    qtbot.keyClick(edit, Qt.Key.Key_PageUp)
    assert bar.value() == bar.maximum() - bar.pageStep()
    qtbot.keyClick(edit, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert bar.value() == bar.maximum()


def test_a_suggestion_is_one_click(desk, qtbot):
    qtbot.mouseClick(desk.window.chat_page.empty.suggestions[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(shown(desk, ReplyMessage)) == 1)
    assert text_of(shown(desk, UserMessage)[0]) == SUGGESTIONS[0]


def test_sending_an_edit_that_changes_nothing_ends_it(desk, say, qtbot):
    say(desk, "hello")
    transcript = desk.window.chat_page.transcript
    transcript.begin_edit(1)
    row = transcript.row_of(1)
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert row.editor is None
    assert row.hasFocus()
    assert len(desk.window.session.conversation.messages) == 2
