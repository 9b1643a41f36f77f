"""Correcting replies in a chat, and the set that the corrections make."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget
from user import click, last_reply

from i3core.data.documents import read_documents
from i3desk.conversations.conversation import ASSISTANT, USER, Conversation
from i3desk.teach.correction_bar import CorrectionBar
from i3desk.teach.corrections import Corrections
from i3desk.teach.lesson import LessonState
from i3desk.widgets.basics import column_in


@pytest.fixture
def corrections(qapp, tmp_path):
    made = Corrections(tmp_path / "corrections.jsonl")
    yield made
    made.deleteLater()


def corrected(text: str, *said: str, number: int | None = 7) -> tuple[Conversation, int, int]:
    """A chat in which the last of the replies `said` was corrected."""
    talk = Conversation(id=number)
    for place, reply in enumerate(said):
        question = talk.add(USER, f"question {place}", talk.leaf)
        old = talk.add(ASSISTANT, reply, question.number)
    new = talk.add(ASSISTANT, text, question.number, finish_reason="corrected")
    return talk, new.number, old.number


def test_correction_is_a_training_record(corrections):
    corrections.add(*corrected("arr!", "fine.", "hello."))
    record = json.loads(corrections.path.read_text())
    assert [(m["role"], m["content"], m.get("weight", 1)) for m in record["messages"]] == [
        ("user", "question 0", 1), ("assistant", "fine.", 0), ("user", "question 1", 1), ("assistant", "arr!", 1),
    ]  # fmt: skip
    assert record["said"] == "hello."
    (document,) = read_documents(corrections.path)
    assert document.messages[-1]["content"] == "arr!"
    (entry,) = corrections.entries
    assert (entry.question, entry.correction) == ("question 1", "arr!")


def test_correction_has_the_persona_that_the_model_read(corrections):
    talk, number, old = corrected("arr!", "hello.")
    talk.settings = replace(talk.settings, persona="you are a pirate.")
    corrections.add(talk, number, old)
    (document,) = read_documents(corrections.path)
    assert document.texts == ["you are a pirate.", "question 0", "arr!"]
    assert corrections.entries[0].question == "question 0"


def test_second_correction_replaces_the_first(corrections):
    talk, number, old = corrected("arr!", "hello.")
    corrections.add(talk, number, old)
    better = talk.add(ASSISTANT, "arr, matey!", talk.messages[number].parent, finish_reason="corrected")
    corrections.add(talk, better.number, number)
    (entry,) = corrections.entries
    assert (entry.said, entry.correction) == ("hello.", "arr, matey!")


def test_only_the_last_messages_are_kept_as_context(corrections):
    corrections.add(*corrected("arr!", *(f"reply {n}" for n in range(10))))
    (entry,) = corrections.entries
    assert len(entry.messages) == 7
    assert entry.messages[-2]["content"] == "question 9"


def test_corrections_survive_a_restart(corrections):
    corrections.add(*corrected("arr!", "hello."))
    corrections.add(*corrected("aye.", "yes.", number=8))
    corrections.mark(corrections.entries[:1], "taught-1")
    again = Corrections(corrections.path)
    again.load()
    assert again.entries == corrections.entries
    assert [entry.correction for entry in again.untaught] == ["aye."]
    again.remove(again.entries[0])
    assert [entry.correction for entry in again.entries] == ["aye."]
    again.clear()
    assert again.path.read_text() == ""


@pytest.mark.parametrize("line", ["{", "[]", "5", '{"messages": []}', '{"messages": [{"role": "user"}], "said": 1}'])
def test_damaged_file_is_set_aside_and_reported(corrections, qtbot, line):
    corrections.add(*corrected("arr!", "hello."))
    content = corrections.path.read_text() + line + "\n"
    corrections.path.write_text(content)
    again = Corrections(corrections.path)
    with qtbot.waitSignal(again.failed) as told:
        again.load()
    assert again.entries == corrections.entries
    (aside,) = corrections.path.parent.glob("corrections-damaged-*.jsonl")
    assert aside.name in told.args[1]
    assert aside.read_text() == content
    assert len(corrections.path.read_text().splitlines()) == 1


def test_failed_write_is_reported_and_keeps_the_corrections(corrections, qtbot):
    corrections.path.mkdir()
    (corrections.path / "in the way").touch()
    with qtbot.waitSignal(corrections.failed):
        corrections.add(*corrected("arr!", "hello."))
    assert [entry.correction for entry in corrections.entries] == ["arr!"]


# ------------------------------------------------------------------------------------------------------ in the window


def test_reply_is_corrected_in_its_place(app, say, qtbot):
    say(app, "hello")
    transcript = app.window.chat_page.transcript
    row = last_reply(transcript)
    qtbot.mouseClick(row.action_bar.correct_button, Qt.MouseButton.LeftButton)
    assert row.editor.field.toPlainText() == "the moon is a big rock."
    assert not row.text.isVisible()
    row.editor.field.setPlainText("arr, matey!")
    with qtbot.waitSignal(app.window.session.corrected) as told:
        qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    talk, number, old = told.args
    shown = last_reply(transcript)
    assert shown.text.toPlainText() == "arr, matey!"
    assert shown.message.facts() == "corrected by you"
    assert talk.versions(number) == [old, number]
    app.services.autosave.save_now()
    assert app.services.store.open(talk.id).messages[number].finish_reason == "corrected"


def test_escape_and_an_unchanged_text_keep_the_reply(app, say, qtbot):
    say(app, "hello")
    row = last_reply(app.window.chat_page.transcript)
    row.setFocus()
    qtbot.keyClick(row, Qt.Key.Key_C)
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Escape)
    assert row.editor is None
    assert row.text.isVisible()
    row.begin_correction()
    qtbot.keyClick(row.editor.field, Qt.Key.Key_Return)
    assert row.editor is None
    assert len(app.window.session.conversation.messages) == 2


def test_list_is_as_tall_as_its_content(corrections, qtbot):
    corrections.add(*corrected("arr! " * 30, "a reply of many words " * 8))
    bar = CorrectionBar()
    qtbot.addWidget(bar)
    bar.resize(600, 40)
    bar.show()
    bar.show_state(SimpleNamespace(state=LessonState.NONE), corrections.entries, "i3-mini")
    bar.show_button.click()
    for width in (600, 420, 800):
        bar.resize(width, bar.height())
        qtbot.waitUntil(lambda: bar.list.height() > 60 and bar.list.verticalScrollBar().maximum() == 0)


def test_corrections_can_be_put_away_until_the_next_one(corrections, qtbot):
    corrections.add(*corrected("arr!", "hello."))
    bar = CorrectionBar()
    qtbot.addWidget(bar)
    nothing = SimpleNamespace(state=LessonState.NONE)
    bar.show_state(nothing, corrections.entries, "i3-mini")
    assert bar.close_button.text() == "Later"
    click(qtbot, bar.close_button)
    bar.show_state(nothing, corrections.entries, "another")
    assert not bar.isVisible()
    corrections.add(*corrected("aye!", "yes."))
    bar.show_state(nothing, corrections.entries, "another")
    assert bar.isVisible()


def test_focus_goes_to_the_message_box_when_teach_disappears(corrections, qtbot):
    corrections.add(*corrected("arr!", "hello."))
    window = QWidget()
    qtbot.addWidget(window)
    message, bar, first = QLineEdit(), CorrectionBar(), QPushButton("first of the window")
    column_in(window, first, bar, message)
    bar.setFocusProxy(message)
    window.show()
    bar.show_state(SimpleNamespace(state=LessonState.NONE), corrections.entries, "i3-mini")
    bar.teach_button.setFocus()
    qtbot.waitUntil(bar.teach_button.hasFocus)
    bar.show_state(SimpleNamespace(state=LessonState.STARTING, note=""), corrections.entries, "i3-mini")
    assert bar.label.text() == "Starting…"
    assert message.hasFocus()
