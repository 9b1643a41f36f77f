"""Import pyqtgraph without blocking the window: run `import_plots` in the background, then import the dashboard.

The import takes 0.3 s, mostly of Python code, which takes turns with the window at the interpreter lock.
"""

from __future__ import annotations

import importlib
import sys
import threading

from i3desk.workers.gc_control import no_collection

_ready = threading.Event()
_MODULES = ("numpy", "PySide6.QtSvg", "PySide6.QtTest", "pyqtgraph.Qt", "pyqtgraph", "i3desk.curves.dashboard")


def import_plots() -> None:
    """Import pyqtgraph and the modules built on it; for a background job."""
    hooks = sys.excepthook, threading.excepthook
    with no_collection():
        for name in _MODULES:
            importlib.import_module(name)
    # pyqtgraph installs its own hooks over those that report crashes.
    sys.excepthook, threading.excepthook = hooks
    _ready.set()


def plots_are_ready() -> bool:
    """True once i3desk.curves.plot and dashboard can be imported at no cost."""
    return _ready.is_set()
