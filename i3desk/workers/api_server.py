from __future__ import annotations

import importlib.util

from PySide6.QtCore import QObject, Signal, Slot

from i3core.serving.middleware import KEY_VARIABLE
from i3desk.workers.core_process import CoreProcess, plain


class ApiServer(QObject):
    """`i3core serve` in a process of its own, as long as the switch is on. It ends with the window.

    Signals:
        changed: another state; see the attributes.

    Attributes:
        wanted: whether it is to run.
        url: where it answers; "" while it does not.
        answered: how many replies it gave since it started.
        trouble: why it does not run though it is wanted, or "".
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.wanted = False
        self.url = self.trouble = ""
        self.answered = 0
        self._asked: list[str] = []
        self._again = False
        # Without a key, whatever the environment says: the card tells that any will do.
        self._process = CoreProcess("server", self, {KEY_VARIABLE: ""})
        self._process.reported.connect(self._on_reported)
        self._process.finished.connect(self._on_ended)
        self._process.failed.connect(self._on_failed)

    def start(self, model: str, port: int) -> None:
        """Serve this model; one that runs already with another model or port starts anew."""
        asked = ["serve", *([model] if model else []), "--port", str(port), "--json", "--until-stdin-closes"]
        if self.wanted and asked == self._asked and not self.trouble:
            return
        self.wanted, self._asked = True, asked
        self.url = self.trouble = ""
        self.answered = 0
        if self._process.running:
            self._again = True
            self._process.end()
        else:
            self._process.start(asked)
        self.changed.emit()

    def stop(self) -> None:
        """End it; clients that are being answered are told."""
        self.wanted = self._again = False
        self.url = self.trouble = ""
        self._process.end()
        self.changed.emit()

    def shut_down(self) -> None:
        """Before the window goes."""
        self.wanted = self._again = False
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
        self._on_failed("The server ended.")

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        if self._again:
            self._again = False
            self._process.start(self._asked)
            return
        self.url = ""
        self.trouble = plain(what) if self.wanted else ""
        self.changed.emit()


def is_installed() -> bool:
    """Whether the packages that the server needs are here."""
    return all(importlib.util.find_spec(name) is not None for name in ("fastapi", "uvicorn"))
