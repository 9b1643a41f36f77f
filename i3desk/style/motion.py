"""Whether parts of the window may move by themselves."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

_PROPERTY = "reduceMotion"


def reduce_motion(reduced: bool) -> None:
    """Let nothing move by itself, or let it again."""
    application = QApplication.instance()
    assert application is not None
    application.setProperty(_PROPERTY, reduced)


def is_reduced() -> bool:
    """True if nothing may move by itself."""
    application = QApplication.instance()
    return application is not None and bool(application.property(_PROPERTY))
