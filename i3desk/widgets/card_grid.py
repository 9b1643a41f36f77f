"""Cards in two columns, or in one where room is short."""

from __future__ import annotations

import itertools

from PySide6.QtCore import QEvent, QRect, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

TWO_COLUMNS_FROM = 744  # of the grid's width
GAP = 16
NARROW_BELOW = 460  # of a card
MOST_UNEVEN = 96  # pixels by which a card is stretched to be as high as its neighbour


class CardGrid(QWidget):
    """Lays cards out from left to right. Those of a row are equally high, unless one is unfolded.

    Places them itself: Qt's nested layouts squeeze cards whose height depends on their width.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[QWidget] = []

    @property
    def columns(self) -> int:
        """How many cards are side by side."""
        return 2 if self.width() >= TWO_COLUMNS_FROM else 1

    def show_cards(self, cards: list[QWidget]) -> None:
        """Show these cards in this order."""
        if cards == self._cards:
            return
        self._cards = list(cards)
        for card in cards:
            if card.parent() is not self:
                card.setParent(self)
            if card.isHidden():
                card.show()
        self.arrange()
        chain = [widget for card in cards if hasattr(card, "focus_chain") for widget in card.focus_chain()]
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    @Slot()
    def arrange(self) -> None:
        """Put every card in its place."""
        width = (self.width() - GAP * (self.columns - 1)) // self.columns
        for card in self._cards:
            if hasattr(card, "set_narrow"):
                card.set_narrow(width < NARROW_BELOW)
        top = 0
        for start in range(0, len(self._cards), self.columns):
            cards = self._cards[start : start + self.columns]
            heights = [_height(card, width) for card in cards]
            for column, (card, height) in enumerate(zip(cards, heights, strict=True)):
                even = max(heights) - min(heights) <= MOST_UNEVEN
                card.setGeometry(QRect(column * (width + GAP), top, width, max(heights) if even else height))
            top += max(heights) + GAP
        self.setFixedHeight(max(0, top - GAP))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # a card has become higher or lower
            self.arrange()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.arrange()


def _height(card: QWidget, width: int) -> int:
    layout = card.layout()
    layout.activate()
    height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
    return max(height, card.minimumHeight())
