"""The main window: a rail of pages, the pages, the status bar; opens and closes the session."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from i3desk.chat.page import PANEL_FOLDS_BELOW, ChatPage
from i3desk.chat.session import ChatSession
from i3desk.icons import IconToolButton, app_icon
from i3desk.jobs import ModelJobs
from i3desk.places import Places
from i3desk.settings.page import SettingsPage
from i3desk.settings.panel import SamplingPanel
from i3desk.settings.store import SettingsStore
from i3desk.status import StatusBar
from i3desk.theme import Theme

RAIL_WIDTH = 72
SMALLEST = QSize(900, 600)
SHORTCUTS = [
    ("Enter", "Send the message"),
    ("Shift+Enter", "Begin a new line"),
    ("Esc", "Stop the reply"),
    ("Ctrl+N", "New chat"),
    ("Ctrl+R", "Answer the last message anew"),
    ("Ctrl+Shift+C", "Copy the last reply"),
    ("Page Up, Page Down", "Read back and forth"),
    ("Ctrl+J", "Jump to the latest text"),
    ("Ctrl+L", "Write a message"),
    ("F9", "Show or hide the generation settings"),
    ("Ctrl+1", "Chat"),
    ("Ctrl+,", "Settings"),
    ("Ctrl+Q", "Quit"),
]


class MainWindow(QMainWindow):
    """Everything the user sees.

    Signals:
        first_painted: the window is on the screen for the first time.
        closed: the window is gone and the worker has ended.
    """

    first_painted = Signal()
    closed = Signal()

    def __init__(self, jobs: ModelJobs, store: SettingsStore, theme: Theme, places: Places) -> None:
        super().__init__()
        self.setWindowTitle("i3desk")
        self.setWindowIcon(app_icon())
        self.setMinimumSize(SMALLEST)
        self.resize(store.preferences.width, store.preferences.height)
        self.jobs = jobs
        self._store = store
        self._painted = False
        self._closing = False

        self.panel = SamplingPanel(store)
        self.session = ChatSession(jobs, self.panel.sampling, self)
        self.chat_page = ChatPage(self.session, self.panel, theme)
        self.settings_page = SettingsPage(store, theme, places, SHORTCUTS)
        jobs.model_ready.connect(self.settings_page.show_model)
        jobs.stopped.connect(self._on_stopped)

        self.pages = QStackedWidget()
        self._rail = QFrame(objectName="rail")
        self._rail.setFixedWidth(RAIL_WIDTH)
        self._rail_layout = QVBoxLayout(self._rail)
        self._rail_layout.setContentsMargins(7, 11, 8, 11)
        self._rail_layout.setSpacing(4)
        self._rail_buttons = QButtonGroup(self)
        self.chat_button = self._add_page(self.chat_page, "Chat", "chat", "Ctrl+1")
        self._rail_layout.addStretch(1)
        self.settings_button = self._add_page(self.settings_page, "Settings", "settings", "Ctrl+,")
        self.chat_button.setChecked(True)
        self._rail_buttons.idClicked.connect(self.show_page)

        middle = QWidget()
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._rail)
        row.addWidget(self.pages, 1)
        self.setCentralWidget(middle)
        self.setStatusBar(StatusBar(self.session, theme))
        self._add_shortcuts()
        self.chat_page.composer.edit.setFocus()

    @Slot(int)
    def show_page(self, index: int) -> None:
        """Bring a page to the front."""
        self.pages.setCurrentIndex(index)
        self._rail_buttons.button(index).setChecked(True)
        if self.pages.currentWidget() is self.chat_page:
            self.chat_page.composer.edit.setFocus()

    def _add_page(self, page: QWidget, name: str, icon_name: str, keys: str) -> QToolButton:
        button = IconToolButton()
        button.set_icon(icon_name, size=20)
        button.setText(name)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setCheckable(True)
        button.setFixedHeight(52)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({keys})")
        self._rail_buttons.addButton(button, self.pages.addWidget(page))
        self._rail_layout.addWidget(button)
        return button

    def _add_shortcuts(self) -> None:
        actions = {
            "Esc": self.session.stop,
            "Ctrl+N": self._start_new,
            "Ctrl+R": self.session.retry,
            "Ctrl+Shift+C": self.chat_page.copy_last_reply,
            "Ctrl+J": self.chat_page.transcript.jump_to_latest,
            "Ctrl+L": self.chat_button.click,
            "F9": self.chat_page.panel_button.click,
            "Ctrl+1": self.chat_button.click,
            "Ctrl+,": self.settings_button.click,
            "Ctrl+Q": self.close,
        }
        for keys, action in actions.items():
            QShortcut(QKeySequence(keys), self).activated.connect(action)

    @Slot()
    def _start_new(self) -> None:
        self.show_page(self.pages.indexOf(self.chat_page))
        self.chat_page.start_new()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self.first_painted.emit)  # after this paint has reached the screen

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.chat_page.set_narrow(self.width() < PANEL_FOLDS_BELOW)
        if not self.isMaximized():
            self._store.change(width=self.width(), height=self.height())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Two steps: hide, save and ask the worker to end; once it has, the window is closed for good."""
        event.ignore()
        if not self._closing:
            self._closing = True
            self._store.change(maximized=self.isMaximized())
            self._store.save()
            self.hide()
            self.jobs.shut_down()

    @Slot()
    def _on_stopped(self) -> None:
        self.closed.emit()
