"""The widgets of a turn: the user's bubble, i3's reply with its actions, and the mark where i3's view begins."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsOpacityEffect,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from i3desk.chat.conversation import ENDED, Reply, ReplyState
from i3desk.chat.text_block import TextBlock
from i3desk.palette import tabular

BUBBLE_SHARE = 0.8  # of the reading column
FADED = 0.45
COPIED_FOR_MS = 1500


def fade(widget: QWidget, faded: bool) -> None:
    """Show `widget` as something that i3 no longer sees."""
    if faded and widget.graphicsEffect() is None:
        effect = QGraphicsOpacityEffect(widget)
        effect.setOpacity(FADED)
        widget.setGraphicsEffect(effect)
    elif not faded and widget.graphicsEffect() is not None:
        widget.setGraphicsEffect(None)


def quiet_button(text: str, tooltip: str, parent: QWidget | None = None) -> QPushButton:
    """A small text button for an action under a message."""
    button = QPushButton(text, parent)
    button.setProperty("kind", "quiet")
    button.setToolTip(tooltip)
    button.setAccessibleName(text)
    button.setAccessibleDescription(tooltip)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    return button


class CopyButton(QPushButton):
    """Copies a text and says so for a moment."""

    def __init__(self, what: str, parent: QWidget | None = None) -> None:
        super().__init__("Copy", parent)
        self.setProperty("kind", "quiet")
        self.setToolTip(f"Copy {what}")
        self.setAccessibleName(f"Copy {what}")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.text_to_copy = ""
        self._reset_timer = QTimer(self, singleShot=True, interval=COPIED_FOR_MS)
        self._reset_timer.timeout.connect(self._reset)
        self.clicked.connect(self.copy)

    @Slot()
    def copy(self) -> None:
        """Put the text on the clipboard."""
        QGuiApplication.clipboard().setText(self.text_to_copy)
        self.setText("Copied")
        self._reset_timer.start()

    @Slot()
    def _reset(self) -> None:
        self.setText("Copy")


class UserMessage(QWidget):
    """What the user said: a bubble on the right, as wide as its text."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = TextBlock("Your message")
        self.text.show_text(text)
        bubble = QFrame(objectName="bubble")
        inside = QHBoxLayout(bubble)
        inside.setContentsMargins(14, 10, 14, 7)  # a line of text has its leading below
        inside.addWidget(self.text)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(bubble)
        self._fitted = 0

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        most = int(self.width() * BUBBLE_SHARE) - 28
        if most > 0 and most != self._fitted:
            self._fitted = most
            self.text.setFixedWidth(self.text.ideal_width(most))


class ReplyMessage(QWidget):
    """What i3 said. Its actions show on the last reply, and on others under the pointer.

    Signals:
        retry_requested: answer this turn anew.
    """

    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_last = True
        self._ended = False
        self.text = TextBlock("Reply from i3")
        self.note = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.note.setProperty("tone", "muted")
        self.failure = _Failure()
        self.failure.retry.clicked.connect(self.retry_requested)
        self.copy_button = CopyButton("this reply")
        self.retry_button = quiet_button("Retry", "Answer the last message anew (Ctrl+R)")
        self.retry_button.clicked.connect(self.retry_requested)
        self.facts = tabular(QLabel(textFormat=Qt.TextFormat.PlainText))
        self.facts.setProperty("tone", "muted")
        self.facts.setProperty("grade", "small")
        self.facts.setToolTip("Length of the reply, speed, and the seed that gives the same reply again")

        self.actions = QWidget()
        row = QHBoxLayout(self.actions)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.copy_button)
        row.addWidget(self.retry_button)
        row.addStretch(1)
        row.addWidget(self.facts)
        # The row keeps its place while hidden, so that nothing moves under the pointer.
        self.actions.setFixedHeight(24)

        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(2)
        for widget in (self.text, self.note, self.failure, self.actions):
            column.addWidget(widget)

    def show_reply(self, reply: Reply) -> None:
        """Show the reply as it stands."""
        state = reply.state
        self._ended = state in ENDED
        self.text.show_text(reply.shown_text if self._ended else reply.text.lstrip())
        self.text.show_caret(state in (ReplyState.WAITING, ReplyState.STREAMING))
        self.text.setVisible(bool(reply.shown_text) or state in (ReplyState.WAITING, ReplyState.STREAMING))
        note = ""
        if state is ReplyState.QUEUED:
            note = "i3 is still loading and will answer as soon as it is ready."
        elif state is ReplyState.STOPPED and not reply.shown_text:
            note = "Stopped before i3 said anything."
        elif state is ReplyState.DONE and not reply.shown_text:
            note = "i3 ended its turn without a word. Retry, or say it differently."
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self.failure.show_error(reply.what_failed, reply.remedy)
        self.failure.setVisible(state is ReplyState.FAILED)
        self.copy_button.text_to_copy = reply.shown_text
        self.facts.setText(reply.facts())
        self._show_actions()

    def set_last(self, is_last: bool) -> None:
        """Only the last reply can be answered anew."""
        self._is_last = is_last
        self._show_actions()

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self._show_actions(hovered=event.type() == QEvent.Type.Enter)
        return super().event(event)

    def _show_actions(self, hovered: bool | None = None) -> None:
        if hovered is None:
            hovered = self.underMouse()
        shown = self._ended and (self._is_last or hovered)
        self.copy_button.setVisible(shown and bool(self.copy_button.text_to_copy))
        self.retry_button.setVisible(shown and self._is_last and self.failure.isHidden())
        self.facts.setVisible(shown)


class _Failure(QFrame):
    """What went wrong and what to do, with a button that tries again."""

    def __init__(self) -> None:
        super().__init__(objectName="failure")
        self.what = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.what.setProperty("tone", "bad")
        self.remedy = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        for label in (self.what, self.remedy):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.retry = QPushButton("Try again")
        self.retry.setAccessibleName("Try again")
        self.retry.setToolTip("Ask for this reply again")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.what)
        column.addWidget(self.remedy)
        column.addWidget(self.retry, alignment=Qt.AlignmentFlag.AlignLeft)

    def show_error(self, what: str, remedy: str) -> None:
        self.what.setText(what)
        self.remedy.setText(remedy)
        self.remedy.setVisible(bool(remedy))


class ViewMark(QWidget):
    """The line between what i3 no longer sees and what it does."""

    TEXT = "i3 no longer sees the turns above"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        label = QLabel(self.TEXT, textFormat=Qt.TextFormat.PlainText)
        label.setProperty("tone", "muted")
        label.setProperty("grade", "small")
        label.setToolTip("The model's window is full: the oldest turns were left out of the last prompt")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(QFrame(objectName="line"), 1)
        row.addWidget(label)
        row.addWidget(QFrame(objectName="line"), 1)
