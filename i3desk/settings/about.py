"""What i3desk is, its licence, and those of what it is made of."""

from __future__ import annotations

from importlib import metadata

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from i3core import __version__
from i3desk.icons import app_icon
from i3desk.settings.card import Card

I3_PROJECT = "https://github.com/FlameF0X/open-i3"
# Package -> licence, of everything that the window and the engine load.
PARTS = {
    "torch": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "safetensors": "Apache-2.0",
    "PySide6-Essentials": "LGPL-3.0 (Qt, used as a library that you can replace)",
    "pyqtgraph": "MIT",
    "huggingface_hub": "Apache-2.0",
    "platformdirs": "MIT",
    "tqdm": "MPL-2.0 and MIT",
    "psutil": "BSD-3-Clause",
    "nvidia-ml-py": "BSD-3-Clause",
}


class AboutCard(Card):
    """Version, licence, a link to the i3 project, and the parts with their versions."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("About", parent)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(40, 40))
        self.name = QLabel(f"i3desk {__version__}")
        self.name.setProperty("grade", "title")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(picture)
        head.addWidget(self.name, 1)
        self.column.addLayout(head)
        text = QLabel(
            "A language model that is entirely yours. i3desk, i3core and the bundled model are free software under the "
            "Apache License 2.0. The i3 architecture and the model i3-80M are the work of FlameF0X (Apache-2.0).",
            textFormat=Qt.TextFormat.PlainText,
            wordWrap=True,
        )
        self.column.addWidget(text)
        self.link = QPushButton("The i3 project")
        self.link.setAccessibleName("Open the page of the i3 project")
        self.link.setToolTip(f"Opens {I3_PROJECT} in your browser")
        self.link.clicked.connect(self._open_project)
        self.licences_button = QPushButton("Licences")
        self.licences_button.setCheckable(True)
        self.licences_button.setAccessibleName("Licences of the parts")
        self.licences_button.setToolTip("Show what i3desk is made of")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.link)
        row.addWidget(self.licences_button)
        row.addStretch(1)
        self.column.addLayout(row)
        self.parts = QWidget()
        self.parts.hide()
        self.licences_button.toggled.connect(self._show_parts)
        self.column.addWidget(self.parts)

    @Slot(bool)
    def _show_parts(self, shown: bool) -> None:
        if self.parts.layout() is None:
            grid = QGridLayout(self.parts)
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setHorizontalSpacing(16)
            grid.setVerticalSpacing(4)
            grid.setColumnStretch(2, 1)
            for line, (name, licence) in enumerate(PARTS.items()):
                for column, value in enumerate((name, _version(name), licence)):
                    label = QLabel(value, textFormat=Qt.TextFormat.PlainText)
                    label.setProperty("grade", "small")
                    label.setProperty("tone", "plain" if column == 0 else "muted")
                    grid.addWidget(label, line, column)
        self.parts.setVisible(shown)

    @Slot()
    def _open_project(self) -> None:
        QDesktopServices.openUrl(QUrl(I3_PROJECT))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
