"""The turns on screen: a scrolled reading column that follows the newest text while the user is at its end."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from i3desk.chat.conversation import Conversation
from i3desk.chat.message import ReplyMessage, UserMessage, ViewMark, fade
from i3desk.icons import IconPushButton

COLUMN_WIDTH = 640
MARGIN = 24
NEAR_END = 24  # pixels from the end that still count as being there


class Transcript(QScrollArea):
    """Shows a conversation.

    Signals:
        retry_requested: answer the last message anew.
    """

    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Conversation")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._following = True
        self._turns: list[tuple[UserMessage, ReplyMessage]] = []
        self._mark: ViewMark | None = None
        self._marked_at: tuple[int, str] | None = None

        page = QWidget(objectName="column")
        column = QWidget(objectName="column")
        column.setMaximumWidth(COLUMN_WIDTH)
        self._column = QVBoxLayout(column)
        self._column.setContentsMargins(0, MARGIN, 0, MARGIN)
        self._column.setSpacing(12)
        self._column.addStretch(1)
        self._sides = sides = QHBoxLayout(page)
        sides.setContentsMargins(MARGIN, 0, MARGIN, 0)
        sides.addStretch(1)
        sides.addWidget(column, 1000)
        sides.addStretch(1)
        self.setWidget(page)

        self.jump_button = IconPushButton(" Jump to latest", self)
        self.jump_button.setProperty("kind", "round")
        self.jump_button.set_icon("down", QPalette.ColorRole.Text, 14)
        self.jump_button.setAccessibleName("Jump to latest")
        self.jump_button.setToolTip("Go to the newest text and follow it (Ctrl+J)")
        self.jump_button.clicked.connect(self.jump_to_latest)
        self.jump_button.hide()
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range_changed)
        bar.valueChanged.connect(self._on_scrolled)
        self.viewport().installEventFilter(self)

    def show_turn(self, conversation: Conversation, index: int) -> None:
        """Add the widgets of a new turn at the end."""
        if self._turns:
            self._turns[-1][1].set_last(False)
        user, reply = UserMessage(conversation.turns[index].user), ReplyMessage()
        reply.retry_requested.connect(self.retry_requested)
        reply.show_reply(conversation.turns[index].reply)
        for widget in (user, reply):
            self._column.insertWidget(self._column.count() - 1, widget)
        self._turns.append((user, reply))
        self.jump_to_latest()

    def show_reply(self, conversation: Conversation, index: int) -> None:
        """Bring one reply up to date; the others are not touched."""
        self._turns[index][1].show_reply(conversation.turns[index].reply)

    def show_first_seen(self, first_seen: tuple[int, str] | None) -> None:
        """Mark where the model's view begins and fade what is above."""
        if first_seen == self._marked_at:
            return
        self._marked_at = first_seen
        if self._mark is not None:
            self._column.removeWidget(self._mark)
            self._mark.deleteLater()
            self._mark = None
        seen = first_seen is None
        for index, pair in enumerate(self._turns):
            for role, widget in zip(("user", "assistant"), pair, strict=True):
                if (index, role) == first_seen:
                    seen = True
                    self._mark = ViewMark()
                    self._column.insertWidget(self._column.indexOf(widget), self._mark)
                fade(widget, not seen)

    def clear(self) -> None:
        """Forget all turns."""
        self.show_first_seen(None)
        for pair in self._turns:
            for widget in pair:
                self._column.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        self._turns.clear()
        self._following = True

    def last_reply(self) -> ReplyMessage | None:
        """The newest reply's widget."""
        return self._turns[-1][1] if self._turns else None

    @Slot()
    def jump_to_latest(self) -> None:
        """Go to the end and follow what is added."""
        self._following = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self.jump_button.hide()

    @Slot(int)
    def scroll_pages(self, pages: int) -> None:
        """Scroll by pages; negative numbers go up."""
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + pages * bar.pageStep())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.viewport() and event.type() == QEvent.Type.Resize:
            self._place_jump_button()
        return super().eventFilter(watched, event)

    def _place_jump_button(self) -> None:
        self.jump_button.adjustSize()
        x = (self.viewport().width() - self.jump_button.width()) // 2
        self.jump_button.move(x, self.viewport().height() - self.jump_button.height() - 12)

    @Slot(int, int)
    def _on_range_changed(self, _minimum: int, maximum: int) -> None:
        if self._following:
            self.verticalScrollBar().setValue(maximum)
        # The column stays in the middle of the page when the scroll bar takes some of its right side.
        bar_width = self.verticalScrollBar().sizeHint().width() if maximum else 0
        self._sides.setContentsMargins(MARGIN + bar_width, 0, MARGIN, 0)
        self._show_jump_button()

    @Slot(int)
    def _on_scrolled(self, value: int) -> None:
        self._following = value >= self.verticalScrollBar().maximum() - NEAR_END
        self._show_jump_button()

    def _show_jump_button(self) -> None:
        if self._following != self.jump_button.isHidden():
            self.jump_button.setVisible(not self._following)
            self._place_jump_button()
