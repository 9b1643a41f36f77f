"""The size of the whole interface, changed while windows are open."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget

SCALES = (80, 90, 100, 110, 125, 150, 175, 200)  # percent

# Qt reads QT_SCALE_FACTOR once. The function behind it is exported, but in none of the public headers.
_SYMBOLS = {
    "linux": ("libQt6Gui.so.6", "_ZN15QHighDpiScaling15setGlobalFactorEd"),
    "win32": ("Qt6Gui.dll", "?setGlobalFactor@QHighDpiScaling@@SAXN@Z"),
}


_system_factor = 1.0


@cache
def _set_factor() -> Callable[[float], None] | None:
    """Qt's function that sets the scale factor, or None where this Qt has none."""
    library, symbol = _SYMBOLS.get(sys.platform, ("", ""))
    try:
        function = getattr(ctypes.CDLL(library), symbol) if library else None
    except (OSError, AttributeError):
        return None
    if function is not None:
        function.argtypes, function.restype = [ctypes.c_double], None
    return function


def start_factor(scale: int) -> str:
    """QT_SCALE_FACTOR for `scale` percent of what the environment asks for; call before the application is made."""
    global _system_factor
    with suppress(ValueError):
        _system_factor = float(os.environ.get("QT_SCALE_FACTOR", "1"))
    return f"{_system_factor * scale / 100:g}"


def next_scale(scale: int, step: int) -> int:
    """The next larger (1) or smaller (-1) size in percent; 100 for step 0."""
    if not step:
        return 100
    others = [each for each in SCALES if (each - scale) * step > 0]
    return min(others, key=lambda each: abs(each - scale), default=scale)


def can_zoom() -> bool:
    """False if another scale needs another start of the program."""
    return _set_factor() is not None


def zoom(scale: int) -> bool:
    """Show all windows at `scale` percent; False if that needs another start of the program.

    Windows keep their place and size on the screen, and the focus stays.
    """
    set_factor = _set_factor()
    if set_factor is None:
        return False
    before = qInstallMessageHandler(_ignore)  # Qt warns of open windows, which are made again below
    focused, shown = QApplication.focusWidget(), [each for each in QApplication.topLevelWidgets() if each.isVisible()]
    places = {each: (each.geometry(), each.devicePixelRatioF()) for each in shown}
    try:
        set_factor(_system_factor * scale / 100)
    finally:
        qInstallMessageHandler(before)
    for each in shown:
        _make_again(each, *places[each])
    if focused is not None:
        focused.activateWindow()
        focused.setFocus()
    return True


def _make_again(window: QWidget, place, ratio: float) -> None:
    """Give a window the new factor, which Qt reads where the system's window is made."""
    window.hide()
    handle = window.windowHandle()
    if handle is not None:
        handle.destroy()
    window.show()
    if not window.isMaximized() and not window.isFullScreen():
        factor = ratio / window.devicePixelRatioF()
        window.resize(place.size() * factor)
        window.move(place.topLeft() * factor)


def _ignore(*_message: object) -> None:
    """Leave a message of Qt out of the log."""
