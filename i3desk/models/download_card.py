"""Cards of a download: the form that asks for the model, and the progress."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QProgressBar, QWidget

from i3desk.humanize import duration_text, progress_text, size_text
from i3desk.language import tr
from i3desk.models.download import ACTIVE, Download, DownloadState
from i3desk.style.palette import tabular
from i3desk.widgets.basics import BusyBar, Notice, add, button, column_in, label, named, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text

DRAW_MS = 60
STEPS = 1000  # of the bar
_ADDRESS = re.compile(r"^https?://[^/]+/")  # of the pasted address of a model's page
_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?")


@dataclass(frozen=True)
class Offer:
    """A published model of the i3 family: its short name for the download, and what to know before it.

    The weights are float32, so a million parameters are four megabytes.
    """

    name: str
    title: str
    about: str
    facts: str


OFFERS = (
    Offer(
        "i3-80m",
        "i3-80M",
        tr(
            "Short stories and small talk, in lower-case English. Trained on TinyStories, TinyChat and simple "
            "sentences."
        ),
        tr("82.8 M parameters · about 330 MB · window of 256 tokens"),
    ),
    Offer(
        "i3-200m",
        "i3-200M",
        tr("The larger one: keeps capitals and reads every script, with twice the context."),
        tr("170 M parameters · about 680 MB · window of 512 tokens"),
    ),
)


class OfferCard(QFrame):
    """A published model with its button.

    Signals:
        chosen(name): Emitted when the model is to be downloaded.
    """

    chosen = Signal(str)

    def __init__(self, offer: Offer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("offer")
        self._name = offer.name
        self.button = button(
            tr("Download"),
            tr("Download {title}; you can pause it or close the window at any time").format(title=offer.title),
            "primary",
        )
        self.button.setAccessibleName(tr("Download {title}").format(title=offer.title))
        self.button.clicked.connect(self._choose)
        facts = label(offer.facts, tone="muted", grade="small", wrap=True)
        origin = label(
            tr("by FlameF0X, on {hub_host}").format(hub_host=hub_host()), tone="muted", grade="small", wrap=True
        )
        column = column_in(self, label(offer.title, grade="title"), margins=(16, 12, 16, 16), spacing=8)
        add(column, label(offer.about, wrap=True), facts, origin, None, row(self.button, None))

    @Slot()
    def _choose(self) -> None:
        self.chosen.emit(self._name)


def hub_host() -> str:
    """Host name of the hub."""
    return urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc or "huggingface.co"


class DownloadForm(QFrame):
    """Asks for the model to download.

    Signals:
        download_requested(name): Emitted when the user starts the download.
        closed: Emitted when the user closes the form without a download.
    """

    download_requested = Signal(str)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        title = label(tr("Download a model"), grade="title")
        self.offers = [OfferCard(offer) for offer in OFFERS]
        for each in self.offers:
            each.chosen.connect(self.download_requested)
        self.edit = named(QLineEdit(), "field")
        self.edit.setPlaceholderText(tr("Another i3 model: author/name, or the address of its page"))
        self.edit.setAccessibleName(tr("Another model to download"))
        self.edit.setToolTip(
            tooltip_text(tr("The author and name of an i3 model on {hub_host}").format(hub_host=hub_host()))
        )
        self.edit.textChanged.connect(self._check)
        self.edit.returnPressed.connect(self._ask)
        self.start_button = button(tr("Download"), tr("Start; you can pause it or close the window at any time"))
        self.start_button.setEnabled(False)
        self.start_button.clicked.connect(self._ask)
        self.close_button = button(tr("Cancel"), tr("Close this without a download (Esc)"))
        self.close_button.clicked.connect(self.closed)
        self.promise = label(
            tr("i3desk will contact {hub_host} for this model only. Its page there states the "
            "licence; " "the exact size is shown as soon as it is known.").format(hub_host=hub_host()),
            tone="muted", grade="small", wrap=True,
        )  # fmt: skip
        column = column_in(self, title, margins=(16, 12, 16, 16), spacing=12)
        line = row((self.edit, 1), self.start_button, self.close_button)
        add(column, row(*((each, 1) for each in self.offers), spacing=16), line, self.promise)

    def open(self) -> None:
        """Show the form with the focus on the first model."""
        self.edit.clear()
        self.show()
        self.offers[0].button.setFocus()

    @Slot()
    def _check(self) -> None:
        self.start_button.setEnabled(_NAME.fullmatch(self._name()) is not None)

    def _name(self) -> str:
        return _ADDRESS.sub("", self.edit.text().strip()).strip("/")

    @Slot()
    def _ask(self) -> None:
        if self.start_button.isEnabled():
            self.download_requested.emit(self._name())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)


class DownloadCard(QFrame):
    """Shows and controls one Download."""

    def __init__(self, download: Download, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.download = download
        download.setParent(self)
        self.title = ElidedLabel(grade="heading")
        self.numbers = tabular(label(tone="muted"))
        self.bar = QProgressBar(textVisible=False, maximum=STEPS)
        self.busy = BusyBar()
        self.failure = Notice()
        self.pause_button = button(
            tr("Pause"), tr("Pause; the downloaded part is kept, also when the window is closed")
        )
        self.pause_button.clicked.connect(download.pause)
        self.resume_button = button(tr("Resume"), tr("Continue the download"), "primary")
        self.resume_button.clicked.connect(download.start)
        self.cancel_button = button(tr("Cancel"), tr("Stop the download and remove the downloaded part"))
        self.cancel_button.clicked.connect(download.cancel)

        column = column_in(self, margins=(16, 13, 16, 15), spacing=10)
        heading = row((self.title, 1), self.numbers, spacing=12)
        add(
            column,
            heading,
            self.bar,
            self.busy,
            self.failure,
            row(self.pause_button, self.resume_button, self.cancel_button, None),
        )
        self._draw_timer = QTimer(self, interval=DRAW_MS, singleShot=True)
        self._draw_timer.timeout.connect(self._draw)
        download.changed.connect(self._on_changed)
        self._draw()

    @Slot()
    def _on_changed(self) -> None:
        if not self._draw_timer.isActive():
            self._draw_timer.start()

    @Slot()
    def _draw(self) -> None:
        download, state = self.download, self.download.state
        self.title.setText(self._title())
        self.numbers.setText(self._numbers())
        total = download.total_bytes
        has_size = bool(total) and state is not DownloadState.STARTING
        self.bar.setValue(round(STEPS * min(1.0, download.done_bytes / total)) if total else 0)
        self.bar.setVisible(has_size)
        self.busy.setVisible(not has_size and state in ACTIVE)
        self.failure.show_error(download.what, "")
        self._show_buttons(state)
        self.resume_button.setText(tr("Try again") if state is DownloadState.FAILED else tr("Resume"))
        self.bar.setAccessibleName(tr("Download of {name}").format(name=download.name))
        for each in (self.pause_button, self.resume_button, self.cancel_button):
            each.setAccessibleName(tr("{text}: download of {name}").format(text=each.text(), name=download.name))
        self.cancel_button.setEnabled(state is not DownloadState.CANCELLING)

    def _show_buttons(self, state: DownloadState) -> None:
        """Show Pause or Resume; the shown one takes over the focus, which would otherwise go to Cancel."""
        had_focus = self.window().focusWidget() in (self.pause_button, self.resume_button)
        self.pause_button.setVisible(state in (*ACTIVE, DownloadState.PAUSING))
        self.resume_button.setVisible(state in (DownloadState.PAUSED, DownloadState.FAILED))
        if had_focus:
            (self.resume_button if self.pause_button.isHidden() else self.pause_button).setFocus()

    def _title(self) -> str:
        name = self.download.name
        return {
            DownloadState.STARTING: tr("Requesting {name} from the hub").format(name=name),
            DownloadState.RUNNING: tr("Downloading {name} from the hub").format(name=name),
            DownloadState.PAUSING: tr("Pausing the download of {name}").format(name=name),
            DownloadState.PAUSED: tr("Download of {name} is paused").format(name=name),
            DownloadState.CANCELLING: tr("Removing the downloaded part of {name}").format(name=name),
            DownloadState.CANCELLED: tr("Download of {name} was cancelled").format(name=name),
            DownloadState.FAILED: tr("{name} could not be downloaded").format(name=name),
            DownloadState.DONE: tr("{name} is downloaded").format(name=name),
        }[self.download.state]

    def _numbers(self) -> str:
        download = self.download
        if download.total_bytes:
            parts = [progress_text(download.done_bytes, download.total_bytes)]
        else:
            parts = [tr("{size} so far").format(size=size_text(download.done_bytes))] if download.done_bytes else []
        if download.bytes_per_second:
            parts.append(f"{size_text(download.bytes_per_second)}/s")
        if download.seconds_left is not None:
            parts.append(tr("{duration} left").format(duration=duration_text(download.seconds_left)))
        return " · ".join(parts)
