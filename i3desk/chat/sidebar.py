"""The sidebar: search, new chats, and the list of conversations with their menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QStackedWidget,
)

from i3desk.chat.chat_list import ChatList
from i3desk.chat.conversation_list import ConversationList
from i3desk.chat.conversation_model import FOLDER_ROLE, ID_ROLE, ROW_ROLE
from i3desk.chat.folder_menu import fill_folder_menu
from i3desk.chat.sidebar_delegates import HIT_ROLE, ConversationDelegate
from i3desk.chat.sidebar_parts import HitsPage, NoConversationsNote, SearchField
from i3desk.conversations.store import ConversationRow
from i3desk.language import tr, trn
from i3desk.style.icons import IconPushButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import Notice, add, column, column_in, icon_button, row
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import SectionedList

WIDTH = 232
SEARCH_AFTER_MS = 80
NOTHING_YET = tr("Your chats will appear here.\nThey stay on this computer.")
NOTHING_FOUND = tr("No chats match “{text}”.")


class Sidebar(QFrame):
    """The list of conversations: select, create or search. Everything but searching is left to its signals.

    Ctrl+K, Ctrl+N and Ctrl+Shift+N work in the whole window, so the window binds them.

    Signals:
        open_requested(id, message number or None, words): Emitted when a conversation is to be shown, with the words
            that were searched for.
        new_requested(), temporary_requested(), import_requested(): Emitted by the buttons.
        rename_requested(id, text), pin_requested(id, bool), duplicate_requested(id), delete_requested(ids),
        export_requested(id, kind): Emitted by a conversation's menu; kind is "markdown" or "json".
        move_requested(ids, folder): Emitted when conversations are to be moved to a folder, "" for none.
        folder_requested(ids): Emitted when a new folder with these conversations is to be created.
        folder_folded(name, bool), folder_renamed(old, new), folder_deleted(name): Emitted by a folder.
    """

    open_requested = Signal(object, object, object)
    new_requested = Signal()
    temporary_requested = Signal()
    rename_requested = Signal(object, str)
    pin_requested = Signal(object, bool)
    duplicate_requested = Signal(object)
    delete_requested = Signal(object)
    export_requested = Signal(object, str)
    import_requested = Signal()
    move_requested = Signal(object, str)
    folder_requested = Signal(object)
    folder_folded = Signal(str, bool)
    folder_renamed = Signal(str, str)
    folder_deleted = Signal(str)

    def __init__(self, conversations: ConversationList, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("sidebar")
        self.setFixedWidth(WIDTH)
        self._conversations = conversations
        self._shown: int | None = None
        self._found_for = ""
        self._open_first = False

        self.search = SearchField(theme)
        self.new_button = IconPushButton()
        self.new_button.set_icon("plus", size=16)
        self.new_button.setText(tr("New chat"))
        self.new_button.setToolTip(tooltip_text(tr("Start a new chat (Ctrl+N)")))
        self.temporary_button = icon_button(
            "temporary", tr("Temporary chat"), tr("Temporary chat: it isn't saved (Ctrl+Shift+N)"), look="boxed"
        )
        self.import_button = IconPushButton()
        self.import_button.set_icon("import", size=16)
        self.import_button.setText(tr("Import…"))
        self.import_button.setProperty("kind", "quiet")
        self.import_button.setToolTip(tooltip_text(tr("Import chats of i3desk, or of another chat program")))

        delegate = ConversationDelegate(theme, self)
        self.list = ChatList(conversations.model, delegate, theme)
        self.list.setAccessibleName(tr("Chats"))
        self.hits_page = HitsPage(theme)
        self.hits = self.hits_page.list
        self.note = NoConversationsNote(theme)
        self.stack = QStackedWidget()
        for page in (self.list, self.hits_page, self.note):
            self.stack.addWidget(page)
        self.folder_button = IconPushButton()
        self.folder_button.set_icon("folder", size=16)
        self.folder_button.setText(tr("New folder"))
        self.folder_button.setProperty("kind", "quiet")
        self.folder_button.setToolTip(tooltip_text(tr("Create a folder; drag chats into it, or use their menu")))
        self.menu = QMenu(self)
        self.folder_menu = QMenu(tr("Move to folder"), self)
        self._lay_out()

        self._search_soon = QTimer(self, singleShot=True, interval=SEARCH_AFTER_MS)
        self._search_soon.timeout.connect(self._search_now)
        self.search.textChanged.connect(self._on_text)
        self.search.returnPressed.connect(self._on_return)
        self.new_button.clicked.connect(self.new_requested)
        self.temporary_button.clicked.connect(self.temporary_requested)
        self.import_button.clicked.connect(self.import_requested)
        self.list.chosen.connect(self._open)
        self.list.menu_asked.connect(self._show_menu)
        self.hits.chosen.connect(self._open_hit)
        self.list.folded.connect(self.folder_folded)
        self.list.dropped.connect(self._drop)
        self.folder_button.clicked.connect(lambda: self.folder_requested.emit([]))
        delegate.renamed.connect(self.rename_requested)
        delegate.folder_renamed.connect(self.folder_renamed)
        for view in (self.list, self.hits):
            view.delete_asked.connect(self._delete)
            view.typed.connect(self._type)
        conversations.hits_ready.connect(self._on_hits)
        for changed in (
            conversations.model.modelReset,
            conversations.model.rowsInserted,
            conversations.model.rowsRemoved,
        ):
            changed.connect(self._on_rows)
        self._on_rows()

    def show_current(self, number: int | None) -> None:
        """Mark the conversation on screen; None if it is not in the list."""
        self._shown = number
        self.list.show_row(self._conversations.model.row_of(number))

    @Slot(str, str, str)
    def show_status(self, what: str, details: str, more: str) -> None:
        """Show what is wrong with the file of the conversations, `more` in a tooltip; nothing if `what` is empty."""
        self.status.show_error(what, details)
        self.status.setToolTip(tooltip_text(more))

    def set_busy(self, numbers: Iterable[int]) -> None:
        """Mark the conversations in which a reply is being written."""
        self._conversations.model.set_busy(numbers)

    @Slot()
    def focus_search(self) -> None:
        """Focus the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _lay_out(self) -> None:
        buttons = row((self.new_button, 1), self.temporary_button, spacing=5)
        top = column(self.search, buttons, margins=(12, 12, 12, 0), spacing=5)
        self.status = Notice()
        self._status_bar = column(self.status, margins=(12, 8, 12, 0))
        bottom = QHBoxLayout()
        bottom.setContentsMargins(12, 6, 12, 8)
        add(bottom, self.import_button, None, self.folder_button)
        column_in(self, top, self._status_bar, (self.stack, 1), bottom, margins=(0, 0, 1, 0))

    # Searching.

    @property
    def _query(self) -> str:
        return self.search.text().strip()

    @Slot()
    def _on_text(self) -> None:
        self._open_first = False
        if self._query:
            self._search_soon.start()
        else:
            self._search_soon.stop()
            self._search_now()

    @Slot()
    def _search_now(self) -> None:
        self._search_soon.stop()
        self._conversations.search(self._query)
        if not self._query:
            self._found_for = ""
            self._show_page()

    @Slot(str, object)
    def _on_hits(self, text: str, hits: list) -> None:
        if text != self._query:
            return
        self._found_for = text
        self.hits_page.show_hits(hits)
        self._show_page()
        if self._open_first and hits:
            self._open_hit(self.hits_page.model.index(0))
        self._open_first = False

    @Slot()
    def _on_return(self) -> None:
        """Open the first hit as soon as there is one."""
        if self._query and self._found_for == self._query and self.hits_page.model.rowCount():
            self._open_hit(self.hits_page.model.index(0))
        elif self._query:
            self._search_now()
            self._open_first = True

    @Slot()
    def _on_rows(self) -> None:
        """Update the page after rows were added or removed."""
        if self._shown is not None and not self.list.shown.isValid():
            self.list.show_row(self._conversations.model.row_of(self._shown))
        if self._found_for:
            self._search_soon.start()
        self._show_page()

    def _show_page(self) -> None:
        if self._found_for and self.hits_page.model.rowCount():
            self.stack.setCurrentWidget(self.hits_page)
        elif self._found_for:
            self.note.show_note("search", NOTHING_FOUND.format(text=self._found_for))
            self.stack.setCurrentWidget(self.note)
        elif self._conversations.model.rowCount():
            self.stack.setCurrentWidget(self.list)
        else:
            self.note.show_note("chat", NOTHING_YET)
            self.stack.setCurrentWidget(self.note)

    @property
    def _visible_list(self) -> SectionedList | None:
        return {self.list: self.list, self.hits_page: self.hits}.get(self.stack.currentWidget())

    # Keyboard.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            self.search.setFocus()
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus() and self._visible_list is not None:
            self._visible_list.focus_list()
        else:
            super().keyPressEvent(event)

    @Slot(str)
    def _type(self, text: str) -> None:
        self.search.setFocus()
        self.search.deselect()
        self.search.insert(text)

    # Actions.

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        if index.data(FOLDER_ROLE) is None:
            self.open_requested.emit(index.data(ID_ROLE), None, ())

    @Slot(QModelIndex)
    def _open_hit(self, index: QModelIndex) -> None:
        hit = index.data(HIT_ROLE)
        words = [hit.snippet[first:last] for first, last in hit.matches]
        words += [hit.title[first:last] for first, last in hit.title_matches]
        self.open_requested.emit(hit.conversation_id, hit.message_number, tuple(dict.fromkeys(words)))

    @Slot(object)
    def _delete(self, indices: list[QModelIndex]) -> None:
        folder = indices[0].data(FOLDER_ROLE)
        numbers = [index.data(ID_ROLE) for index in indices]
        self.list.marks.clear()
        if folder is None:
            self.delete_requested.emit(numbers)
        else:
            self.folder_deleted.emit(folder.name)

    @Slot(object, str)
    def _drop(self, indices: list[QModelIndex], folder: str) -> None:
        self.move_requested.emit([index.data(ID_ROLE) for index in indices], folder)

    @Slot(QModelIndex, QPoint)
    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        row, folder = index.data(ROW_ROLE), index.data(FOLDER_ROLE)
        self.menu.clear()
        if folder is not None:
            self._add(tr("Rename"), lambda: self.edit_folder(folder.name), "F2")
            self._add(tr("Delete folder, keep its chats"), lambda: self.folder_deleted.emit(folder.name), "Del")
            self.menu.popup(place)
            return
        marked = self.list.marked
        if len(marked) > 1 and index in marked:
            rows = [each.data(ROW_ROLE) for each in marked]
            pinned = not all(each.pinned for each in rows)
            self._add(
                (
                    trn("Pin {n} chat", "Pin {n} chats", len(rows))
                    if pinned
                    else trn("Unpin {n} chat", "Unpin {n} chats", len(rows))
                ),
                lambda: self._pin_all(rows, pinned),
            )
            self._add_folders(rows)
            self._add(trn("Delete {n} chat", "Delete {n} chats", len(rows)), lambda: self._delete(marked), "Del")
            self.menu.popup(place)
            return
        self.list.marks.clear()
        self._add(tr("Rename"), lambda: self._edit_title(row.id), "F2")
        self._add(tr("Unpin") if row.pinned else tr("Pin"), lambda: self.pin_requested.emit(row.id, not row.pinned))
        self._add(tr("Duplicate"), lambda: self.duplicate_requested.emit(row.id))
        self._add_folders([row])
        self.menu.addSeparator()
        self._add(tr("Export as Markdown…"), lambda: self.export_requested.emit(row.id, "markdown"))
        self._add(tr("Export as JSON…"), lambda: self.export_requested.emit(row.id, "json"))
        self.menu.addSeparator()
        self._add(tr("Delete"), lambda: self.delete_requested.emit([row.id]), "Del")
        self.menu.popup(place)

    def _add_folders(self, rows: list[ConversationRow]) -> None:
        self.fill_folder_menu(self.folder_menu, rows)
        self.menu.addMenu(self.folder_menu)

    def fill_folder_menu(self, menu: QMenu, rows: list[ConversationRow]) -> None:
        """Offer folders for some conversations."""
        numbers, inside = [each.id for each in rows], {each.folder for each in rows}

        def move(folder: str) -> None:
            self.list.marks.clear()
            self.move_requested.emit(numbers, folder)

        folders = self._conversations.model.folders
        fill_folder_menu(menu, folders, inside, move, lambda: self.folder_requested.emit(numbers))

    def fill_folder_menu_of(self, menu: QMenu, number: int | None) -> None:
        """Offer folders for the conversation with this id."""
        row = self._conversations.model.find(number)
        self.fill_folder_menu(menu, [] if row is None else [row])

    def _pin_all(self, rows: list[ConversationRow], pinned: bool) -> None:
        self.list.marks.clear()
        for each in rows:
            self.pin_requested.emit(each.id, pinned)

    def _add(self, text: str, run: Callable[[], None], keys: str = "") -> None:
        action = QAction(text, self.menu)
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # the list handles the key
            action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(run)
        self.menu.addAction(action)

    def _edit_title(self, number: int) -> None:
        row = self._conversations.model.row_of(number)
        if row is not None:
            self._edit_row(row)

    def edit_folder(self, name: str) -> None:
        """Edit the name of a folder in place."""
        self.search.clear()
        self._edit_row(self._conversations.model.row_of_folder(name))

    def _edit_row(self, row: int) -> None:
        index = self._conversations.model.index(row)
        self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
        self.list.scrollTo(index)
        self.list.edit(index)
