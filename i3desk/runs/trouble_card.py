"""The card of a run in trouble: what happened, the end of its log, what to do."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import button, column_in, label, named, row
from i3desk.widgets.plain_text import without_options

MAX_LINES, MIN_LINES = 9, 2  # of the end of the log in view
LINE_CHARACTERS = 30
COPIED_TEXT, COPY_TEXT = tr("Copied"), tr("Copy")


class TroubleCard(QFrame):
    """Hidden while there is no trouble."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.title = label(tone="bad", grade="name", wrap=True)
        self.what = label(wrap=True, selectable=True)
        self.remedy = label(tone="muted", wrap=True, selectable=True)
        self.log_tail = named(QPlainTextEdit(readOnly=True), "details")
        self.log_tail.setAccessibleName(tr("Last output"))
        self.log_tail.setTabChangesFocus(True)
        self.log_tail.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.copy_button = button(COPY_TEXT, tr("Copy what happened and the end of the log"), "quiet")
        self.copy_button.clicked.connect(self._copy)
        self._head = QWidget()
        self._head.setLayout(row(label(tr("Last output"), tone="muted", grade="small"), None, self.copy_button))
        parts = (self.title, self.what, self._head, self.log_tail, self.remedy)
        column_in(self, *parts, margins=(14, 11, 14, 13), spacing=7)
        self.hide()

    def show_trouble(self, what: str, log_tail: str = "", title: str = "", remedy: str = "") -> None:
        """Show what went wrong; an empty `what` hides the card."""
        self.setVisible(bool(what))
        what, remedy = without_options(what), without_options(remedy)
        for part, text in ((self.title, title), (self.what, what), (self.remedy, remedy)):
            part.setMinimumSize(1, 1)
            part.setText(text)
            part.setVisible(bool(text))
        self.setAccessibleName(" ".join(filter(None, (title and f"{title}.", what, remedy))))
        for part in (self._head, self.log_tail):
            part.setVisible(bool(log_tail))
        if log_tail != self.log_tail.toPlainText():
            self.log_tail.setPlainText(log_tail)
            lines = sum(len(line) // LINE_CHARACTERS + 1 for line in log_tail.splitlines())
            lines = max(MIN_LINES, min(MAX_LINES, lines))
            self.log_tail.setFixedHeight(self.log_tail.fontMetrics().lineSpacing() * lines + 24)
            self.log_tail.verticalScrollBar().setValue(self.log_tail.verticalScrollBar().maximum())
            self.copy_button.setText(COPY_TEXT)

    @Slot()
    def _copy(self) -> None:
        text = "\n".join((self.title.text(), self.what.text(), "", self.log_tail.toPlainText())).strip()
        QGuiApplication.clipboard().setText(text)
        self.copy_button.setText(COPIED_TEXT)
