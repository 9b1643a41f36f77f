"""A bar above the bottom of the window: a message and perhaps an action, such as Undo."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QAccessibleEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QPushButton, QWidget

from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.widgets.basics import label, row_in
from i3desk.widgets.plain_text import tooltip_text

SHOWN_MS = 8000
WIDEST = 520
MARGIN = 16
# Events of the widgets around it that move it.
MOVED_BY = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide)


def announce(widget: QWidget, text: str, alert: bool = False) -> None:
    """Let screen readers say `text` at once; with `alert`, also those that do not know announcements."""
    if alert:
        QAccessible.updateAccessibility(QAccessibleEvent(widget, QAccessible.Event.Alert))
    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, text))


class Toast(QFrame):
    """Shows one message at a time; a new one replaces the old one.

    It hides after a while, but not while the mouse is over it or it has the focus.

    Signals:
        closed(): Emitted when it is hidden, for any reason.
        covers(height): Emitted when it covers another height of what is below it; 0 when it is hidden.
    """

    closed = Signal()
    covers = Signal(int)

    def __init__(self, parent: QWidget, above: QWidget | None = None) -> None:
        """Place it at the bottom of `parent`, above `above` if that is visible."""
        super().__init__(parent)
        self.setObjectName("toast")
        self.hide()
        self._parent, self._above = parent, above
        self._callback: Callable[[], None] | None = None
        self._before: QWidget | None = None
        self._ms = 0
        self.text = label(wrap=True)
        self.action_button = QPushButton()
        self.action_button.clicked.connect(self.take_action)
        self.close_button = IconToolButton()
        self.close_button.setAccessibleName(tr("Close this message"))
        self.close_button.setToolTip(tooltip_text(tr("Close this message (Esc)")))
        self.close_button.set_icon("close", self.palette().ColorRole.Base, 16)
        self.close_button.clicked.connect(self.dismiss)
        self._row = row_in(self, (self.text, 1), self.action_button, self.close_button, margins=(16, 6, 6, 6))
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.dismiss)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)
        parent.installEventFilter(self)
        if above is not None:
            above.installEventFilter(self)

    def show_message(
        self, text: str, action: str | None = None, callback: Callable[[], None] | None = None, ms: int = SHOWN_MS
    ) -> None:
        """Show `text` for `ms` (0: until closed), with a button `action` that calls `callback`."""
        self._callback = callback
        self._ms = ms
        self.text.setText(text)
        self.action_button.setText(action or "")
        self.action_button.setToolTip(tooltip_text(tr("{action} (press Tab)").format(action=action) if action else ""))
        self.action_button.setVisible(bool(action))
        self.setAccessibleName(text)
        self._place()
        self.show()
        self.raise_()
        self.covers.emit(self.height() + MARGIN)
        announce(self, text, alert=True)
        self._wait()

    @Slot()
    def take_action(self) -> None:
        """Click the action button; does nothing if there is none."""
        callback, self._callback = self._callback, None
        if self.isVisible() and callback is not None:
            self.dismiss()
            callback()

    @Slot()
    def dismiss(self) -> None:
        """Hide it and return the focus to where it was."""
        if self.isHidden():
            return
        self._timer.stop()
        self._callback = None
        held = self._has_focus()
        self.hide()
        self.covers.emit(0)
        if held and self._before is not None and shiboken6.isValid(self._before):
            self._before.setFocus()
        self.closed.emit()

    def _wait(self) -> None:
        """Restart the time, or stop it while the mouse is over it or it has the focus."""
        if self._ms and not self.isHidden() and not self.underMouse() and not self._has_focus():
            self._timer.start(self._ms)
        else:
            self._timer.stop()

    def _has_focus(self) -> bool:
        focused = QApplication.focusWidget()
        return focused is not None and self.isAncestorOf(focused)

    def _place(self) -> None:
        """Center it at the bottom, as wide as the text needs and the parent allows."""
        parent = self._parent
        room = max(0, parent.width() - 2 * MARGIN)
        # The size hint of a wrapping label is narrow; the length of the text is the width that it should have.
        spare = self.text.fontMetrics().horizontalAdvance(self.text.text()) + 4
        self.text.setMinimumWidth(0)
        self.ensurePolished()
        self._row.activate()
        others = self._row.sizeHint().width() - self.text.sizeHint().width()
        width = min(room, WIDEST, others + spare)
        height = max(self._row.totalHeightForWidth(width), self._row.totalMinimumSize().height())
        bottom = parent.height()
        if self._above is not None and self._above.isVisibleTo(parent):
            bottom = self._above.mapTo(parent, QPoint(0, 0)).y()
        x, y = (parent.width() - width) // 2, bottom - height - MARGIN
        self.setGeometry(QRect(x, y, width, height))

    @Slot(QWidget, QWidget)
    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and self.isAncestorOf(new):
            if old is not None and not self.isAncestorOf(old):
                self._before = old
            self._timer.stop()
        elif old is not None and shiboken6.isValid(old) and self.isAncestorOf(old):
            self._wait()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in MOVED_BY and not self.isHidden():
            self._place()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self._wait()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)
