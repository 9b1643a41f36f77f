"""All facts of a model, unfolded below its card."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from i3desk.language import tr
from i3desk.models.catalog import Entry
from i3desk.models.descriptions import all_facts
from i3desk.widgets.basics import button, column_in, named, row
from i3desk.widgets.facts import FactRows
from i3desk.widgets.links import open_folder

PATHS = (tr("Folder"), tr("Source"))


class Details(QWidget):
    """All facts, to read and to copy.

    Signals:
        verify_requested: Emitted when the user asks to check the files.
    """

    verify_requested = Signal()

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = column_in(self, named(QFrame(), "line"), margins=(0, 4, 0, 0), spacing=12)
        self.rows = FactRows(paths=PATHS)
        column.addWidget(self.rows)
        self.open_button = button(tr("Open folder"), tr("Show the folder in your file manager"))
        self.open_button.clicked.connect(self._open_folder)
        self.verify_button = button(
            tr("Verify checksums"), tr("Check that no file has changed and that the weights can be read")
        )
        self.verify_button.clicked.connect(self.verify_requested)
        column.addLayout(row(self.open_button, self.verify_button, None))
        self.show_entry(entry)

    def show_entry(self, entry: Entry) -> None:
        """Show the facts of `entry`."""
        self.entry = entry
        self.rows.show_rows([(name, text, text if name in PATHS else "") for name, text in all_facts(entry).items()])

    def focus_chain(self) -> list[QWidget]:
        """Widgets in the order of the Tab key."""
        return [*self.rows.values.values(), self.open_button, self.verify_button]

    @Slot()
    def _open_folder(self) -> None:
        open_folder(self.entry.folder, self)
