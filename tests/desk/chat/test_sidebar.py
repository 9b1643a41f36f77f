"""The list of conversations: what it shows and asks for, by mouse, by keyboard and for screen readers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QModelIndex, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QAccessible, QContextMenuEvent, QKeyEvent, QMouseEvent
from PySide6.QtTest import QSignalSpy
from PySide6.QtWidgets import QApplication, QLineEdit

from i3desk.chat.conversation_list import ConversationList
from i3desk.chat.sidebar import WIDTH, Sidebar
from i3desk.chat.sidebar_delegates import lead_to_match
from i3desk.conversations.conversation import Conversation
from i3desk.conversations.store import ConversationRow, Store
from i3desk.style.theme import Theme
from i3desk.widgets.sectioned_list import SectionedList, is_heading
from i3desk.workers.background import BackgroundJobs

DAY = 86_400
pops_up = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # what the offscreen platform says


@pytest.fixture
def theme(qapp) -> Theme:
    return Theme(qapp, "light")


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "conversations.sqlite3")


@pytest.fixture
def conversations(store, qtbot, qapp):
    background = BackgroundJobs()
    yield ConversationList(store, background)
    with qtbot.waitSignal(background.stopped, timeout=60_000):
        background.shut_down()


@pytest.fixture
def empty(conversations, theme, qtbot) -> Sidebar:
    """A sidebar on the screen, without conversations."""
    sidebar = Sidebar(conversations, theme)
    qtbot.addWidget(sidebar)
    sidebar.resize(WIDTH, 600)
    sidebar.show()
    qtbot.waitExposed(sidebar)
    sidebar.activateWindow()
    qtbot.waitUntil(sidebar.isActiveWindow)
    return sidebar


def add(store: Store, question: str, answer: str = "yes.", ago: float = 0.0) -> Conversation:
    conversation = Conversation()
    at = time.time() - ago
    asked = conversation.add("user", question, created_at=at)
    conversation.add("assistant", answer, asked.number, created_at=at)
    store.add(conversation)
    return conversation


@pytest.fixture
def chats(store) -> list[Conversation]:
    return [
        add(store, "the moon", "a big round rock", 1),
        add(store, "pirates", "arr, there be a moon", 2),
        add(store, "cats", "maybe luna", 40 * DAY),
    ]


@pytest.fixture
def sidebar(chats, empty, conversations) -> Sidebar:
    """With three conversations, newest first: the moon, pirates, cats."""
    conversations.reload()
    QApplication.processEvents()
    return empty


def index_of(view: SectionedList, number: int) -> QModelIndex:
    """The index of a chat, counted without headings."""
    indexes = [view.model().index(row, 0) for row in range(view.model().rowCount())]
    return [index for index in indexes if not is_heading(index)][number]


def rect_of(view: SectionedList, number: int) -> QRect:
    return view.visualRect(index_of(view, number))


def click(qtbot, view: SectionedList, row: int) -> None:
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=rect_of(view, row).center())


def look_for(qtbot, sidebar: Sidebar, text: str) -> None:
    sidebar.focus_search()
    qtbot.keyClicks(sidebar.search, text)
    qtbot.waitUntil(lambda: sidebar.stack.currentWidget() is not sidebar.list)


def choose(qtbot, sidebar: Sidebar, text: str) -> None:
    """Click an entry of the open menu."""
    action = next(action for action in sidebar.menu.actions() if action.text() == text)
    qtbot.mouseClick(sidebar.menu, Qt.MouseButton.LeftButton, pos=sidebar.menu.actionGeometry(action).center())


def open_menu(qtbot, sidebar: Sidebar, row: int) -> None:
    """Click the "..." button of a row."""
    rect = rect_of(sidebar.list, row)
    more = sidebar.list.itemDelegate().more_rect(rect).center()
    qtbot.mouseClick(sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=more)
    qtbot.waitUntil(sidebar.menu.isVisible)


def test_empty_list_shows_a_note_until_the_first_chat(empty, store, conversations):
    assert empty.stack.currentWidget() is empty.note
    assert "Your chats will appear here" in empty.note.text.text()
    conversations.update(add(store, "hello"))
    assert empty.stack.currentWidget() is empty.list
    assert len(conversations.model.rows) == 1


def test_click_opens_a_chat(sidebar, chats, qtbot):
    with qtbot.waitSignal(sidebar.open_requested) as opened:
        click(qtbot, sidebar.list, 1)
    assert opened.args == [chats[1].id, None, ()]


def test_arrows_only_move_and_enter_opens(sidebar, chats, qtbot):
    sidebar.show_current(chats[0].id)
    sidebar.list.setFocus()
    opened = QSignalSpy(sidebar.open_requested)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_Up):
        qtbot.keyClick(sidebar.list, key)
    assert opened.count() == 0
    assert sidebar.list.shown == index_of(sidebar.list, 0)
    qtbot.keyClick(sidebar.list, Qt.Key.Key_Return)
    assert opened.at(0)[0] == chats[1].id


def test_hovered_row_is_highlighted_with_its_button(sidebar, theme, qtbot):
    view = sidebar.list

    def colours(row: int) -> set[str]:
        view.repaint()
        image = sidebar.grab(
            QRect(
                view.viewport().mapTo(sidebar, rect_of(view, row).topLeft()),
                rect_of(view, row).size(),
            )
        ).toImage()
        return {image.pixelColor(x, image.height() // 2).name().upper() for x in range(image.width())}

    qtbot.mouseMove(view.viewport(), rect_of(view, 1).center())
    qtbot.waitUntil(lambda: theme.tokens.raised in colours(1))
    assert theme.tokens.raised not in colours(0)
    qtbot.mouseMove(view.viewport(), rect_of(view, 0).center())
    qtbot.waitUntil(lambda: theme.tokens.raised in colours(0))
    assert theme.tokens.raised not in colours(1)


def test_shown_chat_stays_marked_when_it_moves(sidebar, chats, store, conversations):
    sidebar.show_current(chats[1].id)
    assert sidebar.list.shown == index_of(sidebar.list, 1)
    store.save_message(chats[1], chats[1].add("user", "more", chats[1].leaf))
    store.save_conversation(chats[1])
    conversations.update(chats[1])
    assert sidebar.list.shown == index_of(sidebar.list, 0)
    conversations.reload()
    assert sidebar.list.shown == index_of(sidebar.list, 0)
    sidebar.show_current(None)
    assert not sidebar.list.shown.isValid()


def test_chat_is_marked_as_soon_as_it_has_a_row(sidebar, store, conversations):
    conversation = add(store, "new")
    sidebar.show_current(conversation.id)
    conversations.update(conversation)
    assert sidebar.list.shown == index_of(sidebar.list, 0)


def test_buttons_ask_for_new_chats_and_imports(sidebar, qtbot):
    for button, signal in (
        (sidebar.new_button, sidebar.new_requested),
        (sidebar.temporary_button, sidebar.temporary_requested),
        (sidebar.import_button, sidebar.import_requested),
    ):
        with qtbot.waitSignal(signal):
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize(
    ("entry", "signal", "arguments"),
    [
        ("Pin", "pin_requested", [True]),
        ("Duplicate", "duplicate_requested", []),
        ("Export as Markdown…", "export_requested", ["markdown"]),
        ("Export as JSON…", "export_requested", ["json"]),
        ("Delete", "delete_requested", []),
    ],
)
@pops_up
def test_menu_of_a_chat(sidebar, chats, qtbot, entry, signal, arguments):
    opened = QSignalSpy(sidebar.open_requested)
    open_menu(qtbot, sidebar, 1)
    with qtbot.waitSignal(getattr(sidebar, signal)) as asked:
        choose(qtbot, sidebar, entry)
    assert asked.args == [[chats[1].id] if entry == "Delete" else chats[1].id, *arguments]
    assert opened.count() == 0


@pops_up
def test_menu_key_opens_the_menu_of_the_current_chat(sidebar, chats, qtbot):
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(index_of(sidebar.list, 2))
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(0, 0), QPoint(0, 0))
    QApplication.sendEvent(sidebar.list, event)
    qtbot.waitUntil(sidebar.menu.isVisible)
    with qtbot.waitSignal(sidebar.delete_requested) as asked:
        choose(qtbot, sidebar, "Delete")
    assert asked.args == [[chats[2].id]]


@pops_up
def test_menu_unpins_what_is_pinned(sidebar, chats, conversations, qtbot):
    conversations.set_pinned(chats[2].id, True)
    QApplication.processEvents()
    open_menu(qtbot, sidebar, 0)
    with qtbot.waitSignal(sidebar.pin_requested) as asked:
        choose(qtbot, sidebar, "Unpin")
    assert asked.args == [chats[2].id, False]


def editor_of(sidebar: Sidebar) -> QLineEdit | None:
    return sidebar.list.findChild(QLineEdit, "titleEditor")


def test_title_is_edited_in_place(sidebar, chats, qtbot):
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(index_of(sidebar.list, 1))
    qtbot.keyClick(sidebar.list, Qt.Key.Key_F2)
    assert editor_of(sidebar).text() == "pirates"
    qtbot.keyClicks(editor_of(sidebar), "Captain  Blue ")
    with qtbot.waitSignal(sidebar.rename_requested) as renamed:
        qtbot.keyClick(editor_of(sidebar), Qt.Key.Key_Return)
    assert renamed.args == [chats[1].id, "Captain Blue"]


@pops_up
def test_esc_keeps_the_old_title(sidebar, qtbot):
    open_menu(qtbot, sidebar, 1)
    choose(qtbot, sidebar, "Rename")
    qtbot.waitUntil(lambda: editor_of(sidebar) is not None)
    renamed = QSignalSpy(sidebar.rename_requested)
    qtbot.keyClicks(editor_of(sidebar), "Other")
    qtbot.keyClick(editor_of(sidebar), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: editor_of(sidebar) is None)
    assert renamed.count() == 0


def test_reply_in_the_background_keeps_the_title_editor(sidebar, chats, conversations, qtbot):
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(index_of(sidebar.list, 1))
    qtbot.keyClick(sidebar.list, Qt.Key.Key_F2)
    qtbot.keyClicks(editor_of(sidebar), "Captain")
    chats[1].add("user", "more", chats[1].leaf)
    conversations.update(chats[1])
    QApplication.processEvents()
    assert editor_of(sidebar).text() == "Captain"
    assert editor_of(sidebar).geometry().intersects(rect_of(sidebar.list, 0))


def test_del_asks_to_delete(sidebar, chats, qtbot):
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(index_of(sidebar.list, 2))
    with qtbot.waitSignal(sidebar.delete_requested) as asked:
        qtbot.keyClick(sidebar.list, Qt.Key.Key_Delete)
    assert asked.args == [[chats[2].id]]


def mark(qtbot, view: SectionedList, number: int, modifiers=Qt.KeyboardModifier.ControlModifier) -> None:
    place = rect_of(view, number).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, modifiers, place)


def test_several_chats_are_marked_and_deleted_together(sidebar, chats, qtbot):
    opened = QSignalSpy(sidebar.open_requested)
    mark(qtbot, sidebar.list, 0)
    mark(qtbot, sidebar.list, 2)
    assert opened.count() == 0  # the chat on screen stays
    with qtbot.waitSignal(sidebar.delete_requested) as asked:
        qtbot.keyClick(sidebar.list, Qt.Key.Key_Delete)
    assert asked.args == [[chats[0].id, chats[2].id]]
    assert sidebar.list.marked == []


@pops_up
def test_menu_of_marked_chats_acts_on_all_of_them(sidebar, chats, qtbot):
    mark(qtbot, sidebar.list, 0)
    mark(qtbot, sidebar.list, 2, Qt.KeyboardModifier.ShiftModifier)  # all between, without the headings
    pinned = QSignalSpy(sidebar.pin_requested)
    open_menu(qtbot, sidebar, 1)
    choose(qtbot, sidebar, "Pin 3 chats")
    assert [pinned.at(index) for index in range(3)] == [[chat.id, True] for chat in chats]


def test_marks_are_set_by_keyboard_and_removed_by_a_click_or_esc(sidebar, chats, qtbot):
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(index_of(sidebar.list, 0))
    qtbot.keyClick(sidebar.list, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert len(sidebar.list.marked) == 2
    qtbot.keyClick(sidebar.list, Qt.Key.Key_Space)
    assert len(sidebar.list.marked) == 1
    qtbot.keyClick(sidebar.list, Qt.Key.Key_Escape)
    assert sidebar.list.marked == []
    mark(qtbot, sidebar.list, 1)
    click(qtbot, sidebar.list, 0)
    assert sidebar.list.marked == []


def test_search_shows_hits_and_opens_them(sidebar, chats, qtbot):
    look_for(qtbot, sidebar, "round")
    assert sidebar.stack.currentWidget() is sidebar.hits_page
    assert sidebar.hits.model().rowCount() == 1
    assert sidebar.hits_page.heading.text() == "1 RESULT"
    with qtbot.waitSignal(sidebar.open_requested) as opened:
        click(qtbot, sidebar.hits, 0)
    assert opened.args == [chats[0].id, 2, ("round",)]


def test_word_of_a_title_opens_the_chat_at_its_end(sidebar, chats, store, conversations, qtbot):
    conversations.rename(chats[2].id, "Whiskers")
    look_for(qtbot, sidebar, "whisk")
    with qtbot.waitSignal(sidebar.open_requested) as opened:
        click(qtbot, sidebar.hits, 0)
    assert opened.args == [chats[2].id, None, ("Whiskers",)]
    heard = QAccessible.queryAccessibleInterface(sidebar.hits).child(0).text(QAccessible.Text.Name)
    assert heard == "Whiskers. maybe luna"


def test_search_by_keyboard_alone(sidebar, chats, qtbot):
    look_for(qtbot, sidebar, "moon")
    qtbot.keyClick(sidebar.search, Qt.Key.Key_Down)
    assert sidebar.hits.hasFocus()
    assert sidebar.hits.currentIndex().row() == 0
    opened = QSignalSpy(sidebar.open_requested)
    qtbot.keyClick(sidebar.hits, Qt.Key.Key_Down)
    qtbot.keyClick(sidebar.hits, Qt.Key.Key_Return)
    assert opened.count() == 1
    assert {opened.at(0)[0]} < {chats[0].id, chats[1].id}

    qtbot.keyClick(sidebar.hits, Qt.Key.Key_Escape)
    assert sidebar.search.text() == ""
    assert sidebar.search.hasFocus()
    assert sidebar.stack.currentWidget() is sidebar.list


def test_enter_opens_the_first_hit_as_soon_as_there_is_one(sidebar, chats, qtbot):
    sidebar.focus_search()
    qtbot.keyClicks(sidebar.search, "luna")
    with qtbot.waitSignal(sidebar.open_requested) as opened:
        qtbot.keyClick(sidebar.search, Qt.Key.Key_Return)
    assert opened.args[0] == chats[2].id


def test_search_without_hits_shows_a_note(sidebar, qtbot):
    look_for(qtbot, sidebar, "zebra")
    assert sidebar.stack.currentWidget() is sidebar.note
    assert "zebra" in sidebar.note.text.text()


def test_deleted_chat_is_no_longer_found(sidebar, chats, conversations, qtbot):
    look_for(qtbot, sidebar, "moon")
    assert sidebar.hits.model().rowCount() == 2
    conversations.delete(chats[1].id)
    qtbot.waitUntil(lambda: sidebar.hits.model().rowCount() == 1)


def test_typing_in_the_list_searches(sidebar, qtbot):
    sidebar.list.setFocus()
    qtbot.keyClicks(sidebar.list, "ro")
    assert sidebar.search.hasFocus()
    assert sidebar.search.text() == "ro"


def test_esc_reaches_the_window_unless_it_ends_a_search(sidebar, qtbot):
    look_for(qtbot, sidebar, "moon")
    for text, reaches_window in (("moon", False), ("", True)):
        assert sidebar.search.text() == text
        key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(sidebar, key)
        assert key.isAccepted() != reaches_window
    assert sidebar.search.text() == ""


def test_screen_readers_get_every_chat_with_its_preview(sidebar, conversations):
    chats = QAccessible.queryAccessibleInterface(sidebar.list)
    assert chats.role() == QAccessible.Role.List
    assert chats.text(QAccessible.Text.Name) == "Chats"
    rows = [chats.child(i) for i in range(chats.childCount())]
    names = [row.text(QAccessible.Text.Name) for row in rows]
    headings = [index.data() for index in map(sidebar.list.model().index, range(5)) if is_heading(index)]
    assert names[1:3] == ["the moon. a big round rock", "pirates. arr, there be a moon"]
    assert names[4:] == ["cats. maybe luna"]
    assert [names[0], names[3]] == headings
    on_screen = sidebar.list.viewport().mapToGlobal(rect_of(sidebar.list, 1).center())
    assert rows[2].rect().contains(on_screen)
    for widget in (sidebar.search, sidebar.new_button, sidebar.temporary_button, sidebar.import_button):
        assert QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
        assert widget.toolTip()


def test_tab_leads_from_the_search_to_the_import(sidebar, qtbot):
    sidebar.focus_search()
    visited = []
    for _ in range(5):
        visited.append(sidebar.focusWidget())
        qtbot.keyClick(sidebar.focusWidget(), Qt.Key.Key_Tab)
    stops = [sidebar.search, sidebar.new_button, sidebar.temporary_button, sidebar.list, sidebar.import_button]
    assert visited == stops


@pytest.mark.parametrize("pixels", [14, 21, 28])
def test_rows_grow_with_the_font(sidebar, qtbot, pixels):
    font = sidebar.list.font()
    font.setPixelSize(pixels)
    sidebar.list.setStyleSheet(f"font-size: {pixels}px")
    QApplication.processEvents()
    rect = rect_of(sidebar.list, 0)
    assert rect.height() > 2 * 1.1 * 12 * pixels / 14
    click(qtbot, sidebar.list, 1)


# Many rows.


def many(count: int) -> list[ConversationRow]:
    now = time.time()
    return [
        ConversationRow(
            id=n, title=f"chat {n}", preview="hello", pinned=n % 300 == 0, updated_at=now - n * DAY / 9, message_count=2
        )
        for n in range(count)
    ]


@pytest.fixture
def crowded(empty, conversations) -> Sidebar:
    conversations.model.show(many(10_000))
    QApplication.processEvents()
    return empty


def test_rows_on_screen_stay_when_others_move(crowded, conversations):
    view = crowded.list
    crowded.show_current(7000)
    view.verticalScrollBar().setValue(view.verticalScrollBar().value() + 13)
    before = view.visualRect(view.shown)
    moved = conversations.model.find(9000)
    conversations.model.put(ConversationRow(**{**vars(moved), "updated_at": time.time()}))
    conversations.model.take(40)
    conversations.model.put(ConversationRow(**{**vars(moved), "id": 10_001, "updated_at": time.time()}))
    QApplication.processEvents()
    assert view.visualRect(view.shown) == before
    assert view.shown.data() == "chat 7000"


def test_every_row_can_be_reached(crowded, qtbot):
    view = crowded.list
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_End)
    last = view.model().index(view.model().rowCount() - 1)
    assert view.currentIndex() == last
    assert view.viewport().rect().contains(view.visualRect(last))
    qtbot.keyClick(view, Qt.Key.Key_Home)
    assert view.verticalScrollBar().value() == 0
    assert view.currentIndex() == index_of(view, 0)


def test_arrow_keys_visit_every_chat_and_no_heading(crowded, conversations, qtbot):
    view = crowded.list
    conversations.model.show(many(40))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Home)
    visited = [view.currentIndex().data()]
    for _ in range(39):
        qtbot.keyClick(view, Qt.Key.Key_Down)
        visited.append(view.currentIndex().data())
    assert visited == [row.title for row in conversations.model.rows]
    for title in reversed(visited):
        assert view.currentIndex().data() == title
        qtbot.keyClick(view, Qt.Key.Key_Up)
    assert view.verticalScrollBar().value() == 0


@pytest.mark.parametrize("key", [Qt.Key.Key_PageDown, Qt.Key.Key_PageUp])
def test_page_keys_reach_the_end_without_stopping_at_a_heading(crowded, conversations, qtbot, key):
    view = crowded.list
    conversations.model.show(many(100))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_Home if key == Qt.Key.Key_PageDown else Qt.Key.Key_End)
    for _ in range(40):
        qtbot.keyClick(view, key)
        assert not is_heading(view.currentIndex())
    assert view.currentIndex() == index_of(view, -1 if key == Qt.Key.Key_PageDown else 0)


def test_heading_cannot_be_chosen(sidebar, qtbot):
    chosen, menus = QSignalSpy(sidebar.list.chosen), QSignalSpy(sidebar.list.menu_asked)
    heading = sidebar.list.visualRect(sidebar.list.model().index(0, 0))
    qtbot.mouseClick(sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=heading.center())
    more = sidebar.list.itemDelegate().more_rect(heading).center()
    qtbot.mouseClick(sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=more)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, heading.center(), QPoint(0, 0))
    QApplication.sendEvent(sidebar.list.viewport(), event)
    assert (chosen.count(), menus.count()) == (0, 0)
    assert not sidebar.list.currentIndex().isValid()


@given(st.text("ab 🌙\n", max_size=80), st.integers(0, 80), st.integers(1, 6))
def test_shortened_snippet_still_shows_its_match(text, first, length):
    last = min(len(text), first + length)
    matches = [(first, last)] if first < last else []
    shortened, moved = lead_to_match(text, matches)
    assert len(moved) == len(matches)
    for (a, b), (c, d) in zip(matches, moved, strict=True):
        assert shortened[c:d] == text[a:b].replace("\n", " ")


# Folders.


def drag(qtbot, view: SectionedList, start: QPoint, end: QPoint) -> None:
    """Drag with the mouse, in some steps."""
    port = view.viewport()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        place = start + (end - start) * step / 5
        move = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(place), QPointF(port.mapToGlobal(place)), Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(port, move)
    view.repaint()
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=end)


@pytest.fixture
def with_folder(sidebar, conversations, chats) -> Sidebar:
    """With the folder "Recipes" above three chats, of which "cats" is in it."""
    conversations.move({chats[2].id: "Recipes"})
    QApplication.processEvents()
    return sidebar


def shown_titles(view: SectionedList) -> list[str]:
    return [view.model().index(row, 0).data() for row in range(view.model().rowCount())]


def test_click_on_a_folder_closes_it_and_opens_no_chat(with_folder, conversations, qtbot):
    opened = QSignalSpy(with_folder.open_requested)
    with qtbot.waitSignal(with_folder.folder_folded) as folded:
        click(qtbot, with_folder.list, 0)
    assert folded.args == ["Recipes", True]
    conversations.fold(*folded.args)
    assert shown_titles(with_folder.list) == ["Recipes", "Today", "the moon", "pirates"]
    assert opened.count() == 0


def test_chat_is_dragged_into_a_folder_and_out_of_it(with_folder, chats, qtbot):
    view = with_folder.list
    with qtbot.waitSignal(with_folder.move_requested) as moved:
        drag(qtbot, view, rect_of(view, 2).center(), rect_of(view, 0).center())
    assert moved.args == [[chats[0].id], "Recipes"]
    with qtbot.waitSignal(with_folder.move_requested) as moved:
        drag(qtbot, view, rect_of(view, 1).center(), rect_of(view, 3).center())
    assert moved.args == [[chats[2].id], ""]


def test_drag_that_changes_nothing_or_is_cancelled_moves_no_chat(with_folder, qtbot):
    view = with_folder.list
    opened, moved = QSignalSpy(with_folder.open_requested), QSignalSpy(with_folder.move_requested)
    drag(qtbot, view, rect_of(view, 2).center(), rect_of(view, 3).center())
    drag(qtbot, view, rect_of(view, 2).center(), QPoint(10, -80))
    qtbot.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=rect_of(view, 2).center())
    qtbot.mouseMove(view.viewport(), rect_of(view, 0).center())
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=rect_of(view, 0).center())
    assert (opened.count(), moved.count()) == (0, 0)


def test_marked_chats_are_dragged_together(with_folder, chats, qtbot):
    view = with_folder.list
    for row in (2, 3):
        place = rect_of(view, row).center()
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, pos=place)
    with qtbot.waitSignal(with_folder.move_requested) as moved:
        drag(qtbot, view, rect_of(view, 3).center(), rect_of(view, 0).center())
    assert moved.args == [[chats[0].id, chats[1].id], "Recipes"]


@pops_up
def test_menu_moves_a_chat_to_a_folder_a_new_one_or_none(with_folder, chats, qtbot):
    open_menu(qtbot, with_folder, 1)
    choose(qtbot, with_folder, "Move to folder")
    qtbot.waitUntil(with_folder.folder_menu.isVisible)
    entries = {action.text(): action for action in with_folder.folder_menu.actions() if action.text()}
    assert {text: action.isChecked() for text, action in entries.items()} == {
        "Recipes": True, "New folder…": False, "Remove from folder": False,
    }  # fmt: skip
    place = with_folder.folder_menu.actionGeometry(entries["Remove from folder"]).center()
    with qtbot.waitSignal(with_folder.move_requested) as moved:
        qtbot.mouseClick(with_folder.folder_menu, Qt.MouseButton.LeftButton, pos=place)
    assert moved.args == [[chats[2].id], ""]


@pops_up
def test_folder_has_a_menu_and_keys_of_its_own(with_folder, qtbot):
    view = with_folder.list
    open_menu(qtbot, with_folder, 0)
    with qtbot.waitSignal(with_folder.folder_deleted) as deleted:
        choose(qtbot, with_folder, "Delete folder, keep its chats")
    assert deleted.args == ["Recipes"]
    view.setFocus()
    view.setCurrentIndex(index_of(view, 1))
    qtbot.keyClick(view, Qt.Key.Key_Left)  # from the chat to its folder
    with qtbot.waitSignal(with_folder.folder_folded) as folded:
        qtbot.keyClick(view, Qt.Key.Key_Left)
    assert folded.args == ["Recipes", True]
    with qtbot.waitSignal(with_folder.folder_deleted):
        qtbot.keyClick(view, Qt.Key.Key_Delete)
    qtbot.keyClick(view, Qt.Key.Key_F2)
    editor = view.findChild(QLineEdit)
    qtbot.keyClicks(editor, "Kitchen")
    with qtbot.waitSignal(with_folder.folder_renamed) as renamed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == ["Recipes", "Kitchen"]


def test_chat_in_a_closed_folder_is_marked_by_its_folder(with_folder, conversations, chats):
    with_folder.show_current(chats[2].id)
    assert with_folder.list.shown.data() == "cats"
    conversations.fold("Recipes", True)
    assert with_folder.list.shown.data() == "Recipes"
    conversations.fold("Recipes", False)
    with_folder.show_current(chats[2].id)
    assert with_folder.list.shown.data() == "cats"


def test_screen_readers_are_told_of_a_folder(with_folder):
    role = Qt.ItemDataRole.AccessibleTextRole
    assert index_of(with_folder.list, 0).data(role) == "Folder Recipes. 1 chat. Open"
