"""Small cards with warnings and errors of a run."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QWidget

from i3desk.widgets.basics import column_in, label, named


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
        for notice in self._notices:
            notice.hide()
            notice.deleteLater()
        self._notices = [self._notice(*each) for each in sorted(notices, key=lambda each: not each[2])]
        self.setVisible(bool(notices))

    def _notice(self, what: str, remedy: str, fatal: bool) -> QFrame:
        notice = named(QFrame(), "failure" if fatal else "caution")
        notice.setAccessibleName(f"{what} {remedy}".strip())
        column = column_in(
            notice, label(what, "bad" if fatal else "warn", "small", wrap=True), margins=(12, 8, 12, 10), spacing=2
        )
        if remedy:
            column.addWidget(label(remedy, "", "small", wrap=True))
        self._column.addWidget(notice)
        return notice
