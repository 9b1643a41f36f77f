"""The messages on screen: one path through a conversation, with the model's context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QApplication, QWidget

from i3core.text.chat_template import ChatTemplate
from i3desk.chat.message_actions import ACTIONS_HEIGHT
from i3desk.chat.message_row import GUTTER, ContextState, DisplayOptions, MessageRow
from i3desk.chat.message_widgets import (
    BUBBLE_ABOVE,
    BUBBLE_BELOW,
    BUBBLE_SHARE,
    BUBBLE_X,
    REPLY_ABOVE,
    REPLY_BELOW,
    REPLY_INDENT,
    ReplyMessageRow,
    UserMessageRow,
)
from i3desk.conversations.conversation import USER, Conversation, Message, ReplyState
from i3desk.language import tr
from i3desk.style.icons import IconPushButton
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.text_block import LINE_HEIGHT_PERCENT, TextBlock
from i3desk.widgets.text_display import estimate_text_height
from i3desk.widgets.virtual_list import VirtualList

COLUMN_WIDTH = 640
MARGIN = 24
CARD_HEIGHT = 90  # of a failure, approximately


class Transcript(VirtualList):
    """Shows a conversation. Alt+Up and Alt+Down move between messages, Tab through the controls of a message.

    Signals:
        chunks_requested(number): Emitted when a reply should be shown as chunks but has none loaded.
        The other signals are those of its rows, see MessageRow.
    """

    retry_requested = Signal(object)
    edit_submitted = Signal(object, str)
    correction_submitted = Signal(object, str)
    version_chosen = Signal(object)
    continue_requested = Signal(object)
    alternative_chosen = Signal(object, object, object)
    chunks_requested = Signal(object)
    csv_requested = Signal(object)
    seed_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(COLUMN_WIDTH + 2 * GUTTER, MARGIN - GUTTER, MARGIN, parent)
        self.setObjectName("transcript")
        self.setAccessibleName(tr("Conversation"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._conversation = Conversation()
        self._path: list[int] = []
        self._index: dict[int, int] = {}
        self._display = DisplayOptions()
        self._busy = False
        self._first_seen: int | None = None
        self._will_see_from: int | None = None
        metrics = QFontMetricsF(QApplication.font())
        self._measures = (metrics.averageCharWidth(), metrics.height() * LINE_HEIGHT_PERCENT / 100)
        self._without_chunks: set[int] = set()  # requested already
        self._chunk_timer = QTimer(self, singleShot=True, interval=0)
        self._chunk_timer.timeout.connect(self._request_chunks)

        self.jump_button = IconPushButton(tr(" Jump to latest"), self)
        self.jump_button.setProperty("kind", "round")
        self.jump_button.set_icon("down", QPalette.ColorRole.Text, 14)
        self.jump_button.setAccessibleName(tr("Jump to latest"))
        self.jump_button.setToolTip(tooltip_text(tr("Go to the newest text and follow it (Ctrl+J)")))
        self.jump_button.clicked.connect(self.jump_to_latest)
        self.jump_button.hide()
        self.following_changed.connect(self._show_jump_button)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus_changed)

    @property
    def rows(self) -> Mapping[int, MessageRow]:
        return cast("Mapping[int, MessageRow]", super().rows)

    def show_conversation(self, conversation: Conversation) -> None:
        """Show another conversation, at its end."""
        self._conversation = conversation
        self._first_seen = self._will_see_from = None
        self._without_chunks.clear()
        self._take_path()
        self._set_following(True)
        self.replace_rows(0, len(self._path))

    def update_path(self, conversation: Conversation) -> None:
        """Show added messages or another version; only rows that differ are replaced."""
        before = self._path
        self._conversation = conversation
        self._take_path()
        common = 0
        while common < min(len(before), len(self._path)) and before[common] == self._path[common]:
            common += 1
        last = conversation.last
        if common < len(self._path) and last is not None and not last.ended:
            self._set_following(True)
        self.replace_rows(common, len(self._path))
        for index in [index for index in self.rows if index < common]:
            self._show_row(index)

    def refresh(self, number: int) -> None:
        """Update a message whose text or state has changed."""
        index = self._index.get(number)
        if index is None:
            return
        if index in self.rows:
            self._show_row(index)
        self.remeasure(index)

    def show_context(self, first_seen: int | None, will_see_from: int | None) -> None:
        """Show that the model sees messages from `first_seen`, or from `will_see_from` after sending (None: all)."""
        if (first_seen, will_see_from) != (self._first_seen, self._will_see_from):
            self._first_seen, self._will_see_from = first_seen, will_see_from
            for index in self.rows:
                self._show_context_of(index)
            if self._path:
                self.remeasure()

    def show_display(
        self, capitalise: bool, markdown: bool, glass: bool, model: str = "", template: ChatTemplate | None = None
    ) -> None:
        """Choose how messages are displayed; `model` and `template` are those of the model in use."""
        display = DisplayOptions(capitalise, markdown, glass, model, template)
        if display != self._display:
            self._display = display
            self._without_chunks.clear()
            for index in self.rows:
                self._show_row(index)
            if self._path:
                self.remeasure()

    def show_text_size(self, percent: int, sheet: str) -> None:
        """Show the text of the messages at another size; `sheet` sets it for those that exist and those to come."""
        metrics = QFontMetricsF(QApplication.font())
        width, height = metrics.averageCharWidth(), metrics.height() * LINE_HEIGHT_PERCENT / 100
        self._measures = (width * percent / 100, height * percent / 100)
        self.setStyleSheet(sheet)
        if self._path:
            self.remeasure()

    def set_busy(self, busy: bool) -> None:
        """Disable actions while a reply is being written."""
        if busy != self._busy:
            self._busy = busy
            for index in self.rows:
                self._show_row(index)

    def reveal(self, number: int, words: list[str]) -> None:
        """Scroll to a message and highlight `words` in it for a moment."""
        index = self._index.get(number)
        if index is not None:
            self.scroll_to(index)
            if index in self.rows:
                self.rows[index].highlight(words)

    def begin_edit(self, number: int) -> None:
        """Turn a message of the user into a text field."""
        index = self._index.get(number)
        if index is None or self._busy:
            return
        row = self.make_visible(index)
        if isinstance(row, UserMessageRow):
            row.begin_edit()
            self.remeasure(index)
            self.make_visible(index)

    def row_of(self, number: int) -> MessageRow | None:
        """The row of a message, if it exists."""
        return self.rows.get(self._index.get(number, -1))

    @Slot(int)
    def move_focus(self, step: int) -> None:
        """Focus the next (1) or previous (-1) message, or the last one in view if none has the focus."""
        current = self._focused_row()
        if current is None:
            index = self._index_at(self.verticalScrollBar().value() + self.viewport().height() - 1)
        else:
            index = max(0, min(current + step, self.count - 1))
        row = self.make_visible(index) if self._path else None
        if row is not None:
            row.setFocus(Qt.FocusReason.TabFocusReason)

    # Rows for VirtualList

    def make_row(self, index: int) -> MessageRow:
        message = self._message(index)
        row = (UserMessageRow if message.role == USER else ReplyMessageRow)(message, self.viewport())
        for name in (
            "retry_requested", "edit_submitted", "correction_submitted", "version_chosen", "continue_requested",
            "alternative_chosen", "csv_requested", "seed_chosen",
        ):  # fmt: skip
            getattr(row, name).connect(getattr(self, name))
        row.place_found.connect(self._show_place)
        return row

    def prepare_row(self, index: int) -> None:
        self._show_row(index)
        self._show_context_of(index)

    def estimate_height(self, index: int, width: int) -> int:
        message = self._message(index)
        room, around = width - 2 * GUTTER - REPLY_INDENT, REPLY_ABOVE + REPLY_BELOW
        if message.role == USER:
            bubble = int((width - 2 * GUTTER) * BUBBLE_SHARE)
            room, around = bubble - 2 * BUBBLE_X, BUBBLE_ABOVE + BUBBLE_BELOW
        elif message.state in (ReplyState.FAILED, ReplyState.CUT):
            around += CARD_HEIGHT
        text = estimate_text_height(message.shown_text, room, *self._measures)
        return text + around + ACTIONS_HEIGHT

    # Keyboard

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.modifiers() == Qt.KeyboardModifier.AltModifier and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.move_focus(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() in (Qt.Key.Key_Home, Qt.Key.Key_End):
            bar = self.verticalScrollBar()
            bar.setValue(0 if event.key() == Qt.Key.Key_Home else bar.maximum())
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.move_focus(0)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Move from a message through its controls and then out of the transcript."""
        index = self._focused_row()
        if index is None:
            return super().focusNextPrevChild(forward)
        row, focused = self.rows[index], QApplication.focusWidget()
        stops = [row, *_controls(row)]
        at = stops.index(focused) if focused in stops else 0
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        following = at + (1 if forward else -1)
        if 0 <= following < len(stops):
            stops[following].setFocus(reason)
            return True
        outside: QWidget | None = self
        while True:
            outside = outside.nextInFocusChain() if forward else outside.previousInFocusChain()
            if outside is None or outside is self:
                return False
            takes_tab = outside.focusPolicy() & Qt.FocusPolicy.TabFocus and outside.isEnabled()
            if takes_tab and outside.isVisible() and not self.isAncestorOf(outside):
                outside.setFocus(reason)
                return True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_jump_button()

    def _message(self, index: int) -> Message:
        return self._conversation.messages[self._path[index]]

    def _take_path(self) -> None:
        self._path = [message.number for message in self._conversation.path()]
        self._index = {number: index for index, number in enumerate(self._path)}

    def _index_of(self, number: int | None) -> int:
        return 0 if number is None else self._index.get(number, 0)

    def _show_row(self, index: int) -> None:
        message, row = self._message(index), self.rows[index]
        versions = self._conversation.versions(message.number)
        is_last = message.role != USER and index == len(self._path) - 1
        row.show_message(message, versions, self._display, self._busy, is_last)
        if isinstance(row, ReplyMessageRow) and row.wants_chunks and message.number not in self._without_chunks:
            self._chunk_timer.start()

    def _show_context_of(self, index: int) -> None:
        seen_from, falling_to = map(self._index_of, (self._first_seen, self._will_see_from))
        state = ContextState.SEEN
        if index < seen_from:
            state = ContextState.GONE
        elif index < falling_to:
            state = ContextState.FALLING
        is_first = index == seen_from
        self.rows[index].show_context(state, is_first and seen_from > 0, is_first and state is ContextState.FALLING)

    def _focused_row(self) -> int | None:
        focused = QApplication.focusWidget()
        for index, row in self.rows.items():
            if focused is not None and (focused is row or row.isAncestorOf(focused)):
                return index
        return None

    @Slot()
    def _request_chunks(self) -> None:
        for row in list(self.rows.values()):
            if isinstance(row, ReplyMessageRow) and row.wants_chunks and row.message.number not in self._without_chunks:
                self._without_chunks.add(row.message.number)
                self.chunks_requested.emit(row.message.number)

    @Slot(object, int)
    def _show_place(self, number: int, y: int) -> None:
        if number in self._index:
            self.scroll_to(self._index[number], y)

    @Slot(QWidget, QWidget)
    def _on_focus_changed(self, _old: QWidget | None, _new: QWidget | None) -> None:
        for row in self.rows.values():
            row.show_actions()
            row.update()

    def _place_jump_button(self) -> None:
        self.jump_button.adjustSize()
        x = (self.width() - self.jump_button.width()) // 2
        self.jump_button.move(x, self.height() - self.jump_button.height() - 12)

    @Slot(bool)
    def _show_jump_button(self, following: bool) -> None:
        self.jump_button.setVisible(not following)
        self._place_jump_button()
        self.jump_button.raise_()


def _controls(row: MessageRow) -> list[QWidget]:
    """The focusable widgets of a row, from top to bottom and left to right."""
    found = [
        child
        for child in row.findChildren(QWidget)
        if child.focusPolicy() & Qt.FocusPolicy.ClickFocus
        and child.isVisible()
        and child.isEnabled()
        and not isinstance(child, TextBlock)
    ]
    places = {child: child.mapTo(row, child.rect().topLeft()) for child in found}
    return sorted(found, key=lambda child: (places[child].y(), places[child].x()))
