"""Start of the window: application, theme, single instance, signals between pages, and the end."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from i3core.errors import I3Error
from i3core.runs import index
from i3core.runs.reader import RunState, RunStatus
from i3core.system.files import read_file
from i3desk.chat.conversation_actions import ConversationActions
from i3desk.conversations.store import stand_in
from i3desk.conversations.store.backups import remove_copies
from i3desk.crash_report import CrashReporter, explain_missing_display, start_log, write_stderr
from i3desk.language import tr, translate_qt
from i3desk.paths import Paths
from i3desk.preferences import SettingsStore
from i3desk.single_instance import SingleInstance, StartRequest
from i3desk.style.icons import app_icon
from i3desk.style.motion import reduce_motion
from i3desk.style.theme import Theme
from i3desk.style.zoom import SCALES, start_factor
from i3desk.window.desktop_notice import DesktopNotice
from i3desk.window.help_menu import HelpMenu
from i3desk.window.main_window import MainWindow
from i3desk.window.model_menu import ModelMenu
from i3desk.window.opening import Opening
from i3desk.window.recently_deleted import RecentlyDeleted
from i3desk.window.services import Services
from i3desk.window.start_problems import show_start_error, wait_for_first
from i3desk.window.taskbar_progress import TaskbarProgress
from i3desk.workers.gc_control import GcControl
from i3desk.workers.model_worker import Loader, load_i3core

log = logging.getLogger(__name__)

# How long Python lets one thread run while another waits. Short, so that the window never waits long for the worker.
SWITCH_INTERVAL_S = 0.0005
UNEXPECTED = tr("Check that the disk is not full and that your home folder can be written, and start i3desk again.")


class Application(QObject):
    """The running program: services, window, and what connects them.

    `window.closed` is emitted once the window and the threads have ended.

    Attributes:
        wipe_at_end: whether `run` deletes all data after the window is closed.
    """

    def __init__(
        self,
        qt_app: QApplication,
        paths: Paths,
        model_folder: str | None = None,
        theme: str | None = None,
        loader: Loader = load_i3core,
        to_open: Sequence[Path] = (),
    ) -> None:
        super().__init__()
        self._model_folder = model_folder
        self._to_open = to_open
        self._started = time.time()
        self.wipe_at_end = False
        self.store = SettingsStore(paths.settings_file, self)
        self.theme = Theme(qt_app, theme or self.store.preferences.theme, self, with_style_sheet=False)
        reduce_motion(self.store.preferences.reduce_motion)
        self.services = Services(paths, self.store, self.theme, loader, self)
        self.model_worker = self.services.model_worker
        self.gc_control = GcControl(self)
        self.window = MainWindow(self.services)
        self.actions = ConversationActions(
            self.services.session, self.services.conversations, self.services.autosave, self.services.store,
            self.services.background, self.services.chat_page, self.window.toast, self.window.undo, self.window,
        )  # fmt: skip
        self.recently_deleted = RecentlyDeleted(self.services, self.actions, self.window.undo, self.window)
        self.model_menu = ModelMenu(self.services, self.window)
        self.model_menu.models_requested.connect(self.window.show_models)
        self.notice = DesktopNotice(self.window)
        self.notice.clicked.connect(self.window.come_to_front)
        self.taskbar = TaskbarProgress()
        self.help = HelpMenu(self.services, self.window)
        self.theme.apply()
        self.crash_reporter = CrashReporter(paths, self.window)
        self.model_worker.crashed.connect(self.crash_reporter.report)
        self.services.background.crashed.connect(self.crash_reporter.report)
        self.model_worker.model_ready.connect(self.gc_control.settle)
        self.services.session.busy_changed.connect(self._on_busy_changed)
        self.services.model.changed.connect(self._on_busy_changed)
        self.services.side_by_side.session.busy_changed.connect(self._on_busy_changed)
        self.services.side_by_side.model.changed.connect(self._on_busy_changed)
        self.services.side_by_side.worker.crashed.connect(self.crash_reporter.report)
        self.services.model.refused.connect(self._on_model_refused)
        self.services.autosave.failed.connect(self.actions.show_error)
        self.services.store_guard.said.connect(self._say)
        page = self.services.settings_page.data
        page.export_all_requested.connect(self.actions.export_all)
        page.delete_conversations_requested.connect(self.actions.delete_all)
        page.delete_everything_requested.connect(self._wipe)
        self._connect_training()
        self.opening = Opening(self.services, self.actions, self.window)
        self.window.first_painted.connect(self._begin)
        self.window.closed.connect(self.gc_control.release)

    def show(self) -> None:
        """Open the window; the model is loaded after the first paint."""
        if self.store.preferences.maximized:
            self.window.showMaximized()
        else:
            self.window.show()

    @Slot(object)
    def on_second_start(self, request: StartRequest) -> None:
        """Bring the window to the front; load the model and open the files that the second start names."""
        self.window.come_to_front()
        if request.model:
            self.services.use_model(request.model)
        self.opening.open(request.paths)

    @Slot()
    def run_python(self) -> None:
        """Do nothing, but in Python, which handles signals only while it runs."""

    @Slot()
    def _begin(self) -> None:
        preferences = self.store.preferences
        self.services.use_model(self._model_folder or preferences.model or None)
        self.services.start()
        self.opening.open(self._to_open)

    @Slot(str)
    def _say(self, text: str) -> None:
        if text:
            self.window.toast.show_message(text, ms=30_000)

    @Slot()
    def _on_busy_changed(self) -> None:
        second = self.services.side_by_side
        is_answering = self.services.session.any_busy or second.session.any_busy
        self.gc_control.set_busy(is_answering or bool(self.services.model.stage or second.model.stage))

    @Slot(str, str)
    def _on_model_refused(self, what: str, remedy: str) -> None:
        if self.services.model.info is not None:
            self.actions.show_error(
                what,
                tr("{remedy} {name} stays in use.").format(remedy=remedy, name=self.services.model.info.name).strip(),
            )
        elif self.services.model.precision != "auto":
            # It was saved on another machine, or another device was chosen since.
            self.store.change(precision="auto")
            self.services.use_model(self.services.model.folder, "auto")
        elif self._model_folder is None and self.store.preferences.model:
            # If the model used last is gone, the bundled one is better than none.
            self.store.change(model="")
            self.actions.show_error(what, tr("The bundled model is used instead."))
            self.services.use_model(None)

    # --------------------------------------------------------------------------------------------------- training

    def _connect_training(self) -> None:
        services, window = self.services, self.window
        services.training_jobs.crashed.connect(self.crash_reporter.report)
        services.runs.failed.connect(self.actions.show_error)
        services.runs.ended.connect(self._on_run_ended)
        services.runs.changed.connect(self._show_training)
        services.runs.changed.connect(self._find_run)
        window.status_bar.training_requested.connect(self._show_active_run)
        services.chat_page.welcome.teach_requested.connect(self._teach)
        services.train_page.chat_requested.connect(self._chat_with)
        services.train_page.curves.failed.connect(self.actions.show_error)
        services.train_page.curves.exported.connect(self._on_exported)
        services.teacher.show_run_requested.connect(self._show_run)
        services.teacher.corrections.failed.connect(self.actions.show_error)
        services.datasets.failed.connect(self.actions.show_error)
        page = services.runs_page
        page.chat_requested.connect(self._chat_with)
        page.open_requested.connect(self._show_run)
        page.again_requested.connect(self._train_again)
        page.train_requested.connect(window.show_training)

    @Slot(str)
    def _on_exported(self, path: str) -> None:
        self.window.toast.show_message(tr("Saved as {name}.").format(name=Path(path).name))

    @Slot()
    def _show_training(self) -> None:
        run = self.services.runs.active
        self.window.status_bar.show_training(run)
        share = run.step / run.total_steps if run is not None and run.total_steps else None
        self.taskbar.show(share)
        self.window.setWindowTitle("i3desk" if share is None else f"{share:.0%} · i3desk")  # seen in the task bar too

    @Slot()
    def _find_run(self) -> None:
        """Show a run that kept running while the window was closed. Called once."""
        self.services.runs.changed.disconnect(self._find_run)
        run, page = self.services.runs.active, self.services.train_page
        if run is not None and page.folder is None and run.started < self._started:
            page.show_run(run.folder)

    @Slot(str, object)
    def _on_run_ended(self, folder: str, status: RunStatus) -> None:
        run = self.services.runs.summary(folder)
        name = run.name if run else Path(folder).name
        words = {
            RunState.FINISHED: tr("“{name}” has finished training. Chat with it or keep it as a model."),
            RunState.INTERRUPTED: tr("“{name}” was stopped and saved."),
            RunState.FAILED: tr("“{name}” failed."),
            RunState.DIED: tr("“{name}” ended unexpectedly."),
        }.get(status.state)
        page = self.services.train_page
        in_view = self.window.pages.currentWidget() is page and page.folder == Path(folder)
        if words and not in_view:
            self.window.toast.show_message(words.format(name=name))
        if words:
            self.notice.show(name, words.format(name=name))
        self.services.catalog.refresh()

    @Slot(str)
    def _chat_with(self, folder: str) -> None:
        self.window.show_chat()
        self.services.chat_page.start_new()
        self.services.chat_with_run.start(folder)

    @Slot(str)
    def _show_run(self, folder: str) -> None:
        self.window.show_training()
        self.services.train_page.show_run(folder)

    @Slot(str)
    def _teach(self, sample: str) -> None:
        self.window.show_training()
        self.services.train_page.add_data([Path(sample)] if sample else [])

    @Slot()
    def _show_active_run(self) -> None:
        run = self.services.runs.active
        if run is not None:
            self._show_run(str(run.folder))

    @Slot(str)
    def _train_again(self, folder: str) -> None:
        run = self.services.runs.summary(folder)
        if run is not None:
            self.window.show_training()
            self.services.train_page.show_run(None)
            self.services.train_page.setup.show_config(run.config)

    @Slot()
    def _wipe(self) -> None:
        self.wipe_at_end = True
        self.window.close()


def create_qt_app(paths: Paths | None = None) -> QApplication:
    """Make the QApplication, named so that the system groups its windows and finds its icon.

    Args:
        paths: their settings hold the size of the interface.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    of_user = os.environ.get("QT_SCALE_FACTOR")
    os.environ["QT_SCALE_FACTOR"] = start_factor(saved_scale(paths))  # Qt reads it once, when the application is made
    with explain_missing_display():
        qt_app = QApplication(sys.argv[:1])
    if of_user is None:
        del os.environ["QT_SCALE_FACTOR"]  # the programs that i3desk starts are not meant
    else:
        os.environ["QT_SCALE_FACTOR"] = of_user
    translate_qt(qt_app)
    qt_app.setApplicationName("i3desk")
    qt_app.setApplicationDisplayName("i3desk")
    qt_app.setDesktopFileName("i3desk")
    qt_app.setWindowIcon(app_icon())
    qt_app.setQuitOnLastWindowClosed(False)  # the window hides first; the program ends once the worker has ended
    return qt_app


def saved_scale(paths: Paths | None) -> int:
    """Size of the interface that the user chose, in percent of the system's."""
    if paths is None:
        return 100
    try:
        scale = json.loads(read_file(paths.settings_file).decode("utf-8-sig")).get("scale")
    except (OSError, ValueError, AttributeError, RecursionError):
        return 100
    return scale if type(scale) is int and scale in SCALES else 100


def wipe(paths: Paths) -> None:
    """Delete everything that i3desk keeps: conversations, corrections, models, runs, settings and the log."""
    logging.shutdown()
    for path in (paths.models_folder, paths.runs_folder, paths.lessons_folder, paths.sets_folder):
        shutil.rmtree(path, ignore_errors=True)
    remove_copies(paths.conversations_file)
    for file in stand_in.stand_ins(paths.conversations_file):
        stand_in.remove(file)
    kept = (paths.conversations_file, paths.corrections_file, paths.settings_file, paths.training_file)
    for path in (*kept, index.list_file(), paths.log_file, paths.lock_file):
        for each in path.parent.glob(path.name + "*"):
            each.unlink(missing_ok=True)
        for folder in (path.parent, path.parent.parent):
            try:
                folder.rmdir()  # only if nothing else is in it
            except OSError:
                break


def run(model_folder: str | None, theme: str | None, to_open: Sequence[str] = ()) -> int:
    """Open the window, with the files and folders `to_open`; returns the exit status once it is closed."""
    if model_folder and os.path.exists(model_folder):
        model_folder = os.path.abspath(model_folder)  # a first instance may run in another folder
    request = StartRequest(model_folder or "", tuple(Path(os.path.abspath(path)) for path in to_open))
    paths = Paths.of_user()
    start_log(paths)
    qt_app = create_qt_app(paths)
    instance = SingleInstance(paths)
    if not instance.is_first:
        if instance.call_first(request):
            write_stderr("i3desk is already running; its window was brought to the front.\n")
            return 0
        write_stderr("i3desk is already running but not responding.\n")
        if not wait_for_first(instance, request):
            return 1
    try:
        app = Application(qt_app, paths, model_folder, theme, to_open=request.paths)
    except Exception as error:
        log.critical("i3desk cannot start", exc_info=True)
        details = traceback.format_exc()
        write_stderr(details)
        what, remedy = (error.what, error.remedy) if isinstance(error, I3Error) else (str(error), "")
        show_start_error(
            tr("i3desk cannot start: {what}").format(what=what or type(error).__name__),
            remedy or UNEXPECTED,
            paths,
            details,
        )
        instance.release()
        return 1
    instance.called.connect(app.on_second_start)
    app.crash_reporter.install()
    app.window.closed.connect(qt_app.quit)
    awake = QTimer(interval=200)
    awake.timeout.connect(app.run_python)
    awake.start()
    signal.signal(signal.SIGINT, lambda *_: app.window.close())
    signal.signal(signal.SIGTERM, lambda *_: app.window.close_unasked())
    app.show()
    status = qt_app.exec()
    app.crash_reporter.remove()
    instance.release()
    if app.wipe_at_end:
        wipe(paths)
    return status
