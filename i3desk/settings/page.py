"""The settings page: colours, the model in use, shortcuts, and where files are."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from i3core import __version__
from i3desk.jobs import ModelInfo
from i3desk.palette import tabular
from i3desk.places import Places
from i3desk.settings.segments import Segments
from i3desk.settings.store import SettingsStore
from i3desk.theme import CHOICES, Theme

COLUMN_WIDTH = 640
THEME_TOOLTIPS = {
    "system": "Light or dark as your system says, and changing with it",
    "light": "Always light",
    "dark": "Always dark",
}


class SettingsPage(QWidget):
    """Facts and choices that concern the whole program; what concerns replies is in the panel beside the chat."""

    def __init__(
        self,
        store: SettingsStore,
        theme: Theme,
        places: Places,
        shortcuts: list[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("wide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._store = store
        self._theme = theme
        self._places = places

        title = QLabel("Settings")
        title.setProperty("grade", "title")
        header = QFrame(objectName="header")
        header.setFixedHeight(48)
        header_row = QHBoxLayout(header)
        header_row.setContentsMargins(24, 0, 24, 0)
        header_row.addWidget(title)

        inside = QWidget(objectName="backdropColumn")
        inside.setMaximumWidth(COLUMN_WIDTH)
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 24, 0, 24)
        self._column.setSpacing(16)
        self._add_appearance()
        self._add_model()
        self._add_table("Keyboard", shortcuts)
        self._add_files()
        self._column.addStretch(1)

        page = QWidget(objectName="backdropColumn")
        sides = QHBoxLayout(page)
        sides.setContentsMargins(24, 0, 24, 0)
        sides.addStretch(1)
        sides.addWidget(inside, 1000)
        sides.addStretch(1)
        scroll = QScrollArea(objectName="backdrop")
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(header)
        outer.addWidget(scroll, 1)

    @Slot(object)
    def show_model(self, model: ModelInfo) -> None:
        """Show the facts of the model that is loaded."""
        self.model_facts.setText(f"{model.name} · {model.parameters:,} parameters · window of {model.window:,} tokens")
        self.model_device.setText("\n".join((model.device, *model.warnings)))

    def _card(self, title: str) -> QVBoxLayout:
        card = QFrame(objectName="card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        label = QLabel(title)
        label.setProperty("grade", "heading")
        column.addWidget(label)
        self._column.addWidget(card)
        return column

    def _add_appearance(self) -> None:
        column = self._card("Colours")
        self.theme_choice = Segments("Colours", {key: (label, THEME_TOOLTIPS[key]) for key, label in CHOICES.items()})
        self.theme_choice.setFixedWidth(320)
        self.theme_choice.show_choice(self._theme.choice)
        self.theme_choice.chosen.connect(self._choose_theme)
        column.addWidget(self.theme_choice)

    def _add_model(self) -> None:
        column = self._card("Model")
        self.model_facts = tabular(QLabel("No model is loaded yet.", textFormat=Qt.TextFormat.PlainText, wordWrap=True))
        self.model_device = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.model_device.setProperty("tone", "muted")
        column.addWidget(self.model_facts)
        column.addWidget(self.model_device)

    def _add_table(self, title: str, lines: list[tuple[str, str]]) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for number, (left, right) in enumerate(lines):
            key = QLabel(left)
            key.setProperty("tone", "muted")
            grid.addWidget(key, number, 0)
            grid.addWidget(QLabel(right, textFormat=Qt.TextFormat.PlainText), number, 1)
        self._card(title).addLayout(grid)

    def _add_files(self) -> None:
        column = self._card("Files")
        lines = (("Settings", self._places.settings_file), ("Log", self._places.log_file))
        for name, path in lines:
            label = QLabel(f"{name}: {path}", textFormat=Qt.TextFormat.PlainText, wordWrap=True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            label.setProperty("tone", "muted")
            column.addWidget(label)
        button = QPushButton("Open the log's folder")
        button.setAccessibleName("Open the log's folder")
        button.setToolTip("Show the folder with the log in your file manager")
        button.clicked.connect(self._open_log_folder)
        column.addWidget(button, alignment=Qt.AlignmentFlag.AlignLeft)
        version = QLabel(f"i3desk {__version__}. Everything stays on this computer.")
        version.setProperty("tone", "muted")
        version.setProperty("grade", "small")
        self._column.addWidget(version)

    @Slot(str)
    def _choose_theme(self, choice: str) -> None:
        self._theme.choose(choice)
        self._store.change(theme=choice)

    @Slot()
    def _open_log_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._places.log_file.parent)))
