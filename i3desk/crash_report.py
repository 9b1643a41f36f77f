"""Log unexpected exceptions, and show a dialog with details to copy."""

from __future__ import annotations

import logging
import logging.handlers
import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import (
    QMessageLogContext,
    QObject,
    QtMsgType,
    Signal,
    Slot,
    qInstallMessageHandler,
    qVersion,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from i3core.version import __version__
from i3desk.language import tr
from i3desk.paths import Paths

log = logging.getLogger(__name__)
LOG_BYTES = 1_000_000
NO_DISPLAY = (
    "i3desk: no display can be used (see DISPLAY and WAYLAND_DISPLAY). In a terminal, chat with "
    f"`{'i3desk i3core' if getattr(sys, 'frozen', False) else 'i3core'} chat`.\n"
)
_QT_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def start_log(paths: Paths) -> None:
    """Log warnings and errors of Python and Qt to the log file, or to stderr if it is not writable.

    Logging never raises, whatever is full or closed.
    """
    logging.raiseExceptions = False
    try:
        paths.log_file.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = logging.handlers.RotatingFileHandler(
            paths.log_file, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True, errors="backslashreplace"
        )
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    qInstallMessageHandler(_log_qt_message)


def _log_qt_message(kind: QtMsgType, _context, message: str) -> None:
    logging.getLogger("qt").log(_QT_LEVELS.get(kind, logging.WARNING), message)
    if kind is not QtMsgType.QtDebugMsg:
        write_stderr(f"{message}\n")


@contextmanager
def explain_missing_display() -> Iterator[None]:
    """End the program with one line if Qt finds no display in this block, where it would abort."""
    held: list[tuple[QtMsgType, QMessageLogContext, str]] = []  # Qt says more before it fails

    def receive(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        if kind is QtMsgType.QtFatalMsg:
            for _, _, text in [*held, (kind, context, message)]:
                log.warning("%s", text)
            write_stderr(NO_DISPLAY)
            os._exit(1)
        held.append((kind, context, message))

    previous = qInstallMessageHandler(receive)
    try:
        yield
    finally:
        qInstallMessageHandler(previous)
        for kind, context, message in held:
            (previous or _log_qt_message)(kind, context, message)


def write_stderr(text: str) -> None:
    """Write to stderr if there is one: its reader may have ended, or its disk be full."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):  # also a closed file, and text that it cannot encode
        pass


def versions() -> str:
    """Versions of i3desk, Python, Qt and the system, for a report."""
    return f"i3desk {__version__}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"


class CrashReporter(QObject):
    """Reports unexpected exceptions of any thread.

    Signals:
        crashed(details): Emitted for each of them; `details` is the report to copy.
    """

    crashed = Signal(str)

    def __init__(self, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__()
        self._paths = paths
        self._parent = parent
        self._dialog: CrashDialog | None = None
        self.crashed.connect(self._show)

    def install(self) -> None:
        """Replace Python's own handler, which only prints."""
        sys.excepthook = self._on_exception

    def remove(self) -> None:
        """Restore Python's own handler."""
        sys.excepthook = sys.__excepthook__

    @Slot(str)
    def report(self, details: str) -> None:
        """Report a traceback caught elsewhere."""
        self.crashed.emit(f"{versions()}\n\n{details}")

    def _on_exception(self, kind, error, trace) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        log.critical("Unexpected exception\n%s", details)
        write_stderr(details)
        self.report(details)

    @Slot(str)
    def _show(self, details: str) -> None:
        if self._dialog is None or not self._dialog.isVisible():
            self._dialog = CrashDialog(details, self._paths, self._parent)
            self._dialog.open()


class CrashDialog(QDialog):
    """An error with details to copy. The program keeps running."""

    def __init__(self, details: str, paths: Paths, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("i3desk hit an error"))
        self.resize(640, 420)
        title = QLabel(tr("Something went wrong"))
        title.setProperty("grade", "title")
        lead = QLabel(tr("You can continue. If i3desk behaves strangely, start it again. "
                      "Nothing is sent anywhere. The details below help the developers to find the "
                      "cause."))  # fmt: skip
        lead.setWordWrap(True)
        where = QLabel(tr("Also in the log: {log_file}").format(log_file=paths.log_file))
        where.setWordWrap(True)
        where.setProperty("tone", "muted")
        where.setProperty("grade", "small")
        self.details = QPlainTextEdit(details, readOnly=True)
        self.details.setObjectName("details")
        self.details.setAccessibleName(tr("Details of the error"))
        self.copy_button = QPushButton(tr("Copy details"))
        self.copy_button.setAccessibleName(tr("Copy details"))
        self.copy_button.clicked.connect(self._copy)
        self.close_button = QPushButton(tr("Continue"))
        self.close_button.setProperty("kind", "primary")
        self.close_button.setAccessibleName(tr("Continue"))
        self.close_button.setDefault(True)
        self.close_button.clicked.connect(self.accept)

        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(12)
        for widget in (title, lead, self.details, where):
            column.addWidget(widget)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.copy_button)
        row.addWidget(self.close_button)
        column.addLayout(row)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
        self.copy_button.setText(tr("Copied"))
