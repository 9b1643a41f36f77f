"""The window starts and keeps all chats, whatever happens to the database of conversations."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest
from paths import REPOSITORY
from PySide6.QtWidgets import QMessageBox

from i3desk.conversations.conversation import ASSISTANT, USER, Conversation
from i3desk.conversations.store import Store
from i3desk.conversations.store.stand_in import stand_ins

REPLY = "the moon is a big rock."


def chat(*texts: str) -> Conversation:
    conversation = Conversation()
    for index, text in enumerate(texts):
        conversation.add(ASSISTANT if index % 2 else USER, text, conversation.leaf)
    return conversation


def fill(path, *titles: str) -> None:
    with closing(Store(path)) as store:
        for title in titles:
            store.add(chat(title, f"reply to {title}"))


def stored(path) -> dict[str, list[str]]:
    with closing(Store(path)) as store:
        return {row.title: [message.text for message in store.open(row.id).path()] for row in store.rows()}


def titles(app) -> set[str]:
    return {row.title for row in app.services.conversations.model.rows}


def wait_for_model(app, qtbot) -> None:
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)


def is_at_home(app) -> bool:
    return not app.services.store_guard.stands_in and not app.services.store.held


@contextmanager
def locked(path, command: str):
    """Another program that holds a lock, as a backup or a database browser does."""
    code = f"""
import sqlite3, sys
c = sqlite3.connect({str(path)!r}, isolation_level=None)
{command}
print("locked", flush=True)
sys.stdin.readline()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin
    assert child.stdout
    assert child.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


EXCLUSIVE = 'c.execute("PRAGMA locking_mode = EXCLUSIVE"); c.execute("BEGIN EXCLUSIVE")'
WRITING = 'c.execute("BEGIN IMMEDIATE")'


@pytest.mark.parametrize(("command", "is_readable"), [(EXCLUSIVE, False), (WRITING, True)])
def test_chats_of_a_locked_start_move_over_once_the_lock_is_gone(open_app, say, qtbot, paths, command, is_readable):
    path = paths.conversations_file
    fill(path, "one", "two")
    with locked(path, command):
        app = open_app()
        wait_for_model(app, qtbot)
        status = app.window.sidebar.status
        qtbot.waitUntil(lambda: "Close the program that has this file open" in status.remedy.text())
        say(app, "three")
        if is_readable:
            qtbot.waitUntil(lambda: titles(app) == {"one", "two", "three"})
            app.services.conversations.rename(1, "uno")
        app.window.close()
        assert app.window.isVisible()  # it asks
        app.window.findChild(QMessageBox).reject()
    qtbot.waitUntil(lambda: is_at_home(app), timeout=15_000)
    qtbot.waitUntil(lambda: len(titles(app)) == 3)
    assert status.isHidden()
    say(app, "four")
    number = app.window.session.conversation.id
    assert number is not None
    open_app.close(app)
    found = stored(path)
    assert found["three"] == ["three", REPLY, "four", REPLY]
    assert set(found) == ({"uno", "two", "three"} if is_readable else {"one", "two", "three"})
    assert stand_ins(path) == []


def test_read_only_disk_shows_what_is_there_and_keeps_new_chats(open_app, say, qtbot, paths, monkeypatch, tmp_path):
    path = paths.conversations_file
    fill(path, "one")
    real_open, real_mkdir = os.open, os.mkdir

    def refuse(name, flags=os.O_RDWR, *rest, **options):
        if str(name).startswith(str(path.parent)) and flags & (os.O_CREAT | os.O_RDWR | os.O_WRONLY):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(name))
        return real_open(name, flags, *rest, **options)

    def refuse_folder(name, *rest, **options):
        if str(name).startswith(str(path.parent)):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(name))
        return real_mkdir(name, *rest, **options)

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        patched.setattr(os, "mkdir", refuse_folder)
        app = open_app()
        wait_for_model(app, qtbot)
        qtbot.waitUntil(lambda: titles(app) == {"one"})
        assert "Read-only" in app.window.sidebar.status.toolTip()
        app.actions.open(1)
        qtbot.waitUntil(lambda: app.window.session.conversation.id == 1)
        say(app, "more")
        app.window.close()
        question = app.window.findChild(QMessageBox)
        assert "could not be stored" in question.text()
        assert "later start" in question.informativeText()
        with qtbot.waitSignal(app.window.closed):
            app.window.lose_button.click()
        open_app.close(app)
        assert len(stand_ins(path)) == 1
    again = open_app()
    qtbot.waitUntil(lambda: "1 chat of an earlier session" in again.window.toast.text.text())
    open_app.close(again)
    assert stored(path) == {"one": ["one", "reply to one", "more", REPLY]}
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize("replaced", [False, True])
def test_file_deleted_or_replaced_while_running_is_written_again(app, say, qtbot, paths, replaced, tmp_path):
    path = paths.conversations_file
    say(app, "before")
    if replaced:
        fill(tmp_path / "other.sqlite3", "foreign")
        os.replace(tmp_path / "other.sqlite3", path)
    else:
        for file in path.parent.glob(path.name + "*"):
            file.unlink()
    say(app, "after")
    qtbot.waitUntil(lambda: "written again" in app.window.toast.text.text(), timeout=10_000)
    assert ("replaced" if replaced else "deleted") in app.window.toast.text.text()
    qtbot.waitUntil(lambda: not app.services.autosave.has_unsaved)
    with closing(sqlite3.connect(path)) as connection:
        texts = [text for (text,) in connection.execute("SELECT text FROM messages ORDER BY number")]
    assert texts == ["before", REPLY, "after", REPLY]
    kept = list(path.parent.glob("*-replaced-*.sqlite3"))
    assert [list(stored(file)) for file in kept] == ([["foreign"]] if replaced else [])


def test_flipped_bits_in_texts_cost_a_character_and_not_the_start(open_app, qtbot, paths, open_chat):
    path = paths.conversations_file
    fill(path, "titel-xy", "fine")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    path.write_bytes(path.read_bytes().replace(b"titel-xy", b"titel-\xf8y"))
    app = open_app()
    qtbot.waitUntil(lambda: titles(app) == {"titel-\ufffdy", "fine"})
    open_chat(app, 1)
    assert app.window.session.conversation.path()[0].text == "titel-\ufffdy"
    app.services.conversations.rename(1, "mended")
    assert titles(app) == {"mended", "fine"}


def test_damaged_schema_is_recovered_beside_the_window(open_app, say, qtbot, paths):
    path = paths.conversations_file
    names = [f"chat {number}" for number in range(6)]
    fill(path, *names)
    data = bytearray(path.read_bytes())
    data[:4096] = b"\xa5" * 4096
    path.write_bytes(data)
    app = open_app()  # at once, with the list still to come
    assert app.services.store_guard.stands_in
    wait_for_model(app, qtbot)
    say(app, "meanwhile")
    qtbot.waitUntil(lambda: titles(app) == {*names, "meanwhile"}, timeout=15_000)
    assert "could be recovered" in app.window.toast.text.text()
    open_app.close(app)
    found = stored(path)
    assert all(found[name] == [name, f"reply to {name}"] for name in names)
    assert found["meanwhile"] == ["meanwhile", REPLY]


def test_chats_of_a_killed_window_with_a_stand_in_are_added_at_the_next_start(open_app, qtbot, paths):
    from i3desk.conversations.store import stand_in

    path = paths.conversations_file
    fill(path, "one")
    with closing(Store(stand_in.make(path), recover=False)) as store:
        store.add(chat("said before the kill", "indeed"))
    app = open_app()
    qtbot.waitUntil(lambda: titles(app) == {"one", "said before the kill"})
    assert stand_ins(path) == []


def test_busy_file_is_written_later_without_a_message(app, say, qtbot, paths):
    say(app, "one")
    with locked(paths.conversations_file, WRITING):
        say(app, "two")
        assert app.services.autosave.has_unsaved
        assert app.window.toast.isHidden()
    qtbot.waitUntil(lambda: not app.services.autosave.has_unsaved)
