"""Progress of a training run on the icon in the task bar, on Linux desktops that show it.

KDE, Unity, Dash to Dock and others listen to the signal com.canonical.Unity.LauncherEntry.Update of the session bus
(https://wiki.ubuntu.com/Unity/LauncherAPI). Nothing happens where there is no bus.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtDBus import QDBusConnection

log = logging.getLogger(__name__)
APPLICATION = "application://i3desk.desktop"
PLACE = f"/com/canonical/unity/launcherentry/{os.getpid()}"
INTERFACE = "com.canonical.Unity.LauncherEntry"


class TaskbarProgress:
    """Tells the desktop how far a run is, once for each percent."""

    def __init__(self) -> None:
        self._percent: int | None = None
        self._bus: QDBusConnection | None = None
        self._looked = False

    def show(self, share: float | None) -> None:
        """Show how much is done, from 0 to 1; None if nothing is running."""
        percent = None if share is None else round(100 * min(1.0, max(0.0, share)))
        if percent == self._percent:
            return
        self._percent = percent
        if not self._looked:
            self._looked, self._bus = True, _session_bus()
        if self._bus is not None:
            from PySide6.QtDBus import QDBusMessage

            message = QDBusMessage.createSignal(PLACE, INTERFACE, "Update")
            state = {"progress": (percent or 0) / 100, "progress-visible": percent is not None}
            message.setArguments([APPLICATION, state])
            self._bus.send(message)


def _session_bus() -> QDBusConnection | None:
    """The bus of the user's session; None if there is none. None is started."""
    place = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    if not place:
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        place = f"unix:path={runtime}/bus" if runtime and Path(runtime, "bus").exists() else ""
    if not place or not sys.platform.startswith("linux"):
        return None
    with suppress(ImportError):  # the library of the bus is the system's
        from PySide6.QtDBus import QDBusConnection

        bus = QDBusConnection.connectToBus(place, "i3desk-taskbar")
        if bus.isConnected():
            return bus
        log.info("No progress in the task bar: %s", bus.lastError().message())
    return None
