"""What i3desk keeps on this computer, where, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from i3desk.paths import Paths
from i3desk.widgets.card import Card


class StorageCard(Card):
    """Places with a button each, and deletions that ask once more in the card itself.

    Signals:
        export_all_requested: all conversations into one file.
        delete_conversations_requested, delete_everything_requested: confirmed.
    """

    export_all_requested = Signal()
    delete_conversations_requested = Signal()
    delete_everything_requested = Signal()

    def __init__(self, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__("Data", parent)
        self._pending: Signal | None = None
        lead = QLabel(
            "Everything stays on this computer. i3desk uses the network only when you download a model or look "
            "for a new version.",
            textFormat=Qt.TextFormat.PlainText,
            wordWrap=True,
        )
        lead.setProperty("tone", "muted")
        self.column.addWidget(lead)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        self._paths: dict[QPushButton, Path] = {}
        lines = (
            ("Conversations", paths.conversations_file),
            ("Models", paths.models_folder),
            ("Training runs", paths.runs_folder),
            ("Settings", paths.settings_file),
            ("Log", paths.log_file),
        )
        for number, (name, path) in enumerate(lines):
            where = QLabel(str(path), textFormat=Qt.TextFormat.PlainText, wordWrap=True)
            where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            where.setProperty("tone", "muted")
            where.setProperty("grade", "small")
            button = QPushButton("Open")
            button.setProperty("kind", "quiet")
            button.setAccessibleName(f"Open the folder of: {name}")
            button.setToolTip("Show the folder in your file manager")
            button.clicked.connect(self._open)
            self._paths[button] = path
            grid.addWidget(QLabel(name), number, 0)
            grid.addWidget(where, number, 1)
            grid.addWidget(button, number, 2)
        self.column.addLayout(grid)

        self.export_button = _button("Export all chats…", "Write all conversations into one JSON file")
        self.export_button.clicked.connect(self.export_all_requested)
        self.delete_conversations_button = _button("Delete all chats…", "Delete every conversation for good")
        self.delete_conversations_button.clicked.connect(self._ask_conversations)
        self.delete_everything_button = _button(
            "Delete everything…", "Delete conversations, downloaded models, training runs, settings and the log"
        )
        self.delete_everything_button.clicked.connect(self._ask_everything)
        self._choices = QWidget()
        row = QHBoxLayout(self._choices)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.export_button)
        row.addStretch(1)
        for button in (self.delete_conversations_button, self.delete_everything_button):
            button.setProperty("tone", "bad")
            row.addWidget(button)
        self.column.addWidget(self._choices)

        self._confirmation = QWidget()
        self.question = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.confirm_button = _button("Delete", "Delete now; this cannot be undone")
        self.confirm_button.setProperty("tone", "bad")
        self.confirm_button.clicked.connect(self._confirm)
        self.keep_button = _button("Keep", "Delete nothing")
        self.keep_button.clicked.connect(self._keep)
        row = QHBoxLayout(self._confirmation)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.question, 1)
        row.addWidget(self.keep_button)
        row.addWidget(self.confirm_button)
        self._confirmation.hide()
        self.column.addWidget(self._confirmation)

    @Slot()
    def _open(self) -> None:
        path = self._paths[self.sender()]
        folder = path if path.is_dir() else path.parent
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    @Slot()
    def _ask_conversations(self) -> None:
        self._ask("Delete all conversations for good?", self.delete_conversations_requested)

    @Slot()
    def _ask_everything(self) -> None:
        self._ask(
            "Delete all conversations, downloaded models, training runs, settings and the log? i3desk then closes. "
            "Model folders that you added from elsewhere stay.",
            self.delete_everything_requested,
        )

    def _ask(self, question: str, pending) -> None:
        self._pending = pending
        self.question.setText(question)
        self._choices.hide()
        self._confirmation.show()
        self.keep_button.setFocus()

    @Slot()
    def _keep(self) -> None:
        self._pending = None
        self._confirmation.hide()
        self._choices.show()

    @Slot()
    def _confirm(self) -> None:
        pending = self._pending
        self._keep()
        pending.emit()


def _button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setAccessibleName(text)
    button.setToolTip(tooltip)
    return button
