"""The column of the second model: its name, its side of the chat, and its context meter."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from i3desk.chat.context_meter import ContextMeter
from i3desk.chat.context_preview import ContextPreview, context_preview
from i3desk.chat.reply_reader import ReplyReader
from i3desk.chat.session import ChatSession
from i3desk.chat.transcript import MARGIN, Transcript
from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.style.icons import Dot
from i3desk.style.palette import BODY_PX
from i3desk.style.theme import Theme
from i3desk.widgets.basics import Notice, button, column, column_in, row_in
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import menu_text, tooltip_text
from i3desk.workers.active_model import ActiveModel, ModelState

HEIGHT = 44


class ColumnHead(QFrame):
    """The name and state of a column's model, with a button that ends the comparison.

    Signals:
        kept: Emitted when the chat is to continue with this column.
    """

    kept = Signal()

    def __init__(self, model: ActiveModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setFixedHeight(HEIGHT)
        self._model, self._theme = model, theme
        self.dot = Dot()
        self.name = ElidedLabel(grade="name")
        self.keep_button = button(
            tr("Keep this one"), tr("Continue the chat with these replies; the others stay as versions")
        )
        self.keep_button.clicked.connect(self.kept)
        row_in(self, self.dot, (self.name, 1), self.keep_button, margins=(MARGIN, 0, 12, 0), spacing=8)
        model.changed.connect(self.show_model)
        theme.changed.connect(self.show_model)
        self.show_model()

    @Slot()
    def show_model(self) -> None:
        """Show the model and whether it can answer."""
        model, tokens = self._model, self._theme.tokens
        name = model.info.label if model.info is not None else ""
        if model.stage:
            text, colour = tr("{name} · loading another…").format(name=name) if name else tr("Loading…"), tokens.warn
        elif model.info is not None:
            text, colour = name, tokens.ok
        else:
            text, colour = tr("No model"), tokens.bad if model.state is ModelState.FAILED else tokens.muted
        self.dot.show_colour(colour)
        self.name.setText(text)
        self.name.setToolTip(tooltip_text(model.info.device if model.info is not None else text))
        self.keep_button.setAccessibleName(menu_text(tr("Keep this one: {text}").format(text=text)))


class PartnerColumn(QFrame):
    """Shows the ChatSession of the second model."""

    def __init__(self, session: ChatSession, store: SettingsStore, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("partner")
        self.session, self._store = session, store
        self._text_size = 100
        self._preview = ContextPreview()
        self.head = ColumnHead(session.model, theme)
        self.failure = Notice()
        self.transcript = Transcript()
        self.transcript.setAccessibleName(tr("Conversation with the second model"))
        self.meter = ContextMeter()
        self.reply_reader = ReplyReader(session, self.transcript)
        column_in(
            self,
            self.head,
            column(self.failure, margins=(MARGIN, 0, MARGIN, 0)),
            (self.transcript, 1),
            column(self.meter, margins=(MARGIN, 6, MARGIN, 10)),
        )
        session.conversation_opened.connect(self._show_conversation)
        session.path_changed.connect(self._on_path_changed)
        session.message_changed.connect(self.transcript.refresh)
        session.window_changed.connect(self._show_window)
        session.busy_changed.connect(self._show_state)
        session.model.changed.connect(self._show_state)
        session.model.refused.connect(self.failure.show_error)
        session.model.ready.connect(self._hide_failure)
        store.changed.connect(self._show_state)
        transcript = self.transcript
        transcript.retry_requested.connect(session.retry)
        transcript.edit_submitted.connect(session.edit)
        transcript.correction_submitted.connect(session.correct)
        transcript.version_chosen.connect(session.select)
        transcript.continue_requested.connect(session.continue_reply)
        transcript.alternative_chosen.connect(session.continue_from)

    def show_draft(self, text: str) -> str:
        """Show what sending the draft would do to this model's context; returns why it cannot be sent, or ""."""
        self._preview = context_preview(self.session.conversation, self.session.model.info, text)
        self._show_window()
        return self._preview.too_long

    @Slot()
    def _show_conversation(self) -> None:
        self.transcript.show_conversation(self.session.conversation)
        self.show_draft("")

    @Slot()
    def _on_path_changed(self) -> None:
        self.transcript.update_path(self.session.conversation)
        self.show_draft("")

    @Slot()
    def _show_window(self) -> None:
        conversation, preview = self.session.conversation, self._preview
        self.meter.show_conversation(conversation, preview)
        self.transcript.show_context(conversation.first_seen, preview.will_see_from if preview.falling else None)

    @Slot()
    def _show_state(self) -> None:
        preferences, model = self._store.preferences, self.session.model.info
        self.transcript.show_display(
            preferences.capitalise, preferences.markdown, preferences.glass, model.label if model else "",
            model.template if model else None,
        )  # fmt: skip
        self.transcript.set_busy(self.session.busy)
        if preferences.text_size != self._text_size:
            self._text_size = preferences.text_size
            size = round(BODY_PX * self._text_size / 100)
            self.transcript.show_text_size(self._text_size, f"QTextEdit#text {{ font-size: {size}px; }}")

    @Slot()
    def _hide_failure(self) -> None:
        self.failure.hide()
