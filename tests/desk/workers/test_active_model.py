"""Switching models while replies wait: each reply names the model that answered, and none is lost."""

from __future__ import annotations

import pytest

from i3core.errors import I3Error
from i3desk.conversations.conversation import ReplyState


@pytest.fixture
def chats(app):
    """The session of an open window."""
    return app.window.session


def test_reply_requested_during_a_load_comes_from_the_new_model(app, chats, say, qtbot, model, tmp_path):
    model.may_load.clear()
    app.services.use_model(str(tmp_path / "other"))
    say(app, "hello", wait=False)
    assert chats.conversation.last.state is ReplyState.QUEUED
    model.may_load.set()
    qtbot.waitUntil(lambda: not chats.busy)
    assert chats.conversation.last.model == chats.model.info.name == "other"


def test_waiting_reply_comes_from_the_old_model_if_the_new_one_fails(app, chats, say, qtbot, model, tmp_path):
    model.may_load.clear()
    model.load_error = I3Error("It is damaged.", "Take another one.")
    app.services.use_model(str(tmp_path / "damaged"))
    say(app, "hello", wait=False)
    model.may_load.set()
    qtbot.waitUntil(lambda: not chats.busy)
    assert chats.conversation.last.state is ReplyState.DONE
    assert chats.conversation.last.model == "i3-mini"
    assert chats.model.folder is None  # the bundled one, which is in use
    assert app.store.preferences.model == ""


def test_two_requested_models_load_one_after_the_other(app, chats, say, qtbot, model, tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    kept = []
    model.may_load.clear()
    chats.model.ready.connect(lambda info: kept.append((info.name, chats.model.folder, bool(chats.model.stage))))
    app.services.use_model(first)
    app.services.use_model(second)
    say(app, "hello", wait=False)
    model.may_load.set()
    qtbot.waitUntil(lambda: not chats.busy)
    assert kept == [("first", first, True), ("second", second, False)]
    assert chats.conversation.last.model == "second"
    assert app.store.preferences.model == second


def test_reply_continued_by_another_model_has_its_chunks(app, chats, say, qtbot, model, tmp_path):
    model.finish_reason = "length"
    say(app, "hello")
    conversation, reply = chats.conversation, chats.conversation.last
    app.services.use_model(str(tmp_path / "other"))
    qtbot.waitUntil(lambda: chats.model.info.name == "other")
    model.words = ("and ", "it ", "is ", "very ", "cold.")
    chats.continue_reply(reply.number)
    qtbot.waitUntil(lambda: not chats.busy)

    assert reply.text == "the moon is a big rock.and it is very cold."
    assert [chunk.text for chunk in reply.chunks[reply.given_tokens :]] == list(model.words)
    assert model.asked[-1].prefix_ids == tuple(chunk.token_id for chunk in reply.chunks[: reply.given_tokens])
    stored = app.services.store.load_chunks(conversation.id, reply.number)
    assert [chunk.token_id for chunk in stored] == [chunk.token_id for chunk in reply.chunks]
