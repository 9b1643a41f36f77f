"""The card of the base model, with a menu of models and trainable parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from i3desk.humanize import count_text
from i3desk.language import tr
from i3desk.models.catalog import Entry
from i3desk.style.icons import IconToolButton
from i3desk.training.run_labels import part_text
from i3desk.widgets.basics import column_in, label, named, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import menu_text, tooltip_text

LAST_BLOCKS, LORA_RANK = 2, 8
TRAINABLE_PARTS = {
    "all": (tr("All weights"), tr("Learns the most; the whole model changes")),
    "last": (tr("Last {blocks} blocks only").format(blocks=LAST_BLOCKS), tr("Faster, and forgets less")),
    "lora": (
        tr("LoRA adapter (rank {rank})").format(rank=LORA_RANK),
        tr("A small file beside the model, which does not change"),
    ),
}


def part_changes(part: str) -> dict[str, int]:
    """The settings that train this part."""
    return {"last": {"last_blocks": LAST_BLOCKS}, "lora": {"lora_rank": LORA_RANK}}.get(part, {})


class BaseModelCard(QPushButton):
    """The model that a run starts from.

    Signals:
        chosen(folder): emitted when the user chose another model.
        part_chosen(part): emitted when the user chose what to train, a key of TRAINABLE_PARTS.
    """

    chosen = Signal(object)
    part_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "card")
        self.setToolTip(tooltip_text(tr("Choose the base model, and the part of it to train")))
        self._entries: list[Entry] = []
        self._entry: Entry | None = None
        self._part = "all"
        self.name = ElidedLabel(grade="name")
        self.size_label = label(tone="muted")
        self.about = ElidedLabel(tone="muted", grade="small")
        self.opens = named(IconToolButton(), "leaf")
        self.opens.set_icon("unfolded", size=14)
        self.opens.setFixedSize(20, 18)
        self.opens.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for part in (self.name, self.size_label, self.about, self.opens):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        column = self._column = column_in(self, margins=(12, 10, 12, 10), spacing=2)
        line = row((self.name, 1), self.size_label)
        column.addLayout(line)
        line = row((self.about, 1), self.opens, margins=(0, 0, -5, 0))
        column.addLayout(line)
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self._fill)
        self.setMenu(menu)

    def sizeHint(self) -> QSize:
        return self._column.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._column.minimumSize()

    def show_model(self, entries: Sequence[Entry], entry: Entry | None, changes: dict) -> None:
        """Show the chosen model among the available `entries`, and its trained part."""
        self._entries, self._entry = [each for each in entries if each.facts], entry
        self._part = "lora" if changes.get("lora_rank") else "last" if changes.get("last_blocks") else "all"
        self.name.setText(entry.name if entry else tr("Choose a model"))
        facts = entry.facts if entry else None
        self.size_label.setText(count_text(facts.parameters) if facts else "")
        self.about.setText(
            tr("Starts from this model · {part}").format(part=part_text(changes))
            if entry
            else tr("the model to start from")
        )
        self.setAccessibleName(tr("Base model: {text}, {part}").format(text=self.name.text(), part=part_text(changes)))

    @Slot()
    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        models = QActionGroup(menu)
        for entry in self._entries:
            action = menu.addAction(menu_text(f"{entry.name} · {entry.origin.value}"))
            action.setToolTip(tooltip_text(str(entry.folder)))
            self._offer(action, models, self._entry is not None and entry.folder == self._entry.folder)
            action.triggered.connect(partial(self.chosen.emit, entry.folder))
        if not self._entries:
            menu.addAction(tr("No model was found")).setEnabled(False)
        menu.addSection(tr("What is trained"))
        parts = QActionGroup(menu)
        for part, (text, tooltip) in TRAINABLE_PARTS.items():
            action = menu.addAction(text)
            action.setToolTip(tooltip_text(tooltip))
            self._offer(action, parts, part == self._part)
            action.triggered.connect(partial(self.part_chosen.emit, part))

    def _offer(self, action: QAction, group: QActionGroup, checked: bool) -> None:
        action.setActionGroup(group)
        action.setCheckable(True)
        action.setChecked(checked)
