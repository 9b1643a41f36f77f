"""The Settings page: appearance, training, server, data, shortcuts, updates, about."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QWidget,
)

from i3core.net.releases import switched_on
from i3desk.language import LANGUAGES, SYSTEM, tr
from i3desk.paths import Paths
from i3desk.preferences import TEXT_SIZES, SettingsStore
from i3desk.settings.about_card import AboutCard
from i3desk.settings.card import Card
from i3desk.settings.gpu_card import GpuCard
from i3desk.settings.server_card import ServerCard
from i3desk.settings.shortcuts import SHORTCUTS
from i3desk.settings.storage_card import StorageCard
from i3desk.settings.updates_card import UpdatesCard
from i3desk.style.motion import reduce_motion
from i3desk.style.theme import CHOICES, Theme
from i3desk.style.zoom import SCALES, can_zoom
from i3desk.widgets.basics import centred, column_in, label, named, page_header, row, scroll_page
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.widgets.setting_rows import SwitchButton
from i3desk.workers.api_server import ApiServer

COLUMN_WIDTH = 640
LANGUAGE_CHOICES = {
    SYSTEM: (tr("System"), tr("The language of your system, if i3desk knows it")),
    **{code: (name, name) for code, name in LANGUAGES.items()},
}
THEME_TOOLTIPS = {
    "system": tr("Follow the light or dark colours of your system"),
    "light": tr("Always light"),
    "dark": tr("Always dark"),
}
SCALE_CHOICES = {
    str(scale): (
        f"{scale} %",
        tr("Show everything at {scale} % (Ctrl++, Ctrl+-)").format(scale=scale)
        if scale != 100
        else tr("The usual size (Ctrl+0)"),
    )
    for scale in SCALES
}
TEXT_CHOICES = {
    str(size): (f"{size} %", tr("Show the text of chats at {size} %").format(size=size)) for size in TEXT_SIZES
}

ON_CLOSE_CHOICES = {
    "ask": (tr("Ask"), tr("Ask each time what to do with a training run")),
    "go_on": (tr("Keep running"), tr("The run continues without the window and is shown again at the next start")),
    "stop": (tr("Save and stop"), tr("The run saves and stops; it can be resumed later")),
}


class SettingsPage(QWidget):
    """Settings of the whole program. Settings of replies are in the panel beside the chat.

    Attributes:
        data, about, updates, gpu_card, server, shortcuts: the cards, with signals of their own.
    """

    def __init__(
        self,
        store: SettingsStore,
        theme: Theme,
        paths: Paths,
        server: ApiServer,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("wide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._store = store
        self._theme = theme

        self.data = StorageCard(paths)
        self.about = AboutCard()
        self.updates = UpdatesCard(store)
        self.updates.setVisible(switched_on())
        inside = named(QWidget(), "backdropColumn")
        column = column_in(inside, margins=(0, 24, 0, 24), spacing=16)
        self.shortcuts = _shortcuts(SHORTCUTS)
        self.gpu_card = GpuCard()
        self.server = ServerCard(store, server)
        for card in (
            self._appearance(),
            self.gpu_card,
            self._training(),
            self.server,
            self.data,
            self.shortcuts,
            self.updates,
            self.about,
        ):
            column.addWidget(card)
        column.addStretch(1)

        self._scroll = scroll_page(centred(inside, COLUMN_WIDTH))
        column_in(self, page_header(row(label(tr("Settings"), grade="title"), None)), (self._scroll, 1))

    def show_card(self, card: QWidget) -> None:
        """Scroll to `card`."""
        self._scroll.verticalScrollBar().setValue(card.y() - 8)

    def _appearance(self) -> Card:
        card = Card(tr("Appearance"))
        self.theme_choice = SegmentedControl(
            tr("Theme"), {key: (name, THEME_TOOLTIPS[key]) for key, name in CHOICES.items()}
        )
        self.theme_choice.show_choice(self._theme.choice)
        self.theme_choice.chosen.connect(self._choose_theme)
        self.scale_choice = SegmentedControl(tr("Interface scale"), SCALE_CHOICES)
        self.scale_choice.show_choice(str(self._store.preferences.scale))
        self.scale_choice.chosen.connect(self._choose_scale)
        self.text_choice = SegmentedControl(tr("Text of chats"), TEXT_CHOICES)
        self.text_choice.show_choice(str(self._store.preferences.text_size))
        self.text_choice.chosen.connect(self._choose_text_size)
        self._store.changed.connect(self._show_scale)
        self.scale_note = label(tr("Restart i3desk to apply."), tone="muted", grade="small")
        self.scale_note.hide()
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(10)
        grid.setColumnStretch(1, 1)
        choices = {
            tr("Theme"): self.theme_choice,
            tr("Interface scale"): self.scale_choice,
            tr("Text of chats"): self.text_choice,
        }
        for line, (name, choice) in enumerate(choices.items()):
            grid.addWidget(QLabel(name), line, 0)
            grid.addWidget(choice, line, 1)
        grid.addWidget(self.scale_note, len(choices), 1)
        card.column.addLayout(grid)
        self.language_choice = SegmentedControl(tr("Language"), LANGUAGE_CHOICES)
        self.language_choice.show_choice(self._store.preferences.language)
        self.language_choice.chosen.connect(self._choose_language)
        self.language_note = label(tr("Restart i3desk to apply."), tone="muted", grade="small")
        self.language_note.hide()
        card.column.addLayout(row(QLabel(tr("Language")), (self.language_note, 1), self.language_choice, spacing=16))
        self.motion_switch = SwitchButton()
        self.motion_switch.setAccessibleName(tr("Reduce motion"))
        self.motion_switch.setToolTip(tooltip_text(tr("Nothing moves by itself: bars stand still while they wait")))
        self.motion_switch.setChecked(self._store.preferences.reduce_motion)
        self.motion_switch.clicked.connect(self._choose_motion)
        card.column.addLayout(row(QLabel(tr("Reduce motion")), None, self.motion_switch))
        return card

    def _training(self) -> Card:
        card = Card(tr("Training"))
        self.on_close_choice = SegmentedControl(tr("Training when the window is closed"), ON_CLOSE_CHOICES)
        self.on_close_choice.show_choice(self._store.preferences.training_on_close)
        self.on_close_choice.chosen.connect(self._choose_on_close)
        self._store.changed.connect(self._show_on_close)
        question = label(tr("When I close the window, training should"), wrap=True)
        line = row((question, 1), (self.on_close_choice, 1), spacing=24)
        card.column.addLayout(line)
        return card

    @Slot(str)
    def _choose_on_close(self, choice: str) -> None:
        self._store.change(training_on_close=choice)

    @Slot()
    def _show_on_close(self) -> None:
        self.on_close_choice.show_choice(self._store.preferences.training_on_close)

    @Slot(str)
    def _choose_theme(self, choice: str) -> None:
        self._theme.choose(choice)
        self._store.change(theme=choice)

    @Slot(str)
    def _choose_language(self, choice: str) -> None:
        self._store.change(language=choice)
        self.language_note.show()

    @Slot(str)
    def _choose_scale(self, choice: str) -> None:
        self._store.change(scale=int(choice))
        self.scale_note.setVisible(not can_zoom())

    @Slot(bool)
    def _choose_motion(self, reduced: bool) -> None:
        self._store.change(reduce_motion=reduced)
        reduce_motion(reduced)

    @Slot(str)
    def _choose_text_size(self, choice: str) -> None:
        self._store.change(text_size=int(choice))

    @Slot()
    def _show_scale(self) -> None:
        self.scale_choice.show_choice(str(self._store.preferences.scale))
        self.text_choice.show_choice(str(self._store.preferences.text_size))


def _shortcuts(lines: list[tuple[str, str]]) -> Card:
    card = Card(tr("Keyboard"))
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for number, (keys, meaning) in enumerate(lines):
        grid.addWidget(label(keys, tone="muted"), number, 0)
        grid.addWidget(label(meaning, wrap=True), number, 1)
    card.column.addLayout(grid)
    return card
