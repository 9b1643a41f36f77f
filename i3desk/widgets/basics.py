"""Small widgets and layouts that pages and cards share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from PySide6.QtCore import QMimeData, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QPalette, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.style.motion import is_reduced
from i3desk.widgets.plain_text import tooltip_text, without_options

AnyWidget = TypeVar("AnyWidget", bound=QWidget)
AnyLayout = TypeVar("AnyLayout", bound=QBoxLayout)
Margins = tuple[int, int, int, int]  # left, top, right, bottom
Part = QWidget | QLayout | int | None | tuple[QWidget | QLayout | None, int]
NO_MARGINS = (0, 0, 0, 0)

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


def label(text: str = "", tone: str = "", grade: str = "", wrap: bool = False, selectable: bool = False) -> QLabel:
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
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def restyle(widget: QWidget, **properties: str | bool) -> None:
    """Change properties by which the style sheet selects `widget`, such as tone, kind or grade."""
    changed = {name: value for name, value in properties.items() if (widget.property(name) or "") != (value or "")}
    for name, value in changed.items():
        widget.setProperty(name, value)
    if changed:
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def button(text: str, tooltip: str, kind: str = "", name: str = "") -> QPushButton:
    """A text button in a kind of the style sheet; its accessible name is the text unless `name` says more."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    made.setToolTip(tooltip_text(tooltip))
    made.setAccessibleName(name or text.rstrip("…"))
    made.setAccessibleDescription(tooltip)
    return made


def icon_button(icon: str, name: str, tooltip: str = "", look: str = "", size: int = 18) -> IconToolButton:
    """A button with only an icon; `look` is its name in the style sheet, the tooltip is the name by default."""
    made = named(IconToolButton(), look)
    made.set_icon(icon, size=size)
    made.setAccessibleName(name)
    made.setToolTip(tooltip_text(tooltip or name))
    return made


def add(layout: QBoxLayout, *parts: Part) -> None:
    """Add widgets and layouts in their order. None is a stretch, a number a space; a pair has a stretch factor."""
    for part in parts:
        item, stretch = part if isinstance(part, tuple) else (part, 0)
        if isinstance(item, QWidget):
            layout.addWidget(item, stretch)
        elif isinstance(item, QLayout):
            layout.addLayout(item, stretch)
        elif item is None:
            layout.addStretch(stretch or 1)
        else:
            layout.addSpacing(item)


def row(*parts: Part, margins: Margins = NO_MARGINS, spacing: int = 8) -> QHBoxLayout:
    """Lay out parts from left to right; see `add`."""
    return _laid_out(QHBoxLayout(), parts, margins, spacing)


def row_in(widget: QWidget, *parts: Part, margins: Margins = NO_MARGINS, spacing: int = 8) -> QHBoxLayout:
    """Lay out `widget` from left to right; see `add`."""
    return _laid_out(QHBoxLayout(widget), parts, margins, spacing)


def column(*parts: Part, margins: Margins = NO_MARGINS, spacing: int = 0) -> QVBoxLayout:
    """Lay out parts from top to bottom; see `add`."""
    return _laid_out(QVBoxLayout(), parts, margins, spacing)


def column_in(widget: QWidget, *parts: Part, margins: Margins = NO_MARGINS, spacing: int = 0) -> QVBoxLayout:
    """Lay out `widget` from top to bottom; see `add`."""
    return _laid_out(QVBoxLayout(widget), parts, margins, spacing)


def _laid_out(layout: AnyLayout, parts: Sequence[Part], margins: Margins, spacing: int) -> AnyLayout:
    layout.setContentsMargins(*margins)
    layout.setSpacing(spacing)
    add(layout, *parts)
    return layout


def scroll_page(content: QWidget) -> QScrollArea:
    """Let a page that is too high scroll; its width is that of the window."""
    made = named(QScrollArea(widgetResizable=True), "backdrop")
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setWidget(content)
    return made


def scroll_column(name: str, content: QLayout) -> QScrollArea:
    """Let a column inside a card scroll."""
    made = QScrollArea(widgetResizable=True)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setAccessibleName(name)
    inside = named(QWidget(), "column")
    inside.setLayout(content)
    made.setWidget(inside)
    return made


def centred(content: QWidget, widest: int) -> QWidget:
    """Keep `content` in the middle of a wide page, at most `widest` pixels wide."""
    content.setMaximumWidth(widest)
    made = named(QWidget(), "backdropColumn")
    sides = row(None, (content, 1000), None, margins=(PAGE_MARGIN, 0, PAGE_MARGIN, 0))
    made.setLayout(sides)
    return made


def page_header(tools: QHBoxLayout) -> QFrame:
    """The bar above a page: its title and its tools."""
    made = named(QFrame(), "header")
    made.setFixedHeight(HEADER_HEIGHT)
    tools.setContentsMargins(PAGE_MARGIN, 0, 16, 0)
    made.setLayout(tools)
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
        if not is_reduced():
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
        if is_reduced():
            left = (self.width() - runner) / 2
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
        self.what = label(tone="bad", wrap=True, selectable=True)
        self.remedy = label(wrap=True, selectable=True)
        column = column_in(self, self.what, self.remedy, margins=(14, 10, 14, 12), spacing=6)
        self.buttons = list(buttons)
        if dismissible:
            close = button(tr("Dismiss"), tr("Hide this message"))
            close.clicked.connect(self.dismissed)
            close.clicked.connect(self.hide)
            self.buttons.append(close)
        if self.buttons:
            add(column, 2, row(*self.buttons, None))
        self.hide()

    def show_error(self, what: str, remedy: str) -> None:
        """Show an error; hide the notice if `what` is empty."""
        what, remedy = without_options(what), without_options(remedy)
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
