"""The base of all message rows: actions, context marks, focus and menus."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QApplication, QFrame, QMenu, QWidget

from i3core.text.chat_template import ChatTemplate
from i3desk.chat.message_actions import ACTIONS_HEIGHT, MessageActions
from i3desk.chat.message_cards import ContextMark
from i3desk.conversations.conversation import USER, Message
from i3desk.language import tr
from i3desk.widgets.basics import named
from i3desk.widgets.links import open_link
from i3desk.widgets.plain_text import menu_text
from i3desk.widgets.text_block import TextBlock
from i3desk.widgets.text_display import has_markdown
from i3desk.widgets.virtual_list import VirtualRow

GUTTER = 16  # on both sides of a row, for its marks
PART_SPACING = 6
BUTTON_EDGE = 5
FADED = 0.45
MAX_NAME_LENGTH = 2000  # characters of a message in its accessible name


@dataclass(frozen=True)
class DisplayOptions:
    """How messages are displayed.

    Attributes:
        capitalise, markdown: see `text_display.capitalise` and `text_display.has_markdown`.
        glass: True to show replies as chunks.
        model: name of the model in use, which can continue from any chunk of its own replies; "" without one.
        template: of the model in use, which tells what it cannot read; None without one.
    """

    capitalise: bool = False
    markdown: bool = True
    glass: bool = False
    model: str = ""
    template: ChatTemplate | None = None


class ContextState(enum.Enum):
    """Whether a message is in the model's context window."""

    SEEN = "seen"
    FALLING = "falling"  # drops out when the next message is sent
    GONE = "gone"


class _Veil(QWidget):
    """Fades the widgets below it towards the background."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("veil")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def paintEvent(self, event: QPaintEvent) -> None:
        colour = QColor(QApplication.palette().color(QPalette.ColorRole.Base))
        colour.setAlphaF(1 - FADED)
        QPainter(self).fillRect(self.rect(), colour)


class MessageRow(VirtualRow):
    """The row of a message. Actions are shown on the last message, and under the pointer or the focus.

    Signals:
        edit_submitted(number, text), correction_submitted(number, text): Emitted when the editor's text is submitted.
        retry_requested(number), continue_requested(number), csv_requested(number): Emitted by the action's button.
        alternative_chosen(number, chunk_index, token_id): Emitted when an alternative token is clicked.
        version_chosen(number): Emitted with the number of another version to show.
        seed_chosen(seed): Emitted when a seed is to be used again.
        place_found(number, y): Emitted after `highlight` with the place of the first word.
    """

    edit_submitted = Signal(object, str)
    correction_submitted = Signal(object, str)
    retry_requested = Signal(object)
    continue_requested = Signal(object)
    csv_requested = Signal(object)
    alternative_chosen = Signal(object, object, object)
    version_chosen = Signal(object)
    seed_chosen = Signal(object)
    place_found = Signal(object, int)

    below = 0
    indent = 0  # pixels on the left, for the mark of the author

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.message = message
        self.action_bar: MessageActions | None = None
        self.mark: ContextMark | None = None
        self._versions: Sequence[int] = (message.number,)
        self._display = DisplayOptions()
        self._busy = self._is_last = False
        self._veil: _Veil | None = None
        self._falling_line: QFrame | None = None

    @property
    def text(self) -> TextBlock:
        """The widget with the text."""
        raise NotImplementedError

    def show_message(
        self, message: Message, versions: Sequence[int], display: DisplayOptions, busy: bool, last: bool
    ) -> None:
        """Show the message in its current state."""
        self.message, self._versions, self._display = message, versions, display
        self._busy, self._is_last = busy, last
        self._show_content()
        if message.ended:
            self.setAccessibleName(
                tr("{who} said: {shown_text}").format(who=self._who, shown_text=message.shown_text[:MAX_NAME_LENGTH])
            )
        self.show_actions()

    def show_context(self, state: ContextState, begins: bool, falls: bool) -> None:
        """Show whether the model sees the message; a mark above says that the context `begins` or `falls` here."""
        if (self.mark.shown if self.mark else (False, False)) != (begins, falls):
            if self.mark is not None:
                self.mark.hide()
                self.mark.deleteLater()
                self.mark = None
            if begins or falls:
                self.mark = ContextMark(begins, falls, self)
                self.mark.show()
        if state is ContextState.GONE and self._veil is None:
            self._veil = _Veil(self)
        if state is ContextState.FALLING and self._falling_line is None:
            self._falling_line = named(QFrame(self), "fallingLine")
        if self._veil is not None:
            self._veil.setVisible(state is ContextState.GONE)
        if self._falling_line is not None:
            self._falling_line.setVisible(state is ContextState.FALLING)

    def show_actions(self) -> None:
        """Show or hide the line of actions, and update it."""
        focused = QApplication.focusWidget()
        has_focus = focused is not None and (focused is self or self.isAncestorOf(focused))
        has_versions = len(self._versions) > 1  # so that other versions can be found
        wanted = self._may_act() and (self._is_last or has_versions or self.underMouse() or has_focus)
        if wanted and self.action_bar is None:
            self.action_bar = self._make_actions()
            self._place_actions()
        if self.action_bar is not None:
            if wanted:
                self.action_bar.show_message(self.message, self._versions, self._display.glass, self._busy)
            self.action_bar.setVisible(wanted)

    def highlight(self, words: Sequence[str]) -> None:
        """Highlight words for a moment; `place_found` follows if there are any."""
        self.text.highlight(words)

    @Slot()
    def copy(self) -> None:
        """Copy the message's text, not its display, to the clipboard."""
        QApplication.clipboard().setText(self.message.shown_text)

    def fit(self, width: int) -> int:
        inner, y = width - 2 * GUTTER, 0
        if self.mark is not None:
            height = self.mark.sizeHint().height()
            self.mark.setGeometry(GUTTER, y, inner, height)
            y += height + PART_SPACING + 2
        y = self._fit_content(inner, y)
        height = y + ACTIONS_HEIGHT + self.below
        if (width, height) != (self.width(), self.height()):
            self.resize(width, height)
        self._place_actions()
        if self._veil is not None:
            self._veil.setGeometry(0, 0, width, height)
            self._veil.raise_()
        if self._falling_line is not None:
            self._falling_line.setGeometry(3, 0, 2, height)
        return height

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self.show_actions()
        elif event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()  # passes the request on to the list
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.hasFocus() and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(tr("Copy"), self.copy)
        self._fill_menu(menu)
        for address in self.text.links():
            action = menu.addAction(menu_text(tr("Open {address}").format(address=address)))
            action.setData(address)
        menu.triggered.connect(self._open_link)
        menu.popup(event.globalPos())

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QApplication.palette().color(QPalette.ColorRole.Accent))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(6.5, 0.5, -6.5, -0.5 - max(0, self.below - 4)), 8, 8)

    def _show_content(self) -> None:
        raise NotImplementedError

    def _fit_content(self, width: int, y: int) -> int:
        """Place the content between mark and actions, starting at `y`; returns its end."""
        raise NotImplementedError

    def _fill_menu(self, menu: QMenu) -> None:
        """Add the message's own entries to its menu."""

    def _may_act(self) -> bool:
        return self.message.ended

    def _make_actions(self) -> MessageActions:
        actions = MessageActions(self.message.role, self)
        actions.retry_requested.connect(self._retry)
        actions.continue_requested.connect(self._continue)
        actions.csv_requested.connect(self._save_csv)
        actions.version_chosen.connect(self.version_chosen)
        actions.seed_chosen.connect(self.seed_chosen)
        for button in actions.findChildren(QWidget):
            if button.focusPolicy() & Qt.FocusPolicy.TabFocus:
                button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the transcript handles the Tab key
        return actions

    def _place_actions(self) -> None:
        if self.action_bar is not None:
            y = self.height() - self.below - ACTIONS_HEIGHT
            # The labels of the buttons, not their edges, are aligned with the text.
            is_user = self.message.role == USER
            left = GUTTER if is_user else GUTTER + self.indent - BUTTON_EDGE
            right = self.width() - GUTTER + (BUTTON_EDGE if is_user else 0)
            self.action_bar.setGeometry(left, y, right - left, ACTIONS_HEIGHT)

    def _show_text(self, shown: str) -> None:
        """Show text as Markdown if enabled and present; growing text stays plain."""
        if self._display.markdown and self.message.ended and has_markdown(shown):
            self.text.show_markdown(shown)
        else:
            self.text.show_text(shown)

    @property
    def _who(self) -> str:
        return tr("You") if self.message.role == USER else "i3"

    @Slot()
    def _retry(self) -> None:
        self.retry_requested.emit(self.message.number)

    @Slot()
    def _continue(self) -> None:
        self.continue_requested.emit(self.message.number)

    @Slot()
    def _save_csv(self) -> None:
        self.csv_requested.emit(self.message.number)

    @Slot(int)
    def _on_words_found(self, y: int) -> None:
        self.place_found.emit(self.message.number, self.text.mapTo(self, self.text.rect().topLeft()).y() + y)

    @Slot(object)
    def _open_link(self, action) -> None:
        if action.data():
            open_link(action.data(), self)
