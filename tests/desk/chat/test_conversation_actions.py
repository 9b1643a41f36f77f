"""What can be done with whole conversations, in the real window with a real store."""

from __future__ import annotations

import json
import threading

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog

from i3core.errors import I3Error
from i3desk.app import wipe
from i3desk.chat.message_widgets import ReplyMessage
from i3desk.conversations import import_export
from i3desk.conversations.conversation import ReplyState
from i3desk.conversations.store import Store

REPLY = "the moon is a big rock."


def rows(desk) -> list[str]:
    model = desk.parts.conversations.model
    return [row.title for row in model.rows]


def texts(desk) -> list[str]:
    return [message.shown_text for message in desk.window.session.conversation.path()]


def test_chats_appear_in_the_list_and_open_again(desk, say, qtbot, open_chat):
    say(desk, "names for a cat")
    qtbot.keyClick(desk.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    say(desk, "a story about a fox")
    assert rows(desk) == ["a story about a fox", "names for a cat"]
    first = desk.parts.conversations.model.rows[1].id
    open_chat(desk, first)
    assert texts(desk) == ["names for a cat", REPLY]
    assert desk.window.chat_page.header.title.text() == "names for a cat"


def test_chats_are_there_after_a_restart(open_desk, say, qtbot, open_chat):
    desk = open_desk()
    say(desk, "names for a cat")
    open_desk.close(desk)
    again = open_desk()
    qtbot.waitUntil(lambda: rows(again) == ["names for a cat"])
    open_chat(again, again.parts.conversations.model.rows[0].id)
    assert texts(again) == ["names for a cat", REPLY]


def test_a_reply_cut_by_the_end_of_the_program_is_marked_and_can_be_continued(open_desk, say, qtbot, model, open_chat):
    model.endless = True
    desk = open_desk()
    say(desk, "go on and on", wait=False)
    qtbot.waitUntil(
        lambda: desk.window.session.conversation.messages and desk.window.session.conversation.last.text != ""
    )
    open_desk.close(desk)

    model.endless = False
    model.words = ("and so on.",)
    again = open_desk()
    qtbot.waitUntil(lambda: rows(again) == ["go on and on"])
    open_chat(again, again.parts.conversations.model.rows[0].id)
    reply = again.window.session.conversation.last
    assert reply.state is ReplyState.CUT
    before = reply.text
    row = again.window.chat_page.transcript.findChild(ReplyMessage)
    qtbot.waitUntil(lambda: row.interrupted is not None and row.interrupted.isVisible())
    qtbot.mouseClick(row.interrupted.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not again.window.session.busy)
    assert reply.text == before + "and so on."
    assert reply.state is ReplyState.DONE


def test_deleting_can_be_undone(desk, say, qtbot):
    say(desk, "keep me")
    number = desk.window.session.conversation.id
    desk.actions.delete(number)
    assert rows(desk) == []
    assert desk.window.chat_page.empty.isVisible()
    assert "keep me" in desk.window.toast.text.text()
    desk.window.toast.take_action()
    assert rows(desk) == ["keep me"]
    qtbot.waitUntil(lambda: texts(desk) == ["keep me", REPLY])


def test_a_duplicate_lives_its_own_life(desk, say, qtbot, open_chat):
    say(desk, "hello")
    first = desk.window.session.conversation.id
    desk.actions.duplicate(first)
    qtbot.waitUntil(lambda: desk.window.session.conversation.id not in (None, first))
    say(desk, "more")
    assert texts(desk) == ["hello", REPLY, "more", REPLY]
    open_chat(desk, first)
    assert texts(desk) == ["hello", REPLY]


def test_renaming_shows_everywhere_and_is_kept(desk, say, qtbot):
    say(desk, "hello")
    number = desk.window.session.conversation.id
    desk.window.sidebar.rename_requested.emit(number, "My moon talk")
    assert desk.window.chat_page.header.title.text() == "My moon talk"
    say(desk, "again")
    assert rows(desk) == ["My moon talk"]
    assert desk.parts.store.open(number).title == "My moon talk"


def test_the_header_renames_too(desk, say, qtbot):
    say(desk, "hello")
    desk.window.chat_page.header.rename_requested.emit()
    dialog = desk.window.findChild(QInputDialog)
    dialog.setTextValue("Another name")
    dialog.accept()
    assert rows(desk) == ["Another name"]


def test_export_and_import_bring_everything_back(desk, say, qtbot, tmp_path):
    say(desk, "hello")
    desk.window.session.retry()
    qtbot.waitUntil(lambda: not desk.window.session.busy)
    desk.window.chat_page.header.export_requested.emit("json")
    path = tmp_path / "chat.json"
    desk.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: "Exported" in desk.window.toast.text.text())

    desk.actions.import_files([str(path)])
    qtbot.waitUntil(lambda: len(rows(desk)) == 2)
    conversation = desk.window.session.conversation
    assert len(conversation.messages) == 3
    assert len(conversation.versions(conversation.leaf)) == 2
    desk.window.session.fill_chunks(conversation.last)
    assert conversation.last.chunks[0].probability == 0.6


def test_all_chats_go_into_one_file(desk, say, qtbot, tmp_path):
    for text in ("one", "two"):
        desk.window.chat_page.start_new()
        say(desk, text)
    desk.window.settings_page.export_all_requested.emit()
    path = tmp_path / "all.json"
    desk.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(lambda: "Exported" in desk.window.toast.text.text())
    assert {each["title"] for each in json.loads(path.read_text(encoding="utf-8"))} == {"one", "two"}


def test_probabilities_are_exported_as_a_table(desk, say, qtbot, tmp_path):
    say(desk, "hello")
    desk.window.chat_page.csv_requested.emit(desk.window.session.conversation.leaf)
    path = tmp_path / "chunks.csv"
    desk.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: "Exported" in desk.window.toast.text.text())
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert "the moon " in lines[1]


def test_copying_the_whole_chat(desk, say):
    say(desk, "hello")
    desk.window.chat_page.header.copy_all()
    text = QGuiApplication.clipboard().text()
    assert "hello" in text
    assert REPLY in text


def test_a_damaged_import_says_so_and_changes_nothing(desk, say, qtbot, tmp_path):
    say(desk, "hello")
    path = tmp_path / "broken.json"
    path.write_text("{", encoding="utf-8")
    desk.actions.import_files([str(path)])
    qtbot.waitUntil(lambda: "broken.json" in desk.window.toast.text.text())
    assert rows(desk) == ["hello"]


def test_a_conversation_dropped_on_the_window_is_imported(desk, qtbot, tmp_path):
    path = tmp_path / "talk.json"
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]
    path.write_text(json.dumps({"messages": messages}), encoding="utf-8")
    drop(desk, path)
    qtbot.waitUntil(lambda: texts(desk) == ["hi", "hello."])


def test_a_model_folder_dropped_on_the_window_is_added(desk, qtbot):
    from i3core.system import assets

    drop(desk, assets.path("models/i3-mini"))
    assert desk.window.models_page.isVisible()


def drop(desk, path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(QPoint(400, 300), *how)
    QApplication.sendEvent(desk.window, entered)
    assert entered.isAccepted()
    QApplication.sendEvent(desk.window, QDropEvent(QPointF(400, 300), *how))


def test_a_hit_opens_at_its_message_in_its_version(desk, say, qtbot, model, open_chat):
    model.words = ("a zebra ran by.",)
    say(desk, "tell me")
    number, old = desk.window.session.conversation.id, desk.window.session.conversation.leaf
    model.words = ("nothing here.",)
    desk.window.session.retry()
    qtbot.waitUntil(lambda: not desk.window.session.busy)
    desk.window.chat_page.start_new()
    found = []
    desk.parts.conversations.hits_ready.connect(lambda text, hits: found.extend(hits))
    desk.parts.conversations.search("zebra")
    qtbot.waitUntil(lambda: bool(found))
    open_chat(desk, number, found[0].message_number, ["zebra"])
    assert desk.window.session.conversation.leaf == old


def test_deleting_all_chats_leaves_nothing_on_the_disk(desk, say, qtbot, places):
    say(desk, "a secret about xylophones")
    desk.window.settings_page.delete_conversations_requested.emit()
    qtbot.waitUntil(lambda: "deleted" in desk.window.toast.text.text())
    assert rows(desk) == []
    assert desk.window.chat_page.empty.isVisible()
    content = b"".join(path.read_bytes() for path in places.conversations_file.parent.glob("conversations*"))
    assert b"xylophone" not in content


def test_asking_before_everything_is_deleted(desk, qtbot):
    page = desk.window.settings_page
    desk.window.settings_button.click()
    asked = []
    page.delete_conversations_requested.connect(lambda: asked.append(True))
    qtbot.mouseClick(page.data.delete_conversations_button, Qt.MouseButton.LeftButton)
    assert page.data.question.isVisible()
    qtbot.mouseClick(page.data.keep_button, Qt.MouseButton.LeftButton)
    assert asked == []
    qtbot.mouseClick(page.data.delete_conversations_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.data.confirm_button, Qt.MouseButton.LeftButton)
    assert asked == [True]


def test_deleting_everything_closes_and_leaves_no_file(desk, say, qtbot, places):
    from i3desk.app import wipe

    say(desk, "hello")
    places.models_folder.mkdir()
    (places.models_folder / "weights").write_bytes(b"x")
    with qtbot.waitSignal(desk.window.closed):
        desk.window.settings_page.delete_everything_requested.emit()
    assert desk.wipe_at_end
    wipe(places)
    assert not places.conversations_file.parent.exists()


def test_a_store_that_cannot_be_opened_still_lets_people_chat(open_desk, say, qtbot, places):
    places.conversations_file.parent.mkdir(parents=True)
    places.conversations_file.mkdir()  # a folder where the file should be
    desk = open_desk()
    qtbot.waitUntil(lambda: "chats are not kept" in desk.window.toast.text.text())
    qtbot.waitUntil(lambda: desk.window.session.model.info is not None)
    say(desk, "hello")
    assert texts(desk) == ["hello", REPLY]


def test_a_full_disk_is_told_and_nothing_is_lost(desk, say, qtbot, monkeypatch):
    say(desk, "one")
    with monkeypatch.context() as patched:

        def full(*_):
            raise I3Error("The disk is full.", "Free some space.")

        patched.setattr(Store, "save_message", full)
        say(desk, "two")
        assert "The disk is full. Free some space." in desk.window.toast.text.text()
    desk.parts.keeper.save_now()
    assert len(desk.parts.store.open(desk.window.session.conversation.id).messages) == 4


@pytest.mark.parametrize("kind", ["markdown", "json"])
def test_stored_chats_are_exported_from_the_list(desk, say, qtbot, tmp_path, kind):
    say(desk, "hello")
    number = desk.window.session.conversation.id
    desk.window.chat_page.start_new()
    desk.window.sidebar.export_requested.emit(number, kind)
    path = tmp_path / "chat"
    desk.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(lambda: "Exported" in desk.window.toast.text.text())
    assert REPLY in path.read_text(encoding="utf-8")


def test_renaming_and_pinning_last_while_a_reply_is_written_elsewhere(desk, say, qtbot, model):
    model.may_speak.clear()
    say(desk, "names for a cat", wait=False)
    number = desk.window.session.conversation.id
    desk.window.chat_page.start_new()
    sidebar = desk.window.sidebar
    sidebar.rename_requested.emit(number, "Cats")
    sidebar.pin_requested.emit(number, True)
    model.may_speak.set()
    qtbot.waitUntil(lambda: not desk.window.session.any_busy)
    stored = desk.parts.store.open(number)
    assert (stored.title, stored.pinned, stored.last.shown_text) == ("Cats", True, REPLY)
    assert rows(desk) == ["Cats"]


def test_undo_leaves_another_chat_on_screen(desk, say, qtbot):
    say(desk, "names for a cat")
    number = desk.window.session.conversation.id
    desk.actions.start_temporary()
    say(desk, "a secret")
    desk.actions.delete(number)
    desk.window.toast.action_button.click()
    qtbot.waitUntil(lambda: rows(desk) == ["names for a cat"])
    qtbot.wait(1)
    assert texts(desk) == ["a secret", REPLY]


def test_a_chat_begun_after_delete_all_stays(desk, say, qtbot):
    say(desk, "names for a cat")
    before = threading.Event()
    desk.parts.background.run(before.wait, lambda _: None)
    desk.actions.delete_all()
    say(desk, "a new start")
    before.set()
    qtbot.waitUntil(lambda: desk.window.toast.isVisible())
    assert rows(desk) == ["a new start"]
    assert [row.title for row in desk.parts.store.rows()] == ["a new start"]


@pytest.mark.parametrize("everything", [False, True])
def test_exports_carry_the_probabilities(desk, say, qtbot, tmp_path, everything):
    say(desk, "names for a cat")
    number = desk.window.session.conversation.id
    desk.window.chat_page.start_new()
    if everything:
        desk.actions.export_all()
    else:
        desk.window.sidebar.export_requested.emit(number, "json")
    target = tmp_path / "chats.json"
    desk.window.findChild(QFileDialog).fileSelected.emit(str(target))
    qtbot.waitUntil(target.exists)
    (conversation,) = import_export.read_file(target)
    assert conversation.last.chunks == desk.parts.store.load_chunks(number, conversation.last.number) != []


def test_deleting_everything_takes_damaged_copies_too(places):
    places.conversations_file.parent.mkdir(parents=True)
    copy = places.conversations_file.with_name("conversations-damaged-2026-01-02-030405.sqlite3")
    copy.write_bytes(b"secret")
    wipe(places)
    assert not copy.exists()
