"""Preview the chunks of the training data: learned ones highlighted, those only read dimmed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from i3desk.language import tr
from i3desk.style.icons import IconToolButton
from i3desk.style.palette import mix, tabular
from i3desk.tokens.layout import ChunkLayout, is_special
from i3desk.tokens.painter import ChunkPainter, metrics
from i3desk.tokens.style import tokens_in_use
from i3desk.widgets.basics import column_in, icon_button, label, row
from i3desk.widgets.plain_text import tooltip_text

MAX_LINES = 5
MAX_PAGES = 40
Token = tuple[str, bool, bool]  # text, whether it is learned, whether it is unknown


def pages_of(previews: Sequence[dict]) -> list[list[Token]]:
    """Split the previews of `i3core data` into pages, one per exchange: a sequence of a chat has several."""
    pages: list[list[Token]] = []
    for preview in previews:
        page: list[Token] = []
        learned_before = False
        for text, learned, unknown in preview.get("tokens", ()):
            if learned_before and not learned and not unknown:  # an unknown chunk is not learned, within a reply
                pages.append(page)
                page = []
            page.append((str(text), bool(learned), bool(unknown)))
            learned_before = learned or (unknown and learned_before)
        if page and (learned_before or not pages):
            pages.append(page)
    return pages[:MAX_PAGES]


class ChunkField(QWidget):
    """Chunks on at most MAX_LINES lines; longer text is cut off."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._measures = metrics()
        self.tokens: list[Token] = []
        self._is_odd: list[bool] = []
        self._layout = ChunkLayout(self._measures.advance, self._measures.badge_advance)
        self._fit_height()

    def show_tokens(self, tokens: list[Token]) -> None:
        """Show these chunks."""
        self.tokens = tokens
        self._is_odd = []
        for _, learned, _ in tokens:  # every second learned chunk, counted from the first one
            self._is_odd.append(learned and not (self._is_odd and self._is_odd[-1]))
        self._layout.show([text for text, _, _ in tokens], 0)
        self.setAccessibleDescription("".join(text for text, _, _ in tokens))
        self._fit_height()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._layout.set_width(max(32.0, self.width() - self._measures.advance("⏎"))):
            self._fit_height()

    def _fit_height(self) -> None:
        height = min(MAX_LINES, self._layout.line_count) * self._measures.pitch
        if height != self.height():
            self.setFixedHeight(height)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = tokens_in_use()
        fragments = self._layout.between(0, min(MAX_LINES, self._layout.line_count) - 1)
        well, bad_well = QColor(colours.accent_soft), QColor(mix(colours.surface, colours.bad, 0.16))
        text, muted, bad = QColor(colours.text), QColor(colours.muted), QColor(colours.bad)

        def filled(index: int) -> QColor | None:
            chunk, _, unknown = self.tokens[index]
            if unknown:
                return bad_well
            return well if self._is_odd[index] and not is_special(chunk) else None

        def ink(index: int) -> QColor:
            _, learned, unknown = self.tokens[index]
            return bad if unknown else text if learned else muted

        painter = ChunkPainter(self, self._measures, colours)
        painter.wells(fragments, filled)
        painter.text(fragments, ink)
        painter.end()


class Preview(QWidget):
    """Pages through what the model will see of a file."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pages: list[list[Token]] = []
        self.number = 0
        self.field = ChunkField()
        self.field.setAccessibleName(tr("What the model will see"))
        self.field.setToolTip(
            tooltip_text(
                tr(
                    "The exact tokens. Those in full colour are learned, dimmed ones are only read, red ones "
                    "are unknown."
                )
            )
        )
        self.place = tabular(label(tone="muted", grade="small"))
        self.back = self._arrow("left", tr("Previous example"), self._go_back)
        self.on = self._arrow("right", tr("Next example"), self._go_forward)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column_in(self, self.field, spacing=4)
        self.controls = row(self.back, self.place, self.on, spacing=2)

    def _arrow(self, icon: str, name: str, slot: Callable[[], None]) -> IconToolButton:
        made = icon_button(icon, name, look="leaf", size=14)
        made.clicked.connect(slot)
        return made

    def show_previews(self, previews: Sequence[dict]) -> None:
        """Show these previews, starting with the first."""
        pages = pages_of(previews)
        if pages != self.pages:
            self.pages, self.number = pages, 0
            self._show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Left:
            self._go_back()
        elif event.key() == Qt.Key.Key_Right:
            self._go_forward()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _go_back(self) -> None:
        self._go(-1)

    @Slot()
    def _go_forward(self) -> None:
        self._go(1)

    def _go(self, by: int) -> None:
        if self.pages:
            self.number = (self.number + by) % len(self.pages)
            self._show()

    def _show(self) -> None:
        self.field.show_tokens(self.pages[self.number] if self.pages else [])
        self.place.setText(f"{self.number + 1} / {len(self.pages)}")
        for part in (self.back, self.on, self.place):
            part.setVisible(len(self.pages) > 1)
