"""What can be undone: the toast offers the latest, Ctrl+Z undoes one after the other, also after the toast is gone."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from i3desk.language import tr
from i3desk.widgets.toast import Toast

MOST = 20


class Undo(QObject):
    """Actions that can be undone, the latest first."""

    def __init__(self, toast: Toast) -> None:
        super().__init__(toast)
        self._toast = toast
        self._actions: list[Callable[[], None]] = []

    def offer(self, text: str, undo: Callable[[], None]) -> None:
        """Show what was done; `undo` is called if the user wants that."""
        self._actions = [*self._actions, undo][-MOST:]
        self._toast.show_message(text, tr("Undo"), self.undo)

    @Slot()
    def undo(self) -> None:
        """Undo the latest action."""
        if self._actions:
            self._toast.dismiss()
            self._actions.pop()()
