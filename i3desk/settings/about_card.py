"""The About card: version, licence, credits."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QWidget

from i3core.version import __version__
from i3desk.language import tr
from i3desk.settings.card import Card
from i3desk.style.icons import app_icon
from i3desk.widgets.basics import button, label, row
from i3desk.widgets.links import open_link

I3_PROJECT = "https://github.com/FlameF0X/open-i3"


class AboutCard(Card):
    """Version, licence, a link to the i3 project, and a button for all licences.

    Signals:
        licences_requested: Emitted when the user asks for the list of licences.
    """

    licences_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("About"), parent)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(40, 40))
        self.name = label(tr("i3desk {version}").format(version=__version__), grade="title")
        self.column.addLayout(row(picture, (self.name, 1), spacing=12))
        text = label(
            tr(
                "A language model that is entirely yours. i3desk, i3core and the bundled model are free "
                "software under the "
                "Apache License 2.0. The i3 architecture and the model i3-80M are the work of FlameF0X (Apache-2.0)."
            ),
            wrap=True,
        )
        self.column.addWidget(text)
        self.link = button(
            tr("The i3 project"),
            tr("Open {page} in your browser").format(page=I3_PROJECT),
            name=tr("Open the page of the i3 project"),
        )
        self.link.clicked.connect(self._open_project)
        self.licences_button = button(
            tr("Licences…"),
            tr("Show the third-party software and its licences"),
            name=tr("Licences of third-party software"),
        )
        self.licences_button.clicked.connect(self.licences_requested)
        self.column.addLayout(row(self.link, self.licences_button, None))

    @Slot()
    def _open_project(self) -> None:
        open_link(I3_PROJECT, self)
