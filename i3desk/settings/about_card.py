"""The About card: version, licence, credits."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from i3core.version import __version__
from i3desk.style.icons import app_icon
from i3desk.widgets.card import Card

I3_PROJECT = "https://github.com/FlameF0X/open-i3"


class AboutCard(Card):
    """Version, licence, a link to the i3 project, and a button for all licences.

    Signals:
        licences_requested: Emitted when the user asks for the list of licences.
    """

    licences_requested = Signal()

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
        self.link.setToolTip(f"Open {I3_PROJECT} in your browser")
        self.link.clicked.connect(self._open_project)
        self.licences_button = QPushButton("Licences…")
        self.licences_button.setAccessibleName("Licences of the included software")
        self.licences_button.setToolTip("Show the included software and its licences")
        self.licences_button.clicked.connect(self.licences_requested)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.link)
        row.addWidget(self.licences_button)
        row.addStretch(1)
        self.column.addLayout(row)

    @Slot()
    def _open_project(self) -> None:
        QDesktopServices.openUrl(QUrl(I3_PROJECT))
