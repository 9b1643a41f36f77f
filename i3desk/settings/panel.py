"""The panel beside the chat: how i3 chooses its words."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from i3core.settings import SAMPLING_SETTINGS, SamplingConfig
from i3desk.chat.message import quiet_button
from i3desk.settings.rows import row_for
from i3desk.settings.segments import Segments
from i3desk.settings.store import SettingsStore

WIDTH = 256
# Values that a preset sets; everything else stays as it is.
PRESETS = {
    "precise": {"temperature": 0.3, "top_k": 20, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.0},
    "balanced": {
        key: getattr(SamplingConfig(), key) for key in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
    },
    "wild": {"temperature": 1.2, "top_k": 0, "top_p": 0.98, "min_p": 0.02, "repetition_penalty": 1.05},
}
PRESET_LABELS = {
    "precise": ("Precise", "Keeps to the likeliest words"),
    "balanced": ("Balanced", "The values that i3desk begins with"),
    "wild": ("Wild", "Takes unlikely words more often"),
}


class SamplingPanel(QFrame):
    """Draws the settings that i3core declares, in their order; every change is kept."""

    def __init__(self, store: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self._store = store

        title = QLabel("Generation")
        title.setProperty("grade", "heading")
        self.reset_button = quiet_button("Reset", "Set everything here back to what i3desk began with")
        self.reset_button.clicked.connect(self._reset)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.reset_button)
        self.presets = Segments("Preset", PRESET_LABELS)
        self.presets.chosen.connect(self._use_preset)

        body = QWidget(objectName="panelBody")
        column = QVBoxLayout(body)
        column.setContentsMargins(16, 10, 15, 16)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(self.presets)
        column.addSpacing(2)
        self.rows = {}
        for setting in SAMPLING_SETTINGS:
            row = self.rows[setting.key] = row_for(setting)
            row.changed.connect(self._on_changed)
            column.addWidget(row)
        column.addStretch(1)
        scroll = QScrollArea(objectName="backdrop")
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 0, 0, 0)
        outer.addWidget(scroll)
        self._show_all()

    @property
    def wanted(self) -> bool:
        """Whether the user wants the panel where there is room for it."""
        return self._store.preferences.panel_open

    def want(self, wanted: bool) -> None:
        """Remember whether the user wants the panel."""
        self._store.change(panel_open=wanted)

    def sampling(self) -> SamplingConfig:
        """What is set now."""
        return self._store.preferences.sampling

    @Slot(str, object)
    def _on_changed(self, key: str, value: object) -> None:
        self._store.change(sampling=replace(self.sampling(), **{key: value}))
        self._show_preset()

    @Slot(str)
    def _use_preset(self, name: str) -> None:
        self._store.change(sampling=replace(self.sampling(), **PRESETS[name]))
        self._show_all()

    @Slot()
    def _reset(self) -> None:
        self._store.change(sampling=SamplingConfig())
        self._show_all()

    def _show_all(self) -> None:
        for key, row in self.rows.items():
            row.show_value(getattr(self.sampling(), key))
        self._show_preset()

    def _show_preset(self) -> None:
        sampling = self.sampling()
        matching = (
            name
            for name, values in PRESETS.items()
            if all(getattr(sampling, key) == value for key, value in values.items())
        )
        self.presets.show_choice(next(matching, None))
