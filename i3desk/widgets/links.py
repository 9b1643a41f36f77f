"""Open web pages and folders in other programs, and say so if no program can."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from i3desk.language import tr


def open_link(address: str, asker: QWidget) -> None:
    """Open an address in the browser; if that is impossible, copy it and say so."""
    _open(QUrl(address), address, tr("No program opened this link. It is copied, so you can paste it:"), asker)


def open_folder(folder: Path | str, asker: QWidget) -> None:
    """Show a folder in the file manager; if that is impossible, copy its path and say so."""
    _open(QUrl.fromLocalFile(str(folder)), str(folder), tr("No program opened this folder. Its path is copied:"), asker)


def _open(url: QUrl, text: str, failure: str, asker: QWidget) -> None:
    if QDesktopServices.openUrl(url):
        return
    QGuiApplication.clipboard().setText(text)
    box = QMessageBox(QMessageBox.Icon.Warning, "", failure, parent=asker.window())
    box.setInformativeText(text)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
