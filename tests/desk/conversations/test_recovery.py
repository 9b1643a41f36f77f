"""Damaged databases and daily copies: what is intact is found, and the worst case is a day old."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from i3desk.conversations.conversation import ASSISTANT, USER, Conversation
from i3desk.conversations.import_export import to_markdown
from i3desk.conversations.store import Folder, Store, backups, checkpoint, copying, folders, search
from i3desk.conversations.store.backups import copy_daily, daily_copies
from i3desk.conversations.store.pages import PageReader


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "conversations.sqlite3"


def fill(path: Path, count: int, text: str = "zebra " * 60) -> None:
    with closing(Store(path)) as store:
        for number in range(count):
            conversation = Conversation()
            conversation.add(USER, f"question {number} {text}")
            conversation.add(ASSISTANT, f"answer {number} {text}", 1)
            store.add(conversation)
        checkpoint(path)


def questions(path: Path) -> set[str]:
    with closing(Store(path)) as store:
        return {" ".join(store.open(row.id).path()[0].text.split()[:2]) for row in store.rows()}


@given(st.lists(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() |
                         st.binary(max_size=6000), min_size=3, max_size=3), max_size=12),
       st.sampled_from([512, 4096, 65_536]), st.booleans())  # fmt: skip
def test_rows_are_read_from_pages_as_sqlite_reads_them(tmp_path_factory, rows, page_size, is_logged):
    path = tmp_path_factory.mktemp("pages") / "file.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, one, two, three)")
        if is_logged:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.executemany("INSERT INTO numbers (one, two, three) VALUES (?, ?, ?)", rows)
        expected = connection.execute("SELECT id, one, two, three FROM numbers").fetchall()
        with closing(PageReader(path)) as reader:  # also while the log is in use
            found = [(number, *values[1:]) for number, values in reader.rows() if values[0] is None]
    assert sorted(found, key=lambda row: row[0]) == expected


@pytest.mark.parametrize("page", [0, 1, 2])
def test_chats_survive_any_damaged_page_at_the_start_of_the_file(path, page):
    fill(path, 40)
    data = bytearray(path.read_bytes())
    data[page * 4096 : page * 4096 + 4096] = os.urandom(4096)
    path.write_bytes(data)
    path.with_name(path.name + ".damaged").touch()
    assert len(questions(path)) >= 38
    assert len(search(path, "question", limit=100)) >= 38


def test_log_of_a_deleted_database_is_recovered(path):
    kept = path.with_name("kept")
    with closing(Store(path)) as store:
        conversation = Conversation()
        conversation.add(USER, "only in the log")
        store.add(conversation)
        shutil.copy(f"{path}-wal", kept)
    path.unlink()
    kept.rename(f"{path}-wal")
    with closing(Store(path)) as store:
        assert "1 conversation could be recovered" in store.notice
        assert [row.title for row in store.rows()] == ["only in the log"]


def test_recovery_that_was_interrupted_is_completed(path):
    fill(path, 3)
    path.with_name(path.name + ".damaged").touch()
    with closing(Store(path)):
        pass
    (aside,) = path.parent.glob("*-damaged-*")
    path.rename(path.with_name("conversations-recovered.sqlite3"))  # killed before the last step
    assert questions(path) == {"question 0", "question 1", "question 2"}
    assert aside.exists()


def test_daily_copy_is_small_private_and_gives_back_what_damage_took(path):
    fill(path, 30)
    assert copy_daily(path)
    (copy,) = daily_copies(path)
    assert copy.stat().st_size < path.stat().st_size * 0.7
    assert copy.stat().st_mode & 0o077 == 0
    path.write_bytes(b"\xa5" * path.stat().st_size)
    assert len(questions(path)) == 30
    shutil.copy(copy, path.with_name("by-hand.sqlite3"))  # a copy can also be used as it is
    assert len(questions(path.with_name("by-hand.sqlite3"))) == 30
    assert len(search(path.with_name("by-hand.sqlite3"), "question 7")) == 1


def test_seven_copies_are_kept_and_none_is_made_without_a_change(path, monkeypatch):
    fill(path, 1)
    for day in range(1, 10):
        monkeypatch.setattr(time, "strftime", lambda _, day=day: f"2026-01-{day:02}")
        os.utime(path, (time.time() + day, time.time() + day))
        assert copy_daily(path)
    assert [copy.stem[-2:] for copy in daily_copies(path)] == ["09", "08", "07", "06", "05", "04", "03"]
    monkeypatch.setattr(time, "strftime", lambda _: "2026-01-20")
    os.utime(path, (1, 1))
    assert copy_daily(path)
    assert len(daily_copies(path)) == 7


def test_cancelled_copy_leaves_nothing_behind(path):
    fill(path, 300)
    assert not copy_daily(path, cancelled=lambda: True)
    assert list((path.parent / backups.FOLDER).iterdir()) == []


def test_forgotten_conversations_leave_the_copies(path):
    fill(path, 2, "secret")
    copy_daily(path)
    backups.forget(path, [1])
    (copy,) = daily_copies(path)
    assert b"question 0" not in copy.read_bytes()
    assert b"question 1" in copy.read_bytes()
    backups.remove_copies(path)
    assert daily_copies(path) == []


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE index_backlog", "DROP TABLE texts", "DROP TABLE texts_data", "PRAGMA user_version = 2",
        "PRAGMA user_version = 0", "ALTER TABLE conversations RENAME COLUMN draft TO other",
        "UPDATE messages SET created_at = 1e300, role = 'narrator'",
    ],
)  # fmt: skip
def test_tables_that_another_program_changed_cost_no_chat(path, damage):
    fill(path, 3)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(damage)
    assert questions(path) == {"question 0", "question 1", "question 2"}
    assert len(search(path, "zebra")) == 3
    with closing(Store(path)) as store:
        for row in store.rows():
            conversation = store.open_with_chunks(row.id)
            assert to_markdown(conversation)
            assert {message.role for message in conversation.path()} <= {USER, ASSISTANT}


def test_stand_in_of_a_window_killed_while_making_it_moves_nothing(path, tmp_path):
    fill(path, 1)
    stand_in = tmp_path / "stand-in.sqlite3"
    with closing(Store(stand_in)):  # killed before its changes were tracked
        pass
    assert not copying.has_changes(stand_in)
    assert copying.move_over(stand_in, path) == 0
    assert questions(path) == {"question 0"}


def test_move_that_is_repeated_after_a_kill_adds_nothing_twice(path, tmp_path):
    """Also where another conversation has the same number, as after a clock that was wrong."""
    fill(path, 1)
    stand_in = tmp_path / "stand-in.sqlite3"
    with closing(Store(stand_in)):
        pass
    copying.track(stand_in)
    fill(stand_in, 2, "moved")
    with closing(sqlite3.connect(stand_in, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        (number,) = connection.execute("SELECT min(id) FROM conversations").fetchone()
        connection.execute("UPDATE conversations SET id = 1 WHERE id = ?", (number,))
        connection.execute("UPDATE messages SET conversation = 1 WHERE conversation = ?", (number,))
    for _ in range(3):
        copying.move_over(stand_in, path)
        with closing(Store(path)) as store:
            texts = sorted(store.open(row.id).path()[0].text[:16] for row in store.rows())
        assert texts == ["question 0 moved", "question 0 zebra", "question 1 moved"]


def test_folders_survive_damage_also_of_chats_that_were_written_before_there_were_any(path):
    fill(path, 3)
    with closing(Store(path)) as store:
        chats = sorted(row.id for row in store.rows())
        with store.writing() as connection:
            folders.move(connection, chats[:1], "Recipes")
            folders.put(connection, "Empty", folded=True)
        checkpoint(path)
    # SQLite leaves a row as it is when a column is added: such a row has no folder.
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        sql = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'conversations'").fetchone()[0]
        assert sql.count(", folder TEXT NOT NULL DEFAULT ''") == 1
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, '') WHERE name = 'conversations'",
            (", folder TEXT NOT NULL DEFAULT ''",),
        )
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'conversations_in_list'")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE conversations SET title = 'old' WHERE id = ?", (chats[1],))
    path.with_name(path.name + ".damaged").touch()
    with closing(Store(path)) as store:
        assert {row.id: row.folder for row in store.rows()} == {chats[0]: "Recipes", chats[1]: "", chats[2]: ""}
        assert sorted(store.folders(), key=lambda each: each.name) == [Folder("Empty", True), Folder("Recipes")]


def test_daily_copy_from_before_there_were_folders_helps_to_recover(path):
    fill(path, 2)
    assert copy_daily(path)
    (copy,) = daily_copies(path)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("DROP INDEX conversations_in_list")
        connection.execute("ALTER TABLE conversations DROP COLUMN folder")
        connection.execute("DROP TABLE folders")
    path.write_bytes(os.urandom(path.stat().st_size))
    assert questions(path) == {"question 0", "question 1"}


def test_chat_in_a_stand_in_keeps_its_folder_when_it_is_moved_over(path, tmp_path):
    fill(path, 1)
    other = tmp_path / "stand-in.sqlite3"
    copying.track(other)
    with closing(Store(other)) as store:
        conversation = Conversation(folder="Recipes")
        conversation.add(USER, "soup")
        store.add(conversation)
    assert copying.move_over(other, path) == 1
    with closing(Store(path)) as store:
        assert sorted(row.folder for row in store.rows()) == ["", "Recipes"]
        assert store.folders() == [Folder("Recipes")]
