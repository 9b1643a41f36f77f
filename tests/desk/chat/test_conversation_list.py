"""The conversation list: sorted rows under headings, changes of store and rows, background search."""

from __future__ import annotations

import datetime
import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from i3core.errors import I3Error
from i3desk.chat import conversation_model
from i3desk.chat.conversation_list import ConversationList
from i3desk.chat.conversation_model import COUNT_ROLE, FOLDER_ROLE, ID_ROLE, ROW_ROLE, ConversationModel
from i3desk.chat.date_groups import heading_of, sort_key
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import ConversationRow, Store
from i3desk.workers.background import BackgroundJobs

TODAY = datetime.date(2026, 3, 20)


def moment(*date: int) -> float:
    return datetime.datetime(*date).timestamp()


def row(
    number: int, updated_at: float = 0.0, pinned: bool = False, title: str = "", folder: str = ""
) -> ConversationRow:
    return ConversationRow(
        id=number,
        title=title or f"chat {number}",
        preview="hello",
        pinned=pinned,
        updated_at=updated_at,
        message_count=2,
        folder=folder,
    )


def shown(model: ConversationModel) -> list[ConversationRow]:
    """The conversations that the model's rows show, headings left out."""
    rows = [model.index(i).data(ROW_ROLE) for i in range(model.rowCount())]
    return [row for row in rows if row is not None]


def headed(model: ConversationModel) -> list[tuple[str, ConversationRow]]:
    """Each conversation with the heading above it; checks that only folders are without conversations."""
    found, heading, empty = [], "", False
    for row in range(model.rowCount()):
        index = model.index(row)
        if index.data(FOLDER_ROLE) is not None:
            assert not empty
            assert index.flags() & Qt.ItemFlag.ItemIsEnabled
            heading = index.data()
        elif index.data(ROW_ROLE) is None:
            assert not empty
            assert not index.flags() & Qt.ItemFlag.ItemIsEnabled
            heading, empty = index.data(), True
        else:
            found.append((heading, index.data(ROW_ROLE)))
            empty = False
    assert not empty
    return found


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "conversations.sqlite3")


@pytest.fixture
def conversations(store, qtbot, qapp):
    background = BackgroundJobs()
    conversations = ConversationList(store, background)
    QAbstractItemModelTester(conversations.model, QAbstractItemModelTester.FailureReportingMode.Warning, conversations)
    yield conversations
    with qtbot.waitSignal(background.stopped, timeout=60_000):
        background.shut_down()


@pytest.fixture
def add(store):
    """Stores a conversation of one question and one answer, `ago` seconds old."""

    def add_(question: str, answer: str = "yes.", ago: float = 0.0) -> Conversation:
        conversation = Conversation()
        at = time.time() - ago
        asked = conversation.add("user", question, created_at=at)
        conversation.add("assistant", answer, asked.number, created_at=at)
        store.add(conversation)
        return conversation

    return add_


def titles(conversations: ConversationList) -> list[str]:
    return [row.title for row in shown(conversations.model)]


def test_rows_of_the_store_are_shown_newest_first(conversations, add):
    add("the sea", ago=100)
    add("the moon", ago=10)
    conversations.reload()
    assert titles(conversations) == ["the moon", "the sea"]


def test_continued_chat_moves_up_and_keeps_persistent_indexes(conversations, add):
    old, new = add("the sea", ago=100), add("the moon", ago=10)
    conversations.reload()
    pointers = {
        c.id: QPersistentModelIndex(conversations.model.index(conversations.model.row_of(c.id))) for c in (old, new)
    }
    resets = []
    conversations.model.modelReset.connect(lambda: resets.append(True))

    old.add("user", "and the tide?\nwhy?", old.leaf)
    conversations.update(old)
    assert titles(conversations) == ["the sea", "the moon"]
    assert conversations.model.find(old.id).preview == "and the tide?"
    assert conversations.model.find(old.id).message_count == 3
    assert all(pointer.data(ID_ROLE) == number for number, pointer in pointers.items())
    assert resets == []


def test_updated_row_equals_the_stored_one(conversations, store, add):
    conversation = add("the sea", "  it is **blue**\n\nand deep ")
    conversations.update(conversation)
    noted = shown(conversations.model)
    conversations.reload()
    assert noted == shown(conversations.model)


def test_chat_that_is_not_stored_has_no_row(conversations):
    temporary = Conversation(temporary=True)
    temporary.add("user", "a secret")
    unsaved = Conversation()
    unsaved.add("user", "not yet")
    conversations.update(temporary)
    conversations.update(unsaved)
    assert titles(conversations) == []


def test_change_is_also_made_in_the_store(conversations, store, add):
    sea, moon = add("the sea", ago=100), add("the moon", ago=10)
    conversations.reload()
    conversations.set_pinned(sea.id, True)
    conversations.rename(moon.id, "  Luna \n and more ")
    assert titles(conversations) == ["the sea", "Luna and more"]
    assert shown(conversations.model) == store.rows()
    conversations.rename(moon.id, "   ")
    conversations.set_pinned(sea.id, False)
    assert titles(conversations) == ["Luna and more", "the sea"]
    assert shown(conversations.model) == store.rows()


def test_deleting_can_be_undone(conversations, store, add, qtbot):
    sea = add("the sea")
    add("the moon", ago=10)
    conversations.reload()
    assert conversations.delete(sea.id)
    assert titles(conversations) == ["the moon"]
    assert shown(conversations.model) == store.rows()

    conversations.update(sea)  # a reply that is still being written does not bring it back
    assert titles(conversations) == ["the moon"]

    assert conversations.restore(sea.id)
    assert titles(conversations) == ["the sea", "the moon"]
    assert shown(conversations.model) == store.rows()


def test_deleting_can_be_undone_after_a_reload(conversations, add):
    sea = add("the sea")
    conversations.reload()
    conversations.delete(sea.id)
    conversations.reload()
    assert conversations.restore(sea.id)
    assert titles(conversations) == ["the sea"]


def test_search_finds_words_in_messages(conversations, add, qtbot):
    sea = add("the sea", "there are whales in the deep water")
    add("the moon")
    with qtbot.waitSignal(conversations.hits_ready) as found:
        conversations.search("whale")
    text, hits = found.args
    assert text == "whale"
    assert [hit.conversation_id for hit in hits] == [sea.id]


def test_only_the_last_search_is_answered(conversations, add, qtbot):
    add("the sea")
    add("the moon")
    answers = []
    conversations.hits_ready.connect(lambda text, hits: answers.append((text, len(hits))))
    for text in ("sea", "se", "the", "moon"):
        conversations.search(text)
    qtbot.waitUntil(lambda: bool(answers))
    assert answers == [("moon", 1)]

    conversations.search("sea")
    conversations.search("")
    with qtbot.assertNotEmitted(conversations.hits_ready, wait=100):
        pass


def test_store_error_is_reported_and_changes_nothing(conversations, store, add, qtbot, monkeypatch):
    sea = add("the sea")
    conversations.reload()

    def refuse(*_):
        raise I3Error("The disk is full.", "Free some space.")

    monkeypatch.setattr(store, "rename", refuse)
    with qtbot.waitSignal(conversations.failed) as failed:
        assert not conversations.rename(sea.id, "the ocean")
    assert failed.args[0]
    assert titles(conversations) == ["the sea"]


def test_screen_readers_get_title_preview_and_marks(conversations, add):
    sea = add("the sea", "it is blue")
    conversations.reload()
    conversations.set_pinned(sea.id, True)
    conversations.model.set_busy([sea.id])
    spoken = conversations.model.index(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "the sea. it is blue. Pinned. A reply is being written"


@pytest.mark.parametrize(
    ("at", "title"),
    [
        (moment(2026, 3, 20, 0, 0), "Today"),
        (moment(2026, 3, 21, 12), "Today"),  # the clock was set back since
        (moment(2026, 3, 19, 23, 59), "Yesterday"),
        (moment(2026, 3, 19, 0, 0), "Yesterday"),
        (moment(2026, 3, 18, 23, 59), "Previous 7 days"),
        (moment(2026, 3, 13, 0, 0), "Previous 7 days"),
        (moment(2026, 3, 12, 23, 59), "This month"),
        (moment(2026, 3, 1, 0, 0), "This month"),
        (moment(2026, 2, 28, 23, 59), "February"),
        (moment(2026, 1, 1, 0, 0), "January"),
        (moment(2025, 12, 31, 23, 59), "December 2025"),
    ],
)
def test_heading_of_a_day(at, title):
    assert heading_of(row(1, at), TODAY).title == title


def expected_heading(row: ConversationRow, today: datetime.date) -> str:
    day = datetime.date.fromtimestamp(row.updated_at)
    if row.folder:
        return row.folder
    if row.pinned:
        return "Pinned"
    if day >= today:
        return "Today"
    if (today - day).days == 1:
        return "Yesterday"
    if (today - day).days <= 7:
        return "Previous 7 days"
    if (day.year, day.month) == (today.year, today.month):
        return "This month"
    return day.strftime("%B") if day.year == today.year else day.strftime("%B %Y")


moments = st.floats(moment(2024, 11, 1), moment(2026, 4, 2))
rows_of_any_kind = st.lists(st.tuples(moments, st.booleans()), max_size=40)
days = st.dates(datetime.date(2025, 12, 28), datetime.date(2026, 4, 1))


@pytest.fixture
def today(monkeypatch):
    """Set the date that the model sees."""

    def set_date(day: datetime.date) -> None:
        date = type("date", (datetime.date,), {"today": classmethod(lambda cls: day)})
        monkeypatch.setattr(conversation_model, "datetime", SimpleNamespace(date=date))

    return set_date


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows_of_any_kind, days, days)
def test_each_row_is_under_its_heading_also_after_midnight(today, content, day, later):
    today(day)
    model = ConversationModel()
    rows = sorted((row(number, at, pinned) for number, (at, pinned) in enumerate(content, 1)), key=sort_key)
    model.show(rows)
    assert headed(model) == [(expected_heading(row, day), row) for row in rows]
    today(later)
    model.check_date()
    assert headed(model) == [(expected_heading(row, later), row) for row in rows]


names_of_folders = st.sampled_from(["", "", "b", "A"])


@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 5), st.booleans(), names_of_folders, st.integers(0, 3)),
        max_size=40,
    )
)
def test_rows_stay_sorted_whatever_happens(steps):
    model = ConversationModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    expected: dict[int, ConversationRow] = {}
    pointers: dict[int, QPersistentModelIndex] = {}
    closed: dict[str, bool] = {}
    for number, at, pinned, folder, what in steps:
        if what == 0 and folder:
            closed[folder] = pinned
            model.put_folder(folder, pinned)
        elif what == 1:
            assert model.take(number) == expected.pop(number, None)
            pointers.pop(number, None)
        else:
            expected[number] = row(number, at * 40 * 86_400.0, pinned, folder=folder)
            model.put(expected[number])
            pointers.setdefault(number, QPersistentModelIndex(model.index(model.row_of(number))))
        pointers = {
            key: pointer
            for key, pointer in pointers.items()
            if not closed.get(expected[key].folder) and pointer.isValid()
        }
        assert model.rows == tuple(sorted(expected.values(), key=sort_key))
        rows = [each for each in model.rows if not closed.get(each.folder)]
        assert headed(model) == [(expected_heading(row, datetime.date.today()), row) for row in rows]
        assert all(pointer.data(ID_ROLE) == key for key, pointer in pointers.items())
    tester.deleteLater()


# Folders.


def folder_rows(model: ConversationModel) -> dict[str, int]:
    """The folders on screen with the number that each shows."""
    indexes = [model.index(number) for number in range(model.rowCount())]
    return {index.data(): index.data(COUNT_ROLE) for index in indexes if index.data(FOLDER_ROLE) is not None}


def test_new_folders_have_names_of_their_own_and_stay_without_chats(conversations, add):
    add("hello", "yes")
    conversations.reload()
    assert [conversations.new_folder() for _ in range(3)] == ["New folder", "New folder 2", "New folder 3"]
    conversations.reload()
    assert folder_rows(conversations.model) == {"New folder": 0, "New folder 2": 0, "New folder 3": 0}


def test_moved_chats_are_in_their_folder_also_after_a_reload(conversations, add):
    first, second = add("soup", "hot"), add("bread", "warm", 60)
    conversations.reload()
    assert conversations.move({first.id: "Recipes", second.id: "Recipes"}) == {first.id: "", second.id: ""}
    for _ in range(2):
        assert [heading for heading, _ in headed(conversations.model)] == ["Recipes", "Recipes"]
        assert folder_rows(conversations.model) == {"Recipes": 2}
        conversations.reload()


def test_closed_folder_stays_closed_and_holds_what_is_moved_into_it(conversations, add):
    first, second = add("soup", "hot"), add("bread", "warm", 60)
    conversations.reload()
    conversations.move({first.id: "Recipes"})
    conversations.fold("Recipes", True)
    conversations.move({second.id: "Recipes"})
    for _ in range(2):
        assert shown(conversations.model) == []
        assert folder_rows(conversations.model) == {"Recipes": 2}
        conversations.reload()
    conversations.fold("Recipes", False)
    assert [each.id for each in shown(conversations.model)] == [first.id, second.id]


def test_renamed_folder_keeps_its_chats_also_deleted_ones(conversations, add):
    first, second = add("soup", "hot"), add("bread", "warm", 60)
    conversations.reload()
    conversations.move({first.id: "Recipes", second.id: "Recipes"})
    conversations.delete(second.id)
    assert conversations.rename_folder("Recipes", "Kitchen")
    conversations.restore(second.id)
    for _ in range(2):
        assert [heading for heading, _ in headed(conversations.model)] == ["Kitchen", "Kitchen"]
        conversations.reload()


def test_folder_cannot_take_the_name_of_another(conversations, add, qtbot):
    conversations.fold("Recipes", False)
    conversations.fold("Work", False)
    with qtbot.waitSignal(conversations.failed) as failed:
        assert not conversations.rename_folder("Work", "recipes")
    assert failed.args == ["There is a folder “recipes” already.", "Choose another name."]
    assert conversations.rename_folder("Work", "work")  # its own name, written otherwise


def test_removed_folder_loses_no_chat(conversations, add):
    first, second = add("soup", "hot"), add("bread", "warm", 60)
    conversations.reload()
    conversations.move({first.id: "Recipes", second.id: "Recipes"})
    conversations.fold("Recipes", True)
    conversations.delete(second.id)
    assert conversations.remove_folder("Recipes")
    conversations.restore(second.id)
    for _ in range(2):
        assert [heading for heading, _ in headed(conversations.model)] == ["Today", "Today"]
        assert folder_rows(conversations.model) == {}
        conversations.reload()


def test_saving_a_chat_leaves_it_in_its_folder(conversations, store, add):
    chat = add("soup", "hot")
    conversations.reload()
    conversations.move({chat.id: "Recipes"})
    chat.title = "Soup"
    store.save_conversation(chat)
    conversations.update(chat)
    conversations.reload()
    assert [heading for heading, _ in headed(conversations.model)] == ["Recipes"]


def test_search_finds_chats_in_closed_folders(conversations, add, qtbot):
    chat = add("a recipe for soup", "hot")
    conversations.reload()
    conversations.move({chat.id: "Recipes"})
    conversations.fold("Recipes", True)
    with qtbot.waitSignal(conversations.hits_ready) as found:
        conversations.search("soup")
    assert [hit.conversation_id for hit in found.args[1]] == [chat.id]
