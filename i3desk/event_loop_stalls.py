"""Measure the start-up time and the stalls of the event loop."""

from __future__ import annotations

import os
import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot

_IMPORTED_AT = time.perf_counter()
TICK_MS = 5


def seconds_since_start() -> float:
    """Seconds since the process started, or since this module was imported if that is unknown."""
    try:
        with open("/proc/self/stat", encoding="ascii") as stat:
            # The second field is the program's name in brackets and may hold spaces; the 22nd is the start time.
            fields = stat.read().rpartition(")")[2].split()
        started_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
    except (OSError, ValueError, IndexError, AttributeError):
        return time.perf_counter() - _IMPORTED_AT


class StallMeter(QObject):
    """Watch the event loop with a timer of TICK_MS; a late tick is a stall.

    Attributes:
        longest_ms: longest time between two ticks since the last `restart`.
        busiest_ms: most processor time of this thread between two ticks; other programs do not lengthen it.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.longest_ms = self.busiest_ms = 0.0
        self._last, self._busy = time.perf_counter(), time.thread_time()
        self._timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Start to watch."""
        self._last, self._busy = time.perf_counter(), time.thread_time()
        self._timer.start()

    def restart(self) -> float:
        """Start a new measurement; returns the longest stall of the last one, in milliseconds."""
        self._tick()
        longest, self.longest_ms, self.busiest_ms = self.longest_ms, 0.0, 0.0
        return longest

    @Slot()
    def _tick(self) -> None:
        now, busy = time.perf_counter(), time.thread_time()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000)
        self.busiest_ms = max(self.busiest_ms, (busy - self._busy) * 1000)
        self._last, self._busy = now, busy
