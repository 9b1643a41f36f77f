"""The card about the API server: serve the model to other programs on this computer."""

from __future__ import annotations

from PySide6.QtCore import QRegularExpression, Slot
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from i3core.system.extras import install_hint
from i3desk.language import tr, trn
from i3desk.preferences import SettingsStore
from i3desk.settings.card import Card
from i3desk.style.palette import tabular
from i3desk.widgets.basics import label, named, restyle, row
from i3desk.widgets.copy_field import CopyField
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.setting_rows import SwitchButton
from i3desk.workers.api_server import ApiServer, is_installed

PORTS = range(1024, 65536)
PORT_WIDTH = 72


class ServerCard(Card):
    """A switch, the port, and the address to enter in other programs."""

    def __init__(self, store: SettingsStore, server: ApiServer, parent: QWidget | None = None) -> None:
        super().__init__(tr("Local server"), parent)
        self._store, self._server = store, server
        self.switch = SwitchButton()
        self.switch.setAccessibleName(tr("Let other apps use this model (OpenAI-compatible)"))
        self.switch.setToolTip(tooltip_text(tr("Programs made for OpenAI's API can then use this model")))
        self.switch.clicked.connect(self._choose)
        self.port = tabular(named(QLineEdit(), "field"))
        self.port.setFixedWidth(PORT_WIDTH)
        self.port.setAccessibleName(tr("Port"))
        self.port.setToolTip(tooltip_text(tr("From 1024 to 65535; change it if another program uses this port")))
        self.port.setValidator(QRegularExpressionValidator(QRegularExpression(r"\d{0,5}"), self))
        self.port.editingFinished.connect(self._choose_port)
        line = row(
            (label(tr("Let other apps use this model (OpenAI-compatible)"), wrap=True), 1),
            QLabel(tr("Port")),
            self.port,
            8,
            self.switch,
        )
        self.column.addLayout(line)
        self._line = CopyField(
            tr("Address of the server"), tr("Enter this as the base URL of OpenAI's API, with any key")
        )
        self.address, self.copy_button = self._line.field, self._line.button
        self.column.addWidget(self._line)
        self.state = label(grade="small", wrap=True)
        self.column.addWidget(self.state)
        self.meaning = label(
            tr(
                "The model of the chat is then available through an API like OpenAI's, for editors, scripts and "
                "other chat "
                "programs. Only programs on this computer can reach it, not web pages and not other computers. It "
                "needs memory for a second copy of the model."
            ),
            tone="muted",
            grade="small",
            wrap=True,
        )
        self.switch.setAccessibleDescription(self.meaning.text())
        self.column.addWidget(self.meaning)
        if not is_installed():
            self.switch.setEnabled(False)
            self.port.setEnabled(False)
            self.meaning.setText(install_hint("server", tr("It is available when i3desk is started from its source.")))
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
            text, tone = trn("{n} reply so far.", "{n} replies so far.", count) if count else tr("Ready."), "muted"
        else:
            text, tone = (tr("Starting…") if server.wanted else ""), "muted"
        self.state.setText(text)
        self.state.setVisible(bool(text))
        restyle(self.state, tone=tone)
