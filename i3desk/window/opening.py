"""Open files and folders that were dropped on the window or named at the start: chats, data, models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from i3desk.chat.conversation_actions import ConversationActions
from i3desk.window.drop_kind import Dropped, kind_of
from i3desk.window.main_window import MainWindow
from i3desk.window.services import Services


class Opening(QObject):
    """Imports chats, adds data and models to their pages, and loads a model that was named at the start."""

    def __init__(self, services: Services, actions: ConversationActions, window: MainWindow) -> None:
        super().__init__(window)
        self._services, self._actions, self._window = services, actions, window
        self._to_use: Path | None = None
        window.dropped.connect(self.add)
        services.catalog.added.connect(self._on_model_added)
        services.catalog.failed.connect(self._on_model_refused)

    @Slot(object)
    def add(self, paths: Sequence[Path]) -> dict[Dropped, list[Path]]:
        """Add files and folders to the pages of their kinds, and show the last of these pages."""
        kinds: dict[Dropped, list[Path]] = {}
        for path in paths:
            kinds.setdefault(kind_of(path), []).append(path)
        if models := kinds.get(Dropped.MODEL):
            self._window.show_models()
            self._services.models_page.add_dropped(models)
        if data := kinds.get(Dropped.DATA):
            self._window.show_training()
            self._services.train_page.add_data(data)
        if chats := kinds.get(Dropped.CHAT):
            self._window.show_chat()
            self._actions.import_files([str(path) for path in chats])
        return kinds

    def open(self, paths: Sequence[Path]) -> None:
        """Add files and folders, and chat with the last model among them."""
        models = self.add(paths).get(Dropped.MODEL)
        if models:
            self._to_use = models[-1].parent if os.path.isfile(models[-1]) else models[-1]

    @Slot(str)
    def _on_model_added(self, folder: str) -> None:
        if self._to_use is not None and Path(folder) == self._to_use:
            self._to_use = None
            if self._window.pages.currentWidget() is self._services.models_page:
                self._window.show_chat()
            self._services.use_model(folder)

    @Slot(str, str)
    def _on_model_refused(self, _what: str, _remedy: str) -> None:
        self._to_use = None  # the Models page says why
