"""Windows for what prevents the start: a program started from a menu has no other place to say it."""

from __future__ import annotations

from PySide6.QtWidgets import QMessageBox

from i3desk.language import tr
from i3desk.paths import Paths
from i3desk.single_instance import SingleInstance, StartRequest

TITLE = "i3desk"


def show_start_error(what: str, remedy: str, paths: Paths, details: str = "") -> None:
    """Show why i3desk cannot start, and what to do."""
    box = QMessageBox(QMessageBox.Icon.Critical, TITLE, what)
    box.setInformativeText(tr("{remedy}\n\nThe log: {log_file}").format(remedy=remedy, log_file=paths.log_file).strip())
    box.setDetailedText(details)
    box.exec()


def wait_for_first(instance: SingleInstance, request: StartRequest) -> bool:
    """Ask what to do about a running i3desk that does not answer, until it does.

    Returns True if it was ended and this process has taken its place.
    """
    while True:
        box = QMessageBox(QMessageBox.Icon.Warning, TITLE, tr("i3desk is already running but not responding."))
        try_button = box.addButton(tr("Try again"), QMessageBox.ButtonRole.AcceptRole)
        end_button = box.addButton(tr("Quit it and start"), QMessageBox.ButtonRole.DestructiveRole)
        close_button = box.addButton(tr("Close"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(try_button)
        box.setEscapeButton(close_button)
        can_end = instance.can_end_first()
        end_button.setEnabled(can_end)
        box.setInformativeText(
            tr("It may be busy for a moment. If you quit it, saved chats are safe, and a training run continues.")
            if can_end
            else tr("It may be busy for a moment, or run on another computer that shares this folder: close it there.")
        )
        box.exec()
        chosen = box.clickedButton()
        if chosen is end_button:
            if instance.end_first():
                return True
        elif chosen is not try_button:
            return False
        elif instance.take():
            return True
        elif instance.call_first(request):
            return False
