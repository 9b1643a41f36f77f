"""The menu of the model chip: recent models, unload, all models."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from i3desk.models.catalog import bundled_folder
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
        self.menu.aboutToShow.connect(self._fill)
        services.chat_page.header.chip.setMenu(self.menu)

    @Slot()
    def _fill(self) -> None:
        self.menu.clear()
        catalog, model = self._services.catalog, self._services.model
        bundled = bundled_folder()
        recent = catalog.recent()
        others = [entry for entry in catalog.entries if entry.facts and entry not in recent]
        in_use = catalog.entry(model.folder) if model.info is not None else None
        for entry in [*recent, *others][:MOST_SHOWN]:
            action = self.menu.addAction(menu_text(entry.name))
            action.setCheckable(True)
            action.setChecked(in_use is not None and entry.folder == in_use.folder)
            action.setData("" if entry.folder == bundled else str(entry.folder))
            action.triggered.connect(self._use)
        self.menu.addSeparator()
        if model.info is not None:
            self.menu.addAction("Unload the model").triggered.connect(model.unload)
        self.menu.addAction("All models…").triggered.connect(self.models_requested)

    @Slot()
    def _use(self) -> None:
        action = self.sender()
        assert isinstance(action, QAction)
        self._services.use_model(action.data() or None)
