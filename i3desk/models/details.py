"""Everything that is known of a model, unfolded below its card."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QLineEdit, QWidget

from i3desk.models.catalog import Entry
from i3desk.models.descriptions import all_facts
from i3desk.widgets.basics import button, column_in, label, named, row

LONG_WORDS = ("Folder", "Source")  # these have no place to break a line


class Details(QWidget):
    """All facts, to read and to copy.

    Signals:
        verify_requested: the user wants the files checked.
    """

    verify_requested = Signal()

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: dict[str, QWidget] = {}
        column = column_in(self, 0, 4, 0, 0, spacing=12)
        column.addWidget(named(QFrame(), "line"))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        column.addLayout(self._grid)
        self.open_button = button("Open folder", "Show the folder in your file manager")
        self.open_button.clicked.connect(self._open_folder)
        self.verify_button = button(
            "Verify checksums", "Check that no file has changed and that the weights can be read"
        )
        self.verify_button.clicked.connect(self.verify_requested)
        column.addLayout(row(self.open_button, self.verify_button, None))
        self.show_entry(entry)

    def show_entry(self, entry: Entry) -> None:
        """Show what is known of the model now."""
        self.entry = entry
        while self._grid.count():
            self._grid.takeAt(0).widget().deleteLater()
        self.values = {}
        for line, (name, text) in enumerate(all_facts(entry).items()):
            key = label(name, tone="muted", grade="small")
            value = _path(text) if name in LONG_WORDS else _text(text)
            value.setAccessibleName(f"{name}: {text}")
            self._grid.addWidget(key, line, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, line, 1)
            self.values[name] = value

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key goes through, in order."""
        return [*self.values.values(), self.open_button, self.verify_button]

    @Slot()
    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.entry.folder)))


def _text(text: str) -> QLabel:
    made = label(text, grade="small", wrap=True)
    made.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return made


def _path(text: str) -> QLineEdit:
    made = named(QLineEdit(text, readOnly=True), "path")
    made.setTextMargins(-3, 0, 0, 0)  # in line with the labels above
    made.setCursorPosition(0)
    made.setToolTip(text)
    return made
