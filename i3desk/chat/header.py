"""The line above a chat: title, model, export menu, and the buttons of the side panels."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QFrame, QMenu, QPushButton, QWidget

from i3desk.chat.session import ChatSession
from i3desk.conversations.import_export import to_markdown
from i3desk.language import tr
from i3desk.style.icons import Dot, IconToolButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import add, icon_button, label, row_in
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.workers.active_model import ModelState

WORDS_FROM = 520  # pixels of width
HEIGHT = 48
MAX_NAME_WIDTH = 180  # pixels of a model's name


class ModelChip(QPushButton):
    """The model's name with a coloured dot; opens the model menu."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "chip")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.dot = Dot()
        self.name = ElidedLabel()
        self.name.setMaximumWidth(MAX_NAME_WIDTH)
        for part in (self.dot, self.name):
            part.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.name.setProperty("tone", "muted")
        self.name.setProperty("grade", "small")
        self._row = row_in(self, self.dot, self.name, margins=(10, 0, 12, 0), spacing=6)

    def sizeHint(self) -> QSize:
        return self._row.sizeHint()

    def show_model(self, name: str, colour: str, hint: str) -> None:
        """Show a name, a dot in `colour`, and a tooltip."""
        self.name.setText(name)
        self.dot.show_colour(colour)
        self.setToolTip(tooltip_text(tr("{hint}\nClick to choose another model").format(hint=hint)))
        self.setAccessibleName(tr("Model: {name}").format(name=name))
        self.updateGeometry()


class ChatHeader(QFrame):
    """The header of a ChatSession.

    Signals:
        export_requested(kind): Emitted when the chat is to be exported as "markdown" or "json".
        rename_requested: Emitted when the title is to be changed.
        pin_requested(bool), duplicate_requested, delete_requested: Emitted by the menu.
    """

    export_requested = Signal(str)
    rename_requested = Signal()
    pin_requested = Signal(bool)
    duplicate_requested = Signal()
    delete_requested = Signal()

    def __init__(self, session: ChatSession, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setFixedHeight(HEIGHT)
        self._session = session
        self._theme = theme
        self.sidebar_button = _toggle("sidebar", tr("List of chats"), tr("Show or hide the list of chats (Ctrl+B)"))
        self.panel_button = _toggle("sliders", tr("Reply settings"), tr("Show or hide the settings of replies (F9)"))
        self.panel_button.setText(tr(" Reply settings"))
        self.panel_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.new_button = icon_button("plus", tr("New chat"), tr("New chat (Ctrl+N)"))
        self.title = ElidedLabel(grade="title")
        self.badge = label(tr("not saved"))
        self.badge.setToolTip(tooltip_text(tr("A temporary chat: it isn't saved and disappears when you leave it")))
        self.badge.setProperty("kind", "badge")
        self.chip = ModelChip()
        self.chip.setFixedHeight(26)
        self.export_button = icon_button("more", tr("More actions with this chat"))
        self.export_button.setPopupMode(IconToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        menu.addAction(tr("Rename…")).triggered.connect(self.rename_requested)
        self.pin_action = menu.addAction(tr("Pin"))
        self.pin_action.setCheckable(True)
        self.pin_action.triggered.connect(self.pin_requested)
        self.duplicate_action = menu.addAction(tr("Duplicate"))
        self.duplicate_action.triggered.connect(lambda: self.duplicate_requested.emit())
        self.folder_menu = menu.addMenu(tr("Move to folder"))
        menu.addSeparator()
        menu.addAction(tr("Copy all as Markdown")).triggered.connect(self.copy_all)
        menu.addAction(tr("Export as Markdown…")).triggered.connect(lambda: self.export_requested.emit("markdown"))
        menu.addAction(tr("Export as JSON…")).triggered.connect(lambda: self.export_requested.emit("json"))
        menu.addSeparator()
        self.delete_action = menu.addAction(tr("Delete"))
        self.delete_action.triggered.connect(lambda: self.delete_requested.emit())
        menu.aboutToShow.connect(self._show_menu)
        self.export_button.setMenu(menu)

        row = row_in(self, self.sidebar_button, self.new_button, self.title, margins=(12, 0, 16, 0), spacing=10)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignVCenter)
        add(row, None, self.chip, self.export_button, self.panel_button)
        session.conversation_opened.connect(self.show_title)
        session.model.changed.connect(self.show_model)
        theme.changed.connect(self.show_model)
        self.show_title()
        self.show_model()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        style = Qt.ToolButtonStyle
        has_room = self.width() >= WORDS_FROM
        self.panel_button.setToolButtonStyle(style.ToolButtonTextBesideIcon if has_room else style.ToolButtonIconOnly)

    @Slot()
    def show_title(self) -> None:
        """Show the title of the chat on screen."""
        conversation = self._session.conversation
        self.title.setText(conversation.shown_title)
        self.title.setToolTip(tooltip_text(conversation.shown_title))
        self.badge.setVisible(conversation.temporary)
        self.export_button.setEnabled(bool(conversation.messages))

    @Slot()
    def _show_menu(self) -> None:
        conversation = self._session.conversation
        for action in (self.pin_action, self.duplicate_action, self.delete_action, self.folder_menu.menuAction()):
            action.setEnabled(conversation.id is not None)
        self.pin_action.setChecked(conversation.pinned)

    @Slot()
    def show_model(self) -> None:
        """Show the model in use."""
        model, tokens = self._session.model, self._theme.tokens
        if model.awaited:
            text, colour, hint = (
                tr("{awaited} · saving…").format(awaited=model.awaited),
                tokens.warn,
                tr("Loaded when its first checkpoint is saved"),
            )
        elif model.state is ModelState.READY and model.info is not None:
            text, colour, hint = model.info.label, tokens.ok, model.info.device
            if model.stage:
                text, colour, hint = tr("{text} · loading another…").format(text=text), tokens.warn, model.stage
        elif model.state is ModelState.FAILED:
            text, colour, hint = tr("no model"), tokens.bad, model.error[0]
        elif model.state is ModelState.NONE:
            text, colour, hint = tr("no model"), tokens.muted, tr("The model was unloaded")
        else:
            text, colour, hint = tr("loading…"), tokens.warn, tr("The model is being loaded")
        self.chip.show_model(text, colour, hint)

    @Slot()
    def copy_all(self) -> None:
        """Copy the whole chat to the clipboard."""
        QGuiApplication.clipboard().setText(to_markdown(self._session.conversation))


def _toggle(icon: str, name: str, tooltip: str) -> IconToolButton:
    button = IconToolButton()
    button.set_icon(icon)
    button.setCheckable(True)
    button.setAccessibleName(name)
    button.setToolTip(tooltip_text(tooltip))
    return button
