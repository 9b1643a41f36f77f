"""The page of an empty chat: a welcome, or the error of a failed load."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QSizePolicy, QStackedLayout, QWidget

from i3core.system import assets
from i3desk.language import tr
from i3desk.style.icons import app_icon
from i3desk.widgets.basics import Notice, add, button, column_in, label, named, row, scroll_page
from i3desk.widgets.plain_text import menu_text

SUGGESTIONS = (  # not translated: the bundled model reads English
    "What can you do?", "Tell me a story about a fox", "What is the capital of Japan?", "I had a long day today",
)  # fmt: skip
MOST_SAMPLES = 3
WIDTH = 640
LEAD = tr("A small language model that is entirely yours.\nIt runs on this computer; nothing leaves it.")
BUNDLED = tr("A very small model: good at everyday talk, simple facts and stories. It can be wrong.")
OTHER = tr("It answers on this computer, without the network.")
TEACH = tr("Watch it learn, in a minute or two. Take a sample or your own file.")
PICTURE_FROM = 460  # pixels of the page's height


class WelcomePage(QWidget):
    """The page of a chat without messages: what this is, and a card each for talking and for teaching.

    Signals:
        suggestion_chosen(text): Emitted when a suggestion is clicked.
        teach_requested(path): Emitted when the model is to be taught a sample; "" for a file of the user's.
        load_requested: Emitted when the model is to be loaded again.
    """

    suggestion_chosen = Signal(str)
    teach_requested = Signal(str)
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
        self._show(tr("The model is unloaded. Send a message to load it again."))

    def show_loading(self) -> None:
        """Show that the model is loading."""
        self._show(tr("Loading the model… You can start typing; i3 will reply as soon as it's ready."))

    def show_ready(self, name: str, bundled: bool) -> None:
        """Show the welcome of the bundled model, or of another one."""
        self.title.setText(tr("Say something to {name}").format(name=name))
        self._talk_title.setText(tr("Talk to {name}").format(name=name))
        self._talk_text.setText(BUNDLED if bundled else OTHER)
        self._show(LEAD)

    def _show(self, lead: str) -> None:
        self.lead.setText(lead)
        self._pages.setCurrentIndex(0)

    def show_failed(self, what: str, remedy: str) -> None:
        """Show why the model could not be loaded, and a remedy."""
        self.failure.show_error(what, remedy)
        self._pages.setCurrentIndex(1)

    def _welcome(self) -> QWidget:
        self._picture = QLabel()
        self._picture.setPixmap(app_icon().pixmap(56, 56))
        self._picture.setAccessibleName("i3desk")
        self.title = label(tr("Say something to i3"), grade="hero")
        self.lead = label(tone="muted", wrap=True)
        self.lead.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.temporary_note = label(tr("This chat isn't saved. It disappears when you leave it."), tone="warn")
        self.temporary_note.hide()

        self._talk_title, self._talk_text = (
            label(tr("Talk to i3"), grade="name"),
            label(tone="muted", grade="small", wrap=True),
        )
        self.suggestions = [
            self._choice(text, tr("Send this to i3"), tr("Say: {text}").format(text=text)) for text in SUGGESTIONS
        ]
        for made in self.suggestions:
            made.clicked.connect(partial(self.suggestion_chosen.emit, made.text()))
        self.lessons = []
        for each in assets.sample_sets()[:MOST_SAMPLES]:
            made = self._choice(
                menu_text(each["title"]), each.get("description", ""), tr("Teach: {title}").format(title=each["title"])
            )
            made.clicked.connect(partial(self.teach_requested.emit, each["file"]))
            self.lessons.append(made)
        own = self._choice(tr("Your own text…"), tr("Choose files on the Train page"), tr("Teach: your own text"))
        own.clicked.connect(partial(self.teach_requested.emit, ""))
        self.lessons.append(own)
        talk = _card(self._talk_title, self._talk_text, self.suggestions)
        teach = _card(
            label(tr("Teach it your own text"), grade="name"), label(TEACH, "muted", "small", wrap=True), self.lessons
        )
        cards = row((talk, 1), (teach, 1), spacing=16)
        page = named(_centred(self._picture, self.title, self.lead, self.temporary_note, cards), "column")
        scroll = scroll_page(page)
        scroll.setObjectName("")  # the colour of the chat, not of a backdrop
        return scroll

    @staticmethod
    def _choice(text: str, tooltip: str, name: str) -> QPushButton:
        made = button(text, tooltip, "suggestion", name)
        made.setCursor(Qt.CursorShape.PointingHandCursor)
        made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        return made

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._picture.setVisible(self.height() >= PICTURE_FROM)

    def _failure(self) -> QWidget:
        self.load_button = button(
            tr("Try again"), tr("Load the model again"), "primary", name=tr("Try again to load the model")
        )
        self.load_button.clicked.connect(self.load_requested)
        self.failure = Notice(self.load_button)
        return _centred(label(tr("The model could not be loaded"), grade="title"), self.failure)


def _card(title: QLabel, text: QLabel, choices: list[QPushButton]) -> QFrame:
    made = named(QFrame(), "card")
    made.setAccessibleName(tr("Choices"))
    column_in(made, title, text, 6, *choices, None, margins=(16, 14, 16, 16), spacing=6)
    return made


def _centred(*parts) -> QWidget:
    """Place widgets and layouts below each other in the middle of a page."""
    page, inside = QWidget(), QWidget()
    inside.setMaximumWidth(WIDTH)
    column = column_in(inside, spacing=12)
    for part in parts:
        if isinstance(part, QLabel):
            column.addWidget(part, alignment=Qt.AlignmentFlag(0) if part.wordWrap() else Qt.AlignmentFlag.AlignHCenter)
        elif isinstance(part, QWidget):
            column.addWidget(part)
        else:
            add(column, 8, part)
    # Not an alignment: an aligned widget gets no height for its wrapped text.
    column_in(page, (None, 2), row(None, (inside, 1000), None, margins=(16, 0, 16, 0)), (None, 3))
    return page
