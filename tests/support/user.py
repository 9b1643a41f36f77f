"""What a user sees and does: the newest reply, marked words, and clicks on what is on screen."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTextEdit, QWidget

from i3desk.chat.message_widgets import ReplyMessageRow
from i3desk.chat.transcript import Transcript


def last_reply(transcript: Transcript) -> ReplyMessageRow:
    """The row of the newest reply on screen."""
    return [row for _, row in sorted(transcript.rows.items()) if isinstance(row, ReplyMessageRow)][-1]


def marked_words(text: QTextEdit) -> list[str]:
    """The marked words of a text."""
    return [each.cursor.selectedText() for each in text.extraSelections()]


def click(qtbot, widget: QWidget) -> None:
    """Click a widget as a user can: only if it is on screen and enabled."""
    assert widget.isVisible(), f"a user cannot see {widget.accessibleName()}"
    assert widget.isEnabled(), f"{widget.accessibleName()} is disabled"
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center())
