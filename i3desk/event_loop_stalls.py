"""How quick the window is: time since the process began, and how long the event loop stood still."""

from __future__ import annotations

import os
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot

_IMPORTED_AT = time.perf_counter()
TICK_MS = 5


def seconds_since_start() -> float:
    """Seconds since the system started this process; where it does not tell, since this module was imported."""
    try:
        with open("/proc/self/stat", encoding="ascii") as stat:
            # The second field is the program's name in brackets and may hold spaces; the 22nd is the start time.
            fields = stat.read().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, ValueError, IndexError, AttributeError):
        return time.perf_counter() - _IMPORTED_AT


class StallMeter(QObject):
    """Watches the event loop with a timer of TICK_MS; a late tick is a stall.

    Attributes:
        longest_ms: the longest time between two turns of the event loop since the last `restart`.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.longest_ms = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin to watch."""
        self._last = time.perf_counter()
        self._timer.start()

    def restart(self) -> float:
        """Begin a new stretch; returns the longest stall of the one that ends, in milliseconds."""
        self._tick()
        longest, self.longest_ms = self.longest_ms, 0.0
        return longest

    @Slot()
    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000)
        self._last = now
