"""The status bar: model, device, training, speed, memory."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QLabel, QStatusBar, QWidget

from i3core.runs.reader import RunState, RunSummary
from i3core.system.device import memory_used_bytes
from i3desk.chat.session import ChatSession
from i3desk.humanize import count_text
from i3desk.language import figure, tr, trn
from i3desk.style.icons import Dot
from i3desk.style.palette import tabular
from i3desk.style.theme import Theme
from i3desk.widgets.basics import label, quiet_button, restyle, row_in
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import menu_text, tooltip_text
from i3desk.workers.active_model import ModelState
from i3desk.workers.api_server import ApiServer

READ_MEMORY_EVERY_MS = 2_000
DEVICE_TOOLTIP = tr("The device that the model runs on, and why")


class StatusBar(QStatusBar):
    """Shows the state of a ChatSession and of the training run.

    Signals:
        training_requested: Emitted when the text about the run is clicked.
        server_requested: Emitted when the text about the server is clicked.
    """

    training_requested = Signal()
    server_requested = Signal()

    def __init__(self, session: ChatSession, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._theme = theme
        self.setSizeGripEnabled(False)
        self.setAccessibleName(tr("Status"))
        self._dot = Dot()
        self.model = self._label(tr("The model in use and its number of parameters"))
        self.device = ElidedLabel()
        self.device.setToolTip(tooltip_text(DEVICE_TOOLTIP))
        self.training = tabular(quiet_button("", tr("Open the training run in progress")))
        self.training.clicked.connect(self.training_requested)
        self.server = tabular(quiet_button("", tr("Open the settings of the local server")))
        self.server.clicked.connect(self.server_requested)
        self.server.hide()
        self.speed = self._label(tr("Speed of the last reply"))
        self.memory = self._label(tr("Memory that i3desk uses"))

        left = QWidget()
        row_in(left, self._dot, self.model, 14, (self.device, 1), margins=(14, 0, 0, 0), spacing=6)
        self.addWidget(left, 1)
        right = QWidget()
        row_in(right, self.training, self.server, self.speed, self.memory, margins=(0, 0, 14, 0), spacing=18)
        self.addPermanentWidget(right)

        session.model.changed.connect(self._show_state)
        session.conversation_opened.connect(self._show_numbers)
        session.window_changed.connect(self._show_numbers)
        theme.changed.connect(self._show_state)
        self._memory_timer = QTimer(self, interval=READ_MEMORY_EVERY_MS)
        self._memory_timer.timeout.connect(self._show_memory)
        self._memory_timer.start()
        self.show_training(None)
        self._show_state()
        self._show_numbers()

    def _label(self, tooltip: str) -> QLabel:
        made = tabular(label())
        made.setToolTip(tooltip_text(tooltip))
        return made

    @Slot()
    def _show_state(self) -> None:
        model, tokens = self._session.model, self._theme.tokens
        info = model.info
        if model.awaited:
            self._dot.show_colour(tokens.warn)
            self.model.setText(tr("waiting for {awaited}…").format(awaited=model.awaited))
            self.device.setText(tr("its first checkpoint is being saved"))
        elif model.state is ModelState.READY and info is not None:
            self._dot.show_colour(tokens.ok)
            self.model.setText(f"{info.label} · {count_text(info.parameters)}")
            self.device.setText(info.device)
            how = tr("\nSettings > Graphics card says how to use the card.") if info.unusable_gpu else ""
            self.device.setToolTip(tooltip_text(DEVICE_TOOLTIP + how))
            self._show_memory()
        elif model.state is ModelState.FAILED:
            self._dot.show_colour(tokens.bad)
            self.model.setText(tr("no model"))
            self.device.setText(model.error[0])
        elif model.state is ModelState.NONE:
            self._dot.show_colour(tokens.muted)
            self.model.setText(tr("no model"))
            self.device.setText(tr("unloaded; a message loads it again"))
        else:
            self._dot.show_colour(tokens.warn)
            self.model.setText(tr("loading the model…"))
            self.device.setText("")

    def show_training(self, run: RunSummary | None) -> None:
        """Show the progress of the running run, or nothing for None."""
        text = ""
        if run is not None:
            text = f"{run.name}: {run.status.state.value}"
            if run.total_steps:
                text = tr("training {name} {step:.0%}").format(name=run.name, step=run.step / run.total_steps)
            if run.status.state is RunState.PAUSED:
                text += tr(", paused")
            elif run.tokens_per_second:
                text += tr(" · {tokens_per_second} tokens/s").format(
                    tokens_per_second=figure(run.tokens_per_second, ",.0f")
                )
        self.training.setText(menu_text(text))
        self.training.setAccessibleName(text)
        self.training.setVisible(bool(text))

    def show_server(self, server: ApiServer) -> None:
        """Show the state of the local server; nothing while it is off."""
        text = ""
        if server.trouble:
            text = tr("server: not running")
        elif server.url:
            text = (
                tr("server on · {answered}").format(answered=figure(server.answered))
                if server.answered
                else tr("server on")
            )
        elif server.wanted:
            text = tr("server starting…")
        self.server.setText(text)
        self.server.setAccessibleName(text)
        replies = trn("{n} reply so far", "{n} replies so far", server.answered)
        facts = server.trouble or (f"{server.url}\n{replies}" if server.url else "")
        self.server.setToolTip(
            tooltip_text(tr("{facts}\nOpen the settings of the local server").format(facts=facts).strip())
        )
        restyle(self.server, tone="bad" if server.trouble else "")
        self.server.setVisible(bool(text))

    @Slot()
    def _show_numbers(self) -> None:
        conversation = self._session.conversation
        speed = conversation.last.tokens_per_second if conversation.last else 0
        self.speed.setText(tr("{speed} tokens/s").format(speed=figure(speed, ",.0f")) if speed else "")

    @Slot()
    def _show_memory(self) -> None:
        self.memory.setText(tr("{megabytes} MB").format(megabytes=figure(memory_used_bytes() / 1000000, ",.0f")))
