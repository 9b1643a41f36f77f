"""The Data card: where i3desk stores data, export and deletion."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal, SignalInstance, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from i3desk.paths import Paths
from i3desk.widgets.basics import button, label, row
from i3desk.widgets.card import Card


class StorageCard(Card):
    """Folders with a button each, export, and deletion with a confirmation in the card.

    Signals:
        export_all_requested: Emitted when the user exports all conversations.
        delete_conversations_requested, delete_everything_requested: Emitted when the user has confirmed it.
    """

    export_all_requested = Signal()
    delete_conversations_requested = Signal()
    delete_everything_requested = Signal()

    def __init__(self, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__("Data", parent)
        self._pending: SignalInstance | None = None
        lead = QLabel(
            "Everything stays on this computer. i3desk uses the network only when you download a model or check "
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
        lines = (
            ("Conversations", paths.conversations_file),
            ("Models", paths.models_folder),
            ("Training runs", paths.runs_folder),
            ("Settings", paths.settings_file),
            ("Log", paths.log_file),
        )
        for number, (name, path) in enumerate(lines):
            where = label(str(path), tone="muted", grade="small", wrap=True)
            where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            open_button = button("Open", "Show the folder in your file manager", kind="quiet")
            open_button.setAccessibleName(f"Open the folder of: {name}")
            open_button.clicked.connect(partial(_open_folder, path))
            grid.addWidget(QLabel(name), number, 0)
            grid.addWidget(where, number, 1)
            grid.addWidget(open_button, number, 2)
        self.column.addLayout(grid)

        self.export_button = button("Export all chats…", "Write all conversations into one JSON file")
        self.export_button.clicked.connect(self.export_all_requested)
        self.delete_conversations_button = button("Delete all chats…", "Delete all conversations permanently")
        self.delete_conversations_button.clicked.connect(self._ask_conversations)
        self.delete_everything_button = button(
            "Delete everything…", "Delete conversations, downloaded models, training runs, settings and the log"
        )
        self.delete_everything_button.clicked.connect(self._ask_everything)
        for danger in (self.delete_conversations_button, self.delete_everything_button):
            danger.setProperty("tone", "bad")
        self._choices = QWidget()
        self._choices.setLayout(
            row(self.export_button, None, self.delete_conversations_button, self.delete_everything_button)
        )
        self.column.addWidget(self._choices)

        self._confirmation = QWidget()
        self.question = label(wrap=True)
        self.confirm_button = button("Delete", "Delete now; this cannot be undone")
        self.confirm_button.setProperty("tone", "bad")
        self.confirm_button.clicked.connect(self._confirm)
        self.keep_button = button("Cancel", "Delete nothing")
        self.keep_button.clicked.connect(self._keep)
        line = row(self.question, self.keep_button, self.confirm_button)
        line.setStretch(0, 1)
        self._confirmation.setLayout(line)
        self._confirmation.hide()
        self.column.addWidget(self._confirmation)

    @Slot()
    def _ask_conversations(self) -> None:
        self._ask("Delete all conversations permanently?", self.delete_conversations_requested)

    @Slot()
    def _ask_everything(self) -> None:
        self._ask(
            "Delete all conversations, downloaded models, training runs, settings and the log? i3desk then closes. "
            "Model folders that you added from elsewhere are kept.",
            self.delete_everything_requested,
        )

    def _ask(self, question: str, pending: SignalInstance) -> None:
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
        if pending is not None:
            pending.emit()


def _open_folder(path: Path) -> None:
    folder = path if path.is_dir() else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
