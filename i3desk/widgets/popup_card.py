"""A card that floats above the other widgets of a window without taking the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsDropShadowEffect, QWidget

EDGE = 8  # to the window's edges


class PopupCard(QFrame):
    """A child of the anchor's window: it needs no window of its own and never takes the focus.

    Signals:
        close_requested: Emitted on Esc, on a click outside of card and anchor, and when the window changes. The owner
            then calls `end`.
    """

    close_requested = Signal()

    def __init__(self, anchor: QWidget) -> None:
        self._window = anchor.window()
        super().__init__(self._window)
        self._anchor = anchor
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(20)
        shadow.setOffset(0, 4)
        shadow.setColor(QColor(0, 0, 0, 70))
        self.setGraphicsEffect(shadow)
        self.hide()
        # An event filter of the application: Esc closes the card wherever the focus is.
        app = QApplication.instance()
        assert app is not None
        self._app = app
        self._app.installEventFilter(self)

    def room(self) -> QRect:
        """The area of the window where the card may be."""
        return self._window.rect().adjusted(EDGE, EDGE, -EDGE, -EDGE)

    def fit(self, width: int) -> None:
        """Set the width, and the height that the content needs."""
        self.ensurePolished()
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(width, max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height()))

    def appear(self, x: int, y: int) -> None:
        """Show the card at this place of the window, or at the nearest one inside."""
        room = self.room()
        x = max(room.left(), min(x, room.right() - self.width()))
        self.move(x, max(room.top(), min(y, room.bottom() - self.height())))
        # A click would move the focus to the widget underneath: keep it.
        self.setFocusProxy(QApplication.focusWidget() or self._anchor)
        self.show()
        self.raise_()

    def end(self) -> None:
        """Delete the card."""
        self._app.removeEventFilter(self)
        self.hide()
        self.deleteLater()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # not for the widget underneath

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QKeyEvent) and kind in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
            if event.key() != Qt.Key.Key_Escape or not self.isVisible():
                return False
            event.accept()
            if kind == QEvent.Type.KeyPress:
                self.close_requested.emit()
            return True
        if kind == QEvent.Type.MouseButtonPress and isinstance(watched, QWidget):
            if not any(widget is watched or widget.isAncestorOf(watched) for widget in (self, self._anchor)):
                self.close_requested.emit()
        elif watched is self.parent() and kind in (
            QEvent.Type.WindowDeactivate,
            QEvent.Type.Resize,
            QEvent.Type.Hide,
        ):
            self.close_requested.emit()
        return False
