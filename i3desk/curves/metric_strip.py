"""A row of metric cards, in pages if they do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import QRect, QSize, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from i3desk.curves.metric_card import MetricCard
from i3desk.curves.metrics import METRICS
from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.style.theme import Theme
from i3desk.widgets.plain_text import tooltip_text

CARD_WIDTH, GAP, MORE_WIDTH = 124, 12, 28
HEIGHT = 88


class MetricStrip(QWidget):
    """Cards by the key of their metric.

    Signals:
        chosen(key): emitted when a card was clicked.
        page_changed(): emitted when other cards became visible.
    """

    chosen = Signal(str)
    page_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cards: dict[str, MetricCard] = {}
        self._keys: tuple[str, ...] = ()
        self._page = 0
        self.setAccessibleName(tr("More curves of the run"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.more_button = IconToolButton(self)
        self.more_button.set_icon("right", size=16)
        self.more_button.setAccessibleName(tr("Further curves"))
        self.more_button.clicked.connect(self._turn_page)

    def show_keys(self, keys: Sequence[str]) -> None:
        """Show the cards of these metrics, in this order."""
        if tuple(keys) == self._keys:
            return
        self._keys = tuple(keys)
        for key in self._keys:
            if key not in self._cards:
                card = self._cards[key] = MetricCard(METRICS[key], self._theme, self)
                card.clicked.connect(partial(self.chosen.emit, key))
        self._arrange()

    @property
    def visible_cards(self) -> dict[str, MetricCard]:
        """The cards on the current page, in their order."""
        return {key: self._cards[key] for key in self._keys if not self._cards[key].isHidden()}

    def card(self, key: str) -> MetricCard:
        """The card of a metric that was shown already."""
        return self._cards[key]

    @Slot()
    def _turn_page(self) -> None:
        self._page += 1
        self._arrange()

    def _arrange(self) -> None:
        """Lay out cards of equal width; the button for further cards takes the rest."""
        width = self.width()
        fits = max(1, (width + GAP) // (CARD_WIDTH + GAP))
        paged = len(self._keys) > fits
        if paged:
            fits = max(1, (width - MORE_WIDTH) // (CARD_WIDTH + GAP))
        pages = max(1, -(-len(self._keys) // fits))
        self._page %= pages
        shown = self._keys[self._page * fits : (self._page + 1) * fits]
        columns = fits if paged else max(1, len(self._keys))
        room = width - (MORE_WIDTH + GAP if paged else 0) + GAP
        for key, card in self._cards.items():
            card.setVisible(key in shown)
        for number, key in enumerate(shown):
            left, right = round(number * room / columns), round((number + 1) * room / columns) - GAP
            self._cards[key].setGeometry(QRect(left, 0, right - left, self.height()))
        self.more_button.setVisible(paged)
        self.more_button.setGeometry(QRect(width - MORE_WIDTH, 0, MORE_WIDTH, self.height()))
        hidden = [METRICS[key].title for key in self._keys if key not in shown]
        self.more_button.setToolTip(tooltip_text(tr("Show {hidden}").format(hidden=", ".join(hidden))))
        for before, after in pairwise([*(self._cards[key] for key in shown), self.more_button]):
            QWidget.setTabOrder(before, after)
        self.page_changed.emit()

    def sizeHint(self) -> QSize:
        return QSize(4 * (CARD_WIDTH + GAP), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(CARD_WIDTH + GAP + MORE_WIDTH, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
