"""Python's garbage collection, in the GUI thread only and never while a reply streams.

By default, Python collects in the thread that allocates: the worker could delete widgets outside the GUI thread, and
with torch's half a million objects one full pass stops all threads for some 50 ms.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL_MS = 5_000
_collecting = threading.Lock()


@contextmanager
def no_collection() -> Iterator[None]:
    """Prevent collection inside the block: a pass over Qt types that another thread is creating crashes the program."""
    with _collecting:
        automatic = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if automatic:
                gc.enable()


class GcControl(QObject):
    """Replaces automatic collection by a timer that collects while nothing is streaming."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._busy = False
        gc.disable()
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._collect)
        self._timer.start()

    @Slot()
    def settle(self) -> None:
        """Exempt all objects loaded so far from later passes."""
        gc.freeze()

    @Slot(bool)
    def set_busy(self, busy: bool) -> None:
        """Do not collect while something is streaming."""
        self._busy = busy

    @Slot()
    def release(self) -> None:
        """Return to automatic collection."""
        self._timer.stop()
        gc.enable()

    @Slot()
    def _collect(self) -> None:
        if not self._busy and _collecting.acquire(blocking=False):
            try:
                gc.collect()
            finally:
                _collecting.release()
