"""The data side of the Train page: the list of data, or the editor of a set of the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QStackedWidget, QWidget

from i3core.errors import I3Error
from i3desk.datasets.editor import DatasetEditor, Source
from i3desk.datasets.rows import Row, pasted_rows, write_rows
from i3desk.datasets.shelf import Shelf
from i3desk.datasets.store import DatasetStore, OwnSet
from i3desk.language import tr
from i3desk.training.data_list import DataList
from i3desk.widgets.basics import centred, scroll_page
from i3desk.workers.background import BackgroundJobs

WIDEST = 760
READ_AFTER_MS = 1200  # after the last change, the set is read as training data
MANY_TABS = 0.5  # share of the lines of a text that make it a table


class OwnData(QStackedWidget):
    """Shows the list of data, with the user's own sets below it, or edits one of these.

    Signals:
        added(folders): Emitted when a set is to be trained on, or has changed.
        removed(folder): Emitted when a set in use is gone.
        moved(old, new): Emitted when a set was renamed.
        editing_changed: Emitted when the editor opens or closes.
    """

    added = Signal(object)
    removed = Signal(str)
    moved = Signal(str, str)
    editing_changed = Signal()

    def __init__(
        self, data: DataList, store: DatasetStore, background: BackgroundJobs, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.store = store
        self._data = data
        self._sources: dict[str, Source] = {}
        self._used: tuple[str, ...] = ()
        self.shelf = Shelf()
        self.editor = DatasetEditor(store, background)
        data.show_below(self.shelf)
        self._page = scroll_page(centred(data, WIDEST))
        self.addWidget(self._page)
        self.addWidget(self.editor)
        self._changed: str = ""
        self._read_timer = QTimer(self, interval=READ_AFTER_MS, singleShot=True)
        self._read_timer.timeout.connect(self._use_changed)
        self.shelf.make_requested.connect(self.make)
        self.shelf.use_requested.connect(self._use)
        self.shelf.edit_requested.connect(self.edit)
        data.edit_requested.connect(self.edit)
        self.editor.closed.connect(self._on_closed)
        store.changed.connect(self._show_sets)
        store.written.connect(self._on_written)
        store.deleted.connect(self.removed)
        store.renamed.connect(self.moved)

    @property
    def is_editing(self) -> bool:
        return self.currentWidget() is self.editor

    def set_sources(self, corrections: Source, chat: Source) -> None:
        """Offer rows of the user's corrections and of the open chat."""
        self._sources = {"corrections": corrections, "chat": chat}
        self.editor.set_sources(corrections, chat)

    def show_used(self, used: Iterable[str]) -> None:
        """Say which sources are trained on."""
        self._used = tuple(used)
        self._show_sets()

    @Slot(str)
    def make(self, what: str) -> None:
        """Make a set: a table, of the text on the clipboard, of corrections, or of the open chat."""
        self.shelf.show_remark("")
        rows: Sequence[Row] = ()
        text = ""
        if what in self._sources and not (rows := self._sources[what]()):
            nothing = {"corrections": tr("You have not corrected a reply yet. Correct one in a chat first."),
                       "chat": tr("The open chat has no replies yet.")}  # fmt: skip
            self.shelf.show_remark(nothing[what])
            return
        if what == "text":
            text = QGuiApplication.clipboard().text()
            if not text.strip():
                self.shelf.show_remark(tr("The clipboard holds no text. Copy some first."))
                return
        is_table = what != "text" or _is_table(text)
        names = {"corrections": tr("my corrections"), "chat": tr("my chat"), "text": tr("pasted")}
        try:
            own = self.store.create(names.get(what, tr("my answers")), is_table)
        except I3Error as error:
            self.shelf.show_remark(f"{error.what} {error.remedy}")
            return
        if text:
            self.store.write(own, lambda: write_rows([row for _, row in pasted_rows(text)]) if is_table else text)
        self._open(own, rows)

    @Slot(str)
    def edit(self, folder: str) -> None:
        """Edit a set."""
        own = self.store.find(folder)
        if own is not None:
            self._open(own, ())

    def finish(self) -> None:
        """Save what is typed, and leave the editor."""
        if self.is_editing:
            self.editor.close_set()

    def _open(self, own: OwnSet, rows: Sequence[Row]) -> None:
        self.editor.open_set(own, rows)
        self.setCurrentWidget(self.editor)
        self.editing_changed.emit()

    @Slot(str)
    def _use(self, folder: str) -> None:
        self.added.emit([Path(folder)])

    @Slot(str)
    def _on_written(self, folder: str) -> None:
        own = self.store.find(folder)
        if own is not None and (folder in self._used or (own is self.editor.own and self.editor.has_content)):
            self._changed = folder
            self._read_timer.start()

    @Slot()
    def _use_changed(self) -> None:
        self._read_timer.stop()
        changed, self._changed = self._changed, ""
        own = self.store.find(changed) if changed else None
        if own is not None:
            self.added.emit([own.folder])

    @Slot()
    def _on_closed(self) -> None:
        self.setCurrentWidget(self._page)
        self._page.setFocus()  # Qt would give it to the rail
        self._use_changed()
        self._show_sets()
        self.editing_changed.emit()

    @Slot()
    def _show_sets(self) -> None:
        self._data.show_own(str(each.folder) for each in self.store.sets)
        self.shelf.show_sets(self.store.sets, self._used)


def _is_table(text: str) -> bool:
    lines = text.strip("\n").split("\n")
    return sum("\t" in line for line in lines) > MANY_TABS * len(lines)
