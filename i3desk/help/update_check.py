"""Check for a newer version in a child process: on request, or once a week if the user allows it.

The window itself never opens a connection. The child requests one public page and sends nothing (i3core.net.releases).
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, fields

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.net.releases import is_web_page, switched_on
from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.workers.core_process import CoreProcess, plain

log = logging.getLogger(__name__)
WEEK_S = 7 * 24 * 3600
DUE_EVERY_MS = 3_600_000  # a window may stay open for weeks


@dataclass(frozen=True)
class Update:
    """Result of a check.

    Attributes:
        current: the running version.
        newer: whether `version` is newer than `current`.
        page, notes, published: as in i3core.net.releases.Release.
    """

    current: str
    version: str
    newer: bool
    page: str
    notes: str
    published: str


class UpdateCheck(QObject):
    """A check for updates; one at a time.

    Signals:
        found(Update): Emitted with the result.
        failed(what): Emitted if there is none; `what` says why, and what to do.
    """

    found = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._update: Update | None = None
        self._wanted = False
        self._cancelled = False
        self._process = CoreProcess(tr("check for a new version"), self)
        self._process.tell(self._on_reported, self._on_finished, self._on_failed)

    @property
    def running(self) -> bool:
        """Whether the child process is running."""
        return self._process.running

    @Slot()
    def start(self) -> None:
        """Start a check, once the child of a cancelled one has ended."""
        self._wanted = True
        if not self._process.running:
            self._update = None
            self._process.start(["updates", "--json"])

    @Slot()
    def cancel(self) -> None:
        """End the child; no signal is emitted any more."""
        self._wanted = False
        if self._process.running:
            self._cancelled = True
            self._process.end()

    def shut_down(self) -> None:
        """Kill the child. Blocks; call only after the event loop."""
        self._process.kill()

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        texts = {field.name: report.get(field.name) for field in fields(Update) if field.name != "newer"}
        found = {name: text for name, text in texts.items() if isinstance(text, str)}
        if len(found) == len(texts) and is_web_page(found["page"]):
            self._update = Update(**found, newer=report.get("newer") is True)

    @Slot()
    def _on_finished(self) -> None:
        if not self._counts():
            return
        if self._update is not None:
            self.found.emit(self._update)
        else:
            self.failed.emit(tr("The check for a new version returned no answer. Try again later."))

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        if self._counts():
            self.failed.emit(plain(what))

    def _counts(self) -> bool:
        """Whether the child that ended was not cancelled; if one was started since, start it now."""
        counts, again = not self._cancelled, self._cancelled and self._wanted
        self._cancelled = self._wanted = False
        if again:
            self.start()
        return counts


class WeeklyCheck(QObject):
    """Checks by itself if the user allows it: after `start`, and at most once a week.

    Signals:
        found(Update): Emitted if there is a newer version. Failures are only logged.
    """

    found = Signal(object)

    def __init__(self, settings: SettingsStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._ended = False
        self._check = UpdateCheck(self)
        self._check.found.connect(self._on_found)
        self._check.failed.connect(self._on_failed)
        self._timer = QTimer(self, interval=DUE_EVERY_MS)
        self._timer.timeout.connect(self.check_if_due)

    @property
    def running(self) -> bool:
        """Whether a check is running."""
        return self._check.running

    @Slot()
    def start(self) -> None:
        """Start to check, now and later. Repeated calls do nothing."""
        if not self._timer.isActive():
            self._timer.start()
            self._settings.changed.connect(self.check_if_due)  # the user may allow it now
            self.check_if_due()

    @Slot()
    def check_if_due(self) -> None:
        """Start a check if the last one was a week ago or more."""
        preferences, now = self._settings.preferences, int(time.time())
        wanted = preferences.look_for_updates and switched_on() and not self._ended
        if not wanted or 0 <= now - preferences.looked_for_updates < WEEK_S or self._check.running:
            return
        self._check.start()
        self._settings.change(looked_for_updates=now)

    def shut_down(self) -> None:
        """Kill the child. Blocks; call only after the event loop."""
        self._ended = True
        self._timer.stop()
        self._check.shut_down()

    @Slot(object)
    def _on_found(self, update: Update) -> None:
        if update.newer:
            self.found.emit(update)

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        log.info("The check for a new version failed: %s", what)
