"""Models as one file: export and import in the background."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from i3core.checkpoints import archive
from i3core.errors import I3Error
from i3desk.language import tr
from i3desk.models.catalog import Catalog, Entry
from i3desk.workers.background import BackgroundJobs

KIND = tr("Models (*{suffix})").format(suffix=archive.SUFFIX)


def is_one_file(path: str | Path) -> bool:
    """Whether this is the name of a model that was exported as one file."""
    return Path(path).name.lower().endswith(archive.SUFFIX)


class OneFile(QObject):
    """Writes models as one file, and unpacks such files among the downloaded models.

    Signals:
        doing(folder, text): Emitted while a model is written; the text is empty at the end.
        exported(folder, file): Emitted when the file is complete.
        export_failed(folder, what, remedy): Emitted if it cannot be written.
        imported(folder): Emitted when a model is unpacked.
        failed(what, remedy): Emitted if it cannot be.
    """

    doing = Signal(str, str)
    exported = Signal(str, str)
    export_failed = Signal(str, str, str)
    imported = Signal(str)
    failed = Signal(str, str)

    def __init__(self, catalog: Catalog, background: BackgroundJobs, models_folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self._catalog, self._background, self._models, self._window = catalog, background, models_folder, parent
        self._asked: Entry | None = None

    @Slot(str)
    def ask_where(self, folder: str) -> None:
        """Ask for the name of the file."""
        entry = self._asked = self._catalog.entry(folder)
        if entry is None:
            return
        dialog = QFileDialog(
            self._window, tr("Export as one file"), str(Path.home() / f"{entry.name}{archive.SUFFIX}"), KIND
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(archive.SUFFIX.removeprefix("."))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._export_asked)
        dialog.open()

    @Slot(str)
    def _export_asked(self, file: str) -> None:
        if self._asked is not None:
            self.export(self._asked, Path(file))

    def export(self, entry: Entry, file: Path) -> None:
        """Write a model as one file."""
        folder = str(entry.folder)
        self.doing.emit(folder, tr("Writing {file}…").format(file=file))
        self._background.run(
            partial(archive.pack, folder, file, entry.name),
            partial(self._on_exported, folder),
            partial(self._on_export_failed, folder),
        )

    def import_file(self, file: Path) -> None:
        """Unpack a model."""
        self._background.run(partial(archive.unpack, file, self._models), self._on_imported, self._on_failed)

    def _on_exported(self, folder: str, file: Path) -> None:
        self.doing.emit(folder, "")
        self.exported.emit(folder, str(file))

    def _on_export_failed(self, folder: str, error: I3Error) -> None:
        self.doing.emit(folder, "")
        self.export_failed.emit(folder, error.what, error.remedy)

    def _on_imported(self, folder: Path) -> None:
        self.imported.emit(str(folder))

    def _on_failed(self, error: I3Error) -> None:
        self.failed.emit(error.what, error.remedy)
