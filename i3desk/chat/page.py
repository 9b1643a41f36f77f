"""The chat page: list of chats, transcript or welcome, composer with context meter, sampling panel."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QStackedWidget, QVBoxLayout, QWidget

from i3desk.chat.composer import Composer
from i3desk.chat.context_meter import ContextMeter
from i3desk.chat.context_preview import ContextPreview, context_preview
from i3desk.chat.find_bar import FindBar
from i3desk.chat.header import ChatHeader
from i3desk.chat.prompt_menu import PromptMenu
from i3desk.chat.reply_reader import ReplyReader
from i3desk.chat.sampling_panel import SamplingPanel
from i3desk.chat.session import ChatSession
from i3desk.chat.sidebar import Sidebar
from i3desk.chat.transcript import COLUMN_WIDTH, MARGIN, Transcript
from i3desk.chat.welcome import WelcomePage
from i3desk.conversations.conversation import USER, ChatSettings
from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.style.palette import BODY_PX
from i3desk.style.theme import Theme
from i3desk.widgets.basics import add, column, column_in, named, row, row_in
from i3desk.workers.active_model import ModelState

SIDES_FOLD_BELOW = 1100  # pixels of the window's width
PREVIEW_AFTER_MS = 80


class Partner(Protocol):
    """A second model beside the one in use. `show_draft` returns why the text cannot be sent to it, or ""."""

    session: ChatSession

    def show_draft(self, text: str) -> str: ...


class ChatPage(QWidget):
    """Shows a ChatSession, with the list of chats and the sampling panel beside it.

    Signals:
        csv_requested(number): Emitted when the probabilities of a reply are to be saved.
    """

    csv_requested = Signal(object)

    def __init__(
        self,
        session: ChatSession,
        sidebar: Sidebar,
        panel: SamplingPanel,
        store: SettingsStore,
        theme: Theme,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.session = session
        self.sidebar = sidebar
        self.panel = panel
        self._store = store
        self._narrow = False
        self._text_size = 100
        self._preview = ContextPreview()
        self.partner: Partner | None = None

        self.header = ChatHeader(session, theme)
        self.transcript = Transcript()
        self.welcome = WelcomePage()
        self.find_bar = FindBar(session)
        self.find_bar.found.connect(self._show_found)
        self.composer = Composer()
        self.prompt_menu = PromptMenu(store, self.composer)
        self.meter = ContextMeter()
        self._middle = QStackedWidget()
        self._middle.addWidget(self.welcome)
        self._middle.addWidget(self.transcript)
        self.composer_bar = self._composer_bar()
        self._side = column((self._middle, 1))
        self._columns = row((self._side, 1), spacing=0)
        middle = column(self.header, self.find_bar, (self._columns, 1), self.composer_bar)
        row_in(self, sidebar, (middle, 1), panel, spacing=0)

        self._preview_timer = QTimer(self, singleShot=True, interval=PREVIEW_AFTER_MS)
        self._preview_timer.timeout.connect(self._update_preview)
        self.reply_reader = ReplyReader(session, self.transcript)
        self._connect_session()
        self._connect_parts()
        self._show_display()
        self._show_sides()
        self._show_conversation()
        self._show_state()
        self._show_settings()
        self._show_window()

    def _connect_session(self) -> None:
        session = self.session
        session.leaving.connect(self.panel.flush)
        session.conversation_opened.connect(self._show_conversation)
        session.path_changed.connect(self._on_path_changed)
        session.message_changed.connect(self.transcript.refresh)
        session.window_changed.connect(self._show_window)
        session.settings_changed.connect(self._show_settings)
        session.busy_changed.connect(self._show_state)
        session.model.changed.connect(self._show_state)

    def _connect_parts(self) -> None:
        session, transcript, composer = self.session, self.transcript, self.composer
        composer.send_requested.connect(self._send)
        composer.stop_requested.connect(self.stop)
        composer.scroll_requested.connect(transcript.scroll_pages)
        composer.edit_last_requested.connect(self._edit_last)
        composer.text_changed.connect(self._on_written)
        composer.chunks_shown_changed.connect(self._on_chunks_shown)
        self.welcome.suggestion_chosen.connect(session.send)
        self.welcome.load_requested.connect(session.model.load_again)
        transcript.retry_requested.connect(session.retry)
        transcript.edit_submitted.connect(session.edit)
        transcript.correction_submitted.connect(session.correct)
        transcript.version_chosen.connect(session.select)
        transcript.continue_requested.connect(session.continue_reply)
        transcript.alternative_chosen.connect(session.continue_from)
        transcript.chunks_requested.connect(self._fill_chunks)
        transcript.csv_requested.connect(self.csv_requested)
        transcript.seed_chosen.connect(self.panel.use_seed)
        self.panel.settings_chosen.connect(self._change_settings)
        self._store.changed.connect(self._show_display)
        self.find_bar.closed.connect(composer.edit.setFocus)
        self.header.folder_menu.aboutToShow.connect(self._fill_folder_menu)
        self.header.new_button.clicked.connect(self.start_new)
        self.header.sidebar_button.clicked.connect(self._on_sidebar_clicked)
        self.header.panel_button.clicked.connect(self._on_panel_clicked)

    def _composer_bar(self) -> QWidget:
        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH)
        column = column_in(inside, spacing=8)
        self._above_composer, self._below_composer = QVBoxLayout(), QVBoxLayout()
        self._below_composer.addWidget(self.meter)
        add(column, self._above_composer, self.composer, self._below_composer)
        bar = named(QFrame(), "composerBar")
        row_in(bar, None, (inside, 1000), None, margins=(MARGIN, 12, MARGIN, 14), spacing=0)
        return bar

    def set_teach_bar(self, bar: QWidget) -> None:
        """Place the correction bar above the composer."""
        self._above_composer.addWidget(bar)
        bar.setFocusProxy(self.composer.edit)

    # ---------------------------------------------------------------------------------------------- two models

    @property
    def sessions(self) -> tuple[ChatSession, ...]:
        """The chat, and beside it that of a second model if there is one."""
        return (self.session,) if self.partner is None else (self.session, self.partner.session)

    def build_comparison(self, head: QWidget, beside: QWidget) -> None:
        """Add the parts of a comparison: what is above the chat, and the column beside it."""
        foot = QWidget()
        self._foot = column_in(foot, margins=(MARGIN, 6, MARGIN, 10))
        self.comparison_head, self._comparison = head, (head, beside, foot)
        self._side.insertWidget(0, head)
        self._side.addWidget(foot)
        self._columns.addWidget(beside, 1)

    def show_comparison(self, partner: Partner | None) -> None:
        """Let the composer ask a second model too; None for only the one in use."""
        if self.partner is not None:
            self.partner.session.busy_changed.disconnect(self._show_state)
        self.partner = partner
        if partner is not None:
            partner.session.busy_changed.connect(self._show_state)
        for part in self._comparison:
            part.setVisible(partner is not None)
        (self._below_composer if partner is None else self._foot).addWidget(self.meter)
        self._show_messages()
        self._show_state()
        self._update_preview()
        self.composer.edit.setFocus()

    def stop(self) -> None:
        """Stop the replies on screen."""
        for each in self.sessions:
            each.stop()

    def retry(self) -> None:
        """Answer the last message again."""
        for each in self.sessions:
            each.retry()

    @Slot(object)
    def _change_settings(self, settings: ChatSettings) -> None:
        for each in self.sessions:
            each.change_settings(settings)

    # ---------------------------------------------------------------------------------------------- shortcuts

    @Slot()
    def start_new(self, temporary: bool = False) -> None:
        """Start a new chat."""
        self.panel.flush()  # a new chat uses the latest settings
        self.session.start_new(temporary)
        self.composer.edit.setFocus()

    @Slot()
    def copy_last_reply(self) -> None:
        """Copy the newest reply."""
        last = self.session.conversation.last
        if last is not None:
            QGuiApplication.clipboard().setText(last.shown_text)

    @Slot()
    def toggle_glass(self) -> None:
        """Show replies as chunks coloured by probability, or as text again."""
        self._store.change(glass=not self._store.preferences.glass)

    @Slot()
    def _fill_folder_menu(self) -> None:
        self.sidebar.fill_folder_menu_of(self.header.folder_menu, self.session.conversation.id)

    @Slot(object, str)
    def _show_found(self, number: int, text: str) -> None:
        self.transcript.reveal(number, [text])

    @Slot()
    def _edit_last(self) -> None:
        questions = [message for message in self.session.conversation.path() if message.role == USER]
        if questions and not self.session.busy:
            self.transcript.begin_edit(questions[-1].number)

    # ------------------------------------------------------------------------------------------------ side panels

    def set_narrow(self, narrow: bool) -> None:
        """Hide both side panels in a narrow window; restore the user's choice in a wide one."""
        if narrow != self._narrow:
            self._narrow = narrow
            self._show_sides()

    def show_sidebar(self) -> None:
        """Show the list of chats, for the search."""
        self.header.sidebar_button.setChecked(True)
        self.sidebar.show()
        self._show_new_button()

    def _show_sides(self) -> None:
        preferences = self._store.preferences
        for button, side, wanted in (
            (self.header.sidebar_button, self.sidebar, preferences.sidebar_open),
            (self.header.panel_button, self.panel, preferences.panel_open),
        ):
            shown = wanted and not self._narrow
            button.setChecked(shown)
            side.setVisible(shown)
        self._show_new_button()

    def _show_new_button(self) -> None:
        self.header.new_button.setVisible(self.sidebar.isHidden())  # the list also has one

    @Slot(bool)
    def _on_sidebar_clicked(self, wanted: bool) -> None:
        self.sidebar.setVisible(wanted)
        if not self._narrow:
            self._store.change(sidebar_open=wanted)
        elif wanted:
            self.header.panel_button.setChecked(False)
            self.panel.hide()
        self._show_new_button()

    @Slot(bool)
    def _on_panel_clicked(self, wanted: bool) -> None:
        self.panel.setVisible(wanted)
        if not self._narrow:
            self._store.change(panel_open=wanted)
        elif wanted:
            self.header.sidebar_button.setChecked(False)
            self.sidebar.hide()
        self._show_new_button()

    # --------------------------------------------------------------------------------------------- display

    @Slot()
    def _show_conversation(self) -> None:
        conversation = self.session.conversation
        self.transcript.show_conversation(conversation)
        self.composer.set_text(conversation.draft)
        self._show_messages()
        self.welcome.temporary_note.setVisible(conversation.temporary)
        self._update_preview()

    def _show_messages(self) -> None:
        has_messages = bool(self.session.conversation.messages) or self.partner is not None
        self._middle.setCurrentWidget(self.transcript if has_messages else self.welcome)

    @Slot()
    def _on_path_changed(self) -> None:
        self.transcript.update_path(self.session.conversation)
        if self.session.busy:  # the clicked button no longer exists
            self.composer.edit.setFocus()
        self._middle.setCurrentWidget(self.transcript)
        self.header.show_title()
        self._update_preview()

    @Slot(object)
    def _fill_chunks(self, number: int) -> None:
        self.session.fill_chunks(self.session.conversation.messages[number])
        self.transcript.refresh(number)

    @Slot()
    def _show_display(self) -> None:
        preferences = self._store.preferences
        model = self.session.model.info
        self.transcript.show_display(
            preferences.capitalise, preferences.markdown, preferences.glass, model.label if model else "",
            model.template if model else None,
        )  # fmt: skip
        self.composer.show_chunks(preferences.show_chunks)
        if preferences.text_size != self._text_size:
            self._text_size = preferences.text_size
            size = f"{{ font-size: {round(BODY_PX * self._text_size / 100)}px; }}"
            self.transcript.show_text_size(self._text_size, f"QTextEdit#text {size}")
            self.composer.setStyleSheet(f"QPlainTextEdit {size}")

    @Slot(bool)
    def _on_chunks_shown(self, shown: bool) -> None:
        self._store.change(show_chunks=shown)

    @Slot()
    def _show_settings(self) -> None:
        settings, model = self.session.conversation.settings, self.session.model.info
        self.panel.show_settings(settings)
        self.panel.show_unreadable_for(model.template if model else None)
        self.composer.set_mode(settings.mode)
        self.composer.set_template(model.template if model else None)
        self._update_preview()

    @Slot()
    def _show_state(self) -> None:
        session, model = self.session, self.session.model
        self.composer.set_busy(any(each.busy for each in self.sessions))
        name = model.awaited or (model.info.name if model.info else "i3")
        self.composer.set_model_name(name if self.partner is None else tr("both models"))
        self._show_display()
        self.transcript.set_busy(session.busy)
        self.sidebar.set_busy(session.busy_ids)
        if model.state is ModelState.READY:
            self.welcome.show_ready(model.info.name if model.info else "i3", bundled=model.folder is None)
        elif model.state is ModelState.FAILED:
            self.welcome.show_failed(*model.error)
        elif model.state is ModelState.NONE:
            self.welcome.show_unloaded()
        else:
            self.welcome.show_loading()

    # ------------------------------------------------------------------------------------------------ the window

    @Slot()
    def _on_written(self) -> None:
        self.session.keep_draft(self.composer.text())
        self._preview_timer.start()

    @Slot()
    def _update_preview(self) -> None:
        """Show the context window after sending the draft."""
        self._preview_timer.stop()
        text = self.composer.text()
        self._preview = context_preview(self.session.conversation, self.session.model.info, text)
        others = "" if self.partner is None else self.partner.show_draft(text)
        self.composer.set_blocked(self._preview.too_long or others)
        self.composer.set_unreadable(self._preview.unreadable)
        self._show_window()

    @Slot()
    def _show_window(self) -> None:
        conversation, preview = self.session.conversation, self._preview
        self.meter.show_conversation(conversation, preview)
        will_see_from = preview.will_see_from if preview.falling else None
        self.transcript.show_context(conversation.first_seen, will_see_from)

    @Slot(str)
    def _send(self, text: str) -> None:
        self.panel.flush()
        if not text.strip():
            for each in self.sessions:
                each.continue_text()
        elif self.session.send(text):
            for each in self.sessions[1:]:
                each.send(text)
            self.composer.accept()
