"""The main window: rail, pages, status bar, shortcuts, drops, opening and closing."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMoveEvent,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QMainWindow,
    QMessageBox,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QWidget,
)

from i3desk.chat.page import SIDES_FOLD_BELOW
from i3desk.language import tr
from i3desk.style.icons import IconToolButton, app_icon
from i3desk.style.zoom import can_zoom, next_scale, zoom
from i3desk.widgets.basics import column_in, named, row_in
from i3desk.widgets.drop_card import dropped_paths
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.toast import Toast
from i3desk.widgets.undo import Undo
from i3desk.window.close_prompt import ClosePrompt
from i3desk.window.services import Services
from i3desk.window.status_bar import StatusBar

RAIL_WIDTH = 72
RAIL_BUTTON, SHORT_RAIL_BUTTON, SHORT_BELOW = 52, 44, 480  # pixels of height; the last is that of the window
SMALLEST = QSize(900, 600)
ZOOM_AFTER_MS = 100  # the next press of a key would miss a window that is being made again
TITLE_BAR = 40  # pixels; the real height is known once the window is on screen


class MainWindow(QMainWindow):
    """The window with its pages, shortcuts and dialogs.

    Signals:
        first_painted: Emitted when the window is on the screen for the first time.
        closed: Emitted when the window is closed and all threads have ended.
        dropped(paths): Emitted when files or folders were dropped on the window.
    """

    first_painted = Signal()
    closed = Signal()
    dropped = Signal(object)

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.setWindowTitle("i3desk")
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self._store = services.settings
        self._scale = self._store.preferences.scale
        self._zoom_timer = QTimer(self, interval=ZOOM_AFTER_MS, singleShot=True)
        self._zoom_timer.timeout.connect(self._show_scale)
        self._store.changed.connect(self._show_scale_soon)
        self._painted = False
        self._closing = False
        self._still_running = 4
        self._may_lose = False
        self._question: QMessageBox | None = None

        self.session = services.session
        self.panel = services.panel
        self.sidebar = services.sidebar
        self.chat_page = services.chat_page
        self.train_page = services.train_page
        self.runs_page = services.runs_page
        self.models_page = services.models_page
        self.settings_page = services.settings_page
        for worker in (services.model_worker, services.side_by_side.worker):
            worker.stopped.connect(self._on_stopped)
        for jobs in (services.background, services.training_jobs):
            jobs.stopped.connect(self._on_stopped)

        self.pages = QStackedWidget()
        self._rail = named(QFrame(), "rail")
        self._rail.setFixedWidth(RAIL_WIDTH)
        self._rail_layout = column_in(self._rail, margins=(5, 11, 5, 11), spacing=4)
        self._rail_buttons = QButtonGroup(self)
        self.chat_button = self._add_page(self.chat_page, tr("Chat"), tr("Chat"), "chat", "Ctrl+1")
        self.train_button = self._add_page(self.train_page, tr("Train"), tr("Train"), "train", "Ctrl+2")
        self.runs_button = self._add_page(self.runs_page, tr("Runs"), tr("Runs"), "runs", "Ctrl+3")
        self.models_button = self._add_page(self.models_page, tr("Models"), tr("Models"), "models", "Ctrl+M")
        self._rail_layout.addStretch(1)
        self.settings_button = self._add_page(self.settings_page, tr("Settings"), tr("Settings"), "settings", "Ctrl+,")
        self.help_button = self._add_button(tr("Help"), "help", "Alt+H")
        last = next(
            (each for each in self._rail_buttons.buttons() if each.property("page") == self._store.preferences.page),
            None,
        )
        first_page = self._rail_buttons.id(last or self.chat_button)
        self._rail_buttons.idClicked.connect(self.show_page)

        middle = QWidget()
        row_in(middle, self._rail, (self.pages, 1), spacing=0)
        self.setCentralWidget(middle)
        self.status_bar = StatusBar(self.session, services.theme)
        self.setStatusBar(self.status_bar)
        self.status_bar.server_requested.connect(partial(self.show_card, self.settings_page.server))
        services.server.changed.connect(self._show_server)
        self.close_prompt = ClosePrompt(services.runs, services.settings, self)
        self.close_prompt.answered.connect(self.close)
        self.toast = Toast(middle, above=services.chat_page.composer_bar)
        self.toast.covers.connect(services.chat_page.transcript.keep_free)
        self.undo = Undo(self.toast)
        self._add_shortcuts()
        self._restore_geometry()
        self.show_page(first_page)

    # --------------------------------------------------------------------------------------------------- the pages

    @Slot(int)
    def show_page(self, index: int) -> None:
        """Show the page with this index."""
        page = self.pages.widget(index)
        assert page is not None
        if index != self.pages.currentIndex():
            page.setFocus()  # not its first control, which would look chosen
        self.pages.setCurrentIndex(index)
        if not self.isVisible():  # before the window is visible, only the current page takes the focus
            page.setFocus()
        button = self._rail_buttons.button(index)
        button.setChecked(True)
        self._store.change(page=button.property("page"))
        if self.pages.currentWidget() is self.chat_page:
            self.chat_page.composer.edit.setFocus()

    @Slot()
    def show_chat(self) -> None:
        """Show the Chat page."""
        self.show_page(self.pages.indexOf(self.chat_page))

    @Slot()
    def show_training(self) -> None:
        """Show the Train page."""
        self.show_page(self.pages.indexOf(self.train_page))

    @Slot()
    def show_models(self) -> None:
        """Show the Models page."""
        self.show_page(self.pages.indexOf(self.models_page))

    @Slot()
    def _show_server(self) -> None:
        self.status_bar.show_server(self.services.server)

    def show_card(self, card: QWidget) -> None:
        """Show a card of the Settings page."""
        self.show_page(self.pages.indexOf(self.settings_page))
        self.settings_page.show_card(card)

    def _add_page(self, page: QWidget, key: str, name: str, icon_name: str, keys: str) -> QToolButton:
        button = self._add_button(name, icon_name, keys)
        button.setCheckable(True)
        button.setProperty("page", key)  # the name that is saved
        self._rail_buttons.addButton(button, self.pages.addWidget(page))
        return button

    def _add_button(self, name: str, icon_name: str, keys: str) -> QToolButton:
        button = IconToolButton()
        button.set_icon(icon_name, size=20)
        button.setText(name)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setMinimumHeight(RAIL_BUTTON)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(name)
        button.setToolTip(tooltip_text(f"{name} ({keys})"))
        self._rail_layout.addWidget(button)
        return button

    def _add_shortcuts(self) -> None:
        page = self.chat_page
        actions = {
            "Ctrl+N": self._start_new,
            "Ctrl+Shift+N": self._start_temporary,
            "Ctrl+K": self._search,
            "Ctrl+F": self._find,
            "Ctrl++": partial(self._zoom, 1),
            "Ctrl+=": partial(self._zoom, 1),
            "Ctrl+-": partial(self._zoom, -1),
            "Ctrl+0": partial(self._zoom, 0),
            "Ctrl+R": page.retry,
            "Ctrl+G": page.toggle_glass,
            "Ctrl+Shift+C": page.copy_last_reply,
            "Ctrl+J": page.transcript.jump_to_latest,
            "Alt+Up": partial(page.transcript.move_focus, -1),
            "Alt+Down": partial(page.transcript.move_focus, 1),
            "Ctrl+L": self.show_chat,
            "Ctrl+B": page.header.sidebar_button.click,
            "F9": page.header.panel_button.click,
            "Ctrl+1": self.chat_button.click,
            "Ctrl+2": self.train_button.click,
            "Ctrl+3": self.runs_button.click,
            "Ctrl+M": self.models_button.click,
            "Ctrl+,": self.settings_button.click,
            "F1": partial(self.show_card, self.settings_page.shortcuts),
            "Alt+H": self.help_button.click,
            "Ctrl+Z": self.undo.undo,
            "Ctrl+Q": self.close,
        }
        for keys, action in actions.items():
            QShortcut(QKeySequence(keys), self).activated.connect(action)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Use a key that no widget has taken: Esc stops the reply, letters belong to the message."""
        text, shift = event.text(), Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier
        is_typed = bool(text) and text.isprintable() and not event.modifiers() & ~shift
        if event.key() == Qt.Key.Key_Escape:
            self.chat_page.stop()
        elif is_typed and self.pages.currentWidget() is self.chat_page:
            self.chat_page.composer.type_text(text)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _start_new(self) -> None:
        self.show_chat()
        self.chat_page.start_new()

    @Slot()
    def _start_temporary(self) -> None:
        self.show_chat()
        self.chat_page.start_new(temporary=True)

    @Slot()
    def _search(self) -> None:
        self.show_chat()
        self.chat_page.show_sidebar()
        self.sidebar.focus_search()

    @Slot()
    def _find(self) -> None:
        self.show_chat()
        self.chat_page.find_bar.open()

    # ---------------------------------------------------------------------------------------------- geometry

    def _zoom(self, step: int) -> None:
        """Show everything larger (1), smaller (-1), or at the usual size (0)."""
        self._store.change(scale=next_scale(self._store.preferences.scale, step))
        if not can_zoom():
            self.toast.show_message(
                tr("{scale} % at the next start of i3desk").format(scale=self._store.preferences.scale)
            )

    @Slot()
    def _show_scale_soon(self) -> None:
        if self._store.preferences.scale != self._scale:
            self._zoom_timer.start()

    @Slot()
    def _show_scale(self) -> None:
        self._scale = self._store.preferences.scale
        self.setMinimumSize(0, 0)
        zoom(self._scale)
        self._fit_minimum()

    def _fit_minimum(self) -> QSize:
        """Bound the smallest size by the room of the screen; returns the room."""
        screen = self.screen() or QGuiApplication.primaryScreen()
        room = screen.availableGeometry().size() - QSize(0, TITLE_BAR)
        self.setMinimumSize(SMALLEST.boundedTo(room))
        return room

    def _restore_geometry(self) -> None:
        preferences = self._store.preferences
        room = self._fit_minimum()
        self.resize(QSize(preferences.width, preferences.height).boundedTo(room))
        title_bar = QRect(preferences.x, preferences.y, preferences.width, 40)  # the title bar must be on a screen
        if preferences.x >= 0 and any(
            each.availableGeometry().intersects(title_bar) for each in QGuiApplication.screens()
        ):
            self.move(preferences.x, preferences.y)

    def _save_geometry(self) -> None:
        if self.isVisible() and not self.isMaximized() and not self.isFullScreen():
            x, y = (max(0, value) for value in self.pos().toTuple())
            self._store.change(width=self.width(), height=self.height(), x=x, y=y)

    @Slot()
    def come_to_front(self) -> None:
        """Show the window in front of all others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.first_painted.emit)  # after this paint has reached the screen

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.chat_page.set_narrow(self.width() < SIDES_FOLD_BELOW)
        height = RAIL_BUTTON if self.height() >= SHORT_BELOW else SHORT_RAIL_BUTTON
        for button in (*self._rail_buttons.buttons(), self.help_button):
            button.setMinimumHeight(height)
        self._save_geometry()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self._save_geometry()

    # -------------------------------------------------------------------------------------------------------- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.dropped.emit(dropped_paths(event.mimeData()))

    # ------------------------------------------------------------------------------------------------------- closing

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide the window, save, and ask the threads to end; `closed` follows once they have."""
        event.ignore()
        if not self._closing and (self._may_lose or self._is_saved()) and self.close_prompt.may_close():
            self._closing = True
            self._store.change(maximized=self.isMaximized())
            self.hide()
            for dialog in self.findChildren(QDialog):
                if dialog.isVisible():
                    dialog.close()
            self.services.shut_down()

    def close_unasked(self) -> None:
        """Close as the session ends, when nobody answers a question: what can be saved is saved."""
        self.services.autosave.save_now()
        if self._question is not None:
            self._question.reject()
        self._may_lose = True
        self.close_prompt.decide_unasked()
        self.close()

    def _is_saved(self) -> bool:
        """Whether all messages are stored at their place; if not, ask the user what to do."""
        autosave = self.services.autosave
        autosave.save_now()
        unsaved, lose = self.services.store_guard.unsaved(), tr("Close")
        if autosave.has_unsaved:
            error, lose = autosave.error, tr("Close and lose them")
            remedy = f"{error} " if error else ""
            unsaved = (
                tr("The last messages could not be stored."),
                tr("{remedy}Try again, or close and lose them.").format(remedy=remedy),
            )
        if unsaved is not None and self._question is None:
            box = self._question = QMessageBox(self)
            box.setIcon(QMessageBox.Icon.Warning)
            box.setTextFormat(Qt.TextFormat.PlainText)
            box.setText(unsaved[0])
            box.setInformativeText(unsaved[1])
            self.again_button = box.addButton(tr("Try again"), QMessageBox.ButtonRole.AcceptRole)
            self.lose_button = box.addButton(lose, QMessageBox.ButtonRole.DestructiveRole)
            box.addButton(tr("Stay"), QMessageBox.ButtonRole.RejectRole)
            box.finished.connect(self._on_answered)
            box.open()
        return unsaved is None

    @Slot(int)
    def _on_answered(self, _result: int) -> None:
        assert self._question is not None
        chosen, self._question = self._question.clickedButton(), None
        self._may_lose = chosen is self.lose_button
        if chosen in (self.again_button, self.lose_button):
            self.close()

    @Slot()
    def _on_stopped(self) -> None:
        self._still_running -= 1
        if self._still_running == 0:
            self.services.close_store()
            self.closed.emit()
