"""Brings pyqtgraph in without holding the window up: a background job `import_plots`, then i3desk.curves.plot or board.

pyqtgraph takes 0.3 s to import, most of it Python code, which shares the interpreter's lock with the window in turns.
"""

from __future__ import annotations

import importlib
import sys
import threading

from i3desk.workers.gc_control import no_collection

_ready = threading.Event()
_MODULES = ("numpy", "PySide6.QtSvg", "PySide6.QtTest", "pyqtgraph.Qt", "pyqtgraph", "i3desk.curves.dashboard")


def import_plots() -> None:
    """Import pyqtgraph and what is built on it; for a background job."""
    hooks = sys.excepthook, threading.excepthook
    with no_collection():
        for name in _MODULES:
            importlib.import_module(name)
    # pyqtgraph puts its own in front of those that report crashes.
    sys.excepthook, threading.excepthook = hooks
    _ready.set()


def plots_are_ready() -> bool:
    """Whether i3desk.curves.plot, board and series can be imported in no time."""
    return _ready.is_set()
