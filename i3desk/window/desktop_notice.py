"""Notifications of the desktop, for what happens while the window is not in front."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

SHOWN_MS = 20_000


class DesktopNotice(QObject):
    """Shows notices through an icon in the tray, which is there only as long as they are.

    Signals:
        clicked: Emitted when the user clicks a notice.
    """

    clicked = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._timer.timeout.connect(self.withdraw)

    def show(self, title: str, text: str) -> None:
        """Show a notice, and mark the window in the task bar; nothing if the window is in front."""
        if self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.messageClicked.connect(self._on_clicked)
            self._tray.activated.connect(self._on_clicked)
        self._tray.setToolTip("i3desk")
        self._tray.show()
        self._tray.showMessage(title, text, self._window.windowIcon(), SHOWN_MS)
        self._timer.start()

    @Slot()
    def withdraw(self) -> None:
        """Take the icon out of the tray."""
        self._timer.stop()
        if self._tray is not None:
            self._tray.hide()

    @Slot()
    def _on_clicked(self) -> None:
        self.withdraw()
        self.clicked.emit()
