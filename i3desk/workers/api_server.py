"""The API server as a child process of the window."""

from __future__ import annotations

import importlib.util

from PySide6.QtCore import QObject, Signal, Slot

from i3core.serving.middleware import KEY_VARIABLE
from i3desk.language import tr
from i3desk.workers.core_process import CoreProcess, plain


class ApiServer(QObject):
    """`i3core serve` in a child process, while the switch is on. It ends with the window.

    Signals:
        changed: Emitted when an attribute has changed.

    Attributes:
        wanted: True if the server should run.
        url: its address; "" while it is not running.
        answered: number of replies since it started.
        trouble: why it is not running although it should, or "".
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.wanted = False
        self.url = self.trouble = ""
        self.answered = 0
        self._arguments: list[str] = []
        self._restarting = False
        # No key, even if the environment has one: the card says that any key works.
        self._process = CoreProcess("server", self, {KEY_VARIABLE: ""})
        self._process.tell(self._on_reported, self._on_ended, self._on_failed)

    def start(self, model: str, port: int) -> None:
        """Serve this model; a server that runs with another model or port is restarted."""
        arguments = ["serve", *([model] if model else []), "--port", str(port), "--json", "--until-stdin-closes"]
        if self.wanted and arguments == self._arguments and not self.trouble:
            return
        self.wanted, self._arguments = True, arguments
        self.url = self.trouble = ""
        self.answered = 0
        if self._process.running:
            self._restarting = True
            self._process.end()
        else:
            self._process.start(arguments)
        self.changed.emit()

    def stop(self) -> None:
        """Stop the server; clients with a running request get an error."""
        self.wanted = self._restarting = False
        self.url = self.trouble = ""
        self._process.end()
        self.changed.emit()

    def shut_down(self) -> None:
        """Kill the server, before the window closes."""
        self.wanted = self._restarting = False
        self._process.kill()

    @Slot(object)
    def _on_reported(self, content: dict) -> None:
        if content.get("event") == "ready":
            self.url = str(content.get("url", ""))
        elif content.get("event") == "request" and content.get("tokens"):
            self.answered += 1
        self.changed.emit()

    @Slot()
    def _on_ended(self) -> None:
        self._on_failed(tr("The server ended."))

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        if self._restarting:
            self._restarting = False
            self._process.start(self._arguments)
            return
        self.url = ""
        self.trouble = plain(what) if self.wanted else ""
        self.changed.emit()


def is_installed() -> bool:
    """True if the packages that the server needs are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("fastapi", "uvicorn"))
