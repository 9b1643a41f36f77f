"""The toast: what it says and does, and when it goes away."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from i3desk.style.theme import Theme
from i3desk.widgets import toast as toast_module
from i3desk.widgets.toast import Toast


@pytest.fixture
def window(qtbot, qapp) -> QWidget:
    """A window with something else that can have the focus."""
    Theme(qapp, "light")
    window = QWidget()
    qtbot.addWidget(window)
    window.edit = QLineEdit()
    QVBoxLayout(window).addWidget(window.edit)
    window.resize(800, 600)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    window.edit.setFocus()
    qtbot.waitUntil(window.edit.hasFocus)
    return window


@pytest.fixture
def toast(window) -> Toast:
    return Toast(window)


def test_action_runs_once_and_hides_toast(toast, qtbot):
    done = []
    toast.show_message("Deleted “The moon”", "Undo", lambda: done.append("undone"))
    assert toast.isVisible()
    assert toast.text.text() == "Deleted “The moon”"
    assert toast.action_button.text() == "Undo"

    with qtbot.waitSignal(toast.closed):
        qtbot.mouseClick(toast.action_button, Qt.MouseButton.LeftButton)
    assert done == ["undone"]
    assert not toast.isVisible()
    toast.take_action()
    assert done == ["undone"]


def test_action_may_show_next_message(toast, qtbot):
    toast.show_message("Deleted", "Undo", lambda: toast.show_message("Restored"))
    qtbot.mouseClick(toast.action_button, Qt.MouseButton.LeftButton)
    assert toast.isVisible()
    assert toast.text.text() == "Restored"


def test_toast_hides_by_itself(toast, qtbot):
    with qtbot.waitSignal(toast.closed):
        toast.show_message("Copied", ms=30)
    assert not toast.isVisible()


def test_new_message_replaces_old_one_and_its_action(toast, qtbot):
    done = []
    toast.show_message("Deleted one", "Undo", lambda: done.append(1))
    toast.show_message("Copied")
    assert toast.text.text() == "Copied"
    assert not toast.action_button.isVisible()
    toast.take_action()
    assert done == []
    assert toast.isVisible()


def test_focused_toast_stays_and_returns_focus(toast, window, qtbot):
    toast.show_message("Deleted", "Undo", ms=100)
    toast.action_button.setFocus()
    with qtbot.assertNotEmitted(toast.closed, wait=250):
        pass
    qtbot.keyClick(toast.action_button, Qt.Key.Key_Escape)
    assert not toast.isVisible()
    assert window.edit.hasFocus()


def test_time_restarts_when_toast_loses_focus(toast, window, qtbot):
    toast.show_message("Deleted", "Undo", ms=50)
    toast.action_button.setFocus()
    with qtbot.waitSignal(toast.closed):
        window.edit.setFocus()


def test_toast_stays_under_mouse(toast, window, qtbot):
    toast.show_message("Deleted", ms=100)
    qtbot.mouseMove(window, toast.geometry().center())
    qtbot.waitUntil(toast.underMouse)
    with qtbot.assertNotEmitted(toast.closed, wait=250):
        pass
    with qtbot.waitSignal(toast.closed):
        qtbot.mouseMove(window, QPoint(5, 5))


def test_esc_on_toast_does_not_reach_window(toast, window, qtbot):
    stopped = []
    window.keyPressEvent = stopped.append
    toast.show_message("Deleted", "Undo")
    toast.close_button.setFocus()
    qtbot.keyClick(toast.close_button, Qt.Key.Key_Escape)
    assert not toast.isVisible()
    assert stopped == []


def test_toast_stays_above_given_widget(window, qtbot):
    field = QWidget(window)
    field.setGeometry(0, window.height() - 90, window.width(), 90)
    toast = Toast(window, above=field)
    field.show()
    toast.show_message("Chat deleted.")
    assert toast.geometry().bottom() < field.y()
    field.setGeometry(0, window.height() - 180, window.width(), 180)
    assert toast.geometry().bottom() < field.y()
    field.hide()
    assert toast.geometry().bottom() > field.y() + 90


@pytest.mark.parametrize("text", ["Copied", "Deleted “" + "a long title " * 20 + "”"])
def test_toast_stays_at_bottom_inside_parent(toast, window, qtbot, text):
    toast.show_message(text, "Undo")
    for width in (800, 320, 640):
        window.resize(width, 500)
        qtbot.waitUntil(lambda width=width: abs(toast.geometry().center().x() - width / 2) <= 1)
        assert window.rect().contains(toast.geometry())
        assert toast.geometry().bottom() > 500 - 40
        needed = toast.text.heightForWidth(toast.text.width())
        assert toast.text.height() >= needed, "the text is clipped"
        assert toast.rect().contains(toast.close_button.geometry())


def test_screen_readers_hear_it(toast, monkeypatch):
    heard = []
    monkeypatch.setattr(toast_module.QAccessible, "updateAccessibility", heard.append)
    toast.show_message("Deleted “The moon”", "Undo")
    assert [event.type() for event in heard] == [QAccessible.Event.Alert, QAccessible.Event.Announcement]
    assert isinstance(heard[1], QAccessibleAnnouncementEvent)
    assert heard[1].message() == "Deleted “The moon”"

    spoken = QAccessible.queryAccessibleInterface(toast)
    assert spoken.text(QAccessible.Text.Name) == "Deleted “The moon”"
    assert toast.close_button.accessibleName() == "Close this message"
