"""Cards in two columns, or in one if there is too little room."""

from __future__ import annotations

import itertools
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QEvent, QRect, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

TWO_COLUMNS_FROM = 744  # of the grid's width
GAP = 16
NARROW_BELOW = 460  # of a card
MOST_UNEVEN = 96  # pixels by which a card is stretched to be as high as its neighbour


@runtime_checkable
class FocusChain(Protocol):
    """A card that says in which order the Tab key moves through it."""

    def focus_chain(self) -> list[QWidget]: ...


@runtime_checkable
class Narrowable(Protocol):
    """A card that can be laid out for a narrow column."""

    def set_narrow(self, narrow: bool) -> None: ...


class CardGrid(QWidget):
    """Arranges cards from left to right. Those of a row are equally high, unless one is unfolded.

    It does not use Qt's layouts: nested ones squeeze cards whose height depends on their width.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[QWidget] = []

    @property
    def columns(self) -> int:
        """Number of cards side by side."""
        return 2 if self.width() >= TWO_COLUMNS_FROM else 1

    def show_cards(self, cards: list[QWidget]) -> None:
        """Show these cards, in this order."""
        if cards == self._cards:
            return
        self._cards = list(cards)
        for card in cards:
            if card.parent() is not self:
                card.setParent(self)
            if card.isHidden():
                card.show()
        self.arrange()
        chain = [widget for card in cards if isinstance(card, FocusChain) for widget in card.focus_chain()]
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    @Slot()
    def arrange(self) -> None:
        """Place all cards, and fit the height of the grid."""
        width = (self.width() - GAP * (self.columns - 1)) // self.columns
        for card in self._cards:
            if isinstance(card, Narrowable):
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
        if event.type() == QEvent.Type.LayoutRequest:  # the height of a card has changed
            self.arrange()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.arrange()


def _height(card: QWidget, width: int) -> int:
    layout = card.layout()
    assert layout is not None
    layout.activate()
    height = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
    return max(height, card.minimumHeight())
