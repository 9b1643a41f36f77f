"""Rows of the transcript: the user's editable bubble, and i3's reply as text or chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Slot
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QMenu, QWidget

from i3desk.chat.message_actions import MessageActions, allow
from i3desk.chat.message_cards import InterruptedCard
from i3desk.chat.message_editor import CORRECT, MessageEditor
from i3desk.chat.message_row import GUTTER, PART_SPACING, MessageRow
from i3desk.conversations.conversation import Message, ReplyState
from i3desk.language import tr
from i3desk.style.theme import sized
from i3desk.widgets.basics import Notice, button, label, named
from i3desk.widgets.text_block import TextBlock
from i3desk.widgets.text_display import capitalise

if TYPE_CHECKING:
    from i3desk.tokens.view import ChunkView

BUBBLE_SHARE = 0.8  # of the reading column
BUBBLE_X, BUBBLE_ABOVE, BUBBLE_BELOW = 14, 10, 7  # inside the bubble; a line of text has its leading below it
REPLY_ABOVE, REPLY_BELOW = 6, 4  # with the line of actions, all messages have the same gap
MARK, REPLY_INDENT = 24, 32  # the mark before a reply, and where the reply begins
MARK_PX = 10  # of its letters


class UserMessageRow(MessageRow):
    """The user's message: a bubble on the right, as wide as its text; a text field while it is edited."""

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(message, parent)
        self._bubble = named(QFrame(self), "bubble")
        self._text = TextBlock(tr("Your message"), self._bubble)
        self._text.words_found.connect(self._on_words_found)
        self._fitted: tuple[str, int, bool, str] | None = None
        self._text_width = 0
        self.editor: MessageEditor | None = None

    @property
    def text(self) -> TextBlock:
        return self._text

    def begin_edit(self) -> None:
        """Turn the bubble into a text field."""
        if self.editor is None:
            self.editor = MessageEditor(self.message.text, self, template=self._display.template)
            self.editor.submitted.connect(self._submit)
            self.editor.cancelled.connect(self.end_edit)
            self.editor.set_busy(self._busy)
            self._bubble.hide()
            self.editor.show()
            self.show_actions()
            self.updateGeometry()
        self.editor.field.setFocus()

    @Slot()
    def end_edit(self) -> None:
        """Show the bubble again."""
        if self.editor is not None:
            self.setFocus()
            self.editor.hide()
            self.editor.deleteLater()
            self.editor = None
            self._bubble.show()
            self.show_actions()
            self.updateGeometry()

    def must_stay(self) -> bool:
        return self.editor is not None or super().must_stay()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.hasFocus() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F2) and not self._busy:
            self.begin_edit()
        else:
            super().keyPressEvent(event)

    def _show_content(self) -> None:
        self._show_text(self.message.shown_text)
        if self.editor is not None:
            self.editor.set_busy(self._busy)

    def _fit_content(self, width: int, y: int) -> int:
        if self.editor is not None:
            return self.editor.place(GUTTER, y, width)
        max_width = int(width * BUBBLE_SHARE) - 2 * BUBBLE_X
        fitted = (self.message.shown_text, max_width, self._text.is_markdown, self._text.font().key())
        if self._fitted != fitted:
            self._fitted = fitted
            self._text_width = self._text.ideal_width(max_width)
        self._text.fit(self._text_width)
        self._text.move(BUBBLE_X, BUBBLE_ABOVE)
        bubble_width = self._text_width + 2 * BUBBLE_X
        height = self._text.height() + BUBBLE_ABOVE + BUBBLE_BELOW
        self._bubble.setGeometry(GUTTER + width - bubble_width, y, bubble_width, height)
        return y + height

    def _may_act(self) -> bool:
        return self.editor is None

    def _make_actions(self) -> MessageActions:
        actions = super()._make_actions()
        actions.edit_requested.connect(self.begin_edit)
        return actions

    def _fill_menu(self, menu: QMenu) -> None:
        menu.addAction(tr("Edit"), self.begin_edit).setEnabled(not self._busy)

    @Slot(str)
    def _submit(self, text: str) -> None:
        if text == self.message.text:
            self.end_edit()
        else:
            self.edit_submitted.emit(self.message.number, text)


class ReplyMessageRow(MessageRow):
    """A reply as text or chunks, with a card below it if it failed or was interrupted."""

    below = REPLY_BELOW
    indent = REPLY_INDENT

    def __init__(self, message: Message, parent: QWidget | None = None) -> None:
        super().__init__(message, parent)
        self._text = TextBlock(tr("Reply from i3"), self)
        self._text.words_found.connect(self._on_words_found)
        self.chunk_view: ChunkView | None = None
        self.note: QLabel | None = None
        self.failure: Notice | None = None
        self.interrupted: InterruptedCard | None = None
        self.editor: MessageEditor | None = None
        self._mark_top = 0

    def begin_correction(self) -> None:
        """Turn the reply into a text field for a correction."""
        if self.editor is None and self.message.ended and self.message.shown_text:
            self.editor = MessageEditor(self.message.shown_text, self, CORRECT, self._display.template)
            self.editor.submitted.connect(self._submit_correction)
            self.editor.cancelled.connect(self.end_correction)
            self._show_content()
            self.editor.show()
            self.show_actions()
            self.updateGeometry()
        if self.editor is not None:
            self.editor.field.setFocus()

    @Slot()
    def end_correction(self) -> None:
        """Show the reply again."""
        if self.editor is not None:
            self.editor.hide()
            self.editor.deleteLater()
            self.editor = None
            self._show_content()
            self.show_actions()
            self.updateGeometry()
            self.setFocus()

    @property
    def text(self) -> TextBlock:
        return self._text

    @property
    def wants_chunks(self) -> bool:
        """True if chunks should be shown but are not loaded."""
        message = self.message
        return self._display.glass and message.ended and not message.chunks and message.new_tokens > 0

    def _show_content(self) -> None:
        message = self.message
        growing = message.state in (ReplyState.WAITING, ReplyState.STREAMING)
        in_chunks = self._display.glass and bool(message.chunks)
        if self.editor is not None:
            self.editor.set_busy(self._busy)
        self._text.setVisible((bool(message.shown_text) or growing) and not in_chunks and self.editor is None)
        if in_chunks:
            self._show_chunks(growing)
        else:
            shown = message.shown_text if message.ended else message.text.lstrip()
            self._show_text(capitalise(shown, growing=not message.ended) if self._display.capitalise else shown)
            self._text.show_caret(growing)
        if self.chunk_view is not None:
            self.chunk_view.setVisible(in_chunks and self.editor is None)
        self._show_note(_note(message))
        self._show_failure()
        self._show_interrupted()

    def _show_chunks(self, growing: bool) -> None:
        from i3desk.tokens.view import ChunkView

        if self.chunk_view is None:
            self.chunk_view = ChunkView(self)
            self.chunk_view.alternative_chosen.connect(self._on_alternative_chosen)
        self.chunk_view.show_chunks(self.message.chunks, self.message.given_tokens)
        self.chunk_view.show_caret(growing)
        author, in_use = self.message.model, self._display.model
        obstacle = (
            ""
            if author == in_use
            else tr("{author} wrote this. Load it to continue from here").format(author=author or tr("Another model"))
        )
        self.chunk_view.set_branching(not self._busy and not obstacle, "" if self._busy else obstacle)

    def _show_note(self, note: str) -> None:
        if note and self.note is None:
            self.note = label(tone="muted", wrap=True)
            self.note.setParent(self)
        if self.note is not None:
            self.note.setText(note)
            self.note.setVisible(bool(note))

    def _show_failure(self) -> None:
        failed = self.message.state is ReplyState.FAILED
        if failed and self.failure is None:
            again = button(tr("Try again"), tr("Request this reply again"))
            again.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
            again.clicked.connect(self._retry)
            self.failure = Notice(again, parent=self)
        if self.failure is not None:
            self.failure.show_error(self.message.what_failed if failed else "", self.message.remedy)
            for each in self.failure.buttons:
                allow(each, not self._busy)

    def _show_interrupted(self) -> None:
        cut = self.message.state is ReplyState.CUT
        if cut and self.interrupted is None:
            self.interrupted = InterruptedCard(self)
            self.interrupted.button.clicked.connect(self._continue)
        if self.interrupted is not None:
            allow(self.interrupted.button, not self._busy)
            self.interrupted.button.setVisible(self.message.can_continue)
            self.interrupted.setVisible(cut)

    def _fit_content(self, width: int, y: int) -> int:
        y += REPLY_ABOVE
        left, width = GUTTER + REPLY_INDENT, width - REPLY_INDENT
        line = self._text.fontMetrics().height()
        if self.chunk_view is not None and not self.chunk_view.isHidden():
            line = self.chunk_view.rect_of(0).height() or line
        self._mark_top = y + (line - MARK) // 2 + 1
        if self.editor is not None:
            return self.editor.place(left, y, width)
        spacing = 0
        for part in (self._text, self.chunk_view, self.note, self.interrupted, self.failure):
            if part is None or part.isHidden():
                continue
            y += spacing
            spacing = PART_SPACING
            if part is self._text:
                self._text.fit(width)
                height = self._text.height()
            elif part is self.chunk_view:
                part.resize(width, part.height())
                height = part.height()
            else:
                height = part.heightForWidth(width)
            part.setGeometry(left, y, width, height)
            y += height
        return y

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter, colours = QPainter(self), QApplication.palette()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mark = QRectF(GUTTER, self._mark_top, MARK, MARK)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color(QPalette.ColorRole.AlternateBase))
        painter.drawRoundedRect(mark, 8, 8)
        painter.setPen(colours.color(QPalette.ColorRole.Accent))
        painter.setFont(sized(QApplication.font(), MARK_PX, QFont.Weight.Bold))
        painter.drawText(mark, Qt.AlignmentFlag.AlignCenter, "i3")

    def _fill_menu(self, menu: QMenu) -> None:
        if self.message.shown_text and self.message.ended:
            menu.addAction(tr("Correct"), self.begin_correction).setEnabled(not self._busy)
        if self.message.ended:
            menu.addAction(tr("Retry"), self._retry).setEnabled(not self._busy)
        if self.message.can_continue:
            menu.addAction(tr("Continue"), self._continue).setEnabled(not self._busy)

    def must_stay(self) -> bool:
        return self.editor is not None or super().must_stay()

    def _may_act(self) -> bool:
        return self.message.ended and self.editor is None

    def _make_actions(self) -> MessageActions:
        actions = super()._make_actions()
        actions.correct_requested.connect(self.begin_correction)
        return actions

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.hasFocus() and event.key() == Qt.Key.Key_C and not event.modifiers() and not self._busy:
            self.begin_correction()
        else:
            super().keyPressEvent(event)

    @Slot(str)
    def _submit_correction(self, text: str) -> None:
        before = self.message.shown_text
        self.end_correction()
        if text.strip() != before:
            self.correction_submitted.emit(self.message.number, text)

    @Slot(int, int)
    def _on_alternative_chosen(self, index: int, token_id: int) -> None:
        self.alternative_chosen.emit(self.message.number, index, token_id)


def _note(message: Message) -> str:
    if message.state is ReplyState.QUEUED:
        return tr("i3 is still loading and will answer as soon as it is ready.")
    if message.shown_text:
        return ""
    if message.state is ReplyState.STOPPED:
        return tr("Stopped before i3 replied.")
    if message.state is ReplyState.DONE:
        return tr("i3 gave an empty reply. Retry or rephrase.")
    return ""
