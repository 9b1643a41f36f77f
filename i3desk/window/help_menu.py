"""The Help menu in the rail, and the dialogs that it opens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QTimer, Slot
from PySide6.QtWidgets import QDialog, QMenu

from i3core.net.releases import switched_on
from i3desk.help.guide_dialog import DATA, FIRST_STEPS, GuideDialog, Sections
from i3desk.help.report_dialog import ReportDialog
from i3desk.help.update_check import Update, UpdateCheck, WeeklyCheck
from i3desk.language import tr
from i3desk.window.main_window import MainWindow
from i3desk.window.services import Services

if TYPE_CHECKING:
    from i3desk.help.updates_dialog import UpdatesDialog

SHOWN_MS = 30_000
GUIDES = {tr("Getting started"): FIRST_STEPS, tr("What can I train on?"): DATA}


class HelpMenu(QObject):
    """The Help menu. A dialog that is already open is brought to the front.

    Attributes:
        licences, updates: the open dialogs, or None.
        check: the check for updates that the user starts; `weekly` starts by itself.
    """

    def __init__(self, services: Services, window: MainWindow) -> None:
        super().__init__(window)
        self._services, self._window = services, window
        self.licences: QDialog | None = None
        self.updates: UpdatesDialog | None = None
        self.check = UpdateCheck(self)
        self.weekly = WeeklyCheck(services.settings, self)
        self.weekly.found.connect(self._on_newer)
        services.model.ready.connect(self.weekly.start)
        window.closed.connect(self._shut_down)

        self._dialogs: dict[str, QDialog] = {}
        self.menu = QMenu(window)
        for title, sections in GUIDES.items():
            self.menu.addAction(title).triggered.connect(partial(self.show_guide, title, sections))
        self.menu.addAction(tr("Keyboard shortcuts\tF1")).triggered.connect(
            partial(window.show_card, window.settings_page.shortcuts)
        )
        self.menu.addAction(tr("Licences…")).triggered.connect(self.show_licences)
        if switched_on():
            self.menu.addAction(tr("Check for updates…")).triggered.connect(self.look_for_updates)
        self.menu.addAction(tr("Report a problem…")).triggered.connect(self.report_problem)
        self.menu.addSeparator()
        self.menu.addAction(tr("About i3desk")).triggered.connect(partial(window.show_card, window.settings_page.about))
        window.help_button.clicked.connect(self.open)
        page = services.settings_page
        page.about.licences_requested.connect(self.show_licences)
        page.updates.requested.connect(self.look_for_updates)

    @Slot()
    def open(self) -> None:
        """Open the menu beside its button, level with the button's lower edge."""
        button = self._window.help_button
        corner = button.mapToGlobal(QPoint(button.width() + 4, button.height()))
        self.menu.popup(corner - QPoint(0, self.menu.sizeHint().height()))
        self.menu.setActiveAction(self.menu.actions()[0])

    def show_guide(self, title: str, sections: Sections) -> None:
        """Open a short guide."""
        self._show(title, lambda: GuideDialog(title, sections, self._window))

    @Slot()
    def report_problem(self) -> None:
        """Show versions and the end of the log, to be copied."""
        info = self._services.model.info
        state = f"{info.label}, {info.device}" if info is not None else tr("no model")
        self._show("report", lambda: ReportDialog(self._services.paths.log_file, state, self._window))

    def _show(self, name: str, make: Callable[[], QDialog]) -> None:
        dialog = self._dialogs.get(name)
        if dialog is None:
            dialog = self._dialogs[name] = make()
            dialog.finished.connect(lambda _result: self._dialogs.pop(name))
        _to_front(dialog)

    @Slot()
    def show_licences(self) -> None:
        """Open the list of licences."""
        if self.licences is None:
            from i3desk.help.licences_dialog import LicencesDialog  # imported here for a faster start

            self.licences = LicencesDialog(self._services.background, self._services.theme, self._window)
            self.licences.finished.connect(self._on_licences_closed)
        QTimer.singleShot(0, self.licences, partial(_to_front, self.licences))  # making and showing are two events

    @Slot()
    def look_for_updates(self) -> None:
        """Check for a newer version, and show the result."""
        dialog = self.updates
        if dialog is None:
            dialog = self._make_updates()
            dialog.check_now()
        _to_front(dialog)

    def show_update(self, update: Update) -> None:
        """Show a version that was already found."""
        dialog = self.updates
        if dialog is None:
            dialog = self._make_updates()
            dialog.show_update(update)
        _to_front(dialog)

    def _make_updates(self) -> UpdatesDialog:
        from i3desk.help.updates_dialog import UpdatesDialog

        dialog = self.updates = UpdatesDialog(self.check, self._window)
        dialog.finished.connect(self._on_updates_closed)
        return dialog

    @Slot(object)
    def _on_newer(self, update: Update) -> None:
        def show() -> None:
            self.show_update(update)

        self._window.toast.show_message(
            tr("i3desk {version} is available.").format(version=update.version), tr("What's new"), show, ms=SHOWN_MS
        )

    @Slot()
    def _on_licences_closed(self) -> None:
        self.licences = None

    @Slot()
    def _on_updates_closed(self) -> None:
        self.updates = None

    @Slot()
    def _shut_down(self) -> None:
        self.check.shut_down()
        self.weekly.shut_down()


def _to_front(dialog: QDialog) -> None:
    if dialog.isVisible():
        dialog.raise_()
        dialog.activateWindow()
    else:
        dialog.show()
