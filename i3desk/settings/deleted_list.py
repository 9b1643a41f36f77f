"""What was deleted in the last 30 days: a line with its number and size, and a list to restore from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from i3core.system.recently_deleted import DeletedFolder
from i3desk.humanize import size_text, when_text
from i3desk.language import figure, tr, trn
from i3desk.widgets.basics import button, column_in, label, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.question import Question

KINDS = ("chat", "model", "run", "set")
MOST_SHOWN = 50
_NAMES = {"chat": tr("chat"), "model": tr("model"), "run": tr("run"), "set": tr("set")}
_RESTORE = {
    "chat": tr("Restore this chat"),
    "model": tr("Restore this model"),
    "run": tr("Restore this run"),
    "set": tr("Restore this set"),
}
NOTHING = tr("Nothing. Deleted chats, models, runs and sets stay here for 30 days.")


@dataclass(frozen=True)
class DeletedItem:
    """A deleted chat (its number is the `key`), model, run or set of training data."""

    kind: str
    key: int | DeletedFolder
    name: str
    deleted_at: float
    size_bytes: int = 0


def count_of(kind: str, n: int) -> str:
    """How many deleted things of a kind there are: "2 chats"."""
    return {
        "chat": trn("{n} chat", "{n} chats", n),
        "model": trn("{n} model", "{n} models", n),
        "run": trn("{n} run", "{n} runs", n),
        "set": trn("{n} set", "{n} sets", n),
    }[kind]


class DeletedList(QWidget):
    """Counts the deleted items, and lists them on request.

    Signals:
        restore_requested(item): Emitted when the user wants an item back.
        purge_requested(items): Emitted when the user has confirmed that items are removed for good.
        refresh_requested: Emitted when the list becomes visible.
    """

    restore_requested = Signal(object)
    purge_requested = Signal(object)
    refresh_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.items: tuple[DeletedItem, ...] = ()
        self._to_purge: tuple[DeletedItem, ...] = ()
        self.summary = label(NOTHING, tone="muted", grade="small", wrap=True)
        self.show_button = button(tr("Show"), tr("List what was deleted, to restore it"), kind="quiet")
        self.show_button.clicked.connect(self._toggle)
        self.empty_button = button(
            tr("Empty…"), tr("Remove all of it for good"), kind="quiet", name=tr("Empty Recently deleted")
        )
        self.empty_button.clicked.connect(self._ask_all)
        self.question = Question(tr("Remove"), tr("Remove for good; this cannot be undone"))
        self.question.confirmed.connect(self._purge)
        self._list = QWidget()
        self._grid = QGridLayout(self._list)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)
        self._list.hide()
        line = row(label(tr("Recently deleted")), (self.summary, 1), self.show_button, self.empty_button, spacing=16)
        column_in(self, line, self._list, self.question, spacing=6)
        self._update()

    @Slot(object)
    def show_items(self, items: Sequence[DeletedItem]) -> None:
        """Show these items, the latest first."""
        self.items = tuple(items)
        self._update()

    def _update(self) -> None:
        counts = [(sum(item.kind == kind for item in self.items), kind) for kind in KINDS]
        parts = [count_of(kind, count) for count, kind in counts if count]
        size = sum(item.size_bytes for item in self.items)
        words = ", ".join(parts) + (f" ({size_text(size)})" if size else "")
        self.summary.setText(tr("{words}, kept for 30 days").format(words=words) if parts else NOTHING)
        for each in (self.show_button, self.empty_button):
            each.setVisible(bool(parts))
        if not parts:
            self._list.hide()
        if not self._list.isHidden():
            self._fill()
        self.show_button.setText(tr("Show") if self._list.isHidden() else tr("Hide"))

    def _fill(self) -> None:
        while (entry := self._grid.takeAt(0)) is not None:
            if (widget := entry.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for number, item in enumerate(self.items[:MOST_SHOWN]):
            name = ElidedLabel(item.name)
            restore = button(
                tr("Restore"), _RESTORE[item.kind], kind="quiet", name=tr("Restore {name}").format(name=item.name)
            )
            restore.clicked.connect(partial(self.restore_requested.emit, item))
            remove = button(
                tr("Remove…"), tr("Remove it for good"), kind="quiet", name=tr("Remove {name}").format(name=item.name)
            )
            remove.clicked.connect(partial(self._ask, (item,), tr("Remove “{name}” for good?").format(name=item.name)))
            facts = when_text(item.deleted_at) + (f" · {size_text(item.size_bytes)}" if item.size_bytes else "")
            about = label(facts, tone="muted", grade="small")
            for column, widget in enumerate((label(_NAMES[item.kind], tone="muted"), name, about, restore, remove)):
                self._grid.addWidget(widget, number, column)
        if len(self.items) > MOST_SHOWN:
            more = label(
                tr("and {count} more").format(count=figure(len(self.items) - MOST_SHOWN)), tone="muted", grade="small"
            )
            self._grid.addWidget(more, MOST_SHOWN, 1)

    @Slot()
    def _toggle(self) -> None:
        self._list.setVisible(self._list.isHidden())
        self._update()

    @Slot()
    def _ask_all(self) -> None:
        self._ask(
            self.items,
            tr("Remove all {count} for good?").format(count=figure(len(self.items)))
            if len(self.items) > 1
            else tr("Remove it for good?"),
        )

    def _ask(self, items: tuple[DeletedItem, ...], question: str) -> None:
        self._to_purge = items
        self.question.put(question, tr("This cannot be undone."))

    @Slot()
    def _purge(self) -> None:
        self.purge_requested.emit(self._to_purge)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh_requested.emit()
