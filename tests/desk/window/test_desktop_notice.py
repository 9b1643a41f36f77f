"""A notice of the desktop when something ends while another window is in front."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from i3desk.window import desktop_notice
from i3desk.window.desktop_notice import DesktopNotice


class Tray(QObject):
    """The desktop's tray."""

    messageClicked, activated = Signal(), Signal()  # noqa: N815  as Qt has it
    shown: list[str] = []

    def __init__(self, _icon, parent) -> None:
        super().__init__(parent)
        self.visible = False

    @staticmethod
    def isSystemTrayAvailable() -> bool:
        return True

    supportsMessages = isSystemTrayAvailable  # noqa: N815

    def setToolTip(self, text: str) -> None: ...

    def show(self) -> None:
        self.visible = True

    def hide(self) -> None:
        self.visible = False

    def showMessage(self, title, text, _icon, _ms) -> None:
        Tray.shown.append(f"{title}: {text}")


@pytest.fixture
def window(qtbot, monkeypatch) -> QWidget:
    monkeypatch.setattr(desktop_notice, "QSystemTrayIcon", Tray)
    Tray.shown = []
    made = QWidget()
    qtbot.addWidget(made)
    return made


def test_notice_is_shown_only_while_another_window_is_in_front(window, qtbot):
    notice = DesktopNotice(window)
    notice.show("pirate", "has finished training")
    assert Tray.shown == ["pirate: has finished training"]
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    notice.show("pirate", "has finished again")
    assert len(Tray.shown) == 1


def test_click_on_a_notice_leads_to_the_window_and_takes_the_icon_away(window, qtbot):
    notice = DesktopNotice(window)
    notice.show("pirate", "failed")
    tray = notice.findChild(Tray)
    with qtbot.waitSignal(notice.clicked):
        tray.messageClicked.emit()
    assert not tray.visible
