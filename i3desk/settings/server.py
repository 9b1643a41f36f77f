"""The model for other programs on this computer: a switch, the address, and the server that i3core runs for it."""

from __future__ import annotations

import importlib.util

from PySide6.QtCore import QObject, QRegularExpression, Qt, Signal, Slot
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from i3core.extras import how_to_get
from i3core.server_gate import KEY_VARIABLE
from i3desk.core_process import CoreProcess
from i3desk.models.task import plain
from i3desk.palette import tabular
from i3desk.settings.card import Card
from i3desk.settings.copy_line import CopyLine
from i3desk.settings.rows import SwitchButton
from i3desk.settings.store import SettingsStore

PORTS = range(1024, 65536)
PORT_WIDTH = 72


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


class ServerCard(Card):
    """A switch that is off until somebody wants it, the port, and the address to give to other programs."""

    def __init__(self, store: SettingsStore, server: ApiServer, parent: QWidget | None = None) -> None:
        super().__init__("For other programs", parent)
        self._store, self._server = store, server
        self.switch = SwitchButton()
        self.switch.setAccessibleName("Answer other programs on this computer")
        self.switch.setToolTip("Programs that talk to OpenAI can then talk to this model instead")
        self.switch.clicked.connect(self._choose)
        self.port = tabular(QLineEdit(objectName="field"))
        self.port.setFixedWidth(PORT_WIDTH)
        self.port.setAccessibleName("Port")
        self.port.setToolTip("Number from 1024 to 65535; change it if another program uses this one")
        self.port.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,5}"), self))
        self.port.editingFinished.connect(self._choose_port)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(QLabel("Answer other programs on this computer"))
        line.addStretch(1)
        line.addWidget(QLabel("Port"))
        line.addWidget(self.port)
        line.addSpacing(8)
        line.addWidget(self.switch)
        self.column.addLayout(line)
        self._line = CopyLine(
            "Address of the server", "Give this to a program as the address (base URL) of OpenAI, with any key"
        )
        self.address, self.copy_button = self._line.field, self._line.button
        self.column.addWidget(self._line)
        self.state = QLabel(textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.state.setProperty("grade", "small")
        self.column.addWidget(self.state)
        self.meaning = QLabel(
            "The model of the chat then answers as OpenAI's API does: editors, scripts and other chat programs can use "
            "it. Only programs on this computer reach it, no web pages and no other computers. It takes the memory of "
            "the model a second time.",
            textFormat=Qt.TextFormat.PlainText,
            wordWrap=True,
        )
        self.meaning.setProperty("tone", "muted")
        self.meaning.setProperty("grade", "small")
        self.switch.setAccessibleDescription(self.meaning.text())
        self.column.addWidget(self.meaning)
        if not is_installed():
            self.switch.setEnabled(False)
            self.port.setEnabled(False)
            self.meaning.setText(how_to_get("server", "It is there when i3desk is started from its source."))
        store.changed.connect(self._show)
        server.changed.connect(self._show)
        self._show()

    @Slot(bool)
    def _choose(self, on: bool) -> None:
        self._store.change(serve=on)

    @Slot()
    def _choose_port(self) -> None:
        text = self.port.text()
        if text and int(text) in PORTS:
            self._store.change(serve_port=int(text))
        else:
            self.port.setText(str(self._store.preferences.serve_port))

    @Slot()
    def _show(self) -> None:
        preferences, server = self._store.preferences, self._server
        self.switch.setChecked(preferences.serve and is_installed())
        if not self.port.hasFocus():
            self.port.setText(str(preferences.serve_port))
        self._line.setVisible(bool(server.url))
        self._line.show_text(server.url)
        if server.trouble:
            text, tone = server.trouble, "bad"
        elif server.url:
            count = server.answered
            text, tone = f"{count:,} {'reply' if count == 1 else 'replies'} so far." if count else "Ready.", "muted"
        else:
            text, tone = ("Starting…" if server.wanted else ""), "muted"
        self.state.setText(text)
        self.state.setVisible(bool(text))
        if self.state.property("tone") != tone:
            self.state.setProperty("tone", tone)
            self.state.style().polish(self.state)


def is_installed() -> bool:
    """Whether the packages that the server needs are here."""
    return all(importlib.util.find_spec(name) is not None for name in ("fastapi", "uvicorn"))
