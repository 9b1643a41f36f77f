"""Two models in one chat, in the real window with real worker threads: asked together, kept one at a time."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from user import click, last_reply

from i3desk.chat.transcript import Transcript


def shown(transcript: Transcript) -> list[str]:
    """The messages on screen, from top to bottom."""
    assert transcript.isVisible()
    return [row.message.shown_text for _, row in sorted(transcript.rows.items())]


@pytest.fixture
def compared(app, model, say, qtbot):
    """A chat of one exchange, then with another model beside it whose replies are "a cheese"."""
    say(app, "what is the moon?")
    start(app, model, qtbot)
    return app


def start(app, model, qtbot) -> None:
    second = app.services.side_by_side
    menu = app.model_menu
    menu.menu.aboutToShow.emit()
    assert "Compare side by side with" in [action.text() for action in menu.menu.actions()]
    words, model.words = model.words, ("a cheese",)
    model.name = "second"
    second.start(None)
    qtbot.waitUntil(lambda: second.model.info is not None)
    model.words = words


def ask_both(app, say, qtbot, text: str) -> None:
    say(app, text)
    qtbot.waitUntil(lambda: not app.services.side_by_side.session.busy)


def test_both_models_have_the_history_and_their_own_follow_ups(compared, model, say, qtbot):
    page, column = compared.window.chat_page, compared.services.side_by_side.column
    assert shown(column.transcript) == shown(page.transcript) == ["what is the moon?", "the moon is a big rock."]
    model.words = ("yes",)
    ask_both(compared, say, qtbot, "really?")
    ask_both(compared, say, qtbot, "sure?")
    for transcript in (page.transcript, column.transcript):
        assert shown(transcript)[2:] == ["really?", "yes", "sure?", "yes"]
    last_reply(column.transcript).retry_requested.emit(column.session.conversation.leaf)
    qtbot.waitUntil(lambda: not column.session.busy)
    assert len(column.session.conversation.versions(column.session.conversation.leaf)) == 2
    assert len(page.session.conversation.versions(page.session.conversation.leaf)) == 1


def test_each_column_names_its_model_and_has_a_meter(compared):
    page, column = compared.window.chat_page, compared.services.side_by_side.column
    assert column.head.name.text() == "second"
    assert column.meter.isVisible()
    assert page.meter.isVisible()
    assert (
        page.meter.mapTo(compared.window, page.meter.rect().center()).x()
        < column.mapTo(compared.window, column.rect().topLeft()).x()
    )
    assert page.composer.edit.placeholderText() == "Message both models…"


@pytest.mark.parametrize("which", [0, 1])
def test_kept_replies_are_the_chat_and_the_others_its_versions(compared, model, say, qtbot, which):
    page, second = compared.window.chat_page, compared.services.side_by_side
    ask_both(compared, say, qtbot, "really?")
    last = second.session.conversation.last
    last.text = "a cheese"
    button = (page.comparison_head if which == 0 else second.column.head).keep_button
    click(qtbot, button)
    assert not second.column.isVisible()
    assert shown(page.transcript)[-1] == ("the moon is a big rock." if which == 0 else "a cheese")
    conversation = page.session.conversation
    texts = [conversation.messages[number].text for number in conversation.versions(conversation.leaf)]
    assert [text.strip() for text in texts] == ["the moon is a big rock.", "a cheese"]
    assert conversation.messages[conversation.last.parent].text == "really?"
    qtbot.waitUntil(lambda: not compared.services.model.stage)
    assert len(model.loaded) == (2 if which == 0 else 3)  # the second model is used from now on
    say(compared, "go on")
    assert shown(page.transcript)[-2] == "go on"


def test_comparison_survives_another_chat_and_a_restart(open_app, model, say, qtbot, open_chat):
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    say(app, "what is the moon?")
    start(app, model, qtbot)
    ask_both(app, say, qtbot, "really?")
    app.services.side_by_side.session.conversation.last.text = "a cheese"
    number = app.window.session.conversation.id
    qtbot.keyClick(app.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert not app.services.side_by_side.is_on
    open_app.close(app)
    again = open_app()
    open_chat(again, number)
    conversation = again.window.session.conversation
    assert sorted(each.text.strip() for each in conversation.messages.values() if each.parent == 3) == [
        "a cheese",
        "the moon is a big rock.",
    ]
    assert conversation.last.text.strip() == "the moon is a big rock."


def test_new_chat_can_begin_with_two_models_and_esc_stops_both(app, model, say, qtbot):
    start(app, model, qtbot)
    model.endless = True
    say(app, "talk", wait=False)
    second = app.services.side_by_side
    sides = (app.window.session, second.session)
    qtbot.waitUntil(lambda: all(side.conversation.messages and side.conversation.last.text for side in sides))
    qtbot.keyClick(app.window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not any(side.busy for side in sides))


def test_model_that_cannot_be_loaded_says_so_in_its_column(app, model, qtbot):
    from i3core.errors import CheckpointError

    model.load_error = CheckpointError("The folder fox does not exist.", "Choose another folder.")
    second = app.services.side_by_side
    second.start("fox")
    qtbot.waitUntil(second.column.failure.isVisible)
    assert second.column.failure.what.text() == "The folder fox does not exist."
    click(qtbot, second.column.head.keep_button)
    assert not second.column.isVisible()
    assert app.services.model.info is not None
