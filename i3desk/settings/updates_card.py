"""New versions: asked for by hand, or once a week if the user switches it on."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from i3core.net import releases
from i3desk.preferences import SettingsStore
from i3desk.widgets.card import Card
from i3desk.widgets.setting_rows import SwitchButton


class UpdatesCard(Card):
    """A switch that is off until somebody wants it, what it does, and a button.

    Signals:
        requested: look now.
    """

    requested = Signal()

    def __init__(self, store: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__("New versions", parent)
        self._store = store
        self.switch = SwitchButton()
        self.switch.setAccessibleName("Look for a new version once a week")
        self.switch.setToolTip("Off: i3desk looks only when you ask for it")
        self.switch.clicked.connect(self._choose)
        line = QHBoxLayout()
        line.addWidget(QLabel("Look for a new version once a week"))
        line.addStretch(1)
        line.addWidget(self.switch)
        self.column.addLayout(line)
        self.meaning = QLabel(
            f"i3desk then asks {releases.host()} for a public page, at most once in seven days. Nothing is sent about "
            "you, this computer or what you do, not even which version you have; as with every page on the web, the "
            "address of your connection is seen there. You are told if there is a newer version, and nothing is "
            "installed by itself.",
            textFormat=Qt.TextFormat.PlainText,
            wordWrap=True,
        )
        self.meaning.setProperty("tone", "muted")
        self.meaning.setProperty("grade", "small")
        self.switch.setAccessibleDescription(self.meaning.text())
        self.column.addWidget(self.meaning)
        self.look_button = QPushButton("Check for updates…")
        self.look_button.setAccessibleName("Check for updates")
        self.look_button.setToolTip("Ask now whether there is a newer version")
        self.look_button.clicked.connect(self.requested)
        line = QHBoxLayout()
        line.addWidget(self.look_button)
        line.addStretch(1)
        self.column.addLayout(line)
        store.changed.connect(self._show)
        self._show()

    @Slot(bool)
    def _choose(self, on: bool) -> None:
        self._store.change(look_for_updates=on)

    @Slot()
    def _show(self) -> None:
        self.switch.setChecked(self._store.preferences.look_for_updates)
