"""Teaching from the chat: a lesson trains the model in use on the corrections and replaces it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.chat.session import ChatSession
from i3desk.conversations.conversation import Conversation
from i3desk.paths import Paths
from i3desk.runs.controller import RunController
from i3desk.teach.correction_bar import CorrectionBar
from i3desk.teach.corrections import Corrections
from i3desk.teach.lesson import Lesson, LessonState
from i3desk.workers.background import BackgroundJobs


class TeachController(QObject):
    """Connects the chat, the corrections, the lesson and its bar.

    Signals:
        show_run_requested(folder): Emitted when the lesson's run is to be shown.
    """

    show_run_requested = Signal(str)

    def __init__(
        self,
        session: ChatSession,
        runs: RunController,
        background: BackgroundJobs,
        paths: Paths,
        use_model: Callable[[str | None], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._use_model = session, use_model
        self.corrections = Corrections(paths.corrections_file, self)
        self.lesson = Lesson(runs, background, paths.lessons_folder, self)
        self.bar = CorrectionBar()
        session.corrected.connect(self._on_corrected)
        session.model.changed.connect(self._show)
        session.model.ready.connect(self._on_model_ready)
        self.corrections.changed.connect(self._show)
        self.lesson.changed.connect(self._show)
        self.lesson.done.connect(self._on_done)
        self.bar.teach_requested.connect(self.teach)
        self.bar.stop_requested.connect(self.lesson.stop)
        self.bar.undo_requested.connect(self.undo)
        self.bar.close_requested.connect(self.lesson.forget)
        self.bar.remove_requested.connect(self.corrections.remove)
        self.bar.show_run_requested.connect(self._show_run)

    @Slot()
    def teach(self) -> None:
        """Teach all corrections to the model in use."""
        model = self._session.model
        if model.info is not None and self.corrections.entries and not self.lesson.is_running:
            self.lesson.start(self.corrections.entries, model.folder)

    @Slot()
    def undo(self) -> None:
        """Return to the model before the lesson; the corrections can be taught again."""
        self.corrections.mark(self.lesson.taught, "")
        self.lesson.forget()
        self._use_model(self.lesson.base)

    def shut_down(self) -> None:
        """Stop watching before the window closes; a running lesson ends by itself."""
        self.lesson.shut_down()

    @Slot(object, object, object)
    def _on_corrected(self, conversation: Conversation, number: int, old: int) -> None:
        if not conversation.temporary:
            self.corrections.add(conversation, number, old)

    @Slot(str)
    def _on_done(self, folder: str) -> None:
        self.corrections.mark(self.lesson.taught, Path(folder).parent.parent.name)
        self._use_model(folder)

    @Slot()
    def _on_model_ready(self) -> None:
        """Close the outcome of a lesson once another model is in use."""
        folder, taught = self._session.model.folder, self.lesson.folder
        is_taught = folder is not None and taught is not None and Path(folder).is_relative_to(taught)
        if self.lesson.state is LessonState.TAUGHT and not is_taught:
            self.lesson.forget()

    @Slot()
    def _show(self) -> None:
        info = self._session.model.info
        self.bar.show_state(self.lesson, self.corrections.untaught, info.name if info else "i3")

    @Slot()
    def _show_run(self) -> None:
        if self.lesson.folder is not None:
            self.show_run_requested.emit(str(self.lesson.folder))
