"""The dialog that checks for a newer version and links to its page. It installs nothing."""

from __future__ import annotations

from PySide6.QtCore import QDate, Qt, Slot
from PySide6.QtWidgets import QDialog, QWidget

from i3core.net.releases import host, is_web_page
from i3desk.help.update_check import Update, UpdateCheck
from i3desk.language import locale, tr
from i3desk.widgets.basics import BusyBar, Notice, button, column_in, label, row
from i3desk.widgets.links import open_link
from i3desk.widgets.long_text import LongText
from i3desk.widgets.plain_text import tooltip_text

WIDTH = 480
NOTES_HEIGHT = 200


class UpdatesDialog(QDialog):
    """Shows the progress and the result of an UpdateCheck, which outlives the dialog."""

    def __init__(self, check: UpdateCheck, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("New version"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.check = check
        self._update: Update | None = None
        check.found.connect(self.show_update)
        check.failed.connect(self._show_failed)

        self.title = label(grade="title", wrap=True)
        self.facts = label(tone="muted", wrap=True)
        self.busy = BusyBar()
        self.notice = Notice()
        self.notes = LongText(tr("What's new"), "news")
        self.notes.setFixedHeight(NOTES_HEIGHT)
        self.again_button = button(tr("Try again"), tr("Try again"), "primary")
        self.again_button.clicked.connect(self.check_now)
        self.open_button = button(tr("Open the download page"), tr("Open it in your browser"), "primary")
        self.open_button.clicked.connect(self._open_page)
        self.close_button = button(tr("Cancel"), tr("Close this window (Esc)"))
        self.close_button.clicked.connect(self.reject)
        self._column = column_in(
            self,
            self.title,
            self.facts,
            self.busy,
            self.notice,
            self.notes,
            None,
            4,
            row(None, self.close_button, self.again_button, self.open_button),
            margins=(24, 24, 24, 24),
            spacing=12,
        )
        self.setFixedWidth(WIDTH)

    @Slot()
    def check_now(self) -> None:
        """Start the check."""
        self._show(
            tr("Checking for updates…"), tr("Requesting the latest version from {host}.").format(host=host()), self.busy
        )
        self._name_close(tr("Cancel"), tr("Stop the check and close this window (Esc)"))
        self.check.start()

    @Slot(object)
    def show_update(self, update: Update) -> None:
        """Show the result of a check."""
        self._update = update
        if not update.newer:
            self._show(tr("i3desk {current} is up to date.").format(current=update.current), "")
            self._name_close(tr("Close"), tr("Close this window (Esc)"))
            return
        day = QDate.fromString(update.published, Qt.DateFormat.ISODate)
        published = (
            tr("Published on {day}. ").format(day=locale().toString(day, tr("d MMMM yyyy"))) if day.isValid() else ""
        )
        facts = tr("{published}You have {current}. Installing it keeps your chats, models and runs.").format(
            published=published, current=update.current
        )
        self.notes.show_text(update.notes)
        parts = (self.notes, self.open_button) if update.notes else (self.open_button,)
        self._show(tr("i3desk {version} is available").format(version=update.version), facts, *parts)
        self._name_close(tr("Cancel"), tr("Close this window and keep the version you have (Esc)"))
        self.open_button.setToolTip(tooltip_text(tr("Open {page} in your browser").format(page=update.page)))
        self.open_button.setFocus()

    @Slot(str)
    def _show_failed(self, what: str) -> None:
        error, point, remedy = what.partition(". ")
        self.notice.show_error(error + point.strip(), remedy)
        self._show(tr("Couldn't check for updates"), "", self.notice, self.again_button)
        self._name_close(tr("Close"), tr("Close this window (Esc)"))
        self.again_button.setFocus()

    def _show(self, title: str, facts: str, *parts: QWidget) -> None:
        """Show only these parts; the dialog fits their height."""
        self.title.setText(title)
        self.facts.setText(facts)
        self.facts.setVisible(bool(facts))
        for part in (self.busy, self.notice, self.notes, self.again_button, self.open_button):
            part.setVisible(part in parts)
        self.open_button.setDefault(self.open_button in parts)
        self.again_button.setDefault(self.again_button in parts)
        self.setAccessibleName(f"{title} {facts}".strip())
        self._column.activate()
        self.setFixedHeight(self._column.totalHeightForWidth(WIDTH))

    def _name_close(self, name: str, tooltip: str) -> None:
        self.close_button.setText(name)
        self.close_button.setAccessibleName(name)
        self.close_button.setToolTip(tooltip_text(tooltip))
        self.close_button.setFocus()

    @Slot()
    def _open_page(self) -> None:
        if self._update is not None and is_web_page(self._update.page):
            self.accept()
            open_link(self._update.page, self.parentWidget() or self)

    def done(self, result: int) -> None:
        self.check.cancel()
        super().done(result)
