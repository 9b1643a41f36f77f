"""Ask for the name and the note of a model."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QInputDialog, QWidget

from i3core.checkpoints.user_notes import LONGEST_NAME, LONGEST_NOTE
from i3desk.language import tr
from i3desk.models.catalog import Catalog


class ModelNotes(QObject):
    """Dialogs that change the name or the note of a model of a Catalog."""

    def __init__(self, catalog: Catalog, window: QWidget) -> None:
        super().__init__(window)
        self._catalog, self._window = catalog, window
        self._folder = ""

    @Slot(str)
    def ask_name(self, folder: str) -> None:
        """Ask for another name."""
        entry = self._catalog.entry(folder)
        if entry is not None:
            dialog = self._dialog(folder, tr("Rename the model"), tr("Name; its folder stays as it is"), self._rename)
            dialog.setTextValue(entry.facts.name if entry.facts else entry.name)
            dialog.open()

    @Slot(str)
    def ask_note(self, folder: str) -> None:
        """Ask for a note."""
        entry = self._catalog.entry(folder)
        if entry is not None and entry.facts is not None:
            dialog = self._dialog(
                folder, tr("Note on {name}").format(name=entry.name), tr("Shown on its card"), self._annotate
            )
            dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
            dialog.setTextValue(entry.facts.note)
            dialog.open()

    def _dialog(self, folder: str, title: str, text: str, chosen: Callable[[str], None]) -> QInputDialog:
        self._folder = folder
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setInputMode(QInputDialog.InputMode.TextInput)
        dialog.setWindowTitle(title)
        dialog.setLabelText(text)
        dialog.resize(420, dialog.sizeHint().height())
        dialog.textValueSelected.connect(chosen)
        return dialog

    @Slot(str)
    def _rename(self, name: str) -> None:
        if name.strip():
            self._catalog.annotate(self._folder, name=name[:LONGEST_NAME])

    @Slot(str)
    def _annotate(self, note: str) -> None:
        self._catalog.annotate(self._folder, note=note[:LONGEST_NOTE])
