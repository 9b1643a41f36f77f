"""The chat page: header, transcript or welcome, composer with the window meter, and the settings panel."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from i3desk.chat.composer import Composer
from i3desk.chat.empty import EmptyChat
from i3desk.chat.session import ChatSession, ModelState
from i3desk.chat.transcript import COLUMN_WIDTH, MARGIN, Transcript
from i3desk.elided import ElidedLabel
from i3desk.icons import Dot, IconPushButton, IconToolButton
from i3desk.palette import tabular
from i3desk.settings.panel import SamplingPanel
from i3desk.theme import Theme

HEADER_HEIGHT = 48
PANEL_FOLDS_BELOW = 1100  # of the window's width
NEARLY_FULL = 0.9
LONGEST_NAME = 180  # pixels of a model's name


class ChatPage(QWidget):
    """Shows one ChatSession. `panel` is shown beside it when the window is wide enough, or when asked for."""

    def __init__(self, session: ChatSession, panel: SamplingPanel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.session = session
        self.panel = panel
        self._theme = theme
        self._narrow = False

        self.transcript = Transcript()
        self.empty = EmptyChat()
        self.composer = Composer()
        self._middle = QStackedWidget()
        self._middle.addWidget(self.empty)
        self._middle.addWidget(self.transcript)

        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header())
        column.addWidget(self._middle, 1)
        column.addWidget(self._composer_bar())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(column, 1)
        row.addWidget(panel)

        self.composer.send_requested.connect(session.send)
        self.composer.stop_requested.connect(session.stop)
        self.composer.scroll_requested.connect(self.transcript.scroll_pages)
        self.empty.suggestion_chosen.connect(session.send)
        self.empty.load_requested.connect(session.load_again)
        self.transcript.retry_requested.connect(session.retry)
        session.cleared.connect(self._on_cleared)
        session.turn_added.connect(self._on_turn_added)
        session.reply_changed.connect(self._on_reply_changed)
        session.window_changed.connect(self._show_window)
        session.state_changed.connect(self._show_state)
        theme.changed.connect(self._show_state)
        self._show_state()
        self._show_window()

    def set_narrow(self, narrow: bool) -> None:
        """Fold the panel away in a narrow window; in a wide one it is as the user left it."""
        if narrow != self._narrow:
            self._narrow = narrow
            self.panel_button.setChecked(not narrow and self.panel.wanted)

    @Slot()
    def start_new(self) -> None:
        """Begin a new chat."""
        self.session.start_new()
        self.composer.edit.setFocus()

    @Slot()
    def copy_last_reply(self) -> None:
        """Copy the newest reply."""
        reply = self.transcript.last_reply()
        if reply is not None:
            reply.copy_button.copy()

    def _header(self) -> QWidget:
        header = QFrame(objectName="header")
        header.setFixedHeight(HEADER_HEIGHT)
        self.title = ElidedLabel()
        self.title.setProperty("grade", "title")
        chip = QFrame(objectName="chip")
        chip.setFixedHeight(26)
        self.model_dot = Dot()
        self.model_name = ElidedLabel()
        self.model_name.setMaximumWidth(LONGEST_NAME)
        self.model_name.setProperty("tone", "muted")
        self.model_name.setProperty("grade", "small")
        inside = QHBoxLayout(chip)
        inside.setContentsMargins(10, 0, 12, 0)
        inside.setSpacing(6)
        inside.addWidget(self.model_dot)
        inside.addWidget(self.model_name)
        self.model_chip = chip

        self.new_button = IconPushButton(" New chat")
        self.new_button.set_icon("plus", QPalette.ColorRole.Text, 14)
        self.new_button.setAccessibleName("New chat")
        self.new_button.setToolTip("Begin a new chat (Ctrl+N)")
        self.new_button.clicked.connect(self.start_new)
        self.panel_button = IconToolButton()
        self.panel_button.set_icon("sliders")
        self.panel_button.setCheckable(True)
        self.panel_button.setAccessibleName("Generation settings")
        self.panel_button.setToolTip("Show or hide the generation settings (F9)")
        self.panel_button.setChecked(self.panel.wanted)
        self.panel.setVisible(self.panel.wanted)
        self.panel_button.toggled.connect(self.panel.setVisible)
        self.panel_button.clicked.connect(self._on_panel_clicked)

        row = QHBoxLayout(header)
        row.setContentsMargins(MARGIN, 0, 16, 0)
        row.setSpacing(12)
        row.addWidget(self.title, 1)
        row.addWidget(chip)
        row.addWidget(self.new_button)
        row.addWidget(self.panel_button)
        return header

    def _composer_bar(self) -> QWidget:
        self.window_text = tabular(QLabel(textFormat=Qt.TextFormat.PlainText))
        self.window_meter = QProgressBar(textVisible=False)
        self.window_meter.setAccessibleName("Use of the model's window")
        self.window_hint = QLabel(textFormat=Qt.TextFormat.PlainText)
        for label in (self.window_text, self.window_hint):
            label.setProperty("tone", "muted")
            label.setProperty("grade", "small")
        for widget in (self.window_text, self.window_meter):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing jumps when the model is ready
            widget.setSizePolicy(policy)
        meter = QWidget()
        meter.setToolTip(
            "How many tokens of this chat the model sees at once. When it is full, the oldest turns fall out."
        )
        meter_row = QHBoxLayout(meter)
        meter_row.setContentsMargins(0, 0, 0, 0)
        meter_row.setSpacing(10)
        meter_row.addWidget(self.window_text)
        meter_row.addWidget(self.window_meter, 1)
        meter_row.addWidget(self.window_hint)

        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.composer)
        column.addWidget(meter)
        bar = QFrame(objectName="composerBar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(MARGIN, 12, MARGIN, 14)
        row.addStretch(1)
        row.addWidget(inside, 1000)
        row.addStretch(1)
        return bar

    @Slot()
    def _on_panel_clicked(self) -> None:
        if not self._narrow:
            self.panel.want(self.panel_button.isChecked())

    @Slot()
    def _on_cleared(self) -> None:
        self.transcript.clear()
        self._show_state()

    @Slot(object)
    def _on_turn_added(self, index: int) -> None:
        self.transcript.show_turn(self.session.conversation, index)
        self._middle.setCurrentWidget(self.transcript)
        self.composer.edit.setFocus()
        self._show_title()

    @Slot(object)
    def _on_reply_changed(self, index: int) -> None:
        self.transcript.show_reply(self.session.conversation, index)

    @Slot()
    def _show_window(self) -> None:
        conversation = self.session.conversation
        self.window_meter.setVisible(bool(conversation.window))
        self.window_text.setVisible(bool(conversation.window))
        if conversation.window:
            self.window_meter.setRange(0, conversation.window)
            self.window_meter.setValue(min(conversation.window_used, conversation.window))
            self.window_text.setText(f"{conversation.window_used:,} / {conversation.window:,} tokens")
        tone = "warn" if conversation.window_used > NEARLY_FULL * (conversation.window or 1) else "plain"
        if self.window_meter.property("tone") != tone:
            self.window_meter.setProperty("tone", tone)
            self.window_meter.style().unpolish(self.window_meter)
            self.window_meter.style().polish(self.window_meter)
        fallen_out = conversation.first_seen is not None
        self.window_hint.setText("the oldest turns have fallen out of view" if fallen_out else "")
        self.window_hint.setVisible(fallen_out)
        self.transcript.show_first_seen(conversation.first_seen)

    @Slot()
    def _show_state(self) -> None:
        session, tokens = self.session, self._theme.tokens
        name = session.model.name if session.model else "i3"
        self.composer.set_busy(session.busy)
        self.composer.set_model_name(name)
        if session.model_state is ModelState.READY:
            self.empty.show_ready()
            text, colour, hint = name, tokens.ok, session.model.device
        elif session.model_state is ModelState.FAILED:
            self.empty.show_failed(*session.load_error)
            text, colour, hint = "no model", tokens.bad, session.load_error[0]
        else:
            self.empty.show_loading()
            text, colour, hint = "loading…", tokens.warn, "The model is being loaded"
        self.model_name.setText(text)
        self.model_dot.show_colour(colour)
        self.model_chip.setToolTip(hint)
        self._middle.setCurrentWidget(self.transcript if session.conversation.turns else self.empty)
        self._show_title()

    def _show_title(self) -> None:
        self.title.setText(self.session.conversation.title)
