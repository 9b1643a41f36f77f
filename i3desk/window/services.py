"""Build the services and pages of the window, connect them, and shut them down."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from PySide6.QtCore import QObject, QTimer, Slot

from i3core.errors import I3Error
from i3core.system import recently_deleted
from i3core.system.temporary import remove_abandoned
from i3desk.chat.autosave import Autosave
from i3desk.chat.conversation_list import ConversationList
from i3desk.chat.page import ChatPage
from i3desk.chat.sampling_panel import SamplingPanel
from i3desk.chat.session import ChatSession
from i3desk.chat.sidebar import Sidebar
from i3desk.conversations.conversation import ChatSettings
from i3desk.conversations.store import ConversationRow, Folder, Store, checkpoint, index_more
from i3desk.datasets.rows import Row, rows_of_messages
from i3desk.datasets.store import DatasetStore
from i3desk.models.catalog import Catalog
from i3desk.models.page import ModelsPage
from i3desk.paths import Paths
from i3desk.preferences import SettingsStore
from i3desk.runs.controller import RunController
from i3desk.runs.page import RunsPage
from i3desk.settings.page import SettingsPage
from i3desk.side_by_side.controller import SideBySide
from i3desk.style.theme import Theme
from i3desk.teach.controller import TeachController
from i3desk.training.page import TrainPage
from i3desk.window.chat_with_run import ChatWithRun
from i3desk.window.store_guard import StoreGuard
from i3desk.workers.active_model import ActiveModel
from i3desk.workers.api_server import ApiServer, is_installed
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.model_worker import Loader, ModelWorker

CHECKPOINT_EVERY_MS = 60_000
INDEX_AGAIN_MS = 50


class Services(QObject):
    """Jobs, stores and pages of the window."""

    def __init__(
        self, paths: Paths, settings: SettingsStore, theme: Theme, loader: Loader, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.paths, self.settings, self.theme = paths, settings, theme
        preferences = settings.preferences
        self.model_worker = ModelWorker(self, loader)
        self.background = BackgroundJobs(self)
        self._ending = False
        self.store_guard = StoreGuard(paths.conversations_file, self.background, self)
        self.store = self.store_guard.store

        self.autosave = Autosave(self.store, self)
        self.conversations = ConversationList(self.store, self.background, self)
        self.model = ActiveModel(self.model_worker, self)
        defaults = ChatSettings(preferences.sampling)
        self.session = ChatSession(self.model_worker, self.model, self.store, self.autosave, defaults, self)
        self.autosave.stored.connect(self.conversations.update)
        self.sidebar = Sidebar(self.conversations, theme)
        self.panel = SamplingPanel(settings)
        self.chat_page = ChatPage(self.session, self.sidebar, self.panel, settings, theme)
        self.catalog = Catalog(paths, self.background, preferences.own_folders, preferences.recent_models, self)
        self.models_page = ModelsPage(self.catalog, self.background, paths, theme, preferences.precision)
        self.server = ApiServer(self)
        self.settings_page = SettingsPage(settings, theme, paths, self.server)
        settings.changed.connect(self._serve)
        self.training_jobs = BackgroundJobs(self)
        self.runs = RunController(paths, self.training_jobs, self)
        self.datasets = DatasetStore(paths.sets_folder, self.training_jobs, self)
        self.train_page = TrainPage(self.runs, self.training_jobs, paths, self.datasets, theme)
        self.runs_page = RunsPage(self.runs, theme, self.training_jobs, paths.runs_folder)
        self.chat_with_run = ChatWithRun(self.runs, self.session, self.use_model, self)
        self.side_by_side = SideBySide(
            self.chat_page, self.store, self.autosave, settings, theme, loader, self.use_model, self
        )
        self.teacher = TeachController(self.session, self.runs, self.training_jobs, paths, self.use_model, self)
        self.chat_page.set_teach_bar(self.teacher.bar)
        self.train_page.setup.own.set_sources(self._corrected_rows, self._chat_rows)
        self._connect_models()
        self._connect_runs()
        self._checkpoint_timer = QTimer(self, interval=CHECKPOINT_EVERY_MS)
        self._checkpoint_timer.timeout.connect(self._checkpoint)
        self._checkpoint_timer.start()

    # ----------------------------------------------------------------------------------------- models

    def _connect_models(self) -> None:
        page, model = self.models_page, self.model
        page.use_requested.connect(self.use_model)
        page.unload_requested.connect(model.unload)
        page.precision_chosen.connect(self._on_precision)
        self.catalog.saved_changed.connect(self._on_kept)
        model.ready.connect(self._on_model_ready)
        model.refused.connect(self._on_model_refused)
        model.changed.connect(self._on_model_changed)

    @Slot(object, str)
    def use_model(self, folder: str | None, precision: str | None = None) -> None:
        """Load a model. The chat stays; the previous model answers until the new one is loaded."""
        self.model.load(folder, precision or self.settings.preferences.precision)

    @Slot(str)
    def _on_precision(self, precision: str) -> None:
        self.settings.change(precision=precision)
        if self.model.info is not None and not self.model.stage and self.model.info.precision != precision:
            self.use_model(self.model.folder, precision)

    @Slot()
    def _on_kept(self) -> None:
        self.settings.change(own_folders=self.catalog.own_folders, recent_models=self.catalog.recent_models)

    @Slot(object)
    def _on_model_ready(self, info) -> None:
        self.settings_page.gpu_card.show_unused(info.unusable_gpu)
        self.settings.change(model=self.model.folder or "")
        self._serve()
        self.catalog.remember_used(self.model.folder)
        self.models_page.show_loaded(self.model.folder, info.precision)
        if self.settings.preferences.precision == "auto":
            self.models_page.choose_precision(info.precision)

    @Slot()
    def _serve(self) -> None:
        """Start, change or stop the API server according to the preferences and the model."""
        preferences = self.settings.preferences
        if preferences.serve and is_installed() and not self._ending:
            if self.model.info is not None:
                self.server.start(preferences.model, preferences.serve_port)
        elif self.server.wanted:
            self.server.stop()

    @Slot(str, str)
    def _on_model_refused(self, what: str, remedy: str) -> None:
        self.models_page.show_load_failed(self.model.folder, what, remedy)

    @Slot()
    def _on_model_changed(self) -> None:
        if self.model.stage:
            self.models_page.show_loading(self.model.folder, self.model.stage)
        elif self.model.info is None:
            self.models_page.show_unloaded()

    def _connect_runs(self) -> None:
        self.train_page.exported.connect(self.catalog.refresh)
        self.catalog.changed.connect(self._show_base_models)

    @Slot()
    def _show_base_models(self) -> None:
        entries = [entry for entry in self.catalog.entries if entry.facts]
        self.train_page.setup.show_models(entries, self.model.folder)

    def _corrected_rows(self) -> list[Row]:
        """The user's corrections as rows of training data."""
        return [row for entry in self.teacher.corrections.entries for row in rows_of_messages(entry.messages)]

    def _chat_rows(self) -> list[Row]:
        """The exchanges of the open chat that are on screen."""
        path = self.session.conversation.path()
        return rows_of_messages([{"role": each.role, "content": each.shown_text} for each in path if each.ended])

    # ------------------------------------------------------------------------------------------------ start and end

    def start(self) -> None:
        """Read the lists. Call after the first paint."""
        self._read_list()
        self.store_guard.list_changed.connect(self._read_list)
        self.store_guard.status_changed.connect(self.sidebar.show_status)
        self.store_guard.broken.connect(self.conversations.failed)
        self.store_guard.start()
        self.catalog.refresh()
        self.models_page.downloads.find_interrupted()
        self.runs.refresh()
        self.datasets.refresh()
        self.teacher.corrections.load()
        self._index_more()
        for folder in (self.paths.models_folder, self.paths.runs_folder, self.paths.sets_folder):
            self.background.run(partial(recently_deleted.remove_old, folder), _ignore, _ignore)
        self.background.run(remove_abandoned, _ignore, _ignore)

    @Slot()
    def _read_list(self) -> None:
        self.background.run(partial(_read_rows, self.store), self._show_rows, self._on_unreadable)

    def _show_rows(self, read: tuple[list[ConversationRow], list[Folder]]) -> None:
        self.conversations.model.show(*read)
        self.sidebar.show_current(self.session.conversation.id)

    def _on_unreadable(self, error: I3Error) -> None:
        self.conversations.failed.emit(error.what, error.remedy)

    @Slot()
    def _checkpoint(self) -> None:
        if not self.session.any_busy:
            self.background.run(partial(self.store_guard.if_in_place, checkpoint), _ignore, _ignore)

    @Slot()
    def _index_more(self) -> None:
        """Complete the search index of an earlier version's database, in slices between other work."""
        if not self._ending:
            self.background.run(partial(self.store_guard.if_in_place, index_more), self._on_indexed, _ignore)

    def _on_indexed(self, more: bool | None) -> None:
        if more:
            QTimer.singleShot(INDEX_AGAIN_MS, self, self._index_more)

    def shut_down(self) -> None:
        """Save, and ask all threads to end."""
        self._ending = True
        self._checkpoint_timer.stop()
        self.store_guard.shut_down()
        self.panel.flush()
        self.side_by_side.shut_down()
        self.session.finish()
        self.settings.save()
        self.background.run(partial(self.store_guard.if_in_place, checkpoint), _ignore, _ignore)
        self.models_page.shut_down()
        self.server.shut_down()
        self.runs.shut_down()
        self.train_page.shut_down()
        self.teacher.shut_down()
        self.model_worker.shut_down()
        self.background.shut_down()
        self.training_jobs.shut_down()

    def close_store(self) -> None:
        """Close the database. Call after the threads have ended."""
        self.store_guard.close()


def _read_rows(store: Store) -> tuple[list[ConversationRow], list[Folder]]:
    """Read the conversations and folders of the list on its own connection, for a background thread."""
    with closing(Store(store.path, recover=False)) as own:
        return own.rows(), own.folders()


def _ignore(_result: object) -> None:
    """A failed checkpoint is repeated later."""
