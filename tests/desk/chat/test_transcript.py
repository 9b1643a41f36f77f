"""The transcript with real conversations: what is on screen, what stays in place, and what the controls ask for."""

from __future__ import annotations

import itertools
import time
from datetime import datetime

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from user import last_reply

from i3core.generation.outputs import Alternative, Chunk
from i3core.system import assets
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer
from i3desk.chat.message_actions import said_at
from i3desk.chat.transcript import Transcript
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation, Message, ReplyState
from i3desk.style.theme import Theme

WORDS = "the moon is a big round rock that goes around the earth. "


def long_conversation(count: int, big: int = 0) -> Conversation:
    """Messages of very different lengths; number `big` has 100 kB."""
    messages = {}
    for number in range(1, count + 1):
        text = WORDS * (1 + number * 7 % 20) if number != big else WORDS * 1800
        role = USER if number % 2 else ASSISTANT
        messages[number] = Message(number, number - 1 or None, role, f"{number}: {text}", new_tokens=9, seed=number)
    return Conversation(messages=messages)


@pytest.fixture
def page(qtbot, qapp):
    """A transcript above a field, as in the window."""
    Theme(qapp, "light")
    page = QWidget()
    qtbot.addWidget(page)
    page.transcript, page.field = Transcript(), QLineEdit()
    column = QVBoxLayout(page)
    column.addWidget(page.transcript)
    column.addWidget(page.field)
    page.resize(800, 700)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    yield page
    page.close()


@pytest.fixture
def transcript(page) -> Transcript:
    return page.transcript


def in_view(transcript: Transcript) -> dict[int, int]:
    """Message numbers on screen and where their tops are."""
    view = transcript.viewport().height()
    rows = transcript.rows.values()
    return {row.message.number: row.y() for row in rows if row.y() < view and row.y() + row.height() > 0}


def settle(qtbot, transcript: Transcript) -> None:
    def is_settled() -> bool:
        before = set(transcript.rows)
        QApplication.processEvents()
        return set(transcript.rows) == before

    qtbot.waitUntil(is_settled)


def show(qtbot, transcript: Transcript, conversation: Conversation) -> None:
    transcript.show_conversation(conversation)
    settle(qtbot, transcript)


def test_long_conversation_opens_at_its_end_with_few_rows(qtbot, transcript):
    conversation = long_conversation(2000)
    began = time.perf_counter()
    transcript.show_conversation(conversation)
    assert time.perf_counter() - began < 0.5
    settle(qtbot, transcript)
    assert 2000 in in_view(transcript)
    bar = transcript.verticalScrollBar()
    assert bar.value() == bar.maximum() > 50_000
    assert len(transcript.rows) < 40


def test_rows_have_no_gap_or_overlap_at_any_place(qtbot, transcript):
    show(qtbot, transcript, long_conversation(200, big=100))
    bar = transcript.verticalScrollBar()
    for share in (0.5, 0.1, 0.9, 0.45, 0.0, 1.0):
        bar.setValue(round(share * bar.maximum()))
        settle(qtbot, transcript)
        shown = sorted(in_view(transcript))
        assert shown == list(range(shown[0], shown[-1] + 1))
        for upper, lower in itertools.pairwise(shown):
            row = transcript.row_of(upper)
            assert row.y() + row.height() == transcript.row_of(lower).y()
        assert transcript.row_of(shown[0]).y() <= 24
        assert transcript.row_of(shown[-1]).geometry().bottom() >= transcript.viewport().height() - 26


def test_scrolling_up_never_jumps(qtbot, transcript):
    show(qtbot, transcript, long_conversation(300))
    bar = transcript.verticalScrollBar()
    for _ in range(80):
        before = in_view(transcript)
        bar.setValue(bar.value() - 60)
        after = in_view(transcript)
        moved = {after[number] - before[number] for number in before.keys() & after.keys() if before[number] >= 0}
        assert moved <= {60}
        settle(qtbot, transcript)  # rows that are made ahead must not move anything either
        assert {number: y for number, y in in_view(transcript).items() if number in after} == after


def test_resizing_keeps_the_place(qtbot, page, transcript):
    show(qtbot, transcript, long_conversation(300))
    transcript.verticalScrollBar().setValue(9000)
    settle(qtbot, transcript)
    number, y = next((number, y) for number, y in sorted(in_view(transcript).items()) if y >= 0)
    page.resize(400, 700)
    assert in_view(transcript)[number] == y
    page.resize(800, 700)
    assert in_view(transcript)[number] == y


def test_growing_text_is_followed_only_at_the_end(qtbot, transcript):
    conversation = long_conversation(40)
    reply = conversation.add(ASSISTANT, "so", parent=39, state=ReplyState.STREAMING)
    show(qtbot, transcript, conversation)
    bar = transcript.verticalScrollBar()
    for _ in range(20):
        reply.text += " " + WORDS * 5
        transcript.refresh(reply.number)
        assert bar.value() == bar.maximum()
    assert transcript.jump_button.isHidden()
    bar.setValue(bar.value() - 300)
    before = in_view(transcript)
    reply.text += WORDS * 50
    transcript.refresh(reply.number)
    assert in_view(transcript) == before
    assert transcript.jump_button.isVisible()
    qtbot.mouseClick(transcript.jump_button, Qt.MouseButton.LeftButton)
    assert bar.value() == bar.maximum()
    assert transcript.jump_button.isHidden()


def test_another_version_keeps_the_common_rows(qtbot, transcript):
    conversation = long_conversation(20)
    other = conversation.add(ASSISTANT, "another answer", parent=19)
    conversation.select(20)
    show(qtbot, transcript, conversation)
    kept = transcript.row_of(19)
    row = transcript.row_of(20)
    assert row.action_bar.versions.label.text() == "1/2"
    with qtbot.waitSignal(transcript.version_chosen) as chosen:
        qtbot.mouseClick(row.action_bar.versions.next_button, Qt.MouseButton.LeftButton)
    assert chosen.args == [other.number]
    conversation.select(other.number)
    transcript.update_path(conversation)
    assert transcript.row_of(19) is kept
    assert transcript.row_of(20) is None
    assert transcript.row_of(other.number).text.toPlainText() == "another answer"


def dialogue(**reply) -> Conversation:
    conversation = Conversation()
    question = conversation.add(USER, "why is there a tide?")
    fields = {"text": "the moon pulls on it. i think.", "new_tokens": 9, "seed": 7321} | reply
    conversation.add(ASSISTANT, parent=question.number, **fields)
    return conversation


def test_editing_is_submitted_or_cancelled(qtbot, transcript):
    show(qtbot, transcript, dialogue())
    transcript.begin_edit(1)
    row = transcript.row_of(1)
    assert row.height() > row.editor.height() > 60
    qtbot.keyClicks(row.editor.field, " please")
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Escape)
    assert row.editor is None
    assert row.text.isVisible()
    transcript.begin_edit(1)
    qtbot.keyClicks(row.editor.field, " really")
    with qtbot.waitSignal(transcript.edit_submitted) as submitted:
        qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert submitted.args == [1, "why is there a tide? really"]
    row.editor.field.clear()
    with qtbot.assertNotEmitted(transcript.edit_submitted):
        qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)


def test_actions_emit_their_requests_and_are_disabled_during_a_reply(qtbot, transcript):
    show(qtbot, transcript, dialogue(finish_reason="length"))
    actions = last_reply(transcript).action_bar
    for button, signal, expected in (
        (actions.retry_button, transcript.retry_requested, 2),
        (actions.continue_button, transcript.continue_requested, 2),
        (actions.seed_button, transcript.seed_chosen, 7321),
    ):
        with qtbot.waitSignal(signal) as asked:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == [expected]
    qtbot.mouseClick(actions.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "the moon pulls on it. i think."
    transcript.set_busy(True)
    with qtbot.assertNotEmitted(transcript.retry_requested):
        qtbot.mouseClick(actions.retry_button, Qt.MouseButton.LeftButton)
    transcript.begin_edit(1)
    assert transcript.row_of(1).editor is None
    transcript.set_busy(False)
    assert actions.retry_button.isEnabled()


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ({"state": ReplyState.QUEUED, "text": ""}, "i3 is still loading and will answer as soon as it is ready."),
        ({"state": ReplyState.STOPPED, "text": ""}, "Stopped before i3 replied."),
        ({"text": "  "}, "i3 gave an empty reply. Retry or rephrase."),
    ],
)
def test_empty_reply_says_why(qtbot, transcript, reply, shown):
    show(qtbot, transcript, dialogue(**reply))
    assert last_reply(transcript).note.text() == shown


def test_failed_and_cut_replies_offer_to_continue(qtbot, transcript):
    show(qtbot, transcript, dialogue(state=ReplyState.FAILED, what_failed="No memory.", remedy="Close something."))
    failure = last_reply(transcript).failure
    assert failure.what.text() == "No memory."
    with qtbot.waitSignal(transcript.retry_requested):
        qtbot.mouseClick(failure.buttons[0], Qt.MouseButton.LeftButton)
    show(qtbot, transcript, dialogue(state=ReplyState.CUT))
    interrupted = last_reply(transcript).interrupted
    assert interrupted.what.text() == "i3desk closed before this reply was finished."
    with qtbot.waitSignal(transcript.continue_requested) as asked:
        qtbot.mouseClick(interrupted.button, Qt.MouseButton.LeftButton)
    assert asked.args == [2]


def test_what_the_model_sees_is_marked(qtbot, page, transcript):
    page.resize(800, 2400)
    show(qtbot, transcript, long_conversation(8))
    settle(qtbot, transcript)
    transcript.show_context(3, 5)
    marks = {row.message.number: row.mark.shown for row in transcript.rows.values() if row.mark}
    assert marks == {3: (True, True)}
    assert [transcript.row_of(number)._veil is not None for number in (1, 2, 3)] == [True, True, False]
    transcript.show_context(None, 3)
    marks = {row.message.number: row.mark.shown for row in transcript.rows.values() if row.mark}
    assert marks == {1: (False, True)}
    assert transcript.row_of(2)._falling_line.isVisible()
    transcript.show_context(None, None)
    assert not any(row.mark for row in transcript.rows.values())
    assert transcript.row_of(1)._falling_line.isHidden()


def test_capitals_and_markdown_are_display_only(qtbot, transcript):
    conversation = dialogue(text="**yes**. i think so.")
    show(qtbot, transcript, conversation)
    reply = last_reply(transcript)
    assert reply.text.toPlainText() == "yes. i think so."
    transcript.show_display(capitalise=True, markdown=False, glass=False)
    assert reply.text.toPlainText() == "**Yes**. I think so."
    reply.copy()
    assert QGuiApplication.clipboard().text() == conversation.messages[2].text


def test_editor_tells_what_the_model_cannot_read(qtbot, transcript):
    show(qtbot, transcript, dialogue())
    tokenizer = ChunkTokenizer.from_file(assets.path("models/i3-mini/tokenizer.json"))
    transcript.show_display(True, True, False, "i3-mini", ChatTemplate.for_model(tokenizer))
    transcript.begin_edit(1)
    editor = transcript.row_of(1).editor
    assert not editor.unreadable.isVisible()
    before = editor.height()
    editor.field.setPlainText("“what’s” 漢字?")
    assert editor.unreadable.text == "i3 can't read 2 characters: 漢 字"
    qtbot.waitUntil(lambda: editor.height() > before)
    assert editor.send_button.isEnabled()
    editor.field.setPlainText("what is that?")
    assert not editor.unreadable.isVisible()


def test_glass_box_requests_missing_chunks_once(qtbot, transcript):
    conversation = dialogue()
    show(qtbot, transcript, conversation)
    with qtbot.waitSignal(transcript.chunks_requested) as asked:
        transcript.show_display(capitalise=False, markdown=True, glass=True)
    assert asked.args == [2]
    conversation.messages[2].chunks = [Chunk(7, "the", 0.5, (Alternative(7, "the", 0.5), Alternative(8, "a", 0.2)))]
    transcript.refresh(2)
    reply = last_reply(transcript)
    assert reply.chunk_view.isVisible()
    assert not reply.text.isVisible()
    with qtbot.waitSignal(transcript.alternative_chosen) as chosen:
        reply.chunk_view.alternative_chosen.emit(0, 8)
    assert chosen.args == [2, 0, 8]
    with qtbot.waitSignal(transcript.csv_requested):
        qtbot.mouseClick(reply.action_bar.csv_button, Qt.MouseButton.LeftButton)
    transcript.show_display(capitalise=False, markdown=True, glass=False)
    assert reply.text.isVisible()


def test_reveal_scrolls_to_a_word_inside_a_long_message(qtbot, transcript):
    conversation = long_conversation(60, big=30)
    half = len(conversation.messages[30].text) // 2
    text = conversation.messages[30].text
    conversation.messages[30].text = text[:half] + " tide " + text[half:]
    show(qtbot, transcript, conversation)
    transcript.reveal(30, ["tide"])
    block = transcript.row_of(30).text
    qtbot.waitUntil(lambda: bool(block.extraSelections()))
    mark = block.extraSelections()[0]
    place = block.cursorRect(mark.cursor).center()
    assert transcript.viewport().rect().contains(block.viewport().mapTo(transcript.viewport(), place))


def test_messages_are_reached_by_keyboard(qtbot, page, transcript):
    show(qtbot, transcript, long_conversation(30))
    page.field.setFocus()
    transcript.setFocus(Qt.FocusReason.TabFocusReason)
    assert QApplication.focusWidget().accessibleName().startswith("i3 said: 30: the moon")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert QApplication.focusWidget().accessibleName().startswith("You said: 29: the moon")
    names = []
    for _ in range(2):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        names.append(QApplication.focusWidget().accessibleName())
    assert names == ["Copy your message", "Edit"]
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is page.field
    for _ in range(30):  # the first one comes back to the last message
        transcript.move_focus(-1)
    assert QApplication.focusWidget().accessibleName().startswith("You said: 1:")
    assert transcript.viewport().rect().contains(QPoint(100, QApplication.focusWidget().y()))


def test_time_of_a_message():
    now = datetime(2026, 11, 23, 18, 0)
    assert said_at(datetime(2026, 11, 23, 14, 2).timestamp(), now) == "14:02"
    assert said_at(datetime(2026, 11, 3, 9, 5).timestamp(), now) == "3 Nov, 09:05"
    assert said_at(datetime(2025, 11, 3, 9, 5).timestamp(), now) == "3 Nov 2025, 09:05"
