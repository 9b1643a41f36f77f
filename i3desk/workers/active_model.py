"""The model that answers: being loaded, ready, refused or unloaded."""

from __future__ import annotations

import enum
from collections import deque

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.workers.model_worker import ModelInfo, ModelJobs

WAITING = "waiting for its turn"


class ModelState(enum.Enum):
    """Where the model stands."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    NONE = "none"  # unloaded by the user


class ActiveModel(QObject):
    """Loads models, one after the other. What was asked of the one before, it still answers first.

    Attributes:
        state: where the model stands; READY also while another one is being loaded.
        info: the model; None without one.
        error: what and remedy of the last load that failed.
        stage: what the load that is under way does now; "" if none is.
        folder, precision: what is being loaded; else what is in use, or without a model what was tried last. The folder
            is None for the bundled model.
    Signals:
        ready(ModelInfo): another model answers from now on.
        refused(what, remedy): the model in `folder` could not be loaded; the one before stays.
        changed: any attribute is new.
    """

    ready = Signal(object)
    refused = Signal(str, str)
    changed = Signal()

    def __init__(self, jobs: ModelJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = ModelState.LOADING
        self.info: ModelInfo | None = None
        self.error = ("", "")
        self.stage = ""
        self.folder: str | None = None
        self.precision = "auto"
        self._asked: deque[tuple[str | None, str]] = deque()  # folder and precision of each load that is under way
        self._used: tuple[str | None, str] = (None, "auto")
        self._jobs = jobs
        jobs.model_ready.connect(self._on_ready)
        jobs.load_failed.connect(self._on_failed)
        jobs.load_progressed.connect(self._on_progressed)
        jobs.unloaded.connect(self._on_unloaded)

    @property
    def answers_now(self) -> bool:
        """Whether what is asked now is answered by this model, and not by one that is loaded first."""
        return self.info is not None and not self.stage

    def load(self, folder: str | None, precision: str = "auto") -> None:
        """Load a model folder, or the bundled model (None)."""
        self._asked.append((folder, precision))
        if self.info is None:
            self.state = ModelState.LOADING
        if not self.stage:
            self._begin_next()
        self._jobs.load(folder, precision)
        self.changed.emit()

    def load_again(self) -> None:
        """Try the last model once more."""
        self.load(self.folder, self.precision)

    def unload(self) -> None:
        """Give the model's memory back; replies that are under way are stopped."""
        self._jobs.cancel()
        self._jobs.unload()

    def _begin_next(self) -> None:
        if self._asked:
            (self.folder, self.precision), self.stage = self._asked[0], WAITING

    @Slot(object)
    def _on_ready(self, info: ModelInfo) -> None:
        self.folder, self.precision = self._used = self._asked.popleft()
        self.info, self.state = info, ModelState.READY
        self.stage = WAITING if self._asked else ""
        self.ready.emit(info)
        self._begin_next()
        self.changed.emit()

    @Slot(str, str)
    def _on_failed(self, what: str, remedy: str) -> None:
        self.folder, self.precision = self._asked.popleft()
        self.error = (what, remedy)
        self.stage = WAITING if self._asked else ""
        if self.info is None and not self._asked:
            self.state = ModelState.FAILED
        self.refused.emit(what, remedy)
        if self.info is not None:
            self.folder, self.precision = self._used
        self._begin_next()
        self.changed.emit()

    @Slot(str)
    def _on_progressed(self, stage: str) -> None:
        self.stage = stage
        self.changed.emit()

    @Slot()
    def _on_unloaded(self) -> None:
        self.info, self.state = None, ModelState.LOADING if self._asked else ModelState.NONE
        self.changed.emit()
