"""Small cards with warnings and errors of a run, and a line about characters that a model cannot read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QLabel, QWidget

from i3core.text.chat_template import ChatTemplate
from i3core.text.unreadable import notice
from i3desk.widgets.basics import column_in, label, named
from i3desk.widgets.plain_text import without_options


class UnreadableNote(QWidget):
    """Which characters of some texts the model cannot read; hidden if it can read all, or if no model is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._template: ChatTemplate | None = None
        self._texts: tuple[str, ...] = ()
        self._label: QLabel = label(tone="warn", grade="small", wrap=True)
        column_in(self, self._label)
        self.hide()

    @property
    def text(self) -> str:
        """What is shown; "" if it is hidden."""
        return self._label.text()

    def set_template(self, template: ChatTemplate | None) -> None:
        """Judge by the vocabulary of this template."""
        self._template = template
        self.show_texts(*self._texts)

    def show_texts(self, *texts: str) -> None:
        """Say what is unreadable in these texts."""
        self._texts = texts
        found: Counter[str] = Counter()
        if self._template is not None:
            for text in texts:
                found += self._template.unreadable(text)
        self._label.setText(notice(found))
        self.setVisible(bool(found))


class Notices(QWidget):
    """Errors, then warnings, each with a remedy."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.shown: tuple[tuple[str, str, bool], ...] = ()
        self._column = column_in(self, spacing=8)
        self._notices: list[QFrame] = []
        self.hide()

    def show_notices(self, notices: Sequence[tuple[str, str, bool]]) -> None:
        """Show notices, given as (what, remedy, whether it is fatal)."""
        notices = tuple(dict.fromkeys(notices))
        if notices == self.shown:
            return
        self.shown = notices
        for old in self._notices:
            old.hide()
            old.deleteLater()
        self._notices = [self._notice(*each) for each in sorted(notices, key=lambda each: not each[2])]
        self.setVisible(bool(notices))

    def _notice(self, what: str, remedy: str, fatal: bool) -> QFrame:
        what, remedy = without_options(what), without_options(remedy)
        card = named(QFrame(), "failure" if fatal else "caution")
        card.setAccessibleName(f"{what} {remedy}".strip())
        column = column_in(
            card, label(what, "bad" if fatal else "warn", "small", wrap=True), margins=(12, 8, 12, 10), spacing=2
        )
        if remedy:
            column.addWidget(label(remedy, "", "small", wrap=True))
        self._column.addWidget(card)
        return card
