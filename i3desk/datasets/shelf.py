"""Below the data: make a set in the window, or use one that was made before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QPushButton, QWidget

from i3desk.datasets.store import OwnSet
from i3desk.humanize import size_text
from i3desk.language import tr
from i3desk.widgets.basics import button, column_in, label, row
from i3desk.widgets.elided_label import ElidedLabel

MOST_SHOWN = 100
TWO_COLUMNS_FROM = 400  # pixels of width
MAKERS = {
    "table": (tr("Type questions and answers"), tr("A table to type into, or to paste rows of a spreadsheet into")),
    "text": (tr("Paste text"), tr("Learn from the text that is on the clipboard")),
    "corrections": (tr("Use my corrections"), tr("Learn what you corrected in chats")),
    "chat": (tr("Use this chat"), tr("Learn the replies of the open chat that are on screen, not the replaced ones")),
}


class Shelf(QWidget):
    """Buttons to make a set, and the sets that are not in use.

    Signals:
        make_requested(what): Emitted with a key of MAKERS.
        use_requested(folder), edit_requested(folder): Emitted for a set.
    """

    make_requested = Signal(str)
    use_requested = Signal(str)
    edit_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.makers: dict[str, QPushButton] = {}
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        for key, (text, tooltip) in MAKERS.items():
            made = self.makers[key] = button(text, tooltip, "suggestion")
            made.setMinimumWidth(1)  # in a narrow window they stand below each other
            made.clicked.connect(partial(self.make_requested.emit, key))
        self._place_makers(2)
        self.remark = label(tone="warn", grade="small", wrap=True)
        self.remark.hide()
        self.title = label(tr("Made before"), grade="name")
        self._list = QWidget()
        self._rows = column_in(self._list, spacing=2)
        self._shown: tuple[tuple[str, str], ...] = ()
        column_in(
            self, label(tr("Or make it here"), grade="name"), self._grid, self.remark, self.title, self._list, spacing=8
        )
        self.show_sets((), ())

    def _place_makers(self, columns: int) -> None:
        for number, made in enumerate(self.makers.values()):
            self._grid.addWidget(made, number // columns, number % columns)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_makers(2 if event.size().width() >= TWO_COLUMNS_FROM else 1)

    def show_sets(self, sets: Sequence[OwnSet], used: Iterable[str]) -> None:
        """Show the sets that are not used already."""
        used = set(used)
        chosen = [each for each in sets if str(each.folder) not in used][:MOST_SHOWN]
        shown = tuple((str(each.folder), size_text(each.size) if each.size else "empty") for each in chosen)
        if shown != self._shown:
            self._shown = shown
            while (entry := self._rows.takeAt(0)) is not None:
                if (widget := entry.widget()) is not None:
                    widget.hide()
                    widget.deleteLater()
            for own, (folder, size) in zip(chosen, shown, strict=True):
                self._rows.addWidget(self._row(own, folder, size))
        self.title.setVisible(bool(shown))
        self._list.setVisible(bool(shown))

    def _row(self, own: OwnSet, folder: str, size: str) -> QWidget:
        made = QWidget()
        kind = tr("questions and answers") if own.is_table else "text"
        use = button(tr("Use"), tr("Train on it"), "quiet", tr("Use {name}").format(name=own.name))
        edit = button(tr("Edit"), tr("Change it"), "quiet", tr("Edit {name}").format(name=own.name))
        use.clicked.connect(partial(self.use_requested.emit, folder))
        edit.clicked.connect(partial(self.edit_requested.emit, folder))
        made.setLayout(row((ElidedLabel(own.name), 1), label(f"{kind} · {size}", "muted", "small"), use, edit))
        return made

    def show_remark(self, text: str) -> None:
        """Say why nothing was made; empty for nothing."""
        self.remark.setText(text)
        self.remark.setVisible(bool(text))
