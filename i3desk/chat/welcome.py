"""The page of an empty chat: a welcome, or the error of a failed load."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QStackedLayout,
    QWidget,
)

from i3desk.style.icons import app_icon
from i3desk.widgets.basics import Notice, add, button, column_in, label, row

SUGGESTIONS = (
    "what can you do?", "tell me a story about a fox", "what is the capital of japan?", "i had a long day today",
)  # fmt: skip
WIDTH = 560


class WelcomePage(QWidget):
    """The page of a chat without messages.

    Signals:
        suggestion_chosen(text): Emitted when a suggestion is clicked.
        load_requested: Emitted when the model is to be loaded again.
    """

    suggestion_chosen = Signal(str)
    load_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._welcome())
        self._pages.addWidget(self._failure())

    def show_unloaded(self) -> None:
        """Show that the model was unloaded."""
        self.lead.setText("The model is unloaded. Send a message to load it again.")
        self._pages.setCurrentIndex(0)

    def show_loading(self) -> None:
        """Show that the model is loading."""
        self.lead.setText("Loading the model… You can start typing; i3 will reply as soon as it's ready.")
        self._pages.setCurrentIndex(0)

    def show_ready(self, bundled: bool) -> None:
        """Show the welcome of the bundled model, or of another one."""
        if bundled:
            self.lead.setText(
                "i3-mini is a very small model: good at everyday talk, simple facts and sums, stories, and what you "
                "tell it. It can be wrong. Nothing leaves this computer."
            )
        else:
            self.lead.setText(
                "A small language model that is entirely yours.\nIt runs on this computer; nothing leaves it."
            )
        self._pages.setCurrentIndex(0)

    def show_failed(self, what: str, remedy: str) -> None:
        """Show why the model could not be loaded, and a remedy."""
        self.failure.show_error(what, remedy)
        self._pages.setCurrentIndex(1)

    def _welcome(self) -> QWidget:
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(64, 64))
        picture.setAccessibleName("i3desk")
        title = label("Say something to i3", grade="hero")
        self.lead = label(tone="muted", wrap=True)
        self.lead.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.lead.setMinimumHeight(44)

        self.temporary_note = label("This chat isn't saved. It disappears when you leave it.", tone="warn")
        self.temporary_note.hide()

        grid = QGridLayout()
        grid.setSpacing(8)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        self.suggestions = []
        for position, text in enumerate(SUGGESTIONS):
            made = button(text, "Send this to i3", "suggestion", name=f"Say: {text}")
            made.setCursor(Qt.CursorShape.PointingHandCursor)
            made.clicked.connect(partial(self.suggestion_chosen.emit, text))
            self.suggestions.append(made)
            grid.addWidget(made, position // 2, position % 2)
        return _centred(picture, title, self.lead, self.temporary_note, grid)

    def _failure(self) -> QWidget:
        self.load_button = button("Try again", "Load the model again", "primary", name="Try again to load the model")
        self.load_button.clicked.connect(self.load_requested)
        self.failure = Notice(self.load_button)
        return _centred(label("The model could not be loaded", grade="title"), self.failure)


def _centred(*parts) -> QWidget:
    """Place widgets and layouts below each other in the middle of a page."""
    page, inside = QWidget(), QWidget()
    inside.setFixedWidth(WIDTH)
    column = column_in(inside, spacing=12)
    for part in parts:
        if isinstance(part, QLabel):
            column.addWidget(part, alignment=Qt.AlignmentFlag(0) if part.wordWrap() else Qt.AlignmentFlag.AlignHCenter)
        elif isinstance(part, QWidget):
            column.addWidget(part)
        else:
            add(column, 8, part)
    # Not an alignment: an aligned widget gets no height for its wrapped text.
    column_in(page, (None, 2), row(None, inside, None), (None, 3))
    return page
