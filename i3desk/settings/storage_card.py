"""The Data card: where i3desk stores data, export and deletion."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal, SignalInstance, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from i3desk.language import tr
from i3desk.paths import Paths
from i3desk.settings.card import Card
from i3desk.settings.deleted_list import DeletedList
from i3desk.widgets.basics import button, column_in, label, row
from i3desk.widgets.links import open_folder
from i3desk.widgets.question import Question


class StorageCard(Card):
    """Folders with a button each, export, and deletion with a confirmation in the card.

    Attributes:
        deleted: what was deleted in the last 30 days.
    Signals:
        export_all_requested: Emitted when the user exports all conversations.
        delete_conversations_requested, delete_everything_requested: Emitted when the user has confirmed it.
    """

    export_all_requested = Signal()
    delete_conversations_requested = Signal()
    delete_everything_requested = Signal()

    def __init__(self, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__(tr("Data"), parent)
        self._pending: SignalInstance | None = None
        lead = label(
            tr(
                "Everything stays on this computer. i3desk uses the network only when you download a model or check "
                "for a new version."
            ),
            tone="muted",
            wrap=True,
        )
        self.column.addWidget(lead)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        lines = (
            (tr("Conversations"), paths.conversations_file),
            (tr("Models"), paths.models_folder),
            (tr("Training runs"), paths.runs_folder),
            (tr("Settings"), paths.settings_file),
            (tr("Log"), paths.log_file),
        )
        for number, (name, path) in enumerate(lines):
            where = label(str(path), tone="muted", grade="small", wrap=True, selectable=True)
            open_button = button(
                tr("Open"),
                tr("Show the folder in your file manager"),
                kind="quiet",
                name=tr("Open the folder of: {name}").format(name=name),
            )
            open_button.clicked.connect(partial(self._open_folder, path))
            grid.addWidget(QLabel(name), number, 0)
            grid.addWidget(where, number, 1)
            grid.addWidget(open_button, number, 2)
        self.column.addLayout(grid)
        self.deleted = DeletedList()
        self.column.addWidget(self.deleted)

        self.export_button = button(tr("Export all chats…"), tr("Write all conversations into one JSON file"))
        self.export_button.clicked.connect(self.export_all_requested)
        self.delete_conversations_button = button(tr("Delete all chats…"), tr("Delete all conversations permanently"))
        self.delete_conversations_button.clicked.connect(self._ask_conversations)
        self.delete_everything_button = button(
            tr("Delete everything…"), tr("Delete conversations, downloaded models, training runs, settings and the log")
        )
        self.delete_everything_button.clicked.connect(self._ask_everything)
        for danger in (self.delete_conversations_button, self.delete_everything_button):
            danger.setProperty("tone", "bad")
        self._choices = QWidget()
        deletions = row(self.delete_conversations_button, self.delete_everything_button, None)
        column_in(self._choices, row(self.export_button, None), deletions, spacing=8)
        self.column.addWidget(self._choices)

        self.question = Question(tr("Delete"), tr("Delete now; this cannot be undone"))
        self.question.confirmed.connect(self._confirm)
        self.question.closed.connect(self._choices.show)
        self.column.addWidget(self.question)

    @Slot()
    def _ask_conversations(self) -> None:
        self._ask(
            tr("Delete all conversations permanently, with the recently deleted ones and the daily copies?"),
            self.delete_conversations_requested,
        )

    @Slot()
    def _ask_everything(self) -> None:
        self._ask(
            tr(
                "Delete all conversations, downloaded models, training runs, settings and the log? i3desk then closes. "
                "Model folders that you added from elsewhere are kept."
            ),
            self.delete_everything_requested,
        )

    def _ask(self, question: str, pending: SignalInstance) -> None:
        self._pending = pending
        self._choices.hide()
        self.question.put(question)

    @Slot()
    def _confirm(self) -> None:
        if self._pending is not None:
            self._pending.emit()

    def _open_folder(self, path: Path) -> None:
        folder = path if path.is_dir() else path.parent
        folder.mkdir(parents=True, exist_ok=True)
        open_folder(folder, self)
