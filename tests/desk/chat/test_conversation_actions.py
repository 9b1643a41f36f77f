"""What can be done with whole conversations, in the real window with a real store."""

from __future__ import annotations

import json
import threading

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog, QLineEdit
from user import click

from i3core.errors import I3Error
from i3desk.app import wipe
from i3desk.chat.message_widgets import ReplyMessageRow
from i3desk.conversations import import_export
from i3desk.conversations.conversation import ReplyState
from i3desk.conversations.store import Store

REPLY = "the moon is a big rock."


def rows(app) -> list[str]:
    model = app.services.conversations.model
    return [row.title for row in model.rows]


def texts(app) -> list[str]:
    return [message.shown_text for message in app.window.session.conversation.path()]


def test_chats_appear_in_the_list_and_open_again(app, say, qtbot, open_chat):
    say(app, "names for a cat")
    qtbot.keyClick(app.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    say(app, "a story about a fox")
    assert rows(app) == ["a story about a fox", "names for a cat"]
    first = app.services.conversations.model.rows[1].id
    open_chat(app, first)
    assert texts(app) == ["names for a cat", REPLY]
    assert app.window.chat_page.header.title.text() == "names for a cat"


def test_chats_are_there_after_a_restart(open_app, say, qtbot, open_chat):
    app = open_app()
    say(app, "names for a cat")
    open_app.close(app)
    again = open_app()
    qtbot.waitUntil(lambda: rows(again) == ["names for a cat"])
    open_chat(again, again.services.conversations.model.rows[0].id)
    assert texts(again) == ["names for a cat", REPLY]


def test_reply_cut_by_the_end_of_the_program_is_marked_and_can_be_continued(open_app, say, qtbot, model, open_chat):
    model.endless = True
    app = open_app()
    say(app, "go on and on", wait=False)
    qtbot.waitUntil(
        lambda: app.window.session.conversation.messages and app.window.session.conversation.last.text != ""
    )
    open_app.close(app)

    model.endless = False
    model.words = ("and so on.",)
    again = open_app()
    qtbot.waitUntil(lambda: rows(again) == ["go on and on"])
    open_chat(again, again.services.conversations.model.rows[0].id)
    reply = again.window.session.conversation.last
    assert reply.state is ReplyState.CUT
    before = reply.text
    row = again.window.chat_page.transcript.findChild(ReplyMessageRow)
    qtbot.waitUntil(lambda: row.interrupted is not None and row.interrupted.isVisible())
    qtbot.mouseClick(row.interrupted.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not again.window.session.busy)
    assert reply.text == before + "and so on."
    assert reply.state is ReplyState.DONE


def test_deleting_can_be_undone(app, say, qtbot):
    say(app, "keep me")
    number = app.window.session.conversation.id
    app.actions.delete(number)
    assert rows(app) == []
    assert app.window.chat_page.welcome.isVisible()
    assert "keep me" in app.window.toast.text.text()
    app.window.toast.take_action()
    assert rows(app) == ["keep me"]
    qtbot.waitUntil(lambda: texts(app) == ["keep me", REPLY])


def test_message_about_a_deleted_chat_covers_no_reply(app, say, qtbot, open_chat):
    say(app, "delete me")
    number = app.window.session.conversation.id
    app.window.chat_page.start_new()
    for index in range(12):  # more than the view can show
        say(app, f"hello {index}")
    app.actions.delete(number)
    toast, transcript = app.window.toast, app.window.chat_page.transcript

    def lowest():
        row = transcript.row_of(app.window.session.conversation.leaf)
        return row.mapTo(app.window, QPoint(0, row.height())).y()

    qtbot.waitUntil(lambda: lowest() <= toast.mapTo(app.window, QPoint(0, 0)).y())
    above = lowest()
    toast.dismiss()
    qtbot.waitUntil(lambda: lowest() > above)


def test_duplicate_is_independent_of_the_original(app, say, qtbot, open_chat):
    say(app, "hello")
    first = app.window.session.conversation.id
    app.actions.duplicate(first)
    qtbot.waitUntil(lambda: app.window.session.conversation.id not in (None, first))
    say(app, "more")
    assert texts(app) == ["hello", REPLY, "more", REPLY]
    open_chat(app, first)
    assert texts(app) == ["hello", REPLY]


def test_new_title_is_shown_everywhere_and_stored(app, say, qtbot):
    say(app, "hello")
    number = app.window.session.conversation.id
    app.window.sidebar.rename_requested.emit(number, "My moon talk")
    assert app.window.chat_page.header.title.text() == "My moon talk"
    say(app, "again")
    assert rows(app) == ["My moon talk"]
    assert app.services.store.open(number).title == "My moon talk"


def test_header_renames_the_chat(app, say, qtbot):
    say(app, "hello")
    app.window.chat_page.header.rename_requested.emit()
    dialog = app.window.findChild(QInputDialog)
    dialog.setTextValue("Another name")
    dialog.accept()
    assert rows(app) == ["Another name"]


def test_header_pins_duplicates_and_deletes_the_chat(app, say, qtbot):
    header = app.window.chat_page.header
    menu = header.export_button.menu()
    menu.aboutToShow.emit()
    assert not header.delete_action.isEnabled()  # an empty chat is in no list
    say(app, "hello")
    menu.aboutToShow.emit()
    assert not header.pin_action.isChecked()
    header.pin_action.trigger()
    assert [row.pinned for row in app.services.conversations.model.rows] == [True]
    menu.aboutToShow.emit()
    assert header.pin_action.isChecked()
    header.duplicate_action.trigger()
    qtbot.waitUntil(lambda: len(rows(app)) == 2)
    copied = max(row.id for row in app.services.conversations.model.rows)
    qtbot.waitUntil(lambda: app.window.session.conversation.id == copied)
    header.delete_action.trigger()
    assert len(rows(app)) == 1
    assert app.window.session.conversation.messages == {}


def test_exported_chat_can_be_imported_unchanged(app, say, qtbot, tmp_path):
    say(app, "hello")
    app.window.session.retry()
    qtbot.waitUntil(lambda: not app.window.session.busy)
    app.window.chat_page.header.export_requested.emit("json")
    path = tmp_path / "chat.json"
    app.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: "Exported" in app.window.toast.text.text())

    app.actions.import_files([str(path)])
    qtbot.waitUntil(lambda: len(rows(app)) == 2)
    conversation = app.window.session.conversation
    assert len(conversation.messages) == 3
    assert len(conversation.versions(conversation.leaf)) == 2
    app.window.session.fill_chunks(conversation.last)
    assert conversation.last.chunks[0].probability == 0.6


def test_all_chats_are_exported_to_one_file(app, say, qtbot, tmp_path):
    for text in ("one", "two"):
        app.window.chat_page.start_new()
        say(app, text)
    app.window.settings_page.data.export_all_requested.emit()
    path = tmp_path / "all.json"
    app.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(lambda: "Exported" in app.window.toast.text.text())
    assert {each["title"] for each in json.loads(path.read_text(encoding="utf-8"))} == {"one", "two"}


def test_probabilities_are_exported_as_a_table(app, say, qtbot, tmp_path):
    say(app, "hello")
    app.window.chat_page.csv_requested.emit(app.window.session.conversation.leaf)
    path = tmp_path / "chunks.csv"
    app.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(path.exists)
    qtbot.waitUntil(lambda: "Exported" in app.window.toast.text.text())
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert "the moon " in lines[1]


def test_copying_the_whole_chat(app, say):
    say(app, "hello")
    app.window.chat_page.header.copy_all()
    text = QGuiApplication.clipboard().text()
    assert "hello" in text
    assert REPLY in text


def test_damaged_import_shows_an_error_and_changes_nothing(app, say, qtbot, tmp_path):
    say(app, "hello")
    path = tmp_path / "broken.json"
    path.write_text("{", encoding="utf-8")
    app.actions.import_files([str(path)])
    qtbot.waitUntil(lambda: "broken.json" in app.window.toast.text.text())
    assert rows(app) == ["hello"]


def test_damaged_file_among_many_does_not_keep_out_the_others(app, qtbot, tmp_path):
    turns = json.dumps({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]})
    paths = [tmp_path / f"{name}.json" for name in "abc"]
    for path, text in zip(paths, (turns, turns[:-9], turns), strict=True):
        path.write_text(text, encoding="utf-8")
    app.actions.import_files([str(path) for path in paths])
    qtbot.waitUntil(lambda: len(rows(app)) == 2)
    qtbot.waitUntil(lambda: "b.json is not JSON" in app.window.toast.text.text())
    assert "Imported 2 conversations" in app.window.toast.text.text()


def test_file_dropped_on_the_message_field_is_imported(app, qtbot, tmp_path):
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]))
    field = app.window.chat_page.composer.edit
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    data.setText(data.urls()[0].toString())  # as file managers add it
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    widget = field.viewport()
    while widget is not None:  # as Qt does: the first that takes it
        at = widget.mapFrom(field, field.rect().center()) if widget is not field.viewport() else QPoint(5, 5)
        entered = QDragEnterEvent(at, *how)
        entered.ignore()
        if widget.acceptDrops():
            QApplication.sendEvent(widget, entered)
            if entered.isAccepted():
                QApplication.sendEvent(widget, QDropEvent(QPointF(at), *how))
                break
        widget = widget.parentWidget()
    qtbot.waitUntil(lambda: texts(app) == ["hi", "hello."])
    assert field.toPlainText() == ""


def test_conversation_dropped_on_the_window_is_imported(app, qtbot, tmp_path):
    path = tmp_path / "talk.json"
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello."}]
    path.write_text(json.dumps({"messages": messages}), encoding="utf-8")
    drop(app, path)
    qtbot.waitUntil(lambda: texts(app) == ["hi", "hello."])


def test_model_folder_dropped_on_the_window_is_added(app, qtbot):
    from i3core.system import assets

    drop(app, assets.path("models/i3-mini"))
    assert app.window.models_page.isVisible()


def drop(app, path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(QPoint(400, 300), *how)
    QApplication.sendEvent(app.window, entered)
    assert entered.isAccepted()
    QApplication.sendEvent(app.window, QDropEvent(QPointF(400, 300), *how))


def test_search_hit_opens_at_its_message_and_version(app, say, qtbot, model, open_chat):
    model.words = ("a zebra ran by.",)
    say(app, "tell me")
    number, old = app.window.session.conversation.id, app.window.session.conversation.leaf
    model.words = ("nothing here.",)
    app.window.session.retry()
    qtbot.waitUntil(lambda: not app.window.session.busy)
    app.window.chat_page.start_new()
    found = []
    app.services.conversations.hits_ready.connect(lambda text, hits: found.extend(hits))
    app.services.conversations.search("zebra")
    qtbot.waitUntil(lambda: bool(found))
    open_chat(app, number, found[0].message_number, ["zebra"])
    assert app.window.session.conversation.leaf == old


def test_deleting_all_chats_leaves_nothing_on_the_disk(app, say, qtbot, paths):
    say(app, "a secret about xylophones")
    app.window.settings_page.data.delete_conversations_requested.emit()
    qtbot.waitUntil(lambda: "deleted" in app.window.toast.text.text())
    assert rows(app) == []
    assert app.window.chat_page.welcome.isVisible()
    content = b"".join(path.read_bytes() for path in paths.conversations_file.parent.glob("conversations*"))
    assert b"xylophone" not in content


def test_delete_everything_asks_first(app, qtbot):
    page = app.window.settings_page
    app.window.settings_button.click()
    asked = []
    page.data.delete_conversations_requested.connect(lambda: asked.append(True))
    qtbot.mouseClick(page.data.delete_conversations_button, Qt.MouseButton.LeftButton)
    assert page.data.question.isVisible()
    qtbot.mouseClick(page.data.question.no_button, Qt.MouseButton.LeftButton)
    assert asked == []
    qtbot.mouseClick(page.data.delete_conversations_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(page.data.question.yes_button, Qt.MouseButton.LeftButton)
    assert asked == [True]


def test_delete_everything_closes_the_window_and_leaves_no_file(app, say, qtbot, paths):
    from i3desk.app import wipe

    say(app, "hello")
    paths.models_folder.mkdir()
    (paths.models_folder / "weights").write_bytes(b"x")
    with qtbot.waitSignal(app.window.closed):
        app.window.settings_page.data.delete_everything_requested.emit()
    assert app.wipe_at_end
    wipe(paths)
    assert not paths.conversations_file.parent.exists()


def test_chat_works_although_the_store_cannot_be_opened(open_app, say, qtbot, paths):
    paths.conversations_file.parent.mkdir(parents=True)
    paths.conversations_file.mkdir()  # a folder where the file should be
    app = open_app()
    qtbot.waitUntil(lambda: "chats are kept in" in app.window.toast.text.text())
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    say(app, "hello")
    assert texts(app) == ["hello", REPLY]
    app.window.close()
    with qtbot.waitSignal(app.window.closed):
        app.window.lose_button.click()


def test_full_disk_is_reported_and_loses_nothing(app, say, qtbot, monkeypatch):
    say(app, "one")
    with monkeypatch.context() as patched:

        def full(*_):
            raise I3Error("The disk is full.", "Free some space.")

        patched.setattr(Store, "save_message", full)
        say(app, "two")
        assert "The disk is full. Free some space." in app.window.toast.text.text()
    app.services.autosave.save_now()
    assert len(app.services.store.open(app.window.session.conversation.id).messages) == 4


@pytest.mark.parametrize("kind", ["markdown", "json"])
def test_stored_chats_are_exported_from_the_list(app, say, qtbot, tmp_path, kind):
    say(app, "hello")
    number = app.window.session.conversation.id
    app.window.chat_page.start_new()
    app.window.sidebar.export_requested.emit(number, kind)
    path = tmp_path / "chat"
    app.window.findChild(QFileDialog).fileSelected.emit(str(path))
    qtbot.waitUntil(lambda: "Exported" in app.window.toast.text.text())
    assert REPLY in path.read_text(encoding="utf-8")


def test_title_and_pin_survive_a_reply_in_another_chat(app, say, qtbot, model):
    model.may_speak.clear()
    say(app, "names for a cat", wait=False)
    number = app.window.session.conversation.id
    app.window.chat_page.start_new()
    sidebar = app.window.sidebar
    sidebar.rename_requested.emit(number, "Cats")
    sidebar.pin_requested.emit(number, True)
    model.may_speak.set()
    qtbot.waitUntil(lambda: not app.window.session.any_busy)
    stored = app.services.store.open(number)
    assert (stored.title, stored.pinned, stored.last.shown_text) == ("Cats", True, REPLY)
    assert rows(app) == ["Cats"]


def test_undo_keeps_another_chat_on_screen(app, say, qtbot):
    say(app, "names for a cat")
    number = app.window.session.conversation.id
    app.actions.start_temporary()
    say(app, "a secret")
    app.actions.delete(number)
    app.window.toast.action_button.click()
    qtbot.waitUntil(lambda: rows(app) == ["names for a cat"])
    qtbot.wait(1)
    assert texts(app) == ["a secret", REPLY]


def test_chat_started_after_delete_all_stays(app, say, qtbot):
    say(app, "names for a cat")
    before = threading.Event()
    app.services.background.run(before.wait, lambda _: None)
    app.actions.delete_all()
    say(app, "a new start")
    before.set()
    qtbot.waitUntil(lambda: app.window.toast.isVisible())
    assert rows(app) == ["a new start"]
    assert [row.title for row in app.services.store.rows()] == ["a new start"]


@pytest.mark.parametrize("everything", [False, True])
def test_export_has_the_probabilities(app, say, qtbot, tmp_path, everything):
    say(app, "names for a cat")
    number = app.window.session.conversation.id
    app.window.chat_page.start_new()
    if everything:
        app.actions.export_all()
    else:
        app.window.sidebar.export_requested.emit(number, "json")
    target = tmp_path / "chats.json"
    app.window.findChild(QFileDialog).fileSelected.emit(str(target))
    qtbot.waitUntil(target.exists)
    (conversation,) = import_export.read_file(target)
    assert conversation.last.chunks == app.services.store.load_chunks(number, conversation.last.number) != []


def test_delete_everything_removes_damaged_copies(paths):
    paths.conversations_file.parent.mkdir(parents=True)
    copy = paths.conversations_file.with_name("conversations-damaged-2026-01-02-030405.sqlite3")
    copy.write_bytes(b"secret")
    wipe(paths)
    assert not copy.exists()


# Folders.


def list_titles(app) -> list[str]:
    """All rows of the list on screen, headings and folders too."""
    model = app.services.conversations.model
    return [model.index(row).data() for row in range(model.rowCount())]


def new_folder(app, qtbot, name: str) -> None:
    """Click "New folder" and type its name."""
    sidebar = app.window.sidebar
    click(qtbot, sidebar.folder_button)
    editor = sidebar.list.findChild(QLineEdit, "titleEditor")
    qtbot.keyClicks(editor, name)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: name in list_titles(app))


def test_folder_is_created_named_filled_and_there_after_a_restart(open_app, say, qtbot):
    app = open_app()
    say(app, "names for a cat")
    new_folder(app, qtbot, "Pets")
    number = app.services.conversations.model.rows[0].id
    app.actions.move([number], "Pets")
    assert list_titles(app) == ["Pets", "names for a cat"]
    assert app.window.sidebar.list.shown.data() == "names for a cat"
    app.services.conversations.fold("Pets", True)
    open_app.close(app)
    again = open_app()
    qtbot.waitUntil(lambda: list_titles(again) == ["Pets"])


def test_moving_and_deleting_a_folder_can_be_undone(app, say, qtbot):
    say(app, "names for a cat")
    new_folder(app, qtbot, "Pets")
    number = app.services.conversations.model.rows[0].id
    undo = (app.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    app.actions.move([number], "Pets")
    app.window.setFocus()
    qtbot.keyClick(*undo)
    assert list_titles(app) == ["Pets", "Today", "names for a cat"]
    app.actions.move([number], "Pets")
    app.window.sidebar.folder_deleted.emit("Pets")
    assert list_titles(app) == ["Today", "names for a cat"]
    qtbot.keyClick(*undo)
    assert list_titles(app) == ["Pets", "names for a cat"]


def test_open_chat_is_moved_by_the_menu_of_the_header(app, say, qtbot):
    say(app, "names for a cat")
    new_folder(app, qtbot, "Pets")
    menu = app.window.chat_page.header.folder_menu
    menu.aboutToShow.emit()
    next(action for action in menu.actions() if action.text() == "Pets").trigger()
    assert list_titles(app) == ["Pets", "names for a cat"]
