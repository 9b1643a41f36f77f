"""What happens in a chat, without widgets: real store, real worker thread, a model that the test leads."""

from __future__ import annotations

import pytest

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3desk.chat.autosave import Autosave
from i3desk.chat.session import ChatSession
from i3desk.conversations.conversation import ASSISTANT, USER, ChatSettings, Message, ReplyState
from i3desk.conversations.import_export import from_json
from i3desk.conversations.store import Store
from i3desk.workers.active_model import ActiveModel, ModelState
from i3desk.workers.model_worker import ModelWorker

REPLY = "the moon is a big rock."


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "conversations.sqlite3")
    yield store
    store.close()


@pytest.fixture
def session(qtbot, model, store):
    worker = ModelWorker(loader=model.load)
    in_use = ActiveModel(worker)
    autosave = Autosave(store)
    session = ChatSession(worker, in_use, store, autosave, ChatSettings())
    session.autosave = autosave
    in_use.load(None)
    qtbot.waitUntil(lambda: in_use.state is ModelState.READY)
    yield session
    model.may_speak.set()
    with qtbot.waitSignal(worker.stopped, timeout=60_000):
        worker.shut_down()


@pytest.fixture
def say(qtbot, session):
    def say_(text: str) -> Message:
        assert session.send(text)
        qtbot.waitUntil(lambda: not session.busy)
        return session.conversation.last

    return say_


def wait(qtbot, session) -> Message:
    qtbot.waitUntil(lambda: not session.busy)
    return session.conversation.last


def texts(session) -> list[str]:
    return [message.shown_text for message in session.conversation.path()]


def test_messages_are_stored_exactly(session, say, store):
    say("hello")
    reply = say("and now?")
    stored = store.open(session.conversation.id)

    assert [message.shown_text for message in stored.path()] == ["hello", REPLY, "and now?", REPLY]
    assert stored.last.seed == reply.seed == 7321
    assert stored.last.model == "i3-mini"
    assert stored.last.sampling == SamplingConfig()
    assert store.load_chunks(stored.id, stored.last.number) == reply.chunks
    assert stored.title == "hello"


def test_question_is_stored_before_it_is_answered(session, model, store):
    model.may_speak.clear()
    session.send("are you there?")
    assert [message.text for message in store.open(session.conversation.id).path()] == ["are you there?", ""]


def test_retrying_keeps_the_old_answer_as_another_version(session, say, qtbot, model):
    first = say("hello")
    model.words = ("something else.",)
    session.retry()
    second = wait(qtbot, session)

    assert second.shown_text == "something else."
    assert session.conversation.versions(second.number) == [first.number, second.number]
    session.select(first.number)
    assert texts(session) == ["hello", REPLY]
    assert model.asked[1].prompt == model.asked[0].prompt


def test_retried_answer_in_the_middle_keeps_the_old_path(session, say, qtbot, model):
    first = say("one")
    say("two")
    session.retry(first.number)
    again = wait(qtbot, session)
    assert texts(session) == ["one", REPLY]
    assert again.number != first.number
    session.select(first.number)
    assert texts(session) == ["one", REPLY, "two", REPLY]


def test_edited_question_is_answered_and_the_old_one_stays(session, say, qtbot, model):
    say("hello")
    question = session.conversation.path()[0]
    session.edit(question.number, "good evening")
    wait(qtbot, session)

    assert texts(session) == ["good evening", REPLY]
    assert model.asked[-1].prompt == [{"role": "user", "content": "good evening"}]
    assert len(session.conversation.versions(session.conversation.path()[0].number)) == 2
    session.select(question.number)
    assert texts(session) == ["hello", REPLY]


def test_versions_survive_a_restart(session, say, qtbot, store):
    first = say("hello")
    session.retry()
    wait(qtbot, session)
    session.select(first.number)
    session.autosave.save_now()
    stored = store.open(session.conversation.id)
    assert stored.leaf == first.number
    assert stored.versions(first.number) == session.conversation.versions(first.number)


def test_continued_reply_keeps_message_and_seed(session, say, qtbot, model):
    model.finish_reason = "length"
    reply = say("hello")
    assert reply.can_continue
    model.words, model.finish_reason = (" it shines",), "stop"
    session.continue_reply(reply.number)
    wait(qtbot, session)

    assert reply.text == REPLY + " it shines"
    assert model.asked[-1].prefix_ids == (7, 7, 7)
    assert model.asked[-1].sampling.seed == 7321
    assert not reply.can_continue
    assert reply.new_tokens == 4


def test_stored_reply_can_be_continued_without_its_chunks_in_memory(session, say, qtbot, model, store):
    model.finish_reason = "length"
    say("hello")
    number = session.conversation.id
    session.start_new()
    session.show(session.find(number))
    reply = session.conversation.last
    assert reply.chunks == []
    session.continue_reply(reply.number)
    wait(qtbot, session)
    assert model.asked[-1].prefix_ids == (7, 7, 7)


def test_chosen_alternative_starts_a_new_version(session, say, qtbot, model):
    old = say("hello")
    model.words = ("is deep.",)
    session.continue_from(old.number, 1, 8)
    new = wait(qtbot, session)

    assert model.asked[-1].prefix_ids == (7, 8)
    assert new.text == "the moon sea is deep."
    assert new.given_tokens == 2
    assert [chunk.token_id for chunk in new.chunks] == [7, 8, 7]
    assert session.conversation.versions(new.number) == [old.number, new.number]


def test_choosing_the_end_token_ends_the_reply_there(session, say, qtbot, model):
    from dataclasses import replace

    from i3core.generation.outputs import Alternative

    old = say("hello")
    end = session.model.info.template.end_id
    old.chunks[1] = replace(old.chunks[1], alternatives=(Alternative(end, "<|end|>", 0.4),))
    asked = len(model.asked)
    session.continue_from(old.number, 1, end)

    new = session.conversation.last
    assert new.number != old.number
    assert new.shown_text == "the moon"
    assert new.state is ReplyState.DONE
    assert len(model.asked) == asked


def test_chunks_of_another_model_are_not_continued(session, say, qtbot, model):
    model.finish_reason = "length"
    old = say("hello")
    session.model.load("/models/fox")
    qtbot.waitUntil(lambda: session.model.info.name == "fox")
    assert not session.can_branch(old)
    session.continue_from(old.number, 1, 8)
    assert not session.busy
    session.continue_reply(old.number)
    wait(qtbot, session)
    assert model.asked[-1].prefix_ids == tuple(session.model.info.template.tokenizer.encode(REPLY))


def test_reply_continues_while_another_conversation_is_open(session, say, qtbot, model, store):
    say("first")
    model.may_speak.clear()
    session.send("go on")
    number = session.conversation.id
    session.start_new()
    assert not session.busy
    assert session.busy_ids == {number}
    session.send("meanwhile")  # waits for its turn
    model.may_speak.set()
    qtbot.waitUntil(lambda: not session.any_busy)

    assert texts(session) == ["meanwhile", REPLY]
    session.show(session.find(number))
    assert texts(session) == ["first", REPLY, "go on", REPLY]


def test_reopened_conversation_shows_its_growing_reply(session, qtbot, model):
    model.endless = True
    session.send("go on")
    number, conversation = session.conversation.id, session.conversation
    session.start_new()
    session.show(session.find(number))
    assert session.conversation is conversation
    assert session.busy
    before = len(conversation.last.text)
    qtbot.waitUntil(lambda: len(conversation.last.text) > before)
    session.stop()
    qtbot.waitUntil(lambda: not session.busy)
    assert conversation.last.state is ReplyState.STOPPED


def test_temporary_chat_is_never_stored(session, qtbot, store):
    session.start_new(temporary=True)
    session.send("a secret")
    wait(qtbot, session)
    session.autosave.save_now()
    assert store.rows() == []
    assert b"secret" not in b"".join(path.read_bytes() for path in store.path.parent.iterdir())


def test_deleting_the_conversation_on_screen_ends_its_reply(session, qtbot, model, store):
    model.endless = True
    session.send("go on")
    number = session.conversation.id
    session.forget(number)
    assert session.conversation.id is None
    assert not session.any_busy
    store.delete(number)
    model.endless = False
    session.send("new")
    wait(qtbot, session)
    assert [row.title for row in store.rows()] == ["new"]


def test_settings_belong_to_a_conversation(session, say, qtbot, model, store):
    warm = ChatSettings(SamplingConfig(temperature=1.5, stop=("rock",)))
    session.change_settings(warm)
    say("hello")
    assert model.asked[-1].sampling == warm.sampling
    number = session.conversation.id
    session.change_settings(ChatSettings(SamplingConfig(temperature=0.2), mode="raw"))
    session.start_new()
    assert session.conversation.settings == ChatSettings(SamplingConfig(temperature=0.2))
    session.show(session.find(number))
    assert session.conversation.settings.mode == "raw"
    assert store.open(number).settings.sampling.temperature == 0.2


def test_raw_mode_continues_the_text_unchanged(session, qtbot, model):
    session.change_settings(ChatSettings(mode="raw"))
    session.send("once upon a time ")
    wait(qtbot, session)
    assert model.asked[-1].prompt == "once upon a time "
    assert model.asked[-1].truncate_left
    session.send(" and then ")
    wait(qtbot, session)
    assert model.asked[-1].prompt == "once upon a time " + REPLY + " and then "
    session.continue_text()
    wait(qtbot, session)
    assert model.asked[-1].prompt == "once upon a time " + REPLY + " and then "
    assert model.asked[-1].prefix_ids == (7, 7, 7)


def test_message_too_long_for_the_window_is_refused_before_it_is_lost(session):
    assert not session.send("word " * 2000)
    assert session.conversation.messages == {}


def test_failed_reply_is_retried_in_place(session, qtbot, model):
    model.speak_error = I3Error("The device ran out of memory.", "Close other programs.")
    model.words = ("",)
    session.send("hello")
    failed = wait(qtbot, session)
    assert failed.state is ReplyState.FAILED
    assert failed.remedy == "Close other programs."
    model.speak_error, model.words = None, ("fine.",)
    session.retry()
    assert wait(qtbot, session) is failed
    assert (failed.shown_text, failed.what_failed) == ("fine.", "")


def test_first_seen_message_is_set_when_the_window_is_full(session, say, model):
    say("one")
    say("two")
    model.dropped_turns = 2
    say("three")
    first_seen = session.conversation.first_seen
    assert session.conversation.messages[first_seen].text == "two"


def test_switching_models_keeps_the_chat(session, say, qtbot, model):
    say("hello")
    session.model.load("/models/fox", "int8")
    assert session.model.state is ModelState.READY  # the one before answers meanwhile
    qtbot.waitUntil(lambda: session.model.info.name == "fox")
    assert session.model.info.precision == "int8"
    assert texts(session) == ["hello", REPLY]
    assert say("again").model == "fox"


def test_failed_load_keeps_the_previous_model(session, say, qtbot, model):
    model.load_error = I3Error("It is damaged.", "Copy it again.")
    with qtbot.waitSignal(session.model.refused) as refused:
        session.model.load("/models/fox")
    assert refused.args == ["It is damaged.", "Copy it again."]
    assert session.model.info.name == "i3-mini"
    assert say("still there?").shown_text == REPLY


def test_unloaded_model_is_loaded_with_the_next_message(session, say, qtbot, model):
    session.model.unload()
    qtbot.waitUntil(lambda: session.model.state is ModelState.NONE)
    assert say("hello").shown_text == REPLY
    assert len(model.loaded) == 2


def test_failing_store_loses_nothing(session, say, qtbot, store, monkeypatch):
    say("one")
    told = []
    session.autosave.failed.connect(lambda what, remedy: told.append((what, remedy)))

    def full(*_):
        raise I3Error("The disk is full.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(store, "save_message", full)
        say("two")
        assert told == [("The disk is full.", "Free some space.")]
    session.autosave.save_now()
    assert [message.shown_text for message in store.open(session.conversation.id).path()] == [
        "one",
        REPLY,
        "two",
        REPLY,
    ]


def test_drafts_are_kept_with_their_conversation(session, say, store):
    say("hello")
    number = session.conversation.id
    session.keep_draft("half a sen")
    session.start_new()
    assert session.conversation.draft == ""
    session.show(session.find(number))
    assert session.conversation.draft == "half a sen"
    assert store.open(number).draft == "half a sen"


def test_roles_alternate_on_every_path(session, say, qtbot):
    first = say("one")
    session.retry(first.number)
    wait(qtbot, session)
    say("two")
    roles = [message.role for message in session.conversation.path()]
    assert roles == [USER, ASSISTANT, USER, ASSISTANT]


def test_empty_reply_is_retried_from_the_start(session, say, qtbot, model, store):
    model.words = (" ",)
    empty = say("hello")
    model.words = ("now.",)
    session.retry(empty.number)
    assert wait(qtbot, session) is empty
    assert empty.text == "now."
    assert [chunk.text for chunk in store.load_chunks(session.conversation.id, empty.number)] == ["now."]


def test_reply_at_the_start_can_be_retried(session, qtbot, store, model):
    greeting = from_json([{"role": "assistant", "content": "welcome!"}])
    session.show(store.open(store.import_conversation(greeting)))
    session.retry(1)
    assert wait(qtbot, session).shown_text == REPLY
    assert model.asked[-1].prompt == []
    assert session.conversation.versions(1) == [1, 2]


def test_edits_in_raw_mode_keep_white_space(session, say, model):
    session.change_settings(ChatSettings(mode="raw"))
    say("once upon a time")
    session.edit(1, "once upon a time ")
    assert session.conversation.messages[3].text == "once upon a time "


def test_text_of_a_running_reply_is_there_after_delete_and_undo(session, qtbot, model, store):
    model.endless = True
    session.send("go on")
    conversation = session.conversation
    qtbot.waitUntil(lambda: bool(conversation.last.text))
    session.start_new()
    with qtbot.waitSignal(session.busy_changed, timeout=0):
        store.delete(conversation.id)
        session.forget(conversation.id)
    store.restore(conversation.id)
    again = store.open(conversation.id)
    assert again.last.state is ReplyState.STOPPED
    assert again.last.text == conversation.last.text


def test_draft_of_an_empty_chat_moves_to_the_next_new_chat(session, say):
    say("hello")
    first = session.conversation
    session.start_new()
    session.keep_draft("half a thought")
    session.start_new()
    assert session.conversation.draft == "half a thought"
    session.show(first)
    session.start_new()
    assert session.conversation.draft == "half a thought"
    say("half a thought, and the rest")
    session.start_new()
    assert session.conversation.draft == ""


def test_answered_reply_is_continued_as_a_new_version(session, say, qtbot, model):
    model.finish_reason = "length"
    first = say("one")
    say("two")
    session.continue_reply(first.number)
    longer = wait(qtbot, session)
    assert longer.number != first.number
    assert longer.text == REPLY + REPLY
    assert first.text == REPLY
    session.select(first.number)
    assert texts(session) == ["one", REPLY, "two", REPLY]


def test_marks_of_the_template_cannot_be_chosen(session, say):
    from dataclasses import replace

    from i3core.generation.outputs import Alternative

    old = say("hello")
    mark = session.model.info.template.tokenizer.special_tokens["user"]
    old.chunks[1] = replace(old.chunks[1], alternatives=(Alternative(mark, "<|user|>", 0.4),))
    session.continue_from(old.number, 1, mark)
    assert session.conversation.last is old


def test_another_version_can_be_read_during_a_reply(session, say, qtbot, model):
    first = say("hello")
    model.may_speak.clear()
    session.retry()
    second = session.conversation.last
    session.select(first.number)
    assert texts(session) == ["hello", REPLY]
    model.may_speak.set()
    qtbot.waitUntil(lambda: not session.any_busy)
    assert second.shown_text == REPLY
    assert session.conversation.leaf == first.number
