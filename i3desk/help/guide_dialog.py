"""Short guides: the first steps, and what a model can be trained on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QVBoxLayout, QWidget

from i3desk.language import tr
from i3desk.widgets.basics import button, column, column_in, label, named, row, scroll_page

WIDTH, HEIGHT = 520, 520
Sections = tuple[tuple[str, str], ...]

FIRST_STEPS: Sections = (
    (
        tr("Talk"),
        tr(
            "Write a message on the Chat page. i3-mini comes with i3desk: it is very small, good at everyday "
            "talk, simple "
            "facts and stories, and it can be wrong. Retry and Edit keep what was there before as a version."
        ),
    ),
    (
        tr("Look inside"),
        tr(
            "Ctrl+G shows each piece of a reply in the colour of its probability. Click a piece to see what "
            "else the model "
            "considered, and continue from there."
        ),
    ),
    (
        tr("Correct"),
        tr(
            "Click Correct under a reply and write what it should have said. Teach, above the message box, then "
            "trains the "
            "model on your corrections for about half a minute. Undo returns to the model before."
        ),
    ),
    (
        tr("Teach it your own text"),
        tr(
            "On the Train page, drop a file or choose a sample, and press Start. Curves and sample answers show "
            "what it "
            "learns. You can chat with it while it trains, and keep the result as a model of your own."
        ),
    ),
)
DATA: Sections = (
    (tr("Text"), tr("Any .txt or .md file: stories, letters, notes. The model learns to write like it.")),
    (
        tr("Questions and answers"),
        tr(
            "A table (.csv) with a question and an answer in each row, or a .jsonl file with prompt and "
            "completion in each "
            "line. The model learns to give your answers."
        ),
    ),
    (
        tr("Conversations"),
        tr(
            ".jsonl files with messages, and exports of other chat programs. The model learns the assistant's side, or "
            "that of a person whom you name."
        ),
    ),
    (
        tr("How much"),
        tr(
            "Forty questions are enough for a first effect, a few hundred for a voice of its own. i3-mini reads "
            "English "
            "in lower case; the card of each file says how much of it the model can't read."
        ),
    ),
    (tr("What stays private"), tr("Everything. Files are read where they are, and nothing leaves this computer.")),
)


class GuideDialog(QDialog):
    """A title, and a heading and a paragraph for each section."""

    def __init__(self, title: str, sections: Sections, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        parts: list[QVBoxLayout | None] = [
            column(label(heading, grade="name"), label(text, wrap=True, selectable=True), spacing=4)
            for heading, text in sections
        ]
        text = named(QWidget(), "backdropColumn")
        column_in(text, *parts, None, margins=(0, 0, 12, 0), spacing=16)
        self.close_button = button(tr("Close"), tr("Close this window (Esc)"), "primary")
        self.close_button.clicked.connect(self.accept)
        column_in(
            self, label(title, grade="title"), (scroll_page(text), 1), row(None, self.close_button),
            margins=(24, 24, 24, 24), spacing=16,
        )  # fmt: skip
        self.resize(WIDTH, HEIGHT)
