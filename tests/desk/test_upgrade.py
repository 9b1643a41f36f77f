"""What an earlier version left behind is opened by this one, and what a later one left is not harmed.

`tests/data/version-1` was made by i3desk itself, at the time when its tables had version 1.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from paths import OLD_DATABASE

from i3core.cli.main import main as i3core_main
from i3core.runs import index
from i3core.runs.reader import RunState
from i3desk.conversations.conversation import ReplyState
from i3desk.conversations.store import Folder, Store, folders, search
from i3desk.conversations.store.database import MIGRATIONS, connect

OLD = OLD_DATABASE
WITHOUT_FOLDERS = 4  # the version of the tables before folders


def schema(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    return {
        (name, " ".join(sql.split())) for name, sql in connection.execute("SELECT name, sql FROM sqlite_master") if sql
    }


@pytest.fixture
def old_data(paths) -> None:
    """The files of an earlier version, where this one looks for them."""
    paths.conversations_file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(paths.conversations_file)) as connection:
        connection.executescript((OLD / "conversations.sql").read_text(encoding="utf-8"))
    shutil.copy(OLD / "settings.json", paths.settings_file)
    run = paths.runs_folder / "first"
    shutil.copytree(OLD / "run", run)
    index.register(run)


def test_tables_of_version_1_are_unchanged():
    """A migration that was ever used must not change: databases of that version exist."""
    with closing(sqlite3.connect(":memory:")) as then, closing(sqlite3.connect(":memory:")) as now:
        then.executescript((OLD / "conversations.sql").read_text(encoding="utf-8"))
        MIGRATIONS[0](now)
        assert schema(then) == schema(now)


def test_upgraded_database_equals_new_one(old_data, paths, tmp_path):
    with closing(connect(paths.conversations_file)) as old, closing(connect(tmp_path / "new.sqlite3")) as new:
        assert schema(old) == schema(new)
        assert old.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_chats_from_before_there_were_folders_are_outside_of_all(tmp_path):
    path = tmp_path / "conversations.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as before:
        for migrate in MIGRATIONS[:WITHOUT_FOLDERS]:
            migrate(before)
        before.execute(f"PRAGMA user_version = {WITHOUT_FOLDERS}")
        for number, pinned in ((1, 0), (2, 1)):
            before.execute(
                "INSERT INTO conversations (id, title, pinned, created_at, updated_at) VALUES (?, ?, ?, 5.0, 6.0)",
                (number, f"chat {number}", pinned),
            )
    with closing(Store(path)) as store:
        assert [(row.id, row.title, row.pinned, row.folder) for row in store.rows()] == [
            (2, "chat 2", True, ""),
            (1, "chat 1", False, ""),
        ]
        assert store.folders() == []
        with store.writing() as connection:
            folders.move(connection, [1], "Recipes")
    with closing(Store(path)) as store:
        assert [(row.id, row.folder) for row in store.rows()] == [(2, ""), (1, "Recipes")]
        assert store.folders() == [Folder("Recipes")]
        assert store.open(1).folder == "Recipes"


def test_old_conversations_are_complete(old_data, app, open_chat, paths):
    rows = app.services.store.rows()
    assert [(row.title, row.pinned) for row in rows] == [("The harbour", True), ("New chat", False)]
    open_chat(app, rows[0].id)
    conversation = app.window.session.conversation
    assert [message.text for message in conversation.path()] == [
        "what lies in the harbour?",
        "three herring boats.",
        "who owns them?",
        "the widow of the lighthouse keeper.",
    ]
    assert sorted(message.text for message in conversation.messages.values() if message.parent == 1) == [
        "an old tugboat.",
        "three herring boats.",
    ]
    assert conversation.settings.sampling.temperature == 0.6
    assert conversation.last.seed == 11
    assert app.window.chat_page.composer.edit.toPlainText() == "and the gulls?"
    chunks = app.services.store.load_chunks(rows[0].id, conversation.last.number)
    assert [chunk.text for chunk in chunks] == ["the ", "widow of ", "the lighthouse keeper."]
    assert search(paths.conversations_file, "herring")[0].conversation_id == rows[0].id


def test_old_cut_reply_is_marked(old_data, app, open_chat):
    open_chat(app, app.services.store.rows()[1].id)
    assert app.window.session.conversation.last.state is ReplyState.CUT


def test_old_chat_can_be_continued(old_data, app, open_chat, say):
    number = app.services.store.rows()[0].id
    open_chat(app, number)
    app.window.chat_page.composer.edit.clear()
    say(app, "and who else?")
    app.services.autosave.save_now()
    assert app.services.store.open(number).path()[-2].text == "and who else?"


def test_old_settings_are_kept(old_data, app):
    preferences = app.store.preferences
    assert (preferences.theme, preferences.capitalise, preferences.glass) == ("dark", True, True)
    assert preferences.sampling.temperature == 0.6
    assert preferences.presets == {"Calm": {"temperature": 0.3}}


def test_old_run_is_listed_with_curves(old_data, app, qtbot, paths, capsys):
    qtbot.waitUntil(lambda: app.services.runs.summary(str(paths.runs_folder / "first")) is not None)
    run = app.services.runs.summary(str(paths.runs_folder / "first"))
    assert run.status.state is RunState.FINISHED
    assert (run.step, run.total_steps) == (6, 6)
    assert len(run.sparkline) == 6
    app.services.runs_page.open_requested.emit(str(paths.runs_folder / "first"))
    curves = app.services.train_page.curves
    qtbot.waitUntil(lambda: curves.dashboard is not None and len(curves.dashboard.history) == 6)
    assert i3core_main(["runs"]) == 0
    assert "first" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------- data of a later version


@pytest.fixture
def newer_database(paths) -> bytes:
    """A database of a later version, in use there a moment ago."""
    paths.conversations_file.parent.mkdir(parents=True, exist_ok=True)
    with closing(Store(paths.conversations_file)):
        pass
    with closing(sqlite3.connect(paths.conversations_file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("ALTER TABLE conversations ADD COLUMN colour TEXT")
        connection.execute("INSERT INTO conversations (title, created_at, updated_at) VALUES ('of tomorrow', 1, 2)")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        connection.commit()
    return paths.conversations_file.read_bytes()


def test_newer_database_is_refused_and_unchanged(newer_database, app, say, paths, open_app, qtbot):
    assert app.window.toast.isVisible()
    for shown in (app.window.toast.text.text(), app.window.sidebar.status.toolTip()):
        text = " ".join(shown.split())  # tooltips are wrapped
        assert "newer i3desk" in text
        assert "Install the newer" in text
        assert "chats are kept in" in text
    say(app, "hello")
    assert app.window.session.conversation.last.text == "the moon is a big rock."
    app.window.close()
    with qtbot.waitSignal(app.window.closed):
        app.window.lose_button.click()
    open_app.close(app)
    assert paths.conversations_file.read_bytes() == newer_database
    beside = {path.name for path in paths.conversations_file.parent.glob("conversations*")}
    assert beside == {"conversations.sqlite3"}


def test_settings_of_later_version_survive(paths, app, open_app, qtbot):
    open_app.close(app)
    values = json.loads(paths.settings_file.read_text(encoding="utf-8"))
    values |= {"of_tomorrow": {"x": [1, 2]}, "theme": "sepia", "capitalise": True}
    paths.settings_file.write_text(json.dumps(values), encoding="utf-8")
    again = open_app()
    assert again.store.preferences.theme == "system"  # what is not known here
    assert again.store.preferences.capitalise
    again.store.change(glass=True)
    open_app.close(again)
    kept = json.loads(paths.settings_file.read_text(encoding="utf-8"))
    assert kept["of_tomorrow"] == {"x": [1, 2]}
    assert kept["glass"]


def test_run_of_later_version_is_listed(paths, old_data, app, qtbot, capsys):
    later = paths.runs_folder / "later"
    shutil.copytree(OLD / "run", later)
    status = json.loads((later / "status.json").read_text(encoding="utf-8"))
    (later / "status.json").write_text(json.dumps(status | {"state": "dreaming", "moon": "full"}), encoding="utf-8")
    with open(later / "metrics.jsonl", "a", encoding="utf-8") as metrics:
        metrics.write('{"step": 7, "tokens": 9, "phase": {"of": "the moon"}}\n')
    index.register(later)
    assert i3core_main(["runs"]) == 0
    assert "later" in capsys.readouterr().out
    app.services.runs.refresh()
    qtbot.waitUntil(lambda: app.services.runs.summary(later) is not None)
    assert app.services.runs.summary(later).step >= 6
    app.services.runs_page.open_requested.emit(str(later))
    qtbot.waitUntil(lambda: app.services.train_page.curves.dashboard is not None)
