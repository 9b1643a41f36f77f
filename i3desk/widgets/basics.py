"""Small widgets and layouts that pages and cards share."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QEvent, QMimeData, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPalette, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

AnyWidget = TypeVar("AnyWidget", bound=QWidget)

HEADER_HEIGHT = 48
PAGE_MARGIN = 24
FRAME_MS = 40
LAP_FRAMES = 40  # of the busy bar, from left to right
RUNNER_SHARE = 0.3  # of the bar's width


class FileDropsPass:
    """Mixed into a text field: dropped or pasted files go to the window, never into the text as file:// addresses."""

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return not any(url.isLocalFile() for url in source.urls()) and super().canInsertFromMimeData(source)  # pyright: ignore[reportAttributeAccessIssue]


def named(widget: AnyWidget, name: str) -> AnyWidget:
    """Set the name by which the style sheet selects `widget`; returns the widget."""
    widget.setObjectName(name)
    return widget


def label(text: str = "", tone: str = "", grade: str = "", wrap: bool = False) -> QLabel:
    """A label with plain text, in a tone and grade of the style sheet."""
    made = QLabel(text, textFormat=Qt.TextFormat.PlainText, wordWrap=wrap)
    if tone:
        made.setProperty("tone", tone)
    if grade:
        made.setProperty("grade", grade)
    if wrap:
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        made.setSizePolicy(policy)
    return made


def set_tone(widget: QWidget, tone: str) -> None:
    """Change the tone of a widget's text."""
    if widget.property("tone") != tone:
        widget.setProperty("tone", tone)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def accept_escape(event: QEvent) -> bool:
    """Claim Esc for the widget before a shortcut of the window takes it; returns whether `event` asked for that."""
    is_escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
    if is_escape and event.type() == QEvent.Type.ShortcutOverride:
        event.accept()
        return True
    return False


def button(text: str, tooltip: str, kind: str = "") -> QPushButton:
    """A text button with tooltip and accessible name, in a kind of the style sheet."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    made.setToolTip(tooltip)
    made.setAccessibleName(text.rstrip("…"))
    made.setAccessibleDescription(tooltip)
    return made


def row(*parts: QWidget | None, spacing: int = 8) -> QHBoxLayout:
    """Widgets side by side; None is a stretch."""
    made = QHBoxLayout()
    made.setContentsMargins(0, 0, 0, 0)
    made.setSpacing(spacing)
    for part in parts:
        made.addStretch(1) if part is None else made.addWidget(part)
    return made


def scroll_page(content: QWidget) -> QScrollArea:
    """Let a page that is too high scroll; its width is that of the window."""
    made = named(QScrollArea(widgetResizable=True), "backdrop")
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setWidget(content)
    return made


def centred(content: QWidget, widest: int) -> QWidget:
    """Keep `content` in the middle of a wide page, at most `widest` pixels wide."""
    content.setMaximumWidth(widest)
    made = named(QWidget(), "backdropColumn")
    sides = row(None, content, None)
    sides.setStretch(1, 1000)
    sides.setContentsMargins(PAGE_MARGIN, 0, PAGE_MARGIN, 0)
    made.setLayout(sides)
    return made


def page_header(tools: QHBoxLayout) -> QFrame:
    """The bar above a page: its title and its tools."""
    made = named(QFrame(), "header")
    made.setFixedHeight(HEADER_HEIGHT)
    tools.setContentsMargins(PAGE_MARGIN, 0, 16, 0)
    made.setLayout(tools)
    return made


def column_in(widget: QWidget, *margins: int, spacing: int) -> QVBoxLayout:
    """Lay out `widget` from top to bottom."""
    made = QVBoxLayout(widget)
    made.setContentsMargins(*(margins or (0, 0, 0, 0)))
    made.setSpacing(spacing)
    return made


class BusyBar(QWidget):
    """An animated bar for work of unknown length."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(6)
        self._frame = 0
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._step)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _step(self) -> None:
        self._frame = (self._frame + 1) % LAP_FRAMES
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        runner = self.width() * RUNNER_SHARE
        left = (self.width() + runner) * self._frame / LAP_FRAMES - runner
        painter.setBrush(self.palette().color(QPalette.ColorRole.Accent))
        visible = QRectF(left, 0, runner, self.height()).intersected(QRectF(self.rect()))
        painter.drawRoundedRect(visible, 3, 3)


class Notice(QFrame):
    """An error, its remedy, and perhaps buttons.

    Signals:
        dismissed: Emitted when the user has closed it.
    """

    dismissed = Signal()

    def __init__(self, *buttons: QPushButton, dismissible: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("failure")
        self.what = label(tone="bad", wrap=True)
        self.remedy = label(wrap=True)
        for text in (self.what, self.remedy):
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column = column_in(self, 14, 10, 14, 12, spacing=6)
        column.addWidget(self.what)
        column.addWidget(self.remedy)
        self.buttons = list(buttons)
        if dismissible:
            close = button("Dismiss", "Hide this message")
            close.clicked.connect(self.dismissed)
            close.clicked.connect(self.hide)
            self.buttons.append(close)
        if self.buttons:
            column.addSpacing(2)
            column.addLayout(row(*self.buttons, None))
        self.hide()

    def show_error(self, what: str, remedy: str) -> None:
        """Show an error; hide the notice if `what` is empty."""
        self.what.setText(what)
        self.remedy.setText(remedy)
        self.remedy.setVisible(bool(remedy))
        self.setAccessibleName(f"{what} {remedy}".strip())
        self.setVisible(bool(what))


def quiet_button(text: str, tooltip: str) -> QPushButton:
    """A small text button for an action under a message."""
    made = button(text, tooltip, kind="quiet")
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made
