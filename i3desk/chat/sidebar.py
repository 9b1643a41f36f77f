"""The list of conversations beside the chat: search, new chats, and what can be done with each."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from i3desk.chat.conversation_list import ID_ROLE, ROW_ROLE, ConversationList
from i3desk.chat.sidebar_delegates import HIT_ROLE, ConversationDelegate, HitDelegate, HitModel
from i3desk.conversations.store import Hit
from i3desk.style import icons
from i3desk.style.icons import IconPushButton, IconToolButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import label, named
from i3desk.widgets.sectioned_list import PADDING, SIDE, SectionedList, heading_font

WIDTH = 232
SEARCH_AFTER_MS = 80
NOTHING_YET = "Your chats will be here.\nThey stay on this computer."
NOTHING_FOUND = "No chat has “{text}” in its title or its messages."


class SearchField(QLineEdit):
    """Where words to look for are typed; shows its shortcut while it is empty."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("search")
        self._theme = theme
        self.setPlaceholderText("Search chats")
        self.setAccessibleName("Search chats")
        self.setToolTip("Search in titles and messages (Ctrl+K); Esc ends it")
        self._glass = self.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = self.addAction(QIcon(), QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setToolTip("End the search (Esc)")
        for action, name in ((self._glass, "Search"), (self._clear, "End the search")):
            for button in self.findChildren(QToolButton):
                if button.defaultAction() is action:
                    button.setAccessibleName(name)
        self._clear.triggered.connect(self.clear)
        self.textChanged.connect(self._show_clear)
        theme.changed.connect(self._tint)
        self._tint()
        self._show_clear()

    @Slot()
    def _tint(self) -> None:
        muted = QColor(self._theme.tokens.muted)
        self._glass.setIcon(icons.icon("search", muted, size=16))
        self._clear.setIcon(icons.icon("close", muted, size=16))

    @Slot()
    def _show_clear(self) -> None:
        self._clear.setVisible(bool(self.text()))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.text():
            painter = QPainter(self)
            painter.setPen(QColor(self._theme.tokens.muted))
            room = self.rect().adjusted(0, 0, -11, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "Ctrl+K")
            painter.end()


class NoConversationsNote(QWidget):
    """What stands where a list would be."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.text = QLabel(alignment=Qt.AlignmentFlag.AlignCenter, wordWrap=True)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setProperty("tone", "muted")
        self.text.setProperty("grade", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 48, 20, 16)
        column.setSpacing(12)
        column.addWidget(self._icon)
        column.addWidget(self.text)
        column.addStretch(1)
        self._name = ""
        theme.changed.connect(self._tint)

    def show_note(self, icon_name: str, text: str) -> None:
        """Say why there is nothing."""
        self._name = icon_name
        self.text.setText(text)
        self._tint()

    @Slot()
    def _tint(self) -> None:
        if self._name:
            colour = self._theme.tokens.muted
            self._icon.setPixmap(icons.pixmap(self._name, colour, 28, self.devicePixelRatioF()))


class HitsPage(QWidget):
    """The chats found by a search, below a heading with their number."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.heading = label(tone="muted")
        self.heading.setContentsMargins(SIDE + PADDING, 17, 0, 7)
        self.model = HitModel(self)
        self.list = SectionedList(self.model, HitDelegate(theme, self), theme)
        self.list.setAccessibleName("Chats found")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.heading)
        column.addWidget(self.list, 1)

    def show_hits(self, hits: list[Hit]) -> None:
        """Show other hits."""
        self.heading.setText("1 CHAT FOUND" if len(hits) == 1 else f"{len(hits)} CHATS FOUND")
        self.heading.setFont(heading_font(self.list.font()))
        self.model.show(hits)


class Sidebar(QFrame):
    """Conversations of the library: pick one, begin one, search all. Does nothing itself but search; it asks.

    Ctrl+K, Ctrl+N and Ctrl+Shift+N work in the whole window, so the window binds them: to `focus_search`, and to what
    it does for the signals below.

    Signals:
        open_requested(id, message number or None, words): show this conversation; words were searched for.
        new_requested(), temporary_requested(): begin a chat; a temporary one is never stored.
        rename_requested(id, text), pin_requested(id, bool), duplicate_requested(id), delete_requested(id)
        export_requested(id, form): form is "markdown" or "json".
        import_requested()
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

    def __init__(self, library: ConversationList, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("sidebar")
        self.setFixedWidth(WIDTH)
        self._library = library
        self._shown: int | None = None
        self._found_for = ""
        self._open_first = False
        self._menu_id: int | None = None

        self.search = SearchField(theme)
        self.new_button = IconPushButton()
        self.new_button.set_icon("plus", size=16)
        self.new_button.setText("New chat")
        self.new_button.setToolTip("Begin a new chat (Ctrl+N)")
        self.temporary_button = named(IconToolButton(), "boxed")
        self.temporary_button.set_icon("temporary", size=18)
        self.temporary_button.setAccessibleName("Temporary chat")
        self.temporary_button.setToolTip("Temporary chat: it is never stored (Ctrl+Shift+N)")
        self.import_button = IconPushButton()
        self.import_button.set_icon("import", size=16)
        self.import_button.setText("Import…")
        self.import_button.setProperty("kind", "quiet")
        self.import_button.setToolTip("Import conversations from a JSON file")

        delegate = ConversationDelegate(theme, self)
        self.list = SectionedList(library.model, delegate, theme)
        self.list.setAccessibleName("Chats")
        self.hits_page = HitsPage(theme)
        self.hits = self.hits_page.list
        self.note = NoConversationsNote(theme)
        self.stack = QStackedWidget()
        for page in (self.list, self.hits_page, self.note):
            self.stack.addWidget(page)
        self.menu = QMenu(self)
        self._place_parts()

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
        delegate.renamed.connect(self.rename_requested)
        for view in (self.list, self.hits):
            view.delete_asked.connect(self._delete)
            view.typed.connect(self._type)
        library.hits_ready.connect(self._on_hits)
        for changed in (library.model.modelReset, library.model.rowsInserted, library.model.rowsRemoved):
            changed.connect(self._on_rows)
        self._on_rows()

    def show_current(self, number: int | None) -> None:
        """Mark the conversation on screen; None if it is not one of the list."""
        self._shown = number
        self.list.show_row(self._library.model.row_of(number))

    def set_busy(self, numbers: Iterable[int]) -> None:
        """Mark the conversations in which a reply is being written."""
        self._library.model.set_busy(numbers)

    @Slot()
    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _place_parts(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(5)
        buttons.addWidget(self.new_button, 1)
        buttons.addWidget(self.temporary_button)
        top = QVBoxLayout()
        top.setContentsMargins(12, 12, 12, 0)
        top.setSpacing(5)
        top.addWidget(self.search)
        top.addLayout(buttons)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(12, 6, 12, 8)
        bottom.addWidget(self.import_button)
        bottom.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 1, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.stack, 1)
        column.addLayout(bottom)

    # Searching.

    @property
    def _wanted(self) -> str:
        return self.search.text().strip()

    @Slot()
    def _on_text(self) -> None:
        self._open_first = False
        if self._wanted:
            self._search_soon.start()
        else:
            self._search_soon.stop()
            self._search_now()

    @Slot()
    def _search_now(self) -> None:
        self._search_soon.stop()
        self._library.search(self._wanted)
        if not self._wanted:
            self._found_for = ""
            self._show_page()

    @Slot(str, object)
    def _on_hits(self, text: str, hits: list) -> None:
        if text != self._wanted:
            return
        self._found_for = text
        self.hits_page.show_hits(hits)
        self._show_page()
        if self._open_first and hits:
            self._open_hit(self.hits.model().index(0))
        self._open_first = False

    @Slot()
    def _on_return(self) -> None:
        """Open the first one found, as soon as something is found."""
        if self._wanted and self._found_for == self._wanted and self.hits.model().rowCount():
            self._open_hit(self.hits.model().index(0))
        elif self._wanted:
            self._search_now()
            self._open_first = True

    @Slot()
    def _on_rows(self) -> None:
        """Rows came or went."""
        if self._shown is not None and not self.list.shown.isValid():
            self.list.show_row(self._library.model.row_of(self._shown))
        if self._found_for:
            self._search_soon.start()
        self._show_page()

    def _show_page(self) -> None:
        if self._found_for and self.hits.model().rowCount():
            self.stack.setCurrentWidget(self.hits_page)
        elif self._found_for:
            self.note.show_note("search", NOTHING_FOUND.format(text=self._found_for))
            self.stack.setCurrentWidget(self.note)
        elif self._library.model.rowCount():
            self.stack.setCurrentWidget(self.list)
        else:
            self.note.show_note("chat", NOTHING_YET)
            self.stack.setCurrentWidget(self.note)

    @property
    def _visible_list(self) -> SectionedList | None:
        return {self.list: self.list, self.hits_page: self.hits}.get(self.stack.currentWidget())

    # Keyboard.

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and event.key() == Qt.Key.Key_Escape and self.search.text():
            event.accept()  # else Esc would do what it does in the rest of the window
            return True
        return super().event(event)

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

    # What can be done with a conversation.

    @Slot(QModelIndex)
    def _open(self, index: QModelIndex) -> None:
        self.open_requested.emit(index.data(ID_ROLE), None, ())

    @Slot(QModelIndex)
    def _open_hit(self, index: QModelIndex) -> None:
        hit = index.data(HIT_ROLE)
        words = [hit.snippet[first:last] for first, last in hit.matches]
        words += [hit.title[first:last] for first, last in hit.title_matches]
        self.open_requested.emit(hit.conversation_id, hit.message_number, tuple(dict.fromkeys(words)))

    @Slot(QModelIndex)
    def _delete(self, index: QModelIndex) -> None:
        self.delete_requested.emit(index.data(ID_ROLE))

    @Slot(QModelIndex, QPoint)
    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        row = index.data(ROW_ROLE)
        self._menu_id = row.id
        self.menu.clear()
        self._add("Rename", self._on_rename, "F2")
        self._add("Unpin" if row.pinned else "Pin", self._on_unpin if row.pinned else self._on_pin)
        self._add("Duplicate", self._on_duplicate)
        self.menu.addSeparator()
        self._add("Export as Markdown…", self._on_markdown)
        self._add("Export as JSON…", self._on_json)
        self.menu.addSeparator()
        self._add("Delete", self._on_delete, "Del")
        self.menu.popup(place)

    def _add(self, text: str, slot, keys: str = "") -> None:
        action = QAction(text, self.menu)
        if keys:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # the list itself obeys the key
            action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(slot)
        self.menu.addAction(action)

    @Slot()
    def _on_rename(self) -> None:
        row = self._library.model.row_of(self._menu_id)
        if row is not None:
            self.list.setCurrentIndex(self._library.model.index(row))
            self.list.edit(self.list.currentIndex())

    @Slot()
    def _on_pin(self) -> None:
        self.pin_requested.emit(self._menu_id, True)

    @Slot()
    def _on_unpin(self) -> None:
        self.pin_requested.emit(self._menu_id, False)

    @Slot()
    def _on_duplicate(self) -> None:
        self.duplicate_requested.emit(self._menu_id)

    @Slot()
    def _on_markdown(self) -> None:
        self.export_requested.emit(self._menu_id, "markdown")

    @Slot()
    def _on_json(self) -> None:
        self.export_requested.emit(self._menu_id, "json")

    @Slot()
    def _on_delete(self) -> None:
        self.delete_requested.emit(self._menu_id)
