"""What to send with a report of a problem: versions, and the end of the log."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from i3core.system.files import open_file
from i3desk.crash_report import versions
from i3desk.language import tr
from i3desk.widgets.basics import button, column_in, label, row
from i3desk.widgets.links import open_folder, open_link
from i3desk.widgets.long_text import LongText

WIDTH, HEIGHT = 640, 460
MOST_BYTES = 16_000  # of the log
PROBLEMS_PAGE = "https://github.com/i3desk/i3desk/issues"


class ReportDialog(QDialog):
    """Shows the text, copies it, and opens the page for problems. Nothing is sent.

    Attributes:
        details: the text.
    """

    def __init__(self, log_file: Path, state: str, parent: QWidget | None = None) -> None:
        """Show versions, the `state` of the program, and the end of the log."""
        super().__init__(parent)
        self.setWindowTitle(tr("Report a problem"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._log_file = log_file
        lead = label(
            tr(
                "Say what you did, what you expected and what happened, and add the text below. Nothing is sent "
                "by itself. "
                "Read the text first: it can hold names of your folders."
            ),
            wrap=True,
        )
        self.details = LongText(tr("Versions and the end of the log"))
        self.details.show_text(f"{versions()}\n{state}\n\n{_end_of(log_file)}")
        self.copy_button = button(tr("Copy"), tr("Copy this text"), "primary")
        self.copy_button.clicked.connect(self._copy)
        self.folder_button = button(tr("Open log folder"), tr("Show the log in your file manager"))
        self.folder_button.clicked.connect(self._open_folder)
        self.page_button = button(
            tr("Open the page for problems"),
            tr("Open {page} in your browser").format(page=PROBLEMS_PAGE),
        )
        self.page_button.clicked.connect(self._open_page)
        self.close_button = button(tr("Close"), tr("Close this window (Esc)"))
        self.close_button.clicked.connect(self.accept)
        buttons = row(self.folder_button, self.page_button, None, self.close_button, self.copy_button)
        column_in(
            self, label(tr("Report a problem"), grade="title"), lead, (self.details, 1), buttons,
            margins=(24, 24, 24, 24), spacing=12,
        )  # fmt: skip
        self.resize(WIDTH, HEIGHT)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
        self.copy_button.setText(tr("Copied"))

    @Slot()
    def _open_folder(self) -> None:
        open_folder(self._log_file.parent, self)

    @Slot()
    def _open_page(self) -> None:
        open_link(PROBLEMS_PAGE, self)


def _end_of(log_file: Path) -> str:
    """The last lines of the log."""
    try:
        with open_file(log_file) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return tr("The log is empty.")
    except OSError as error:
        return tr("The log cannot be read: {strerror}.").format(strerror=error.strerror)
    return "\n".join(lines[1:] if size > MOST_BYTES else lines) or tr("The log is empty.")
