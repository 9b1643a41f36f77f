"""Asks whether there is a newer version, in a child process: when the user wants to know, or once a week if allowed to.

The window itself never opens a connection. The child asks for one public page and sends nothing (i3core/updates.py).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.net.releases import is_web_page, switched_on
from i3desk.preferences import SettingsStore
from i3desk.workers.core_process import CoreProcess, plain

log = logging.getLogger(__name__)
WEEK_S = 7 * 24 * 3600
CONSIDERED_EVERY_MS = 3_600_000  # windows stay open for weeks


@dataclass(frozen=True)
class Update:
    """What the child found.

    Attributes:
        current: the version that runs.
        newer: whether `version` is a later one.
        page, notes, published: as in i3core.updates.Release.
    """

    current: str
    version: str
    newer: bool
    page: str
    notes: str
    published: str


class UpdateCheck(QObject):
    """One question at a time.

    Signals:
        found(Update): the answer.
        failed(what): there is none; `what` says why, and what to do.
    """

    found = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._update: Update | None = None
        self._wanted = False
        self._given_up = False
        self._process = CoreProcess("look for a new version", self)
        self._process.reported.connect(self._on_reported)
        self._process.finished.connect(self._on_finished)
        self._process.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._process.running

    @Slot()
    def start(self) -> None:
        """Ask. If the child of a question that was given up still lives, after its end."""
        self._wanted = True
        if not self._process.running:
            self._update = None
            self._process.start(["updates", "--json"])

    @Slot()
    def cancel(self) -> None:
        """Give up: nothing more is told, and the child ends."""
        self._wanted = False
        if self._process.running:
            self._given_up = True
            self._process.end()

    def shut_down(self) -> None:
        """End the child at once. Only after the event loop: it blocks."""
        self._process.blockSignals(True)
        self._process.kill()

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        values = {field.name: report.get(field.name) for field in fields(Update)}
        texts = [value for name, value in values.items() if name != "newer"]
        if all(isinstance(value, str) for value in texts) and is_web_page(values["page"]):
            self._update = Update(**values | {"newer": values["newer"] is True})

    @Slot()
    def _on_finished(self) -> None:
        if not self._goes_on():
            return
        if self._update is not None:
            self.found.emit(self._update)
        else:
            self.failed.emit("The look for a new version brought no answer. Try again later.")

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        if self._goes_on():
            self.failed.emit(plain(what))

    def _goes_on(self) -> bool:
        """Whether the end of the child is told; if it was given up and asked anew since, the next one begins."""
        told, again = not self._given_up, self._given_up and self._wanted
        self._given_up = self._wanted = False
        if again:
            self.start()
        return told


class WeeklyLook(QObject):
    """Looks by itself, if the user allows it: once the model is ready, and not within a week of the time before.

    Signals:
        newer(Update): there is a newer version. Of everything else nobody is told; failures are in the log.
    """

    newer = Signal(object)

    def __init__(self, settings: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._ended = False
        self._check = UpdateCheck(self)
        self._check.found.connect(self._on_found)
        self._check.failed.connect(self._on_failed)
        self._timer = QTimer(self, interval=CONSIDERED_EVERY_MS)
        self._timer.timeout.connect(self.consider)

    @property
    def running(self) -> bool:
        """Whether it looks now."""
        return self._check.running

    @Slot()
    def begin(self) -> None:
        """From now on: whatever has to come first is done."""
        if not self._timer.isActive():
            self._timer.start()
            self._settings.changed.connect(self.consider)  # the user may allow it meanwhile
            self.consider()

    @Slot()
    def consider(self) -> None:
        """Look if it is time to."""
        preferences, now = self._settings.preferences, int(time.time())
        wanted = preferences.look_for_updates and switched_on() and not self._ended
        if not wanted or 0 <= now - preferences.looked_for_updates < WEEK_S or self._check.running:
            return
        self._check.start()
        self._settings.change(looked_for_updates=now)

    def shut_down(self) -> None:
        """End the child at once. Only after the event loop: it blocks."""
        self._ended = True
        self._timer.stop()
        self._check.shut_down()

    @Slot(object)
    def _on_found(self, update: Update) -> None:
        if update.newer:
            self.newer.emit(update)

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        log.info("No news of a new version: %s", what)
