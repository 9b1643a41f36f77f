"""The card about updates: check now, or once a week if the user allows it."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from i3core.net import releases
from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.settings.card import Card
from i3desk.widgets.basics import add, button, label
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.setting_rows import SwitchButton


class UpdatesCard(Card):
    """A switch for the weekly check, what it does, and a button.

    Signals:
        requested: Emitted when the user asks for a check now.
    """

    requested = Signal()

    def __init__(self, store: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(tr("Updates"), parent)
        self._store = store
        self.switch = SwitchButton()
        self.switch.setAccessibleName(tr("Check for updates weekly"))
        self.switch.setToolTip(tooltip_text(tr("Off: i3desk checks only when you ask for it")))
        self.switch.clicked.connect(self._choose)
        line = QHBoxLayout()
        add(line, QLabel(tr("Check for updates weekly")), None, self.switch)
        self.column.addLayout(line)
        self.meaning = label(
            tr(
                "Reads one public page on {host} at most once a week. No data about you is sent; the "
                "server sees your IP address. Nothing is installed automatically."
            ).format(host=releases.host()),
            tone="muted",
            grade="small",
            wrap=True,
        )
        self.switch.setAccessibleDescription(self.meaning.text())
        self.column.addWidget(self.meaning)
        self.check_button = button(tr("Check for updates…"), tr("Check now for a newer version"))
        self.check_button.clicked.connect(self.requested)
        line = QHBoxLayout()
        add(line, self.check_button, None)
        self.column.addLayout(line)
        store.changed.connect(self._show)
        self._show()

    @Slot(bool)
    def _choose(self, on: bool) -> None:
        self._store.change(look_for_updates=on)

    @Slot()
    def _show(self) -> None:
        self.switch.setChecked(self._store.preferences.look_for_updates)
