"""The menu of the model chip: recent models, unload, all models."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from i3desk.language import tr
from i3desk.models.catalog import Entry, bundled_folder
from i3desk.widgets.plain_text import menu_text
from i3desk.window.services import Services

MOST_SHOWN = 6


class ModelMenu(QObject):
    """Fills the menu whenever it opens.

    Signals:
        models_requested: Emitted when the user asks for the Models page.
    """

    models_requested = Signal()

    def __init__(self, services: Services, parent: QWidget) -> None:
        super().__init__(parent)
        self._services = services
        self.menu = QMenu(parent)
        self.compare_menu = QMenu(tr("Compare side by side with"), parent)
        self.menu.aboutToShow.connect(self._fill)
        services.chat_page.header.chip.setMenu(self.menu)

    @Slot()
    def _fill(self) -> None:
        self.menu.clear()
        catalog, model = self._services.catalog, self._services.model
        recent = catalog.recent()
        others = [entry for entry in catalog.entries if entry.facts and entry not in recent]
        in_use = catalog.entry(model.folder) if model.info is not None else None
        for entry in [*recent, *others][:MOST_SHOWN]:
            action = self.menu.addAction(menu_text(entry.name))
            action.setCheckable(True)
            action.setChecked(in_use is not None and entry.folder == in_use.folder)
            action.setData(self._folder_of(entry))
            action.triggered.connect(self._use)
        self.menu.addSeparator()
        self._fill_comparison([entry for entry in [*recent, *others] if entry is not in_use])
        if model.info is not None:
            self.menu.addAction(tr("Unload the model")).triggered.connect(model.unload)
        self.menu.addAction(tr("All models…")).triggered.connect(self.models_requested)

    def _fill_comparison(self, entries: list[Entry]) -> None:
        """Offer a second model to answer beside the one in use."""
        if self._services.side_by_side.is_on:
            self.menu.addAction(tr("End the comparison")).triggered.connect(self._services.side_by_side.keep_first)
            return
        self.compare_menu.clear()
        for entry in entries:
            action = self.compare_menu.addAction(menu_text(entry.name))
            action.setData(self._folder_of(entry))
            action.triggered.connect(self._compare)
        if entries:
            self.compare_menu.addSeparator()
        self.compare_menu.addAction(tr("Choose a folder…")).triggered.connect(self._ask_folder)
        self.menu.addMenu(self.compare_menu)

    @staticmethod
    def _folder_of(entry: Entry) -> str:
        return "" if entry.folder == bundled_folder() else str(entry.folder)

    @Slot()
    def _compare(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self._services.side_by_side.start(action.data() or None)

    @Slot()
    def _ask_folder(self) -> None:
        dialog = self._dialog = QFileDialog(self.menu.parentWidget(), tr("The folder of a model or a checkpoint"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self._services.side_by_side.start)
        dialog.open()

    @Slot()
    def _use(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self._services.use_model(action.data() or None)
