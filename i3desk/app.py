"""Puts the program together: application, colours, window and worker; loads the model after the first paint."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from i3desk.chat.session import ModelState
from i3desk.collector import Collector
from i3desk.crash import CrashReporter, start_log
from i3desk.icons import app_icon
from i3desk.jobs import ModelJobs, load_i3core
from i3desk.main_window import MainWindow
from i3desk.places import Places
from i3desk.settings.store import SettingsStore
from i3desk.theme import Theme

# How long Python lets one thread run while another waits: short, so that the window never waits long for the worker.
SWITCH_INTERVAL_S = 0.0005


class Desk(QObject):
    """The running program. `show` opens it, `window.closed` says that the window and the worker have ended."""

    def __init__(
        self,
        app: QApplication,
        places: Places,
        model_folder: str | None = None,
        theme: str | None = None,
        loader: Callable = load_i3core,
    ) -> None:
        super().__init__()
        self._model_folder = model_folder
        self.store = SettingsStore(places.settings_file, self)
        self.theme = Theme(app, theme or self.store.preferences.theme, self)
        self.jobs = ModelJobs(self, loader)
        self.collector = Collector(self)
        self.window = MainWindow(self.jobs, self.store, self.theme, places)
        self.crash_reporter = CrashReporter(places, self.window)
        self.jobs.crashed.connect(self.crash_reporter.report)
        self.jobs.model_ready.connect(self.collector.settle)
        self.window.session.state_changed.connect(self._on_state_changed)
        self.window.first_painted.connect(self._load_model)
        self.window.closed.connect(self.collector.release)

    def show(self) -> None:
        """Open the window; the model follows once it is painted."""
        if self.store.preferences.maximized:
            self.window.showMaximized()
        else:
            self.window.show()

    @Slot()
    def rest(self) -> None:
        """Does nothing, in Python."""

    @Slot()
    def _load_model(self) -> None:
        self.window.session.load(self._model_folder)

    @Slot()
    def _on_state_changed(self) -> None:
        session = self.window.session
        self.collector.set_busy(session.busy or session.model_state is ModelState.LOADING)


def create_application() -> QApplication:
    """The QApplication, named so that the system groups its windows and finds its icon."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("i3desk")
    app.setApplicationDisplayName("i3desk")
    app.setDesktopFileName("i3desk")
    app.setWindowIcon(app_icon())
    app.setQuitOnLastWindowClosed(False)  # the window hides first; the end comes when the worker has ended
    return app


def run(model_folder: str | None, theme: str | None) -> int:
    """Open the window and return the exit status once it is closed."""
    places = Places.of_user()
    start_log(places)
    app = create_application()
    desk = Desk(app, places, model_folder, theme)
    desk.crash_reporter.install()
    desk.window.closed.connect(app.quit)
    awake = QTimer(interval=200)  # Python looks at signals only when it has something to run
    awake.timeout.connect(desk.rest)
    awake.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: desk.window.close())
    desk.show()
    status = app.exec()
    desk.crash_reporter.remove()
    return status
