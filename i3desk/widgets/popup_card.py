"""A card that floats above the other widgets of a window without taking the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRect, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QGraphicsDropShadowEffect, QWidget

EDGE = 8  # to the window's edges


class PopupCard(QFrame):
    """A child of the anchor's window, so that it needs no window system's help and never takes the focus.

    Signals:
        close_requested: Esc, a click elsewhere than on the anchor, or the window changed; whoever made it calls `end`.
    """

    close_requested = Signal()

    def __init__(self, anchor: QWidget) -> None:
        super().__init__(anchor.window())
        self._anchor = anchor
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(20)
        shadow.setOffset(0, 4)
        shadow.setColor(QColor(0, 0, 0, 70))
        self.setGraphicsEffect(shadow)
        self.hide()
        # Watches the application: Esc closes the card wherever the focus is.
        QApplication.instance().installEventFilter(self)

    def room(self) -> QRect:
        """Where in the window it may be."""
        return self.parentWidget().rect().adjusted(EDGE, EDGE, -EDGE, -EDGE)

    def fit(self, width: int) -> None:
        """Take the height that the content needs at this width."""
        self.ensurePolished()
        self.layout().activate()
        self.resize(width, max(self.layout().totalHeightForWidth(width), self.layout().totalMinimumSize().height()))

    def appear(self, x: int, y: int) -> None:
        """Show at this place of the window, or the nearest that lies inside it."""
        room = self.room()
        x = max(room.left(), min(x, room.right() - self.width()))
        self.move(x, max(room.top(), min(y, room.bottom() - self.height())))
        # A click would give the focus to what is underneath: let it stay where it is.
        self.setFocusProxy(QApplication.focusWidget() or self._anchor)
        self.show()
        self.raise_()

    def end(self) -> None:
        """Take it away for good."""
        QApplication.instance().removeEventFilter(self)
        self.hide()
        self.deleteLater()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # not for what is underneath

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride):
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
