"""Parts of the sidebar: the search field, the results of a search, and a note in place of an empty list."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QLineEdit, QToolButton, QWidget

from i3desk.chat.sidebar_delegates import HitDelegate, HitModel
from i3desk.conversations.store import Hit
from i3desk.language import tr, trn
from i3desk.style import icons
from i3desk.style.theme import Theme
from i3desk.widgets.basics import column_in, label
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.sectioned_list import PADDING, SIDE, SectionedList, heading_font


class SearchField(QLineEdit):
    """The search field; shows its shortcut while it is empty."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("search")
        self._theme = theme
        self.setPlaceholderText(tr("Search chats"))
        self.setAccessibleName(tr("Search chats"))
        self.setToolTip(tooltip_text(tr("Search titles and messages (Ctrl+K); Esc clears the search")))
        self._glass = self.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        self._clear = self.addAction(QIcon(), QLineEdit.ActionPosition.TrailingPosition)
        self._clear.setToolTip(tooltip_text(tr("Clear search (Esc)")))
        for action, name in ((self._glass, tr("Search")), (self._clear, tr("Clear search"))):
            for button in self.findChildren(QToolButton):
                if button.defaultAction() is action:
                    button.setAccessibleName(name)
        self._clear.triggered.connect(self.clear)
        self.textChanged.connect(self._show_clear)
        theme.changed.connect(self._tint)
        self._tint()
        self._show_clear()

    @Slot()
    def _tint(self) -> None:
        muted = QColor(self._theme.tokens.muted)
        self._glass.setIcon(icons.icon("search", muted, size=16))
        self._clear.setIcon(icons.icon("close", muted, size=16))

    @Slot()
    def _show_clear(self) -> None:
        self._clear.setVisible(bool(self.text()))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.text():
            painter = QPainter(self)
            painter.setPen(QColor(self._theme.tokens.muted))
            room = self.rect().adjusted(0, 0, -11, 0)
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "Ctrl+K")
            painter.end()


class NoConversationsNote(QWidget):
    """A note in place of an empty list."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icon = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self.text = label(tone="muted", grade="small", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column_in(self, self._icon, self.text, None, margins=(20, 48, 20, 16), spacing=12)
        self._name = ""
        theme.changed.connect(self._tint)

    def show_note(self, icon_name: str, text: str) -> None:
        """Show why the list is empty."""
        self._name = icon_name
        self.text.setText(text)
        self._tint()

    @Slot()
    def _tint(self) -> None:
        if self._name:
            colour = self._theme.tokens.muted
            self._icon.setPixmap(icons.pixmap(self._name, colour, 28, self.devicePixelRatioF()))


class HitsPage(QWidget):
    """The chats found by a search, below a heading with their number."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.heading = label(tone="muted")
        self.heading.setContentsMargins(SIDE + PADDING, 17, 0, 7)
        self.model = HitModel(self)
        self.list = SectionedList(self.model, HitDelegate(theme, self), theme)
        self.list.setAccessibleName(tr("Results"))
        column_in(self, self.heading, (self.list, 1))

    def show_hits(self, hits: list[Hit]) -> None:
        """Show other hits."""
        self.heading.setText(trn("1 RESULT", "{n} RESULTS", len(hits)))
        self.heading.setFont(heading_font(self.list.font()))
        self.model.show(hits)
