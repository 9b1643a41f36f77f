"""All downloads: the form, running ones and interrupted ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QWidget

from i3core.checkpoints import registry
from i3desk.models.download import Download
from i3desk.models.download_card import DownloadCard, DownloadForm
from i3desk.widgets.basics import column_in
from i3desk.workers.background import BackgroundJobs


class Downloads(QWidget):
    """A card for each download, with the form above them.

    Signals:
        downloaded(folder): Emitted when a model is complete and verified.
        closed: Emitted when the form is closed without a download.
    """

    downloaded = Signal(str)
    closed = Signal()

    def __init__(
        self,
        models_folder: Path,
        background: BackgroundJobs,
        environment: Mapping[str, str] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.cards: list[DownloadCard] = []
        self._models_folder = models_folder
        self._background = background
        self._environment = environment
        self.form = DownloadForm()
        self.form.hide()
        self.form.download_requested.connect(self.start_download)
        self.form.closed.connect(self._close)
        self._column = column_in(self, self.form, spacing=16)
        self.hide()

    @Slot()
    def open(self) -> None:
        """Show the form that asks for a model."""
        self.show()
        self.form.open()

    @Slot()
    def find_interrupted(self) -> None:
        """Find downloads of earlier sessions, and offer to continue them."""
        self._background.run(partial(registry.interrupted, self._models_folder), self._on_interrupted)

    @Slot(str)
    def start_download(self, name: str) -> None:
        """Start the download of a model, or continue it."""
        card = self._card(name)
        card.pause_button.setFocus()  # otherwise a button of some model would get the focus
        self.form.hide()
        card.download.start_as(name)

    def shut_down(self) -> None:
        """Kill all children; keep the partial files. Blocks; call only after the event loop."""
        for card in self.cards:
            card.download.shut_down()

    def _card(self, name: str) -> DownloadCard:
        """Card of a download; made if there is none yet."""
        download = Download(name, self._models_folder, self._background, self._environment)
        for card in self.cards:
            if card.download.partial_folder == download.partial_folder:
                return card
        card = DownloadCard(download)
        download.done.connect(self._on_done)
        download.cancelled.connect(self._drop_ended)
        self.cards.append(card)
        self._column.addWidget(card)
        self.show()
        return card

    def _on_interrupted(self, found: list[registry.InterruptedDownload]) -> None:
        known = {card.download.partial_folder for card in self.cards}
        for each in found:
            if each.folder not in known:
                self._card(each.repo).download.show_interrupted(each)

    @Slot(str)
    def _on_done(self, folder: str) -> None:
        self._drop_ended()
        self.downloaded.emit(folder)

    @Slot()
    def _drop_ended(self) -> None:
        for card in [card for card in self.cards if card.download.ended]:
            self.cards.remove(card)
            card.hide()
            card.deleteLater()
        self._hide_if_empty()

    @Slot()
    def _close(self) -> None:
        self.form.hide()
        self._hide_if_empty()
        self.closed.emit()

    def _hide_if_empty(self) -> None:
        self.setVisible(bool(self.cards) or self.form.isVisibleTo(self))
