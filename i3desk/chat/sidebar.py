"""The sidebar: search, new chats, and the list of conversations with their menus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from i3desk.chat.conversation_list import ID_ROLE, ROW_ROLE, ConversationList
from i3desk.chat.sidebar_delegates import HIT_ROLE, ConversationDelegate, HitDelegate, HitModel
from i3desk.conversations.store import ConversationRow, Hit
from i3desk.style import icons
from i3desk.style.icons import IconPushButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import Notice, add, column, column_in, icon_button, label, row
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import PADDING, SIDE, SectionedList, heading_font

WIDTH = 232
SEARCH_AFTER_MS = 80
NOTHING_YET = "Your chats will appear here.\nThey stay on this computer."
NOTHING_FOUND = "No chats match “{text}”."


class SearchField(QLineEdit):
    """The search field; shows its shortcut while it is empty."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("search")
        self._theme = theme
        self.setPlaceholderText("Search chats")
        self.setAccessibleName("Search chats")
        self.setToolTip(tooltip_text("Search titles and messages (Ctrl+K); Esc clears the search"))
        self._glass = self.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = self.addAction(QIcon(), QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setToolTip(tooltip_text("Clear search (Esc)"))
        for action, name in ((self._glass, "Search"), (self._clear, "Clear search")):
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
    """A note in place of an empty list."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.text = label(tone="muted", grade="small", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column_in(self, self._icon, self.text, None, margins=(20, 48, 20, 16), spacing=12)
        self._name = ""
        theme.changed.connect(self._tint)

    def show_note(self, icon_name: str, text: str) -> None:
        """Show why the list is empty."""
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
        self.list.setAccessibleName("Results")
        column_in(self, self.heading, (self.list, 1))

    def show_hits(self, hits: list[Hit]) -> None:
        """Show other hits."""
        self.heading.setText("1 RESULT" if len(hits) == 1 else f"{len(hits)} RESULTS")
        self.heading.setFont(heading_font(self.list.font()))
        self.model.show(hits)


class Sidebar(QFrame):
    """The list of conversations: select, create or search. Everything but searching is left to its signals.

    Ctrl+K, Ctrl+N and Ctrl+Shift+N work in the whole window, so the window binds them.

    Signals:
        open_requested(id, message number or None, words): Emitted when a conversation is to be shown, with the words
            that were searched for.
        new_requested(), temporary_requested(), import_requested(): Emitted by the buttons.
        rename_requested(id, text), pin_requested(id, bool), duplicate_requested(id), delete_requested(ids),
        export_requested(id, kind): Emitted by a conversation's menu; kind is "markdown" or "json".
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
        self.new_button.setText("New chat")
        self.new_button.setToolTip(tooltip_text("Start a new chat (Ctrl+N)"))
        self.temporary_button = icon_button(
            "temporary", "Temporary chat", "Temporary chat: it isn't saved (Ctrl+Shift+N)", look="boxed"
        )
        self.import_button = IconPushButton()
        self.import_button.set_icon("import", size=16)
        self.import_button.setText("Import…")
        self.import_button.setProperty("kind", "quiet")
        self.import_button.setToolTip(tooltip_text("Import chats of i3desk, or of another chat program"))

        delegate = ConversationDelegate(theme, self)
        self.list = SectionedList(conversations.model, delegate, theme)
        self.list.setAccessibleName("Chats")
        self.hits_page = HitsPage(theme)
        self.hits = self.hits_page.list
        self.note = NoConversationsNote(theme)
        self.stack = QStackedWidget()
        for page in (self.list, self.hits_page, self.note):
            self.stack.addWidget(page)
        self.menu = QMenu(self)
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
        delegate.renamed.connect(self.rename_requested)
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
        add(bottom, self.import_button, None)
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
        self.open_requested.emit(index.data(ID_ROLE), None, ())

    @Slot(QModelIndex)
    def _open_hit(self, index: QModelIndex) -> None:
        hit = index.data(HIT_ROLE)
        words = [hit.snippet[first:last] for first, last in hit.matches]
        words += [hit.title[first:last] for first, last in hit.title_matches]
        self.open_requested.emit(hit.conversation_id, hit.message_number, tuple(dict.fromkeys(words)))

    @Slot(object)
    def _delete(self, indices: list[QModelIndex]) -> None:
        numbers = [index.data(ID_ROLE) for index in indices]
        self.list.marks.clear()
        self.delete_requested.emit(numbers)

    @Slot(QModelIndex, QPoint)
    def _show_menu(self, index: QModelIndex, place: QPoint) -> None:
        row = index.data(ROW_ROLE)
        self.menu.clear()
        marked = self.list.marked
        if len(marked) > 1 and index in marked:
            rows = [each.data(ROW_ROLE) for each in marked]
            pinned = not all(each.pinned for each in rows)
            self._add(f"{'Pin' if pinned else 'Unpin'} {len(rows)} chats", lambda: self._pin_all(rows, pinned))
            self._add(f"Delete {len(rows)} chats", lambda: self._delete(marked), "Del")
            self.menu.popup(place)
            return
        self.list.marks.clear()
        self._add("Rename", lambda: self._edit_title(row.id), "F2")
        self._add("Unpin" if row.pinned else "Pin", lambda: self.pin_requested.emit(row.id, not row.pinned))
        self._add("Duplicate", lambda: self.duplicate_requested.emit(row.id))
        self.menu.addSeparator()
        self._add("Export as Markdown…", lambda: self.export_requested.emit(row.id, "markdown"))
        self._add("Export as JSON…", lambda: self.export_requested.emit(row.id, "json"))
        self.menu.addSeparator()
        self._add("Delete", lambda: self.delete_requested.emit([row.id]), "Del")
        self.menu.popup(place)

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
            self.list.setCurrentIndex(self._conversations.model.index(row))
            self.list.edit(self.list.currentIndex())
